r"""Hopfield: P stored patterns xi^mu of +-1, Mattis overlaps m_mu = (1/N) sum_i xi_i^mu s_i.

    H = -(N/2) sum_mu m_mu^2
    few patterns (P fixed):  m = E_xi[xi tanh(beta xi . m)];  retrieval m = tanh(beta m), critical at beta = 1
    many (P = alpha N), replica symmetric, one retrieved pattern:
    f = m^2/2 + (alpha/2 beta)[log(1 - beta(1-q)) - beta q/(1 - beta(1-q))] + (alpha beta/2) r (1-q) + alpha/2
        - (1/beta) int Dz log 2 cosh(beta (m + sqrt(alpha r) z))
    T = 0:  alpha(y) = [erf(y)/y - (2/sqrt(pi)) exp(-y^2)]^2/2,  m = erf(y);  capacity: its largest value

Source: Amit, Gutfreund & Sompolinsky 1985, 1987.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, product

import sympy as sp

from analytic.evaluate import root
from analytic.mean_field.base import MeanField, inverse_temperature, site, whole
from analytic.mean_field.measures import Discrete
from analytic.symbols import beta


@dataclass(frozen=True)
class Hopfield(MeanField):
    """Ising spins with P random patterns, P finite as N grows.

    Parameters
    ----------
    patterns : P from 1 to 6.  mixed : how many patterns the order is shared by (1: retrieval; odd numbers).

    Raises
    ------
    ValueError for P outside 1 ... 6, an even or too large `mixed`, or a beta that is not positive.
    """

    patterns: int = 2
    mixed: int = 1
    beta: sp.Expr = beta

    def __post_init__(self):
        put = object.__setattr__
        put(self, "patterns", whole(self.patterns, "patterns", 1))
        put(self, "mixed", whole(self.mixed, "mixed", 1))
        put(self, "beta", inverse_temperature(self.beta))
        if self.patterns > 6:
            raise ValueError(f"patterns: {self.patterns} given; at most 6 are enumerated, more: RetrievalPhase")
        if self.mixed > self.patterns or self.mixed % 2 == 0:
            raise ValueError(f"mixed: {self.mixed} given; an odd number up to patterns = {self.patterns} is needed")

    @property
    def labels(self):
        """The bits xi_1 .. xi_P of one site."""
        return tuple(sp.Symbol(f"xi{k + 1}", real=True) for k in range(self.patterns))

    @property
    def quenched(self):
        """All 2^P columns of bits, equally likely."""
        columns = tuple(product((1, -1), repeat=self.patterns))
        return Discrete(self.labels, columns, (-self.patterns * sp.log(2),) * len(columns))

    @property
    def measure(self):
        """s = +1, -1."""
        return Discrete(site, (1, -1))

    @property
    def order(self):
        """The Mattis overlaps m1 .. mP."""
        return tuple(sp.Symbol(f"m{k + 1}", real=True) for k in range(self.patterns))

    @property
    def observables(self):
        """xi_mu s."""
        return tuple(xi * site for xi in self.labels)

    @property
    def energy(self):
        """-(1/2) sum m_mu^2."""
        return -sp.Add(*(q**2 for q in self.order)) / 2

    @property
    def ray(self):
        """The first `mixed` overlaps are equal, the others zero."""
        zero = (sp.S.Zero,) * self.patterns
        return zero, tuple(sp.Integer(int(k < self.mixed)) for k in range(self.patterns))

    @property
    def directions(self):
        """Every choice of `mixed` patterns, each with either sign."""
        chosen = combinations(range(self.patterns), self.mixed)
        signed = product(chosen, product((1, -1), repeat=self.mixed))
        rows = [dict(zip(which, signs, strict=True)) for which, signs in signed]
        return tuple(tuple(sp.Integer(row.get(k, 0)) for k in range(self.patterns)) for row in rows)

    @property
    def size_multiple(self):
        """Every column of bits equally often."""
        return 2**self.patterns


m, q, r, load, z = (sp.Symbol(name, positive=True) for name in ("m", "q", "r", "alpha", "z"))
y = sp.Symbol("y", positive=True)


@dataclass(frozen=True)
class RetrievalPhase:
    """The replica-symmetric retrieval state at load alpha = P/N, from its free energy (module's formula).

    `free_energy`, and the saddle-point equations derived from it; at T = 0 the curve alpha(y) and its top.
    """

    beta: sp.Expr = beta

    def __post_init__(self):
        object.__setattr__(self, "beta", inverse_temperature(self.beta))

    def gauss(self, expr):
        """int Dz expr."""
        w = sp.Symbol("z", real=True)
        weight = sp.exp(-(w**2) / 2) / sp.sqrt(2 * sp.pi)
        return sp.Integral(weight * expr.subs(z, w), (w, -sp.oo, sp.oo))

    @cached_property
    def free_energy(self):
        """f(m, q, r)."""
        from analytic.stable import logcosh

        b, rest = self.beta, 1 - self.beta * (1 - q)
        noise = load / (2 * b) * (sp.log(rest) - b * q / rest) + load * b * r * (1 - q) / 2 + load / 2
        return m**2 / 2 + noise - self.gauss(sp.log(2) + logcosh(b * (m + sp.sqrt(load * r) * z))) / b

    @cached_property
    def equations(self):
        """The derivatives of f by m, r and q, which vanish in the state."""
        return tuple(sp.diff(self.free_energy, letter) for letter in (m, r, q))

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
        from analytic.evaluate import evaluate

        curve, overlap = self.load_curve
        best = root(sp.diff(curve, y), y, 1, 3, digits=digits)
        return tuple(evaluate(e, {y: best}, digits) for e in (curve, overlap))
