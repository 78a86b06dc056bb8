r"""Clones of mean-field spins: data noised to a time, then several exact draws of the data given the same x_t.

    same(t) = E[a(s') . a(s'')],    kept(t) = E[a(s) . a(s')]        s data, s' and s'' independent draws given x_t
    a(s): the indicator of the phase whose direction lies nearest to the order phi(s); of O(n) spins, phi/|phi|

s and s' are exchangeable given x_t, so that both averages are one number: with phases, the probability phi that two
clones end in one phase (of a sphere of phases, the mean cosine of their angle).  The draws are those of
`physim.spin_samples`: what a perfect reverse SDE generates, at finite N.  Source: Biroli et al. 2024 (2402.18491).
"""

from __future__ import annotations

import numpy as np

from physim.checks import whole
from physim.experiments.common import result

BLOCK = 200  # configurations drawn at a time


def spin_clones(
    diffusion, sites: int, starts, *, trajectories: int, seed: int, clones: int = 2, parameters=None, labels=None
):
    """Overlap of clones, and of clones with the data, against the time at which they part.

    Parameters
    ----------
    diffusion : `Diffusion(model, process)` of a mean-field model, as in `physim.spin_scores.posterior_means`.
    sites : N.  starts : forward times.  trajectories : data configurations per time.  clones : of each, at least 2.
    seed : whole number; the k-th time takes seeds of its own.  parameters : dict from symbol (or name) to number.
    labels : (N, labels) quenched labels (None: every label equally often, where the model has any).

    Returns
    -------
    xarray.Dataset over `start`: same and kept with `_stderr`, and z, their difference in its own standard errors.

    Raises
    ------
    ValueError for fewer than two clones or trajectories, and as `posterior_means`.
    """
    from physim.kernels.sites import site_numbers
    from physim.spin_samples import balanced_labels

    whole("clones", clones, 2)
    whole("trajectories", trajectories, 2)
    starts = np.atleast_1d(np.asarray(starts, dtype=float))
    if labels is None and diffusion.labels:
        labels = balanced_labels(diffusion.model, sites)
    columns = {name: (np.empty(len(starts)), np.empty(len(starts))) for name in ("same", "kept", "difference")}
    for k, time in enumerate(starts):
        numbers = site_numbers(diffusion, float(time), parameters)
        pairs = np.concatenate(
            [
                _overlaps(diffusion, numbers, sites, float(time), count, (seed, k, block), clones, parameters, labels)
                for block, count in enumerate(_blocks(trajectories))
            ],
            axis=1,
        )
        for name, values in zip(columns, (*pairs, pairs[0] - pairs[1]), strict=True):
            columns[name][0][k], columns[name][1][k] = values.mean(), values.std(ddof=1) / np.sqrt(trajectories)
    difference, stderr = columns.pop("difference")
    with np.errstate(divide="ignore", invalid="ignore"):
        return result(starts, columns | {"z": difference / stderr})


def phase_vectors(diffusion, values, labels=None) -> np.ndarray:
    """a(s) of configurations (..., N) or (..., N, n): (..., phases) indicators, or (..., n) directions."""
    from physim.kernels.sites import order_of, phase_directions

    order = order_of(diffusion, values, labels)
    directions = phase_directions(diffusion)
    if directions is None:
        return order / np.linalg.norm(order, axis=-1, keepdims=True)
    return np.eye(len(directions))[np.argmax(order @ directions.T, axis=-1)]


def _overlaps(diffusion, numbers, sites, time, count, seed, clones, parameters, labels):
    """(same, kept) of every configuration, each averaged over its clones."""
    from physim.spin_samples import data_samples, embedded, posterior_samples

    draw, noise, again = np.random.SeedSequence(seed).generate_state(3, np.uint64)
    data = data_samples(diffusion, sites, count, int(draw), parameters, labels)
    clean = embedded(diffusion, data)
    generator = np.random.Generator(np.random.Philox(int(noise)))
    x = numbers.alpha * clean + numbers.sigma * generator.standard_normal(clean.shape)
    found = posterior_samples(diffusion, x, time, clones, int(again), parameters, labels)
    origin, ends = phase_vectors(diffusion, data, labels), phase_vectors(diffusion, found, labels)
    total = ends.sum(axis=0)
    square = (total**2).sum(axis=-1) - (ends**2).sum(axis=(0, -1))
    return np.stack([square / (clones * (clones - 1)), (origin * total).sum(axis=-1) / clones])


def _blocks(count):
    return [min(BLOCK, count - first) for first in range(0, count, BLOCK)]
