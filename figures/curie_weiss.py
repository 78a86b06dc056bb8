r"""Exact samples of the Curie-Weiss model: P(M) ~ binomial(N, (N + M)/2) exp(M^2/(2 N T)), inverted by its table.

T_c = 1; finite size: T_c N^(-1/2) exponents 1/nu-bar = 1/2, beta/nu-bar = 1/4.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import gammaln


@lru_cache(maxsize=4096)
def table(size: int, temperature: float):
    """Magnetisations per site and the summed probabilities up to each."""
    levels = np.arange(-size, size + 1, 2, dtype=float)
    up = (size + levels) / 2
    logs = -gammaln(up + 1) - gammaln(size - up + 1) + levels**2 / (2 * size * temperature)
    weights = np.exp(logs - logs.max())
    return levels / size, np.cumsum(weights) / weights.sum()


def draw(size, temperature, count, seed) -> np.ndarray:
    """Independent magnetisations (count,); `seed` is whole numbers, nested as they come."""
    levels, summed = table(int(size), float(temperature))
    numbers = [int(s) for part in seed for s in np.atleast_1d(part)]
    uniform = np.random.Generator(np.random.Philox(np.random.SeedSequence(numbers))).random(count)
    return levels[np.minimum(np.searchsorted(summed, uniform), int(size))]
