r"""Thermodynamics of a mean-field model, from its one statement by differentiation.

    landscape     L(m) = beta [e - m e'] - K(-beta e')        stationary where m = K'(-beta e'(m)); beta f there
    rate          beta e(m) + I(m) - min,  I(m) = u m - K(u) + K(0),  m = K'(u)       P(m) ~ exp(-N rate)
    Landau        beta e + I = a_0 + a_1 m + ... + a_6 m^6, from the cumulants of a site by reversion of series
    chi = dm/dh = beta kappa/(1 + beta e'' kappa),  kappa = K''(u)           c = dU/dT,  U = d L/d beta

Transitions are found in `analytic.transitions`, exponents in `analytic.exponents`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import sympy as sp

from analytic.mean_field.base import MeanField, tidy
from analytic.symbols import conjugate, magnetisation

m, u = magnetisation, conjugate


@dataclass(frozen=True)
class Rate:
    """A rate function: `value` as a function of m, or of the field u together with `order` = m(u) (parametric)."""

    order: sp.Expr
    value: sp.Expr
    parameter: sp.Symbol

    def _repr_latex_(self):
        return rf"$m = {sp.latex(self.order)},\quad I = {sp.latex(self.value)}$"


def checked(model) -> MeanField:
    """The model itself; TypeError when it is none of `analytic.mean_field` with a free energy."""
    if not isinstance(model, MeanField):
        raise TypeError(
            f"model: {type(model).__name__} has no mean-field free energy; a MeanField, e.g. CurieWeiss(), is needed"
        )
    return model


@lru_cache(maxsize=256)
def landscape(model) -> sp.Expr:
    """L(m), beta times the free energy per site at its stationary points (module's formula)."""
    if not _has_sites(checked(model)):
        return model.constrained
    slope = sp.diff(model.ray_energy, m)
    field = sp.expand(-model.beta * slope)
    return sp.expand(model.beta * (model.ray_energy - m * slope)) - model.cumulant_function.subs(u, field)


def free_energy(model) -> sp.Expr:
    """f(m) per site, in energy units; the thermodynamic value at a solution of `self_consistency`."""
    return landscape(model) / model.beta


def self_consistency(model) -> sp.Eq:
    """m = K'(-beta e'(m))."""
    if not _has_sites(checked(model)):
        return sp.Eq(sp.diff(model.constrained, m), 0)
    return sp.Eq(m, model.single_site_mean.subs(u, sp.expand(-model.beta * sp.diff(model.ray_energy, m))))


def rate_function(model) -> Rate:
    """Large-deviation rate function of the order parameter, less its minimum: closed where it is, else parametric."""
    if checked(model).constrained is not None:
        return Rate(m, model.constrained, m)
    order = model.single_site_mean
    entropy = u * order - model.cumulant_function + model.cumulant_function.subs(u, 0)
    return Rate(order, model.beta * model.ray_energy.subs(m, order) + entropy, u)


@lru_cache(maxsize=256)
def landau(model) -> tuple:
    """(a_1, ..., a_6): coefficients of beta e(m) + I(m) about m = 0.

    ValueError when m = 0 is not the order of a free site (then there is no symmetric state to expand about).
    """
    if not _has_sites(checked(model)):
        return tuple(sp.simplify(sp.diff(model.constrained, m, n).subs(m, 0) / sp.factorial(n)) for n in range(1, 7))
    kappas = model.cumulants
    if kappas[0] != 0:
        raise ValueError(
            f"model: a free site of {type(model).__name__} has order {kappas[0]}, not 0; no symmetric state"
        )
    put = dict(zip(_CUMULANTS, kappas[1:], strict=True))
    energy = [sp.diff(model.ray_energy, m, n).subs(m, 0) / sp.factorial(n) for n in range(1, 7)]
    entropy = [sp.S.Zero, *(e.subs(put, simultaneous=True) for e in _entropy_series())]
    return tuple(tidy(model.beta * e + s, sp.simplify) for e, s in zip(energy, entropy, strict=True))


_CUMULANTS = sp.symbols("kappa2:7", real=True)


@lru_cache(maxsize=1)
def _entropy_series():
    """Coefficients of m^2 .. m^6 of I(m) = u m - K(u) by the cumulants: dI/dm = u(m), the reversion of m = K'(u)."""
    k = _CUMULANTS
    series = [k[n] / sp.factorial(n + 1) for n in range(5)]  # m = sum series[n] u^(n+1)
    c = list(sp.symbols("c1:6"))
    field = sp.Add(*(c[n] * m ** (n + 1) for n in range(5)))
    powers, product = [], sp.S.One
    for _ in range(5):
        product = sp.expand(product * field)
        product = sp.Add(*(product.coeff(m, j) * m**j for j in range(6)))
        powers.append(product)
    total = sp.expand(sp.Add(*(a * p for a, p in zip(series, powers, strict=True))))
    found: dict[sp.Expr, sp.Expr] = {}
    for n in range(1, 6):
        equation = total.coeff(m, n).subs(found) - int(n == 1)
        found[c[n - 1]] = sp.factor(sp.solve(equation, c[n - 1])[0])
    return tuple(found[c[n]] / (n + 2) for n in range(5))


def susceptibility(model) -> sp.Expr:
    """chi = dm/dh per site at a solution m; diverges at spinodals and critical points."""
    if not _has_sites(checked(model)):
        return model.beta / sp.diff(model.constrained, m, 2)
    field = sp.expand(-model.beta * sp.diff(model.ray_energy, m))
    kappa = sp.diff(model.cumulant_function, u, 2).subs(u, field)
    return model.beta * kappa / (1 + model.beta * sp.diff(model.ray_energy, m, 2) * kappa)


def internal_energy(model) -> sp.Expr:
    """U(m) = d(beta f)/d beta per site at a solution m (the envelope theorem: m is held)."""
    return sp.diff(_surface(model), temperature_symbol(model))


def specific_heat(model) -> sp.Expr:
    """c = dU/dT per site at a solution m, with dm/dT from the self-consistency."""
    b, surface = temperature_symbol(model), _surface(model)
    along = -sp.diff(surface, m, b) / sp.diff(surface, m, 2)
    energy = sp.diff(surface, b)
    return -(b**2) * (sp.diff(energy, b) + sp.diff(energy, m) * along)


def formulas(model) -> dict:
    """Name -> expression of everything this module derives; `sympy.latex` prints each."""
    named = {"free energy": landscape(model) / model.beta, "self-consistency": self_consistency(model)}
    named |= {f"Landau a_{n}": a for n, a in enumerate(landau(model), 1) if a != 0}
    named |= {"susceptibility": susceptibility(model), "rate function": rate_function(model).value}
    if model.beta.is_Symbol:
        named["specific heat"] = specific_heat(model)
    return named


def _has_sites(model):
    """Whether the free energy comes from the cumulant function of a site (not for Landau and spherical)."""
    return "constrained" not in type(model).__dict__


def _surface(model):
    """beta f(m), by preference the constrained one (its curvature vanishes only at spinodals)."""
    if checked(model).constrained is None or not _has_sites(model):
        return landscape(model)
    return model.constrained - model.cumulant_function.subs(u, 0)


def temperature_symbol(model):
    """The symbol beta of a model; ValueError where it is a number, or the model states its free energy itself."""
    if model.measure is None or not model.beta.is_Symbol:
        raise ValueError(f"beta: {model.beta} is fixed; leave it a symbol to differentiate by the temperature")
    return model.beta
