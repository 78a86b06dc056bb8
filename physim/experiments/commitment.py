r"""Commitment: the first time at which a class posterior reaches 1 - delta, and how often the path changes its mind.

    P(other class in the end | committed) = E[1 - P_c at that time] = delta in continuous time     (optional stopping)

On a grid the posterior overshoots; what is left of doubt at the first passage is then the exact probability, and the
difference tests the integrator.  Source: Stancevic & Ambrogioni 2026 (2508.19897); theory: section 3, identity 9.
"""

from __future__ import annotations

import numpy as np

from physim.ensemble import simulate


def commitment(diffusion, grid, deltas, *, trajectories, seed, partition=None, parameters=None, **options):
    """Fraction of committed paths that revert, for several thresholds, from one run.

    Parameters
    ----------
    diffusion : analytic Diffusion.  grid : as in `simulate`.  deltas : numbers between 0 and 1/2.
    trajectories, seed, partition, parameters, options : as in `information_dynamics`.

    Returns
    -------
    xarray.Dataset over `delta`: reached (fraction of paths), when (mean forward time of commitment), doubt (mean of
    1 - P there), reverted (probability of another class at the end), each of the committed paths with `_stderr`;
    reverted_z, the difference from doubt in standard errors of that difference.

    Raises
    ------
    ValueError for a partition that is none or a delta outside (0, 1/2), and as `simulate`.
    """
    import xarray as xr

    from analytic import information

    classes = information.Classes(diffusion, partition)
    deltas = np.atleast_1d(np.asarray(deltas, dtype=float))
    observe = {}
    for k, delta in enumerate(deltas):
        found = information.commitment(classes, float(delta))
        observe |= {f"{name}{k}": e for name, e in found.items()}
        observe[f"change{k}"] = found["reverted"] - found["doubt"]
    known = {"trajectories": trajectories, "parameters": parameters, "record": 1, **options}
    run = simulate(diffusion.reverse(), grid=grid, seed=seed, observe=observe, **known).isel(time=-1)

    def column(name, what):
        return np.array([float(run[f"{name}{k}_{what}"]) for k in range(len(deltas))])

    reached = column("reached", "mean")
    data = {"reached": ("delta", reached), "reached_stderr": ("delta", column("reached", "mean_stderr"))}
    for name in ("when", "doubt", "reverted"):
        data[name] = ("delta", column(name, "mean") / reached)
        second = column(name, "var") + column(name, "mean") ** 2
        spread = np.maximum(second / reached - (column(name, "mean") / reached) ** 2, 0)
        data[f"{name}_stderr"] = ("delta", np.sqrt(spread / (reached * trajectories)))
    data["reverted_z"] = ("delta", column("change", "mean") / column("change", "mean_stderr"))
    return xr.Dataset(data, {"delta": deltas}, run.attrs)
