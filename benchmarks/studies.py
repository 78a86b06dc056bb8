"""Beyond the main table: ensemble sizes, coordinates and sites, call overhead, memory, first result."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks import problem, rounds
from benchmarks.contestants import Contestant, ours

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Problem:
    """A family of problems of growing size: what does one more unit cost?

    make(size) gives a dynamics and its observables; where `law` is set, the observable "x" follows that law of
    `benchmarks.problem`.  flat : largest allowed ratio of the cost per unit to that of the smallest size.
    """

    kind: str
    name: str
    unit: str
    sizes: tuple[int, ...]
    make: Callable
    law: str = ""
    flat: float | None = 1.3
    steps: int = problem.STEPS
    largest: int = 1 << 21
    fewest: int = 1024
    start: tuple | None = None


def copies(size):
    """Independent copies of the benchmark's problem: `size` hyperbolic tangents."""
    dynamics = ours.pair().copies(size)
    return dynamics, {str(x): x for x in dynamics.state}


def pair_in_space(size):
    """Two points +-(1, ..., 1)/sqrt(size): one posterior for all coordinates; x is the coordinate along them."""
    import sympy as sp

    import analytic as an

    entry = 1 / sp.sqrt(size)
    model = an.PointMixture([[entry] * size, [-entry] * size])
    along = {"x": sp.Add(*model.state) * entry}
    return an.Diffusion(model, an.ornstein_uhlenbeck()).reverse(), along | {str(x): x for x in model.state}


def soft_spins(size):
    """Desai-Zwanzig: `size` sites in a double well, drawn to their mean."""
    import sympy as sp

    import analytic as an

    x, m = sp.symbols("x m", real=True)
    return an.Dynamics((x,), (2 * x - x**3 - (x - m),), (1,), sites=size, order={m: x}), {"m": m}


def spins(size):
    """Reverse diffusion of `size` Curie-Weiss spins with the exact score, below the transition temperature."""
    import analytic as an
    from analytic.site_diffusion import ORDER_MEAN

    return an.Diffusion(an.CurieWeiss(beta=1.2), an.ornstein_uhlenbeck()).reverse(size), {"m": ORDER_MEAN}


PROBLEMS = (
    Problem("few coordinates", "independent pairs of points", "coordinate", (1, 2, 4, 8), copies, "euler"),
    Problem(
        "few coordinates", "a pair in d dimensions", "coordinate", (1, 2, 3, 4, 5, 6, 7, 8), pair_in_space, "euler"
    ),
    Problem(
        "exchangeable", "soft spins (Desai-Zwanzig)", "site", (256, 1024, 4096, 10**4), soft_spins,
        steps=100, fewest=64, start=(0.5,),
    ),
    Problem(
        "spins with a common field", "Curie-Weiss data, exact finite-N score", "site", (100, 1000, 10**4), spins,
        flat=None, steps=100, largest=1 << 19, fewest=32,
    ),
)  # fmt: skip


