r"""Crossings of Binder cumulants of successive sizes, and where they drift to.

    U4(N, p) = U* + a (p - p_c) N^(1/nu) + b N^-w      =>      p_x(N, N') = p_c + c N^-(1/nu + w)

Curie-Weiss: 1/nu + w = 1/2 + 1/2 = 1.  The drift exponent is given or, from four crossings on, fitted.
Sources: Binder 1981; Hasenbusch 2010 (corrections to crossings).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.optimize import least_squares

from analytic.transition import Transition
from physim.locate.curves import crossing
from physim.locate.moment import Moments


def binder_crossings(data: Moments, *, drift: float | None = 1.0, parameter: str = "p"):
    """The crossings of successive sizes and their limit.

    Parameters
    ----------
    data : moments of at least three sizes at the same parameters for each pair of successive sizes.
    drift : exponent of N in the drift; None fits it (at least four crossings).

    Returns
    -------
    (limit, crossings): Transition of the critical point; tuple of the crossings' Transitions, one for each pair.
    """
    sizes = np.unique(data.size)
    known: dict = {
        "kind": "critical point",
        "object": "binder",
        "parameter": parameter,
        "method": "crossings, extrapolated",
    }
    if len(sizes) < 3 + (drift is None) * 2:
        reason = f"{len(sizes)} sizes given; {3 if drift else 5} are needed to extrapolate the drift of crossings"
        return Transition(**known, status="unresolved", reason=reason), ()
    found = tuple(_pair(data, one, two, parameter) for one, two in pairwise(sizes))
    if any(not c.found for c in found):
        bad = next(k for k, c in enumerate(found) if not c.found)
        reason = f"sizes {sizes[bad]:g} and {sizes[bad + 1]:g}: {found[bad].reason}"
        return Transition(**known, status=found[bad].status, reason=reason), found
    return _limit(known, sizes, found, drift), found


def _pair(data, one, two, parameter):
    """Where the difference of two sizes vanishes."""
    value, stderr = data.observable("binder")
    rows = []
    for size in (one, two):
        at = data.size == size
        order = np.argsort(data.parameter[at])
        rows.append((data.parameter[at][order], value[at][order], stderr[at][order]))
    shared = np.intersect1d(rows[0][0], rows[1][0])
    if len(shared) < 6:
        reason = f"sizes {one:g} and {two:g} share {len(shared)} parameters; at least 6 are needed"
        return Transition("crossing", "binder", parameter, status="unresolved", reason=reason)
    (a, da), (b, db) = ((y[np.isin(p, shared)], e[np.isin(p, shared)]) for p, y, e in rows)
    return crossing(shared, b - a, np.hypot(da, db), 0.0, object="binder", parameter=parameter)


def _limit(known, sizes, found, drift):
    """p_c from weighted least squares of p_c + c N^-drift, with the errors of neighbours correlated by their size."""
    n, y = sizes[:-1], np.array([c.value for c in found], dtype=float)
    e = np.array([c.stderr for c in found], dtype=float)
    correlation = np.eye(len(n)) - 0.25 * (np.eye(len(n), k=1) + np.eye(len(n), k=-1))
    white = np.linalg.inv(np.linalg.cholesky(correlation * np.outer(e, e)))
    scale = (n / n[0]) ** -1.0

    def model(theta):
        power = drift if drift is not None else theta[2]
        return white @ (theta[0] + theta[1] * scale**power - y)

    start = [y[-1], y[0] - y[-1], 1.0][: 2 + (drift is None)]
    fit = least_squares(model, start, x_scale=np.maximum(np.abs(start), e.min()))
    stderr = float(np.sqrt(np.linalg.pinv(fit.jac.T @ fit.jac)[0, 0]))
    dof = len(n) - len(start)
    poor = dof > 0 and 2 * fit.cost > dof + 4 * np.sqrt(2 * dof)
    reason = f"the drift is no power of N: chi^2/dof = {2 * fit.cost:.1f}/{dof}" if poor else ""
    status = "tentative" if poor else "estimated"
    bracket = (float(min(y.min(), fit.x[0])), float(max(y.max(), fit.x[0])))
    return Transition(**known, value=float(fit.x[0]), stderr=stderr, bracket=bracket, status=status, reason=reason)
