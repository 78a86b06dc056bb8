"""Elementary functions of one float64 lane: branch-free, so that a loop over lanes becomes SIMD code.

    exp(x)    = 2^k (1 + r + r^2 Q(r)),        k = round(x / ln 2),   r = x - k ln 2
    log(x)    = k ln 2 + f + f^2 P(f),         x = 2^k (1 + f),       1 + f in [sqrt(1/2), sqrt(2))
    sin, cos  = polynomials in r = x - n pi/2, n = round(2 x / pi),   Cody-Waite in three parts
    erfc(a)   = e^(-a^2) C(t) / (1 + 2 a),     t = (a - 3.5) / (a + 3.5)

The other functions are built on these so that nothing cancels.  Rules that keep the bits the same on every
machine: only + - * / sqrt and the explicit fused multiply-add; no fastmath flag, no table, no libm.
"ulp" is the largest error measured against mpmath, in units in the last place of the exact result.

Every function is copied as source text into generated modules: it depends on nothing but names of the files in
`module.SOURCES`.  With NUMBA_DISABLE_JIT=1 the intrinsics are plain Python: the same bits, slowly.
"""

import math

import numpy as np
from numba import njit

from physim.kernels.intrinsics import (
    absolute,
    bits_of,
    float_of,
    fma,
    horner,
    poly,
    select,
    square_root,
    with_sign,
)

