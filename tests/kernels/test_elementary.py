"""Elementary functions: error in ulp against mpmath, special values, machine code, same bits everywhere."""

import json
import math
import os
import platform
import re
import subprocess
import sys

import llvmlite.binding as llvm
import mpmath as mp
import numpy as np
import pytest
from numba import njit

from physim.kernels import elementary as el

INF, NAN = math.inf, math.nan
TINY, SMALLEST, LARGEST = 2.2250738585072014e-308, 5e-324, 1.7976931348623157e308


def uniform(low, high):
    return lambda rng, n: rng.uniform(low, high, n)


def near(centre, reach=0.5):
    """Points on both sides of a number, at distances from 1e-16 to `reach`."""
    return lambda rng, n: centre + np.exp(rng.uniform(-37, math.log(reach), n)) * rng.choice([-1, 1], n)


def above(low):
    return lambda rng, n: low + np.exp(rng.uniform(-36, 0, n))


def scales(low, high):
    return lambda rng, n: np.exp(rng.uniform(math.log(low), math.log(high), n))


def both_signs(draw):
    return lambda rng, n: draw(rng, n) * rng.choice([-1.0, 1.0], n)


CASES = {  # name: (exact function, largest error in ulp, where to look)
    "exp": (mp.exp, 0.8, [uniform(-745.2, 709.7), uniform(-1, 1), uniform(-745.2, -708), near(0)]),
    "expm1": (mp.expm1, 1.8, [uniform(-50, 709), uniform(-1, 1), both_signs(scales(1e-310, 1))]),
    "log": (mp.log, 1.3, [scales(SMALLEST, 1e308), uniform(0.5, 2), near(1)]),
    "log1p": (mp.log1p, 1.9, [scales(1e-310, 1e308), uniform(-1, 3), near(0), above(-1)]),
    "tanh": (mp.tanh, 1.8, [uniform(-20, 20), uniform(-1, 1), both_signs(scales(1e-310, 1))]),
    "sigmoid": (lambda x: 1 / (1 + mp.exp(-x)), 1.6, [uniform(-745, 50), uniform(-5, 5), near(0)]),
    "sech2": (lambda x: mp.sech(x) ** 2, 1.6, [uniform(-373, 373), uniform(-5, 5), near(0)]),
    "softplus": (lambda x: mp.log1p(mp.exp(x)), 1.7, [uniform(-745, 50), uniform(-5, 5), near(0)]),
    "logcosh": (
        lambda x: mp.log1p(2 * mp.sinh(x / 2) ** 2),
        1.7,
        [uniform(-400, 400), uniform(-3, 3), uniform(0.7, 1), both_signs(scales(1e-150, 1))],
    ),
    "sin": (
        mp.sin,
        1.7,
        [
            uniform(-10, 10),
            uniform(-1e5, 1e5),
            uniform(-(2.0**30), 2.0**30),
            lambda rng, n: rng.integers(-100_000, 100_000, n) * (math.pi / 2),
            both_signs(scales(1e-310, 1)),
        ],
    ),
    "sqrt": (mp.sqrt, 0.5, [scales(SMALLEST, 1e308)]),
    "rsqrt": (lambda x: 1 / mp.sqrt(x), 1.5, [scales(TINY, 1e308)]),
    "erf": (mp.erf, 1.2, [uniform(-6, 6), uniform(-1, 1), both_signs(scales(1e-300, 1))]),
    "erfc": (mp.erfc, 1.7, [uniform(-6, 27.2), uniform(-1, 1), uniform(26, 27.2)]),
}
CASES["cos"] = (mp.cos, *CASES["sin"][1:])
PAIRS = [  # where to look at pow(x, y)
    (scales(1e-3, 1e3), uniform(-20, 20)),
    (scales(SMALLEST, 1e308), uniform(-1, 1)),
    (near(1), both_signs(scales(1e-3, 1e9))),
    (uniform(0.7, 1.42), uniform(-2000, 2000)),
    (scales(1e-300, 1e300), lambda rng, n: rng.choice([0.5, 1 / 3, 1.5, -0.5, 2.0, 3.0, -1.0], n)),
]
NAMES = [*CASES, "pow"]


def lanes(name):
    """Return a compiled loop over lanes."""
    function = getattr(el, name)

    @njit(error_model="numpy", nogil=True)
    def loop(x, y, out):
        for i in range(x.size):
            out[i] = function(x[i])

    @njit(error_model="numpy", nogil=True)
    def loop_of_pairs(x, y, out):
        for i in range(x.size):
            out[i] = function(x[i], y[i])

    return loop_of_pairs if name == "pow" else loop


