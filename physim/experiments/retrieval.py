r"""Retrieval: a Hopfield network of N spins and alpha N patterns, started at a pattern, against replica symmetry.

    H = -(1/2N) sum_{i != j} sum_mu xi_i^mu xi_j^mu s_i s_j,     m = (1/N) sum_i xi_i^1 s_i

Sequential heat bath (T = 0: zero-temperature dynamics until no spin turns).  Below the limit of retrieval the state
outlives any simulation once N is large; near it, and at T = 0, where replica symmetry is broken and retrieval ends at
alpha = 0.144 and not at 0.138, the replica-symmetric overlap is not exact.

Source: Amit, Gutfreund & Sompolinsky 1985, 1987.
"""

from __future__ import annotations

import numpy as np

LARGEST = 32_767  # patterns: their sums are 16-bit whole numbers


def retrieval(loads, temperature: float, *, sites: int, networks: int, seed: int, sweeps: int = 200, settle: int = 100):
    """Overlap with the pattern that the dynamics started at, beside the replica-symmetric one.

    Parameters
    ----------
    loads : values of alpha; P = round(alpha N) patterns, at least one.  temperature : T >= 0.  sites : N.
    networks : independent networks for each load.  seed : network k of load j is trajectory j networks + k.
    sweeps, settle : overlaps are averaged over `sweeps` sweeps after `settle`; at T = 0 it is the last state, reached
    within settle + sweeps sweeps.

    Returns
    -------
    xarray.Dataset over `load` (P/N): overlap, overlap_stderr over networks; overlap_exact, replica symmetric at the
    load (P - 1)/N of the other patterns (nan where there is no retrieval state), overlap_z; settled: at T = 0 the
    fraction of networks in which no spin turned in the last sweep, at T > 0 the drift of the overlap from the first to
    the second half, with settled_stderr.

    Raises
    ------
    ValueError for numbers out of range.
    """
    import xarray as xr

    from physim.store import provenance

    loads = np.atleast_1d(np.asarray(loads, dtype=float))
    _check(loads, temperature, sites, networks, sweeps, settle)
    patterns = np.maximum(1, np.round(loads * sites)).astype(int)
    found = np.empty((len(loads), networks, 2))
    for j, count in enumerate(patterns):
        for k in range(networks):
            found[j, k] = _network(count, temperature, sites, seed, j * networks + k, sweeps, settle)
    mean, error = found.mean(axis=1), found.std(axis=1, ddof=1) / np.sqrt(networks)
    exact = np.array([_replica((count - 1) / sites, temperature) for count in patterns])  # what disturbs one pattern
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (mean[:, 0] - exact) / error[:, 0]
    columns = {"overlap": mean[:, 0], "overlap_stderr": error[:, 0], "overlap_exact": exact, "overlap_z": z}
    columns |= {"settled": mean[:, 1], "settled_stderr": error[:, 1]}
    facts = {"dynamics": "heat bath of a Hopfield network", "sites": sites, "seed": seed, "networks": networks}
    facts |= {"temperature": temperature, "sweeps": sweeps, "settle": settle}
    return xr.Dataset(
        {name: ("load", values) for name, values in columns.items()} | {"patterns": ("load", patterns)},
        {"load": patterns / sites},
        {"provenance": provenance(facts)},
    )


