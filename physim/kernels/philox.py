"""Counter-based noise: every number is a function of (seed, stream, trajectory, call) and of nothing else.

    Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011), ten rounds on four 32-bit words:
        c0, c1, c2, c3  <-  high(M1 c2) ^ c1 ^ k0,  low(M1 c2),  high(M0 c0) ^ c3 ^ k1,  low(M0 c0)
        k0, k1          <-  k0 + W0,  k1 + W1
    counter = (trajectory low, trajectory high, call, stream),   key = (seed low, seed high)

    Box-Muller: 64 bits are 40 bits i of radius and 24 bits j of angle,
        R = sqrt(-2 log u),  u = (i + 1/2) / 2^40,      z0 = R cos(theta),  z1 = R sin(theta)

where j runs through the midpoints of 2^24 equal arcs, so every trigonometric moment below that order is
exact; |z| <= sqrt(82 log 2) = 7.54.  One Philox call gives four normals.  Words live in uint64 variables,
which SIMD multiplies 32 x 32 -> 64 bits in one instruction.  No branch, no table, no libm: the bits do not
depend on vector width, blocks, threads or processor.
"""

import math

import numpy as np
from numba import njit

from physim.kernels.intrinsics import bits_of, float_of, fma, horner, poly, select, square_root, wide_vectors

MINUS_TWO_LN2 = -1.3862943611198906
FOUR_LN_3_HALVES = 1.6218604324326575
# fmt: off
RADIUS = (  # -2 log(1 + f) / f in f, -1/4 <= f <= 1/8
    -2.0, 1.0, -0.6666666666661556, 0.49999999999458267, -0.4000000004099443, 0.3333333349037583,
    -0.2857141784846388, 0.25000003967354983, -0.22223439739279147, 0.19995859800574203,
    -0.18123659444468745, 0.1703293047494619, -0.1592030222686019, 0.048910677197172105,
    -0.37685854815320646,
)
SINE = (  # sin(pi y / 2) / y in y^2, |y| <= 1/2
    1.5707963267948966, -0.645964097506228, 0.07969262624527504, -0.004681754119169192,
    0.00016044104872747783, -3.5982794595958475e-06, 5.5852845411715694e-08,
)
COSINE = (  # cos(pi y / 2) in y^2, |y| <= 1/2
    1.0, -1.2337005501361553, 0.25366950789995624, -0.020863480735800147, 0.0009192599535213156,
    -2.520014046266299e-05, 4.6552978788655877e-07,
)
# fmt: on


@njit(forceinline=True, error_model="numpy", nogil=True)
def philox_round(c0, c1, c2, c3, k0, k1):
    """Return the words after one round; high halves of the inputs are ignored, of the outputs garbage."""
    mask = np.uint64(0xFFFFFFFF)
    a = (c0 & mask) * np.uint64(0xD2511F53)
    b = (c2 & mask) * np.uint64(0xCD9E8D57)
    return (b >> np.uint64(32)) ^ c1 ^ k0, b, (a >> np.uint64(32)) ^ c3 ^ k1, a


@njit(forceinline=True, error_model="numpy", nogil=True)
def next_key(k0, k1):
    """Return the key of the next round."""
    mask = np.uint64(0xFFFFFFFF)
    return (k0 + np.uint64(0x9E3779B9)) & mask, (k1 + np.uint64(0xBB67AE85)) & mask


@njit(forceinline=True, error_model="numpy", nogil=True)
def three_rounds(c0, c1, c2, c3, k0, k1):
    """Return words and key after three rounds."""
    c0, c1, c2, c3 = philox_round(c0, c1, c2, c3, k0, k1)
    k0, k1 = next_key(k0, k1)
    c0, c1, c2, c3 = philox_round(c0, c1, c2, c3, k0, k1)
    k0, k1 = next_key(k0, k1)
    c0, c1, c2, c3 = philox_round(c0, c1, c2, c3, k0, k1)
    k0, k1 = next_key(k0, k1)
    return c0, c1, c2, c3, k0, k1


