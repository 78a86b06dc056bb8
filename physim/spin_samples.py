r"""Exact draws of mean-field sites at finite N: of the data, and of the data given x_t.

    M among the nodes with their probabilities (`physim.spin_scores`), then each site by itself from
    p(s|M, x_i) ~ w(s) exp(beta (J M + h) . phi(s) + (alpha x_i . d(s) - alpha^2 |d(s)|^2/2)/sigma^2)

Discrete sites by their distribution function.  Unit vectors have the density exp(v . s), v = beta (J M + h) +
alpha x_i/sigma^2: n = 3 by the inverse distribution function of the cosine, n = 2 by rejection (Best & Fisher 1979, as
in numpy).  A posterior draw is what a perfect reverse SDE started at x_t would generate.
"""

from __future__ import annotations

import numpy as np

from physim.checks import whole
from physim.spin_scores import SPACING, check_cost, check_fields, checked_labels, field_posterior, prepared


def data_samples(diffusion, sites: int, samples: int, seed: int, parameters=None, labels=None) -> np.ndarray:
    """Exact draws of the data, N sites of a mean-field model.

    Parameters
    ----------
    diffusion, parameters, labels : as in `physim.spin_scores.posterior_means`.  sites : N.  samples : how many.
    seed : whole number; numpy's Philox.

    Returns
    -------
    array (samples, N): int8 values of discrete sites (Potts: colours 1 .. q), or (samples, N, n) unit vectors.

    Raises
    ------
    ValueError as `posterior_means`, or for sites or samples below one.
    """
    from physim.kernels.sites import site_numbers

    whole("sites", sites, 1)
    whole("samples", samples, 1)
    check_fields(diffusion)
    numbers = site_numbers(diffusion, None, parameters)
    labels = checked_labels(numbers, labels, sites)
    check_cost(numbers, sites)
    blind = np.zeros((sites, numbers.coordinates))
    return _drawn(diffusion, numbers, blind, labels, samples, _generator(seed), parameters)


def posterior_samples(diffusion, x, time: float, samples: int, seed: int, parameters=None, labels=None) -> np.ndarray:
    """Exact draws of the data given x_t: what a perfect reverse SDE started at x would generate.

    Parameters
    ----------
    diffusion, x, time, parameters, labels : as in `physim.spin_scores.posterior_means`.  samples : draws for each x.
    seed : whole number; numpy's Philox.

    Returns
    -------
    array (samples, batch, N) of int8 values of discrete sites (spins +1 and -1, colours 1 .. q), or
    (samples, batch, N, n) unit vectors.

    Raises
    ------
    ValueError as `posterior_means`.
    """
    numbers, x, _, labels = prepared(diffusion, x, time, parameters, SPACING, labels)
    generator = _generator(seed)
    rows = [_drawn(diffusion, numbers, row, labels, samples, generator, parameters) for row in x]
    return np.stack(rows, axis=1)


def embedded(diffusion, values) -> np.ndarray:
    """d(s): the numbers that are noised, of discrete values (..., N) as drawn; (..., N, d), or (..., N) where d = 1.

    Unit vectors are their own numbers.  Potts: the indicators of the q colours.
    """
    from physim.kernels.sites import site_embedding

    values = np.asarray(values)
    table = site_embedding(diffusion)
    if table is None:
        return values.astype(float)
    levels, coordinates = table
    order = np.argsort(levels)
    found = coordinates[order][np.searchsorted(levels[order], values)]
    return found[..., 0] if found.shape[-1] == 1 else found


def balanced_labels(model, sites: int) -> np.ndarray:
    """(N, labels): every quenched label equally often, one after the other (Hopfield: N a multiple of 2^P).

    Raises ValueError for a model without discrete labels of equal weight, or an N that is no multiple of their number.
    """
    law = getattr(model, "quenched", None)
    if law is None or not hasattr(law, "values") or len(set(law.log_weights)) > 1:
        raise ValueError(f"model: {type(model).__name__} has no discrete labels of equal weight; draw the labels")
    columns = np.array(law.values, dtype=float)
    if sites % len(columns):
        raise ValueError(f"sites: {sites} is not a multiple of {len(columns)}, the number of labels")
    return np.repeat(columns, sites // len(columns), axis=0)


def _generator(seed):
    return np.random.Generator(np.random.Philox(seed))


def _drawn(diffusion, numbers, x, labels, samples, generator, parameters):
    """Draws (samples, N) or (samples, N, n) for one x (N, d)."""
    nodes, weights = field_posterior(numbers, x, SPACING, labels)
    fields = nodes[generator.choice(len(nodes), size=samples, p=weights)]
    if numbers.entries is None:
        return _unit_vectors(numbers, x, fields, diffusion, generator, parameters)
    logs = np.stack(np.broadcast_arrays(*numbers.entries(*fields.T[:, :, None], *x.T, *labels.T)))
    share = np.exp(logs - logs.max(axis=0))
    below = np.cumsum(share, axis=0) / share.sum(axis=0)
    chosen = (generator.random(below.shape[1:]) > below[:-1]).sum(axis=0)
    return numbers.values[chosen].astype(np.int8)


def _unit_vectors(numbers, x, fields, diffusion, generator, parameters):
    from physim.kernels.sites import external_fields

    tilt = numbers.stiffness * fields + external_fields(diffusion, parameters)
    vectors = tilt[:, None] + numbers.alpha * x / numbers.sigma**2
    strength = np.linalg.norm(vectors, axis=-1)
    if vectors.shape[-1] == 2:
        angle = generator.vonmises(np.arctan2(vectors[..., 1], vectors[..., 0]), strength)
        return np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return _on_sphere(vectors, strength, generator)


def _on_sphere(vectors, strength, generator):
    """Unit vectors of R^3 with density exp(v . s)."""
    u, turn = generator.random(strength.shape), 2 * np.pi * generator.random(strength.shape)
    safe = np.maximum(strength, 1e-12)
    cosine = np.clip(1 + np.log(u + (1 - u) * np.exp(-2 * safe)) / safe, -1, 1)
    axis = vectors / safe[..., None]
    axis[strength < 1e-12] = (0.0, 0.0, 1.0)
    helper = np.where(np.abs(axis[..., 2:]) < 0.9, (0.0, 0.0, 1.0), (1.0, 0.0, 0.0))
    first = np.cross(axis, helper)
    first /= np.linalg.norm(first, axis=-1, keepdims=True)
    second, sine = np.cross(axis, first), np.sqrt(1 - cosine**2)
    across = np.cos(turn)[..., None] * first + np.sin(turn)[..., None] * second
    return cosine[..., None] * axis + sine[..., None] * across
