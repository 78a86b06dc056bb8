"""The universal functions of two symmetric classes (analytic.two_classes) for arrays; the width of the peak of V."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from analytic import two_classes

class_entropy = np.vectorize(two_classes.class_entropy, otypes=[float])
entropy_variance = np.vectorize(two_classes.entropy_variance, otypes=[float])
same_class = np.vectorize(two_classes.same_class, otypes=[float])
mmse = np.vectorize(two_classes.mmse, otypes=[float])


def entropy_of(odds) -> np.ndarray:
    """Binary entropy of log-odds in nats, without cancellation in the tails."""
    size = np.abs(odds)
    return np.log1p(np.exp(-size)) + size * np.exp(-size) / (1 + np.exp(-size))


def variance_peak() -> tuple[float, float]:
    """(Lambda, V) at the maximum of V."""
    known = two_classes.landmarks()
    return known["variance_peak"], known["variance_at_peak"]


def half_heights() -> tuple[float, float]:
    """The two Lambda at which V is half of its maximum."""
    where, peak = variance_peak()

    def above(u):
        return two_classes.entropy_variance(np.exp(u)) - peak / 2

    low, high = (float(np.exp(brentq(above, np.log(where), end))) for end in (-5.0, 5.0))
    return low, high


def variance_width() -> float:
    """Full width at half maximum of V in log(Lambda)."""
    low, high = half_heights()
    return float(np.log(high / low))
