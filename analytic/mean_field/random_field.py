r"""Random-field Curie-Weiss: each site has a quenched field of its own.

    H = -(J/2N) (sum_i s_i)^2 - sum_i (h + h_i) s_i           m = E tanh(beta (J m + h + h_i))

Fields +-h_0 with equal weight have a tricritical point; Gaussian fields of deviation h_0 have none.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from analytic.mean_field.base import MeanField, inverse_temperature, label, positive, site
from analytic.mean_field.measures import Density, Discrete
from analytic.symbols import beta, exact, magnetisation

h0 = sp.Symbol("h0", positive=True)
LAWS = {
    "bimodal": Discrete(label, (1, -1), (-sp.log(2), -sp.log(2))),
    "gaussian": Density(label, -(label**2) / 2 - sp.log(2 * sp.pi) / 2),
}


@dataclass(frozen=True)
class RandomField(MeanField):
    """Ising spins in fields h_i = strength x label, labels +-1 ("bimodal") or standard normal ("gaussian").

    Raises ValueError for another law, or for a coupling, strength or beta that is not positive.
    """

    strength: sp.Expr = h0
    law: str = "bimodal"
    coupling: sp.Expr = sp.S.One
    field: sp.Expr = sp.S.Zero
    beta: sp.Expr = beta

    def __post_init__(self):
        put = object.__setattr__
        if self.law not in LAWS:
            raise ValueError(f"law: {self.law!r} is unknown; allowed are {', '.join(LAWS)}")
        put(self, "strength", positive(self.strength, "strength"))
        put(self, "coupling", positive(self.coupling, "coupling"))
        put(self, "field", exact(self.field))
        put(self, "beta", inverse_temperature(self.beta))

    @property
    def quenched(self):
        """The law of the labels."""
        return LAWS[self.law]

    @property
    def size_multiple(self):
        """Bimodal: exactly half of the sites have each sign."""
        return 2 if self.law == "bimodal" else 1

    @property
    def measure(self):
        """exp(beta h_i s) on s = +1, -1."""
        tilt = self.beta * self.strength * label
        return Discrete(site, (1, -1), (tilt, -tilt))

    @property
    def energy(self):
        """-J m^2/2 - h m."""
        return -self.coupling * magnetisation**2 / 2 - self.field * magnetisation
