"""User text to SymPy: a whitelist over Python's syntax tree, in which nothing is ever executed.

    formula     numbers, names, + - * / ** and signs, parentheses, the FUNCTIONS below, pi and e
    call        name  or  name(arguments), the arguments being formulas, lists of them, or keyword=formula

Decimals are read as what they say: 0.1 is 1/10.  The work a text can ask for is bounded before SymPy starts:
length, nesting and exponents have limits, and constant parts must be finite real numbers in double precision.
"""

from __future__ import annotations

import ast
import inspect
import math
import operator
import re
import warnings
from typing import NoReturn

import sympy as sp

from analytic import stable
from analytic.models import MODELS
from analytic.processes import PROCESSES, ForwardProcess
from analytic.symbols import exact, t

MAX_TEXT, MAX_DEPTH, MAX_ARGUMENTS = 2000, 40, 8
MAX_EXPONENT, MAX_LOG, MAX_BITS, MAX_ROOT, SMALL = 100, 700, 1 << 14, 10_000, 16
RESERVED = re.compile(r"t|x\d*|alpha|sigma|f|g2|R")

# name: (what SymPy builds, the same on a float)
FUNCTIONS = {
    "exp": (sp.exp, math.exp),
    "expm1": (stable.expm1, math.expm1),
    "log": (sp.log, math.log),
    "log1p": (stable.log1p, math.log1p),
    "sqrt": (sp.sqrt, math.sqrt),
    "sin": (sp.sin, math.sin),
    "cos": (sp.cos, math.cos),
    "tan": (sp.tan, math.tan),
    "sinh": (sp.sinh, math.sinh),
    "cosh": (sp.cosh, math.cosh),
    "tanh": (stable.tanh, math.tanh),
    "logcosh": (stable.logcosh, lambda u: abs(u) - math.log(2) + math.log1p(math.exp(-2 * abs(u)))),
    "sigmoid": (stable.sigmoid, lambda u: (1 + math.tanh(u / 2)) / 2),
    "softplus": (stable.softplus, lambda u: max(u, 0) + math.log1p(math.exp(-abs(u)))),
    "abs": (sp.Abs, abs),
    "sign": (sp.sign, lambda u: (u > 0) - (u < 0)),
    "heaviside": (sp.Heaviside, lambda u: (1 + (u > 0) - (u < 0)) / 2),
    "min": (sp.Min, min),
    "max": (sp.Max, max),
}
CONSTANTS = {"pi": sp.pi, "e": sp.E}
OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
CALLS = (*MODELS, *PROCESSES, "custom")
PARTS = "numbers, names, functions and + - * / **"


def parse(text: str, symbols=None, *, allow_new: bool = False, what: str = "expression") -> sp.Expr:
    """The formula that a text states.

    Parameters
    ----------
    text : e.g. "x**2 + log(cosh(m*x))".
    symbols : dict from name to symbol or expression; None knows the time t only.
    allow_new : True turns other names into real symbols, except for the package's own letters.
    what : the word that opens an error message.

    Raises
    ------
    ValueError, one sentence, for anything outside the whitelist, any unknown name and any limit passed.
    """
    reader = Reader({"t": t} if symbols is None else symbols, allow_new, what)
    return reader.guarded(reader.expression, reader.tree(text))


def parse_call(text: str, known=CALLS, what: str = "call") -> tuple[str, tuple, dict]:
    """The (name, args, kwargs) that a text such as "symmetric_pair(1, variance=0.1, weight=m)" states.

    The name is one of `known`.  Whole numbers are int, lists are lists, all else formulas; new names in
    them are real symbols.  A process may use the time t, a model may not.

    Raises
    ------
    ValueError, one sentence, as `parse`.
    """
    reader = Reader({}, True, what)
    node = reader.tree(text)
    call = node if isinstance(node, ast.Call) else ast.Call(node, [], [])
    if not isinstance(call.func, ast.Name):
        reader.fail(f"{_short(text)} is not of the form name or name(arguments)")
    name, keywords = call.func.id, [k.arg for k in call.keywords]
    if name not in known:
        reader.fail(f"{_short(name)} is unknown; known are {', '.join(known)}")
    if None in keywords or len(set(keywords)) < len(keywords):
        reader.fail(f"each argument of {name} is given once, as value or name=value")
    reader.symbols = {} if name in MODELS else {"t": t}
    args = tuple(reader.guarded(reader.argument, a) for a in call.args)
    return name, args, {str(k.arg): reader.guarded(reader.argument, k.value) for k in call.keywords}


def parse_model(text: str):
    """The model that a text states, e.g. "gaussian_mixture([-2, 2], 0.1)"; ValueError as `parse_call`."""
    return _made(text, MODELS, "model")


