"""Many centres in many dimensions: data sets, stored patterns; their diffusion with the exact score.

    p_0(x) = sum_k w_k N(x; c_k, v I),    K centres c_k in D dimensions, v = 0 for a data set of points

The score of x_t is that of a mixture with K components, whose posterior comes from two matrix products a step.
Source: Biroli, Bonnaire, de Bortoli & Mezard 2024 (2402.18491) for the empirical score and its collapse.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class DenseMixture:
    """K centres of equal variance.

    Parameters
    ----------
    centres : array (K, D).  variance : v >= 0, of each coordinate.  weights : array (K,), None for equal ones.

    Raises
    ------
    ValueError when shapes do not fit, a number is not finite, or weights are not positive.
    """

    centres: Any = field(repr=False)
    variance: float = 0.0
    weights: Any = field(default=None, repr=False)

    def __post_init__(self):
        put, centres = object.__setattr__, np.ascontiguousarray(self.centres, dtype=float)
        if centres.ndim != 2 or min(centres.shape) < 1 or not np.all(np.isfinite(centres)):
            raise ValueError(f"centres: an array of shape {centres.shape} given; finite numbers of shape (K, D) needed")
        weights = np.ones(len(centres)) if self.weights is None else np.asarray(self.weights, dtype=float)
        if weights.shape != (len(centres),) or not np.all(weights > 0) or not np.all(np.isfinite(weights)):
            raise ValueError(f"weights: {len(centres)} positive numbers are needed, one for each centre")
        if not self.variance >= 0 or not np.isfinite(self.variance):
            raise ValueError(f"variance: {self.variance} given; it must be zero or positive")
        put(self, "centres", centres)
        put(self, "weights", weights / weights.sum())

    def reverse(self, process, churn=1):
        """The reverse family of the mixture under a process, as a `Dynamics` of D sites started from p_t."""
        from analytic.empirical import coordinate

        single = coordinate(process, self.variance, churn)
        numbers = Numbers(self.centres, self.weights, single.overlap, single.square)
        return replace(single.dynamics, sites=self.centres.shape[1], mixture=numbers)

    def probability_flow(self, process):
        """The ordinary differential equation of the reverse family (churn = 0)."""
        return self.reverse(process, churn=0)


@dataclass(frozen=True, eq=False)
class Numbers:
    """What a kernel needs of a dense mixture: arrays, and the coefficients A, B of its log-posterior."""

    centres: np.ndarray
    weights: np.ndarray
    overlap: Any
    square: Any
    kind: str = "centres"

    @cached_property
    def arrays(self):
        """Centres, their transpose, squared norms and log-weights."""
        transposed = np.ascontiguousarray(self.centres.T)
        return self.centres, transposed, (self.centres**2).sum(axis=1), np.log(self.weights)

    def draw(self, first, count, law, k0, k1, stream):
        """Exact states (1, count D) at the time of `law` = (weights, mean per unit centre, deviation)."""
        from physim.kernels import sampler

        dim = self.centres.shape[1]
        _, means, deviations = law
        normals, uniforms = sampler.noise(first * dim, count * dim, 1, k0, k1, stream)
        chosen = np.minimum(
            np.searchsorted(np.cumsum(self.weights), uniforms[::dim], side="right"), len(self.weights) - 1
        )
        return (means[0, 0] * self.centres[chosen].reshape(-1) + deviations[0, 0, 0] * normals[0])[None]
