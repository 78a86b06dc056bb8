r"""Exact expectations under p_t in up to three coordinates.

    E[phi(x_t)] = sum_k w_k int phi(m_k + L_k z) N(z; 0, I) dz

Each normal component is integrated by the trapezoidal rule on [-12, 12]^d in its own standardised coordinates, which
converges exponentially for smooth integrands; nodes are doubled until two successive values agree.  The difference
of the last two is the stated error (the true one is far smaller).  The integral over a radial coordinate r = |y|,
y in R^n, is over log r, which is exponential too for any n: under the law of chi_n for N(0, s^2 I), else under the
model's own density, int phi exp(l_k) S_n r^n d(log r).
More coordinates are averaged over exact draws of x_t, with standard errors (`sampled`).
"""

from __future__ import annotations

import numpy as np

from physim.kernels.scalars import compiled, law_at, radial_at

REACH = 12.0
NODES = {1: (128, 8192), 2: (64, 1024), 3: (48, 256)}
BLOCK = 1 << 21  # nodes evaluated at once
NORMAL = -np.log(2 * np.pi) / 2
SMALLEST = np.log(1e-40)  # of the standard normal weights that are kept


class QuadratureError(ArithmeticError):
    """The nodes allowed did not reach the tolerance."""


def expectations(diffusion, quantities: dict, times, parameters=None, tolerance: float = 1e-10):
    """E[quantity(x_t, t)] under p_t for several expressions at several times.

    Parameters
    ----------
    diffusion : analytic Diffusion with at most three coordinates.
    quantities : dict from name to expression in its state, t and parameters.
    times : array of forward times.  parameters : dict from symbol (or name) to number.
    tolerance : wanted error, relative to the mean absolute value of each integrand (absolute below 1e-200).

    Returns
    -------
    xarray.Dataset over `time` with `name` and `name_error` for each quantity.

    Raises
    ------
    ValueError for more than three coordinates (use `sampled` instead) or missing parameters; QuadratureError when
    the tolerance is not reached.
    """
    dim = len(diffusion.state)
    if dim not in NODES:
        raise ValueError(f"diffusion: {dim} coordinates; quadrature serves up to 3, use quadrature.sampled or simulate")
    call, law, given, tail = _prepared(diffusion, quantities, parameters)
    times = np.atleast_1d(np.asarray(times, dtype=float))
    values, errors = np.empty((len(quantities), len(times))), np.empty((len(quantities), len(times)))
    for i, time in enumerate(times):
        at = law_at(law, diffusion.forward().time, float(time), given)
        rule = _Rule(call, at, radial_at(law, given), _off_centre(law), [float(time), *tail], len(quantities))
        values[:, i], errors[:, i] = _refined(rule, dim, tolerance)
    return _dataset(quantities, times, values, errors, "error")


def sampled(diffusion, quantities: dict, times, parameters=None, *, samples: int = 100_000, seed: int = 0):
    """E[quantity(x_t, t)] from exact draws of x_t, in any number of coordinates.

    Parameters
    ----------
    As `expectations`; samples : draws at each time, at least 2.  seed : whole number; draws at different times are
    independent.

    Returns
    -------
    xarray.Dataset over `time` with `name` and `name_stderr` for each quantity.
    """
    from physim.kernels import sampler

    if isinstance(samples, bool) or not isinstance(samples, int | np.integer) or samples < 2:
        raise ValueError(f"samples: {samples!r} given; a whole number of at least 2 is needed")
    call, law, given, tail = _prepared(diffusion, quantities, parameters, density=False)
    times = np.atleast_1d(np.asarray(times, dtype=float))
    values, errors = np.empty((len(quantities), len(times))), np.empty((len(quantities), len(times)))
    keys = np.uint64(seed & 0xFFFFFFFF), np.uint64(seed >> 32)
    for i, time in enumerate(times):
        at = law_at(law, diffusion.forward().time, float(time), given)
        x = sampler.normals(at, i * samples, samples, *keys, 0, radial_at(law, given))
        phi = np.stack(call(*x, float(time), *tail))
        values[:, i], errors[:, i] = phi.mean(axis=1), phi.std(axis=1, ddof=1) / np.sqrt(samples)
    return _dataset(quantities, times, values, errors, "stderr")


