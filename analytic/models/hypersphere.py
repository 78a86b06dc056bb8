r"""Data uniform on a sphere: symmetry breaking of a continuous group.

    l(r) = -(r^2 + rho^2)/(2 sigma^2) - (D/2) log(2 pi sigma^2) + log F(k),    rho = alpha R,  k = rho r/sigma^2,
    F(k) = Gamma(D/2) (2/k)^nu I_nu(k),  nu = D/2 - 1;        xhat = R A_nu(k) x/r,  A_nu = I_{nu+1}/I_nu

The state is the radial coordinate r = |x| of all D dimensions.  Fixed points of the score solve r = alpha R A_nu(k);
the centre turns unstable at alpha^2 R^2/(D sigma^2) = 1.  Source: Ambrogioni 2025 (Entropy 27, 291).
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from analytic.bessel import log_bessel
from analytic.models.base import Model, Normals, checked_dimension, checked_positive


@dataclass(frozen=True)
class Hypersphere(Model):
    """The uniform distribution on the sphere |x_0| = radius in `dim` dimensions.

    Parameters
    ----------
    dim : dimension D >= 1 of the space, a number (compiled kernels need it).  radius : R > 0, number or symbol.

    Raises
    ------
    ValueError for a radius that is not positive or a dim < 1.
    """

    dimension: sp.Expr
    radius: sp.Expr = sp.S.One

    def __init__(self, dim, radius=1):
        put = object.__setattr__
        put(self, "dimension", checked_dimension(dim))
        put(self, "radius", checked_positive(radius, "radius"))

    @property
    def state(self):
        """(r,): the norm of all coordinates."""
        return (sp.Symbol("r", positive=True),)

    @property
    def radial(self):
        """r is the norm of D coordinates."""
        return {self.state[0]: self.dimension}

    def log_components(self, alpha, sigma):
        """l(r) as in the module's formula."""
        (r,), n, rho = self.state, self.dimension, alpha * self.radius
        square = (r**2 + rho**2) / (2 * sigma**2)
        return (-square - n * sp.log(2 * sp.pi * sigma**2) / 2 + log_bessel(n / 2 - 1, rho * r / sigma**2),)

    def sampling(self, alpha, sigma):
        """The norm of N(alpha R e_1, sigma^2 I_D)."""
        mean, covariance = ((alpha * self.radius,),), (sp.ImmutableMatrix([[sigma**2]]),)
        return Normals((sp.S.One,), mean, covariance, (self.dimension,))