def parse_process(text: str) -> ForwardProcess:
    """The process that a text states, e.g. "vp_linear(0.1, 20)"; ValueError as `parse_call`."""
    return _made(text, {**PROCESSES, "custom": custom}, "process")


def custom(alpha=None, sigma=None, span=(0, sp.oo), f=None, g2=None) -> ForwardProcess:
    """Any schedule: alpha and sigma, or f and g2, as functions of t on the span (start, end)."""
    pairs = [pair for pair in ((alpha, sigma), (f, g2)) if pair != (None, None)]
    if len(pairs) != 1 or None in pairs[0]:
        raise ValueError("custom: either alpha and sigma or f and g2 are needed")
    if not isinstance(span, list | tuple) or len(span) != 2:
        raise ValueError("span: two times are needed, e.g. span=[0, 1]")
    make = ForwardProcess if f is None else ForwardProcess.from_sde
    return make(*pairs[0], span=tuple(span))


def _made(text, makers, what):
    name, args, kwargs = parse_call(text, tuple(makers), what)
    signature = inspect.signature(makers[name])
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        allowed = ", ".join(signature.parameters) or "none"
        raise ValueError(f"{what}: {name}: {error}; its arguments are {allowed}") from None
    try:
        return makers[name](*args, **kwargs)
    except (TypeError, ArithmeticError) as error:
        reason = str(error) or type(error).__name__
        raise ValueError(f"{what}: {_short(text)} does not suit {name} ({reason})") from error


