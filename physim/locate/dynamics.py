r"""Transitions seen in time: critical slowing down and hysteresis.

    tau ~ |p - p_c|^-y    =>   tau^(-1/y) is a straight line through zero at p_c       (y = z nu; mean field: 1)
    p_jump(rate) = p_s + c rate^(2/3)                                                   (sweeps across a spinodal)

Sources: Hohenberg & Halperin 1977; Jung, Gray, Roy & Mandel 1990 (2/3 law of dynamic hysteresis).
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from analytic.transition import Transition, Transitions

SWEEP = 2 / 3


def slowing_down(parameters, times, stderr=None, *, exponent: float = 1.0, parameter: str = "p") -> Transition:
    """Where the relaxation time diverges, from times on one side of the transition.

    Parameters
    ----------
    parameters : array (n,), at least 4.  times, stderr : arrays (n,) of relaxation times; or times alone, the n answers
        of `statistics.autocorrelation`, of which unusable ones are refused (status "unresolved").
    exponent : y of the divergence.

    Points are left out from the far side until a straight line fits.  Status "none" when tau does not grow towards one
    side by more than three standard errors.
    """
    known: dict = {"kind": "critical point", "object": "relaxation", "parameter": parameter, "method": "slowing down"}
    doubt = ""
    if stderr is None:
        for where, found in zip(parameters, times, strict=True):
            if found.status == "unusable":
                return Transition(**known, status="unresolved", reason=f"{parameter} = {where:.6g}: {found.reason}")
            doubt = doubt or (f"{parameter} = {where:.6g}: {found.reason}" if found.status == "tentative" else "")
        times, stderr = [f.time for f in times], [f.stderr for f in times]
    p, tau, e = (np.asarray(a, dtype=float) for a in (parameters, times, stderr))
    if p.shape != tau.shape or tau.shape != e.shape or len(p) < 4:
        raise ValueError(
            f"parameters: {p.shape}, {tau.shape}, {e.shape} given; three equal lengths of 4 or more needed"
        )
    if not np.all(tau > 0) or not np.all(e > 0):
        raise ValueError("times: relaxation times and their standard errors must be positive")
    rate = tau ** (-1 / exponent)
    error = rate * e / tau / exponent
    order = np.argsort(rate)
    while True:
        fit, covariance, p_value = _line(p[order], rate[order], error[order])
        if p_value > 0.05 or len(order) <= 4:
            break
        order = order[:-1]
    slope, level = fit
    if abs(slope) < 3 * np.sqrt(covariance[0, 0]):
        return Transition(**known, status="none", reason="the relaxation time does not grow towards either side")
    value = -level / slope
    gradient = np.array([level / slope**2, -1 / slope])
    spread = float(np.sqrt(gradient @ covariance @ gradient))
    if p[order].min() < value < p[order].max():
        return Transition(**known, status="unresolved", reason="points of both sides were given; fit each by itself")
    poor = p_value < 1e-3
    reason = f"no straight line, p = {p_value:.1e}: another exponent, or too far from the transition" if poor else doubt
    status = "tentative" if reason else "estimated"
    return Transition(**known, value=float(value), stderr=spread, status=status, reason=reason)


def spinodals(rates, up, up_stderr, down, down_stderr, *, exponent: float = SWEEP, parameter: str = "p") -> Transitions:
    """Both spinodals from the places where sweeps jump, extrapolated to zero rate.

    Parameters
    ----------
    rates : sweep rates (n,), at least 3, positive.  up, down : mean parameter of the jump in sweeps in either
        direction, with standard errors.  exponent : of the rate, 2/3 for a saddle-node without noise.

    Returns
    -------
    Transitions of the upper and lower spinodal; status "none" when the two sweeps jump at one place (no hysteresis).
    """
    rates = np.asarray(rates, dtype=float)
    if len(rates) < 3 or not np.all(rates > 0):
        raise ValueError(f"rates: {len(rates)} given; at least 3 positive sweep rates are needed")
    out = []
    for name, y, e in (("upper spinodal", up, up_stderr), ("lower spinodal", down, down_stderr)):
        (slope, level), covariance, p_value = _line(rates**exponent, np.asarray(y, float), np.asarray(e, float))
        out.append((name, level, float(np.sqrt(covariance[1, 1])), p_value, slope))
    gap, error = out[0][1] - out[1][1], np.hypot(out[0][2], out[1][2])
    answers = []
    for name, value, stderr, p_value, _ in out:
        known: dict = {"kind": "spinodal", "object": name, "parameter": parameter, "method": "sweeps, extrapolated"}
        if abs(gap) < 3 * error:
            reason = f"the sweeps meet at zero rate within errors ({gap:.2g} +- {error:.2g}): no hysteresis"
            answers.append(Transition(**known, status="none", reason=reason))
            continue
        poor = p_value < 1e-3
        reason = f"no straight line in rate^{exponent:.3g}, p = {p_value:.1e}" if poor else ""
        status = "tentative" if poor else "estimated"
        answers.append(Transition(**known, value=float(value), stderr=stderr, status=status, reason=reason))
    return Transitions(answers)


def _line(x, y, e):
    """(slope, level), their covariance, and the p-value of a weighted straight line."""
    design = np.stack([x, np.ones(len(x))], 1) / e[:, None]
    fit, *_ = np.linalg.lstsq(design, y / e, rcond=None)
    square = float(np.sum((design @ fit - y / e) ** 2))
    return fit, np.linalg.inv(design.T @ design), float(stats.chi2.sf(square, max(len(x) - 2, 1)))
