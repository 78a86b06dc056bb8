"""The whitelist parser: what is read is read exactly, everything else is one sentence, and soon."""

import math
import time

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from analytic import PROCESSES, GaussianMixture, SymmetricPair, evaluate, ornstein_uhlenbeck, stable
from analytic.parse import FUNCTIONS, MAX_TEXT, custom, parse, parse_call, parse_model, parse_process
from analytic.symbols import t

x = sp.Symbol("x", real=True)
LETTERS = {"x": x, "t": t}
half = sp.Rational(1, 2)

FORMULAS = [
    ("x**2 + 0.1*t", x**2 + t / 10),
    ("-x**2", -(x**2)),
    ("2**-x", 2 ** (-x)),
    ("2**3**2 - 512", sp.Integer(0)),
    ("x - t - 1", x - t - 1),
    ("x/t/2", x / (2 * t)),
    ("1e-3 * x", x / 1000),
    ("0.1 + 0.2", sp.Rational(3, 10)),
    ("x**0.5", sp.sqrt(x)),
    ("+x*-1", -x),
    ("sin(pi*x) + e", sp.sin(sp.pi * x) + sp.E),
    ("tanh(x)", stable.tanh(x)),
    ("logcosh(2*x)", stable.logcosh(2 * x)),
    ("sigmoid(x)*softplus(-x)", stable.sigmoid(x) * stable.softplus(-x)),
    ("expm1(t) - log1p(t)", stable.expm1(t) - stable.log1p(t)),
    ("abs(x) + sign(x) + heaviside(x)", sp.Abs(x) + sp.sign(x) + sp.Heaviside(x)),
    ("min(x, 1, t) * max(x, 0)", sp.Min(x, 1, t) * sp.Max(x, 0)),
    ("sqrt(1-exp(-2*t))", sp.sqrt(1 - sp.exp(-2 * t))),
    ("\n x\t+ 1 ", x + 1),
]

REFUSED = [
    ("__import__('os')", "__import__ is not a known function"),
    ("exp.__class__", "exp.__class__ is not allowed"),
    ("x.real", "x.real is not allowed"),
    ("(1).real", "not allowed"),
    ("lambda: 1", "lambda: 1 is not allowed"),
    ("x[0]", "not allowed"),
    ("'x'", "not allowed"),
    ("f'{x}'", "not allowed"),
    ("[1]", "not allowed"),
    ("{1}", "not allowed"),
    ("1, 2", "not allowed"),
    ("x < 1", "not allowed"),
    ("x and t", "not allowed"),
    ("x if t else 1", "not allowed"),
    ("(x := 1)", "not allowed"),
    ("[x for x in t]", "not allowed"),
    ("exp(*x)", "not allowed"),
    ("exp(x=1)", "exp takes one argument"),
    ("exp()", "exp takes one argument"),
    ("min(x)", "min takes 2 to 8 arguments"),
    ("True", "not allowed"),
    ("None", "not allowed"),
    ("1j", "not allowed"),
    ("...", "not allowed"),
    ("~x", "not allowed"),
    ("x^2", "use ** for a power"),
    ("x // 2", "not a formula"),
    ("x % 2", "not a formula"),
    ("2x", "does not read as a formula"),
    ("2(x)", "write * between factors"),
    ("x(1)", "write x*(...) for a product"),
    ("x +", "does not read as a formula"),
    ("x; t", "does not read as a formula"),
    ("import os", "does not read as a formula"),
    ("x # t", "the character '#' is not allowed"),
    ("x\\", "is not allowed"),
    ("\u03b2", "is not allowed"),
    ("\x00", "is not allowed"),
    ("\ud800", "is not allowed"),
    ("", "empty"),
    ("y", "y is not a known name; known are x, t, pi, e"),
    ("exp", "exp is a function"),
    ("unknown(x)", "unknown is not a known function"),
    ("1/0", "divided by zero"),
    ("x/(t - t)", "divided by zero"),
    ("log(0)", "not a finite real number"),
    ("log(x - x)", "not a finite real number"),
    ("sqrt(-1)", "not a finite real number"),
    ("(-1)**0.5", "not a finite real number"),
    ("1e400", "not a finite real number"),
    ("sqrt(-x**2)", "not finite and real"),
    ("9**9**9", "exponent"),
    ("x**101", "the exponent 101 is beyond 100"),
    ("(x**50)**50", "the exponent 2500 is beyond 100"),
    ("1.00001**1e9", "exponent"),
    ("((1 + 1e-300)**100)**100", "too many digits"),
    ("exp(exp(exp(1000)))", "not a finite real number"),
    ("sign(exp(exp(exp(10))))", "not a finite real number"),
    ("99**(1e9 + t)", "the exponent 1e+09 is beyond 100"),
    ("exp(t + 1e9*log(2))", "is beyond 700"),
    ("7e9**(-7/(1e9 - 2))", "too many digits"),
    ("(1 - 1e-300)**0.99", "too many digits"),
    ("99**1e-300", "too many digits"),
    ("9" * 1999, "not a finite real number"),
    ("x+" * MAX_TEXT + "x", "at most 2000"),
    ("-" * 1999 + "x", "nested"),
    ("(" * 900 + "x" + ")" * 900, "nest"),
    ("exp(" * 60 + "x" + ")" * 60, "nested"),
]


