r"""Potts: q colours, every pair coupled when equal.

    H = -(J/2N) sum_k n_k^2           p_k = exp(beta J p_k) / sum_l exp(beta J p_l)
    broken along one colour:  p_1 = (1 + (q-1) m)/q,  p_k = (1 - m)/q

First order for q >= 3.  It is also the score's fixed-point equation for q equidistant classes, gamma = beta J.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from analytic.mean_field.base import MeanField, inverse_temperature, positive, site, whole
from analytic.mean_field.measures import Discrete
from analytic.symbols import beta


@dataclass(frozen=True)
class Potts(MeanField):
    """Potts spins of q colours with H = -(J/2N) sum_k n_k^2.

    Raises ValueError unless `colours` is a whole number of at least 2, or for a coupling or beta that is not positive.
    """

    colours: int = 3
    coupling: sp.Expr = sp.S.One
    beta: sp.Expr = beta

    def __post_init__(self):
        put = object.__setattr__
        put(self, "colours", whole(self.colours, "colours", 2, " (one colour has nothing to order)"))
        put(self, "coupling", positive(self.coupling, "coupling"))
        put(self, "beta", inverse_temperature(self.beta))

    @property
    def measure(self):
        """x = 1 .. q."""
        return Discrete(site, tuple(range(1, self.colours + 1)))

    @property
    def order(self):
        """p_1 .. p_q, the fractions of the colours."""
        return tuple(sp.Symbol(f"p{k}", real=True) for k in range(1, self.colours + 1))

    @property
    def observables(self):
        """1 where the site has colour k."""
        return tuple(sp.KroneckerDelta(site, k) for k in range(1, self.colours + 1))

    @property
    def coordinates(self):
        """The same indicators: a colour as data is a corner of the simplex."""
        return self.observables

    @property
    def energy(self):
        """-(J/2) sum p_k^2."""
        return -self.coupling / 2 * sp.Add(*(p**2 for p in self.order))

    @property
    def ray(self):
        """Uniform, and the direction of the first colour."""
        q = self.colours
        uniform = (sp.Rational(1, q),) * q
        return uniform, tuple(sp.Integer(int(k == 0)) - sp.Rational(1, q) for k in range(q))

    @property
    def directions(self):
        """One for each colour."""
        q = self.colours
        return tuple(tuple(sp.Integer(int(k == c)) - sp.Rational(1, q) for k in range(q)) for c in range(q))
