"""From SymPy to straight-line source: what varies per lane is computed per lane, the rest once per step.

An expression is split in two tiers.  Its *lane* symbols (state, noise) differ from trajectory to trajectory; the
largest parts without any of them become *columns* of a table with one row per step.  Numbers in the columns are
lifted to run-time constants, so that one compiled kernel serves every value of every parameter.

Source is printed with explicit fused multiply-adds, integer powers as products, half-integer ones through sqrt and
Piecewise as selects.
"""

from __future__ import annotations

import sympy as sp
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanAtom, BooleanFunction

from analytic import stable

# SymPy class name -> function of kernels/elementary.py or kernels/bessel.py
ELEMENTARY = {
    name: name
    for name in (
        "exp",
        "expm1",
        "log",
        "log1p",
        "tanh",
        "sech2",
        "sigmoid",
        "softplus",
        "logcosh",
        "sin",
        "cos",
        "erf",
        "erfc",
        "log_bessel",
        "bessel_ratio",
        "bessel_slope",
    )
}
# allowed too, but through libm: one lane at a time
LIBM = {
    name: f"math.{name}" for name in ("tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh", "gamma")
} | {"loggamma": "math.lgamma", "atan2": "math.atan2", "floor": "math.floor", "ceiling": "math.ceil"}


class maximum(sp.Function):
    """max of its arguments, never sorted or simplified."""

    is_real = True


class positive_part_select(sp.Function):
    """select(condition argument > 0, a, b), as a node."""

    is_real = True


def lower(expr):
    """Replace the many-argument stable nodes by exponentials of differences from the largest entry."""

    def weights(ls):
        top = maximum(*ls)
        return top, [sp.exp(l - top) for l in ls]

    def rewrite(node):
        if isinstance(node, stable.LogSumExp):
            top, e = weights(node.args)
            return top + sp.log(sp.Add(*e))
        if isinstance(node, stable.Softmax):
            _, e = weights(node.args[1:])
            return e[int(node.args[0])] / sp.Add(*e)
        if isinstance(node, stable.SoftmaxMean):
            _, e = weights(node.args[0])
            return sp.Add(*(a * v for a, v in zip(e, node.args[1], strict=True))) / sp.Add(*e)
        k, ls = int(node.args[0]), node.args[1:]  # Surprisal
        top, e = weights(ls)
        others = sp.Add(*(a for j, a in enumerate(e) if j != k))
        far = top - ls[k] + sp.log(sp.Add(*e))
        return positive_part_select(e[k] - sp.Float(1e-30), stable.log1p(others / e[k]), far)

    many = (stable.LogSumExp, stable.Softmax, stable.SoftmaxMean, stable.Surprisal)
    return sp.sympify(expr).replace(lambda node: isinstance(node, many), rewrite)


class Tiers:
    """Collects the columns of lane expressions; `columns` maps each lane-free expression to its symbol."""

    def __init__(self, lanes, prefix: str = "c"):
        self.lanes = frozenset(lanes)
        self.prefix = prefix
        self.columns: dict[sp.Expr, sp.Symbol] = {}
        self._moving: dict[sp.Basic, bool] = dict.fromkeys(self.lanes, True)
        self._done: dict[sp.Basic, sp.Expr] = {}

    def moving(self, expr) -> bool:
        """True when a lane occurs in an expression; remembered, as parts are shared many times over."""
        if expr not in self._moving:
            self._moving[expr] = any(map(self.moving, expr.args))
        return self._moving[expr]

    def column(self, expr) -> sp.Expr:
        """The symbol of a lane-free expression; small integers and halves stay as they are."""
        if expr.is_Number and (2 * expr).is_Integer and abs(expr) <= 4:
            return expr
        return self.columns.setdefault(expr, sp.Symbol(f"{self.prefix}{len(self.columns)}", real=True))

    def split(self, expr) -> sp.Expr:
        """The expression with every largest lane-free part replaced by a column."""
        if expr not in self._done:
            self._done[expr] = self._split(expr)
        return self._done[expr]

    def _split(self, expr):
        if isinstance(expr, BooleanAtom) or expr in self.lanes:
            return expr
        if isinstance(expr, Relational | BooleanFunction):
            return expr.func(*map(self.split, expr.args))
        if isinstance(expr, sp.functions.elementary.piecewise.ExprCondPair):
            return expr.func(*map(self.split, expr.args))
        if not self.moving(expr):
            return self.column(expr)
        if expr.is_Add or expr.is_Mul:
            free = [a for a in expr.args if not self.moving(a)]
            rest = [self.split(a) for a in expr.args if self.moving(a)]
            return expr.func(self.column(expr.func(*free)), *rest) if free else expr.func(*rest)
        if expr.is_Pow and expr.exp.is_Number and (2 * expr.exp).is_Integer:
            return sp.Pow(self.split(expr.base), expr.exp)
        return expr.func(*map(self.split, expr.args))

    def split_update(self, expr) -> sp.Expr:
        """`split` of a sum after collecting the lane-free coefficient of each lane term: x(1 + f dt) costs one fma."""
        terms: dict[sp.Expr, list] = {}
        for coefficient, lane in self._linear(sp.sympify(expr)):
            terms.setdefault(lane, []).append(coefficient)
        return sp.Add(*(self.column(sp.Add(*cs)) * self.split(lane) for lane, cs in terms.items()))

    def _linear(self, expr):
        """(lane-free coefficient, lane term) pairs; only sums multiplied by lane-free factors are opened."""
        if expr.is_Add:
            return [pair for a in expr.args for pair in self._linear(a)]
        if not expr.free_symbols & self.lanes:
            return [(expr, sp.S.One)]
        if expr.is_Mul:
            free, rest = expr.as_independent(*(expr.free_symbols & self.lanes), as_Add=False)
            if rest.is_Add:
                return [(free * c, lane) for c, lane in self._linear(rest)]
            return [(free, rest)]
        return [(sp.S.One, expr)]