def outcome(read, text):
    """What a reader makes of a text, or its refusal."""
    try:
        return read(text)
    except ValueError as refusal:
        return refusal


@pytest.mark.parametrize(("text", "expected"), FORMULAS)
def test_formulas_are_read_exactly(text, expected):
    assert parse(text, LETTERS) == expected


@pytest.mark.parametrize(("text", "reason"), REFUSED, ids=[repr(text)[:24] for text, _ in REFUSED])
def test_everything_else_is_refused_in_one_sentence_and_soon(text, reason):
    started = time.perf_counter()
    with pytest.raises(ValueError, match=r"^observe y: [^\n]+$") as caught:
        parse(text, LETTERS, what="observe y")
    assert reason in str(caught.value)
    assert len(str(caught.value)) < 260
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize("error", [MemoryError, RecursionError, ValueError])
def test_pythons_own_limits_are_one_sentence(monkeypatch, error):
    with monkeypatch.context() as patch:
        patch.setattr("analytic.parse.ast.parse", lambda *_, **__: (_ for _ in ()).throw(error))
        refusal = outcome(parse, "x")
    assert str(refusal) == "expression: x is nested too deeply"


def test_long_sums_are_no_nesting():
    assert parse("+".join(["x"] * 900), LETTERS) == 900 * x


def test_names_are_the_packages_own_symbols():
    assert parse("t").free_symbols == {t}
    (new,) = parse("m", allow_new=True).free_symbols
    assert new == sp.Symbol("m", real=True)
    for taken in ("x", "x2", "alpha", "sigma", "f", "g2", "R", "_m", "__name__"):
        with pytest.raises(ValueError, match="cannot name a parameter"):
            parse(taken, {}, allow_new=True)
    assert parse("h**2", {"h": x + t}) == (x + t) ** 2


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_function_bounds_what_sympy_builds(name):
    build, number = FUNCTIONS[name]
    count = 2 if name in ("min", "max") else 1
    for point in (0.25, 1.5, 30):
        arguments = (sp.Rational(str(point)), half)[:count]
        exact = float(evaluate(build(*arguments), digits=20))
        assert math.isclose(number(*map(float, arguments)), exact, rel_tol=1e-13)
        assert math.isclose(float(evaluate(parse(f"{name}({', '.join(map(str, arguments))})"))), exact, rel_tol=1e-13)


def formulas(leaves):
    """Texts of formulas that stay small, with every operator, sign and bracket."""
    pair = st.tuples(leaves, st.sampled_from("+-*"), leaves).map(" ".join)
    call = st.tuples(st.sampled_from(["sin", "cos", "tanh", "abs"]), leaves).map(lambda p: f"{p[0]}({p[1]})")
    return st.one_of(pair, call, leaves.map("({})".format), leaves.map("-{}".format), leaves.map("({})**2".format))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.recursive(st.sampled_from(["x", "t", "0.5", "2", "pi"]), formulas, max_leaves=8))
def test_precedence_is_pythons(text):
    at = {"x": 0.375, "t": 1.25}
    known = {name: getattr(math, name) for name in ("sin", "cos", "tanh", "pi")} | {"abs": abs}
    expected = eval(text, {"__builtins__": {}}, at | known)  # a text made above, not by a user
    found = float(parse(text, LETTERS).subs({x: sp.Rational(3, 8), t: sp.Rational(5, 4)}).evalf(30))
    assert math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-9)


