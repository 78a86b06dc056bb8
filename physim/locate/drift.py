r"""Where finite-size locations drift to as the number of sites N grows.

    p(N) = p_c + c_1 N^-d + c_2 N^-2d + ...        generalised least squares with the covariance of the locations

| location | d |
| --- | --- |
| crossing of Binder cumulants of N and N' | 1/nu + w (Curie-Weiss: 1/2 + 1/2) |
| peak of susceptibility or specific heat, continuous transition | 1/nu-bar (mean field: 1/2) |
| peak of the specific heat, point of equal weights, first-order transition | 1 |

Sources: Binder 1981; Hasenbusch 2010 (crossings); Lee & Kosterlitz 1991 (first order).
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import least_squares
from scipy.special import chdtrc

from analytic.transition import Transition

POOR = 1e-3


def extrapolated(
    sizes, points, drift: float | None, *, terms: int = 1, covariance=None, object="", kind=""
) -> Transition:
    """The limit of locations at several sizes.

    Parameters
    ----------
    sizes : N of each location.  points : their Transitions, at least as many as there are coefficients.
    drift : exponent d; None fits it (one term).  terms : how many powers.
    covariance : of the values, (points, points); None for independent ones.
    object, kind : of the answer; the first point's where empty.

    Returns
    -------
    Transition; "tentative" where chi^2 has a p-value below 1e-3 or a location was tentative; "unresolved" or "none",
    with the sentence of the first location that has no value, or for too few sizes.

    Raises
    ------
    ValueError for lengths that differ, or a drift and terms that are not positive.
    """
    sizes, points = np.asarray(sizes, dtype=float), tuple(points)
    if sizes.shape != (len(points),) or not len(points):
        raise ValueError(f"sizes: {sizes.size} given for {len(points)} locations; one each is needed")
    if terms < 1 or (drift is not None and not drift > 0):
        raise ValueError(f"drift, terms: {drift}, {terms} given; both must be positive")
    terms = 1 if drift is None else terms
    known: dict = {"kind": kind or points[0].kind, "object": object or points[0].object}
    known |= {"parameter": points[0].parameter, "method": f"{points[0].method}, extrapolated"}
    for size, point in zip(sizes, points, strict=True):
        if not point.found:
            return Transition(**known, status=point.status, reason=f"size {size:g}: {point.reason}")
    need = terms + 1 + (drift is None)
    if len(np.unique(sizes)) < need:
        reason = f"{len(np.unique(sizes))} sizes given; {need} are needed to extrapolate their drift"
        return Transition(**known, status="unresolved", reason=reason)
    y, e = (np.array([getattr(p, name) for p in points], dtype=float) for name in ("value", "stderr"))
    value, stderr, square = _fitted(sizes, y, np.diag(e**2) if covariance is None else covariance, drift, terms)
    dof = len(points) - need
    poor = dof > 0 and chdtrc(dof, square) < POOR
    doubt = next((f"size {n:g}: {p.reason}" for n, p in zip(sizes, points, strict=True) if p.status != "estimated"), "")
    reason = f"the drift is no power of N: chi^2/dof = {square:.1f}/{dof}" if poor else doubt
    bracket = (float(min(y.min(), value)), float(max(y.max(), value)))
    status = "tentative" if reason else "estimated"
    return Transition(**known, value=value, stderr=stderr, bracket=bracket, status=status, reason=reason)


def _fitted(sizes, y, covariance, drift, terms):
    """(p_c, its standard error, chi^2)."""
    white = np.linalg.inv(np.linalg.cholesky(covariance))
    ratio = sizes / sizes.min()

    def design(power):
        return ratio[:, None] ** (-power * np.arange(terms + 1))

    if drift is not None:
        rows = white @ design(drift)
        fit, *_ = np.linalg.lstsq(rows, white @ y, rcond=None)
        square = float(np.sum((rows @ fit - white @ y) ** 2))
        return float(fit[0]), float(np.sqrt(np.linalg.inv(rows.T @ rows)[0, 0])), square
    start = [y[-1], y[0] - y[-1], 1.0]
    scale = np.maximum(np.abs(start), np.sqrt(np.diag(covariance)).min())
    fit = least_squares(lambda u: white @ (design(u[2]) @ u[:2] - y), start, x_scale=scale)
    return float(fit.x[0]), float(np.sqrt(np.linalg.pinv(fit.jac.T @ fit.jac)[0, 0])), float(2 * fit.cost)
