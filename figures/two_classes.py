r"""Two symmetric Gaussian classes: universal functions of the separation Lambda, by quadrature.

    given the class, its log-odds are L ~ N(2 Lambda, 4 Lambda);  p = 1/(1 + exp(-L))
    h(L) = -p log p - (1 - p) log(1 - p)           H(Lambda) = E h,   V(Lambda) = Var h   (nats, nats^2)
    phi(Lambda) = E[p^2 + (1 - p)^2] = (1 + E tanh(Lambda + sqrt(Lambda) z))/2,   z ~ N(0, 1)
    dH/dLambda = -(1 - phi)

The trapezoidal rule on z in [-12, 12] converges exponentially. Source: derived from Bayes' rule; phi is the
clone probability of Biroli, Bonnaire, de Bortoli & Mezard 2024 (2402.18491).
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq, minimize_scalar

Z = np.linspace(-12.0, 12.0, 2049)
WEIGHT = np.exp(-(Z**2) / 2) * (Z[1] - Z[0]) / np.sqrt(2 * np.pi)


def log_odds(separation) -> np.ndarray:
    """Log-odds of the true class at the nodes, an array with one more axis than `separation`."""
    lam = np.asarray(separation, dtype=float)[..., None]
    return 2 * lam + 2 * np.sqrt(lam) * Z


def entropy_of(odds) -> np.ndarray:
    """Binary entropy of log-odds in nats, without cancellation in the tails."""
    size = np.abs(odds)
    return np.log1p(np.exp(-size)) + size * np.exp(-size) / (1 + np.exp(-size))


def class_entropy(separation) -> np.ndarray:
    """H(Lambda)."""
    return entropy_of(log_odds(separation)) @ WEIGHT


def entropy_variance(separation) -> np.ndarray:
    """V(Lambda)."""
    h = entropy_of(log_odds(separation))
    return (h - (h @ WEIGHT)[..., None]) ** 2 @ WEIGHT


def same_class(separation) -> np.ndarray:
    """phi(Lambda)."""
    return 0.5 * (1 + np.tanh(log_odds(separation) / 2) @ WEIGHT)


def variance_peak() -> tuple[float, float]:
    """(Lambda, V) at the maximum of V."""
    known = {"bounds": (0.5, 3), "method": "bounded", "options": {"xatol": 1e-9}}
    best = minimize_scalar(lambda lam: -entropy_variance(lam), **known)
    return float(best.x), float(-best.fun)


def variance_width() -> float:
    """Full width at half maximum of V in log(Lambda)."""
    where, peak = variance_peak()
    ends = [brentq(lambda u: entropy_variance(np.exp(u)) - peak / 2, np.log(where), e) for e in (-5.0, 5.0)]
    return ends[1] - ends[0]
