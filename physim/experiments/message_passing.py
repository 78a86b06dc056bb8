r"""Approximate message passing on planted 3-spin instances with side information, against state evolution.

    u^{t+1} = snr s_0 + sqrt(snr) z + beta^2 (3/2) q_0^2 s_0 + beta grad H(m^t) - 3 beta^2 q_t r_t m^{t-1}
    m^{t+1} = denoiser(u),   q_0 = s_0 . m^t/N,   q_t = m^t . m^{t-1}/N,   r_t = its mean slope at m^t

started without information (m = 0) or at the planted configuration (m = s_0); overlap s_0 . m/N. The couplings are
those of `physim.gaussian_tensor`, so that N is a few thousand and not a few hundred: around a first-order transition
the finite-size effects of a few hundred spins are larger than the transition. State evolution is exact as N grows;
what is left is of order 1/N away from the spinodals and has no bound at them.

Source: Ghio, Dandi, Krzakala & Zdeborova 2023 (2308.14085); Richard & Montanari 2014 (1411.1076) for tensors.
"""

from __future__ import annotations

import warnings
from functools import lru_cache

import numpy as np

from physim.gaussian_tensor import GaussianTensor

LARGEST = 4.0  # gigabytes for the couplings of one instance
STARTS = ("uninformed", "planted")


def message_passing(
    model, temperature, snr, *, sites, instances, seed, starts=STARTS, iterations: int = 60, tolerance: float = 3e-5
):
    """Overlap that message passing reaches with the planted configuration, beside state evolution.

    Parameters
    ----------
    model : analytic PlantedPSpin with p = 3.  temperature, snr : numbers or arrays that broadcast to (points).
    sites : N.  instances : planted instances for each point and start, each with its own couplings and noise.
    seed : of NumPy's Philox generator, keyed by (seed, number of the run).  starts : of "uninformed", "planted".
    iterations, tolerance : it stops after `iterations`, or when the root mean square change of m is below `tolerance`.

    Returns
    -------
    xarray.Dataset over (`start`, `point`): overlap, self_overlap (|m|^2/N, the same on the Nishimori line), each with
    `_stderr` over instances; overlap_exact (state evolution after as many iterations) and overlap_z; overlap_limit, its
    fixed point, and steps_exact, the steps it takes until it moves by less than 1e-4 (many near spinodals, where
    finite-size effects are large); converged, the fraction of instances that met the tolerance, and iterations, their
    mean number; temperature, snr over `point`.

    Raises
    ------
    ValueError for another p, numbers out of range, fewer than two instances, an unknown start, or too much memory.

    Warns
    -----
    UserWarning when an instance did not converge; it stays in the average with its last overlap.
    """
    import xarray as xr
    from threadpoolctl import threadpool_limits

    from physim.store import provenance

    warm, strength = (np.ravel(a) for a in np.broadcast_arrays(np.asarray(temperature, float), np.asarray(snr, float)))
    starts = (starts,) if isinstance(starts, str) else tuple(starts)
    _check(model, warm, strength, sites, instances, starts, iterations)
    found = np.empty((len(starts), len(warm), instances, 4))
    with threadpool_limits(1, user_api="blas"):
        for run, (k, j, i) in enumerate(np.ndindex(found.shape[:3])):
            generator = np.random.Generator(np.random.Philox(key=[seed, run]))
            found[k, j, i] = _passed(model, warm[j], strength[j], sites, generator, starts[k], iterations, tolerance)
    mean, error = found.mean(axis=2), found.std(axis=2, ddof=1) / np.sqrt(instances)
    pairs = list(zip(warm, strength, strict=True))
    exact = np.array(
        [[_expected(state_evolution(model, *pair, start), iterations) for pair in pairs] for start in starts]
    )
    lost = int(np.sum(found[..., 2] == 0))
    if lost:
        text = f"{lost} of {found[..., 2].size} instances did not converge in {iterations} iterations; see `converged`"
        warnings.warn(text, stacklevel=2)
    dims = ("start", "point")
    columns = {"overlap": mean[..., 0], "overlap_stderr": error[..., 0], "overlap_exact": exact[..., 0]}
    columns |= {"overlap_z": (mean[..., 0] - exact[..., 0]) / error[..., 0]}
    columns |= {"self_overlap": mean[..., 1], "self_overlap_stderr": error[..., 1]}
    columns |= {"converged": mean[..., 2], "iterations": mean[..., 3]}
    columns |= {"overlap_limit": exact[..., 1], "steps_exact": exact[..., 2]}
    facts = {"dynamics": "message passing on planted couplings", "model": str(model), "sites": sites, "seed": seed}
    facts |= {"instances": instances, "tolerance": tolerance}
    return xr.Dataset(
        {name: (dims, values) for name, values in columns.items()}
        | {"temperature": ("point", warm), "snr": ("point", strength)},
        {"start": list(starts)},
        {"provenance": provenance(facts)},
    )


