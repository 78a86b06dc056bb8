r"""Where the phases of a mean-field model change: critical, tricritical, coexistence (Maxwell) and spinodal points.

    critical       a_1 = a_2 = 0, a_3 = 0, a_4 > 0
    tricritical    a_2 = a_4 = 0, a_6 > 0
    coexistence    F'(m) = 0, F(m) = F(0),  F = beta e + I the constrained free energy
    spinodal       F'(m) = F''(m) = 0

Closed forms are found where the equations are polynomial in m or in exp(beta x parameter), or where F is its own
mirror image about half the jump (Potts); the rest are roots in the field u, m = K'(u), to 25 digits.
"""

from __future__ import annotations

import mpmath as mp
import sympy as sp

from analytic.evaluate import callable_of, evaluate
from analytic.free_energy import checked, landau
from analytic.mean_field.base import tidy
from analytic.mean_field.landau import Landau
from analytic.phase_roots import DIGITS, Branch, smallest_root
from analytic.stable import plain
from analytic.symbols import conjugate, exact, magnetisation
from analytic.transition import Transition

m, u = magnetisation, conjugate


KINDS = {"critical": "continuous", "coexistence": "first-order"}


def phase_point(kind: str, at: dict, order, status: str) -> Transition:
    """A point of a phase diagram: `at` (symbol -> value), the order m of the ordered phase there.

    status: "exact" (closed form) or "numeric" (to 25 digits).
    """
    (first, value), *others = at.items()
    return Transition(
        kind=KINDS.get(kind, kind),
        object="magnetisation",
        parameter=str(first),
        value=value,
        status=status,
        method="root" if status == "numeric" else "solved",
        others={"m": order, **{str(k): v for k, v in others}},
        at=at,
    )


def critical_point(model, of=None, values=None) -> Transition:
    """The continuous transition out of the symmetric state.

    Parameters
    ----------
    of : the symbol to solve for (default: beta; r of a stated polynomial).  values : numbers for other symbols.

    Raises
    ------
    ValueError when there is none: a field, a cubic term or a_4 < 0 (first order); the sentence says what there is.
    """
    of = _control(model) if of is None else of
    a = [e.subs(_exact(values)) for e in landau(checked(model))]
    name = type(model).__name__
    if a[0] != 0:
        raise ValueError(f"field: {model.field} rounds the transition of {name}; spinodals(model, of=field) exist")
    if a[2] != 0:
        raise ValueError(f"model: {name} has a cubic term, its transition is of first order; see coexistence(model)")
    found = _solve_for(a[1], of)
    if found is None:
        found, status = smallest_root(a[1], of), "numeric"
    else:
        status = "exact"
    if found is None:
        raise ValueError(f"model: a_2 of {name} never vanishes, no continuous transition; see coexistence(model)")
    strength = a[3].subs(of, found)
    if not strength.free_symbols and evaluate(strength, digits=15) < 0:
        raise ValueError(
            f"model: a_4 = {sp.N(strength, 6)} < 0 where a_2 = 0 (spinodal of m = 0); see coexistence(model)"
        )
    return phase_point("critical", {of: found}, sp.S.Zero, status)


def tricritical_point(model, of=None) -> Transition:
    """Where the continuous line turns first order: a_2 = a_4 = 0, a_6 > 0, solved for beta and one more symbol.

    ValueError when a_4 keeps its sign on the whole critical line.
    """
    a = landau(checked(model))
    first = _control(model)
    others = sorted((a[3].free_symbols | a[1].free_symbols) - {first, m, getattr(model, "coupling", None)}, key=str)
    if of is None and len(others) != 1:
        raise ValueError(
            f"of: {', '.join(map(str, others)) or 'no symbol'} free beside {first}; name the one to solve for"
        )
    second = others[0] if of is None else of
    if a[3].has(sp.Integral):
        _keeps_sign(a[3], first, second)
    for pair in _joint_roots(a[1], a[3], first, second):
        if _sign(a[5].subs(pair)) > 0:
            return phase_point("tricritical", pair, sp.S.Zero, "exact")
    raise ValueError(
        f"model: a_4 of {type(model).__name__} has no zero on the line a_2 = 0: no tricritical point; "
        f"the line critical_point(model, of={second}) is continuous to its end"
    )


def coexistence(model, of=None, values=None) -> Transition:
    """Maxwell point: the ordered phase and the symmetric one have one free energy.

    Parameters
    ----------
    of : the symbol to solve for (default beta; r of a stated polynomial).  values : numbers for the others.

    Raises
    ------
    ValueError when the transition is continuous there, or a symbol has no value.
    """
    of = _control(model) if of is None else of
    if isinstance(checked(model), Landau):
        return _landau_coexistence(model, of)
    mirror = _mirror(model, of)
    if mirror is not None:
        return mirror
    branch = Branch(model, of, values)
    low, high = branch.transition()
    with mp.workdps(DIGITS + 15):
        start = (branch.outermost(high), (low + high) / 2)
        field, where = mp.findroot(
            lambda *x: (branch.slope(*x), branch.gap(*x)), start, tol=mp.mpf(10) ** (-2 * DIGITS)
        )
        order = branch.order(field, where)
    return phase_point("coexistence", {of: sp.Float(where, DIGITS)}, sp.Float(order, DIGITS), "numeric")


