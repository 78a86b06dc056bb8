r"""Ultrametric classes: the leaves of a tree whose children part along directions of their own at every node.

    m_leaf = sum_l |m_l| u_{node_l, child_l},      u_{node, 1}, ..., u_{node, b_l}: a regular simplex of that node
    |m - m'|^2 = 2 |m_l|^2 b_l/(b_l - 1) + 2 sum_{k > l} |m_k|^2     for two leaves that part at level l

A node with b children takes b - 1 directions of its own, so K leaves span K - 1 coordinates whatever the tree.  In
`NestedPairs` the directions of a level are shared by all its nodes; here nothing is shared but the ancestors.  The
distance is ultrametric when it does not grow with the level at which two leaves part.
"""

from __future__ import annotations

from itertools import pairwise, product

import sympy as sp

from analytic.models.base import checked_dimension, checked_positive
from analytic.models.mixture import GaussianMixture, checked_variance
from analytic.models.partitions import checked_branching
from analytic.models.simplex import corners


def UltrametricTree(branching=(2, 2), norms=(3, 1), variance=0, dim=None) -> GaussianMixture:
    """b_1 ... b_L equally likely classes at the leaves of a tree, in K - 1 coordinates and a Gaussian rest.

    Parameters
    ----------
    branching : (b_1, ..., b_L), children of a node at each level, 2 or more, coarse to fine.
    norms : (|m_1|, ..., |m_L|), positive: how far a child lies from its parent.  variance : v >= 0 inside each class.
    dim : dimension of the data, K - 1 or more (None: K - 1).

    Returns
    -------
    GaussianMixture whose components are numbered like the digits of a number, the coarsest level slowest;
    `analytic.models.partitions.coarse_partition(branching, level)` groups them by their ancestor at a level.

    Raises
    ------
    ValueError for no level, fewer than two children, a norm that is not positive, unequal lengths, a dim below K - 1,
    or norms that make leaves of one parent lie further apart than leaves of different parents.
    """
    counts = checked_branching(branching)
    norms = tuple(checked_positive(m, "norms") for m in norms)
    if len(norms) != len(counts):
        raise ValueError(f"norms: {len(norms)} given for {len(counts)} levels; one each is needed")
    squares = squared_distances(counts, norms)
    for level, (far, near) in enumerate(pairwise(squares), 1):
        if (far - near).is_negative:
            raise ValueError(
                f"norms: classes that part at level {level} are at the squared distance {far}, closer than the {near} "
                f"of those that part at level {level + 1}; it must not grow from coarse to fine"
            )
    places = _leaves(counts, norms)
    least = len(places) - 1
    dim = checked_dimension(least if dim is None else dim, "dim", least)
    variance = checked_variance(variance, "variance")
    return GaussianMixture(places, variance, None, rest_dim=dim - least, rest_variance=variance)


def squared_distances(branching, norms) -> tuple[sp.Expr, ...]:
    """|m - m'|^2 of two leaves that part at level 1, ..., L."""
    counts = checked_branching(branching)
    return tuple(
        2 * norms[l] ** 2 * sp.Rational(b, b - 1) + 2 * sp.Add(*(m**2 for m in norms[l + 1 :]))
        for l, b in enumerate(counts)
    )


def _leaves(counts, norms):
    """The means: at each node on the way to a leaf, that node's own coordinates hold the corner of the child."""
    nodes, width = {}, 0
    for level, b in enumerate(counts):
        for node in product(*(range(a) for a in counts[:level])):
            nodes[node], width = width, width + b - 1
    places = []
    for leaf in product(*map(range, counts)):
        mean = [sp.S.Zero] * width
        for level, b in enumerate(counts):
            start = nodes[leaf[:level]]
            mean[start : start + b - 1] = [norms[level] * entry for entry in corners(b)[leaf[level]]]
        places.append(tuple(mean))
    return tuple(places)
