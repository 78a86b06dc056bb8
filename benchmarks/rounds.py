"""Timing in rounds: every contestant once, then all of them again; so a busy moment of the machine hits all alike."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field

import numpy as np

from benchmarks import problem
from benchmarks.contestants import Contestant

SMALLEST, GRAIN = 2048, 1024


@dataclass
class Timed:
    """A contestant, the size chosen for it, and its seconds round by round."""

    contestant: Contestant
    trajectories: int = 0
    seconds: list[float] = field(default_factory=list)
    right: bool | None = None
    worst_z: float | None = None
    skipped: str = ""

    @property
    def ns(self) -> np.ndarray:
        """Nanoseconds per trajectory and step, round by round."""
        return np.array(self.seconds) / self.trajectories / problem.STEPS * 1e9


def measure(contestants, repeats: int, target: float) -> list[Timed]:
    """Time every contestant `repeats` times, one round after the other, `target` seconds each."""
    rows = []
    for contestant in contestants:
        print(f"  {contestant.name}", file=sys.stderr, flush=True)
        rows.append(prepared(contestant, target))
    for _ in range(repeats):
        for row in rows:
            if not row.skipped:
                row.seconds.append(seconds(row.contestant.run, row.trajectories)[0])
    return rows


def prepared(contestant: Contestant, target: float) -> Timed:
    """Compile, choose a size that lasts about `target` seconds, and check the numbers at that size."""
    row = Timed(contestant, skipped=contestant.skipped)
    if row.skipped:
        return row
    n = min(SMALLEST, contestant.largest)
    try:
        while True:
            contestant.run(n)
            taken, mean, var = min((seconds(contestant.run, n) for _ in range(3)), key=lambda call: call[0])
            if taken > 0.5 * target or n >= contestant.largest:
                break
            n = min(contestant.largest, -(-int(n * min(16, max(2, target / taken))) // GRAIN) * GRAIN)
    except Exception as error:  # a contestant that cannot run is a row of the table, not the end of it
        row.skipped = f"{type(error).__name__}: {str(error).strip()[:200]}"
        return row
    row.trajectories = n
    if contestant.law:
        row.worst_z = float(np.abs(problem.z_scores(mean, var, n, contestant.law)).max())
        row.right = row.worst_z <= problem.LIMIT
    return row


def seconds(run, trajectories):
    """Wall time, mean and variance of one call."""
    started = time.perf_counter()
    mean, var = run(trajectories)
    return time.perf_counter() - started, mean, var
