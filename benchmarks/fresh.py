"""Measurements that need a process of their own: `python -m benchmarks.fresh memory N STEPS` or `... first`."""

from __future__ import annotations

import importlib
import json
import sys
import time

IMPORTS = (
    "numba.extending",
    "scipy.special",
    "xarray",
    "analytic",
    "physim.ensemble",
    "physim.request",
    "physim.store",
    "physim.kernels.few",
    "physim.kernels.sampler",
    "physim.kernels.scalars",
)


def memory(trajectories, steps):
    """Resident high-water mark of one ensemble, in GB."""
    import resource

    from benchmarks.contestants import ours

    started = time.perf_counter()
    result = ours.simulated(ours.pair(), int(trajectories), int(steps), record=9)
    seconds = time.perf_counter() - started
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9
    return {"trajectories": int(trajectories), "steps": int(steps), "peak_gb": peak, "seconds": seconds} | {
        "var": float(result.x_var[-1])
    }


def first():
    """Seconds of the imports, and then from nothing to the first result."""
    started = time.perf_counter()
    for name in IMPORTS:
        importlib.import_module(name)
    from benchmarks.contestants import ours

    imported = time.perf_counter()
    ours.simulated(ours.pair(), 1000, 400)
    return {"imports": imported - started, "seconds": time.perf_counter() - imported}


if __name__ == "__main__":
    print(json.dumps({"memory": memory, "first": first}[sys.argv[1]](*sys.argv[2:])))
