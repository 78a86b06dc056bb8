r"""Landau's free energies: a polynomial in the order parameter, stated and not derived from sites.

beta f = (r/2) m^2 + (u/4) m^4 + (v/6) m^6 - h m
u > 0:  continuous at r = 0, m = sqrt(-r/u)            v = 0 is allowed
u < 0:  first order at r = 3 u^2/(16 v), spinodal at r = u^2/(4 v);  u = 0: tricritical, m = (-r/v)^(1/4)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import sympy as sp

from analytic.mean_field.base import MeanField
from analytic.symbols import exact, magnetisation

r = sp.Symbol("r", real=True)


@dataclass(frozen=True)
class Landau(MeanField):
    """(r/2) m^2 + (u/4) m^4 + (v/6) m^6 - h m, in units of the temperature.

    Raises ValueError when it is not bounded below: v < 0, or v = 0 with u <= 0.
    """

    r: sp.Expr = r
    u: sp.Expr = sp.S.One
    v: sp.Expr = sp.S.Zero
    field: sp.Expr = sp.S.Zero
    beta: sp.Expr = sp.S.One

    def __post_init__(self):
        for name in ("r", "u", "v", "field"):
            object.__setattr__(self, name, exact(getattr(self, name)))
        if self.v.is_negative or (self.v == 0 and self.u.is_nonpositive):
            raise ValueError(f"u, v: {self.u}, {self.v}: not bounded below; v > 0, or v = 0 and u > 0, is needed")

    @property
    def measure(self):
        """None: the free energy is stated."""
        return None

    @property
    def energy(self):
        """The polynomial."""
        m = magnetisation
        return self.r * m**2 / 2 + self.u * m**4 / 4 + self.v * m**6 / 6 - self.field * m

    @cached_property
    def constrained(self):
        """The polynomial itself."""
        return self.energy
