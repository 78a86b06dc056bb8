r"""Two symmetric Gaussian classes: universal functions of the separation Lambda.

    given the class, its log-odds are L = 2u ~ N(2 Lambda, 4 Lambda);   p = 1/(1 + exp(-L)),  h = -p log p - q log q
    H(Lambda) = E h     V(Lambda) = Var h     phi(Lambda) = E[p^2 + q^2] = (1/2)(1 + E tanh u)     mmse = 2 (1 - phi)
    dH/dLambda = -(1 - phi)

phi is the probability that two clones end in one class; mmse that of a class label +-1.  With the symmetry of u,

    E k(u) = (exp(-Lambda/2)/sqrt(2 pi Lambda)) int k(u) cosh(u) exp(-u^2/(2 Lambda)) du       for even k,

which gives the large-Lambda series; for small Lambda the Taylor series of k is averaged.  The trapezoidal rule
converges exponentially: floats in and out, or any number of digits by mpmath.
Sources: derived from Bayes' rule; phi is the clone probability of Biroli, Bonnaire, de Bortoli & Mezard 2024
(2402.18491); Li & Chen 2024 (2403.01633) for critical windows.
"""

from __future__ import annotations

import math
from functools import lru_cache

import mpmath as mp
import sympy as sp

from analytic.symbols import exact


def class_entropy(separation, digits: int | None = None):
    """H(Lambda) in nats; a float, or an mpmath number of `digits` digits."""
    return _mean(_entropy, separation, digits)


def entropy_variance(separation, digits: int | None = None):
    """V(Lambda) = Var h in nats^2."""
    mean = class_entropy(separation, digits)
    if separation > 1:
        return _mean(lambda u, m: _entropy(u, m) ** 2, separation, digits) - mean**2
    return _mean(lambda u, m: (_entropy(u, m) - mean) ** 2, separation, digits)


def same_class(separation, digits: int | None = None):
    """phi(Lambda) = E[p^2 + (1 - p)^2]."""
    return 1 - _mean(_half_sech2, separation, digits)


def mmse(separation, digits: int | None = None):
    """E[Var(c|x)] of the class label c = +-1; accurate where it is small."""
    return 2 * _mean(_half_sech2, separation, digits)


def total_variation(separation):
    """Total variation distance of the two classes at Lambda, 2 Phi(sqrt(Lambda)) - 1, as an expression."""
    return sp.erf(sp.sqrt(exact(separation) / 2))


def separation_at(total_variation, digits: int = 30):
    """The Lambda at which the total variation distance of the classes has a value in (0, 1), an mpmath number."""
    if not 0 < total_variation < 1:
        raise ValueError(f"total_variation: {total_variation} is not between 0 and 1")
    with mp.workdps(digits + 10):
        return 2 * mp.erfinv(mp.mpmathify(total_variation)) ** 2


def critical_window(mean_norm, variance, process, epsilon=0.05):
    """Forward times (first, last) between which the classes +-m go from told apart to not: TV = 1 - epsilon, epsilon.

    Parameters
    ----------
    mean_norm, variance : |m| and v, numbers.  process : forward process.  epsilon : between 0 and 1/2.

    Raises
    ------
    ValueError for an epsilon outside (0, 1/2) or when within-class variance keeps the distance below 1 - epsilon.
    """
    if not 0 < epsilon < 0.5:
        raise ValueError(f"epsilon: {epsilon} is not between 0 and 1/2")
    times = []
    for distance in (1 - epsilon, epsilon):
        lam, m2, v = separation_at(distance), mp.mpf(float(mean_norm)) ** 2, mp.mpf(float(variance))
        if m2 <= v * lam:
            raise ValueError(
                f"epsilon: the classes never reach the distance {distance:g}, which needs Lambda = {float(lam):.4g}; "
                f"theirs stays below |m|^2/v = {float(m2 / v):.4g}"
            )
        times.append(process.time_at(sp.Float(mp.log(lam / (m2 - v * lam)), 25)))
    return tuple(times)


