r"""The atlas: every critical time of a model under a process, side by side and never mixed up, in every clock.

    density, reverse_sde, probability_flow    the fixed point of strong noise loses stability in that potential
    spectral                                  alpha^2 (top eigenvalue of Cov[x_0]) = 1
    clocks                                    t, sigma, log-SNR, of one and the same place

Two equal classes are solved in symbols; any other model with numbers by following the fixed point of strong noise
down the log-SNR.  Landmarks of information need integrals: `physim.locate.information_landmarks`.
Sources: Raya & Ambrogioni 2023 (2305.19693); Biroli et al. 2024 (2402.18491).
"""

from __future__ import annotations

from dataclasses import replace

import mpmath as mp
import sympy as sp

from analytic.bifurcation import CONDITIONS, critical_points
from analytic.diffusion import Diffusion
from analytic.evaluate import callable_of, evaluate
from analytic.models import SymmetricPair
from analytic.symbols import t
from analytic.transition import Transition, Transitions

LEVELS = [sp.Rational(k, 4) + sp.Rational(1, 97) for k in range(-32, 33)]
DIGITS = 20


def atlas(model, process) -> Transitions:
    """All critical times of a model under a process.

    Returns
    -------
    Transitions in t, with sigma and log_snr (and snr, separation where known) in `others`; `point.within("log_snr")`.
    A model with symbols other than two equal classes has status "implicit".
    """
    diffusion = Diffusion(model, process)
    if isinstance(model, SymmetricPair) and model.weight == sp.S.Half:
        return Transitions(_clocked(point, process) for point in critical_points(model, process))
    free = diffusion.log_density.free_symbols - {*diffusion.state, t}
    if free:
        reason = f"no value for {', '.join(sorted(map(str, free)))}, and no closed form for this model"
        return Transitions(Transition(k, n, "t", status="implicit", reason=reason, source=s) for n, k, s in CONDITIONS)
    rows = [_followed(diffusion, name, source) for name, _, source in CONDITIONS[:3]]
    return Transitions([*rows, _spectral(model, process)])


def _clocked(point, process):
    """The record with sigma and log_snr beside t."""
    if point.value is None:
        return point
    more = {"sigma": process.sigma.subs(t, point.value), "log_snr": process.log_snr.subs(t, point.value)}
    return replace(point, others={**point.others, **more})


def _covariance(model):
    law = model.sampling(sp.S.One, sp.S.Zero)
    means = [sp.Matrix(m) for m in law.means]
    mean = sum((w * m for w, m in zip(law.weights, means, strict=True)), sp.zeros(len(means[0]), 1))
    parts = zip(law.weights, means, law.covariances, strict=True)
    return sum((w * (c + (m - mean) * (m - mean).T) for w, m, c in parts), sp.zeros(len(mean), len(mean)))


def _spectral(model, process):
    """alpha^2 top = 1, by bisection in the log-SNR."""
    top = max(mp.re(value) for value in mp.eigsy(mp.matrix(evaluate_matrix(_covariance(model))), eigvals_only=True))
    known = {"source": CONDITIONS[3][2], "condition": sp.Eq(sp.Symbol("alpha") ** 2 * sp.Float(top, 10), 1)}

    def excess(level):
        return float(evaluate(process.alpha, {t: process.time_at(level)}, DIGITS)) ** 2 * float(top) - 1

    return _crossed("crossover", "spectral", process, excess, known)


def evaluate_matrix(matrix):
    """Rows of mpmath numbers."""
    return [[evaluate(matrix[i, j], digits=DIGITS) for j in range(matrix.cols)] for i in range(matrix.rows)]


def _crossed(kind, name, process, value, known):
    """The first sign change of a function of the log-SNR from strong noise on, by bisection."""
    before = None
    for level in LEVELS:
        try:
            now = value(level)
        except ValueError:
            continue
        if before is not None and before[1] * now < 0:
            a, b, low = before[0], level, before[1]
            for _ in range(50):
                middle = (a + b) / 2
                a, b = (middle, b) if value(middle) * low > 0 else (a, middle)
            time = sp.Float(process.time_at(middle), DIGITS)
            bare = Transition(kind, name, "t", time, status="numeric", method="fixed point followed", **known)
            return _clocked(bare, process)
        before = (level, now)
    reason = "it keeps its stability at every noise; other modes can appear beside it by saddle-nodes"
    reason = "the condition is met at no time" if name == "spectral" else reason
    return Transition(kind, name, "t", status="none", reason=reason, **known)


def _followed(diffusion, name, source):
    """Where the fixed point of strong noise, followed to weaker noise, loses stability in one potential."""
    process, state = diffusion.process, diffusion.state
    strength = {"density": sp.S.Zero, "reverse_sde": sp.S.One, "probability_flow": sp.Integer(2)}[name]
    linear = strength * process.f / process.g2
    force = [sp.sympify(s) - linear * x for s, x in zip(diffusion.score, state, strict=True)]
    slopes = [[sp.diff(f, x) for x in state] for f in force]
    symbols = (*state, t)
    calls = [callable_of(f, symbols) for f in force], [[callable_of(e, symbols) for e in row] for row in slopes]
    place = {"x": mp.matrix([0] * len(state))}

    def slowest(level):
        with mp.workdps(DIGITS):
            time = mp.mpmathify(process.time_at(level))
            for _ in range(40):
                x = list(place["x"])
                J = mp.matrix([[mp.re(c(*x, time)) for c in row] for row in calls[1]])
                step = mp.lu_solve(J, -mp.matrix([mp.re(c(*x, time)) for c in calls[0]]))
                place["x"] = place["x"] + step
                if mp.norm(step) < mp.mpf(10) ** (-DIGITS + 5):
                    break
            return float(max(mp.eigsy((J + J.T) / 2, eigvals_only=True)))

    return _crossed("loss of stability", name, process, slowest, {"source": source})
