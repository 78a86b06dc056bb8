r"""Bifurcations of a drift F(x; p) with their normal forms in closed form.

    at F = 0, F_x v = 0, psi F_x = 0, psi v = 1:   0 = e q + d q u + (a/2) u^2 + (c/6) u^3 + (k/120) u^5
    q = p - p_c,  e = psi F_p,  d = psi (F_px v + F_xx v w_p),  a = psi F_xx v v,  c = psi (F_xxx v v v + 3 F_xx v w_2)
    w_p, w_2, ...: what the other directions do in answer, F_x w = -(its source without the part along v)

    saddle-node      e != 0, a != 0        u ~ q^(1/2)          transcritical    e = 0, a != 0       u = -2 d q/a
    pitchfork        e = a = 0, c != 0     u = (-6 d q/c)^(1/2)   supercritical for c < 0 (the new branches are stable)
    tricritical      e = a = c = 0         u = (-120 d q/k)^(1/4)
    Hopf             F_x q = i w q         first Lyapunov coefficient l_1 < 0: supercritical

Lyapunov-Schmidt: u -> F(x_c + u v + w(u, q); p_c + q) is expanded order by order; no tensor is written out.
Sources: Golubitsky & Schaeffer 1985; Kuznetsov 2004 (l_1, eq. 3.20).
"""

from __future__ import annotations

from itertools import permutations, product

import sympy as sp

from analytic.evaluate import evaluate
from analytic.stable import plain
from analytic.symbols import exact
from analytic.transition import Transition, Transitions

SOURCE = "Golubitsky & Schaeffer 1985"
EXPONENTS = {
    "saddle-node": {"beta": sp.S.Half, "gamma": sp.S.Half, "delta": sp.Integer(2)},
    "transcritical": {"beta": sp.S.One, "gamma": sp.S.One, "delta": sp.Integer(2)},
    "supercritical pitchfork": {"beta": sp.S.Half, "gamma": sp.S.One, "delta": sp.Integer(3)},
    "subcritical pitchfork": {"beta": sp.S.Half, "gamma": sp.S.One, "delta": sp.Integer(3)},
    "tricritical pitchfork": {"beta": sp.Rational(1, 4), "gamma": sp.S.One, "delta": sp.Integer(5)},
}


def bifurcations(drift, state, parameter, point=None, source: str = SOURCE) -> Transitions:
    """Where a fixed point changes its stability as a parameter moves, of which kind, with the normal form.

    Parameters
    ----------
    drift : n expressions.  state : n symbols.  parameter : the symbol that is solved for; others may be symbols too.
    point : the fixed point as expressions in the parameters; None takes the origin.

    Returns
    -------
    Transitions of object "fixed point"; others: the coefficients e, d, a, c (k for a tricritical point), the exponents
    beta, gamma, delta and the amplitude of the branch that appears.  Hopf points of two variables have frequency and
    l_1.  Empty where the condition has no real solution; status "implicit" where SymPy cannot solve it.

    Raises
    ------
    ValueError when the point is no fixed point of the drift, or lengths differ.
    """
    drift, state, point = _checked(drift, state, point)
    at = dict(zip(state, point, strict=True))
    jacobian = sp.Matrix(drift).jacobian(state).subs(at).applyfunc(sp.simplify)
    condition = sp.Eq(sp.factor(jacobian.det()), 0, evaluate=False)
    found = []
    try:
        values = _real(sp.solve(condition.lhs, parameter)) if condition.lhs.has(parameter) else []
    except NotImplementedError:
        reason = f"SymPy has no solution of {condition.lhs} = 0 for {parameter}"
        fields = {"status": "implicit", "reason": reason, "condition": condition}
        return Transitions([Transition("bifurcation", "fixed point", str(parameter), **fields)])
    for value in values:
        kind, others = classified(drift, state, parameter, [e.subs(parameter, value) for e in point], value)
        fields = {"method": "Lyapunov-Schmidt", "source": source, "condition": condition, "others": others}
        found.append(Transition(kind, "fixed point", str(parameter), value, **fields))
    if len(state) == 2:
        found += _hopf(drift, state, parameter, point, jacobian)
    return Transitions(found)


