r"""Hopfield: few stored patterns xi^mu of +-1, Mattis overlaps m_mu = (1/N) sum_i xi_i^mu s_i.

    H = -(N/2) sum_mu m_mu^2
    P fixed as N grows:  m = E_xi[xi tanh(beta xi . m)];  retrieval m = tanh(beta m), critical at beta = 1

Many patterns, P = alpha N, are in `retrieval`.  Source: Amit, Gutfreund & Sompolinsky 1985, 1987.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product

import sympy as sp

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
