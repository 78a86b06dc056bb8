"""NumPy, vectorised over trajectories: preallocated buffers, in-place ufuncs, batches that stay in the cache."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from benchmarks import problem
from benchmarks.contestants import Contestant

BATCH = 1 << 15


def contestants(cores):
    """One core, as NumPy does by itself, and the trajectories split over threads."""
    rows = [Contestant("NumPy vectorised", runner(1), 1, at_least=12, scaled=cores == 1)]
    if cores > 1:
        rows.append(Contestant(f"NumPy vectorised, {cores} threads", runner(cores), cores, scaled=True))
    return rows


def runner(threads):
    """run(trajectories) with a generator of its own for each thread."""

    def run(trajectories):
        seeds = np.random.SeedSequence(problem.SEED).spawn(threads)
        shares = [trajectories // threads + (k < trajectories % threads) for k in range(threads)]
        with ThreadPoolExecutor(threads) as pool:
            sums = sum(pool.map(integrate, shares, map(np.random.default_rng, seeds)))
        mean = sums[0] / trajectories
        return mean, sums[1] / trajectories - mean**2

    return run


def integrate(trajectories, rng):
    """Sums of x and x^2 at the recorded steps, (2, RECORDS)."""
    sums = np.zeros((2, problem.RECORDS))
    buffers = np.empty((3, min(BATCH, trajectories)))
    for first in range(0, trajectories, BATCH):
        add_batch(*buffers[:, : min(BATCH, trajectories - first)], rng, sums)
    return sums


def add_batch(x, z, u, rng, sums):
    """Integrate one batch in the given buffers and add its sums."""
    alpha, sigma = problem.start_law()
    rng.standard_normal(out=x)
    x *= sigma
    x += np.where(rng.random(len(x)) < 0.5, -alpha, alpha)
    for n, (a, b, c, s) in enumerate(problem.coefficients(), 1):
        np.multiply(x, c, out=u)
        np.tanh(u, out=u)
        u *= b
        rng.standard_normal(out=z)
        z *= s
        x *= a
        x += u
        x += z
        if n % problem.RECORD_EVERY == 0:
            r = n // problem.RECORD_EVERY - 1
            sums[0, r] += x.sum()
            sums[1, r] += np.multiply(x, x, out=u).sum()
