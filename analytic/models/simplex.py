r"""K equidistant classes: the means are the corners of a regular simplex about the origin.

    m_j . m_k = |m|^2 (K delta_jk - 1)/(K - 1),      separation of two classes  |m_j - m_k|^2 = 2 K |m|^2/(K - 1)

With Gamma = sigma^2 + alpha^2 v and gamma = alpha^2 |m|^2 K/((K - 1) Gamma), fixed points of the score solve p_k
proportional to exp(gamma p_k): the mean-field Potts model of K states, of first order for K >= 3.
"""

from __future__ import annotations

import sympy as sp

from analytic.models.base import checked_dimension, checked_positive
from analytic.models.mixture import GaussianMixture, checked_variance


def Simplex(classes, mean_norm=1, variance=0, dim=None, weights=None) -> GaussianMixture:
    """K classes at the corners of a regular simplex, in K - 1 coordinates and a Gaussian rest.

    Parameters
    ----------
    classes : K >= 2, a whole number.  mean_norm : |m|, positive.  variance : v >= 0 inside each class.
    dim : dimension of the data, K - 1 or more (None: K - 1).  weights : K positive numbers of sum one (None: uniform).

    Raises
    ------
    ValueError for fewer than two classes, a mean_norm that is not positive or a dim below K - 1.
    """
    count = int(_number(classes))
    norm = checked_positive(mean_norm, "mean_norm")
    variance = checked_variance(variance, "variance")
    dim = checked_dimension(count - 1 if dim is None else dim, "dim", count - 1)
    means = tuple(tuple(norm * entry for entry in corner) for corner in corners(count))
    return GaussianMixture(means, variance, weights, rest_dim=dim - (count - 1), rest_variance=variance)


def corners(count: int) -> list[list[sp.Expr]]:
    """K unit vectors of R^(K-1) with m_j . m_k = -1/(K - 1), exactly: coordinate i is sqrt(K (K-i)/((K-1)(K-i+1)))
    for corner i, minus 1/(K - i) of that for the later ones, zero for the earlier ones (i = 1 .. K - 1)."""
    rows = [[sp.S.Zero] * (count - 1) for _ in range(count)]
    for i in range(count - 1):
        left = count - 1 - i
        height = sp.sqrt(sp.Rational(count * left, (count - 1) * (left + 1)))
        rows[i][i] = height
        for later in range(i + 1, count):
            rows[later][i] = -height / left
    return rows


def _number(classes):
    value = checked_dimension(classes, "classes", 2)
    if not value.is_number:
        raise ValueError(f"classes: {value} is a symbol; a whole number of at least 2 is needed")
    return value