INF = math.inf
NAN = math.nan
MANTISSA, BIAS = 52, 1023
EXP_LOW, EXP_ZERO, EXP_HIGH = -746.0, -745.2, 710.0  # where e^x is 0 for certain, becomes 0, is infinite
SECH_LOW, SECH_ZERO = -748.0, -746.6  # the same for 4 e^x
TANH_ONE = 19.5
MAGIC = 6755399441055744.0  # 1.5 2^52: adding it rounds to an integer and keeps that in the low bits
MAGIC_EXPONENT = 6755399441056767.0  # the same + 1023: the low bits are a biased exponent
MAGIC_HALF = 3377699720528894.0  # 1.5 2^51 + 1022: rounds to halves; the low bits are twice k + 1022
LOG2_E = 1.4426950408889634
TWO_LOG2_E = 2.8853900817779268
HALF_LN2 = 0.34657359027997264
LN2_HIGH = 0.6931471805598903  # 42 bits
LN2_LOW = 5.497923018708371e-14
TWO_OVER_PI = 0.6366197723675814
HALF_PI = (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33)
TRIG_RANGE = 1073741824.0  # 2^30
THIRD = (0.3333333333333333, 1.850371707708594e-17)
ERFC_CENTRE = 1.2423492448711544
# fmt: off
EXP = (  # (e^r - 1 - r) / r^2 in r, |r| <= ln(2) / 2
    0.5, 0.16666666666666677, 0.0416666666666667, 0.008333333333321853, 0.0013888888888872791,
    0.00019841269883854738, 2.480158730175791e-05, 2.755724879190435e-06, 2.755736851086324e-07,
    2.5106542288529906e-08, 2.085374769509873e-09,
)
COTH = (  # (r coth r - 1) / r^2 in r^2, |r| <= 0.75 ln(2) / 2
    0.33333333333333315, -0.02222222222217349, 0.002116402111732, -0.0002116400057883488,
    2.1373207600984797e-05, -2.1139049531106224e-06,
)
LOG = (  # (log(1 + f) - f) / f^2 in f, sqrt(1/2) <= 1 + f <= sqrt(2)
    -0.5, 0.3333333333333363, -0.25000000000000283, 0.1999999999988613, -0.16666666666506713,
    0.14285714300670505, -0.1250000002777155, 0.11111110154617278, -0.09999997783785723, 0.0909094312722683,
    -0.08333429154755509, 0.07691602293961548, -0.07140437516149484, 0.06674937164801006,
    -0.06286457682375979, 0.058375995226596734, -0.05238070338865264, 0.05222798205389016,
    -0.0639909737079862, 0.06317155636037708, -0.02871362838753585,
)
SOFT = (  # the same, 0 <= f <= 1
    -0.499999999999999, 0.33333333333313436, -0.2499999999859831, 0.19999999949313643, -0.16666665556137555,
    0.14285698075833356, -0.12499832420288771, 0.11109830971956733, -0.09992548578565262,
    0.09057087142102437, -0.08211457975937288, 0.07338578818171064, -0.06305587972496857,
    0.05031125123961795, -0.03578522225326919, 0.021725862803573782, -0.010752101764141327,
    0.004112175993078064, -0.0011301987904849355, 0.0001974604840255537, -1.640503912185314e-05,
)
COSH_SMALL = (  # (log cosh x - x^2 / 2) / x^4 in x^2, |x| <= 0.85
    -0.08333333333333293, 0.022222222222176975, -0.006746031744273849, 0.0021869488191629113,
    -0.0007386025614452294, 0.000256577586959646, -9.097446879885187e-05, 3.272523654942881e-05,
    -1.1819252782251743e-05, 4.155824249548123e-06, -1.3131295127916674e-06, 3.163015479908029e-07,
    -4.1023551660231275e-08,
)
COSH_LARGE = (  # (log(1 + e) - e) / e^2 in e, 0 <= e <= e^-1.7
    -0.4999999999999697, 0.3333333333270627, -0.24999999948749327, 0.19999997743139825, -0.1666660580612933,
    0.14284640778776855, -0.12487181360083874, 0.11006074749079672, -0.09411710126100518,
    0.06888055045199637, -0.030495020364537596,
)
SIN = (  # (sin r - r) / r^3 in r^2, |r| <= pi / 4
    -0.1666666666666663, 0.008333333333321842, -0.00019841269829360786, 2.7557313539488284e-06,
    -2.5050734559919144e-08, 1.589544381156833e-10,
)
COS = (  # (cos r - 1 + r^2 / 2) / r^4 in r^2
    0.041666666666666595, -0.0013888888888873344, 2.4801587289003333e-05, -2.755731421721632e-07,
    2.0875705387241744e-09, -1.1358746952831081e-11,
)
ERF = (  # erf(x) / x - 1 in x^2, |x| <= 0.75
    0.1283791670955126, -0.37612638903184176, 0.11283791670978892, -0.02686617065029498,
    0.005223977682078477, -0.0008548330549381269, 0.00012055463563362096, -1.4928499977135768e-05,
    1.6495094801078666e-06, -1.6474349087159064e-07, 1.3357755736134954e-08,
)
ERFC = (  # ((1 + 2 a) e^(a^2) erfc(a) - centre) / u in u = (a - 3.5) / (a + 3.5), a >= 0.75
    -0.14000918013761945, -0.010555596332222781, 0.097519095153264, -0.11508959815987758,
    0.08798315382459622, -0.048823325836437476, 0.019099330948930543, -0.004215019790111947,
    -0.0003022679662852959, 0.0005643834869396174, -0.00012151170033045972, -4.277774395020922e-05,
    2.4257320999237206e-05, 2.3148622874414746e-06, -3.80309811694026e-06, -1.9722756984732052e-08,
    5.786736387176388e-07, -3.28798862883436e-08, -7.019018740415227e-08, 1.146382873206009e-08,
)
POWER = (  # (atanh(s) / s - 1 - s^2 / 3) / s^4 in s^2, |s| <= 0.172
    0.2, 0.14285714285710766, 0.11111111112925728, 0.0909090874493976, 0.07692338146596159,
    0.06665391042383349, 0.059025068244372904, 0.05384703189760262,
)
# fmt: on

# --- helpers -------------------------------------------------------------------------------------


@njit(forceinline=True, error_model="numpy", nogil=True)
def clip(x, low, high):
    """Return x limited to [low, high]; nan stays nan."""
    x = select(x > high, high, x)
    return select(x < low, low, x)


@njit(forceinline=True, error_model="numpy", nogil=True)
def quotient(n, d, d_low):
    """Return n / (d + d_low), d_low a rounding error of d, rounded almost once."""
    inverse = 1.0 / d
    q = n * inverse
    return fma(fma(-q, d_low, fma(-q, d, n)), inverse, q)


# --- exponential family --------------------------------------------------------------------------


@njit(forceinline=True, error_model="numpy", nogil=True)
def reduce_exp(x, x_low):
    """Return (t, r, q): e^(x + x_low) = 2^k (1 + r + q), |r| < 0.35, |q| < 0.07; low bits of t: k + 1023."""
    t = fma(x, LOG2_E, MAGIC_EXPONENT)
    k = t - MAGIC_EXPONENT
    high = fma(k, -LN2_HIGH, x)
    low = fma(k, LN2_LOW, -x_low)
    r = high - low
    return t, high, fma(r * r, poly(r, EXP), -low)


