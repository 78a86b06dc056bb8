r"""The problem that every contestant solves, and its exact answers.

Two points +-1 with equal weights under the Ornstein-Uhlenbeck process, alpha = e^-t, Gamma = 1 - e^-2t; the reverse
SDE from an exact draw of p_T, 400 equal Euler-Maruyama steps from t = 3 to t = 0.05 in float64:

    x <- a_n x + b_n tanh(c_n x) + s z,    a = 1 + dt - 2 dt/Gamma,  b = 2 dt alpha/Gamma,  c = alpha/Gamma,  s^2 = 2 dt

Statistics: mean and variance of x after every 50 steps.  The law of the Euler chain itself is computed by
propagating its density, so a contestant is checked within standard errors without a tolerance for the step bias.
Only NumPy is needed here.
"""

from __future__ import annotations

from functools import cache

import numpy as np

STEPS, RECORD_EVERY = 400, 50
START, STOP = 3.0, 0.05
RECORDS = STEPS // RECORD_EVERY
SEED = 20260101
LIMIT = 5.0  # standard errors


def times() -> np.ndarray:
    """Forward times in the order walked, (STEPS + 1,)."""
    return np.linspace(START, STOP, STEPS + 1)


@cache
def coefficients() -> np.ndarray:
    """a, b, c, s of every step, (STEPS, 4)."""
    t, dt = times()[:-1], (START - STOP) / STEPS
    alpha, gamma = np.exp(-t), -np.expm1(-2 * t)
    rows = 1 + dt - 2 * dt / gamma, 2 * dt * alpha / gamma, alpha / gamma, np.full(STEPS, np.sqrt(2 * dt))
    return np.ascontiguousarray(np.stack(rows, axis=1))


def start_law() -> tuple[float, float]:
    """alpha and sigma at t = START: a start is +-alpha + sigma z."""
    return float(np.exp(-START)), float(np.sqrt(-np.expm1(-2 * START)))


@cache
def euler_law() -> np.ndarray:
    """Mean, variance and fourth central moment of the Euler chain at the recorded steps, (3, RECORDS).

    The density lives on a lattice of spacing s/3: for integrands this smooth the trapezoidal rule is exact to rounding.
    """
    table, (alpha, sigma) = coefficients(), start_law()
    h = table[0, 3] / 3
    x = h * np.arange(-np.ceil(8 / h), np.ceil(8 / h) + 1)
    p = sum(np.exp(-0.5 * ((x - m) / sigma) ** 2) for m in (-alpha, alpha))
    out = []
    for n, (a, b, c, s) in enumerate(table, 1):
        step = np.exp(-0.5 * ((x[:, None] - a * x - b * np.tanh(c * x)) / s) ** 2)
        p = step @ p
        p /= p.sum()
        if n % RECORD_EVERY == 0:
            mean = p @ x
            out.append([mean, p @ (x - mean) ** 2, p @ (x - mean) ** 4])
    return np.array(out).T


def exact_law() -> np.ndarray:
    """The same of p_t itself, whose variance is 1: for methods without the step bias."""
    t = times()[RECORD_EVERY::RECORD_EVERY]
    alpha2, gamma = np.exp(-2 * t), -np.expm1(-2 * t)
    return np.stack([0 * t, alpha2 + gamma, alpha2**2 + 6 * alpha2 * gamma + 3 * gamma**2])


def normal_law() -> np.ndarray:
    """The same of a standard normal."""
    return np.array([[0.0], [1.0], [3.0]])


LAWS = {"euler": euler_law, "exact": exact_law, "normal": normal_law}


def z_scores(mean, var, trajectories: int, law: str = "euler") -> np.ndarray:
    """Deviations of the means and the variances from a law, in standard errors, (2, records)."""
    m1, m2, m4 = LAWS[law]()
    n = trajectories
    mean_error = np.sqrt(m2 / n)
    var_error = np.sqrt((m4 - m2**2 * (n - 3) / (n - 1)) / n)
    return np.stack([(np.asarray(mean) - m1) / mean_error, (np.asarray(var) - m2) / var_error])
