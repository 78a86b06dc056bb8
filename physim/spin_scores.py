r"""The exact score of diffused mean-field spins at finite N, and exact draws from their posterior.

    E[s_i|x] = sum_j p_j E[s|M_j, x_i],      p_j ~ exp(A(M_j)),   A(M) = -N beta J M^2/2 + sum_i z(M, x_i)
    s_i = (alpha E[s_i|x] - x_i)/sigma^2

Nodes M_j = j c/sqrt(N beta J): the trapezoidal rule has the relative error exp(-2 pi^2/c^2), 1e-24 for the default
c = 0.6.  Kept are all nodes where exp(A) may reach exp(-40) of its maximum.  They are found from a coarse grid by
halving: between two nodes A exceeds the larger of them by at most N beta J d^2/8, since A'' >= -N beta J.  All maxima
are found, however many there are.  Cost: N times the number of nodes, about 30 per maximum, N^{1/4} more at
criticality.  A draw of M among the nodes and then of each spin from its own posterior is an exact posterior sample.
"""

from __future__ import annotations

import numpy as np

SPACING = 0.6
DROP = 40.0  # of log weight
BLOCK = 1 << 19  # elements of one array


def posterior_means(diffusion, x, time: float, parameters=None, spacing: float = SPACING) -> np.ndarray:
    """E[s_i | x] of every site, exact at finite N.

    Parameters
    ----------
    diffusion : `Diffusion(CurieWeiss(...), process)`, or another discrete model coupled through its mean.
    x : array (N,) or (batch, N) of x_t.  time : forward time t > 0.
    parameters : dict from symbol (or name) to number.  spacing : c of the module, at most 1.

    Returns
    -------
    array like x.  Error: exp(-2 pi^2/c^2) of the quadrature, rounding of sums over N.

    Raises
    ------
    ValueError for a time outside the span, a bad shape, or a spacing above 1.
    """
    x, shape, numbers = _prepared(diffusion, x, time, parameters, spacing)
    out = np.empty_like(x)
    for row, values in zip(out, x, strict=True):
        nodes, weights = field_posterior(numbers, values, spacing)
        row[:] = _site_means(numbers, values, nodes) @ weights
    return out.reshape(shape)


def scores(diffusion, x, time: float, parameters=None, spacing: float = SPACING) -> np.ndarray:
    """The score grad log p_t(x), exact at finite N; arguments and errors of `posterior_means`."""
    x, shape, numbers = _prepared(diffusion, x, time, parameters, spacing)
    means = posterior_means(diffusion, x, time, parameters, spacing)
    return ((numbers.alpha * means - x) / numbers.sigma**2).reshape(shape)


def posterior_samples(diffusion, x, time: float, samples: int, seed: int, parameters=None) -> np.ndarray:
    """Exact draws of two-valued spins given x_t: what a perfect reverse SDE started at x would generate.

    Returns
    -------
    array (samples, batch, N) of int8 for spins +1 and -1, from numpy's Philox keyed by the seed.

    Raises
    ------
    ValueError for sites of more than two values, and as `posterior_means`.
    """
    x, _, numbers = _prepared(diffusion, x, time, parameters, SPACING)
    if len(diffusion.model.measure.values) != 2:
        raise ValueError("model: posterior samples are drawn of two-valued sites")
    generator = np.random.Generator(np.random.Philox(seed))
    out = np.empty((samples, *x.shape), dtype=np.int8)
    for k, values in enumerate(x):
        nodes, weights = field_posterior(numbers, values, SPACING)
        fields = generator.choice(nodes, size=samples, p=weights)
        up = (_site_means(numbers, values, fields).T - numbers.low) / (numbers.high - numbers.low)
        out[:, k] = np.where(generator.random(up.shape) < up, numbers.high, numbers.low)
    return out


def field_posterior(numbers, x, spacing: float = SPACING):
    """Nodes of M and their probabilities given the x of one configuration (N,)."""
    count = len(x)
    width = 1 / np.sqrt(count * numbers.stiffness)
    low, high = numbers.low - 10 * width, numbers.high + 10 * width
    halvings = max(0, int(np.ceil(np.log2((high - low) / (64 * spacing * width)))))
    final = spacing * width
    index = np.arange(np.floor(low / final), np.ceil(high / final) + 1, 2**halvings, dtype=np.int64)
    action = _action(numbers, x, index * final)
    for level in range(halvings, 0, -1):
        step = 2 ** (level - 1)
        reach = np.maximum(action[1:], action[:-1]) + (2 * step * final / width) ** 2 / 8
        open_ = (reach > action.max() - DROP) & (np.diff(index) == 2 * step)
        middle = index[:-1][open_] + step
        kept = np.zeros(len(index), dtype=bool)
        kept[:-1] |= open_
        kept[1:] |= open_
        index = np.concatenate([index[kept], middle])
        action = np.concatenate([action[kept], _action(numbers, x, middle * final)])
        order = np.argsort(index)
        index, action = index[order], action[order]
    weights = np.exp(action - action.max())
    kept = weights > np.exp(-DROP)
    return index[kept] * final, weights[kept] / weights[kept].sum()


def _action(numbers, x, nodes):
    sums = np.concatenate([numbers.log_partition(m[:, None], x).sum(axis=1) for m in _blocks(nodes, len(x))])
    return sums - len(x) * numbers.stiffness * nodes**2 / 2


def _site_means(numbers, x, nodes):
    """E[s_i|M_j, x_i], (N, nodes)."""
    return np.concatenate([numbers.mean(m, x[:, None]) for m in _blocks(nodes, len(x))], axis=1)


def _blocks(nodes, count):
    size = max(1, BLOCK // count)
    return [nodes[k : k + size] for k in range(0, len(nodes), size)] or [nodes]


def _prepared(diffusion, x, time, parameters, spacing):
    from physim.kernels.sites import site_numbers

    numbers = site_numbers(diffusion, time, parameters)
    if not 0 < spacing <= 1:
        raise ValueError(f"spacing: {spacing!r} is not in (0, 1]; the quadrature error is exp(-2 pi^2/spacing^2)")
    x = np.asarray(x, dtype=float)
    if x.ndim not in (1, 2) or x.size == 0 or not np.all(np.isfinite(x)):
        raise ValueError(f"x: a finite array (N,) or (batch, N) is needed, not shape {x.shape}")
    return np.atleast_2d(x), x.shape, numbers