def posterior_expectations(diffusion, quantities: dict, states, time, parameters=None, tolerance: float = 1e-10):
    """E[quantity(x_0) | x_t = x] for several expressions at several states x and one time.

    Parameters
    ----------
    diffusion : analytic Diffusion of a mixture of normals with at most three coordinates.
    quantities : dict from name to expression in `analytic.information.data_symbols(diffusion)` and parameters.
    states : array of shape (n, d).  time : forward time.  parameters, tolerance : as in `expectations`.

    Returns
    -------
    dict from name to an array of n values.
    """
    from analytic.information import data_symbols, posterior_law

    states, dim = np.atleast_2d(np.asarray(states, dtype=float)), len(diffusion.state)
    if dim not in NODES or states.shape[1] != dim:
        raise ValueError(f"states: shape {states.shape} given; (n, {dim}) with at most 3 coordinates is needed")
    given = {str(k): float(v) for k, v in (parameters or {}).items()}
    law, count = posterior_law(diffusion), len(diffusion.class_posterior)
    pieces = [*law.weights, *(m for row in law.means for m in row), *(e for c in law.covariances for e in c)]
    clock = diffusion.forward().time
    letters = sorted({s for e in pieces for s in e.free_symbols} - set(diffusion.state) - {clock}, key=str)
    known = [given[str(s)] for s in letters]
    values = np.stack(compiled(pieces, *diffusion.state, clock, *letters)(*states.T, time, *known))
    weights, means = values[:count], values[count : count + count * dim].reshape(count, dim, -1)
    factors = _roots(values[count + count * dim :].reshape(count, dim, dim, -1))
    y = data_symbols(diffusion)
    others = sorted({s for e in quantities.values() for s in e.free_symbols} - set(y), key=str)
    call = compiled(list(quantities.values()), *y, *others)
    tail = [float(time), *(given[str(s)] for s in others)]
    rule = _Posterior(call, (weights, means, factors), (0.0,) * dim, False, tail, len(quantities))
    return dict(zip(quantities, _refined(rule, dim, tolerance)[0], strict=True))


def _roots(covariances):
    """Lower Cholesky factors of (K, d, d, n) matrices; zero matrices (points) stay zero."""
    moved = np.moveaxis(covariances, -1, 1)
    factors = np.zeros_like(moved)
    for k, matrices in enumerate(moved):
        if np.any(matrices):
            factors[k] = np.linalg.cholesky(matrices)
    return np.moveaxis(factors, 1, -1)


def _prepared(diffusion, quantities, parameters, density=True):
    """The compiled integrands (with the log-densities of the classes where a coordinate is radial) and the law."""
    given = {str(k): float(v) for k, v in (parameters or {}).items()}
    forward = diffusion.forward()
    exprs = list(quantities.values())
    if density and _off_centre(forward.initial):
        exprs += list(diffusion.log_components)
    letters = {s for e in exprs for s in e.free_symbols} - set(diffusion.state) - {forward.time}
    missing = sorted(str(s) for s in letters if str(s) not in given)
    if missing:
        raise ValueError(f"parameters: no value for {', '.join(missing)}")
    letters = sorted(letters, key=str)
    call = compiled(exprs, *diffusion.state, forward.time, *letters)
    return call, forward.initial, given, [given[str(s)] for s in letters]


def _off_centre(law):
    """Whether a radial coordinate has a mean: its law has no closed form then, and the density is needed."""
    return any(n != 0 and m != 0 for row in law.means for m, n in zip(row, law.radial, strict=bool(law.radial)))


def _dataset(quantities, times, values, errors, word):
    import xarray as xr

    data = {}
    for k, name in enumerate(quantities):
        data[name], data[f"{name}_{word}"] = ("time", values[k]), ("time", errors[k])
    return xr.Dataset(data, {"time": times})


def _refined(rule, dim, tolerance):
    nodes, most = NODES[dim]
    previous = None
    while nodes <= most:
        value, size = rule.sums(nodes)
        if previous is not None:
            error = np.abs(value - previous)
            if np.all(error <= tolerance * np.maximum(size, 1e-200)):
                return value, error
        previous, nodes = value, 2 * nodes
    raise QuadratureError(
        f"tolerance: {tolerance:g} not reached at t = {rule.tail[0]:g} with {most} nodes; error {error.max():.2g}"
    )


