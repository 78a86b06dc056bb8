"""The contestants of the main table, one file each.

A contestant is a name and run(trajectories) -> (mean, var), two arrays over the recorded times of
`benchmarks.problem`; everything that a second call does not repeat (compilation, loading) happens in the first one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

OURS, CEILING = "physim", "only the normals (ceiling)"


@dataclass(frozen=True)
class Contestant:
    """One row: its code, how many cores it uses, the law its numbers follow ("": unchecked), and what is asked of it.

    at_least, at_most : bounds on (its time / our time) and on (our time / its time).
    skipped : the reason why it cannot run here.
    largest : more trajectories than this are too slow or too large for it.  scaled : it joins the table of sizes.
    """

    name: str
    run: Callable | None
    cores: int = 2
    law: str = "euler"
    at_least: float | None = None
    at_most: float | None = None
    skipped: str = ""
    note: str = ""
    largest: int = 1 << 21
    scaled: bool = False


def in_venv(cores: int) -> list[Contestant]:
    """Ours, its options, the ceiling, NumPy, the obvious numba loop and C++, in the order of the table."""
    from benchmarks.contestants import ceiling, cpp, njit_loop, numpy_arrays, ours

    return [c for room in (ours, ceiling, numpy_arrays, njit_loop, cpp) for c in room.contestants(cores)]