@njit(forceinline=True, error_model="numpy", nogil=True)
def philox2x64(c0, c1, c2, c3, k0, k1):
    """Return Philox4x32-10 as two uint64: 2^32 word 0 + word 1 and 2^32 word 2 + word 3."""
    c0, c1, c2, c3, k0, k1 = three_rounds(c0, c1, c2, c3, k0, k1)
    c0, c1, c2, c3, k0, k1 = three_rounds(c0, c1, c2, c3, k0, k1)
    c0, c1, c2, c3, k0, k1 = three_rounds(c0, c1, c2, c3, k0, k1)
    mask, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    a = (c0 & mask) * np.uint64(0xD2511F53)
    b = (c2 & mask) * np.uint64(0xCD9E8D57)
    return b ^ ((c1 ^ k0) << half), a ^ ((c3 ^ k1) << half)


@njit(forceinline=True, error_model="numpy", nogil=True)
def philox4x32(c0, c1, c2, c3, k0, k1):
    """Return the four 32-bit words of Philox4x32-10; words and arguments are uint64."""
    mask, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    a, b = philox2x64(c0, c1, c2, c3, k0, k1)
    return a >> half, a & mask, b >> half, b & mask


@njit(forceinline=True, error_model="numpy", nogil=True)
def bits2(k0, k1, stream, traj, call):
    """Return 2 x 64 random bits of one Philox call; all arguments are uint64."""
    return philox2x64(traj, traj >> np.uint64(32), call, stream, k0, k1)


@njit(forceinline=True, error_model="numpy", nogil=True)
def radius(w):
    """Return sqrt(-2 log u), u = (i + 1/2) / 2^40, i = the 40 low bits of w.

    i + 1/2 = 2^k m with m in [1/2, 1); c = 3/2 below m = 3/4 and 1 above: -2 log(1 + f), f = c m - 1, is a
    polynomial on [-1/4, 1/8], and exact towards u = 1.
    """
    i = (w & np.uint64(0x000000FFFFFFFFFF)) | np.uint64(0x4330000000000000)
    u = bits_of(float_of(i) - 4503599627370495.5)
    k = float_of((u >> np.uint64(52)) | np.uint64(0x4330000000000000)) - 4503599627371558.0
    m = float_of((u & np.uint64(0x000FFFFFFFFFFFFF)) | np.uint64(0x3FE0000000000000))
    c = float_of((~u & np.uint64(0x0008000000000000)) | np.uint64(0x3FF0000000000000))
    f = fma(m, c, -1.0)
    tail = fma(f, poly(f, RADIUS), fma(c, FOUR_LN_3_HALVES, -FOUR_LN_3_HALVES))
    return square_root(fma(k, MINUS_TWO_LN2, tail))


@njit(forceinline=True, error_model="numpy", nogil=True)
def box_muller(w):
    """Return two standard normals from 64 bits: the 40 low bits are the radius, the 24 high bits the angle.

    Bits 40..61 place the angle inside (-pi/4, pi/4), bit 63 flips the cosine, bit 62 swaps the two.
    """
    r = radius(w)
    j = (w >> np.uint64(10)) & np.uint64(0x000FFFFFC0000000)
    y = float_of(j | np.uint64(0x3FF0000020000000)) - 1.5
    z = y * y
    s = (r * y) * horner(z, SINE)
    c = r * horner(z, COSINE)
    c = float_of(bits_of(c) ^ (w & np.uint64(0x8000000000000000)))
    swap = (w & np.uint64(0x4000000000000000)) != np.uint64(0)
    return select(swap, s, c), select(swap, c, s)


@njit(forceinline=True, error_model="numpy", nogil=True)
def normals4(k0, k1, stream, traj, call):
    """Return four standard normals of one Philox call; all arguments are uint64."""
    a, b = bits2(k0, k1, stream, traj, call)
    z0, z1 = box_muller(a)
    z2, z3 = box_muller(b)
    return z0, z1, z2, z3


