r"""Finite-size data collapse with corrections to scaling.

    Y(N, p) = N^-k [ sum_i a_i x^i + N^-w sum_j b_j x^j + N^-2w sum_l c_l x^l ],     x = (p - p_c) N^(1/nu)

p_c, 1/nu and k are fitted, the polynomials are solved for at each step (variable projection).  N is the number of
sites, so nu stands for the field's nu-bar = d nu, and k for beta/nu-bar; Curie-Weiss: p_c = 1, nu = 2, k = 1/4 for
|m| and k = 0 for the Binder cumulant, w = 1/2.  Several observables share p_c and nu.  Without the corrections the
exponents of sizes 128 to 4096 are off by many standard errors.

Sources: Privman & Fisher 1984; Binder 1981; Brezin & Zinn-Justin 1985 (mean-field finite size); Golub & Pereyra 1973;
Kaufman 1975 (variable projection).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import stats
from scipy.optimize import least_squares

from analytic.transition import Transition, Transitions
from physim.chains import EquilibrationError
from physim.locate.moment import Moments

DEGREES = (5, 3, -1)
OMEGA = 0.5
SMOOTH = ((0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (0, 1), (1, 1), (2, 1), (0, 2))  # powers of x and log N


@dataclass(frozen=True)
class Collapse:
    """p_c, inverse_nu and the exponents k of the scaled observables, their covariance, chi^2, dof, status, reason."""

    names: tuple
    values: np.ndarray
    covariance: np.ndarray = field(repr=False)
    chi2: float
    dof: int
    status: str
    reason: str = ""
    parameter: str = "p"

    @property
    def stderr(self):
        """Standard errors of `values`."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def p_value(self):
        """Probability of a larger chi^2."""
        return float(stats.chi2.sf(self.chi2, self.dof))

    def transitions(self) -> Transitions:
        """The critical parameter and the exponents as records."""
        kinds = ["critical point", *["exponent"] * (len(self.names) - 1)]
        rows = zip(kinds, self.names, self.values, self.stderr, strict=True)
        return Transitions(
            Transition(
                kind, "collapse", name, value, error, status=self.status, method="data collapse", reason=self.reason
            )
            for kind, name, value, error in rows
        )


def collapse(
    data: Moments,
    *,
    observables=("binder", "abs"),
    start=None,
    omega: float = OMEGA,
    degrees=DEGREES,
    window=None,
    smooth: bool = True,
    parameter: str = "p",
):
    """Fit a data collapse to moments over at least three sizes.

    Parameters
    ----------
    data : see `moments`.  observables : names; exponents of all but "binder" are fitted.
    start : (p_c, 1/nu), where the fit starts; None takes the middle of the parameters and 1/2.
    omega : correction exponent in powers of N.  degrees : of the three polynomials (-1 leaves one out).
    window : (size, half-width) of the interval about p_c that is used, at a size; it scales as N^(-1/nu).  None uses
        all points.  Which points are inside is updated twice as the fit moves.
    smooth : take the covariance of a sample from a fit over x and N (logarithms of the relative variances, and
        artanh of the correlations) instead of point by point: errors from a few runs follow the noise of their values,
        and weights from them make standard errors of the fit some 10 % too small.

    Returns
    -------
    Collapse; Transition of status "unresolved" where the data do not determine it.
    """
    known: dict = {"kind": "critical point", "object": "collapse", "parameter": parameter, "method": "data collapse"}
    sizes = np.unique(data.size)
    if len(sizes) < 3:
        reason = f"{len(sizes)} sizes given; a collapse with corrections needs at least 3"
        return Transition(**known, status="unresolved", reason=reason)
    try:
        rows = data.joint(observables)
    except EquilibrationError as error:
        return Transition(**known, status="unresolved", reason=str(error))
    powers = [name for name in observables if name != "binder"]
    middle = float(np.median(data.parameter))
    theta = np.array([*(start or (middle, 0.5)), *(0.25 if n == "abs" else 0.5 for n in powers)])
    bounds = np.array([(data.parameter.min(), data.parameter.max()), (0.05, 3.0), *[(-1.0, 3.0)] * len(powers)]).T
    theta = np.clip(theta, bounds[0] + 1e-6, bounds[1] - 1e-6)
    reference = np.exp(np.mean(np.log(sizes)))
    reach = np.abs(data.parameter - theta[0]) * (data.size / reference) ** theta[1]
    window = (reference, 1.001 * reach.max()) if window is None else window
    usable = np.linalg.det(rows[1]) > 0
    inside = usable & (np.abs(_scaled(data, theta, window)) <= 1.25)
    for turn in range(3):
        terms = sum(d + 1 for d in degrees) * len(observables) + len(theta)
        points = np.count_nonzero(inside) * len(observables)
        if points < terms + 2 or len(np.unique(data.size[inside])) < 3:
            reason = f"{points} points near the transition for {terms} coefficients; measure more of them"
            return Transition(**known, status="unresolved", reason=reason)
        rows = _smoothed(data, rows, inside, _scaled(data, theta, window)) if smooth else rows
        problem = _Problem(data, rows, observables, inside, omega, degrees, window)
        found = least_squares(problem.residuals, theta, x_scale=[1e-2, 1e-1, *[1e-1] * len(powers)], bounds=bounds)
        theta = found.x
        again = usable & (np.abs(_scaled(data, theta, window)) <= 1)
        if turn == 2 or np.array_equal(again, inside):
            break
        inside = again
    jacobian = problem.slopes(theta)
    covariance = np.linalg.pinv(jacobian.T @ jacobian)
    chi2, dof = float(2 * found.cost), points - terms
    answer = Collapse(("p_c", "1/nu", *(f"k({n})" for n in powers)), theta, covariance, chi2, dof, "estimated")
    return _judged(answer, data, known, parameter)


