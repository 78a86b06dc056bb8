r"""Nested decisions: 2^L classes at +-m_1 +-m_2 ... +-m_L along orthogonal directions.

    p_0 = 2^-L sum_s N(sum_l s_l m_l, v I),    s in {+1, -1}^L,      Lambda_l = alpha^2 |m_l|^2/(sigma^2 + alpha^2 v)

The signs are independent given x_t: entropies, rates and variances of the levels add, each a universal function of
its own Lambda_l.  Classes are ordered like binary numbers, + before -, the first level slowest: `level_partition` and
`coarse_partition` of `analytic.models.partitions` group them.
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
