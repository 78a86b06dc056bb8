r"""Exponents and amplitudes of the continuous transitions of mean-field models.

With tau = T/T_c - 1 and the Landau coefficients at the transition:

    a_2 ~ a tau:             m = sqrt(a/2a_4) |tau|^(1/2),    chi = beta_c/(2a tau),  beta_c/(4a |tau|),
                             m = (beta_c h/4a_4)^(1/3),       jump of c = a^2/(2a_4)
    a_4 = 0, tricritical:    m = (a/3a_6)^(1/4) |tau|^(1/4),  chi = beta_c/(2a tau),  beta_c/(8a |tau|),
                             m = (beta_c h/6a_6)^(1/5),       alpha = 1/2
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from analytic.free_energy import landau, temperature_symbol
from analytic.mean_field.base import tidy
from analytic.symbols import exact
from analytic.transitions import critical_point


@dataclass(frozen=True)
class Exponents:
    """Critical exponents and amplitudes, with tau = T/T_c - 1 (for a stated Landau polynomial, tau = r).

    beta, gamma, delta, alpha : exponents.  order : m = order |tau|^beta below.  above, below : chi = above/tau,
    below/|tau|.  isotherm : m = isotherm h^(1/delta).  jump : c(T_c-) - c(T_c+) where alpha = 0, else None.
    """

    beta: sp.Expr
    gamma: sp.Expr
    delta: sp.Expr
    alpha: sp.Expr
    order: sp.Expr
    above: sp.Expr
    below: sp.Expr
    isotherm: sp.Expr
    jump: sp.Expr | None


def critical_exponents(model, critical: dict | None = None) -> Exponents:
    """Exponents and amplitudes at a continuous transition reached by changing T (r for a stated polynomial).

    Parameters
    ----------
    critical : values of the symbols at the transition; None asks `transitions.critical_point`.

    Raises
    ------
    ValueError when the transition is of first order.
    """
    at = critical_point(model).at if critical is None else {k: exact(v) for k, v in critical.items()}
    coefficients = landau(model)
    if model.measure is None:
        slope = sp.diff(coefficients[1], model.r)
        strength = sp.S.One
    else:
        b = temperature_symbol(model)
        slope, strength = -b * sp.diff(coefficients[1], b), b
    a, scale, a4, a6 = (tidy(e.subs(at), sp.simplify) for e in (slope, strength, coefficients[3], coefficients[5]))
    half = sp.S.Half
    if a4 != 0 and not a4.is_positive and not float(sp.N(a4.subs(dict.fromkeys(a4.free_symbols, 1)))) > 0:
        raise ValueError(f"critical: the coefficient a_4 = {a4} is negative there, the transition is of first order")
    tricritical = a4 == 0
    below = scale / (8 * a) if tricritical else scale / (4 * a)
    order = (a / (3 * a6)) ** sp.Rational(1, 4) if tricritical else sp.sqrt(a / (2 * a4))
    isotherm = (scale / (6 * a6)) ** sp.Rational(1, 5) if tricritical else (scale / (4 * a4)) ** sp.Rational(1, 3)
    half = sp.S.Half
    return Exponents(
        beta=half / 2 if tricritical else half,
        gamma=sp.S.One,
        delta=sp.Integer(5 if tricritical else 3),
        alpha=half if tricritical else sp.S.Zero,
        order=sp.simplify(order),
        above=sp.simplify(scale / (2 * a)),
        below=sp.simplify(below),
        isotherm=sp.simplify(isotherm),
        jump=None if tricritical or model.measure is None else sp.simplify(a**2 / (2 * a4)),
    )