def _judged(answer, data, known, parameter):
    low, high = data.parameter.min(), data.parameter.max()
    names = (parameter, *answer.names[1:])
    if not low <= answer.values[0] <= high or not answer.stderr[0] < (high - low) / 4:
        reason = f"no critical point between {low:.6g} and {high:.6g} collapses the data"
        return Transition(**known, status="none", reason=reason)
    poor = answer.p_value < 1e-3
    reason = f"chi^2/dof = {answer.chi2:.1f}/{answer.dof}: corrections are missing" if poor else data.doubt
    fields = (names, answer.values, answer.covariance, answer.chi2, answer.dof)
    return Collapse(*fields, "tentative" if reason else "estimated", reason, parameter)


def _scaled(points, theta, window):
    """x in units of the window."""
    return (points.parameter - theta[0]) * (points.size / window[0]) ** theta[1] / window[1]


def _smoothed(data, rows, inside, x):
    """Values and covariances (points, k, k) of one sample, smoothed over x and N, divided by the samples."""
    values, covariance = rows
    spread = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    usable = inside & np.all(spread > 0, axis=1)
    u, ratio = np.clip(x, -1.5, 1.5), np.log(data.size / np.exp(np.mean(np.log(data.size))))
    wide = values.shape[1] > 1 and np.count_nonzero(usable) >= 4 * len(SMOOTH)
    terms = SMOOTH if wide else SMOOTH[:3]
    design = np.stack([u**i * ratio**j for i, j in terms], 1)
    weight = np.sqrt(data.samples[usable])

    def fitted(y):
        fit, *_ = np.linalg.lstsq(design[usable] * weight[:, None], y[usable] * weight, rcond=None)
        return design @ fit

    with np.errstate(divide="ignore", invalid="ignore"):
        logs = 2 * np.log(spread) + np.log(data.samples)[:, None] + 1 / (data.means.shape[1] - 1)  # mean log chi^2
        correlation = covariance / (spread[:, :, None] * spread[:, None, :])
        k = values.shape[1]
        sizes = np.exp(np.stack([fitted(logs[:, i]) for i in range(k)], 1) / 2)
        smooth = np.empty_like(covariance)
        for i in range(k):
            for j in range(k):
                angle = fitted(np.arctanh(np.clip(correlation[:, i, j], -0.9999, 0.9999))) if i != j else 0.0
                smooth[:, i, j] = sizes[:, i] * sizes[:, j] * (np.tanh(angle) if i != j else 1.0)
    return values, smooth / data.samples[:, None, None]


def columns(size, x, omega, degrees):
    """N^(-k w) x^i for all powers of the polynomials, (points, coefficients)."""
    parts = [size ** (-k * omega) * x**i for k, degree in enumerate(degrees) for i in range(degree + 1)]
    return np.stack(parts, 1)


class _Problem:
    """Residuals in standard errors (whitened point by point) with all polynomials projected out."""

    def __init__(self, data, rows, names, inside, omega, degrees, window):
        values, covariance = rows[0][inside], rows[1][inside]
        self.size, self.parameter = data.size[inside], data.parameter[inside]
        self.white = np.linalg.inv(np.linalg.cholesky(covariance))
        self.target = np.einsum("poq,pq->po", self.white, values).ravel()
        self.names, self.omega, self.degrees, self.window = names, omega, degrees, window

    def design(self, theta):
        """Columns of the polynomials of every observable, (points * observables, coefficients), whitened."""
        x = _scaled(self, theta, self.window)
        common, powers, blocks = columns(self.size, x, self.omega, self.degrees), iter(theta[2:]), []
        for k, name in enumerate(self.names):
            scaled = common if name == "binder" else common * self.size[:, None] ** -next(powers)
            blocks.append(self.white[:, :, k, None] * scaled[:, None, :])
        return np.concatenate(blocks, 2).reshape(len(self.target), -1)

    def residuals(self, theta):
        """Differences between data and the best polynomials, in standard errors."""
        orthogonal, _ = np.linalg.qr(self.design(theta))
        return self.target - orthogonal @ (orthogonal.T @ self.target)

    def slopes(self, theta):
        """Derivatives of the residuals at fixed polynomials, projected (Kaufman 1975).

        The derivative of the projection itself is left out: it is made of noise and would add to the information.
        """
        orthogonal, upper = np.linalg.qr(self.design(theta))
        fit = np.linalg.lstsq(upper, orthogonal.T @ self.target, rcond=None)[0]
        columns = []
        for k, step in enumerate(1e-6 * np.maximum(np.abs(theta), 1e-2)):
            move = step * (np.arange(len(theta)) == k)
            columns.append((self.design(theta + move) - self.design(theta - move)) @ fit / (2 * step))
        slopes = np.stack(columns, 1)
        return slopes - orthogonal @ (orthogonal.T @ slopes)


def bootstrapped(data: Moments, repetitions: int = 60, seed: int = 0, **options) -> np.ndarray:
    """Standard errors of a collapse by resampling the independent runs; options as `collapse`."""
    generator = np.random.Generator(np.random.Philox(seed))
    found = [collapse(data.resampled(generator), **options) for _ in range(repetitions)]
    values = np.array([f.values for f in found if isinstance(f, Collapse)])
    if len(values) < 0.8 * repetitions:
        raise ArithmeticError(f"repetitions: only {len(values)} of {repetitions} resampled fits succeeded")
    return values.std(0, ddof=1)
