"""python -m figures [names] [--quick] [--out DIR]: compute, draw and report the gallery."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from figures import FIGURES, gallery


def main(argv=None) -> int:
    """The command; returns the exit status (2 for an unknown name)."""
    parser = argparse.ArgumentParser(
        prog="python -m figures", description="Exact theory over simulation, figure by figure."
    )
    parser.add_argument("names", nargs="*", help=f"figures to make (all if none is given): {', '.join(FIGURES)}")
    parser.add_argument("--quick", action="store_true", help="smaller ensembles, larger error bars")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "out", help="folder of the results")
    chosen = parser.parse_args(argv)
    unknown = [name for name in chosen.names if name not in FIGURES]
    if unknown:
        print(f"figures: {', '.join(unknown)} unknown; the figures are {', '.join(FIGURES)}.", file=sys.stderr)
        return 2
    names = [name for name in FIGURES if name in chosen.names or not chosen.names]
    chosen.out.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    for name, seconds in gallery.made(names, chosen.quick, chosen.out):
        print(f"{name}: {seconds:.1f} s", file=sys.stderr, flush=True)
    index = gallery.publish(chosen.out)
    print(f"{index}: {time.perf_counter() - started:.1f} s in all", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
