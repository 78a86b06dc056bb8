r"""Nested decisions: 2^L classes at +-m_1 +-m_2 ... +-m_L along orthogonal directions.

    p_0 = 2^-L sum_s N(sum_l s_l m_l, v I),    s in {+1, -1}^L,      Lambda_l = alpha^2 |m_l|^2/(sigma^2 + alpha^2 v)

The signs are independent given x_t: entropies, rates and variances of the levels add, each a universal function of
its own Lambda_l.  Classes are ordered like binary numbers, + before -, the first level slowest.
"""

from __future__ import annotations

from itertools import product

from analytic.models.base import checked_dimension, checked_positive
from analytic.models.mixture import GaussianMixture, checked_variance


def NestedPairs(mean_norms=(3, 1), variance=0, dim=None) -> GaussianMixture:
    """2^L classes at +-m_1 +- ... +-m_L, in L coordinates and a Gaussian rest.

    Parameters
    ----------
    mean_norms : (|m_1|, ..., |m_L|), positive, coarse to fine.  variance : v >= 0 inside each class.
    dim : dimension of the data, L or more (None: L).

    Raises
    ------
    ValueError for no level, a norm that is not positive or a dim below L.
    """
    norms = tuple(checked_positive(m, "mean_norms") for m in mean_norms)
    if not norms:
        raise ValueError("mean_norms: empty; at least one level is needed")
    variance = checked_variance(variance, "variance")
    dim = checked_dimension(len(norms) if dim is None else dim, "dim", len(norms))
    choices = product((1, -1), repeat=len(norms))
    means = tuple(tuple(s * m for s, m in zip(signs, norms, strict=True)) for signs in choices)
    return GaussianMixture(means, variance, None, rest_dim=dim - len(norms), rest_variance=variance)


def level_partition(levels: int, level: int) -> tuple[tuple[int, ...], ...]:
    """The two groups of classes that differ in the sign of one level (1 is the coarsest): (those at +m, at -m)."""
    if not 1 <= level <= levels:
        raise ValueError(f"level: {level} given; a whole number from 1 to {levels} is needed")
    digit = levels - level
    return tuple(tuple(k for k in range(2**levels) if k >> digit & 1 == side) for side in (0, 1))


def coarse_partition(levels: int, level: int) -> tuple[tuple[int, ...], ...]:
    """The 2^level groups of classes that share the signs of the first `level` levels (0: one group of all)."""
    if not 0 <= level <= levels:
        raise ValueError(f"level: {level} given; a whole number from 0 to {levels} is needed")
    size = 2 ** (levels - level)
    return tuple(tuple(range(k * size, (k + 1) * size)) for k in range(2**level))