SIGNS = ["(", "(", ")", ")", ",", "+", "-", "*", "/", "**", "^", "=", "[", "]", ".", "'", ":", "#", " ", "\n"]
WORDS = ["x", "t", "pi", "0", "1", "2", "9", "0.5", "1e9", "1j", "if", "for", "lambda", "in", "__import__", "_"]
pieces = st.sampled_from([*FUNCTIONS, *SIGNS, *WORDS])


@settings(max_examples=400, deadline=5000, derandomize=True)
@given(st.one_of(st.text(max_size=40), st.lists(pieces, max_size=24).map("".join)))
def test_arbitrary_text_is_a_formula_or_a_value_error(text):
    for read in (lambda s: parse(s, LETTERS), lambda s: parse(s, allow_new=True)):
        found = outcome(read, text)
        if isinstance(found, ValueError):
            assert "\n" not in str(found)
        else:
            assert isinstance(found, sp.Expr)
            assert not found.has(sp.nan, sp.zoo, sp.oo, -sp.oo, sp.I)
    assert isinstance(outcome(parse_call, text), tuple | ValueError)


def test_calls_hold_literals_lists_and_formulas():
    m = sp.Symbol("m", real=True)
    name, args, kwargs = parse_call("symmetric_pair(1, variance=0.1, weight=m/2)")
    assert (name, args, kwargs) == ("symmetric_pair", (1,), {"variance": sp.Rational(1, 10), "weight": m / 2})
    assert type(args[0]) is int
    assert parse_call("point_mixture([[1, 0], (0, -2)])")[1] == ([[1, 0], [0, -2]],)
    assert parse_call("ornstein_uhlenbeck") == ("ornstein_uhlenbeck", (), {})
    assert parse_call("custom(alpha=exp(-t))")[2] == {"alpha": sp.exp(-t)}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("os.system('ls')", "name or name"),
        ("__import__('os')", "unknown; known are"),
        ("symmetric_pair(1)(2)", "name or name"),
        ("symmetric_pair('a')", "not allowed"),
        ("symmetric_pair(**m)", "given once"),
        ("symmetric_pair(1, weight=0.2, weight=0.3)", "given once"),
        ("symmetric_pair(t)", "t cannot name a parameter"),
        ("symmetric_pair(x)", "x cannot name a parameter"),
        ("symmetric_pair(1, colour=2)", "colour"),
        ("symmetric_pair", "mean_norm"),
        ("symmetric_pair([1])", "does not suit"),
        ("symmetric_pair(-1)", "mean_norm: -1 is not positive"),
        ("gaussian_mixture(1, 1)", "does not suit"),
        ("ornstein_uhlenbeck", "ornstein_uhlenbeck is unknown; known are"),
        ("point_mixture(" + "[" * 70 + "]" * 70 + ")", "nested"),
    ],
)
def test_bad_models_are_refused(text, reason):
    with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
        parse_model(text)
    assert reason in str(caught.value)


def test_models_and_processes_are_made():
    assert parse_model("symmetric_pair(2, 0.1)") == SymmetricPair(2, sp.Rational(1, 10))
    assert parse_model("gaussian_mixture([-1, 2], 0.5, [0.25, 0.75])") == GaussianMixture([-1, 2], half, [0.25, 0.75])
    for name, make in PROCESSES.items():
        assert parse_process(name) == make()
    ours = ornstein_uhlenbeck()
    for text in ("custom(alpha=exp(-t), sigma=sqrt(1-exp(-2*t)))", "custom(f=-1, g2=2)"):
        made = parse_process(text)
        assert (made.alpha, made.sigma, made.f, made.g2) == (ours.alpha, ours.sigma, ours.f, ours.g2)
    assert parse_process("custom(alpha=1-t, sigma=t, span=[0, 1])").span == (0, 1)


def test_custom_needs_one_pair():
    for given_ in ({}, {"alpha": 1}, {"f": 1}, {"alpha": 1, "sigma": t, "f": 1, "g2": 1}):
        with pytest.raises(ValueError, match="either alpha and sigma or f and g2"):
            custom(**given_)
    with pytest.raises(ValueError, match="two times"):
        custom(alpha=1, sigma=t, span=3)
