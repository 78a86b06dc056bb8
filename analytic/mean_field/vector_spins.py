r"""O(n) spins of unit length, and the spherical model as their limit of many components.

    H = -(J/2N) |sum_i s_i|^2 - h sum_i s_i1,  |s_i| = 1:   K(u) = log[Gamma(n/2) (2/|u|)^(n/2-1) I_{n/2-1}(|u|)]
    m = I_{n/2}(beta J m) / I_{n/2-1}(beta J m)               beta_c J = n
    spherical, sum_i s_i^2 = N:      beta f = -beta J m^2/2 - (1/2) log(1 - m^2),       m^2 = 1 - T/J

The spherical rate function is min over (u, v) of the Gaussian site exp(u x - v x^2) that has E x = m, E x^2 = 1.
Source: Berlin & Kac 1952; Stanley 1968.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import sympy as sp

from analytic.mean_field.base import MeanField, inverse_temperature, positive, site, whole
from analytic.mean_field.measures import Density, Discrete, Sphere
from analytic.symbols import beta, coordinates, exact, magnetisation


@dataclass(frozen=True)
class VectorSpins(MeanField):
    """O(n) spins of unit length; the order parameter is their mean vector, broken along the first direction.

    Parameters
    ----------
    components : n = 1 (Ising), 2 (XY), 3 (Heisenberg) ...  coupling : J > 0.  field : h along the direction.

    Raises
    ------
    ValueError unless n is a whole number of at least 1, or for a coupling or beta that is not positive.
    """

    components: int = 3
    coupling: sp.Expr = sp.S.One
    field: sp.Expr = sp.S.Zero
    beta: sp.Expr = beta

    def __post_init__(self):
        put = object.__setattr__
        put(self, "components", whole(self.components, "components", 1, " (n = 1 is Ising)"))
        put(self, "coupling", positive(self.coupling, "coupling"))
        put(self, "field", exact(self.field))
        put(self, "beta", inverse_temperature(self.beta))

    @property
    def measure(self):
        """The uniform law of a unit vector (n = 1: s = +1 or -1)."""
        return Discrete(site, (1, -1)) if self.components == 1 else Sphere(self.observables)

    @property
    def observables(self):
        """The components of a spin."""
        return coordinates(self.components, "s") if self.components > 1 else (site,)

    @property
    def coordinates(self):
        """The components."""
        return self.observables

    @property
    def order(self):
        """m_1 .. m_n."""
        return coordinates(self.components, "m")

    @property
    def ray(self):
        """The first direction."""
        return (sp.S.Zero,) * self.components, tuple(sp.Integer(int(k == 0)) for k in range(self.components))

    @property
    def directions(self):
        """Both signs for n = 1; ValueError for a sphere of phases."""
        if self.components == 1:
            return ((sp.S.One,), (-sp.S.One,)) if self.field == 0 else ((sp.S.One,),)
        raise ValueError(f"components: the phases of O({self.components}) spins are a sphere of radius m, not a few")

    @property
    def energy(self):
        """-J |m|^2/2 - h m_1."""
        return -self.coupling / 2 * sp.Add(*(q**2 for q in self.order)) - self.field * self.order[0]


@dataclass(frozen=True)
class Spherical(MeanField):
    """Real spins with sum s^2 = N and H = -(J/2N)(sum s)^2 - h sum s; a global constraint, so no measure of a site.

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
        """A Gaussian site of mean m and variance 1 - m^2 stands for the constraint (module's formula)."""
        variance = 1 - magnetisation**2
        return Density(site, -((site - magnetisation) ** 2) / (2 * variance) - sp.log(2 * sp.pi * variance) / 2)

    @property
    def energy(self):
        """-J m^2/2 - h m."""
        return -self.coupling * magnetisation**2 / 2 - self.field * magnetisation

    @cached_property
    def constrained(self):
        """beta e(m) + I(m): I = -(1/2) log(1 - m^2) is the entropy lost by the Gaussian site."""
        u, v = sp.Symbol("u", real=True), sp.Symbol("v", positive=True)
        log_site = u**2 / (4 * v) + sp.log(sp.pi / v) / 2  # log int exp(u x - v x^2) dx
        best = sp.solve([log_site.diff(u) - magnetisation, -log_site.diff(v) - 1], [u, v], dict=True)[0]
        rate = sp.simplify((u * magnetisation - v - log_site).subs(best))
        return self.beta * self.energy + sp.simplify(sp.expand_log(rate - rate.subs(magnetisation, 0), force=True))
