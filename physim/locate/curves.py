r"""Peaks and crossings of a measured curve y_i +- e_i over a parameter.

    weighted polynomial in a window around the place: quintic for a peak, quartic for a crossing; chi^2 judges
    peak: y'(p) = 0, y''(p) < 0      crossing: y(p) = level      errors from the coefficients' covariance

Peaks of susceptibility, specific heat, entropy rate and pathwise entropy variance are `peak`; the clone half-point and
Lambda = 1 are `crossing`.  A maximum at the edge, a curve that does not cross, too few points or a curvature within
three standard errors of zero give a status and a sentence.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.polynomial import Polynomial
from scipy import stats

from analytic.transition import Transition

FEWEST = 6
DEGREES = {"peak": 5, "crossing": 4}
SURE = 3.0


def peak(parameters, values, stderr, *, object: str = "curve", parameter: str = "p", share: float = 0.5) -> Transition:
    """Where a curve is largest.

    Parameters
    ----------
    parameters, values, stderr : arrays (n,) of at least 6 independent points.
    share : the window holds the points around the largest value that exceed this share of the range of values.
    """
    x, y, e = _checked(parameters, values, stderr)
    known: dict = {"kind": "peak", "object": object, "parameter": parameter, "method": "local polynomial"}
    top = int(np.argmax(y))
    floor = y.min() + share * (y[top] - y.min())
    inside = _around(y >= floor, top)
    if np.count_nonzero(inside) < FEWEST:
        inside = _around(y >= y.min() + 0.2 * (y[top] - y.min()), top)
    if top in (0, len(x) - 1):
        return _without(known, "none", f"the largest value is at the end of the range, {parameter} = {x[top]:.6g}")
    if np.count_nonzero(inside) < FEWEST:
        return _without(known, "unresolved", f"{np.count_nonzero(inside)} points near the top; {FEWEST} are needed")
    fit = _Fit(x[inside], y[inside], e[inside], DEGREES["peak"])
    roots = [r.real for r in fit.slope.roots() if abs(r.imag) < 1e-9]
    roots = [r for r in roots if abs(r) <= 1 and fit.slope.deriv()(r) < 0]
    if not roots:
        return _without(known, "unresolved", "the fitted curve has no maximum inside the window")
    root = min(roots, key=lambda r: abs(fit.place(r) - x[top]))
    bend = fit.slope.deriv()
    if abs(bend(root)) < SURE * fit.error_of_bend(root):
        return _without(known, "unresolved", "the curvature at the top is within 3 standard errors of zero")
    error = fit.error_of_slope(root) / abs(bend(root)) * fit.half
    return fit.answer(known, root, error, (x[inside][0], x[inside][-1]))


def crossing(parameters, values, stderr, level: float, *, object: str = "curve", parameter: str = "p") -> Transition:
    """Where a curve passes through a level; arguments as `peak`.  Several sign changes more than noise are refused."""
    return crossing_and_slopes(parameters, values, stderr, level, object=object, parameter=parameter)[0]


def crossing_and_slopes(parameters, values, stderr, level, *, object, parameter):
    """The crossing, and its derivatives by the values in the order of their parameters (None without an answer)."""
    x, y, e = _checked(parameters, values, stderr)
    known: dict = {
        "kind": "crossing",
        "object": object,
        "parameter": parameter,
        "method": f"local polynomial at {level:.6g}",
    }
    z = (y - level) / e
    above, below = np.flatnonzero(z > SURE), np.flatnonzero(z < -SURE)
    if not len(above) or not len(below):
        side = "above" if len(above) else "below" if len(below) else "within errors of"
        return _failed(known, "none", f"the curve stays {side} {level:.6g} from {x[0]:.6g} to {x[-1]:.6g}")
    falling = above.mean() < below.mean()
    first, second = (above, below) if falling else (below, above)
    if first.max() > second.min():
        return _failed(known, "unresolved", f"the curve passes {level:.6g} more than once")
    middle = np.argsort(np.abs(np.arange(len(x)) - (first.max() + second.min()) / 2), kind="stable")
    inside = np.sort(middle[: max(FEWEST, second.min() - first.max() + 5)])
    fit = _Fit(x[inside], y[inside], e[inside], DEGREES["crossing"])
    roots = [r.real for r in (fit.curve - level).roots() if abs(r.imag) < 1e-9 and abs(r.real) <= 1]
    if not roots:
        return _failed(known, "unresolved", "the fitted curve does not pass the level inside the window")
    centre = (x[first.max()] + x[second.min()]) / 2
    root = min(roots, key=lambda r: abs(fit.place(r) - centre))
    error = fit.error_of_value(root) / abs(fit.slope(root)) * fit.half
    slopes = np.zeros(len(x))
    slopes[inside] = -fit.half / fit.slope(root) * fit.weights(root)
    return fit.answer(known, root, error, (x[inside][0], x[inside][-1])), slopes


def doubted(found: Transition, doubt: str) -> Transition:
    """An estimate from chains that were tentative is tentative."""
    if not doubt or not found.found:
        return found
    return replace(found, status="tentative", reason=found.reason or doubt)


def _checked(parameters, values, stderr):
    x, y, e = (np.asarray(a, dtype=float) for a in (parameters, values, stderr))
    if x.ndim != 1 or x.shape != y.shape or y.shape != e.shape:
        raise ValueError(f"values: shapes {x.shape}, {y.shape}, {e.shape} given; three arrays of one length are needed")
    if len(x) < FEWEST:
        raise ValueError(f"parameters: {len(x)} points given; at least {FEWEST} are needed")
    if not (np.all(np.isfinite(x)) and np.all(np.isfinite(y)) and np.all(e > 0)):
        raise ValueError("stderr: values must be finite and standard errors positive")
    order = np.argsort(x)
    return x[order], y[order], e[order]


def _around(mask, top):
    """The connected part of a mask that holds an index."""
    first, last = top, top
    while first > 0 and mask[first - 1]:
        first -= 1
    while last < len(mask) - 1 and mask[last + 1]:
        last += 1
    inside = np.zeros(len(mask), dtype=bool)
    inside[first : last + 1] = True
    return inside


def _without(known, status, reason):
    return Transition(**known, status=status, reason=reason)


def _failed(*arguments):
    return _without(*arguments), None


class _Fit:
    """A weighted polynomial in u = (x - centre)/half on [-1, 1] with the covariance of its coefficients."""

    def __init__(self, x, y, e, degree):
        self.centre, self.half = (x[0] + x[-1]) / 2, (x[-1] - x[0]) / 2
        u = (x - self.centre) / self.half
        e = np.exp(Polynomial.fit(u, np.log(e), 2)(u))  # smooth: an error that follows its value's noise biases the fit
        degree = min(degree, len(x) - 2)
        design = u[:, None] ** np.arange(degree + 1) / e[:, None]
        coefficients, *_ = np.linalg.lstsq(design, y / e, rcond=None)
        square = np.sum((design @ coefficients - y / e) ** 2)
        dof = len(u) - degree - 1
        self.p_value = float(stats.chi2.sf(square, dof)) if dof > 0 else 1.0
        self.covariance = np.linalg.pinv(design.T @ design)
        self.answers = self.covariance @ design.T / e  # of the coefficients to the values
        self.curve = Polynomial(coefficients)
        self.slope = self.curve.deriv()

    def place(self, u):
        return self.centre + self.half * u

    def _error(self, row):
        return float(np.sqrt(row @ self.covariance @ row))

    def weights(self, u):
        """Derivatives of the fitted value at u by the values."""
        return u ** np.arange(len(self.curve.coef)) @ self.answers

    def error_of_value(self, u):
        return self._error(u ** np.arange(len(self.curve.coef)))

    def error_of_slope(self, u):
        k = np.arange(len(self.curve.coef))
        return self._error(k * u ** np.maximum(k - 1.0, 0))

    def error_of_bend(self, u):
        k = np.arange(len(self.curve.coef))
        return self._error(k * (k - 1) * u ** np.maximum(k - 2.0, 0))

    def answer(self, known, u, error, bracket):
        status = "estimated" if self.p_value > 1e-3 else "tentative"
        reason = "" if status == "estimated" else f"the fit is poor, p = {self.p_value:.1e}"
        fields = {"value": self.place(u), "stderr": error, "bracket": tuple(map(float, bracket)), "reason": reason}
        return Transition(**known, **fields, status=status)
