r"""Hopfield with many patterns, P = alpha N: the replica-symmetric retrieval state, its limits and the spin glass.

    f = m^2/2 + (alpha/2 beta)[log(1 - beta(1-q)) - beta q/(1 - beta(1-q))] + (alpha beta/2) r (1-q) + alpha/2
        - (1/beta) E log 2 cosh u,      u ~ N(beta m, beta^2 alpha r)
    m = E tanh u,  q = E tanh^2 u,  r = q/(1 - beta(1-q))^2

With a and v the mean and the variance of u every state is explicit, T = E tanh u/a and alpha = v (T - 1 + q)^2/q, so
that its limits are roots in (a, v) and need no iteration (`physim.locate.retrieval_limit`, `retrieval_coexistence`):

    T_M(alpha)   retrieval appears      d(T, alpha)/d(a, v) = 0
    T_c(alpha)   retrieval is the global minimum from here on: its f is that of the glass (a = 0)
    T_g = 1 + sqrt(alpha)               the glass appears, continuously
    T = 0:  alpha(y) = [erf(y)/y - (2/sqrt(pi)) exp(-y^2)]^2/2,  m = erf(y),  y = a/sqrt(2 v);  capacity: its top

Replica symmetry is broken in the glass and, by a little, in the retrieval state at low temperature: networks at T = 0
retrieve up to about alpha = 0.144.  Source: Amit, Gutfreund & Sompolinsky 1985, 1987.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import sympy as sp

from analytic.evaluate import evaluate, root
from analytic.gaussian import gaussian_mean
from analytic.mean_field.base import inverse_temperature
from analytic.stable import logcosh, tanh
from analytic.symbols import beta

m, q, r, load, z = (sp.Symbol(name, positive=True) for name in ("m", "q", "r", "alpha", "z"))
y = sp.Symbol("y", positive=True)
a, v = sp.Symbol("a", nonnegative=True), sp.Symbol("v", positive=True)  # mean and variance of the field of a site
u = sp.Symbol("u", real=True)


@dataclass(frozen=True)
class RetrievalPhase:
    """The replica-symmetric retrieval state at load alpha = P/N, from its free energy (module's formula).

    `free_energy`, and the saddle-point equations derived from it; the states as functions of (a, v); at T = 0 the
    curve alpha(y) and its top.  Raises ValueError for a beta that is not positive.
    """

    beta: sp.Expr = beta

    def __post_init__(self):
        object.__setattr__(self, "beta", inverse_temperature(self.beta))

    @cached_property
    def free_energy(self):
        """f(m, q, r)."""
        b, rest = self.beta, 1 - self.beta * (1 - q)
        noise = load / (2 * b) * (sp.log(rest) - b * q / rest) + load * b * r * (1 - q) / 2 + load / 2
        return m**2 / 2 + noise - (sp.log(2) + gaussian_mean(logcosh(u), u, b * m, b**2 * load * r)) / b

    @cached_property
    def equations(self):
        """The derivatives of f by m, r and q, which vanish in the state."""
        return tuple(sp.diff(self.free_energy, letter) for letter in (m, r, q))

    # at T > 0, explicit in the law of a site's field

    @cached_property
    def states(self) -> dict:
        """load, overlap, q and free_energy of a state by the law N(a, v) of beta times a site's field, and by beta.

        Retrieval states have beta = a/overlap, the glass a = 0.
        """
        general = RetrievalPhase()
        order, square = (gaussian_mean(e, u, a, v) for e in (tanh(u), tanh(u) ** 2))
        strength = sp.solve(general.equations[2], r)[0]
        loads = sp.factor(v / (beta**2 * strength))
        free = general.free_energy.subs(r, v / (beta**2 * load)).subs(m, a / beta).subs(load, loads)
        return {"load": loads.subs(q, square), "overlap": order, "q": square, "free_energy": free.subs(q, square)}

    @cached_property
    def glass_temperature(self) -> sp.Expr:
        """T_g(alpha) where q leaves zero at m = 0: the load of the glass as v -> 0, solved for T."""
        small = sp.limit(self.states["load"].subs(self.states["q"], v), v, 0)
        warm = sp.Symbol("T", positive=True)
        return next(t for t in sp.solve(small.subs(beta, 1 / warm) - load, warm) if t.subs(load, 1) > 1)

    # at T = 0

    @cached_property
    def ground_equations(self):
        """At T = 0, q = 1, with C = beta(1 - q) finite: (m - E sign, C - dE sign/dm, r - r(C)), C a symbol."""
        width, c = sp.sqrt(load * r), sp.Symbol("C", nonnegative=True)
        w = sp.Symbol("w", real=True)
        upper = sp.integrate(sp.exp(-(w**2) / 2) / sp.sqrt(2 * sp.pi), (w, -m / width, sp.oo))
        sign = sp.simplify(2 * upper - 1).rewrite(sp.erf)
        noise = sp.solve(self.equations[2].doit(deep=False), r)[0].subs(self.beta * (1 - q), c)
        noise = sp.simplify(noise.subs(q, 1 - c / self.beta))
        return m - sign, c - sp.diff(sign, m), r - sp.limit(noise, beta, sp.oo)

    @cached_property
    def load_curve(self):
        """alpha(y) and m(y) at T = 0, y = m/sqrt(2 alpha r)."""
        first, second, third = self.ground_equations
        c = sp.Symbol("C", nonnegative=True)
        overlap = (m - first).subs(r, m**2 / (2 * load * y**2))
        response = (c - second).subs(r, m**2 / (2 * load * y**2)).subs(m, overlap)
        strength = (r - third).subs(c, response)
        return sp.simplify(overlap**2 / (2 * y**2 * strength)), sp.simplify(overlap)

    def capacity(self, digits: int = 25):
        """(alpha_c, m at alpha_c) at T = 0, by a root of d alpha/dy to `digits`."""
        curve, overlap = self.load_curve
        best = root(sp.diff(curve, y), y, 1, 3, digits=digits)
        return tuple(evaluate(e, {y: best}, digits) for e in (curve, overlap))

    @cached_property
    def ground_energy(self) -> sp.Expr:
        """f(m, r, alpha) as T -> 0, C eliminated by r = 1/(1 - C)^2, E|m + sqrt(alpha r) z| written out."""
        c, width = sp.Symbol("C", nonnegative=True), sp.sqrt(load * r)
        free = RetrievalPhase().free_energy
        noise = free - free.subs({load: 0})
        noise = sp.limit(
            noise.replace(lambda e: e.func.__name__ == "GaussianMean", lambda e: sp.S.Zero).subs(q, 1 - c / beta),
            beta,
            sp.oo,
        )
        (c_of_r,) = [e for e in sp.solve(self.ground_equations[2], c) if e.subs(r, 4) < 1]
        size = m * sp.erf(m / (width * sp.sqrt(2))) + width * sp.sqrt(2 / sp.pi) * sp.exp(-(m**2) / (2 * width**2))
        return sp.simplify(m**2 / 2 + noise.subs(c, c_of_r) - size)

    def ground_coexistence(self, digits: int = 15):
        """(alpha, m) at T = 0 where retrieval state and glass have one energy; below it retrieval is the lowest."""
        curve, overlap = self.load_curve
        spread = (overlap / y) ** 2 / 2  # alpha r
        retrieved = self.ground_energy.subs(r, spread / load).subs({m: overlap, load: curve})
        response = sp.sqrt(2 / (sp.pi * load))  # of the glass, C/(1 - C)
        glass = sp.limit(self.ground_energy, m, 0).subs(r, (1 + response) ** 2)
        best = root(retrieved - glass.subs(load, curve), y, 2, 4, digits=digits)
        return tuple(evaluate(e, {y: best}, digits) for e in (curve, overlap))
