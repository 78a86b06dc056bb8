r"""Branching: how two generations from one x_t part, on independent and on common noise.

    independent    E|x_s - x'_s|^2 = 2 E tr Cov[x_s|x_t]          (exact; formula in `u_turn`)
    common         two paths infinitely close: log-volume growth  int tr R ds,  mean  int E[tr R] ds (by quadrature),
                   R = -f I + g2 grad s;  a pair at a finite distance is simulated as it is

Source: Stancevic & Ambrogioni 2026 (2508.19897), claim B.
"""

from __future__ import annotations

import numpy as np

from physim.ensemble import simulate
from physim.experiments.common import checked_times, grid_to, result, with_z


def branching(
    diffusion, starts, *, until, trajectories, seed, offset: float = 1e-2, parameters=None, steps: int = 400, **options
):
    """Squared separation of pairs on independent noise, of pairs `offset` apart on common noise, and tangent growth.

    Parameters
    ----------
    diffusion : analytic Diffusion in plain coordinates.  starts : forward times at which pairs start.
    until : where they end.  offset : initial distance of the pairs on common noise, along the first coordinate.
    trajectories, seed, steps, parameters, options : as in `clones`.

    Returns
    -------
    xarray.Dataset over `start`: independent (E|x - x'|^2 at the end) and growth (mean log-growth of a small volume),
    each with `_stderr`, `_exact` and `_z`; common (E|x - x'|^2/offset^2 on common noise) with `_stderr`.

    Raises
    ------
    ValueError for a radial coordinate, an offset that is not positive, or starts that do not lie above `until`.
    """
    from analytic.branching import growth_exponent, separation_rate
    from physim.kernels.scalars import schedule_at
    from physim.quadrature import expectations

    if diffusion.model.radial:
        raise ValueError("diffusion: the distance of two norms is not that of the vectors; use a model in coordinates")
    if not (np.isfinite(offset) and offset > 0):
        raise ValueError(f"offset: {offset!r} is not a positive number")
    starts = checked_times(starts, until, diffusion.process)
    single, dim = diffusion.reverse(), len(diffusion.state)
    pair, close = single.copies(2), single.copies(2, "common")
    parts = [(b - a) ** 2 for a, b in zip(pair.state[:dim], pair.state[dim:], strict=True)]
    columns = {name: (np.empty(len(starts)), np.empty(len(starts))) for name in ("independent", "common", "growth")}
    known = {"trajectories": trajectories, "parameters": parameters, "record": 1, "progress": False, **options}
    low = schedule_at(diffusion.process, until)
    exact, growth = np.empty(len(starts)), np.empty(len(starts))
    spread = {"spread": diffusion.posterior_covariance.trace(), "rate": separation_rate(diffusion).trace()}
    for k, start in enumerate(starts):
        grid = grid_to(diffusion.process, start, until, steps)
        far = simulate(pair, grid=grid, seed=seed + k, observe={"independent": sum(parts)}, **known)
        states = _drawn(diffusion, start, trajectories, seed + k, parameters)
        moved = states.copy()
        moved[:, 0] += offset
        observe = {"common": sum(parts) / offset**2, "growth": growth_exponent(diffusion)}
        near = simulate(close, grid=grid, seed=seed + k, observe=observe, initial=np.hstack([states, moved]), **known)
        for name, run in (("independent", far), ("common", near), ("growth", near)):
            columns[name][0][k], columns[name][1][k] = (run[f"{name}_{w}"].values[-1] for w in ("mean", "mean_stderr"))
        high = schedule_at(diffusion.process, start)
        width = high[1] ** 2 - (high[0] / low[0]) ** 2 * low[1] ** 2
        nodes, weights = np.polynomial.legendre.leggauss(32)
        levels = np.interp(nodes, (-1, 1), np.log((until, start)))
        e = expectations(diffusion, spread, [start, *np.exp(levels)], parameters, 1e-9)
        inner = (low[0] * width / high[1] ** 2) ** 2 * e.spread.values[0] + dim * low[1] ** 2 * width / high[1] ** 2
        exact[k] = 2 * inner
        growth[k] = np.log(start / until) / 2 * weights @ (np.exp(levels) * e.rate.values[1:])
    return result(starts, with_z(with_z(columns, "independent", exact), "growth", growth))


def _drawn(diffusion, time, count, seed, parameters):
    """Exact draws of x_t, (count, d)."""
    from physim.kernels import sampler
    from physim.kernels.scalars import law_at

    given = {str(k): float(v) for k, v in (parameters or {}).items()}
    forward = diffusion.forward()
    law = law_at(forward.initial, forward.time, float(time), given)
    return sampler.normals(law, 0, count, np.uint64(seed & 0xFFFFFFFF), np.uint64(seed >> 32), 0).T
