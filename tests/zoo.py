"""The processes and models that identities are tested over."""

import analytic as an
from analytic.processes import PROCESSES

PROCESS_NAMES = tuple(PROCESSES)
MODELS = {
    "pair of points": an.SymmetricPair(1),
    "pair of Gaussians in 7 dimensions": an.SymmetricPair(1.5, 0.3, 0.7, 7),
    "three components": an.GaussianMixture([-2, 0.5, 2], [0.1, 0.2, 0.05], [0.3, 0.3, 0.4]),
    "three points in the plane": an.PointMixture([[1, 0], [-0.5, 1.2], [-1, -1]], [0.5, 0.3, 0.2]),
    "correlated pair in the plane": an.GaussianMixture(
        [[1, 0.5], [-1, 0]], [[[0.5, 0.2], [0.2, 0.3]], [[0.2, 0], [0, 0.4]]], [0.4, 0.6]
    ),
    "simplex of three in 5 dimensions": an.Simplex(3, 1.2, 0.1, 5),
    "nested pairs in 4 dimensions": an.NestedPairs((2, 0.6), 0.05, 4),
    "equal means in 6 dimensions": an.EqualMeans([1, 0.04], [0.3, 0.7], 6),
    "sphere in 5 dimensions": an.Hypersphere(5, 1.5),
    "linear manifold": an.LinearManifold(5, 2, 0.8, 0.01),
    "equal means": an.GaussianMixture([0, 0], [1, 0.04], [0.5, 0.5]),
}


def times(process, count=3):
    """A few forward times inside the span, away from its ends."""
    end = float(process.span[1]) if process.span[1].is_finite else 2.5
    return [end * (k + 0.5) / count for k in range(count)]
