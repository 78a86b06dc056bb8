r"""Noisy Kuramoto oscillators: the contrast without a free energy.

    d theta_i = [omega_i + K r sin(psi - theta_i)] dt + sqrt(2 D) dW_i,     r e^{i psi} = (1/N) sum_i e^{i theta_i}
    incoherent state unstable for   K > K_c = 2 / E[D/(D^2 + omega^2)]

Identical oscillators: K_c = 2 D, and the stationary state is the XY model at T = D.  With spread frequencies every
site carries a current, detailed balance fails, and there is no potential.  Source: Sakaguchi 1988; Strogatz &
Mirollo 1991.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import sympy as sp

from analytic.dynamics import Dynamics
from analytic.mean_field.base import label, positive, site

K, D, gamma = sp.symbols("K D gamma", positive=True)
LAWS = ("identical", "lorentzian", "gaussian")


@dataclass(frozen=True)
class Kuramoto:
    """Phase oscillators with coupling K, noise D, and frequencies of width `spread` of a law symmetric about zero.

    Raises ValueError for another law or for a coupling, noise or spread that is not positive.
    """

    coupling: sp.Expr = K
    noise: sp.Expr = D
    law: str = "identical"
    spread: sp.Expr = gamma

    def __post_init__(self):
        if self.law not in LAWS:
            raise ValueError(f"law: {self.law!r} is unknown; allowed are {', '.join(LAWS)}")
        for name in ("coupling", "noise", "spread"):
            object.__setattr__(self, name, positive(getattr(self, name), name))

    @property
    def order(self):
        """(c, s): the averages of cos and sin of the phases."""
        return sp.symbols("c s", real=True)

    @property
    def observables(self):
        """(cos x, sin x)."""
        return sp.cos(site), sp.sin(site)

    @property
    def site_drift(self):
        """omega + K (s cos x - c sin x), omega the label of the site."""
        c, s = self.order
        omega = sp.S.Zero if self.law == "identical" else self.spread * label
        return omega + self.coupling * (s * sp.cos(site) - c * sp.sin(site))

    def langevin(self, size: int) -> Dynamics:
        """N identical oscillators as a `Dynamics` of sites; ValueError for spread frequencies (labels of sites)."""
        if self.law != "identical":
            raise ValueError(f"law: {self.law} frequencies differ from site to site; only identical ones are simulated")
        order = dict(zip(self.order, self.observables, strict=True))
        return Dynamics(
            (site,), (self.site_drift,), (sp.sqrt(2 * self.noise),), sites=size, order=order, name="Kuramoto"
        )

    @cached_property
    def response(self):
        """The order parameter of a site per order parameter r = c -> 0: first-order stationary Fokker-Planck."""
        a, b, r = sp.symbols("a b r", real=True)
        c, s = self.order
        density = 1 + r * (a * sp.cos(site) + b * sp.sin(site))
        current = self.site_drift.subs({s: 0, c: r}) * density - self.noise * sp.diff(density, site)
        first = sp.expand(sp.diff(sp.diff(current, site), r).subs(r, 0))
        found = sp.solve([first.coeff(sp.cos(site)), first.coeff(sp.sin(site))], [a, b], dict=True)[0]
        return sp.simplify(found[a] / 2)

    @cached_property
    def critical_coupling(self) -> sp.Expr:
        """K_c, where the mean response of a site is one."""
        per_coupling = sp.simplify(self.response / self.coupling)
        if self.law == "identical":
            return 1 / per_coupling
        weights = {
            "lorentzian": 1 / (sp.pi * (1 + label**2)),
            "gaussian": sp.exp(-(label**2) / 2) / sp.sqrt(2 * sp.pi),
        }
        w = sp.Symbol("w", positive=True)
        mean = sp.integrate(sp.simplify(2 * weights[self.law] * per_coupling).subs(label, w), (w, 0, sp.oo))
        return sp.simplify(1 / mean)