def classified(drift, state, parameter, point, value):
    """(kind, coefficients) of the singular fixed point at a value of the parameter."""
    u, q = sp.symbols("u q", real=True)
    drift = [plain(exact(f)) for f in drift]
    jacobian = sp.Matrix(drift).jacobian(state).subs(dict(zip(state, point, strict=True))).subs(parameter, value)
    jacobian = jacobian.applyfunc(sp.simplify)
    right, left = jacobian.nullspace(), jacobian.T.nullspace()
    if len(right) != 1:
        return f"bifurcation with {len(right)} critical directions", {"directions": sp.Integer(len(right))}
    v, psi = right[0], left[0].T
    psi = psi / (psi * v)[0]
    reduced = _reduced(drift, state, parameter, point, value, jacobian, v, psi, (u, q))
    e, d = reduced.coeff(u, 0).coeff(q, 1), reduced.coeff(u, 1).coeff(q, 1)
    a, c, k = (reduced.coeff(q, 0).coeff(u, n) * sp.factorial(n) for n in (2, 3, 5))
    e, d, a, c, k = (sp.simplify(entry) for entry in (e, d, a, c, k))
    kind = _kind(e, a, c)
    others = {"e": e, "d": d, "a": a, "c": c} | ({"k": k} if kind.startswith("tricritical") else {})
    others |= EXPONENTS.get(kind, {})
    amplitude = {
        "saddle-node": lambda: sp.sqrt(sp.Abs(2 * e / a)),
        "transcritical": lambda: -2 * d / a,
        "tricritical pitchfork": lambda: sp.Abs(120 * d / k) ** sp.Rational(1, 4),
    }.get(kind, lambda: sp.sqrt(sp.Abs(6 * d / c)))
    if kind in EXPONENTS:
        others["amplitude"] = sp.simplify(amplitude())
    return kind, others


def _kind(e, a, c):
    if e != 0:
        return "saddle-node" if a != 0 else "cusp"
    if a != 0:
        return "transcritical"
    if c == 0:
        return "tricritical pitchfork"
    sign = c.is_negative if c.free_symbols else bool(c < 0)
    return "pitchfork" if sign is None else f"{'super' if sign else 'sub'}critical pitchfork"


def _reduced(drift, state, parameter, point, value, jacobian, v, psi, letters, order=5):
    """The bifurcation equation psi F(x_c + u v + w(u, q)) up to u^5 and u q, with w eliminated order by order."""
    u, q = letters
    w = sp.zeros(len(state), 1)
    n = len(state)
    bordered = sp.Matrix(sp.BlockMatrix([[jacobian, v], [psi, sp.zeros(1, 1)]]).as_explicit())
    inverse = bordered.inv() if n > 1 else None
    wanted = [(i, j) for j in (0, 1) for i in range(order + 1) if (i + j >= 1 and (j == 0 or i <= 1))]
    for i, j in sorted(wanted, key=lambda pair: (pair[0] + pair[1], pair[1])):
        if inverse is None or (i, j) == (1, 0):
            continue
        source = _coefficient(_expanded(drift, state, parameter, point, value, v * u + w, q, letters), i, j, letters)
        answer = -inverse * sp.Matrix([*(source - v * (psi * source)[0]), 0])
        w = w + answer[:n, :] * u**i * q**j
    field = _expanded(drift, state, parameter, point, value, v * u + w, q, letters)
    return sp.expand(sum((psi * _coefficient(field, i, j, letters))[0] * u**i * q**j for i, j in wanted))


def _expanded(drift, state, parameter, point, value, shift, q, letters):
    moved = {s: x + dx for s, x, dx in zip(state, point, shift, strict=True)}
    return [f.subs(parameter, value + q).subs(moved, simultaneous=True) for f in drift]


def _coefficient(field, i, j, letters):
    u, q = letters
    zero = {u: 0, q: 0}
    entries = [sp.diff(f, u, i, q, j) if i and j else sp.diff(f, u, i) if i else sp.diff(f, q, j) for f in field]
    return sp.Matrix([sp.simplify(e.subs(zero)) for e in entries]) / (sp.factorial(i) * sp.factorial(j))


def _hopf(drift, state, parameter, point, jacobian):
    """Points of two variables where the trace vanishes and the determinant is positive."""
    condition = sp.Eq(sp.simplify(jacobian.trace()), 0, evaluate=False)
    if not condition.lhs.has(parameter):
        return []
    found = []
    for value in _real(sp.solve(condition.lhs, parameter)):
        square = sp.simplify(jacobian.det().subs(parameter, value))
        if square.is_positive is not True:
            continue
        frequency = sp.sqrt(square)
        place = [e.subs(parameter, value) for e in point]
        l1 = _lyapunov([plain(exact(f)).subs(parameter, value) for f in drift], state, place, frequency)
        sign = "" if not l1.is_number or l1 == 0 else "supercritical " if l1 < 0 else "subcritical "
        fields = {"method": "first Lyapunov coefficient", "source": "Kuznetsov 2004", "condition": condition}
        others = {"frequency": frequency, "l1": l1}
        found.append(Transition(f"{sign}Hopf", "fixed point", str(parameter), value, **fields, others=others))
    return found


