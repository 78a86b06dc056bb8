"""physim doctor: versions, processor, cache, speed."""

from __future__ import annotations

import json
import os
import sys

import typer

from physim.cli.app import app, print_lines
from physim.schemes import SCHEMES

FEATURES = ("avx2", "fma", "avx512f", "avx512dq", "neon")


@app.command()
def doctor():
    """Show versions, processor, cache, and the speed of a freshly compiled kernel (some ten seconds)."""
    from llvmlite import binding

    from physim.kernels.module import cache_folder
    from physim.store import versions

    facts, features = versions(), binding.get_host_cpu_features()
    files = [f for f in cache_folder().rglob("*") if f.is_file()]
    size = sum(f.stat().st_size for f in files) / 1e6
    lines = {
        "versions": ", ".join(f"{name} {number}" for name, number in facts["versions"].items()),
        "commit": facts["commit"] or "not a checkout",
        "processor": f"{binding.get_host_cpu_name()} ({facts['machine']}), {os.cpu_count()} cores",
        "features": ", ".join(name for name in FEATURES if features.get(name)) or "none of interest",
        "cache": f"{cache_folder()}, {size:.1f} MB, {sum(f.suffix == '.py' for f in files)} modules",
    }
    print_lines(lines | _probe_apart())


def _probe_apart():
    """`probe` in a process of its own with an empty cache, so that it compiles."""
    import subprocess
    import tempfile

    with tempfile.TemporaryDirectory(prefix="physim-") as folder:
        command = [sys.executable, "-c", "from physim.cli.doctor import probe; probe()"]
        run = subprocess.run(command, env={**os.environ, "PHYSIM_CACHE": folder}, capture_output=True, text=True)
    if run.returncode:
        return {"probe": f"failed: {(run.stderr.strip().splitlines() or ['no reason given'])[-1]}"}
    return json.loads(run.stdout)


def probe():
    """Print as JSON the vector width, compile time and speed of the two-point model, for `physim doctor`."""
    from time import perf_counter

    from analytic import Diffusion, SymmetricPair, ornstein_uhlenbeck
    from physim.ensemble import simulate as run
    from physim.grids import uniform
    from physim.kernels import few

    dynamics = Diffusion(SymmetricPair(1), ornstein_uhlenbeck()).reverse()
    started = perf_counter()
    module = few.build(dynamics, SCHEMES["euler_maruyama"], {"x": dynamics.state[0]}).module
    found = {"compiling": f"{perf_counter() - started:.1f} s", "vectors": _vectors(module.run)}
    grid, sizes = uniform(0.02, 3, 400), (50_000, 250_000)

    def seconds(count, threads):
        begun = perf_counter()
        run(dynamics, trajectories=count, grid=grid, seed=0, record=1, threads=threads, progress=False)
        return perf_counter() - begun

    for threads in sorted({1, os.cpu_count() or 1}):
        small, large = (min(seconds(count, threads) for _ in range(3)) for count in sizes)
        speed = (large - small) / ((sizes[1] - sizes[0]) * grid.steps) * 1e9
        found[f"{threads} thread{'s' * (threads > 1)}"] = f"{speed:.2f} ns per trajectory-step (two points)"
    typer.echo(json.dumps(found))


def _vectors(kernel):
    """Width of the vectors that most packed float64 arithmetic of a freshly compiled kernel uses."""
    import re
    from collections import Counter

    assembly = "\n".join(kernel.inspect_asm().values())
    lines = re.findall(r"v?(?:fn?m(?:add|sub)\w*|mul|add|sub)pd\s[^\n]*", assembly)
    used = Counter(max(re.findall(r"%([xyz])mm", line), default="?") for line in lines).most_common(1)
    if not used:
        return "unknown (no packed x86 arithmetic found)"
    letter, count = used[0]
    bits = {"x": 128, "y": 256, "z": 512}.get(letter, "?")
    return f"{bits} bits ({letter}mm in {count} of {len(lines)} packed operations)"
