r"""Orders of convergence from measured differences.

    d(h) = A h^p (1 + B h),    h = step,   each difference with its own standard error, all independent

The range of the fit starts two halvings below the longest one, from the finest step up, in which the law fits: the
next term, too small there for chi^2 to see, then is at most a sixteenth of it.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.optimize import OptimizeWarning, curve_fit
from scipy.stats import chi2

PROBABILITY, UNRESOLVED, FEWEST = 0.05, 0.3, 4


@dataclass(frozen=True)
class Fit:
    """A fitted order p with its standard error.

    amplitude, bend : A and B with the order fitted.  asymptote, asymptote_bend : the same with the stated order.
    coarsest : largest step used.  points : how many were.  probability : of chi^2.
    """

    order: float = np.nan
    stderr: float = np.nan
    amplitude: float = np.nan
    bend: float = np.nan
    asymptote: float = np.nan
    asymptote_bend: float = np.nan
    coarsest: float = np.nan
    points: int = 0
    probability: float = np.nan

    @property
    def resolved(self) -> bool:
        """Whether a range was found and the order is known to UNRESOLVED."""
        return bool(self.points and self.stderr < UNRESOLVED)


def law(h, amplitude, order, bend):
    """A h^p (1 + B h)."""
    return amplitude * h**order * (1 + bend * h)


def fit(h, difference, stderr, stated: float) -> Fit:
    """The order of differences at decreasing steps h, near a stated one; an empty `Fit` where no range is found."""
    h, difference, stderr = (np.asarray(v, dtype=float) for v in (h, difference, stderr))
    for first in range(len(h) - FEWEST + 1):
        found = _fit(h[first:], difference[first:], stderr[first:], stated)
        if found is not None and found.probability > PROBABILITY:
            finer = slice(min(first + 2, len(h) - FEWEST), None)
            return _fit(h[finer], difference[finer], stderr[finer], stated) or found
    return Fit()


def _fit(h, difference, stderr, stated):
    known = np.stack([h**stated, h ** (stated + 1)], axis=1) / stderr[:, None]
    start, slope = np.linalg.lstsq(known, difference / stderr, rcond=None)[0]
    guess, unit = (1.0, stated, slope / start), start
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OptimizeWarning)  # no covariance: the error is then infinite
        try:
            best, covariance = curve_fit(
                lambda h, a, p, b: law(h, a * unit, p, b), h, difference, guess, stderr, absolute_sigma=True
            )
        except RuntimeError:  # no minimum was found
            return None
    square = np.sum(((law(h, best[0] * unit, *best[1:]) - difference) / stderr) ** 2)
    dof = len(h) - 3
    return Fit(
        float(best[1]),
        float(np.sqrt(covariance[1, 1])),
        float(best[0] * unit),
        float(best[2]),
        float(start),
        float(slope / start),
        float(h[0]),
        len(h),
        float(chi2.sf(square, dof)),
    )


def crossing(n, error, level: float) -> float:
    """The n beyond which |error| stays below the level, by interpolation in log-log; nan if it does not fall below."""
    size = np.abs(np.asarray(error, dtype=float))
    for k in reversed(range(len(size))):
        if size[k] > level:
            if k + 1 == len(size):
                return np.nan
            (a, b), (p, q) = np.log(n[k : k + 2]), np.log(size[k : k + 2] / level)
            return float(np.exp(a + (b - a) * p / (p - q)))
    return float(n[0])
