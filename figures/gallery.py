"""Make figures: compute, store, draw from what was stored, publish; side by side in processes of their own."""

from __future__ import annotations

import importlib
import os
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from figures import FIGURES


def made(names, quick, out):
    """Make the figures and yield (name, seconds) as they finish; compilation is what takes time, on one core each."""
    workers = min(len(names), os.cpu_count() or 1)
    if workers == 1:
        for name in names:
            yield name, make(name, quick, out)
        return
    heavy_first = sorted(names, key=lambda name: name != "generative_bandwidth")
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        jobs = {pool.submit(make, name, quick, out): name for name in heavy_first}
        for job in as_completed(jobs):
            yield jobs[job], job.result()


def make(name: str, quick: bool, out: Path) -> float:
    """Compute one figure, store its data, draw it from what was stored; returns the seconds taken."""
    from figures.report import save_pictures
    from physim.store import load, save

    started = time.perf_counter()
    module = importlib.import_module(f"figures.{name}")
    dataset = load(save(module.compute(quick), out / f"{name}.nc"))
    save_pictures(module.draw(dataset), dataset, name, out)
    return time.perf_counter() - started


def publish(out: Path) -> Path:
    """index.html of all figures found in the folder."""
    from figures.report import page
    from physim.store import load

    found = [name for name in FIGURES if (out / f"{name}.nc").exists() and (out / f"{name}.png").exists()]
    return page({name: load(out / f"{name}.nc") for name in found}, out)
