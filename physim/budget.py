"""How much memory a run takes, before it begins: what grows with the request, against what the machine has.

paths       16 B  x  recorded times  x  coordinates  x  kept trajectories        (kept by tasks, then together)
moments      8 B  x  recorded times  x  numbers of a row  x  rows alive          (a tree of 64 rows in every thread)
histograms   8 B  x  recorded times  x  bins  x  (batches + 5 a thread)
"""

from __future__ import annotations

import os

from physim.observables import MOMENTS, PAIR

TREE = 64  # levels of a task's binary counter
AHEAD = 4  # tasks in flight for each thread
REMEDY = {
    "keep_paths": "keep fewer paths or record fewer times",
    "record": "record fewer times or observe less",
    "histograms": "take fewer bins or record fewer times",
}


def check(plan, threads: int) -> None:
    """Raise ValueError, with the estimate, where a request cannot fit into the machine's memory."""
    parts, room = estimate(plan, threads), installed()
    name, most = max(parts.items(), key=lambda part: part[1])
    if sum(parts.values()) > room:
        raise ValueError(
            f"{name}: the request needs about {sum(parts.values()) / 1e9:.3g} GB, {most / 1e9:.3g} GB for this"
            f" at {len(plan.record_at)} recorded times; the machine has {room / 1e9:.3g} GB; {REMEDY[name]}"
        )


def estimate(plan, threads: int) -> dict[str, float]:
    """Bytes of what a run keeps, by the argument that makes them grow."""
    times, pairs = len(plan.record_at), plan.outputs * (plan.outputs - 1) // 2
    row = plan.outputs * MOMENTS + (PAIR * pairs if plan.covariances else 0)
    alive = plan.batches * 2 + threads * (TREE + AHEAD + plan.lanes // plan.cell)
    return {
        "keep_paths": 16.0 * times * plan.dim * plan.sites * plan.keep_paths,
        "record": 8.0 * times * row * alive,
        "histograms": 8.0 * times * plan.bins * (plan.batches + (AHEAD + 1) * threads),
    }


def installed() -> float:
    """Bytes of memory of the machine; infinite where the system does not say."""
    try:
        return float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return float("inf")
