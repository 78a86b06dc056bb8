"""What the experiments share: checks of times, grids down to the end, runs of every start, joint results."""

from __future__ import annotations

import numpy as np

from physim import grids


def checked_times(starts, until, process):
    """Start times as an array; ValueError unless each lies above `until` and inside the span."""
    starts = np.atleast_1d(np.asarray(starts, dtype=float))
    low, high = (float(end) for end in process.span)
    if not (low < until < starts.min() and starts.max() <= high):
        raise ValueError(
            f"starts, until: {starts.min():g} ... {starts.max():g} must lie above until = {until:g}, inside the span "
            f"{low:g} ... {high:g} of {process.name}"
        )
    return starts


def grid_to(process, start, until, steps):
    """`steps` steps equal in log-SNR from a start time down to the end."""
    return grids.uniform_log_snr(process, until, float(start), steps)


def exact_means(diffusion, forms: dict, times, parameters=None, *, samples: int, seed: int) -> dict:
    """(E[form(x_t)], its error) of every form at every time: by quadrature up to two coordinates, else by exact draws.

    Errors: relative 1e-9 of quadrature; the standard error of `samples` draws, which share no noise with a run of the
    same seed (three coordinates could be integrated, at seconds for each number: `quadrature.expectations`).
    """
    from physim import quadrature

    if len(diffusion.state) < 3:
        found, word = quadrature.expectations(diffusion, forms, times, parameters, 1e-9), "error"
    else:
        apart = int(seed) ^ 1 << 63
        found, word = quadrature.sampled(diffusion, forms, times, parameters, samples=samples, seed=apart), "stderr"
    return {name: (found[name].values, found[f"{name}_{word}"].values) for name in forms}


def result(starts, columns: dict, name: str = "start"):
    """A Dataset over the start times; each column is an array or a pair (values, standard errors)."""
    import xarray as xr

    data = {}
    for key, values in columns.items():
        if isinstance(values, tuple):
            data[key], data[f"{key}_stderr"] = (name, values[0]), (name, values[1])
        else:
            data[key] = (name, values)
    return xr.Dataset(data, {name: starts})


def with_z(columns: dict, key: str, exact, error=0.0) -> dict:
    """The columns with key_exact and key_z, the difference in standard errors (with the error of what is exact)."""
    value, stderr = columns[key]
    with np.errstate(divide="ignore", invalid="ignore"):
        return columns | {f"{key}_exact": exact, f"{key}_z": (value - exact) / np.hypot(stderr, error)}
