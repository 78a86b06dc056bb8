r"""Clone experiment: two generations continued from one x_t with independent noise.

    phi(t) = P(same class) = E sum_c P_c(x_t)^2      estimated by   sum_c P_c(x_end) P_c(x'_end)

P_c along a reverse path is a martingale: the estimate is unbiased wherever the two paths end.
Source: Biroli, Bonnaire, de Bortoli & Mezard 2024 (2402.18491).
"""

from __future__ import annotations

import numpy as np

from physim.ensemble import simulate
from physim.experiments.common import checked_times, exact_means, grid_to, result, with_z


def clones(
    diffusion, starts, *, until, trajectories, seed, partition=None, parameters=None, steps: int = 400, **options
):
    """Probability that two clones of one x_t end in the same class, against the start time.

    Parameters
    ----------
    diffusion : analytic Diffusion.  starts : forward times t at which the clones part.  until : where they end.
    trajectories : pairs per start.  seed : of the first start, one more for each other.
    partition : groups of component numbers (None: every component).  steps : per start, equal in log-SNR.
    parameters, options : as in `simulate`.

    Returns
    -------
    xarray.Dataset over `start`: same, same_stderr; same_exact by quadrature (by exact draws beyond two
    coordinates); same_z.

    Raises
    ------
    ValueError for a partition that is none, or starts that do not lie above `until` inside the span.
    """
    from analytic.information import Classes

    starts = checked_times(starts, until, diffusion.process)
    classes, pair = Classes(diffusion, partition), diffusion.reverse().copies(2)
    other = dict(zip(diffusion.state, pair.state[len(diffusion.state) :], strict=True))
    same = sum(p * p.xreplace(other) for p in classes.posterior)
    values, errors = np.empty(len(starts)), np.empty(len(starts))
    known = {"trajectories": trajectories, "parameters": parameters, "record": 1, "progress": False, **options}
    for k, start in enumerate(starts):
        grid = grid_to(diffusion.process, start, until, steps)
        run = simulate(pair, grid=grid, seed=seed + k, observe={"same": same}, **known)
        values[k], errors[k] = run.same_mean.values[-1], run.same_mean_stderr.values[-1]
    exact = exact_means(diffusion, {"same": classes.same}, starts, parameters, samples=20 * trajectories, seed=seed)
    return result(starts, with_z({"same": (values, errors)}, "same", *exact["same"]))
