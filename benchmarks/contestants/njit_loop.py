"""The obvious numba loop: one trajectory after the other, np.random.normal and math.tanh, prange outside."""

from __future__ import annotations

import math

import numba
import numpy as np

from benchmarks import problem
from benchmarks.contestants import Contestant


def contestants(cores):
    """One row."""
    return [Contestant("obvious njit(parallel) loop", runner(cores), cores, at_least=18)]


def runner(cores):
    """run(trajectories) on numba's threads."""

    def run(trajectories):
        numba.set_num_threads(min(cores, numba.config.NUMBA_NUM_THREADS))
        kept = np.empty((problem.RECORDS, trajectories))
        loop(kept, problem.coefficients(), problem.RECORD_EVERY, *problem.start_law())
        return kept.mean(axis=1), kept.var(axis=1)

    return run


@numba.njit(parallel=True, cache=True)
def loop(kept, table, every, alpha, sigma):
    """Integrate every trajectory and keep x at the recorded steps."""
    for i in numba.prange(kept.shape[1]):
        x = sigma * np.random.normal() + (alpha if np.random.random() < 0.5 else -alpha)  # noqa: NPY002
        for n in range(table.shape[0]):
            a, b, c, s = table[n]
            x = a * x + b * math.tanh(c * x) + s * np.random.normal()  # noqa: NPY002
            if (n + 1) % every == 0:
                kept[n // every, i] = x