class _Rule:
    """The trapezoidal sums of some integrands under a mixture of normals at one time."""

    def __init__(self, call, law, radial, density, tail, count):
        self.call, self.law, self.tail, self.count, self.density = call, law, tail, count, density
        self.radial = radial or (0.0,) * law[1].shape[1]

    def sums(self, nodes):
        """E[phi] and E[|phi|] of every integrand with nodes + 1 points an axis."""
        total, size = 0.0, 0.0
        for k, (w, mean, factor) in enumerate(zip(*self.law, strict=True)):
            axes = [self._axis(nodes, mean[i], factor[i, i], n) for i, n in enumerate(self.radial)]
            points, mass = _product(axes, -np.inf if self.density else SMALLEST)
            for start in range(0, len(mass), BLOCK):
                z, m = points[:, start : start + BLOCK], mass[start : start + BLOCK]
                x = z if self.density else mean[:, None] + factor @ z
                phi = np.stack(self.call(*x, *self.tail))
                weight = np.exp(phi[self.count + k] + m) if self.density else w * np.exp(m)
                total = total + phi[: self.count] @ weight
                size = size + np.abs(phi[: self.count]) @ weight
        return total, size

    def _axis(self, nodes, mean, deviation, n):
        """Points and logarithms of the weights of one axis: standardised, or with a density the coordinate itself."""
        z = np.linspace(-REACH, REACH, nodes + 1)
        step = np.log(z[1] - z[0])
        if n == 0:
            return (mean + deviation * z, step + np.log(deviation)) if self.density else (z, step + NORMAL - z**2 / 2)
        size = np.sqrt(n) if not self.density else np.hypot(mean / deviation, np.sqrt(n))
        low = max(np.log(max(1 - REACH / size, 1e-300)), -92 / n - np.log(size))
        u = np.linspace(low, np.log1p(REACH / size), nodes + 1)
        step, r = np.log(u[1] - u[0]), size * np.exp(u)
        if not self.density:  # chi_n, u = log(r/sqrt(n))
            return r, step + n * (u - np.expm1(2 * u) / 2) + _log_chi(n)
        return deviation * r, step + n * (u + np.log(size * deviation)) + _log_surface(n)


class _Posterior(_Rule):
    """The same for x_0 given many x_t: the mixtures (weights, means, factors) have a last axis of states."""

    def sums(self, nodes):
        """E[phi | x_t] and E[|phi| | x_t] of every integrand at every state."""
        points, mass = _product([self._axis(nodes, 0.0, 1.0, 0)] * len(self.radial), SMALLEST)
        total, size, mass = 0.0, 0.0, np.exp(mass)
        for w, mean, factor in zip(*self.law, strict=True):
            at = mean[:, :, None] + np.einsum("ijn,jz->inz", factor, points)
            phi = np.stack(self.call(*at, *self.tail[1:]))
            total, size = total + w * (phi @ mass), size + w * (np.abs(phi) @ mass)
        return total, size


def _log_chi(n):
    """log of the density of log(chi_n) at chi_n = sqrt(n)."""
    from scipy.special import gammaln

    if n < 400:
        return np.log(2) + n / 2 * (np.log(n / 2) - 1) - gammaln(n / 2)
    return np.log(n / np.pi) / 2 - (1 - 2 / (15 * n**2)) / (6 * n)


def _log_surface(n):
    """log of the area of the unit sphere of R^n."""
    from scipy.special import gammaln

    return np.log(2) + n / 2 * np.log(np.pi) - gammaln(n / 2)


def _product(axes, smallest):
    """The points (d, N) of the product of some axes and the logarithms of their weights, the smallest left out."""
    points = np.stack([g.ravel() for g in np.meshgrid(*(points for points, _ in axes), indexing="ij")])
    mass = sum(np.meshgrid(*(mass for _, mass in axes), indexing="ij")).ravel()
    kept = mass > smallest
    return points[:, kept], mass[kept]
