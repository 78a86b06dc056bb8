"""From the numbers that a kernel collected to a labelled Dataset with a standard error beside every estimate."""

from __future__ import annotations

import warnings

import numpy as np

from physim.observables import MOMENTS, PAIR
from physim.schemes import SCHEMES


class NonFiniteError(ArithmeticError):
    """Too many trajectories left the finite numbers."""


def moments_of(nodes, count):
    """The moments (..., records, count, MOMENTS) in nodes (..., records, columns)."""
    return nodes[..., : count * MOMENTS].reshape(*nodes.shape[:-1], count, MOMENTS)


def finish_moments(node):
    """(n, mean, stderr of the mean, variance, stderr of the variance, min, max) of moments of shape (..., MOMENTS).

    var = M2/(n-1);  se(mean)^2 = var/n;  se(var)^2 = (M4/n - var^2 (n-3)/(n-1))/n.  nan where n < 2.
    """
    n, mean, m2, m4, low, high = (node[..., q] for q in (0, 1, 2, 4, 5, 6))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        variance = np.where(n > 1, m2 / (n - 1), np.nan)
        spread = np.maximum(m4 / n - variance**2 * (n - 3) / (n - 1), 0.0)
        some = n > 0
        mean, low, high = (np.where(some, value, np.nan) for value in (mean, low, high))
        return n, mean, np.sqrt(variance / n), variance, np.sqrt(spread / n), low, high


