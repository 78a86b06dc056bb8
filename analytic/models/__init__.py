"""Models of the data, one file each."""

from analytic.models.base import Model
from analytic.models.equal_means import EqualMeans
from analytic.models.hypersphere import Hypersphere
from analytic.models.linear_manifold import LinearManifold
from analytic.models.mixture import GaussianMixture, PointMixture
from analytic.models.nested_pairs import NestedPairs
from analytic.models.simplex import Simplex
from analytic.models.symmetric_pair import SymmetricPair
from analytic.models.ultrametric_tree import UltrametricTree

MODELS = {
    "point_mixture": PointMixture,
    "gaussian_mixture": GaussianMixture,
    "symmetric_pair": SymmetricPair,
    "simplex": Simplex,
    "nested_pairs": NestedPairs,
    "ultrametric_tree": UltrametricTree,
    "equal_means": EqualMeans,
    "hypersphere": Hypersphere,
    "linear_manifold": LinearManifold,
}

__all__ = [
    "MODELS",
    "EqualMeans",
    "GaussianMixture",
    "Hypersphere",
    "LinearManifold",
    "Model",
    "NestedPairs",
    "PointMixture",
    "Simplex",
    "SymmetricPair",
    "UltrametricTree",
]
