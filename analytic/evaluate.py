"""Arbitrary-precision numbers from expressions: the oracle that compiled kernels are judged by.

The working precision is raised until two successive evaluations agree to the digits asked for, so that a
cancellation inside the expression costs time and not digits.
"""

from __future__ import annotations

from functools import lru_cache

import mpmath as mp
import sympy as sp

from analytic.stable import MPMATH


def evaluate(expr, values=None, digits: int = 30, max_digits: int = 800):
    """The value of an expression (or of each entry of a matrix or tuple) to `digits` significant digits.

    Parameters
    ----------
    expr : SymPy expression, matrix or sequence of them.
    values : dict from symbol (or its name) to a number; floats are taken as the exact binary number.
    digits : significant digits wanted.  max_digits : where raising the precision stops.

    Returns
    -------
    mpmath.mpf, or a list of them for a matrix or sequence.  An expression that keeps shrinking as the precision
    grows, down to 10^(-max_digits/4), is zero.

    Raises
    ------
    ValueError when a symbol has no value; ArithmeticError when `max_digits` did not settle the value.
    """
    if isinstance(expr, sp.MatrixBase | list | tuple | sp.Tuple):
        return [evaluate(entry, values, digits, max_digits) for entry in expr]
    expr = sp.sympify(expr)
    given = {str(symbol): value for symbol, value in (values or {}).items()}
    symbols = sorted(expr.free_symbols, key=str)
    missing = [str(s) for s in symbols if str(s) not in given]
    if missing:
        raise ValueError(f"values: no number for {', '.join(missing)}; each free symbol of the expression needs one")
    call = callable_of(expr, tuple(symbols))
    working, previous = digits + 15, None
    while working <= max_digits:
        with mp.workdps(working):
            current = mp.mpmathify(call(*(_number(given[str(s)]) for s in symbols)))
        if previous is not None and mp.isinf(current) and current == previous:
            return current
        if previous is not None and abs(current - previous) <= abs(current) * mp.mpf(10) ** (-digits):
            return current
        previous, working = current, 2 * working
    if previous is not None and abs(previous) < mp.mpf(10) ** (-max_digits // 4):
        return mp.mpf(0)
    raise ArithmeticError(f"expr: not settled to {digits} digits with {max_digits} working digits")


@lru_cache(maxsize=1024)
def callable_of(expr, symbols):
    """The expression as a function of mpmath numbers at the working precision."""
    return sp.lambdify(symbols, expr, modules=[MPMATH, "mpmath"])


def _number(value):
    if isinstance(value, sp.Basic):
        return mp.mpmathify(sp.N(value, mp.mp.dps))
    return mp.mpmathify(value)


def root(expr, symbol, low, high, values=None, digits: int = 30):
    """The zero of an expression in one symbol inside a bracket, by bisection and secants (Anderson's method).

    Raises ValueError when the bracket does not bracket.
    """
    rest = {str(k): v for k, v in (values or {}).items()}
    free = sorted(expr.free_symbols, key=str)
    call = callable_of(expr, tuple(free))
    with mp.workdps(digits + 15):

        def residual(u):
            return mp.re(call(*(u if s == symbol else _number(rest[str(s)]) for s in free)))

        low, high = mp.mpmathify(low), mp.mpmathify(high)
        if residual(low) * residual(high) > 0:
            raise ValueError(f"bracket: the expression has one sign on [{mp.nstr(low, 6)}, {mp.nstr(high, 6)}]")
        return mp.findroot(residual, (low, high), solver="anderson", tol=mp.mpf(10) ** (-2 * digits), verify=False)
