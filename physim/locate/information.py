r"""Landmarks of information along a diffusion, exact by quadrature: where the classes are decided.

    H = E[h],  V = Var[h],  h = -sum_k p_k log p_k;    H = H(c)/2,   peak of |dH/d clock|,   peak of V

The peak of V and the half point are places, the same in every clock; the peak of a rate belongs to its clock (t, sigma,
log sigma, log-SNR): a density changes with the variable.  Source: Stancevic & Ambrogioni 2026 (2508.19897).
"""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq

from analytic.transition import Transition, Transitions
from physim.kernels.scalars import times_at
from physim.quadrature import QuadratureError, expectations

CLOCKS = ("t", "sigma", "log_snr")
POINTS = 321
SOURCE = "Stancevic & Ambrogioni 2026 (2508.19897)"


def information_landmarks(diffusion, values=None, *, low: float = -12.0, high: float = 12.0) -> Transitions:
    """Half entropy, variance peak and rate peaks of the class entropy, in every clock.

    Parameters
    ----------
    diffusion : at most three coordinates.  values : dict from name to number for its symbols.
    low, high : range of the log-SNR that is searched.

    Returns
    -------
    Transitions in t with sigma and log_snr beside (others); error about 1e-6 (cubic splines through 321 points).
    Status "none" for landmarks that are not in the range, "unresolved" where quadrature fails.
    """
    levels, times = _clock(diffusion.process, low, high)
    h = diffusion.class_entropy
    try:
        found = expectations(diffusion, {"h": 1 + h, "h2": 1 + h**2}, times, values, tolerance=1e-11)
    except (QuadratureError, ValueError) as error:
        reason = str(error)
        return Transitions(_none(name, "unresolved", reason) for name in ("half_entropy", "entropy_variance"))
    mean, square = (found[name].values - 1 for name in ("h", "h2"))  # the 1 makes the tolerance absolute
    entropy, variance = CubicSpline(levels, mean), CubicSpline(levels, square - mean**2)
    time = CubicSpline(levels, times)
    full = float(entropy(levels[0]))
    rows = [_half(diffusion, levels, entropy, full), _top(diffusion, levels, variance, "entropy_variance", "peak")]
    for clock in CLOCKS:
        rows.append(
            _top(diffusion, levels, _rate(diffusion, levels, entropy, time, clock), f"entropy_rate_per_{clock}", "peak")
        )
    return Transitions(rows)


def _clock(process, low, high):
    """log-SNR levels that the process reaches, and their times."""
    levels, times = [], []
    for level in np.linspace(low, high, POINTS):
        try:
            times.append(float(times_at(process, [level])[0]))
            levels.append(float(level))
        except (ValueError, ArithmeticError):
            continue
    levels, times = np.array(levels), np.array(times)
    good = np.isfinite(times) & (times > float(process.span[0]))
    return levels[good], times[good]


def _rate(diffusion, levels, entropy, time, clock):
    """|dH/d clock| on the levels as a spline."""
    slope = np.abs(entropy(levels, 1))
    if clock == "t":
        slope = slope / np.abs(time(levels, 1))
    if clock == "sigma":
        sigma = CubicSpline(levels, [_sigma(diffusion.process, u) for u in time(levels)])
        slope = slope / np.maximum(np.abs(sigma(levels, 1)), 1e-300)
    return CubicSpline(levels, slope)


def _sigma(process, time):
    from analytic import evaluate, t

    return float(evaluate(process.sigma, {t: time}, 15))


def _half(diffusion, levels, entropy, full):
    values = entropy(levels) - full / 2
    change = np.flatnonzero(values[:-1] * values[1:] < 0)
    if not full > 1e-9 or not len(change):
        return _none("half_entropy", "none", "the class entropy does not fall to half its value in the range")
    k = change[0]
    return _at(
        diffusion, brentq(lambda u: float(entropy(u)) - full / 2, levels[k], levels[k + 1]), "half_entropy", "crossover"
    )


def _top(diffusion, levels, spline, name, kind):
    """The highest interior maximum of a spline."""
    roots = spline.derivative().roots(extrapolate=False)
    roots = [r for r in roots if spline(r, 2) < 0]
    if not roots:
        return _none(name, "none", "it has no maximum inside the range")
    best = max(roots, key=spline)
    if spline(best) < 1e-9 or max(spline(levels[0]), spline(levels[-1])) > spline(best):
        return _none(name, "none", "it is largest at the end of the range")
    return _at(diffusion, float(best), name, kind)


def _at(diffusion, level, name, kind):
    time = float(times_at(diffusion.process, [level])[0])
    others = {"sigma": _sigma(diffusion.process, time), "log_snr": level}
    return Transition(kind, name, "t", time, status="numeric", method="quadrature", source=SOURCE, others=others)


def _none(name, status, reason):
    return Transition("peak", name, "t", status=status, reason=reason, source=SOURCE)
