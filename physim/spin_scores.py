r"""The exact score of diffused mean-field sites at finite N, by one integral over the field M for all of them.

    E[d(s_i)|x] = sum_j p_j E[d(s)|M_j, x_i],   p_j ~ exp(A(M_j)),   A(M) = -N beta J |M|^2/2 + sum_i z(M, x_i)
    score_i = (alpha E[d(s_i)|x] - x_i)/sigma^2

Nodes lie on a lattice of spacing c/sqrt(N beta J) in each of the k fields: the trapezoidal rule has the relative error
k exp(-2 pi^2/c^2), 1e-24 for the default c = 0.6.  Kept are all nodes where exp(A) may reach exp(-40) of its maximum.
They are found from coarse cells by halving: A + N beta J |M|^2/2 is convex, so that inside a cube of side d the value
of A exceeds that at its best corner by at most N beta J k d^2/8.  All maxima are found, however many there are.
Cost: N times the number of nodes, about 30 per maximum for one field, 700 for two and 10^4 for three.
"""

from __future__ import annotations

from itertools import product

import numpy as np

SPACING = 0.6
DROP = 40.0  # of log weight
START = {1: 64, 2: 24, 3: 10}  # cells per field that the search starts from
DIRECT = 40_000  # evaluations of a site below which a search costs more than it saves
COST = 1e11  # evaluations of a site


def posterior_means(diffusion, x, time: float, parameters=None, spacing: float = SPACING, labels=None) -> np.ndarray:
    """E[d(s_i) | x] of every site, exact at finite N.

    Parameters
    ----------
    diffusion : `Diffusion(model, process)` of a mean-field model with a quadratic energy, discrete sites or unit
        vectors, and at most three fields.
    x : array (N,) or (batch, N) of x_t; (N, d) or (batch, N, d) where a site has d > 1 coordinates.
    time : forward time t > 0.  parameters : dict from symbol (or name) to number.
    spacing : c of the module, at most 1.
    labels : (N, labels) quenched numbers of the sites (Hopfield: the bits of the patterns), where the model has them.

    Returns
    -------
    array like x.  Error: k exp(-2 pi^2/c^2) of the quadrature, rounding of sums over N.

    Raises
    ------
    ValueError for a time outside the span, a bad shape, a spacing above 1, or more than three fields.
    """
    numbers, x, shape, labels = prepared(diffusion, x, time, parameters, spacing, labels)
    return _means(numbers, x, spacing, labels).reshape(shape)


def scores(diffusion, x, time: float, parameters=None, spacing: float = SPACING, labels=None) -> np.ndarray:
    """The score grad log p_t(x), exact at finite N; arguments and errors of `posterior_means`."""
    numbers, x, shape, labels = prepared(diffusion, x, time, parameters, spacing, labels)
    return ((numbers.alpha * _means(numbers, x, spacing, labels) - x) / numbers.sigma**2).reshape(shape)


def _means(numbers, x, spacing, labels):
    out = np.empty_like(x)
    for row, values in zip(out, x, strict=True):
        nodes, weights = field_posterior(numbers, values, spacing, labels)
        row[:] = site_means(numbers, values, nodes, labels, weights)
    return out


def field_posterior(numbers, x, spacing: float = SPACING, labels=None):
    """Nodes of M (nodes, fields) and their probabilities given the x of one configuration (N, d)."""
    fields, width = numbers.fields, 1 / np.sqrt(len(x) * numbers.stiffness)
    step = spacing * width
    low, high = np.floor((numbers.low - 10 * width) / step), np.ceil((numbers.high + 10 * width) / step)
    side = 2 ** max(0, int(np.ceil(np.log2((high - low).max() / START[fields]))))
    side = 1 if np.prod(high - low) * len(x) < DIRECT else side  # few enough to look at every node
    corners = np.array(list(product((0, 1), repeat=fields)))
    axes = [np.arange(a, b, side, dtype=np.int64) for a, b in zip(low, high, strict=True)]
    cells = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=-1)
    known = _Lattice(numbers, x, labels, step, low.astype(np.int64), (high - low).astype(np.int64) + 2 * side)
    while side > 1:
        best = known.actions(cells[:, None] + side * corners).max(axis=1)
        reach = best + fields * (side * spacing) ** 2 / 8
        side //= 2
        cells = (cells[reach > known.action.max() - DROP][:, None] + side * corners).reshape(-1, fields)
    known.actions(cells[:, None] + corners if len(known.keys) else cells)
    weights = np.exp(known.action - known.action.max())
    kept = weights > np.exp(-DROP)
    return known.nodes(known.keys[kept]), weights[kept] / weights[kept].sum()