def few_patterns(temperatures, *, patterns: int = 2, sites: int, trajectories: int, seed: int, sweeps: int = 60):
    """Squared overlaps sum_mu m_mu^2 of a network with few patterns, every column of bits equally often, and exactly.

    Parameters
    ----------
    temperatures : T > 0.  patterns : P from 1 to 6.  sites : N, a multiple of 2^P.  trajectories : chains for each T,
    started at the patterns in turn.  sweeps : of sequential heat bath.  seed : chain k of temperature j is trajectory
    j trajectories + k.

    Returns
    -------
    xarray.Dataset over `temperature`: m2, m2_stderr, m2_exact (`physim.finite_size`), m2_z.  By symmetry m2 is the same
    in the states of all patterns, so that chains need not cross between them.

    Raises
    ------
    ValueError for numbers out of range.
    """
    import xarray as xr

    from analytic import Hopfield
    from physim.finite_size import thermodynamics
    from physim.kernels import network
    from physim.store import provenance

    temperatures = np.atleast_1d(np.asarray(temperatures, dtype=float))
    if not np.all(temperatures > 0):
        raise ValueError(f"temperatures: {temperatures.min():g} ... given; positive numbers are needed")
    for name, value, low in (("trajectories", trajectories, 2), ("sweeps", sweeps, 1)):
        if isinstance(value, bool) or int(value) != value or value < low:
            raise ValueError(f"{name}: {value!r} given; a whole number of at least {low} is needed")
    exact = thermodynamics(Hopfield(patterns), sites, 1 / temperatures).m2.values[0]
    bits = (np.arange(sites) >> np.arange(patterns)[:, None]) & 1
    stored = (1 - 2 * bits).astype(np.int8)
    couplings = (stored.astype(np.int16).T @ stored.astype(np.int16)).astype(np.int16)
    np.fill_diagonal(couplings, 0)
    kernel, found = network.load(), np.empty((len(temperatures), trajectories))
    for j, k in np.ndindex(found.shape):
        keys = np.uint64(seed & 0xFFFFFFFF), np.uint64(seed >> 32), np.uint64(j * trajectories + k)
        spins = stored[k % patterns].copy()
        fields = couplings.astype(np.int64) @ spins
        kernel.heat_bath(couplings, spins, fields, stored[0], 1 / temperatures[j], *keys, 0, np.empty(sweeps))
        found[j, k] = np.sum((stored.astype(np.int64) @ spins) ** 2) / sites**2
    mean, error = found.mean(axis=1), found.std(axis=1, ddof=1) / np.sqrt(trajectories)
    columns = {"m2": mean, "m2_stderr": error, "m2_exact": exact, "m2_z": (mean - exact) / error}
    facts = {"dynamics": f"heat bath of {patterns} patterns", "sites": sites, "seed": seed, "sweeps": sweeps}
    return xr.Dataset(
        {name: ("temperature", values) for name, values in columns.items()},
        {"temperature": temperatures},
        {"provenance": provenance(facts | {"trajectories": trajectories})},
    )


def _network(count, temperature, sites, seed, number, sweeps, settle):
    """(overlap, settled) of one network."""
    from physim.kernels import network

    kernel = network.load()
    keys = np.uint64(seed & 0xFFFFFFFF), np.uint64(seed >> 32), np.uint64(number)
    patterns = np.empty((count, sites), np.int8)
    kernel.draw_patterns(patterns, *keys)
    wide = patterns.astype(np.float32)  # sums of +-1 are exact in it
    sums = wide.T @ wide
    np.fill_diagonal(sums, 0)
    spins = patterns[0].copy()
    couplings, fields = sums.astype(np.int16), (sums @ wide[0].astype(np.float64)).astype(np.int64)
    beta = 1 / temperature if temperature > 0 else -1.0
    start, overlaps = np.empty(settle), np.empty(sweeps)
    kernel.heat_bath(couplings, spins, fields, patterns[0], beta, *keys, 0, start)
    turned = kernel.heat_bath(couplings, spins, fields, patterns[0], beta, *keys, settle, overlaps)
    if temperature == 0:
        return overlaps[-1], float(turned == 0)
    half = sweeps // 2
    return overlaps.mean(), overlaps[half:].mean() - overlaps[:half].mean()


def _replica(load, temperature):
    from physim.locate.retrieval import retrieval_overlap

    if load == 0:
        return np.nan
    try:
        return retrieval_overlap(load, temperature)
    except ValueError:
        return np.nan


def _check(loads, temperature, sites, networks, sweeps, settle):
    """One sentence for what cannot be done."""
    for name, value, low in (
        ("sites", sites, 2),
        ("networks", networks, 2),
        ("sweeps", sweeps, 2),
        ("settle", settle, 0),
    ):
        if isinstance(value, bool) or int(value) != value or value < low:
            raise ValueError(f"{name}: {value!r} given; a whole number of at least {low} is needed")
    if not (np.all(np.isfinite(loads)) and np.all(loads > 0)):
        raise ValueError(f"loads: {loads.min():g} ... {loads.max():g} given; positive numbers are needed")
    if loads.max() * sites > LARGEST:
        raise ValueError(
            f"loads: {loads.max():g} of {sites} sites are {loads.max() * sites:.0f} patterns; at most {LARGEST}"
        )
    if not (np.isfinite(temperature) and temperature >= 0):
        raise ValueError(f"temperature: {temperature!r} given; a number of at least 0 is needed")
    if (settle + sweeps) * sites > 2**34:
        raise ValueError(f"sweeps: {settle + sweeps} of {sites} sites need more than 2^34 draws of one network")
