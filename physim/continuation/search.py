"""The search behind a diagram: follow branches, refine the points met, leave branch points in all directions."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from scipy.optimize import brentq

from physim.continuation.points import SINGULAR, Point, refined
from physim.continuation.systems import distinct, fixed_space
from physim.continuation.trace import corrected, tangent, traced

SPHERE = 0.01


@dataclass(frozen=True)
class Branch:
    """One branch: x (m, n), parameter (m,), unstable: number of growing directions (m,), images: size of the orbit."""

    x: np.ndarray = field(repr=False)
    parameter: np.ndarray = field(repr=False)
    unstable: np.ndarray = field(repr=False)
    images: int = 1

    def __repr__(self):
        p = self.parameter
        kinds = "stable" if not self.unstable.any() else "unstable" if self.unstable.all() else "partly stable"
        return f"Branch({self.images} images, {p.min():.6g} to {p.max():.6g}, {kinds}, {len(p)} points)"


def unstable(J) -> int:
    """Number of directions that grow."""
    return int(np.count_nonzero(np.linalg.eigvals(J).real > 0))


class Search:
    """The branches and points found so far, and the branch points still to be left in all directions."""

    def __init__(self, system, low, high):
        self.system, self.low, self.high = system, low, high
        self.branches: list[Branch] = []
        self.points: list[Point] = []
        self.todo: list[Point] = []

    def through(self, x, p):
        """The branch through a fixed point, both ways, unless it is known."""
        if self._known(x, p):
            return
        basis, function = self._inside(x)
        z = np.append(basis.T @ x / self.system.scale, p / self._width)
        t = tangent(function(z)[1], np.append(np.zeros(len(z) - 1), 1.0))
        ways = [self._follow(basis, function, z, sign * t) for sign in (-1, 1)]
        self._keep(basis, ways[0][::-1] + ways[1][1:])

    def finish(self):
        """Leave every branch point in all directions."""
        while self.todo:
            point = self.todo.pop()
            for x, p, t in _leaving(self.system, point, self._width):
                if not self.low <= p <= self.high or self._known(x, p):
                    continue
                basis, function = self._inside(x)
                z = np.append(basis.T @ x / self.system.scale, p / self._width)
                out = np.append(basis.T @ t[:-1] / self.system.scale, t[-1] / self._width)
                way = self._follow(basis, function, z, tangent(function(z)[1], out))
                start = np.append(basis.T @ point.x / self.system.scale, point.p / self._width)
                self._keep(basis, [start, *way])

    @property
    def _width(self):
        return self.high - self.low

    def _inside(self, x):
        """Basis of the fixed space of x and the field in it, in units of the scale and of the range."""
        system, width = self.system, self._width
        basis = fixed_space(system.isotropy(x, 1e-7 * system.scale))

        def function(z):
            F, J, P = system.at(system.scale * (basis @ z[:-1]), z[-1] * width)
            slopes = np.concatenate([system.scale * basis.T @ J @ basis, width * basis.T @ P], 1)
            return basis.T @ F, slopes

        return basis, function

    def _limit(self, z):
        for value in (self.low, self.high):
            if (z[-1] * self._width - value) * (1 if value == self.low else -1) < 0:
                return len(z) - 1, value / self._width
        return None

    def _follow(self, basis, function, z, t):
        """Points of the branch from z, with the special points met refined and remembered."""
        path, before = [z], None
        for new, onward in traced(function, z, t, self._limit):
            state = (new, onward, self._count(basis, new))
            if before is not None:
                if self._changed(before, state):
                    point = self._event(basis, function, before, state)
                    if point is not None and self._ends(basis, point):
                        path.append(np.append(basis.T @ point.x / self.system.scale, point.p / self._width))
                        return path
                path.append(new)
                if len(path) > 12 and np.linalg.norm(new - z) < 0.5 * np.linalg.norm(new - path[-2]):
                    return [*path, z]
            before = state
        return path

    def _count(self, basis, z):
        return np.linalg.eigvals(self.system.at(self.system.scale * (basis @ z[:-1]), z[-1] * self._width)[1])

    def _changed(self, a, b):
        counts = [int(np.count_nonzero(s[2].real > 0)) for s in (a, b)]
        return a[1][-1] * b[1][-1] < 0 or counts[0] != counts[1]

    def _event(self, basis, function, a, b):
        """The special point between two points of a branch."""
        (z, t, _), turned = a, a[1][-1] * b[1][-1] < 0
        length = float((b[0] - z) @ t)

        def on(s):
            return corrected(function, z + s * t, t) or (z + s * t, function(z + s * t)[1])

        def test(s):
            point, DG = on(s)
            if turned:
                return tangent(DG, t)[-1]
            values = self._count(basis, point)
            return np.sort(values.real)[::-1][rank]

        counts = [int(np.count_nonzero(s[2].real > 0)) for s in (a, b)]
        rank = min(counts)
        if test(0.0) * test(length) > 0:
            return None
        z, _ = on(brentq(test, 0.0, length, xtol=1e-12))
        x, p = self.system.scale * (basis @ z[:-1]), z[-1] * self._width
        values = self._count(basis, z)
        critical = values[np.argmin(np.abs(values.real))]
        if abs(critical.imag) > 1e-3 * max(1, np.abs(values).max()) and not turned:
            point = Point("Hopf", x, p, np.zeros((len(x), 2)), isotropy=len(self.system.isotropy(x, 1e-7)))
        else:
            point = refined(self.system, x, p, 0.05 * self._width)
        if point is not None:
            self._remember(point)
        return point

    def _remember(self, point):
        for known in self.points:
            near = np.min(np.linalg.norm(self.system.group @ point.x - known.x, axis=1))
            if abs(known.p - point.p) < 1e-7 * self._width and near < 1e-5 * self.system.scale:
                return
        self.points.append(point)
        if point.kind not in ("saddle-node", "cusp", "Hopf"):
            self.todo.append(point)

    def _ends(self, basis, point):
        """True at a point with more symmetry than the branch: it is left again from there."""
        return fixed_space(self.system.isotropy(point.x, 1e-5 * self.system.scale)).shape[1] < basis.shape[1]

    def _keep(self, basis, path):
        if len(path) < 2:
            return
        z = np.array(path)
        x, p = self.system.scale * z[:, :-1] @ basis.T, z[:, -1] * self._width
        growing = np.array([unstable(self.system.at(a, b)[1]) for a, b in zip(x, p, strict=True)])
        images = len(self.system.orbit(x[len(x) // 2]))
        self.branches.append(Branch(x, p, growing, images))

    def _known(self, x, p):
        """True when a branch that is kept goes through an image of the point."""
        system = self.system
        images = system.group @ x / system.scale
        for branch in self.branches:
            path = np.column_stack([branch.x / system.scale, branch.parameter / self._width])
            for image in distinct(images, 1e-9):
                z = np.append(image, p / self._width)
                if self._beside(path, z, branch):
                    return True
        return False

    def _beside(self, path, z, branch):
        """True when the branch, corrected in the plane through z, goes through z."""
        k = int(np.argmin(np.linalg.norm(path - z, axis=1)))
        if np.linalg.norm(path[k] - z) > 0.1:
            return False
        for a, b in pairwise(range(max(k - 1, 0), min(k + 2, len(path)))):
            step = path[b] - path[a]
            share = step @ (z - path[a]) / (step @ step) if step @ step > 0 else 0.0
            if not -0.01 <= share <= 1.01:
                continue
            foot = path[a] + share * step
            if np.linalg.norm(foot - z) > 0.5 * np.linalg.norm(step) + 1e-6:
                continue
            basis, function = self._inside(self.system.scale * (foot[:-1]))
            inner = np.append(basis.T @ foot[:-1], foot[-1])
            way = np.append(basis.T @ step[:-1], step[-1])
            found = corrected(function, inner, way / np.linalg.norm(way))
            if found is not None and np.linalg.norm(np.append(basis @ found[0][:-1], found[0][-1]) - z) < 1e-6:
                return True
        return False


def _leaving(system, point, width):
    """(x, p, outward direction) of all branches that leave a branch point, one for each orbit under its symmetry."""
    n, z = system.dim, np.append(point.x / system.scale, point.p / width)
    _, J, P = system.at(point.x, point.p)
    _, s, vt = np.linalg.svd(np.concatenate([J, width / system.scale * P], 1))
    rank = int(np.count_nonzero(s > SINGULAR * max(1.0, s[0])))
    N = vt[rank:].T
    generator = np.random.Generator(np.random.Philox(3))
    k = N.shape[1]
    starts = np.concatenate([np.eye(k), -np.eye(k), generator.standard_normal((60 * (k - 1), k))])
    found = []
    for u in starts:
        leaf = _on_sphere(system, z, N, u / np.linalg.norm(u), width)
        if leaf is not None:
            found.append(leaf)
    elements = system.isotropy(point.x, 1e-5 * system.scale)
    kept: list[np.ndarray] = []
    for leaf in found:
        images = np.column_stack([elements @ leaf[:n], np.full(len(elements), leaf[n])])
        if all(np.min(np.linalg.norm(images - other, axis=1)) > 1e-5 for other in kept):
            kept.append(leaf)
    out = []
    for leaf in kept:
        step = leaf - z
        out.append((leaf[:n] * system.scale, leaf[n] * width, np.append(step[:n] * system.scale, step[n] * width)))
    return out


def _on_sphere(system, centre, N, u, width):
    """The solution of F = 0, |N^T (z - centre)| = SPHERE that Newton reaches from the direction u; None if none."""
    z = centre + SPHERE * N @ u
    for _ in range(40):
        F, J, P = system.at(z[:-1] * system.scale, z[-1] * width)
        q = N.T @ (z - centre)
        G = np.append(F, (q @ q - SPHERE**2) / (2 * SPHERE))
        DG = np.concatenate([np.concatenate([system.scale * J, width * P], 1), (N @ q / SPHERE)[None]])
        if not np.all(np.isfinite(DG)):
            return None
        step = np.linalg.lstsq(DG, -G, rcond=1e-13)[0]
        size = np.linalg.norm(step)
        z = z + step * min(1, 0.3 * SPHERE / max(size, 1e-300))
        if size < 1e-11:
            return z if np.linalg.norm(z - centre) < 3 * SPHERE else None
    return None