def small_separation(name: str, order: int = 4) -> list[sp.Rational]:
    """Coefficients of Lambda^0, Lambda^1, ... of "entropy" (less log 2), "phi" or "mmse", exactly.

    E u^n = E of (Lambda + sqrt(Lambda) z)^n; asymptotic, useful below Lambda about 0.2.
    """
    u, lam = sp.symbols("u lambda", positive=True)
    kernel = {
        "entropy": sp.log(sp.cosh(u)) - u * sp.tanh(u),
        "phi": 1 - sp.sech(u) ** 2 / 2,
        "mmse": sp.sech(u) ** 2,
    }.get(name)
    if kernel is None:
        raise ValueError(f"name: {name!r} is unknown; allowed are entropy, phi, mmse")
    series = sp.Poly(sp.series(kernel, u, 0, 2 * order + 2).removeO(), u)
    total = sp.S.Zero
    for (power,), coefficient in series.terms():
        moment = sum(
            sp.binomial(power, 2 * j) * sp.factorial2(2 * j - 1) * lam ** (power - j) for j in range(power // 2 + 1)
        )
        total += coefficient * moment
    poly = sp.Poly(total, lam)
    return [poly.coeff_monomial(lam**k) for k in range(order + 1)]


def large_separation(name: str, separation, order: int = 4):
    """The large-Lambda series of "entropy", "variance" or "mmse", an mpmath number; useful above Lambda about 40.

    (exp(-Lambda/2)/sqrt(2 pi Lambda)) sum_j (-1/(2 Lambda))^j/j! int u^2j k(u) cosh(u) du; of V without H^2.
    """
    kernels = {
        "entropy": _entropy,
        "variance": lambda u, m: _entropy(u, m) ** 2,
        "mmse": lambda u, m: 2 * _half_sech2(u, m),
    }
    if name not in kernels:
        raise ValueError(f"name: {name!r} is unknown; allowed are {', '.join(kernels)}")
    lam = mp.mpmathify(separation)
    total = mp.fsum((-1 / (2 * lam)) ** j / mp.factorial(j) * _moment(kernels[name], j) for j in range(order + 1))
    return mp.exp(-lam / 2) / mp.sqrt(2 * mp.pi * lam) * total


@lru_cache(maxsize=1)
def landmarks() -> dict:
    """Values of Lambda (12 digits): half_entropy; the peaks of V and of the entropy rate per log-sigma, sigma, sigma^2.

    Keys half_entropy, variance_peak, rate_peak_log_sigma, rate_peak_sigma, rate_peak_sigma2; and the values
    variance_at_peak, same_class_at_one.
    """
    with mp.workdps(25):

        def peak(function, low, high):
            def slope(lam):
                return mp.diff(function, lam, h=mp.mpf("1e-6"))

            return mp.findroot(slope, (low, high), tol=1e-20, verify=False)

        def rate(power):
            return lambda lam: lam**power * mmse(lam, 25)

        found = {
            "half_entropy": mp.findroot(lambda lam: class_entropy(lam, 25) - mp.log(2) / 2, (1, 1.1)),
            "variance_peak": peak(lambda lam: entropy_variance(lam, 25), 1.3, 1.4),
            "rate_peak_log_sigma": peak(rate(1), 1.45, 1.55),
            "rate_peak_sigma": peak(rate(mp.mpf(3) / 2), 2.35, 2.45),
            "rate_peak_sigma2": peak(rate(2), 3.3, 3.4),
        }
        found["variance_at_peak"] = entropy_variance(found["variance_peak"], 25)
        found["same_class_at_one"] = same_class(1, 25)
        return {name: float(value) for name, value in found.items()}


def _entropy(u, m):
    """Binary entropy of log-odds 2u, without cancellation in the tails."""
    e = m.exp(-2 * abs(u))
    return m.log1p(e) + 2 * abs(u) * e / (1 + e)


def _half_sech2(u, m):
    e = m.exp(-2 * abs(u))
    return 2 * e / (1 + e) ** 2


def _mean(function, separation, digits):
    """E function(u), u ~ N(Lambda, Lambda), by the trapezoidal rule in u with the weight made even.

    The nodes are spaced so that the poles at u = i pi/2 and the Gaussian leave errors below the digits asked for.
    """
    m = math if digits is None else mp.mp
    if digits is None:
        return _trapezoid(function, float(separation), 16, m)
    with mp.workdps(digits + 10):
        return +_trapezoid(function, mp.mpmathify(separation), digits + 5, m)


def _trapezoid(function, lam, digits, m):
    if lam < 0:
        raise ValueError(f"separation: {lam} is negative")
    if lam == 0:
        return function(lam, m)
    root = m.sqrt(lam)
    nepers = digits * 2.302585092994046 + 3
    step = min(9 / nepers, 2.4 * float(root) / math.sqrt(nepers))
    reach = (math.sqrt(2 * nepers) + float(root)) * float(root)
    reach = min(reach, nepers + 5) if lam > 1 else reach  # the kernels decay as exp(-2 u) u^n
    count = int(reach / step) + 1
    step = reach / count
    step = step if m is math else mp.mpf(step)
    total = function(0 * lam, m) * m.exp(-lam / 2) / 2
    for k in range(1, count + 1):
        u = k * step
        weight = m.exp(-((u - lam) ** 2) / (2 * lam)) * (1 + m.exp(-2 * u)) / 2  # cosh(u) exp(-u^2/2L - L/2)
        total += weight * function(u, m)
    return 2 * total * step / m.sqrt(2 * m.pi * lam)


def _moment(kernel, j):
    with mp.workdps(25):
        return 2 * mp.quad(lambda u: u ** (2 * j) * kernel(u, mp.mp) * mp.cosh(u), [0, 2, 10, 40, 120])
