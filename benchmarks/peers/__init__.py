"""Other packages on the same problem, each in a process of its own in the environment `.venv-peers`."""

from __future__ import annotations

import json
import subprocess
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.contestants import Contestant

FILES = ("jax_scan", "torch_eager", "torchsde_euler", "diffrax_euler", "jitcsde_adaptive")
ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-peers" / "bin" / "python"


@contextmanager
def started(cores: int, files=FILES, python=PYTHON):
    """The rows of all peers, as contestants that are asked over a pipe; the processes end with the context."""
    if not Path(python).exists():
        raise SystemExit(f"benchmarks: {python} does not exist; run `make bench-peers`")
    workers = []
    try:
        rows = []
        for file in files:
            command = [str(python), "-m", "benchmarks.peers.worker", file, str(cores)]
            worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
            workers.append(worker)
            rows += _rows(file, worker)
        yield rows
    finally:
        for worker in workers:
            worker.stdin.close()
            worker.wait(timeout=60)


def _rows(file, worker):
    try:
        facts = _answer(worker)
    except RuntimeError as error:
        return [Contestant(file, None, skipped=str(error))]
    return [Contestant(run=partial(_ask, worker, k), **row) for k, row in enumerate(facts)]


def _ask(worker, row, trajectories):
    worker.stdin.write(f"{row} {trajectories}\n")
    worker.stdin.flush()
    return _answer(worker)


def _answer(worker):
    line = worker.stdout.readline()
    answer = json.loads(line) if line else {"error": "the process stopped"}
    if "error" in answer:
        raise RuntimeError(answer["error"])
    return answer["answer"]