LOOPS = {name: lanes(name) for name in NAMES}


def evaluate(name, x, y=None):
    x = np.asarray(x, dtype=float)
    out = np.empty_like(x)
    LOOPS[name](x, x if y is None else np.asarray(y, dtype=float), out)
    return out


def errors(values, exact):
    """Errors in units in the last place of the exact results (rounded overflow counts as infinite)."""
    for value, reference in zip(values, exact, strict=True):
        rounded = float(reference)
        if math.isinf(rounded):
            yield 0.0 if value == rounded else INF
        else:
            yield float(abs(mp.mpf(float(value)) - reference) / mp.mpf(math.ulp(rounded)))


@pytest.mark.parametrize("name", list(CASES))
def test_error_in_ulp(name):
    exact, limit, draws = CASES[name]
    rng = np.random.default_rng(20)
    with mp.workdps(40):
        for draw in draws:
            x = draw(rng, 1500)
            worst = max(errors(evaluate(name, x), (exact(mp.mpf(float(v))) for v in x)))
            assert worst <= limit, (name, worst)


def test_error_of_pow_in_ulp():
    rng = np.random.default_rng(21)
    with mp.workdps(40):
        for draw_x, draw_y in PAIRS:
            x, y = draw_x(rng, 1500), draw_y(rng, 1500)
            exact = (mp.power(mp.mpf(float(a)), mp.mpf(float(b))) for a, b in zip(x, y, strict=True))
            assert max(errors(evaluate("pow", x, y), exact)) <= 1.3


SPECIAL = {  # name: arguments, exact results; signs of zero count
    "exp": ([0.0, -0.0, INF, -INF, NAN, 709.782712893384, 709.7827128933841, -745.13, -745.14, -1e300, 1e300],
            [1.0, 1.0, INF, 0.0, NAN, 1.7976931348622732e308, INF, SMALLEST, 0.0, 0.0, INF]),
    "expm1": ([0.0, -0.0, INF, -INF, NAN, 709.79, -1e300, SMALLEST],
              [0.0, -0.0, INF, -1.0, NAN, INF, -1.0, SMALLEST]),
    "log": ([0.0, -0.0, -1.0, -INF, INF, NAN, 1.0, SMALLEST, LARGEST],
            [-INF, -INF, NAN, NAN, INF, NAN, 0.0, -744.4400719213812, 709.782712893384]),
    "log1p": ([0.0, -0.0, -1.0, -1.5, -INF, INF, NAN, SMALLEST, LARGEST],
              [0.0, -0.0, -INF, NAN, NAN, INF, NAN, SMALLEST, 709.782712893384]),
    "tanh": ([0.0, -0.0, INF, -INF, NAN, 19.1, -1e300, SMALLEST],
             [0.0, -0.0, 1.0, -1.0, NAN, 1.0, -1.0, SMALLEST]),
    "sigmoid": ([0.0, INF, -INF, NAN, 40.0, -800.0], [0.5, 1.0, 0.0, NAN, 1.0, 0.0]),
    "sech2": ([0.0, -0.0, INF, -INF, NAN, 1e300], [1.0, 1.0, 0.0, 0.0, NAN, 0.0]),
    "softplus": ([0.0, INF, -INF, NAN, 1e300, -800.0], [math.log(2), INF, 0.0, NAN, 1e300, 0.0]),
    "logcosh": ([0.0, -0.0, INF, -INF, NAN, 1e300], [0.0, 0.0, INF, INF, NAN, 1e300]),
    "sin": ([0.0, -0.0, INF, -INF, NAN, SMALLEST, 2.0**31], [0.0, -0.0, NAN, NAN, NAN, SMALLEST, NAN]),
    "cos": ([0.0, -0.0, INF, -INF, NAN, 2.0**31], [1.0, 1.0, NAN, NAN, NAN, NAN]),
    "sqrt": ([0.0, -0.0, INF, -1.0, NAN], [0.0, -0.0, INF, NAN, NAN]),
    "rsqrt": ([0.0, INF, -1.0, NAN, 4.0], [INF, 0.0, NAN, NAN, 0.5]),
    "erf": ([0.0, -0.0, INF, -INF, NAN, 6.5, SMALLEST], [0.0, -0.0, 1.0, -1.0, NAN, 1.0, SMALLEST]),
    "erfc": ([0.0, INF, -INF, NAN, 27.3, -7.0, 1e300], [1.0, 0.0, 2.0, NAN, 0.0, 2.0, 0.0]),
}  # fmt: skip


def agree(values, expected):
    same = (values == expected) & (np.signbit(values) == np.signbit(expected))
    return same | (np.isnan(values) & np.isnan(expected))


