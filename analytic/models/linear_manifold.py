r"""Gaussian data on a linear manifold: how the score counts the dimensions of the data.

    x_0 ~ N(0, v) along each of L latent directions, N(0, u) along the other D - L (u = 0: a manifold)
    -sigma^2 grad s has the eigenvalues sigma^2/(sigma^2 + alpha^2 v) (L times) and sigma^2/(sigma^2 + alpha^2 u)

so that sigma^2 (div s + D/sigma^2) = sum_i alpha^2 v_i/(sigma^2 + alpha^2 v_i) counts the directions resolved at t.
The state is one latent coordinate; the L - 1 others and the D - L outside are Gaussian rests.  For a random manifold
x_0 = F z/sqrt(L) each eigenvalue of F F^T/L is one v (Marchenko-Pastur).  Source: Ventura, Achilli et al. 2024
(2410.05898).
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from analytic.models.base import Model, checked_dimension
from analytic.models.mixture import GaussianMixture, checked_variance


@dataclass(frozen=True)
class LinearManifold(Model):
    """N(0, variance) along `latent` directions and N(0, ambient) along the other dim - latent.

    Parameters
    ----------
    dim : D.  latent : L, from 1 to D.  variance, ambient : v, u >= 0.  Each may be a number or a SymPy symbol.

    Raises
    ------
    ValueError for a negative variance, latent < 1 or dim < latent.
    """

    dimension: sp.Expr
    latent: sp.Expr
    variance: sp.Expr = sp.S.One
    ambient: sp.Expr = sp.S.Zero

    def __init__(self, dim, latent, variance=1, ambient=0):
        put = object.__setattr__
        put(self, "latent", checked_dimension(latent, "latent"))
        least = int(self.latent) if self.latent.is_number else 1
        put(self, "dimension", checked_dimension(dim, "dim", least))
        put(self, "variance", checked_variance(variance, "variance"))
        put(self, "ambient", checked_variance(ambient, "ambient"))

    @property
    def state(self):
        """(x,): one latent coordinate."""
        return self._along().state

    @property
    def rests(self):
        """The other latent directions and those outside the manifold."""
        return ((self.latent - 1, self.variance), (self.dimension - self.latent, self.ambient))

    def log_components(self, alpha, sigma):
        """log N(x; 0, sigma^2 + alpha^2 v)."""
        return self._along().log_components(alpha, sigma)

    def sampling(self, alpha, sigma):
        """N(0, sigma^2 + alpha^2 v)."""
        return self._along().sampling(alpha, sigma)

    def _along(self):
        return GaussianMixture([0], self.variance)
