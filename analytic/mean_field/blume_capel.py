r"""Blume-Capel: spins -1, 0, +1 with a crystal field that favours 0.

    H = -(J/2N) (sum_i s_i)^2 + Delta sum_i s_i^2 - h sum_i s_i
    m = 2 sinh(beta (J m + h)) / (exp(beta Delta) + 2 cosh(beta (J m + h)))

The continuous line 2 beta J = exp(beta Delta) + 2 ends in a tricritical point; beyond it the transition is first order.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from analytic.mean_field.base import MeanField, inverse_temperature, positive, site
from analytic.mean_field.measures import Discrete
from analytic.symbols import beta, exact, magnetisation

Delta = sp.Symbol("Delta", real=True)


@dataclass(frozen=True)
class BlumeCapel(MeanField):
    """Spins of three values with H = -(J/2N)(sum s)^2 + Delta sum s^2 - h sum s; `crystal` is Delta.

    Raises ValueError for a coupling or beta that is not positive.
    """

    crystal: sp.Expr = Delta
    coupling: sp.Expr = sp.S.One
    field: sp.Expr = sp.S.Zero
    beta: sp.Expr = beta

    def __post_init__(self):
        put = object.__setattr__
        put(self, "crystal", exact(self.crystal))
        put(self, "coupling", positive(self.coupling, "coupling"))
        put(self, "field", exact(self.field))
        put(self, "beta", inverse_temperature(self.beta))

    @property
    def measure(self):
        """exp(-beta Delta s^2) on s = 1, 0, -1."""
        return Discrete(site, (1, 0, -1), (-self.beta * self.crystal, 0, -self.beta * self.crystal))

    @property
    def energy(self):
        """-J m^2/2 - h m."""
        return -self.coupling * magnetisation**2 / 2 - self.field * magnetisation