class _Lattice:
    """A(M) at points of a lattice, each computed once and kept in the order of their keys.

    It lies half a spacing off the origin: at M = 0 the mean of a unit vector without a field would be 0/0.
    """

    def __init__(self, numbers, x, labels, step, low, span):
        self.numbers, self.x, self.labels, self.step, self.low, self.span = numbers, x, labels, step, low, span
        self.keys, self.action = np.empty(0, np.int64), np.empty(0)

    def actions(self, index):
        """A at lattice points (..., fields)."""
        wanted = np.ravel_multi_index(np.moveaxis(index - self.low, -1, 0), self.span)
        new = np.setdiff1d(wanted, self.keys)
        keys = np.concatenate([self.keys, new])
        action = np.concatenate([self.action, _action(self.numbers, self.x, self.nodes(new), self.labels)])
        order = np.argsort(keys)
        self.keys, self.action = keys[order], action[order]
        return self.action[np.searchsorted(self.keys, wanted)]

    def nodes(self, keys):
        """M of the points with these keys, (points, fields)."""
        return (np.stack(np.unravel_index(keys, self.span), axis=-1) + self.low + 0.5) * self.step


def site_means(numbers, x, nodes, labels, weights):
    """sum_j p_j E[d(s_i)|M_j, x_i], (N, d)."""
    return numbers.means(np.concatenate([x, labels], axis=1), nodes, weights)


def _action(numbers, x, nodes, labels):
    sums = numbers.log_partition(nodes, np.concatenate([x, labels], axis=1), np.ones(len(x)))
    return sums[:, 0] - len(x) * numbers.stiffness * (nodes**2).sum(axis=1) / 2


def prepared(diffusion, x, time, parameters, spacing, labels):
    """Numbers, x as (batch, N, d), the shape given, labels as (N, labels); refused where they do not fit."""
    from physim.kernels.sites import site_numbers

    check_fields(diffusion)
    numbers = site_numbers(diffusion, time, parameters)
    if not 0 < spacing <= 1:
        raise ValueError(f"spacing: {spacing!r} is not in (0, 1]; the quadrature error is exp(-2 pi^2/spacing^2)")
    x = np.asarray(x, dtype=float)
    d = numbers.coordinates
    inner = x[..., None] if d == 1 else x
    if inner.ndim not in (2, 3) or inner.shape[-1] != d or x.size == 0 or not np.all(np.isfinite(x)):
        wanted = "(N,) or (batch, N)" if d == 1 else f"(N, {d}) or (batch, N, {d})"
        raise ValueError(f"x: a finite array {wanted} is needed, not shape {x.shape}")
    inner = inner if inner.ndim == 3 else inner[None]
    labels = checked_labels(numbers, labels, inner.shape[1])
    check_cost(numbers, inner.shape[1])
    return numbers, inner, x.shape, labels


def checked_labels(numbers, labels, sites):
    """Labels as (N, labels), (N, 0) where the model has none."""
    given = np.empty((sites, 0)) if labels is None else np.asarray(labels, dtype=float)
    given = given[:, None] if given.ndim == 1 else given
    if given.shape != (sites, numbers.labels) or not np.all(np.isfinite(given)):
        raise ValueError(
            f"labels: shape {None if labels is None else np.shape(labels)} given; finite numbers of shape "
            f"({sites}, {numbers.labels}) are needed, the quenched label of each site"
            if numbers.labels
            else f"labels: given for {sites} sites that have none; leave them out"
        )
    return given


def check_fields(diffusion):
    """ValueError beyond three fields."""
    fields = getattr(diffusion, "fields", ())
    if len(fields) > max(START):
        raise ValueError(
            f"model: {type(diffusion.model).__name__} has {len(fields)} fields; the integral over them is taken in one,"
            " two or three (the reduced law order_parameter(...) has no such bound)"
        )


def check_cost(numbers, sites):
    """ValueError where the search for the maxima would take hours."""
    fields = numbers.fields
    wide = (numbers.high - numbers.low).max() * np.sqrt(sites * numbers.stiffness) + 20
    needed = sites * (wide / np.sqrt(8 * DROP / fields)) ** fields
    if needed > COST:
        raise ValueError(
            f"x: {sites} sites in {fields} fields need some {needed:.0e} evaluations; up to {COST:.0e} are made"
        )