@pytest.mark.parametrize("name", list(SPECIAL))
def test_special_values(name):
    x, expected = SPECIAL[name]
    values = evaluate(name, x)
    assert agree(values, np.array(expected)).all(), dict(zip(x, values, strict=True))


def test_special_values_of_pow_are_those_of_c():
    edges = [0.0, 1.0, 2.0, 0.5, 3.0, 2.5, 1e300, SMALLEST, 2.0**53, 2.0**53 + 2, 2.0**52 - 0.5]
    edges = [*edges, 2.0**52 + 1, INF, *(-v for v in edges), -INF, NAN]
    x, y = (grid.ravel() for grid in np.meshgrid(edges, edges))
    values = evaluate("pow", x, y)
    with np.errstate(all="ignore"):
        expected = np.power(x, y)
        close = (np.abs(values / expected - 1) < 4e-16) & (np.signbit(values) == np.signbit(expected))
    assert (agree(values, expected) | close).all()


def test_bounded_and_monotone_where_the_exact_function_is():
    x = np.linspace(-25, 25, 200_001)
    assert np.abs(evaluate("tanh", x)).max() == 1.0
    assert evaluate("sigmoid", x).max() <= 1.0
    assert evaluate("sech2", x).max() == 1.0
    assert np.abs(evaluate("sin", x)).max() <= 1.0
    assert (np.diff(evaluate("exp", x)) > 0).all()
    assert (evaluate("tanh", -x) == -evaluate("tanh", x)).all()


def kernel_code(function):
    """Assembly of the compiled function itself, without its Python wrappers."""
    (text,) = function.inspect_asm().values()
    blocks = re.findall(r"^(\S+):\n(.*?)^\.Lfunc_end", text, re.S | re.M)
    return max((body for label, body in blocks if "cpython" not in label and "cfunc" not in label), key=len)


has_simd = platform.machine() in ("x86_64", "AMD64") and llvm.get_host_cpu_features().get("fma", False)


@pytest.mark.skipif(not has_simd, reason="looks at x86 code with fused multiply-add")
@pytest.mark.parametrize("name", NAMES)
def test_lane_loop_is_packed_and_calls_nothing(name):
    evaluate(name, [1.0], [1.0])
    code = kernel_code(LOOPS[name])
    packed = "vsqrtpd" if name in ("sqrt", "rsqrt") else r"vfn?m(add|sub)\d+pd"
    assert re.search(packed + r"\s.*%[yz]mm", code)
    assert not re.search(r"^\s*call", code, re.M)


@pytest.mark.skipif(not llvm.get_host_cpu_features().get("avx512f", False), reason="needs 512-bit vectors")
def test_wide_vectors_acts_on_the_kernel_that_asks():
    from physim.kernels.intrinsics import wide_vectors

    exp = el.exp

    @njit(error_model="numpy")
    def wide(x, y, out):
        wide_vectors()
        for i in range(x.size):
            out[i] = exp(x[i])

    x = np.linspace(-3, 3, 101)
    out = np.empty_like(x)
    wide(x, x, out)
    assert "zmm" in kernel_code(wide)
    assert (out == evaluate("exp", x)).all()


PROBE = """
import json, sys
import numpy as np
from tests.kernels import test_elementary as t
n, plain = int(sys.argv[1]), sys.argv[2] == "plain"
print(json.dumps({name: t.sample(name, n, plain) for name in t.NAMES}))
"""


def sample(name, n, plain=False):
    """Results, as hexadecimal text, at n arguments where the function is finite."""
    x, y = np.linspace(-9.7, 9.7, n), np.linspace(-7.3, 8.1, n)
    x = np.abs(x) if name in ("log", "log1p", "sqrt", "rsqrt", "pow") else x
    if not plain:
        return [v.hex() for v in evaluate(name, x, y).tolist()]
    function = getattr(el, name)
    arguments = (x.tolist(), y.tolist()) if name == "pow" else (x.tolist(),)
    return [float(function(*a)).hex() for a in zip(*arguments, strict=True)]


OTHER = {
    "plain": {"NUMBA_DISABLE_JIT": "1"},
    "processor": {"NUMBA_CPU_NAME": "x86-64-v3", "NUMBA_CPU_FEATURES": ""},
}


@pytest.mark.parametrize("kind", list(OTHER))
def test_same_bits_without_the_jit_and_on_another_processor(kind):
    if kind == "processor" and not has_simd:
        pytest.skip("another x86 target needs an x86 processor")
    n = 200
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", PROBE, str(n), kind],
        env=os.environ | OTHER[kind], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {name: sample(name, n) for name in NAMES}