def lift_numbers(exprs, prefix: str = "n"):
    """Replace every number that is no small integer or half by a symbol; returns (expressions, symbols -> numbers)."""
    found: dict[sp.Expr, sp.Symbol] = {}

    def lift(e):
        if e.is_Number or e.is_NumberSymbol:
            if e.is_Number and (2 * e).is_Integer and abs(e) <= 4:
                return e
            return found.setdefault(e, sp.Symbol(f"{prefix}{len(found)}", real=True))
        if e.is_Pow and e.exp.is_Integer:
            return sp.Pow(lift(e.base), e.exp)
        return e.func(*map(lift, e.args)) if e.args else e

    lifted = [lift(e) for e in exprs]
    return lifted, {symbol: number for number, symbol in found.items()}


def statements(exprs, prefix: str = "u") -> tuple[list[str], list[str]]:
    """Lines `u0 = ...` of the shared parts and the printed expressions that use them."""
    shared, reduced = sp.cse(exprs, symbols=sp.numbered_symbols(prefix, real=True), order="none")
    printer = Printer()
    lines = []
    for symbol, e in shared:
        text = printer.show(e)
        lines += [*printer.take(), f"{symbol.name} = {text}"]
    texts = []
    for e in reduced:
        text = printer.show(e)
        lines += printer.take()
        texts.append(text)
    return lines, texts


