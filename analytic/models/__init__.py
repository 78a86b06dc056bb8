"""Models of the data, one file each."""

from analytic.models.base import Model
from analytic.models.mixture import GaussianMixture, PointMixture
from analytic.models.symmetric_pair import SymmetricPair

MODELS = {"point_mixture": PointMixture, "gaussian_mixture": GaussianMixture, "symmetric_pair": SymmetricPair}

__all__ = ["MODELS", "GaussianMixture", "Model", "PointMixture", "SymmetricPair"]