@njit(forceinline=True, error_model="numpy", nogil=True)
def fill_bits(out, k0, k1, stream, first, call):
    """Write `bits2` of the trajectories first, first + 1, ... into the rows 0 and 2 of out, as floats."""
    wide_vectors()
    for i in range(out.shape[1]):
        a, b = bits2(k0, k1, stream, first + np.uint64(i), call)
        out[0, i], out[2, i] = float_of(a), float_of(b)


@njit(forceinline=True, error_model="numpy", nogil=True)
def fill_normals(out, k0, k1, stream, first, call):
    """Write `normals4` of the trajectories first, first + 1, ... into the four rows of out.

    Bits first, then normals: two short loops keep more lanes in flight than one long loop (a third faster).
    """
    wide_vectors()
    fill_bits(out, k0, k1, stream, first, call)
    for i in range(out.shape[1]):
        z0, z1 = box_muller(bits_of(out[0, i]))
        z2, z3 = box_muller(bits_of(out[2, i]))
        out[0, i], out[1, i], out[2, i], out[3, i] = z0, z1, z2, z3


@njit(forceinline=True, error_model="numpy", nogil=True)
def uniform52(w):
    """Return (i + 1/2) / 2^52, i = the 52 high bits of w."""
    i = (w >> np.uint64(12)) | np.uint64(0x4330000000000000)
    return (float_of(i) - 4503599627370495.5) * 2.220446049250313e-16


@njit(forceinline=True, error_model="numpy", nogil=True)
def uniform32(w):
    """Return (i + 1/2) / 2^32, i = a 32-bit word."""
    return (float_of(w | np.uint64(0x4330000000000000)) - 4503599627370495.5) * 2.3283064365386963e-10


@njit(forceinline=True, error_model="numpy", nogil=True)
def uniforms2(k0, k1, stream, traj, call):
    """Return two uniforms of one Philox call, odd multiples of 2^-53 strictly inside (0, 1)."""
    a, b = bits2(k0, k1, stream, traj, call)
    return uniform52(a), uniform52(b)


@njit(forceinline=True, error_model="numpy", nogil=True)
def uniforms4(k0, k1, stream, traj, call):
    """Return four uniforms of one Philox call, odd multiples of 2^-33 strictly inside (0, 1)."""
    w0, w1, w2, w3 = philox4x32(traj, traj >> np.uint64(32), call, stream, k0, k1)
    return uniform32(w0), uniform32(w1), uniform32(w2), uniform32(w3)


def philox_reference(counter, key):
    """Return the four words of Philox4x32-10 for four counter and two key words, with Python integers."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        a, b = c0 * 0xD2511F53, c2 * 0xCD9E8D57
        c0, c1, c2, c3 = (b >> 32) ^ c1 ^ k0, b % 2**32, (a >> 32) ^ c3 ^ k1, a % 2**32
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return c0, c1, c2, c3


def box_muller_reference(high, low):
    """Return the two normals of two 32-bit words, with `math`."""
    j, i = divmod(2**32 * high + low, 2**40)
    r = math.sqrt(-2 * math.log((i + 0.5) / 2**40))
    theta = math.pi / 2 * ((j % 2**22 + 0.5) / 2**22 - 0.5)
    x, y = r * math.cos(theta), r * math.sin(theta)
    x = -x if j & 2**23 else x
    return (y, x) if j & 2**22 else (x, y)


def normals_reference(seed, stream, trajectories, calls):
    """Return normals[trajectory, call, 4], the plain twin of `normals4`; seed is a 64-bit integer."""
    out = np.empty((len(trajectories), len(calls), 4))
    for row, traj in zip(out, trajectories, strict=True):
        for cell, call in zip(row, calls, strict=True):
            counter = int(traj) % 2**32, int(traj) >> 32, int(call), int(stream)
            w = philox_reference(counter, (seed % 2**32, seed >> 32))
            cell[:] = box_muller_reference(w[0], w[1]) + box_muller_reference(w[2], w[3])
    return out
