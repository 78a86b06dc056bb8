r"""Soft spins in a double well, coupled to their mean: the model of Desai & Zwanzig.

    dx_i = [x_i - x_i^3 + theta (q - x_i)] dt + sqrt(2 T) dW_i,      q = (1/N) sum_i x_i
    N -> oo: stationary density exp(-[x^4/4 - (1 - theta) x^2/2 - theta m x]/T)/Z with mean m
    critical:  theta E x^2 = T  at m = 0;  theta = 1: T_c = 4 (Gamma(3/4)/Gamma(1/4))^2 = 0.456947

Source: Desai & Zwanzig 1978; Dawson 1983.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from analytic.mean_field.base import MeanField, inverse_temperature, positive, site
from analytic.mean_field.measures import Density
from analytic.symbols import beta, exact, magnetisation


@dataclass(frozen=True)
class SoftSpins(MeanField):
    """Sites in V(x) = x^4/4 - (1 - theta) x^2/2 with energy -theta m^2/2 - h m; `coupling` is theta.

    Raises ValueError for a coupling or beta that is not positive.
    """

    coupling: sp.Expr = sp.S.One
    field: sp.Expr = sp.S.Zero
    beta: sp.Expr = beta

    def __post_init__(self):
        put = object.__setattr__
        put(self, "coupling", positive(self.coupling, "coupling"))
        put(self, "field", exact(self.field))
        put(self, "beta", inverse_temperature(self.beta))

    @property
    def measure(self):
        """exp(-beta V(x)) on the line."""
        return Density(site, sp.expand(-self.beta * (site**4 / 4 - (1 - self.coupling) * site**2 / 2)))

    @property
    def energy(self):
        """-theta m^2/2 - h m."""
        return -self.coupling * magnetisation**2 / 2 - self.field * magnetisation