def _lyapunov(drift, state, point, frequency):
    """l_1 = Re[<p, C(q, q, q*)> - 2 <p, B(q, A^-1 B(q, q*))> + <p, B(q*, (2 i w - A)^-1 B(q, q))>]/(2 w)."""
    s = sp.symbols("s1:4")
    at = dict(zip(state, point, strict=True))
    A = sp.Matrix(drift).jacobian(state).subs(at)
    q = (A - sp.I * frequency * sp.eye(2)).nullspace()[0]
    q = q / sp.sqrt((q.H * q)[0])
    p = (A.T + sp.I * frequency * sp.eye(2)).nullspace()[0]
    p = p / sp.conjugate((p.H * q)[0])

    def multilinear(*directions):
        shifts = [sum(t * d[k] for t, d in zip(s, directions, strict=False)) for k in range(len(state))]
        moved = {x: at[x] + shift for x, shift in zip(state, shifts, strict=True)}
        out = []
        for f in drift:
            term = f.subs(moved, simultaneous=True)
            for t in s[: len(directions)]:
                term = sp.diff(term, t)
            out.append(term.subs(dict.fromkeys(s, 0)))
        return sp.Matrix(out)

    other = q.applyfunc(sp.conjugate)
    first = multilinear(q, q, other)
    second = multilinear(q, A.inv() * multilinear(q, other))
    third = multilinear(other, (2 * sp.I * frequency * sp.eye(2) - A).inv() * multilinear(q, q))
    return sp.simplify(sp.re(sp.simplify((p.H * (first - 2 * second + third))[0])) / (2 * frequency))


def symmetries(drift, state) -> tuple:
    """Signed permutations g of the coordinates with F(g x) = g F(x), as matrices, the identity first.

    Judged at two rational points to 12 digits; (-1) is the Z2 of one coordinate.  ValueError beyond 5 coordinates.
    """
    drift, state, _ = _checked(drift, state, None, fixed=False)
    n = len(state)
    if n > 5:
        raise ValueError(f"state: {n} coordinates; signed permutations are tried for up to 5")
    free = sorted(set().union(*(f.free_symbols for f in drift)) - set(state), key=str)
    others = {s: sp.Rational(3 + 2 * k, 7) for k, s in enumerate(free)}
    probes = [[sp.Rational(((5 * i + 3 * j) % 17) - 7, 11 + i) for i in range(n)] for j in (1, 2)]

    def value(x):
        return evaluate(drift, {**others, **dict(zip(state, x, strict=True))}, 25)

    plain_values, found = [value(x) for x in probes], []
    for order in permutations(range(n)):
        for signs in product((1, -1), repeat=n):
            moved = [[signs[i] * x[order[i]] for i in range(n)] for x in probes]
            images = [[signs[i] * F[order[i]] for i in range(n)] for F in plain_values]
            pairs = [(a, b) for x, F in zip(moved, images, strict=True) for a, b in zip(value(x), F, strict=True)]
            if all(abs(a - b) < 1e-12 * (1 + abs(a)) for a, b in pairs):
                found.append(sp.ImmutableMatrix(n, n, lambda i, j, o=order, g=signs: g[i] if j == o[i] else 0))
    return tuple(sorted(found, key=lambda g: g != sp.eye(n)))


def _checked(drift, state, point, fixed=True):
    state = tuple(state) if isinstance(state, list | tuple | sp.Tuple) else (state,)
    many = isinstance(drift, list | tuple | sp.Tuple | sp.MatrixBase)
    drift = [plain(exact(f)) for f in (drift if many else [drift])]
    point = [sp.S.Zero] * len(state) if point is None else [exact(e) for e in point]
    if not len(drift) == len(state) == len(point):
        raise ValueError(f"drift: {len(drift)} entries, {len(state)} coordinates, {len(point)} of the point; all agree")
    if fixed:
        rest = [sp.simplify(f.subs(dict(zip(state, point, strict=True)))) for f in drift]
        if any(r != 0 for r in rest):
            raise ValueError(f"point: {point} is no fixed point, the drift there is {rest}")
    return drift, state, point


def _real(values):
    return [v for v in map(sp.simplify, values) if v.is_real is not False and not v.has(sp.I)]
