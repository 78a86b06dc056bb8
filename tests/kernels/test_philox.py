"""Counter noise: published vectors, the plain twin, exact angles, statistics, same bits everywhere.

All seeds are fixed.  Statistical tolerances are 5 standard errors: a correct generator with other seeds would
fail one such comparison with probability 6e-7 (somewhat more for high moments, which are skewed), and one of
the about 360 here with probability 2e-4.
"""

import hashlib
import math
import os
import re
import subprocess
import sys

import llvmlite.binding as llvm
import mpmath as mp
import numpy as np
import pytest
from numba import njit
from scipy import special

from physim.kernels import philox as ph
from tests.kernels.test_elementary import has_simd, kernel_code

SIGMAS = 5.0
U8 = np.uint64
philox4x32, bits2, normals4, fill_normals = ph.philox4x32, ph.bits2, ph.normals4, ph.fill_normals
box_muller, uniforms2, uniforms4 = ph.box_muller, ph.uniforms2, ph.uniforms4
uniform52, uniform32 = ph.uniform52, ph.uniform32


@njit
def words(c, k):
    return philox4x32(c[0], c[1], c[2], c[3], k[0], k[1])


@njit(error_model="numpy", nogil=True)
def fill(out, k0, k1, stream, first, call):
    fill_normals(out, k0, k1, stream, first, call)


@njit(error_model="numpy", nogil=True)
def one_by_one(out, k0, k1, stream, first, call):
    for i in range(out.shape[1]):
        out[0, i], out[1, i], out[2, i], out[3, i] = normals4(k0, k1, stream, first + U8(i), call)


@njit
def pairs(w, out):
    for i in range(w.size):
        out[0, i], out[1, i] = box_muller(w[i])


@njit
def all_uniforms(out, k0, k1, stream, call):
    for i in range(out.shape[1]):
        out[0, i], out[1, i] = uniforms2(k0, k1, stream, U8(i), call)
        out[2, i], out[3, i], out[4, i], out[5, i] = uniforms4(k0, k1, stream, U8(i), call)


@njit
def two_scales(w):
    return uniform52(w), uniform32(w >> U8(32))