class Reader:
    """Walks one syntax tree; a formula comes with its value as a float, None where it depends on symbols."""

    def __init__(self, symbols, allow_new: bool, what: str):
        self.symbols = {str(name): sp.sympify(value) for name, value in dict(symbols).items()}
        self.allow_new, self.what, self.text = allow_new, what, ""

    def fail(self, reason: str) -> NoReturn:
        """Raise the ValueError of one sentence."""
        raise ValueError(f"{self.what}: {reason}") from None

    def tree(self, text) -> ast.expr:
        """The syntax tree of a text within the limits."""
        if not isinstance(text, str):
            raise TypeError(f"{self.what}: text is needed, not {type(text).__name__}")
        self.text = " ".join(text.split())
        if not self.text:
            self.fail("the text is empty")
        if len(self.text) > MAX_TEXT:
            self.fail(f"the text has {len(self.text)} characters; at most {MAX_TEXT} are read")
        if odd := [c for c in self.text if c in "#\\" or not (c.isascii() and c.isprintable())]:
            self.fail(f"the character {odd[0]!a} is not allowed; ASCII letters, digits and operators are")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(self.text, mode="eval").body
        except SyntaxError as error:
            where = f"{error.msg}, column {error.offset or 1}"
            self.fail(f"{_short(self.text)} does not read as a formula ({where})")
        except (ValueError, MemoryError, RecursionError):
            self.fail(f"{_short(self.text)} is nested too deeply")

    def source(self, node) -> str:
        """The text of a node."""
        return _short(self.text[node.col_offset : node.end_col_offset])

    def guarded(self, method, node):
        """method(node) with whatever SymPy raises turned into one sentence."""
        try:
            return method(node)
        except (ArithmeticError, TypeError, AttributeError, NotImplementedError, RecursionError) as error:
            self.fail(f"{self.source(node)} has no value in real numbers ({type(error).__name__})")

    def expression(self, node, depth=0) -> sp.Expr:
        """A finite real formula."""
        expr = self.formula(node, depth)[0]
        if expr.has(sp.nan, sp.zoo, sp.oo, -sp.oo, sp.I):
            self.fail(f"{self.source(node)} is not finite and real")
        return expr

    def argument(self, node, depth=0):
        """A whole number, a list of arguments, or a formula."""
        if isinstance(node, ast.List | ast.Tuple):
            if depth > MAX_DEPTH:
                self.fail(f"lists are nested deeper than {MAX_DEPTH}")
            return [self.argument(entry, depth + 1) for entry in node.elts]
        expr = self.expression(node, depth)
        return int(expr) if expr.is_Integer else expr

    def formula(self, node, depth):
        """(expression, float or None) of a node."""
        if depth > MAX_DEPTH:
            self.fail(f"the formula is nested deeper than {MAX_DEPTH}")
        if isinstance(node, ast.BinOp):
            return self._chain(node, depth)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd | ast.USub):
            expr, value = self.formula(node.operand, depth + 1)
            if isinstance(node.op, ast.UAdd):
                return expr, value
            return -expr, None if value is None else -value
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            self._finite(float, node.value)
            return self._settled(exact(node.value), None)
        if isinstance(node, ast.Name):
            return self._settled(self._symbol(node.id), None)
        if isinstance(node, ast.Call):
            return self._function(node, depth)
        self.fail(f"{self.source(node)} is not allowed in a formula, which is made of {PARTS}")

    def _chain(self, node, depth):
        """Operators from left to right, a long sum without nesting."""
        rest = []
        while isinstance(node, ast.BinOp):
            if type(node.op) not in OPERATORS:
                hint = "use ** for a power, not ^" if isinstance(node.op, ast.BitXor) else f"made of {PARTS}"
                self.fail(f"{self.source(node)} is not a formula: {hint}")
            rest.append((OPERATORS[type(node.op)], node.right))
            node = node.left
        total = self.formula(node, depth + 1)
        for apply, right in reversed(rest):
            total = self._combine(apply, total, self.formula(right, depth + 1))
        return total

    def _combine(self, apply, left, right):
        if apply is operator.truediv and right[0].is_zero:
            self.fail(f"{_short(left[0])} is divided by zero")
        if apply is operator.pow:
            self._check_power(left[0], right[0])
        value = None if None in (left[1], right[1]) else self._finite(apply, left[1], right[1])
        expr = apply(left[0], right[0])
        if expr.is_Pow:
            self._check_shift(expr.exp)
        return self._settled(expr, value)

    def _check_power(self, base, exponent):
        """Refuse what SymPy would work out with too many digits, alone or as a factor: a**(b + t) = a**b a**t."""
        shift = self._check_shift(exponent)
        bits = sum(_bits(r) for r in base.atoms(sp.Rational) if abs(r) != 1)
        root = int(shift.q) if shift.is_Rational else 1
        digits = bits * max(abs(float(shift)), 1) * root
        long = digits > MAX_BITS and (root == 1 or bits > SMALL)
        if long or root > (MAX_ROOT if bits else MAX_ROOT**2):
            self.fail(f"{_short(base)} to the power {_short(shift)} has too many digits")

    def _check_shift(self, exponent, most=MAX_EXPONENT):
        """The constant term of an exponent, if it is not too large."""
        free = exponent.free_symbols
        shift = exponent.as_independent(*free, as_Add=True)[0] if free else exponent
        if abs(float(shift)) > most:
            self.fail(f"the exponent {float(shift):g} is beyond {most}")
        return shift

    def _symbol(self, name):
        if name in self.symbols:
            return self.symbols[name]
        if name in CONSTANTS:
            return CONSTANTS[name]
        if name in FUNCTIONS:
            self.fail(f"{name} is a function; write {name}(...)")
        if not self.allow_new:
            known = ", ".join([*self.symbols, *CONSTANTS])
            self.fail(f"{_short(name)} is not a known name; known are {known}")
        if RESERVED.fullmatch(name) or not re.fullmatch(r"[A-Za-z]\w{0,30}", name):
            self.fail(f"{_short(name)} cannot name a parameter (t, x, x1, alpha, sigma, f, g2, R are taken)")
        return sp.Symbol(name, real=True)

    def _function(self, node, depth):
        if not isinstance(node.func, ast.Name):
            self.fail(f"{self.source(node)} is not allowed in a formula: write * between factors")
        name = node.func.id
        if name not in FUNCTIONS:
            hint = f"; write {name}*(...) for a product" if name in self.symbols or name in CONSTANTS else ""
            self.fail(f"{_short(name)} is not a known function{hint}; known are {', '.join(FUNCTIONS)}")
        least, most = (2, MAX_ARGUMENTS) if name in ("min", "max") else (1, 1)
        if node.keywords or not least <= len(node.args) <= most:
            wanted = "one argument" if most == 1 else f"{least} to {most} arguments"
            self.fail(f"{name} takes {wanted}, not {self.source(node)}")
        build, number = FUNCTIONS[name]
        parts = [self.formula(a, depth + 1) for a in node.args]
        values = [value for _, value in parts]
        value = None if None in values else self._finite(number, *values)
        if build is sp.exp:
            self._check_shift(parts[0][0], MAX_LOG)
        return self._settled(build(*(expr for expr, _ in parts)), value)

    def _settled(self, expr, value):
        if expr.is_Rational and _bits(expr) > MAX_BITS // 4:
            self.fail(f"{_short(self.text)} has a number of too many digits")
        if expr.is_Rational or (value is None and not expr.free_symbols):
            value = self._finite(float, expr)
        return expr, value

    def _finite(self, function, *values):
        try:
            value = function(*values)
        except (ArithmeticError, ValueError, TypeError):
            value = None
        if not isinstance(value, int | float) or not math.isfinite(value):
            self.fail(f"{_short(self.text)} has a constant part that is not a finite real number")
        return value


def _bits(number) -> int:
    return int(number.p).bit_length() + int(number.q).bit_length()


def _short(thing) -> str:
    text = str(thing)
    return text if len(text) <= 60 else f"{text[:57]}..."
