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


# Exchangeable and dense-mixture kinds join here, with sizes N and K x D and their own `make`.
PROBLEMS = (
    Problem("few coordinates", "independent pairs of points", "coordinate", (1, 2, 4, 8), copies, "euler"),
    Problem(
        "few coordinates", "a pair in d dimensions", "coordinate", (1, 2, 3, 4, 5, 6, 7, 8), pair_in_space, "euler"
    ),
)


def costs(family: Problem, sizes, repeats: int, target: float) -> dict:
    """Nanoseconds per trajectory, step and unit for every size of one family, timed in rounds."""
    largest = [max(1024, family.largest // size) for size in sizes]
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

    def run(trajectories):
        result = ours.simulated(dynamics, trajectories, family.steps, observe=observe, record=problem.RECORDS + 1)
        first = next(iter(observe))
        return result[f"{first}_mean"].values[1:], result[f"{first}_var"].values[1:]

    return run


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
