"""Path functionals as coordinates: each keeps one number per lane, updated once a step.

path_integral(e)       m <- m + (e(old) + e(new)) dt/2          now: m
running_max(e)         m <- max(m, e(old))                      now: max(m, e)
value_at_first(c, e)   (f, m) <- (1, e(old)) if f = 0 and c(old) > 0       now: m if f, else e if c > 0, else 0
value_at(e, s)         value_at_first with c > 0 at or past s, up to rounding of the grid
"""

from __future__ import annotations

import sympy as sp

from analytic.paths import PathFunctional, path_integral, running_max, value_at, value_at_first
from physim.kernels.printer import lower, maximum

LOWEST = -1e30  # also in float32
ROUNDING = sp.Float(1e-12)


class Memory:
    """The memory coordinates of some observables.

    symbols, starts : the coordinates and their values before the first step.
    `update(old, new, dt)` gives their new values; `now(expr)` replaces functionals by expressions of coordinates.
    """

    def __init__(self, observables, time, reverse: bool, prefix: str = "m"):
        self.time, self.sign = time, -1 if reverse else 1
        found = sorted(set().union(*(e.atoms(PathFunctional) for e in observables)), key=sp.default_sort_key)
        if any(inner.atoms(PathFunctional) for f in found for inner in f.args):
            raise ValueError(
                "observe: a path functional inside another one is not supported; observe them side by side"
            )
        self.replaced = {f: self._past(*f.args) for f in found if isinstance(f, value_at)}
        found = list(dict.fromkeys(self.replaced.get(f, f) for f in found))
        self.functionals: list[tuple] = []
        self.symbols: list[sp.Symbol] = []
        self.starts: list[float] = []
        for functional in found:
            count = 2 if functional.func.__name__ == "value_at_first" else 1
            names = [sp.Symbol(f"{prefix}{len(self.symbols) + i}", real=True) for i in range(count)]
            self.functionals.append((functional, names))
            self.symbols += names
            self.starts += [LOWEST if isinstance(functional, running_max) else 0.0] * count

    def _past(self, expr, when):
        late = self.sign * (self.time - when) + ROUNDING * (1 + sp.Abs(when))
        return value_at_first(late, expr)

    def update(self, old, new, dt):
        """New values from functions that put an expression at the old and at the new state and time."""
        values = []
        for functional, names in self.functionals:
            args = [lower(a) for a in functional.args]
            if isinstance(functional, path_integral):
                values.append(names[0] + (old(args[0]) + new(args[0])) * dt / 2)
            elif isinstance(functional, running_max):
                values.append(maximum(names[0], old(args[0])))
            else:
                condition, value = map(old, args)
                first = sp.And(names[0] < sp.S.Half, condition > 0)
                values.append(sp.Piecewise((sp.S.One, first), (names[0], True)))
                values.append(sp.Piecewise((value, first), (names[1], True)))
        return values

    def now(self, expr):
        """An observable in terms of the state and the memory coordinates."""
        swap = {}
        for functional, names in self.functionals:
            if isinstance(functional, path_integral):
                swap[functional] = names[0]
            elif isinstance(functional, running_max):
                swap[functional] = maximum(names[0], functional.args[0])
            else:
                condition, value = functional.args
                fresh = sp.Piecewise((value, condition > 0), (sp.S.Zero, True))
                swap[functional] = sp.Piecewise((names[1], names[0] > sp.S.Half), (fresh, True))
        return expr.xreplace(self.replaced).xreplace(swap)