@njit(forceinline=True, error_model="numpy", nogil=True)
def one_plus(r, q):
    """Return 1 + r + q, rounded almost once, for |r| < 1 and small q."""
    s = 1.0 + r
    return s + ((r - (s - 1.0)) + q)


@njit(forceinline=True, error_model="numpy", nogil=True)
def power_of_two(t):
    """Return 2^k for the t of `reduce_exp`, -1022 <= k <= 1023."""
    return float_of(bits_of(t) << np.uint64(MANTISSA))


@njit(forceinline=True, error_model="numpy", nogil=True)
def scale(m, t):
    """Return m 2^k for the t of `reduce_exp`, in two factors: right also when it is subnormal."""
    k = bits_of(t)
    half = (k + np.uint64(BIAS)) >> np.uint64(1)
    rest = k - half + np.uint64(BIAS)
    return m * float_of(half << np.uint64(MANTISSA)) * float_of(rest << np.uint64(MANTISSA))


@njit(forceinline=True, error_model="numpy", nogil=True)
def exp(x):
    """Return e^x (0.8 ulp)."""
    t, r, q = reduce_exp(clip(x, EXP_LOW, EXP_HIGH), 0.0)
    return scale(select(x < EXP_ZERO, 0.0, one_plus(r, q)), t)


@njit(forceinline=True, error_model="numpy", nogil=True)
def expm1(x):
    """Return e^x - 1 (1.8 ulp)."""
    t, r, q = reduce_exp(clip(x, -60.0, 710.0), 0.0)
    s = power_of_two(t - 1.0)
    value = 2.0 * fma(s, r + q, s - 0.5)
    return select(absolute(x) < 1e-17, x, value)


@njit(forceinline=True, error_model="numpy", nogil=True)
def tanh(x):
    """Return tanh(x) (1.8 ulp).

    With |x| = k ln(2)/2 + r, c = r coth r and m = (2^k - 1)/2, tanh |x| = N / (N + c - r), N = m (c + r) + r.
    k rounds 2 |x| / ln 2 to halves and then down, so that r > -0.087 and nothing cancels in N.
    """
    a = absolute(x)
    a = select(a > TANH_ONE, TANH_ONE, a)
    t = float_of(bits_of(fma(a, TWO_LOG2_E, MAGIC_HALF)) & np.uint64(0xFFFFFFFFFFFFFFFE))
    r = fma(t - MAGIC_HALF, -HALF_LN2, a)
    z = r * r
    c = fma(z, horner(z, COTH), 1.0)
    m = float_of(bits_of(t) << np.uint64(MANTISSA - 1)) - 0.5
    n = fma(m, c + r, r)
    return with_sign(n / (n + (c - r)), x)


@njit(forceinline=True, error_model="numpy", nogil=True)
def sigmoid(x):
    """Return 1 / (1 + e^-x) (1.5 ulp)."""
    e = exp(-absolute(x))
    d = 1.0 + e
    return quotient(select(x < 0.0, e, 1.0), d, e - (d - 1.0))


@njit(forceinline=True, error_model="numpy", nogil=True)
def sech2(x):
    """Return 1 / cosh(x)^2 = 4 e / (1 + e)^2, e = e^(-2 |x|) (1.5 ulp)."""
    y = -2.0 * absolute(x)
    t, r, q = reduce_exp(clip(y, SECH_LOW, 0.0), 0.0)
    n = scale(select(y < SECH_ZERO, 0.0, one_plus(r, q)), t + 2.0)
    e = 0.25 * n
    d = fma(e, 2.0 + e, 1.0)
    return quotient(n, d, fma(e, 2.0 + e, -(d - 1.0)))


# --- logarithmic family --------------------------------------------------------------------------


@njit(forceinline=True, error_model="numpy", nogil=True)
def split(x):
    """Return (k, m): x = 2^(k - 1023) m, m in [sqrt(1/2), sqrt(2)), for normal x > 0; k is an integer."""
    u = bits_of(x) + np.uint64(0x00095F619980C433)
    m = float_of((u & np.uint64(0x000FFFFFFFFFFFFF)) + np.uint64(0x3FE6A09E667F3BCD))
    return u >> np.uint64(52), m


