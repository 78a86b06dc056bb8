r"""Two classes at +-m with variance v inside each: the test bed of symmetry breaking.

    Gamma = sigma^2 + alpha^2 v          Lambda = alpha^2 |m|^2 / Gamma
    s(x) = -x/Gamma + (alpha m/Gamma) tanh(alpha m.x/Gamma + logit(w)/2)

The state is the one coordinate along m; the other dim - 1 directions are Gaussian and exact for any dim, a symbol
included.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from analytic.models.base import Model, checked_weights
from analytic.models.mixture import GaussianMixture, checked_variance
from analytic.symbols import coordinates, exact


@dataclass(frozen=True)
class SymmetricPair(Model):
    """w N(+m, v I) + (1 - w) N(-m, v I) in `dim` dimensions, |m| = mean_norm.

    Parameters
    ----------
    mean_norm : |m|, positive.  variance : v >= 0 inside each class (0: two points).
    weight : w of the class at +m, between 0 and 1.  dim : dimension D >= 1.
    Each may be a number or a SymPy symbol.

    Raises
    ------
    ValueError for a mean_norm that is not positive, a negative variance, a weight outside (0, 1), dim < 1.
    """

    mean_norm: sp.Expr
    variance: sp.Expr = sp.S.Zero
    weight: sp.Expr = sp.S.Half
    dimension: sp.Expr = sp.S.One

    def __init__(self, mean_norm, variance=0, weight=sp.S.Half, dim=1):
        put = object.__setattr__
        put(self, "mean_norm", exact(mean_norm))
        put(self, "variance", checked_variance(variance, "variance"))
        put(self, "weight", exact(weight))
        put(self, "dimension", exact(dim))
        if self.mean_norm.is_number and not self.mean_norm > 0:
            raise ValueError(f"mean_norm: {self.mean_norm} is not positive")
        if self.weight.is_number and not 0 < self.weight < 1:
            raise ValueError(f"weight: {self.weight} is not between 0 and 1")
        if self.dimension.is_number and not (self.dimension.is_integer and self.dimension >= 1):
            raise ValueError(f"dim: {self.dimension} is not a positive integer")
        checked_weights((self.weight, 1 - self.weight), 2)

    @property
    def state(self):
        """(x,): the coordinate along m."""
        return coordinates(1)

    @property
    def rest_dim(self):
        """The dim - 1 directions in which the classes do not differ."""
        return self.dimension - 1

    @property
    def rest_variance(self):
        """The variance v of the data in those directions."""
        return self.variance

    def log_components(self, alpha, sigma):
        """log of w N(x; +-alpha m, Gamma)."""
        return self._mixture().log_components(alpha, sigma)

    def sampling(self, alpha, sigma):
        """Weights, +-alpha m and Gamma."""
        return self._mixture().sampling(alpha, sigma)

    def _mixture(self):
        m, w = self.mean_norm, self.weight
        return GaussianMixture([m, -m], self.variance, (w, 1 - w))
