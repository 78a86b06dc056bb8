"""Float32 lanes: functions within two units in the last place, special values, the normals of the float64 run, code."""

import math
import re

import numpy as np
import pytest
from scipy import special

from physim.kernels import module
from tests.kernels.test_elementary import SPECIAL, agree, evaluate, has_simd
from tests.kernels.test_philox import normals as normals_in_double

U8 = np.uint64
RANGES = {  # where to look
    "exp": (-104.5, 89.0),
    "tanh": (-12.0, 12.0),
    "sigmoid": (-104.5, 30.0),
    "sech2": (-55.0, 55.0),
    "sqrt": (0.0, 10.0),
    "log": (1e-30, 10.0),
    "erf": (-4.0, 4.0),
}
LOOP = """@njit("void(float32[::1], float32[::1])", error_model="numpy", nogil=True, cache=True)
def loop_{0}(x, out):
    wide_vectors()
    for i in range(x.size):
        out[i] = {0}_f(x[i])
"""
FILL = """@njit("void(float32[:, :, ::1], uint64, uint64, uint64, uint64, uint64)", nogil=True, cache=True)
def fill(out, k0, k1, stream, first, call):
    fill_noise(out, k0, k1, stream, first, call)
"""


@pytest.fixture(scope="module")
def compiled():
    """All loops in one module."""
    source = "\n\n".join([*(LOOP.format(name) for name in RANGES), FILL])
    return module.load(module.complete(source, "Float32 lanes.", "float32"))


def single(compiled, name, x):
    x = np.asarray(x, dtype=np.float32)
    out = np.empty_like(x)
    getattr(compiled, f"loop_{name}")(x, out)
    return out


@pytest.mark.parametrize("name", RANGES)
def test_error_in_ulp(compiled, name):
    """Against the float64 function, whose own error is 1e-9 of a float32 unit."""
    rng, (low, high) = np.random.default_rng(3), RANGES[name]
    for edges in ((low, high), (max(low, -1.0), min(high, 1.0))):
        x = rng.uniform(*edges, 300_000).astype(np.float32)
        exact = evaluate(name, x.astype(float))
        with np.errstate(over="ignore", invalid="ignore"):
            rounded = exact.astype(np.float32)
            values = single(compiled, name, x)
            error = np.abs(values - exact) / np.spacing(np.abs(rounded)).astype(float)
        error[(values == rounded) & np.isinf(rounded)] = 0
        assert error.max() < 1.8, (name, x[np.argmax(error)])


@pytest.mark.parametrize("name", RANGES)
def test_special_values(compiled, name):
    x, expected = (np.array(v) for v in SPECIAL[name])
    with np.errstate(over="ignore"):
        exact = np.isnan(x) | (x.astype(np.float32) == x)
    assert agree(single(compiled, name, x[exact]), expected[exact].astype(np.float32)).all()


def test_normals_are_those_of_the_float64_run(compiled):
    """Same words: 99.9 % within 1e-6, the far tail (coarser radius) within 0.05; moments as they should be."""
    n = 200_000
    out = np.empty((2, 4, n), np.float32)
    compiled.fill(out, U8(5), U8(6), U8(1), U8(77), U8(3))
    double = np.stack([normals_in_double(n, seed=5 + (6 << 32), stream=1, first=77, call=call) for call in (3, 4)])
    difference = np.abs(out - double)
    assert np.quantile(difference, 0.999) < 2e-6
    assert difference.max() < 0.05
    assert np.isfinite(out).all()
    z = out.astype(float).ravel()
    for k in range(1, 7):
        mean = 0 if k % 2 else special.factorial2(k - 1)
        assert abs(np.mean(z**k) - mean) < 5 * math.sqrt((special.factorial2(2 * k - 1) - mean**2) / z.size), k


def test_extreme_words():
    """No radius is nan, the largest is the stated one; u = 1 is not reached."""
    source = """@njit("void(float32[::1], uint64[::1], uint64[::1])", error_model="numpy", nogil=True, cache=True)
def radii(out, low, high):
    for i in range(out.size):
        out[i] = radius_f(low[i], high[i])
"""
    low = np.array([0, 2**32 - 1, 2**32 - 1, 2**31], U8)
    high, out = np.array([0, 255, 254, 128], U8), np.empty(4, np.float32)
    module.load(module.complete(source, "Radii.", "float32")).radii(out, low, high)
    assert out[0] == pytest.approx(math.sqrt(64 * math.log(2)), rel=1e-6)
    assert 0 < out[1] < 4e-4
    assert np.isfinite(out).all()


@pytest.mark.skipif(not has_simd, reason="looks at x86 code")
@pytest.mark.parametrize("name", ["tanh", "sech2"])
def test_native_loops_stay_in_single_precision(name):
    source = LOOP.format(name).replace(", cache=True", "")  # code from the cache cannot be looked at
    text = module.complete(source, "One float32 loop.", "float32")
    (code,) = getattr(module.load(text), f"loop_{name}").inspect_asm().values()
    assert re.search(r"vfn?m(add|sub)\d+ps\s.*%[yz]mm", code)
    assert not re.search(r"v(div|mul|add)pd", code)
