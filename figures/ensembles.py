r"""What the figures share: grids through given times, bias of the step, joint errors of correlated points.

    step bias of a scheme of weak order one:   mean(steps/8) - mean(steps)  =  (8 - 1) bias(steps) + O(step^2)

The coarse run is independent of the fine one (its own seed), so the bias is known to about a fifth of the
fine run's standard error. Two classes: Lambda = alpha^2 |m|^2/(sigma^2 + alpha^2 v) fixes the
signal-to-noise ratio R = Lambda/(|m|^2 - v Lambda).
"""

from __future__ import annotations

import json

import numpy as np
import sympy as sp
import xarray as xr

from analytic import symbols
from physim import simulate
from physim.grids import Grid
from physim.kernels.scalars import times_at

COARSER = 8


def times_of(process, levels) -> np.ndarray:
    """Forward times at which the log-SNR has given values, from the closed form where the process has one."""
    levels = np.atleast_1d(np.asarray(levels, dtype=float))
    closed = process.time_of_snr
    if closed is None:
        return times_at(process, levels)
    return np.asarray(sp.lambdify(symbols.snr, closed, "numpy")(np.exp(levels)), dtype=float)


def level_of_separation(separation, mean_norm, variance=1.0):
    """log-SNR at which the class separation Lambda has a value."""
    return np.log(separation / (mean_norm**2 - variance * separation))


def log_snr_grid(process, first: float, last: float, steps: int, through=()) -> Grid:
    """About `steps` steps equal in log-SNR from `first` to `last`, stopping at every log-SNR in `through`."""
    levels = np.linspace(first, last, steps + 1)
    through = np.sort(np.asarray(through, dtype=float))
    if len(through):
        after = np.searchsorted(through, levels)
        gaps = [np.abs(levels - through[np.clip(k, 0, len(through) - 1)]) for k in (after - 1, after)]
        apart = np.minimum(*gaps) > 0.1 * abs(last - first) / steps
        levels = np.concatenate([levels[apart], through])
    return Grid(np.sort(times_of(process, levels)), "uniform_log_snr through the recorded times")


def ensemble(dynamics, process, *, start, at, steps, trajectories, seed, keep=True, **options) -> xr.Dataset:
    """Simulate a reverse dynamics from log-SNR `start` through the log-SNRs `at`, with the bias of the step.

    Returns
    -------
    Dataset over `time` (rising log-SNR): what `physim.simulate` returns for every observable, and
    `name_mean_step_bias` and `name_var_step_bias` estimated from an independent run of 1/8 of the steps; the
    kept `paths` of all trajectories (unless keep is False) and the facts of the fine run in attrs["facts"].
    """
    at = np.sort(np.atleast_1d(np.asarray(at, dtype=float)))

    def run(count, number, kept):
        grid = log_snr_grid(process, min(start, at[0]), at[-1], count, at)
        known = {"trajectories": trajectories, "seed": number, "keep_paths": kept, "progress": False, **options}
        return simulate(dynamics, grid=grid, record=times_of(process, at), **known)

    fine = run(steps, seed, trajectories if keep else 0)
    coarse = run(max(steps // COARSER, 1), seed + 1, 0)
    for name in [str(n) for n in fine.data_vars if str(n).endswith(("_mean", "_var"))]:
        fine[f"{name}_step_bias"] = ("time", (coarse[name].values - fine[name].values) / (COARSER - 1))
    facts, coarser = (json.loads(result.attrs["provenance"]) for result in (fine, coarse))
    return fine.assign_attrs(facts=facts | {"step_bias_run": {k: coarser.get(k) for k in ("seed", "grid")}})


def against(run, name: str, exact, kind: str = "mean") -> dict:
    """A simulated mean or variance ("var") at the recorded times against its exact value.

    Returns a dict of arrays: value, stderr, z = (value - exact)/stderr, step_bias in standard errors.
    """
    value, stderr = run[f"{name}_{kind}"].values, run[f"{name}_{kind}_stderr"].values
    bias = run[f"{name}_{kind}_step_bias"].values
    with np.errstate(divide="ignore", invalid="ignore"):  # nan where nothing varies and nothing differs
        return {"value": value, "stderr": stderr, "z": (value - exact) / stderr, "step_bias": bias / stderr}


def correlation(*influences) -> np.ndarray:
    """Correlation matrix of sample means from the trajectories' contributions, each (points, trajectories).

    The contribution to a mean is the value itself; to a variance, the squared distance from the mean.
    """
    return np.corrcoef(np.concatenate([np.atleast_2d(rows) for rows in influences]))


def squared_distance(values):
    """The contributions to a variance, (points, trajectories)."""
    return (values - values.mean(axis=-1, keepdims=True)) ** 2
