r"""Attractors: the share of starts that flow into each, and which of them merge as a parameter grows.

    dx/ds = F(x; p)          basin(a) = {x: flow ends in a},  share_a = hits/n with its binomial interval (Wilson)

Across a special value p_c an attractor either goes on or disappears (saddle-node, pitchfork); where it goes is read
off the flow at p_c + delta, started from where it was at p_c - delta.

Sources: Wilson 1927 (interval); Lopez Amado et al. 2026 (2609.39648) for attractors of mixtures that vanish with noise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from physim.continuation.branches import Diagram
from physim.continuation.solve import equilibria
from physim.continuation.systems import System

STEP, REACH, MOST = 0.25, 0.03, 20_000
DELTA = 1e-3


@dataclass(frozen=True)
class Basins:
    """attractors (m, n); hits (m,); share, its stderr and Wilson interval low, high (68 %); lost: starts undecided."""

    attractors: np.ndarray
    hits: np.ndarray
    share: np.ndarray
    stderr: np.ndarray
    low: np.ndarray
    high: np.ndarray
    lost: int


def flow(system: System, x, p, attractors, others=None) -> np.ndarray:
    """Index of the attractor that each column of x (n, L) flows into; -1 where it did not arrive.

    Runge-Kutta steps of order four, at most 0.25/|F_x| long and 3 % of the scale far, for each start; a start has
    arrived within 5 % of the distance to the nearest other fixed point, those in `others` (k, n) included.
    """
    p = np.atleast_1d(np.asarray(p, dtype=float))
    gaps = np.linalg.norm(attractors[:, None] - attractors[None], axis=2) + np.diag(np.full(len(attractors), np.inf))
    if others is not None and len(others):
        gaps = np.column_stack([gaps, np.linalg.norm(attractors[:, None] - np.asarray(others)[None], axis=2)])
    reach = 0.05 * np.minimum(gaps.min(1), system.scale)
    ends, active, x = np.full(x.shape[1], -1), np.arange(x.shape[1]), np.array(x, dtype=float)
    for _ in range(MOST):
        away = np.linalg.norm(x[None] - attractors[:, :, None], axis=1)
        nearest = away.argmin(0)
        arrived = away[nearest, np.arange(len(active))] < reach[nearest]
        ends[active[arrived]] = nearest[arrived]
        active, x = active[~arrived], x[:, ~arrived]
        if not len(active):
            break
        q = np.repeat(p[:, None], len(active), 1)
        F, J, _ = system.evaluate(x, q)
        speed, bend = np.linalg.norm(F, axis=0), np.sqrt(np.sum(J**2, axis=(0, 1)))
        h = 1 / np.maximum(bend / STEP, speed / (REACH * system.scale))
        k2 = system.evaluate(x + h / 2 * F, q)[0]
        k3 = system.evaluate(x + h / 2 * k2, q)[0]
        x = x + h / 6 * (F + 2 * k2 + 2 * k3 + system.evaluate(x + h * k3, q)[0])
    return ends


def basins(system: System, p, count: int = 10_000, seed: int = 0, states=None) -> Basins:
    """Shares of the basins of all attractors at a parameter value.

    Parameters
    ----------
    p : value of the parameter.  count, seed : starts drawn from a normal law of the system's scale.
    states : starts (count, n) instead, from a law of your own.

    Raises
    ------
    ValueError when there is no attractor or fewer than 10 starts.
    """
    attractors, others = split_at(system, p, seed)
    if states is None:
        generator = np.random.Generator(np.random.Philox(seed))
        states = system.scale * generator.standard_normal((count, system.dim))
    states = np.asarray(states, dtype=float).reshape(-1, system.dim)
    if len(states) < 10:
        raise ValueError(f"count: {len(states)} starts given; at least 10 are needed for a share")
    if not len(attractors):
        raise ValueError(f"p: no attractor was found at {p}; nothing has a basin")
    ends = flow(system, states.T, p, attractors, others)
    hits = np.bincount(ends[ends >= 0], minlength=len(attractors))
    n = len(states)
    share = hits / n
    centre, half = (share + 0.5 / n) / (1 + 1 / n), np.sqrt(share * (1 - share) / n + 0.25 / n**2) / (1 + 1 / n)
    return Basins(
        attractors, hits, share, np.sqrt(share * (1 - share) / n), centre - half, centre + half, int(n - hits.sum())
    )


def split_at(system: System, p, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """All attractors at a parameter value, (m, n), and all other fixed points, (k, n)."""
    parts: dict[bool, list] = {True: [], False: []}
    for x in equilibria(system, p, seed=seed):
        parts[_stable(system, x, p)] += list(system.orbit(x))
    stable, rest = (np.array(parts[kind]).reshape(-1, system.dim) for kind in (True, False))
    return stable, rest


def _stable(system, x, p):
    return bool(np.all(np.linalg.eigvals(system.at(x, p)[1]).real < 0))


@dataclass(frozen=True)
class MergeTree:
    """Attractors between special values of a parameter, and where each goes.

    edges : (m + 1,) ends of the intervals; attractors : for each interval an array (steps, count, n) followed over
    `grid` (steps,) of the parameter; heirs : for each but the last, the index in the next interval of every attractor.
    """

    edges: np.ndarray
    grids: tuple = field(repr=False)
    attractors: tuple = field(repr=False)
    heirs: tuple

    def merges(self) -> list[tuple[float, list[int], int]]:
        """(parameter value, the attractors that join, the one they become) for every merger."""
        found = []
        for edge, heirs in zip(self.edges[1:], self.heirs, strict=False):
            for heir in sorted(set(heirs)):
                parents = [k for k, h in enumerate(heirs) if h == heir]
                if len(parents) > 1:
                    found.append((float(edge), parents, int(heir)))
        return found


def merge_tree(diagram: Diagram, points: int = 24) -> MergeTree:
    """Which attractors merge, and where, as the parameter of a diagram grows.

    Parameters
    ----------
    diagram : see `diagram`; its parameter should grow with the noise.  points : of each interval.

    Raises
    ------
    ArithmeticError when an attractor does not arrive anywhere beyond a special value.
    """
    system, (low, high) = diagram.system, diagram.limits
    values = sorted({round(point.p, 10) for point in diagram.points if low < point.p < high})
    edges = np.array([low, *values, high])
    grids: list = []
    attractors: list = []
    heirs: list = []
    for a, b in pairwise(edges):
        inset = DELTA * (b - a)
        grid = np.linspace(a + inset, b - inset, points)
        rows = [_attractors(diagram, p)[0] for p in grid]
        if attractors:
            last = attractors[-1][-1]
            ends = flow(system, last.T, grid[0], *_attractors(diagram, grid[0]))
            if np.any(ends < 0):
                raise ArithmeticError(f"diagram: an attractor lost at {a:.6g} flows nowhere; use more starts")
            heirs.append([int(end) for end in ends])
        grids.append(grid)
        attractors.append(np.array(_ordered(rows)))
    return MergeTree(edges, tuple(grids), tuple(attractors), tuple(heirs))


def _attractors(diagram, p):
    x, unstable = diagram.at(p)
    return x[unstable == 0], x[unstable > 0]


def _ordered(rows):
    """Each row's attractors in the order of the nearest ones of the row before."""
    out = [rows[0]]
    for row in rows[1:]:
        order = np.linalg.norm(out[-1][:, None] - row[None], axis=2).argmin(1)
        out.append(row[order])
    return out