@njit(forceinline=True, error_model="numpy", nogil=True)
def small_integer(k):
    """Return an integer 0 <= k < 2^52 as a float."""
    return float_of(k | np.uint64(0x4330000000000000)) - 4503599627370496.0


@njit(forceinline=True, error_model="numpy", nogil=True)
def log_assemble(k, f):
    """Return k ln 2 + log(1 + f)."""
    return fma(k, LN2_HIGH, fma(k, LN2_LOW, fma(f * f, poly(f, LOG), f)))


@njit(forceinline=True, error_model="numpy", nogil=True)
def log(x):
    """Return the natural logarithm (1.3 ulp); log(0) = -inf, log(x < 0) = nan."""
    tiny = x < 2.2250738585072014e-308
    k, m = split(absolute(select(tiny, x * 18014398509481984.0, x)))
    value = log_assemble(small_integer(k) - select(tiny, 1077.0, 1023.0), m - 1.0)
    value = select(x < INF, value, x)
    return select(x > 0.0, value, select(x == 0.0, -INF, NAN))


@njit(forceinline=True, error_model="numpy", nogil=True)
def log1p(x):
    """Return log(1 + x) (1.9 ulp); log1p(-1) = -inf, log1p(x < -1) = nan."""
    u = 1.0 + x
    b = u - 1.0
    lost = (1.0 - (u - b)) + (x - b)
    k, m = split(absolute(u))
    f = fma(0.25 * lost, float_of((np.uint64(2048) - k) << np.uint64(52)), m - 1.0)
    value = log_assemble(small_integer(k) - 1023.0, f)
    value = select(absolute(x) < 1e-17, x, value)
    value = select(x < INF, value, x)
    return select(x > -1.0, value, select(x == -1.0, -INF, NAN))


@njit(forceinline=True, error_model="numpy", nogil=True)
def softplus(x):
    """Return log(1 + e^x) (1.5 ulp)."""
    e = exp(-absolute(x))
    return select(x > 0.0, x, 0.0) + fma(e * e, horner(e, SOFT), e)


@njit(forceinline=True, error_model="numpy", nogil=True)
def logcosh(x):
    """Return log(cosh(x)) (1.6 ulp): a polynomial below 0.85, |x| - ln 2 + log(1 + e^(-2 |x|)) above."""
    a = absolute(x)
    z = a * a
    small = fma(z * z, poly(z, COSH_SMALL), 0.5 * z)
    t, r, q = reduce_exp(clip(-2.0 * a, -100.0, 0.0), 0.0)
    e = (1.0 + (r + q)) * power_of_two(t)
    large = (a - LN2_HIGH) + (fma(e * e, poly(e, COSH_LARGE), e) - LN2_LOW)
    return select(a < 0.85, small, large)


# --- trigonometric functions ---------------------------------------------------------------------


@njit(forceinline=True, error_model="numpy", nogil=True)
def sincos(x):
    """Return (sin(x), cos(x)) (1.6 ulp) for |x| <= 2^30; nan beyond."""
    a = absolute(x)
    t = fma(select(a <= TRIG_RANGE, a, NAN), TWO_OVER_PI, MAGIC)
    n = t - MAGIC
    r = fma(n, -HALF_PI[2], fma(n, -HALF_PI[1], fma(n, -HALF_PI[0], a)))
    z = r * r
    s = fma(z * r, poly(z, SIN), r)
    c = fma(z * z, poly(z, COS), fma(-0.5, z, 1.0))
    q = bits_of(t)
    odd = (q & np.uint64(1)) != np.uint64(0)
    sign = np.uint64(0x8000000000000000)
    sine = bits_of(select(odd, c, s)) ^ (((q << np.uint64(62)) ^ bits_of(x)) & sign)
    cosine = bits_of(select(odd, s, c)) ^ (((q + np.uint64(1)) << np.uint64(62)) & sign)
    return float_of(sine), float_of(cosine)


@njit(forceinline=True, error_model="numpy", nogil=True)
def sin(x):
    """Return sin(x) (1.6 ulp) for |x| <= 2^30; nan beyond."""
    return sincos(x)[0]


@njit(forceinline=True, error_model="numpy", nogil=True)
def cos(x):
    """Return cos(x) (1.6 ulp) for |x| <= 2^30; nan beyond."""
    return sincos(x)[1]


# --- powers --------------------------------------------------------------------------------------


@njit(forceinline=True, error_model="numpy", nogil=True)
def sqrt(x):
    """Return the square root (0.5 ulp); nan below zero."""
    return square_root(x)


