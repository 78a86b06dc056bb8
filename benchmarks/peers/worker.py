"""A process of the peers' environment: `python -m benchmarks.peers.worker FILE CORES`.

Writes one JSON line with its rows, then answers each line "row trajectories" with mean and variance.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from importlib.metadata import version

FACTS = ("name", "cores", "law", "at_least", "largest")


def main():
    """Serve until the input ends; nothing but answers goes to standard output."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    rows = []

    def begin():
        room = importlib.import_module(f"benchmarks.peers.{sys.argv[1]}")
        rows.extend(room.contestants(int(sys.argv[2])))
        used = {"note": ", ".join(f"{name} {version(name)}" for name in room.PACKAGES)}
        return [{fact: getattr(row, fact) for fact in FACTS} | used for row in rows]

    def measured(line):
        row, trajectories = map(int, line.split())
        return [list(map(float, moment)) for moment in rows[row].run(trajectories)]

    reply(answers, begin)
    for line in sys.stdin:
        reply(answers, lambda line=line: measured(line))


def reply(answers, make):
    """One line of JSON: the answer, or the reason why there is none."""
    try:
        message = {"answer": make()}
    except Exception as error:
        message = {"error": f"{type(error).__name__}: {str(error).strip()[:200]}"}
    answers.write(json.dumps(message) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