def normals(n, seed=1, stream=0, first=0, call=0, by=fill):
    """Four rows of n normals."""
    out = np.empty((4, n))
    by(out, U8(seed % 2**32), U8(seed >> 32), U8(stream), U8(first), U8(call))
    return out


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [  # the published known answers of Random123
        ((0,) * 4, (0,) * 2, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((2**32 - 1,) * 4, (2**32 - 1,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_published_vectors(counter, key, expected):
    assert words(np.array(counter, U8), np.array(key, U8)) == expected
    assert ph.philox_reference(counter, key) == expected


def test_normals_are_those_of_the_plain_twin():
    seed, stream, first = 0xDEADBEEF12345678, 2**32 - 1, 2**40 - 70
    ours = np.array([normals(140, seed, stream, first, call).T for call in (0, 1, 2**32 - 1)]).swapaxes(0, 1)
    twin = ph.normals_reference(seed, stream, range(first, first + 140), (0, 1, 2**32 - 1))
    assert np.abs(ours / twin - 1).max() < 6 * 2.0**-52


def exact_pair(w):
    """The two normals of 64 bits to 30 digits."""
    j, i = divmod(int(w), 2**40)
    r = mp.sqrt(-2 * mp.log((i + mp.mpf(1) / 2) / 2**40))
    theta = mp.pi / 2 * ((j % 2**22 + mp.mpf(1) / 2) / 2**22 - mp.mpf(1) / 2)
    x, y = r * mp.cos(theta) * (-1 if j & 2**23 else 1), r * mp.sin(theta)
    return (y, x) if j & 2**22 else (x, y)


def hard_words():
    """Words over all scales of the radius from both ends and all scales of the angle around every axis."""
    rng = np.random.default_rng(4)
    n, low = 1500, U8(2**40 - 1)
    scale = (2.0 ** rng.uniform(0, 39.99, (2, n))).astype(U8)
    w = rng.integers(0, 2**64, (4, n), dtype=U8)
    w[0] = (w[0] & ~low) | (scale[0] - U8(1))
    w[1] = (w[1] & ~low) | (low - (scale[1] - U8(1)))
    turn = rng.integers(0, 4, n).astype(U8) << U8(22)
    axis = U8(2**21) + rng.integers(-40, 40, n).astype(np.int64).view(U8)
    w[2] = (w[2] & low) | ((turn + axis) << U8(40))
    w[3] = (w[3] & ~low) | (U8(3 << 38) + rng.integers(-40, 40, n).astype(np.int64).view(U8))
    return w.ravel()


def test_error_of_the_normals_in_ulp():
    w = hard_words()
    out = np.empty((2, w.size))
    pairs(w, out)
    with mp.workdps(30):
        exact = np.array([exact_pair(v) for v in w]).T
        unit = np.vectorize(lambda v: math.ulp(float(v)))(exact)
        worst = float(np.max(np.abs((out - exact) / unit)))
    assert worst <= 4.0


def test_angles_are_all_midpoints_of_equal_arcs_once():
    w = (np.arange(2**24, dtype=U8) << U8(40)) | U8(2**39)
    out = np.empty((2, w.size))
    pairs(w, out)
    turn = np.arctan2(out[1], out[0]) * (2**24 / (2 * math.pi)) - 0.5
    index = np.rint(turn)
    assert np.abs(turn - index).max() < 1e-6
    assert (np.bincount(index.astype(np.int64) % 2**24, minlength=2**24) == 1).all()


def test_bits_do_not_depend_on_block_or_loop():
    whole = normals(1000, seed=7, stream=3, first=2**32 - 500, call=5)
    for size in (1, 3, 8, 64, 129):
        parts = [
            normals(min(size, 1000 - s), 7, 3, 2**32 - 500 + s, 5, by)
            for s, by in zip(range(0, 1000, size), [fill, one_by_one] * 1000, strict=False)
        ]
        assert (np.concatenate(parts, axis=1) == whole).all()


N = 1_000_000


@pytest.fixture(scope="module")
def sample():
    return normals(N, seed=2024)


def test_moments_to_order_eight(sample):
    for z in [*sample, sample.ravel()]:
        for k in range(1, 9):
            mean = 0 if k % 2 else special.factorial2(k - 1)
            error = math.sqrt((special.factorial2(2 * k - 1) - mean**2) / z.size)
            assert abs(np.mean(z**k) - mean) < SIGMAS * error, k


OTHERS = {
    "next trajectory": {"first": 1},
    "high word of the trajectory": {"first": 2**32},
    "next call": {"call": 1},
    "next stream": {"stream": 1},
    "next seed": {"seed": 2025},
    "high word of the seed": {"seed": 2024 + 2**32},
}


def standard_scores(a, b):
    """Means of a b, (a^2 - 1)(b^2 - 1) and a (b^2 - 1) over rows, in standard errors."""
    p, q = a * a - 1, b * b - 1
    root = math.sqrt(a.shape[-1])
    return root * np.array([np.mean(a * b, -1), np.mean(p * q, -1) / 2, np.mean(a * q, -1) / math.sqrt(2)])


def test_four_outputs_are_uncorrelated(sample):
    for i in range(4):
        for j in range(i):
            assert np.abs(standard_scores(sample[i], sample[j])).max() < SIGMAS, (i, j)


@pytest.mark.parametrize("other", list(OTHERS))
def test_neighbours_are_uncorrelated(sample, other):
    neighbour = normals(N, **({"seed": 2024} | OTHERS[other]))
    for shift in range(4):
        assert np.abs(standard_scores(sample, np.roll(neighbour, shift, axis=0))).max() < SIGMAS


def test_kolmogorov_smirnov(sample):
    for z in [*sample, sample.ravel()]:
        level = special.ndtr(np.sort(z))
        n = z.size
        distance = max(np.max(np.arange(1, n + 1) / n - level), np.max(level - np.arange(n) / n))
        assert math.sqrt(n) * distance < 2.7  # probability 2 exp(-2 2.7^2) = 9e-7


@njit(error_model="numpy")
def count_tails(out, k0, calls, limits, counts):
    for c in range(calls):
        fill_normals(out, k0, U8(0), U8(9), U8(0), U8(c))
        for z in out.flat:
            for m in range(limits.size):
                counts[m] += abs(z) > limits[m]


def test_tails(sample):
    limits, counts, calls, block = np.array([3.0, 4.0, 5.0]), np.zeros(3), 100_000, 512
    count_tails(np.empty((4, block)), U8(11), calls, limits, counts)
    expected = 4 * block * calls * special.erfc(limits / math.sqrt(2))
    assert expected[-1] > 100
    assert (np.abs(counts - expected) < SIGMAS * np.sqrt(expected)).all()
    assert np.abs(sample).max() < math.sqrt(82 * math.log(2))


def test_extreme_words():
    w = np.array([0, 2**64 - 1, 2**40 - 1, 2**63], U8)
    out = np.empty((2, w.size))
    pairs(w, out)
    assert np.isfinite(out).all()
    low, high = 2.0**-20, math.sqrt(82 * math.log(2))
    assert np.hypot(*out) == pytest.approx([high, low, low, high])
    assert two_scales(U8(0)) == (2.0**-53, 2.0**-33)
    assert two_scales(U8(2**64 - 1)) == (1 - 2.0**-53, 1 - 2.0**-33)


def test_uniforms():
    out = np.empty((6, N))
    all_uniforms(out, U8(5), U8(6), U8(7), U8(8))
    for i in range(3):
        w = ph.philox_reference((i, 0, 8, 7), (5, 6))
        wide = [((w[0] << 32) + w[1] >> 12), ((w[2] << 32) + w[3] >> 12)]
        assert list(out[:, i]) == [(v + 0.5) / 2**52 for v in wide] + [(v + 0.5) / 2**32 for v in w]
    counts = np.array([np.bincount((u * 1000).astype(int), minlength=1000) for u in out])
    chi2 = ((counts - N / 1000) ** 2).sum(axis=1) / (N / 1000)
    assert (np.abs(chi2 - 999) < SIGMAS * math.sqrt(2 * 999)).all()


DIGEST = "1ba3d1ac50d11636"  # of a million normals, on every machine


def output(script, environment):
    """What a script prints in a fresh process; warnings about numbers are errors."""
    command = [sys.executable, "-W", "error::RuntimeWarning", "-c", script]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def digest():
    """Hash of a million normals."""
    return hashlib.sha256(normals(250_000, seed=2**63 + 5, stream=6).tobytes()).hexdigest()[:16]


def test_bits_are_the_recorded_ones_on_every_processor():
    assert digest() == DIGEST
    targets = ["x86-64-v3", "x86-64-v4"] if has_simd and llvm.get_host_cpu_features().get("avx512f") else []
    for target in targets:
        script = "import tests.kernels.test_philox as t; print(t.digest())"
        assert output(script, {"NUMBA_CPU_NAME": target, "NUMBA_CPU_FEATURES": ""}) == DIGEST, target


def test_bits_without_the_jit():
    script = "import tests.kernels.test_philox as t; print(t.normals(20, 3, 2, 10, 1).tobytes().hex())"
    assert output(script, {"NUMBA_DISABLE_JIT": "1"}) == normals(20, 3, 2, 10, 1).tobytes().hex()


@pytest.mark.skipif(not has_simd, reason="looks at x86 code")
def test_loops_are_packed_and_call_nothing():
    normals(8)
    code = kernel_code(fill)
    for instruction in ("vpmuludq", "vsqrtpd", r"vfmadd\d+pd"):
        assert re.search(instruction + r"\s.*%[yz]mm", code), instruction
    assert not re.search(r"^\s*call", code, re.M)
    assert "vpmullq" not in code  # three times as slow as vpmuludq
    assert "zmm" in code or not llvm.get_host_cpu_features().get("avx512f")