@njit(forceinline=True, error_model="numpy", nogil=True)
def rsqrt(x):
    """Return 1 / sqrt(x) (1.5 ulp)."""
    return 1.0 / square_root(x)


@njit(forceinline=True, error_model="numpy", nogil=True)
def log_pair(m):
    """Return log(m) = 2 atanh((m - 1) / (m + 1)) as a sum of two floats, m as in `split` (error 2^-64)."""
    f, d = m - 1.0, m + 1.0
    inverse = 1.0 / d
    s = f * inverse
    s_low = fma(-s, m - (d - 1.0), fma(-s, d, f)) * inverse
    z = s * s
    z_low = fma(2.0 * s, s_low, fma(s, s, -z))
    third = z * THIRD[0]
    third_low = fma(z, THIRD[0], -third) + fma(z, THIRD[1], z_low * THIRD[0])
    w = (z * z) * poly(z, POWER)
    u = third + w
    u_low = ((third - u) + w) + third_low
    p = 2.0 * s * u
    p_low = fma(2.0 * s, u, -p) + 2.0 * fma(s, u_low, s_low * u)
    high = 2.0 * s + p
    return high, ((2.0 * s - high) + p) + fma(2.0, s_low, p_low)


@njit(forceinline=True, error_model="numpy", nogil=True)
def power_of_positive(x, y):
    """Return x^y for x >= 0."""
    tiny = x < 2.2250738585072014e-308
    k, m = split(select(tiny, x * 18014398509481984.0, x))
    e = small_integer(k) - select(tiny, 1077.0, 1023.0)
    f, f_low = log_pair(m)
    a = e * LN2_HIGH
    g = a + f
    g_low = ((a - g) + f) + fma(e, LN2_LOW, f_low)
    g = select(x < INF, select(x == 0.0, -INF, g), x)
    h = y * g
    h_low = select(absolute(h) < 800.0, fma(y, g_low, fma(y, g, -h)), 0.0)
    t, r, q = reduce_exp(clip(h, -746.0, 710.0), h_low)
    value = scale(select(h < -745.2, 0.0, one_plus(r, q)), t)
    return select((y == 0.0) | (x == 1.0), 1.0, value)


@njit(forceinline=True, error_model="numpy", nogil=True)
def pow(x, y):
    """Return x^y (1.3 ulp) with the special values of C; x < 0 needs an integer y, else nan."""
    value = power_of_positive(absolute(x), y)
    odd = select(2.0 * np.floor(0.5 * y) != y, x, 1.0)
    integer = np.floor(y) == y
    undefined = (x < 0.0) & (x > -INF) & (not integer)
    return select(undefined, NAN, select(integer, with_sign(value, odd), value))


# --- error functions -----------------------------------------------------------------------------


@njit(forceinline=True, error_model="numpy", nogil=True)
def erfc_tail(a):
    """Return erfc(a) for a >= 0.75."""
    z = a * a
    t, r, q = reduce_exp(clip(-z, -760.0, 0.0), -fma(a, a, -z))
    m = select(a > 27.3, 0.0, one_plus(r, q))
    u = (a - 3.5) / (a + 3.5)
    w = u * horner(u, ERFC)
    c = ERFC_CENTRE + w
    n = m * c
    n_low = fma(m, (ERFC_CENTRE - c) + w, fma(m, c, -n))
    d = fma(2.0, a, 1.0)
    inverse = 1.0 / d
    v = n * inverse
    rest = fma(-v, 1.0 - fma(-2.0, a, d), fma(-v, d, n)) + n_low
    return scale(fma(rest, inverse, v), t)


@njit(forceinline=True, error_model="numpy", nogil=True)
def erf(x):
    """Return erf(x) (1.1 ulp)."""
    a = absolute(x)
    small = fma(a, horner(a * a, ERF), a)
    return with_sign(select(a < 0.75, small, 1.0 - erfc_tail(clip(a, 0.75, 7.0))), x)


@njit(forceinline=True, error_model="numpy", nogil=True)
def erfc(x):
    """Return 1 - erf(x) (1.5 ulp)."""
    a = absolute(x)
    small = fma(-x, horner(x * x, ERF), 1.0 - x)
    tail = erfc_tail(clip(a, 0.75, 28.0))
    return select(a < 0.75, small, select(x < 0.0, 2.0 - tail, tail))
