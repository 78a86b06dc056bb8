"""`python -m benchmarks [--quick] [--peers] [--out DIR]`: measure everything in one run and write the report."""

from __future__ import annotations

import argparse
import os
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from benchmarks import contestants, machine, peers, report, rounds, studies


@dataclass(frozen=True)
class Effort:
    """How much is measured: rounds, seconds of one repeat, ensemble sizes, memory run (trajectories, steps)."""

    repeats: int
    target: float
    sizes: tuple[int, ...]
    memory: tuple[int, int]
    units: int | None = None  # how many sizes of each family of problems; None: all


FULL = Effort(7, 0.8, (10**3, 10**4, 10**5, 10**6, 10**7), (10**7, 1000))
QUICK = Effort(3, 0.15, (10**3, 10**5), (10**5, 100), 2)
RESULTS = Path(__file__).parent / "results"


def main(arguments=None) -> int:
    """Measure and write; 1 when a contestant's statistics are wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute's look: smaller, fewer rounds, only printed")
    parser.add_argument("--peers", action="store_true", help="also the packages in .venv-peers (see make bench-peers)")
    parser.add_argument("--out", type=Path, help=f"folder of the report (default {RESULTS.name}/ beside this file)")
    options = parser.parse_args(arguments)
    started = time.perf_counter()
    results = measure(QUICK if options.quick else FULL, options.peers)
    results["machine"] |= {"load_after": round(os.getloadavg()[0], 2)}
    results["wall_seconds"] = round(time.perf_counter() - started)
    if options.out or not options.quick:
        report.write(results, options.out or RESULTS)
    print(report.markdown(results))
    return int(any(row.get("right") is False for row in results["table"]))


def measure(effort: Effort, with_peers: bool) -> dict:
    """The main table and all studies."""
    cores, facts = machine.cores(), machine.facts()
    rows = contestants.in_venv(cores)
    with peers.started(cores) if with_peers else nullcontext([]) as others:
        say("contestants")
        timed = rounds.measure([*rows, *others], effort.repeats, effort.target)
    say("sizes of the ensemble")
    scaling = studies.scaling([c for c in rows if c.scaled and not c.skipped], effort.sizes)
    say("sizes of the state")
    costs = [
        studies.costs(family, family.sizes[: effort.units], effort.repeats, effort.target / 2)
        for family in studies.PROBLEMS
    ]
    say("many centres")
    dense = studies.products(((1000, 64), (1000, 256), (4000, 512))[: effort.units])
    say("call, memory, first result")
    return {
        "machine": facts,
        "table": report.summary(timed),
        "scaling": scaling,
        "costs": costs,
        "products": dense,
        "overhead": studies.call_overhead(),
        "memory": studies.memory(*effort.memory),
        "first_result": studies.first_result(),
    }


def say(text):
    """Where we are, on standard error."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