def finish_pair(node, count, j, k):
    """(covariance, stderr) of the observables j < k of a node: M11/(n - 1) and sqrt((M22/n - cov^2)/n)."""
    at = count * MOMENTS + PAIR * (k * (k - 1) // 2 + j)
    n = node[..., j * MOMENTS]
    with np.errstate(divide="ignore", invalid="ignore"):
        covariance = np.where(n > 1, node[..., at] / (n - 1), np.nan)
        return covariance, np.sqrt(np.maximum(node[..., at + 3] / n - covariance**2, 0.0) / n)


def finish_histogram(counts, n):
    """(fraction, stderr) of counts out of n; the error of (count + 1)/(n + 2), so that an empty bin has one too."""
    with np.errstate(divide="ignore", invalid="ignore"):
        guess = (counts + 1) / (n + 2)
        return counts / n, np.sqrt(guess * (1 - guess) / n)


def finish_rms(node):
    """(root mean square, its stderr) about zero, of moments of shape (..., MOMENTS); delta method on E[d^2]."""
    n, mean, m2, m3, m4 = (node[..., q] for q in range(5))
    with np.errstate(divide="ignore", invalid="ignore"):
        second = m2 / n + mean**2
        fourth = m4 / n + 4 * mean * m3 / n + 6 * mean**2 * m2 / n + mean**4
        rms = np.sqrt(second)
        return rms, np.sqrt(np.maximum(fourth - second**2, 0.0) / n) / (2 * rms)


def dataset(plan, collected, wall):
    """The Dataset of a finished run: `collected` has nodes (batches), their merged node, counts and paths."""
    import xarray as xr

    from physim.store import provenance

    times = plan.times[plan.record_at]
    n = moments_of(collected.node, plan.outputs)[:, 0, 0]
    variables = {**_moments(plan, collected.node), "count": ("time", n.astype(np.int64))}
    coordinates = {"time": ("time", times, {"long_name": "forward process time"})}
    if plan.covariances:
        variables |= _covariances(plan, collected.node)
    for names, edges, counts in plan.split_counts(collected.counts):
        found, places = _histogram(names, edges, counts, n)
        variables, coordinates = variables | found, coordinates | places
    if plan.batches > 1:
        variables |= _batches(plan, np.stack(collected.nodes))
    if plan.keep_paths:
        dims = ("time", "coordinate", "trajectory")
        if plan.kind in ("centres", "spins"):
            variables["paths"] = (dims, collected.paths[:, 0].transpose(0, 2, 1))
        elif plan.kind == "sites":
            variables["paths"] = ((*dims, "site"), collected.paths)
        else:
            variables["paths"] = (dims, collected.paths[..., 0])
            coordinates["coordinate"] = [str(s) for s in plan.dynamics.state]
    _report_lost(plan, n, times)
    return xr.Dataset(variables, coordinates, {"provenance": provenance({**plan.facts(), "wall_seconds": wall})})


def _moments(plan, node):
    moments = moments_of(node, plan.outputs)
    _, mean, mean_se, var, var_se, low, high = finish_moments(moments)
    parts = {"mean": mean, "mean_stderr": mean_se, "var": var, "var_stderr": var_se, "min": low, "max": high}
    variables = {}
    for k, name in enumerate(plan.observe):
        column = plan.stride * k
        for suffix, values in parts.items():
            variables[f"{name}_{suffix}"] = ("time", values[:, column])
        if plan.stride == 2:
            gain = 1 - 2.0 ** (SCHEMES[plan.scheme].orders(plan.dynamics.noise_class)[1] or 1)
            variables[f"{name}_mean_bias"] = ("time", mean[:, column + 1] / gain)
            variables[f"{name}_mean_bias_stderr"] = ("time", mean_se[:, column + 1] / abs(gain))
            rms, rms_se = finish_rms(moments[:, column + 1])
            variables[f"{name}_step_rms"] = ("time", rms)
            variables[f"{name}_step_rms_stderr"] = ("time", rms_se)
    return variables


def _covariances(plan, node):
    names, variables = list(plan.observe), {}
    for k in range(len(names)):
        for j in range(k):
            value, stderr = finish_pair(node, plan.outputs, plan.stride * j, plan.stride * k)
            variables[f"{names[j]}_{names[k]}_cov"] = ("time", value)
            variables[f"{names[j]}_{names[k]}_cov_stderr"] = ("time", stderr)
    return variables


def _histogram(names, edges, counts, n):
    """Density over the bins, with its standard error, and the share that fell outside."""
    stem = "_".join(names)
    inside = counts[(slice(None), *[slice(1, -1)] * len(edges))]
    n = n.reshape(-1, *[1] * len(edges))
    widths = np.diff(edges[0]) if len(edges) == 1 else np.diff(edges[0])[:, None] * np.diff(edges[1])
    fraction, stderr = finish_histogram(inside, n)
    axes = tuple(range(1, inside.ndim))
    dims = [f"{stem}_bin"] if len(edges) == 1 else [f"{stem}_{name}_bin" for name in names]
    variables = {
        f"{stem}_density": (("time", *dims), fraction / widths),
        f"{stem}_density_stderr": (("time", *dims), stderr / widths),
        f"{stem}_outside": ("time", 1 - fraction.sum(axis=axes)),
    }
    places = {}
    for dim, edge in zip(dims, edges, strict=True):
        places[dim] = (edge[1:] + edge[:-1]) / 2
        places[f"{dim}_low"], places[f"{dim}_high"] = (dim, edge[:-1]), (dim, edge[1:])
    return variables, places


def _batches(plan, nodes):
    _, mean, _, var, _, _, _ = finish_moments(moments_of(nodes, plan.outputs))
    variables = {}
    for k, name in enumerate(plan.observe):
        variables[f"{name}_batch_mean"] = (("batch", "time"), mean[:, :, plan.stride * k])
        variables[f"{name}_batch_var"] = (("batch", "time"), var[:, :, plan.stride * k])
    return variables


def _report_lost(plan, counts, times):
    lost = plan.trajectories - int(counts[-1])
    if lost == 0:
        return
    when = times[int(np.argmax(counts < plan.trajectories))]
    text = (
        f"{lost} of {plan.trajectories} trajectories stopped being finite, the first by t = {when:.6g}"
        f" (parameters {plan.values}); they are left out of the averages from then on"
    )
    if lost > plan.lost_fraction * plan.trajectories:
        raise NonFiniteError(f"{text}; allowed is a fraction of {plan.lost_fraction:g}")
    warnings.warn(text, stacklevel=4)