class Printer:
    """Prints one expression at a time as Python of the kernel dialect; `take` hands over helper lines."""

    def __init__(self):
        self.lines: list[str] = []
        self.count = 0

    def take(self) -> list[str]:
        lines, self.lines = self.lines, []
        return lines

    def name(self, text: str) -> str:
        """A name for the value of a piece of source."""
        if text.isidentifier():
            return text
        self.count += 1
        self.lines.append(f"h{self.count} = {text}")
        return f"h{self.count}"

    def show(self, e) -> str:
        if e.is_Symbol:
            return e.name
        if e.is_Number or e.is_NumberSymbol:
            return repr(float(e))
        if e.is_Add:
            return self._add(e)
        if e.is_Mul:
            return self._mul(e.args)
        if e.is_Pow:
            return self._pow(e.base, e.exp)
        kind = type(e).__name__
        if kind in ELEMENTARY or kind in LIBM:
            call = ELEMENTARY.get(kind) or LIBM[kind]
            return f"{call}({', '.join(map(self.show, e.args))})"
        handler = getattr(self, f"_{kind}", None)
        if handler is None:
            raise NotImplementedError(
                f"expression: {kind} in {e} has no compiled form; see analytic.stable and kernels/elementary.py"
            )
        return handler(e)

    def _add(self, e) -> str:
        singles: list[sp.Expr] = []
        products: list[sp.Expr] = []
        for term in sorted(e.args, key=sp.default_sort_key):
            (products if term.is_Mul and not _is_plain_negative(term) and _numerators(term) > 1 else singles).append(
                term
            )
        if singles:
            total = self.show(singles[0])
            for term in singles[1:]:
                if _is_plain_negative(term):
                    total = f"({total} - {self.show(-term)})"
                else:
                    total = f"({total} + {self.show(term)})"
        else:
            total = self.show(products.pop())
        for term in products:
            first, *others = [a for a in term.args if not _is_reciprocal(a)]
            rest = self._mul((*others, *(a for a in term.args if _is_reciprocal(a))))
            total = f"fma({self.show(first)}, {rest}, {total})"
        return total

    def _mul(self, args) -> str:
        above = [a for a in args if not _is_reciprocal(a)]
        below = [sp.Pow(a.base, -a.exp) for a in args if _is_reciprocal(a)]
        if above and above[0] == -1 and len(above) > 1:
            numerator = f"(-{self._product(above[1:])})"
        else:
            numerator = self._product(above) if above else "1.0"
        return f"({numerator} / {self._product(below)})" if below else numerator

    def _product(self, factors) -> str:
        text = " * ".join(self.show(a) for a in factors)
        return f"({text})" if len(factors) > 1 else text

    def _pow(self, base, exponent) -> str:
        if exponent.is_negative and exponent.is_Number:
            return f"(1.0 / {self._pow(base, -exponent)})"
        if exponent.is_Integer and exponent <= 64:
            return self._integer_power(self.name(self.show(base)), int(exponent))
        if exponent.is_Rational and exponent.q == 2:
            b = self.name(self.show(base))
            whole = int(exponent - sp.S.Half)
            return f"sqrt({b})" if whole == 0 else f"({self._integer_power(b, whole)} * sqrt({b}))"
        return f"pow({self.show(base)}, {self.show(exponent)})"

    def _integer_power(self, b: str, n: int) -> str:
        if n == 1:
            return b
        half = self._integer_power(b, n // 2)
        square = f"({b} * {b})" if n // 2 == 1 else "({0} * {0})".format(self.name(half))
        return f"({b} * {square})" if n % 2 else square

    def _maximum(self, e) -> str:
        text = self.show(e.args[0])
        for argument in e.args[1:]:
            a, b = self.name(text), self.name(self.show(argument))
            text = f"select({a} > {b}, {a}, {b})"
        return text

    _Max = _maximum

    def _Min(self, e) -> str:
        return f"(-{self._maximum(sp.Function('maximum')(*(-a for a in e.args)))})"

    def _positive_part_select(self, e) -> str:
        c, a, b = map(self.show, e.args)
        return f"select({c} > 0.0, {a}, {b})"

    def _Abs(self, e) -> str:
        return f"absolute({self.show(e.args[0])})"

    def _sign(self, e) -> str:
        a = self.name(self.show(e.args[0]))
        return f"select({a} > 0.0, 1.0, select({a} < 0.0, -1.0, 0.0))"

    def _Heaviside(self, e) -> str:
        a = self.name(self.show(e.args[0]))
        return f"select({a} > 0.0, 1.0, select({a} < 0.0, 0.0, 0.5))"

    def _Piecewise(self, e) -> str:
        text = "nan" if e.args[-1].cond != sp.true else self.show(e.args[-1].expr)
        pairs = e.args if e.args[-1].cond != sp.true else e.args[:-1]
        for value, condition in reversed(pairs):
            text = f"select({self.show(condition)}, {self.show(value)}, {text})"
        return text

    def _comparison(self, e) -> str:
        return f"({self.show(e.lhs)} {e.rel_op} {self.show(e.rhs)})"

    _StrictGreaterThan = _StrictLessThan = _GreaterThan = _LessThan = _Equality = _Unequality = _comparison

    def _And(self, e) -> str:
        return "(" + " & ".join(map(self.show, e.args)) + ")"

    def _Or(self, e) -> str:
        return "(" + " | ".join(map(self.show, e.args)) + ")"

    def _Not(self, e) -> str:
        return f"(not {self.show(e.args[0])})"


def _is_reciprocal(e) -> bool:
    return e.is_Pow and e.exp.is_Number and e.exp.is_negative


def _is_plain_negative(e) -> bool:
    return e.is_Mul and len(e.args) == 2 and e.args[0] == -1


def _numerators(e) -> int:
    return sum(not _is_reciprocal(a) for a in e.args)
