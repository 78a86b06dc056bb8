"""Curie-Weiss at finite size, exactly: P(M) ~ binomial(N, (N + M)/2) exp(M^2/(2 N T) + h M), drawn and enumerated."""

import numpy as np
from scipy.special import gammaln


def levels(size):
    """The values M = -N, -N + 2, ..., N."""
    return np.arange(-size, size + 1, 2, dtype=float)


def law(size, temperature, field=0.0):
    """Probabilities of the levels."""
    m = levels(size)
    up = (size + m) / 2
    logs = -gammaln(up + 1) - gammaln(size - up + 1) + m**2 / (2 * size * temperature) + field * m
    p = np.exp(logs - logs.max())
    return p / p.sum()


def draw(size, temperature, count, seed, field=0.0):
    """Independent magnetisations per site, (count,)."""
    generator = np.random.default_rng(seed)
    return generator.choice(levels(size), count, p=law(size, temperature, field)) / size


def moment(size, temperature, power):
    """E|m|^power."""
    return float(law(size, temperature) @ np.abs(levels(size) / size) ** power)
