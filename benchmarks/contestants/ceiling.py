"""The ceiling: the engine's own noise kernel fills the same number of normals, block by block, and does nothing else.

Only the last normals of each block are looked at, to see that they are normal.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np

from benchmarks import problem
from benchmarks.contestants import CEILING, Contestant

BLOCK, CHUNK = 512, 1 << 16
KERNEL = f'''@njit("void(uint64, int64, int64, uint64, float64[::1])", error_model="numpy", nogil=True, cache=True)
def draw_only(first, count, steps, seed, sums):
    """Four rows of normals a call, steps / 4 calls a block; sum and sum of squares of the last row."""
    z = np.empty((1, 4, {BLOCK}))
    for start in range(0, count, {BLOCK}):
        for call in range(steps // 4):
            fill_noise(z, seed, np.uint64(0), np.uint64(1), first + np.uint64(start), np.uint64(call))
        for i in range(min({BLOCK}, count - start)):
            sums[0] += z[0, 3, i]
            sums[1] += z[0, 3, i] * z[0, 3, i]
'''


def contestants(cores):
    """One row: the time of ours over it is what is asked."""
    return [Contestant(CEILING, runner(cores), cores, law="normal", at_most=1.6)]


def runner(cores):
    """run(trajectories) on a pool of threads."""

    def run(trajectories):
        kernel = _kernel()
        chunk = max(BLOCK, min(CHUNK, trajectories // (4 * cores) // BLOCK * BLOCK))

        def task(first):
            sums, count = np.zeros(2), min(chunk, trajectories - first)
            kernel(np.uint64(first), count, problem.STEPS, np.uint64(problem.SEED), sums)
            return sums

        with ThreadPoolExecutor(cores) as pool:
            total, squares = sum(pool.map(task, range(0, trajectories, chunk)))
        mean = total / trajectories
        return np.array([mean]), np.array([squares / trajectories - mean**2])

    return run


@cache
def _kernel():
    from physim.kernels import module

    return module.load(module.complete(KERNEL, "Noise and nothing else.")).draw_only
