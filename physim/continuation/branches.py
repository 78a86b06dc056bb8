r"""The bifurcation diagram: all branches of fixed points over a range of a parameter, and the points where they meet.

Fixed points are searched at a few values of the parameter; from each, and from every branch point met, branches are
followed by pseudo-arclength inside their fixed space.  At a branch point the directions come from the symmetry alone:
with N the null space of [F_x F_p], the solutions on a small sphere |N^T (z - z_c)| = eps are all the branches that
leave it.  A branch is kept once for each orbit of the group.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from analytic.transition import Transition, Transitions
from physim.continuation.search import Search, unstable
from physim.continuation.solve import equilibria, newton
from physim.continuation.systems import System, distinct, fixed_space


@dataclass(frozen=True)
class Diagram:
    """Branches and special points of a system over a range; made by `diagram`."""

    system: System = field(repr=False)
    limits: tuple
    branches: tuple
    points: tuple

    def transitions(self) -> Transitions:
        """The special points as records, in order of the parameter."""
        name = self.system.parameters[0]
        return Transitions(_transition(point, name) for point in sorted(self.points, key=lambda s: s.p))

    def at(self, value: float) -> tuple[np.ndarray, np.ndarray]:
        """Fixed points at a parameter value, images included: x (m, n) and numbers of growing directions (m,)."""
        found: list[np.ndarray] = []
        for branch in self.branches:
            p = branch.parameter
            for k in np.flatnonzero((p[:-1] - value) * (p[1:] - value) <= 0):
                share = 0.5 if p[k] == p[k + 1] else (value - p[k]) / (p[k + 1] - p[k])
                x = branch.x[k] + share * (branch.x[k + 1] - branch.x[k])
                basis = fixed_space(self.system.isotropy(x, 1e-7 * self.system.scale))
                x = newton(self.system, x, value, basis)
                if x is not None:
                    found += list(self.system.orbit(x))
        points = distinct(found, 1e-6 * self.system.scale)
        return points, np.array([unstable(self.system.at(x, value)[1]) for x in points])


def diagram(system: System, low: float, high: float, *, starts: int = 200, seed: int = 0, sections: int = 3) -> Diagram:
    """All branches of fixed points for parameters from low to high, without guesses.

    Parameters
    ----------
    system : with one parameter, see `system`.
    low, high : range of the parameter.
    starts, seed : of the search for fixed points at `sections` values of the parameter (see `equilibria`).

    Raises
    ------
    ValueError for an empty range or a system of several parameters.
    """
    if len(system.parameters) != 1:
        raise ValueError(f"system: parameters {', '.join(system.parameters)}; a diagram has one, fix the others")
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ValueError(f"low, high: {low:g} to {high:g} is no range; low < high is needed")
    search = Search(system, float(low), float(high))
    for share in np.linspace(0.02, 0.98, sections):
        p = low + share * (high - low)
        for x in equilibria(system, p, starts, seed):
            search.through(x, p)
        search.finish()
    return Diagram(system, (low, high), tuple(search.branches), tuple(search.points))


def _transition(point, name):
    size = point.kernel.shape[1]
    kind = point.kind if size == 1 else f"{point.kind} ({size} directions)"
    others = {"x": tuple(map(float, point.x)), "quadratic": point.quadratic, "cubic": point.cubic}
    return Transition(kind, "fixed point", name, point.p, status="numeric", method="continuation", others=others)