def costs(family: Problem, sizes, repeats: int, target: float) -> dict:
    """Nanoseconds per trajectory, step and unit for every size of one family, timed in rounds."""
    largest = [max(family.fewest, family.largest // size) for size in sizes]
    rows = [
        Contestant(f"{family.name}, {size}", _runner(family, size), law=family.law, largest=most)
        for size, most in zip(sizes, largest, strict=True)
    ]
    timed = rounds.measure(rows, repeats, target)
    ns = [float(row.ns.min()) / size * problem.STEPS / family.steps for row, size in zip(timed, sizes, strict=True)]
    return {
        "kind": family.kind,
        "name": family.name,
        "unit": family.unit,
        "flat": family.flat,
        "sizes": list(sizes),
        "ns_per_unit": ns,
        "right": [row.right for row in timed],
    }


def _runner(family, size):
    dynamics, observe = family.make(size)
    start = None if family.start is None else np.array(family.start)

    def run(trajectories):
        options = {"observe": observe, "record": problem.RECORDS + 1, "initial": start}
        result = ours.simulated(dynamics, trajectories, family.steps, **options)
        first = next(iter(observe))
        return result[f"{first}_mean"].values[1:], result[f"{first}_var"].values[1:]

    return run


def products(shapes, trajectories: int = 512, steps: int = 20, repeats: int = 5) -> list[dict]:
    """Many centres: multiplications and additions a second of a simulation and of its two matrix products alone."""
    from concurrent.futures import ThreadPoolExecutor

    from threadpoolctl import threadpool_limits

    import analytic as an
    import physim
    from physim.observables import DENSE_CELL

    table, cores = [], os.cpu_count() or 1
    for centres, dim in shapes:
        points = np.random.default_rng(1).normal(size=(centres, dim))
        dynamics = physim.DenseMixture(points).reverse(an.ornstein_uhlenbeck())
        work = 4.0 * trajectories * steps * centres * dim

        def ours_run(dynamics=dynamics):
            ours.simulated(dynamics, trajectories, steps, record=1)

        def blas(_, points=points):
            transposed = np.ascontiguousarray(points.T)
            x = np.zeros((DENSE_CELL, points.shape[1]))
            weights = np.empty((DENSE_CELL, len(points)))
            for _ in range(trajectories // DENSE_CELL * steps // cores):
                np.dot(x, transposed, out=weights)
                np.dot(weights, points, out=x)

        def blas_run(blas=blas):
            with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(cores) as pool:
                list(pool.map(blas, range(cores)))

        ours_run()
        taken = {run: [rounds.seconds(lambda _, run=run: (run(), None), None)[0] for _ in range(repeats)]
                 for run in (ours_run, blas_run)}  # fmt: skip
        rates = [work / min(seconds) / 1e9 for seconds in taken.values()]
        table.append({"centres": centres, "dim": dim, "gflops": rates[0], "blas_gflops": rates[1]})
    return table


def scaling(contestants, sizes) -> list[dict]:
    """Nanoseconds per trajectory and step from small to large ensembles."""
    table = []
    for size in sizes:
        print(f"  {size:.0e} trajectories", file=sys.stderr, flush=True)
        repeats = 5 if size <= 1e5 else 2 if size <= 1e6 else 1
        seconds = {c.name: [] for c in contestants}
        for _ in range(repeats):
            for c in contestants:
                seconds[c.name].append(rounds.seconds(c.run, size)[0])
        ns = {name: min(taken) / size / problem.STEPS * 1e9 for name, taken in seconds.items()}
        table.append({"trajectories": size, "ns": ns})
    return table


def call_overhead(trajectories: int = 1000, repeats: int = 15) -> dict:
    """Milliseconds of one small call: in all, and with 8 steps instead of 400, where the loop takes no time."""
    call = partial(ours.simulated, ours.pair(), trajectories, record=problem.RECORDS + 1)
    taken = {steps: [] for steps in (problem.STEPS, problem.RECORDS)}
    for _ in range(repeats):
        for steps, seconds in taken.items():
            seconds.append(rounds.seconds(lambda _, steps=steps: (call(steps), None), None)[0])
    return {
        "trajectories": trajectories,
        "call_ms": min(taken[problem.STEPS]) * 1e3,
        "overhead_ms": min(taken[problem.RECORDS]) * 1e3,
    }


def memory(trajectories: int, steps: int) -> dict:
    """High-water mark of resident memory of one large ensemble, in GB."""
    return _fresh("memory", trajectories, steps)


def first_result(repeats: int = 3) -> dict:
    """Seconds to the first result of a fresh process beyond its imports: empty module cache, then warm."""
    with tempfile.TemporaryDirectory() as folder:
        cold = _fresh("first", cache=folder)
        warm = [_fresh("first", cache=folder) for _ in range(repeats)]
    best = min(warm, key=lambda run: run["seconds"])
    return {"cold_s": cold["seconds"], "warm_s": best["seconds"], "imports_s": best["imports"]}


def _fresh(*arguments, cache=None):
    environment = os.environ | ({"PHYSIM_CACHE": cache} if cache else {})
    command = [sys.executable, "-m", "benchmarks.fresh", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=True)
    return json.loads(done.stdout)


def flatness(study: dict) -> float:
    """Largest cost per unit over that of the smallest size."""
    return float(np.max(study["ns_per_unit"]) / study["ns_per_unit"][0])