def spinodals(model, of=None, values=None) -> tuple[Transition, ...]:
    """Limits of metastability: of the ordered phase, and of the symmetric one (m = 0) where it is a first-order one.

    With `of` the model's field, both are those of the two ordered phases, in closed form for Ising spins.
    """
    of = _control(model) if of is None else of
    if of in sp.sympify(getattr(checked(model), "field", 0)).free_symbols:
        return _field_spinodals(model, of)
    if isinstance(model, Landau):
        return _landau_spinodals(model, of)
    ends = []
    a = landau(model)
    upper = _solve_for(a[1].subs(_exact(values)), of)
    if upper is not None:
        ends = [phase_point("spinodal", {of: upper}, sp.S.Zero, "exact")]
    branch = Branch(model, of, values)
    low, high = branch.existence()
    with mp.workdps(DIGITS + 15):
        start = (branch.outermost(high), (low + high) / 2)
        field, where = mp.findroot(lambda *x: (branch.slope(*x), branch.curvature(*x)), start, tol=mp.mpf(10) ** -40)
        order = branch.order(field, where)
    ordered = phase_point("spinodal", {of: sp.Float(where, DIGITS)}, sp.Float(order, DIGITS), "numeric")
    return (ordered, *ends)


def _exact(values):
    return {k: exact(v) for k, v in (values or {}).items()}


def _control(model):
    control = model.r if isinstance(checked(model), Landau) else model.beta
    if not control.is_Symbol:
        raise ValueError(f"of: {control} is fixed; name the symbol to solve for")
    return control


def _sign(expr):
    """The sign of an expression; where its assumptions do not tell, with its symbols at one."""
    if expr.is_positive or expr.is_negative:
        return 1 if expr.is_positive else -1
    value = evaluate(expr.subs(dict.fromkeys(expr.free_symbols, 1)), digits=15)
    return (value > 0) - (value < 0)


def _exponentials(expr, first, second):
    """A polynomial form of an expression in E = exp(c first second): (expression, E, c)."""
    big = sp.Symbol("E", positive=True)
    product = sp.Symbol("P", real=True)
    expr = plain(expr).rewrite(sp.exp).subs(second, product / first)
    powers = [e.args[0].coeff(product) for e in expr.atoms(sp.exp) if e.args[0].has(product)]
    if not powers:
        return expr, big, None
    unit = min(abs(p) for p in powers)
    expr = expr.replace(
        lambda e: isinstance(e, sp.exp) and e.args[0].has(product), lambda e: big ** (e.args[0].coeff(product) / unit)
    )
    return expr, big, unit


def _joint_roots(second_order, fourth_order, first, second):
    """Solutions {first: , second: } of a_2 = a_4 = 0."""
    if fourth_order.has(sp.Integral):
        return
    if (
        second in fourth_order.free_symbols
        and fourth_order.is_polynomial(second)
        and first not in fourth_order.free_symbols
    ):
        for root in sp.roots(sp.Poly(fourth_order, second)):
            yield {second: root, first: sp.solve(second_order.subs(second, root), first)[0]}
        return
    quartic, big, unit = _exponentials(fourth_order, first, second)
    quadratic, _, _ = _exponentials(second_order, first, second)
    if unit is None or not sp.numer(sp.together(quartic)).is_polynomial(big):
        return
    factors = sp.Poly(sp.numer(sp.together(quartic)), big).factor_list()[1]
    for root in [r for factor, _ in factors for r in sp.roots(factor)]:
        if not root.is_positive or root == 1:
            continue
        place = sp.solve(sp.simplify(quadratic.subs(big, root)), first)
        for where in place:
            if sp.simplify(sp.log(root)).is_positive and _sign(where) > 0:
                where = sp.radsimp(sp.simplify(where))
                yield {first: where, second: sp.log(root) / (unit * where)}


def _keeps_sign(fourth_order, first, second):
    """NotImplementedError when a_4, a function of first x second alone, changes sign in a scan from 0.1 to 20."""
    product = sp.Symbol("P", positive=True)
    call = callable_of(fourth_order.subs(second, product / first), (product, first))
    signs = {call(mp.mpf("0.1") * mp.mpf("1.7") ** k, mp.mpf(1)) > 0 for k in range(11)}
    if len(signs) > 1:
        raise NotImplementedError("model: a_4 changes sign, but has no closed form")


