r"""Functionals of a whole trajectory, written inside an observable like any other function.

    path_integral(e)            int e(x_s, s) |ds| from the first time to now (trapezoidal rule)
    running_max(e)              the largest value of e at any time of the grid so far
    value_at_first(c, e)        e at the first time with c > 0; 0 as long as there was none
    value_at(e, s)              e at the first time of the grid at or past s; 0 before (two-time correlations)
    reached(c) = value_at_first(c, 1);   first_time(c) = value_at_first(c, t)

    site_mean(e)                (1/N) sum_i e(x_i), now, over the sites of an exchangeable system

`e` and `c` are expressions in the state, the forward time and parameters.  The compiled kernel keeps one number per
functional and trajectory, so no path is stored.  Example, the class (+1 or -1) that a reverse path commits to when the
posterior p of one of two classes first leaves (0.1, 0.9): value_at_first(Abs(p - 1/2) - 2/5, sign(p - 1/2)).
"""

from __future__ import annotations

import sympy as sp

from analytic.symbols import t


class PathFunctional(sp.Function):
    """Base of the functionals: a node with no value of its own outside a simulation."""

    is_real = True

    def _eval_derivative(self, s):
        raise TypeError(f"{type(self).__name__} depends on a whole path and has no derivative")


class path_integral(PathFunctional):
    """int e |ds| along the path up to now."""

    nargs = 1


class running_max(PathFunctional):
    """max of e along the path up to now."""

    nargs = 1


class value_at_first(PathFunctional):
    """e at the first time with c > 0, zero before."""

    nargs = 2


class value_at(PathFunctional):
    """e at the first time of the grid at or past s, in the direction walked; zero before."""

    nargs = 2


class site_mean(sp.Function):
    """(1/N) sum_i e(x_i) over the sites of an exchangeable system, inside an observable."""

    nargs = 1
    is_real = True


def reached(condition) -> sp.Expr:
    """1 once the condition has been positive, 0 before."""
    return value_at_first(condition, sp.S.One)


def first_time(condition, time=t) -> sp.Expr:
    """Forward time at which the condition was first positive, 0 before."""
    return value_at_first(condition, time)
