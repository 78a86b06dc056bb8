r"""Fold curves in the plane of two parameters, and the cusps where two of them meet.

    F = 0,  F_x v = 0,  |v| = 1   in (x, v, p, q):   one curve;      cusp:  a = psi . F_xx v v = 0  on it

Folds are looked for by bifurcation diagrams in p at a few values of q, and each is followed in both directions.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.optimize import brentq

from analytic.transition import Transition, Transitions
from physim.continuation.branches import diagram
from physim.continuation.points import fold_function
from physim.continuation.systems import System
from physim.continuation.trace import corrected, tangent, traced


@dataclass(frozen=True)
class FoldCurve:
    """Folds in two parameters: x (m, n), parameters (m, 2), cusps : rows (p, q) of the points where it turns back."""

    x: np.ndarray = field(repr=False)
    parameters: np.ndarray = field(repr=False)
    cusps: np.ndarray
    names: tuple = ("p", "q")

    def transitions(self) -> Transitions:
        """The cusps as records in the first parameter, the second beside it."""
        first, second = self.names
        found = [
            Transition("cusp", "fixed point", first, p, status="numeric", method="continuation", others={second: q})
            for p, q in self.cusps
        ]
        return Transitions(found)


def fold_curves(system: System, low, high, *, sections: int = 3, starts: int = 100, seed: int = 0) -> tuple:
    """All fold curves of a system of two parameters inside the rectangle from `low` to `high` (pairs).

    Raises
    ------
    ValueError unless the system has two parameters and the rectangle is not empty.
    """
    if len(system.parameters) != 2:
        raise ValueError(f"system: {len(system.parameters)} parameters; fold curves need exactly two")
    low, high = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    if low.shape != (2,) or high.shape != (2,) or not np.all(low < high):
        raise ValueError(f"low, high: {low.tolist()} to {high.tolist()} is no rectangle; two values each, low < high")
    free = replace(system, group=np.eye(system.dim)[None])
    found: list[FoldCurve] = []
    for share in np.linspace(0.1, 0.9, sections):
        q = low[1] + share * (high[1] - low[1])
        for point in diagram(_alone(system, q), low[0], high[0], starts=starts, seed=seed, sections=2).points:
            start = (point.x, np.array([point.p, q]))
            if point.kind == "saddle-node" and not any(_passes(curve, *start, high - low, system) for curve in found):
                found.append(_followed(free, *start, point.kernel[:, 0], low, high))
    return tuple(found)


def _alone(system, q):
    """The system at one value of its second parameter, every branch for itself."""
    return replace(system.fixed(**{system.parameters[1]: q}), group=np.eye(system.dim)[None])


def _passes(curve, x, p, width, system):
    """True when a curve crosses q = p[1] at (x, p)."""
    q = curve.parameters[:, 1] - p[1]
    for k in np.flatnonzero(q[:-1] * q[1:] <= 0):
        share = 0.0 if q[k] == q[k + 1] else q[k] / (q[k] - q[k + 1])
        at = curve.parameters[k] + share * (curve.parameters[k + 1] - curve.parameters[k])
        here = curve.x[k] + share * (curve.x[k + 1] - curve.x[k])
        if abs(at[0] - p[0]) < 0.01 * width[0] and np.linalg.norm(here - x) < 0.05 * system.scale:
            return True
    return False


def _followed(system, x, p, v, low, high):
    """The fold curve through a fold, both ways to the edge of the rectangle."""
    n, width = system.dim, high - low
    plain = fold_function(system, np.eye(n))
    units = np.concatenate([np.full(n, system.scale), np.ones(n), width])

    def function(z):
        G, DG = plain(z * units)
        return G, DG * units

    def inside(z):
        for k in (0, 1):
            for value, sign in ((low[k], 1), (high[k], -1)):
                if sign * (z[2 * n + k] * width[k] - value) < 0:
                    return 2 * n + k, value / width[k]
        return None

    z = np.concatenate([x, v, p]) / units
    z = corrected(function, z, np.eye(2 * n + 2)[-1])[0]
    t = tangent(function(z)[1], np.eye(2 * n + 2)[-1])
    ways = [list(traced(function, z, sign * t, inside, longest=0.02)) for sign in (-1, 1)]
    joined = [(a, -b) for a, b in ways[0][::-1]] + ways[1][1:]
    cusps = _cusps(system, function, joined, units)
    points = np.array([a for a, _ in joined]) * units
    return FoldCurve(points[:, :n], points[:, 2 * n :], cusps, system.parameters)


def _curvature(system, z):
    """a = psi . F_xx v v at a fold z = (x, v, p, q), psi . v > 0."""
    n = system.dim
    x, v, p = z[:n], z[n : 2 * n], z[2 * n :]
    _, J, _ = system.at(x, p)
    psi = np.linalg.svd(J.T)[2][-1]
    psi = psi * (np.sign(psi @ v) or 1.0)
    _, Jv, _ = system.along(x, p, 0.3 * system.scale * v, np.zeros(2))
    return float(psi @ Jv @ v)


def _cusps(system, function, joined, units):
    """(p, q) where the curvature changes sign along the curve."""
    values = [_curvature(system, z * units) for z, _ in joined]
    found = []
    for k in range(len(values) - 1):
        if values[k] * values[k + 1] >= 0:
            continue
        (z, t), (after, _) = joined[k], joined[k + 1]

        def on(s, z=z, t=t):
            return (corrected(function, z + s * t, t) or (z + s * t, None))[0]

        root = brentq(lambda s, on=on: _curvature(system, on(s) * units), 0.0, (after - z) @ t, xtol=1e-15, rtol=1e-14)
        found.append((on(root) * units)[-2:])
    return np.array(found).reshape(-1, 2)