def _solve_for(expr, of):
    """The positive (or only) solution of expr = 0 for a symbol in closed form, or None.

    A symbol that stands in exponents alone is solved for as log(E)/unit, E a root of a polynomial.
    """
    if expr.has(sp.Integral, sp.hyper) or of not in expr.free_symbols:
        return None
    expr = plain(expr)
    if any(of in e.free_symbols for e in expr.rewrite(sp.exp).atoms(sp.exp)):
        found = _logarithms(expr.rewrite(sp.exp), of)
    else:
        found = sp.solve(expr, of) if expr.is_algebraic_expr(of) else []
    found = [s for s in found if s.is_real is not False]
    found = [s for s in found if s.is_positive or len(found) == 1]
    return tidy(found[0], sp.simplify) if found else None


def _logarithms(expr, of):
    """Solutions log(E)/unit of an equation that is polynomial in E = exp(unit of); none where `of` is left outside."""
    big = sp.Dummy("E", positive=True)
    slopes = [sp.expand(e.args[0]).coeff(of) for e in expr.atoms(sp.exp) if of in e.free_symbols]
    unit = min((abs(s) if s.is_number else s for s in slopes), key=lambda s: abs(s.as_coeff_Mul()[0]))

    def power(argument):
        slope = sp.expand(argument).coeff(of)
        return big ** sp.simplify(slope / unit) * sp.exp(sp.expand(argument - slope * of))

    numerator = sp.numer(sp.together(expr.replace(sp.exp, power)))
    if of in numerator.free_symbols or not numerator.is_polynomial(big):
        return []
    return [sp.log(r) / unit for r in sp.roots(sp.Poly(numerator, big)) if r.is_positive is not False]


def _mirror(model, of):
    """Coexistence of an F that is its own mirror image about half the jump; None for others.

    F'(m) + F'(M - m) = 0 for all m: with the slope of the entropy log(R)/unit and a quadratic energy this is
    R(m) R(M - m) = C, a polynomial identity in m, and log(C)/unit = -beta [e'(m) + e'(M - m)].
    """
    field, jump, level = model.entropy_slope, sp.Symbol("M", real=True), sp.Symbol("C", positive=True)
    if field is None or sp.Poly(model.ray_energy, m).degree() != 2:
        return None
    factor, log = field.as_independent(sp.log)
    if not isinstance(log, sp.log) or not log.args[0].is_rational_function(m):
        return None
    ratio = log.args[0]
    identity = sp.numer(sp.together(ratio * ratio.subs(m, jump - m) - level))
    for solution in sp.solve(sp.Poly(sp.expand(identity), m).coeffs(), [jump, level], dict=True):
        size = solution.get(jump, sp.S.Zero)
        if size.is_number and size != 0:
            slope = sp.diff(model.ray_energy, m)
            balance = factor * sp.log(solution[level]) + model.beta * sp.expand(slope + slope.subs(m, jump - m)).subs(
                jump, size
            )
            return phase_point("coexistence", {of: tidy(sp.solve(balance, of)[0], sp.simplify)}, size, "exact")
    return None


def _landau_coexistence(model, of):
    square = sp.Symbol("s", positive=True)
    even = sp.expand(model.energy).subs(m, sp.sqrt(square))
    if model.field != 0 or model.v == 0 or _sign(model.u) >= 0:
        raise ValueError(f"u: {model.u}: a first-order transition needs u < 0, v > 0, no field; see critical_point")
    found = sp.solve([sp.cancel(even / square), sp.diff(sp.cancel(even / square), square)], [of, square], dict=True)[0]
    return phase_point("coexistence", {of: sp.simplify(found[of])}, sp.sqrt(sp.simplify(found[square])), "exact")


def _landau_spinodals(model, of):
    square = sp.Symbol("s", positive=True)
    slope = sp.cancel(sp.diff(model.energy, m) / m).subs(m, sp.sqrt(square))
    found = sp.solve([slope, sp.diff(slope, square)], [of, square], dict=True)
    if not found:
        raise ValueError(f"u: {model.u} with v = {model.v} has no metastable phase; critical_point(model) exists")
    ordered = phase_point("spinodal", {of: found[0][of]}, sp.sqrt(found[0][square]), "exact")
    return ordered, phase_point("spinodal", {of: sp.S.Zero}, sp.S.Zero, "exact")


def _field_spinodals(model, field):
    """F'' = 0 for m, then F' = 0 for the field: one point for each ordered phase."""
    surface = model.constrained
    if surface is None:
        raise ValueError(
            f"of: {type(model).__name__} has no closed rate function; use a stated field and another symbol"
        )
    places = [s for s in sp.solve(sp.numer(sp.together(sp.diff(surface, m, 2))), m) if s.is_real is not False]
    ends = []
    for place in places:
        if place in (1, -1):  # the ends of the range of m
            continue
        where = sp.solve(sp.diff(surface, m), field)[0].subs(m, place)
        ends.append(phase_point("spinodal", {field: where}, place, "exact"))
    if not ends:
        raise ValueError(f"model: {type(model).__name__} has one phase at every field here; no spinodal")
    return tuple(ends)
