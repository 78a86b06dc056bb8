r"""U-turn (forward-backward) experiment: noise a sample up to a time, generate back, compare.

    x_end --exact forward--> x_t --reverse SDE--> x'_end;     P(class kept) = E sum_c P_c(x_t)^2
    E|x_end - x'_end|^2 = 2 E tr Cov[x_end|x_t],   Cov[x_s|x_t] = a^2 C + v I,
    a = alpha_s w/sigma_t^2,  v = sigma_s^2 w/sigma_t^2,  w = sigma_t^2 - (alpha_t/alpha_s)^2 sigma_s^2

x_end and x'_end are independent given x_t: the U-turn is a clone experiment whose first clone was the data.
Source: Behjoo & Chertkov 2023 (2308.07421); Sclocchi, Favero & Wyart 2024 (2402.16991).
"""

from __future__ import annotations

import numpy as np

from physim.ensemble import simulate
from physim.experiments.common import checked_times, exact_means, grid_to, result, with_z


def u_turn(
    diffusion, turns, *, until, trajectories, seed, partition=None, parameters=None, steps: int = 400, **options
):
    """Class overlap and squared distance of samples and their U-turns, against the turning time.

    Parameters
    ----------
    diffusion : analytic Diffusion in plain coordinates.  turns : forward times t at which time turns back.
    until : forward time of the samples (small).  trajectories, seed, partition, steps, parameters, options : as in
    `clones`.

    Returns
    -------
    xarray.Dataset over `turn`: kept (P(class kept)) and distance (squared, of the state's coordinates), each with
    `_stderr`, `_exact` by quadrature (by exact draws beyond two coordinates) and `_z`.

    Raises
    ------
    ValueError for a partition that is none, a radial coordinate, or turns that do not lie above `until`.
    """
    from analytic.information import Classes
    from physim.kernels.scalars import schedule_at

    if diffusion.model.radial:
        raise ValueError("diffusion: a norm cannot be noised by itself; use a model in coordinates")
    turns = checked_times(turns, until, diffusion.process)
    classes = Classes(diffusion, partition)
    forms = {"same": classes.same, "spread": diffusion.posterior_covariance.trace()}
    exact = exact_means(diffusion, forms, turns, parameters, samples=20 * trajectories, seed=seed)
    columns = {
        "kept": (np.empty(len(turns)), np.empty(len(turns))),
        "distance": (np.empty(len(turns)), np.empty(len(turns))),
    }
    known = {"trajectories": trajectories, "parameters": parameters, "progress": False, **options}
    low, square = schedule_at(diffusion.process, until), np.empty((2, len(turns)))
    for k, turn in enumerate(turns):
        high = schedule_at(diffusion.process, turn)
        width = high[1] ** 2 - (high[0] / low[0]) ** 2 * low[1] ** 2
        gain, own = 2 * (low[0] * width / high[1] ** 2) ** 2, low[1] ** 2 * width / high[1] ** 2
        square[:, k] = gain * np.array([spread[k] for spread in exact["spread"]])
        square[0, k] += 2 * len(diffusion.state) * own
        ends = _turned(diffusion, classes, turn, until, seed + k, steps, known, high[0] / low[0], width)
        for name, values in ends.items():
            columns[name][0][k], columns[name][1][k] = values.mean(), values.std(ddof=1) / np.sqrt(len(values))
    columns = with_z(with_z(columns, "kept", *exact["same"]), "distance", *square)
    return result(turns, columns, "turn")


def _turned(diffusion, classes, turn, until, seed, steps, known, ratio, width):
    """Contributions of every U-turn to the two averages."""
    from physim.kernels import sampler
    from physim.kernels.scalars import compiled, law_at

    count, forward = known["trajectories"], diffusion.forward()
    given = {str(k): float(v) for k, v in (known["parameters"] or {}).items()}
    law = law_at(forward.initial, forward.time, float(until), given)
    keys = np.uint64(seed & 0xFFFFFFFF), np.uint64(seed >> 32)
    begin = sampler.normals(law, 0, count, *keys, 0)
    dim = len(begin)
    normals = sampler.noise(count, count, (dim + 3) // 4, *keys, 0)[0][:dim]
    top = ratio * begin + np.sqrt(width) * normals
    grid = grid_to(diffusion.process, turn, until, steps)
    run = simulate(
        diffusion.reverse(),
        grid=grid,
        seed=seed,
        initial=top.T,
        record=1,
        keep_paths=count,
        observe=diffusion.state[0],
        **known,
    )
    end = run.paths.values[-1]
    letters = sorted({s for p in classes.posterior for s in p.free_symbols} - {*diffusion.state, forward.time}, key=str)
    call = compiled(list(classes.posterior), *diffusion.state, forward.time, *letters)
    tail = [until, *(given[str(s)] for s in letters)]
    kept = sum(a * b for a, b in zip(call(*begin, *tail), call(*end, *tail), strict=True))
    return {"kept": kept, "distance": np.sum((begin - end) ** 2, axis=0)}
