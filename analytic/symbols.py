"""The letters of the field, settled once, with their assumptions.

    t        forward process time (t = 0 is data), every process and every sampler
    alpha    signal amplitude of the schedule, x_t = alpha x_0 + sigma eps
    sigma    noise amplitude of the schedule
    f, g2    forward drift rate and squared diffusion coefficient, dX = f X dt + sqrt(g2) dW
    x, x1..  coordinates of the state
    beta     inverse temperature, 1/T
    m        order parameter of a mean-field model;  u  its conjugate field;  N  number of sites

`alpha`, `sigma`, `f`, `g2` stand for functions of t inside `Diffusion`, until a process is put in.
"""

from __future__ import annotations

import sympy as sp

t = sp.Symbol("t", positive=True)
alpha = sp.Symbol("alpha", positive=True)
sigma = sp.Symbol("sigma", positive=True)
f = sp.Symbol("f", real=True)
g2 = sp.Symbol("g2", nonnegative=True)
snr = sp.Symbol("R", positive=True)
beta = sp.Symbol("beta", positive=True)
magnetisation = sp.Symbol("m", real=True)
conjugate = sp.Symbol("u", real=True)
sites = sp.Symbol("N", positive=True, integer=True)


def coordinates(dim: int, letter: str = "x") -> tuple[sp.Symbol, ...]:
    """Coordinates of a state: (x,) in one dimension, (x1, ..., xd) in d."""
    if dim == 1:
        return (sp.Symbol(letter, real=True),)
    return tuple(sp.Symbol(f"{letter}{i + 1}", real=True) for i in range(dim))


def exact(value) -> sp.Expr:
    """A number or symbol as SymPy, decimals read as what they say: exact(0.1) is 1/10.

    Raises TypeError for text (text goes through `analytic.parse`) and ValueError for nan or infinity.
    """
    if isinstance(value, sp.Basic):
        return value.xreplace({number: sp.Rational(str(number)) for number in value.atoms(sp.Float)})
    if isinstance(value, str):
        raise TypeError(f"a number or SymPy symbol is needed, not the text {value!r} (see analytic.parse)")
    if isinstance(value, int):
        return sp.Integer(value)
    number = float(value)
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError(f"a finite number is needed, not {number}")
    return sp.Rational(repr(number))
