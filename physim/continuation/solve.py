r"""All fixed points at one parameter value, by deflated Newton from many starts.

    M(x) = prod_i (1 + scale^2/|x - x_i|^2)      the deflated M F has the zeros of F except the x_i already known
    step of M F = tau * (step of F),   tau = 1/(1 - grad(log M) . step)

Newton with deflation is run on all starts at once, then again with what was found (and its images under the symmetry
group) deflated, until rounds find nothing new.  It is a search, not a proof: use more starts to be surer.

Source: Farrell, Birkisson & Funke 2015 (1410.5620).
"""

from __future__ import annotations

import numpy as np

from physim.continuation.systems import System, distinct

TOLERANCE = 1e-13
ROUNDS, QUIET = 12, 2


def newton(system: System, x, p, basis=None, steps: int = 60):
    """The fixed point near x, inside the space of a basis; None when Newton does not converge."""
    basis = np.eye(system.dim) if basis is None else basis
    y = basis.T @ np.asarray(x, dtype=float)
    for _ in range(steps):
        F, J, _ = system.at(basis @ y, p)
        if not np.all(np.isfinite(J)):
            return None
        step = np.linalg.lstsq(basis.T @ J @ basis, basis.T @ F, rcond=None)[0] if len(y) else y
        y = y - step
        if np.linalg.norm(step) <= TOLERANCE * (system.scale + np.linalg.norm(y)):
            return basis @ y
    return None


def equilibria(system: System, p, starts: int = 200, seed: int = 0, near=None) -> np.ndarray:
    """Fixed points at a parameter value, one of each orbit of the symmetry group, (m, n).

    Parameters
    ----------
    system : see `system`.  p : value of the parameter, or several.  starts : of each round.  seed : of the starts.
    near : further starts (k, n), or None.

    Error: each to 1e-13 of the scale.  A fixed point can be missed when no start lies in reach of it.
    """
    generator = np.random.Generator(np.random.Philox(seed))
    known = np.empty((0, system.dim))
    orbits, quiet = [], 0
    for turn in range(ROUNDS):
        radius = system.scale * (0.5, 1.0, 1.5)[turn % 3]
        x = radius * generator.standard_normal((starts, system.dim))
        x[0] = 0
        if turn == 0 and near is not None:
            x = np.concatenate([np.asarray(near, dtype=float).reshape(-1, system.dim), x])
        fresh = [z for z in _deflated(system, x.T, p, known) if _new(z, known, system)]
        for z in fresh:
            exact = newton(system, z, p)
            if exact is not None and _new(exact, known, system):
                orbits.append(exact)
                known = np.concatenate([known, system.orbit(exact)])
        quiet = 0 if fresh else quiet + 1
        if quiet == QUIET:
            break
    return np.array(orbits).reshape(-1, system.dim)


def _new(x, known, system):
    return not len(known) or np.min(np.linalg.norm(known - x, axis=1)) > 1e-7 * system.scale


def _deflated(system, x, p, known, steps=80):
    """Ends of converged Newton runs, with `known` deflated, as distinct rows."""
    p = np.atleast_1d(np.asarray(p, dtype=float))
    done = []
    for _ in range(steps):
        F, J, _ = system.evaluate(x, np.repeat(p[:, None], x.shape[1], 1))
        good = np.isfinite(F).all(0) & np.isfinite(J).all((0, 1))
        good &= np.linalg.norm(x, axis=0) < 50 * system.scale
        x, F, J = x[:, good], F[:, good], J[:, :, good]
        if not x.shape[1]:
            break
        A = J.transpose(2, 0, 1) + 1e-14 * np.eye(system.dim)
        step = -np.linalg.solve(A, F.T[:, :, None])[:, :, 0].T
        size = np.linalg.norm(step, axis=0)
        arrived = size < 1e-10 * system.scale
        done += list((x + step)[:, arrived].T)
        x, step, size = x[:, ~arrived], step[:, ~arrived], size[~arrived]
        step = step * _deflation(x, step, known, system.scale)
        size = np.linalg.norm(step, axis=0)
        x = x + step * np.minimum(1, system.scale / np.maximum(size, 1e-300))
    return distinct(done, 1e-7 * system.scale) if done else []


def _deflation(x, step, known, scale):
    if not len(known):
        return 1.0
    away = x[:, None, :] - known.T[:, :, None]
    square = np.maximum(np.sum(away**2, 0), 1e-30)
    slope = -2 * scale**2 * np.sum(away * step[:, None, :], 0) / (square * (square + scale**2))
    factor = 1 - slope.sum(0)
    return 1 / np.where(np.abs(factor) < 1e-3, 1e-3, factor)
