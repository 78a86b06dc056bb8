r"""Classes with one mean and different variances: decisions without any bifurcation.

    p_0 = sum_k w_k N(0, v_k I_D),    Gamma_k = sigma^2 + alpha^2 v_k,    delta_k = alpha^2 (v_k - v_1)/Gamma_1
    l_k = log w_k - r^2/(2 Gamma_k) - (D/2) log(2 pi Gamma_k)
        = [log w_k - r^2/(2 Gamma_1) - (D/2) log(2 pi Gamma_1)] + r^2 delta_k/(2 Gamma_k) - (D/2) log1p(delta_k)

The last form keeps differences of the l_k exact for any D: what two classes share stands in both as one expression.
The state is the radial coordinate r = |x| of all D dimensions.  For two classes and D -> infinity the
log-odds become normal and the universal functions of two classes apply with Lambda = D e^{-4t} (v_1 - v_2)^2/8 (OU).
Source: Achilli et al. 2026 (2602.04404).
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from analytic.models.base import Model, Normals, checked_dimension, checked_weights
from analytic.models.mixture import checked_variance
from analytic.stable import log1p


@dataclass(frozen=True)
class EqualMeans(Model):
    """sum_k w_k N(0, v_k I) in `dim` dimensions.

    Parameters
    ----------
    variances : (v_1, ..., v_K), each >= 0.  weights : K positive numbers of sum one, or None for uniform.
    dim : dimension D >= 1.  Each may be a number or a SymPy symbol.

    Raises
    ------
    ValueError for no variance, a negative one, weights that do not sum to one, dim < 1.
    """

    variances: tuple
    weights: tuple | None = None
    dimension: sp.Expr = sp.S.One

    def __init__(self, variances, weights=None, dim=1):
        put = object.__setattr__
        put(self, "variances", tuple(checked_variance(v, "variances") for v in variances))
        if not self.variances:
            raise ValueError("variances: empty; at least one class is needed")
        put(self, "weights", checked_weights(weights, len(self.variances)))
        put(self, "dimension", checked_dimension(dim))

    @property
    def state(self):
        """(r,): the norm of all coordinates."""
        return (sp.Symbol("r", positive=True),)

    @property
    def radial(self):
        """r is the norm of D coordinates."""
        return {self.state[0]: self.dimension}

    def log_components(self, alpha, sigma):
        """l_k(r) as in the module's formula."""
        (r,) = self.state
        first = sigma**2 + alpha**2 * self.variances[0]
        shared = -(r**2) / (2 * first) - self.dimension * sp.log(2 * sp.pi * first) / 2
        return tuple(
            sp.log(w) + shared + self._excess(v, first, alpha, sigma)
            for w, v in zip(self.weights, self.variances, strict=True)
        )

    def _excess(self, v, first, alpha, sigma):
        (r,) = self.state
        delta = alpha**2 * (v - self.variances[0]) / first
        return r**2 * delta / (2 * (sigma**2 + alpha**2 * v)) - self.dimension * log1p(delta) / 2

    def sampling(self, alpha, sigma):
        """Norms of N(0, Gamma_k I_D)."""
        covariances = tuple(sp.ImmutableMatrix([[sigma**2 + alpha**2 * v]]) for v in self.variances)
        return Normals(self.weights, ((sp.S.Zero,),) * len(covariances), covariances, (self.dimension,))
