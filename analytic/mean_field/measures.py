r"""Measures of a single site: the values of a discrete spin, a density on an interval, or the unit sphere of R^n.

    log_integral(e) = log sum_x w(x) exp(e(x))    or    log int w(x) exp(e(x)) dx
    mean(g) = sum_x w(x) g(x) / sum_x w(x)        or    int w g dx / int w dx
    sphere:  log_integral(a . s) = log F(|a|),  F = Gamma(n/2) (2/k)^nu I_nu(k),  nu = n/2 - 1

The measure need not be normalised; its log-weight may depend on the inverse temperature (w = exp(-beta V)).
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from analytic.bessel import log_bessel
from analytic.stable import logcosh, logsumexp
from analytic.symbols import exact


@dataclass(frozen=True)
class Discrete:
    """A discrete measure: `values` are points, one entry for each of `variables`; None weights them equally.

    Raises ValueError when a point has the wrong number of entries or the log-weights do not match the points.
    """

    variables: tuple
    values: tuple
    log_weights: tuple | None = None

    def __post_init__(self):
        put = object.__setattr__
        put(self, "variables", self.variables if isinstance(self.variables, tuple) else (self.variables,))
        points = tuple(tuple(map(exact, p)) if isinstance(p, tuple) else (exact(p),) for p in self.values)
        weights = (sp.S.Zero,) * len(points) if self.log_weights is None else tuple(map(exact, self.log_weights))
        if any(len(p) != len(self.variables) for p in points):
            raise ValueError(f"values: each point needs {len(self.variables)} entries, one for each variable")
        if len(weights) != len(points):
            raise ValueError(f"log_weights: {len(weights)} given for {len(points)} values; one each is needed")
        put(self, "values", points)
        put(self, "log_weights", weights)

    def at(self, expr):
        """The expression at each value."""
        expr = sp.sympify(expr)
        return tuple(expr.xreplace(dict(zip(self.variables, point, strict=True))) for point in self.values)

    def log_integral(self, tilt):
        """log sum_x exp(log-weight + tilt(x)); of two values, through log cosh."""
        entries = [w + e for w, e in zip(self.log_weights, self.at(tilt), strict=True)]
        if len(entries) == 2:
            half = [sp.expand((entries[0] + sign * entries[1]) / 2) for sign in (1, -1)]
            return half[0] + sp.log(2) + logcosh(sp.factor_terms(half[1]))
        return logsumexp(entries)

    def mean(self, expr, tilt=0):
        """The mean of an expression under the measure times exp(tilt), in ordinary functions."""
        weights = [sp.exp(w + e) for w, e in zip(self.log_weights, self.at(tilt), strict=True)]
        return sp.Add(*(w * v for w, v in zip(weights, self.at(expr), strict=True))) / sp.Add(*weights)


@dataclass(frozen=True)
class Density:
    """A density exp(log_weight(x)) on an interval `domain`, by default the whole line."""

    variable: sp.Symbol
    log_weight: sp.Expr
    domain: tuple = (-sp.oo, sp.oo)

    @property
    def variables(self):
        """(x,)."""
        return (self.variable,)

    def log_integral(self, tilt):
        """log of the integral of exp(log_weight + tilt)."""
        return sp.log(self._integral(sp.S.One, tilt))

    def mean(self, expr, tilt=0):
        """The mean under the measure times exp(tilt): closed where SymPy integrates it, else as integrals."""
        return self._closed(expr, tilt) / self._closed(sp.S.One, tilt)

    def _integral(self, expr, tilt):
        return sp.Integral(expr * sp.exp(self.log_weight + tilt), (self.variable, *self.domain))

    def _closed(self, expr, tilt):
        """Powers of x against an even weight are integrated over the positive half."""
        expr, weight = sp.sympify(expr), sp.exp(self.log_weight + tilt)
        x, (low, high) = self.variable, self.domain
        if low == -high and sp.expand(weight.subs(x, -x) - weight) == 0:
            if sp.expand(expr.subs(x, -x) + expr) == 0:
                return sp.S.Zero
            y = sp.Symbol("y", positive=True)
            found = _closed_power(sp.expand(expr.subs(x, y)), sp.expand_log(sp.log(weight.subs(x, y))), y, high)
            if found is not None:
                return found
        return self._integral(expr, tilt)


@dataclass(frozen=True)
class Sphere:
    """The uniform law of a unit vector of R^n, n >= 2; `variables` are its components."""

    variables: tuple

    def log_integral(self, tilt):
        """log of the mean of exp(tilt), for a tilt linear in the components: rotation leaves its length only."""
        tilt = sp.expand(sp.sympify(tilt))
        slopes = [sp.diff(tilt, s) for s in self.variables]
        rest = sp.expand(tilt - sp.Add(*(a * s for a, s in zip(slopes, self.variables, strict=True))))
        if any(e.free_symbols & set(self.variables) for e in (*slopes, rest)):
            raise ValueError(f"tilt: {tilt} is not linear in the components of a unit vector")
        nonzero = [a for a in slopes if a != 0]
        length = nonzero[0] if len(nonzero) == 1 else sp.sqrt(sp.Add(*(a**2 for a in nonzero)))
        return rest + log_bessel(sp.Rational(len(slopes), 2) - 1, sp.sympify(length))

    def mean(self, expr, tilt=0):
        """The mean of a polynomial in one component: E s^(2j) = Gamma(n/2) Gamma(j + 1/2)/(sqrt(pi) Gamma(n/2 + j))."""
        inside = sp.sympify(expr).free_symbols & set(self.variables)
        if len(inside) != 1 or tilt != 0:
            raise ValueError(f"expr: {expr} is no polynomial in one component under the uniform law")
        (s,), n = inside, sp.Rational(len(self.variables), 2)
        total = sp.S.Zero
        for (power,), factor in sp.Poly(expr, s).terms():
            if power % 2 == 0:
                j = sp.Rational(power, 2)
                total += factor * sp.gammasimp(sp.gamma(n) * sp.gamma(j + sp.S.Half) / sp.gamma(n + j)) / sp.sqrt(sp.pi)
        return total


def _closed_power(expr, log_weight, y, high):
    """2 int_0^high expr w dy for a polynomial expr and the weights of `_power_integral`; None for others."""
    total = sp.S.Zero
    for term in sp.Add.make_args(expr):
        factor, power = term.as_independent(y)
        k = sp.degree(power, y) if power.has(y) else sp.S.Zero
        value = _power_integral(k, sp.expand(log_weight), y, high) if power == y**k else None
        if value is None:
            return None
        total += 2 * factor * value
    return total


def _power_integral(k, log_weight, y, high):
    """int y^k w dy: w = exp(-c y^p), exp(-c y^4 - b y^2) on (0, oo); (1 - y^2)^a on (0, 1); None for others."""
    c, p, a, b = (sp.Wild(name, exclude=[y]) for name in "cpab")
    if high == 1 and (found := log_weight.match(a * sp.log(1 - y**2))):
        return sp.beta(sp.Rational(k + 1, 2), found[a] + 1).rewrite(sp.gamma) / 2
    if high != sp.oo:
        return None
    if (found := log_weight.match(-c * y**p)) and found[p] != 0 and found[c].is_positive:
        return sp.gamma((k + 1) / found[p]) / (found[p] * found[c] ** ((k + 1) / found[p]))
    found = sp.collect(log_weight, y).match(-c * y**4 - b * y**2)
    if not found or not found[c].is_positive:
        return None
    quartic, square, s = found[c], found[b], sp.Rational(k + 1, 4)
    argument = square**2 / (4 * quartic)
    even = sp.gamma(s) * sp.hyper((s,), (sp.S.Half,), argument)
    odd = sp.gamma(s + sp.S.Half) * sp.hyper((s + sp.S.Half,), (sp.Rational(3, 2),), argument)
    return (even - square / sp.sqrt(quartic) * odd) / (4 * quartic**s)
