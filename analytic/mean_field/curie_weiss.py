r"""Curie-Weiss: Ising spins, every pair coupled.

    H = -(J/2N) (sum_i s_i)^2 - h sum_i s_i            m = tanh(beta (J m + h))             beta_c J = 1

The p-spin model replaces the square by a power, H = -J N m^p: first order for p >= 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from analytic.mean_field.base import MeanField, inverse_temperature, positive, site, whole
from analytic.mean_field.measures import Discrete
from analytic.symbols import beta, exact, magnetisation


@dataclass(frozen=True)
class CurieWeiss(MeanField):
    """Ising spins with H = -(J/2N)(sum s)^2 - h sum s.

    Parameters
    ----------
    coupling : J > 0.  field : h.  beta : inverse temperature.  Each a number or a SymPy symbol.

    Raises
    ------
    ValueError for a coupling or beta that is not positive.
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
        """s = +1 or -1."""
        return Discrete(site, (1, -1))

    @property
    def energy(self):
        """-J m^2/2 - h m."""
        return -self.coupling * magnetisation**2 / 2 - self.field * magnetisation


@dataclass(frozen=True)
class PSpin(MeanField):
    """Ising spins with H = -N J m^p - N h m; continuous transition for p = 2, first order from p = 3 on.

    Raises ValueError unless p is a whole number of at least 2, or for a coupling or beta that is not positive.
    """

    p: int = 3
    coupling: sp.Expr = sp.S.One
    field: sp.Expr = sp.S.Zero
    beta: sp.Expr = beta

    def __post_init__(self):
        put = object.__setattr__
        put(self, "p", whole(self.p, "p", 2, ", the number of spins in one coupling"))
        put(self, "coupling", positive(self.coupling, "coupling"))
        put(self, "field", exact(self.field))
        put(self, "beta", inverse_temperature(self.beta))

    @property
    def measure(self):
        """s = +1 or -1."""
        return Discrete(site, (1, -1))

    @property
    def energy(self):
        """-J m^p - h m."""
        return -self.coupling * magnetisation**self.p - self.field * magnetisation