def state_evolution(model, temperature: float, snr: float, start: str = "uninformed", limit: int = 100_000):
    """The overlap after 0, 1, 2, ... steps of the iteration of the overlap alone, until it moves by less than 1e-13.

    Raises ArithmeticError when `limit` steps do not settle it (at a spinodal).
    """
    path, rate, mean = [float(start == "planted")], model.p / (2 * temperature**2), _numbers(model)[0]
    for _ in range(limit):
        path.append(float(mean(snr + rate * path[-1] ** (model.p - 1))))
        if abs(path[-1] - path[-2]) < 1e-13:
            return np.array(path)
    raise ArithmeticError(f"snr: {snr:g} at T = {temperature:g} is too near a spinodal; state evolution did not settle")


def _expected(path, iterations):
    """(overlap after some iterations, fixed point, steps until it moves by less than 1e-4)."""
    moving = np.flatnonzero(np.abs(np.diff(path)) >= 1e-4)
    return path[min(iterations, len(path) - 1)], path[-1], moving[-1] + 1 if len(moving) else 0


@lru_cache(maxsize=16)
def _numbers(model):
    """q(h), and posterior mean and variance of a site, as functions of arrays."""
    from analytic.mean_field.planted_p_spin import h, u
    from physim.kernels.means import averaged
    from physim.kernels.scalars import compiled

    return averaged(model.overlap, h), compiled(list(model.denoiser), u, h)


def _passed(model, warm, snr, sites, generator, start, iterations, tolerance):
    """(overlap, |m|^2/N, converged, iterations) of one instance."""
    site, b, p = _numbers(model)[1], 1 / warm, model.p
    planted = generator.standard_normal(sites)
    planted = np.sign(planted) if model.spins == "ising" else planted * np.sqrt(sites) / np.linalg.norm(planted)
    told = snr * planted + np.sqrt(snr) * generator.standard_normal(sites)
    couplings = GaussianTensor(sites, generator)
    old, response, m = np.zeros(sites), 0.0, planted if start == "planted" else np.zeros(sites)
    for count in range(1, iterations + 1):
        field = told.copy()
        if m.any():
            along = planted @ m / sites
            field += b**2 * p / 2 * along ** (p - 1) * planted + b * couplings.gradient(m)
            field -= b**2 * p * (p - 1) / 2 * (m @ old / sites) ** (p - 2) * response * old
        strength = snr + b**2 * p / 2 * (m @ m / sites) ** (p - 1)
        moved, variance = site(field, strength)
        change = np.sqrt(np.mean((moved - m) ** 2))
        old, m, response = m, moved, variance.mean()
        if change < tolerance or count == iterations:
            break
    return planted @ m / sites, m @ m / sites, float(change < tolerance), count


def _check(model, warm, snr, sites, instances, starts, iterations):
    """One sentence for what cannot be done."""
    if getattr(model, "spins", None) is None or model.p != 3:
        raise ValueError(f"model: {model} given; a PlantedPSpin with p = 3 is needed (its couplings are drawn lazily)")
    if not (np.all(warm > 0) and np.all(np.isfinite(warm))):
        raise ValueError(f"temperature: {warm.min():g} ... {warm.max():g} given; positive numbers are needed")
    if not (np.all(snr >= 0) and np.all(np.isfinite(snr))):
        raise ValueError(f"snr: {snr.min():g} ... {snr.max():g} given; numbers of at least 0 are needed")
    for name, value, low in (("sites", sites, 2), ("instances", instances, 2), ("iterations", iterations, 1)):
        if isinstance(value, bool) or int(value) != value or value < low:
            raise ValueError(f"{name}: {value!r} given; a whole number of at least {low} is needed")
    if not starts or any(start not in STARTS for start in starts):
        raise ValueError(f"starts: {starts} given; allowed are {', '.join(STARTS)}")
    gigabytes = 8e-9 * sites * min(iterations + 2, sites) ** 2
    if gigabytes > LARGEST:
        raise ValueError(
            f"sites: {sites} with {iterations} iterations may need {gigabytes:.2g} GB; up to {LARGEST:g} are allowed"
        )
