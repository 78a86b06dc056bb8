"""The house rules that no single room can check: import times, the module cache, files, Ctrl-C, the README."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import analytic as an
import physim
from physim import grids, store
from physim.kernels import module

ROOT = Path(__file__).resolve().parents[2]
COMPILE = """
import numpy as np, sympy as sp
from physim import compiled
x = sp.Symbol("x")
print(compiled(sp.exp(-x) * sp.tanh(x), x)(np.linspace(-3, 3, 7)).tobytes().hex())
"""


def python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | environment,
        check=False,
    )


def seconds(code):
    started = time.perf_counter()
    assert python(code).returncode == 0
    return time.perf_counter() - started


def test_import_physim_is_quick():
    """Under 0.3 s beyond the interpreter's own start, the best of five; and it imports nothing heavy."""
    extra = min(seconds("import physim") for _ in range(5)) - min(seconds("pass") for _ in range(5))
    assert extra < 0.3
    heavy = python(
        "import sys, physim; print([m for m in ('numpy', 'numba', 'sympy', 'xarray', 'scipy') if m in sys.modules])"
    )
    assert heavy.stdout.strip() == "[]"


def test_eight_processes_start_at_once_and_share_one_cache(tmp_path):
    """All give the same bits, exactly one module per kernel is left, and a further process only loads."""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", COMPILE],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {"PHYSIM_CACHE": str(tmp_path)},
        )
        for _ in range(8)
    ]
    results = [process.communicate(timeout=300) for process in running]
    assert {process.returncode for process in running} == {0}, results
    assert len({out for out, _ in results}) == 1
    kernels = sorted(tmp_path.glob("kernel_*.py"))
    assert len(kernels) == 1
    assert not [p for p in tmp_path.iterdir() if p.is_file() and p not in kernels]
    before = {p.name: p.stat().st_mtime_ns for p in tmp_path.rglob("*.nbc")}
    assert python(COMPILE, PHYSIM_CACHE=str(tmp_path)).stdout == results[0][0]
    assert {p.name: p.stat().st_mtime_ns for p in tmp_path.rglob("*.nbc")} == before


def test_module_name_is_its_content():
    text = module.complete("ANSWER = {0}", "A title.")
    one, other = (module.load(text.replace("{0}", str(k))) for k in (41, 42))
    assert (one.ANSWER, other.ANSWER) == (41, 42)
    assert one.__name__ != other.__name__
    assert module.load(text.replace("{0}", "41")) is one


def test_an_unwritable_cache_is_replaced(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("PHYSIM_CACHE", str(blocked))
    module.cache_folder.cache_clear()
    try:
        assert module.cache_folder() != blocked
        assert module.cache_folder().is_dir()
    finally:
        module.cache_folder.cache_clear()


def test_files_round_trip_and_damage_is_noticed(tmp_path):
    diffusion = an.Diffusion(an.SymmetricPair(1), an.edm())
    run = physim.simulate(diffusion.reverse(), trajectories=600, grid=grids.uniform(0.5, 2, 5), seed=1, keep_paths=2)
    path = store.save(run, tmp_path / "deep" / "run.nc")
    back = physim.load(path)
    assert back.identical(run)
    assert json.loads(back.attrs["provenance"])["seed"] == 1
    with pytest.raises(ValueError, match="does not exist"):
        physim.load(tmp_path / "none.nc")
    (tmp_path / "text.nc").write_text("no netCDF")
    with pytest.raises(ValueError, match="not a readable result file"):
        physim.load(tmp_path / "text.nc")
    changed = run.assign(x_mean=run.x_mean + 1).assign_attrs(checksum=store.checksum(run))
    changed.to_netcdf(tmp_path / "changed.nc", engine="h5netcdf")
    with pytest.raises(ValueError, match="checksum does not match"):
        physim.load(tmp_path / "changed.nc")
    assert not list(tmp_path.glob("**/*.partial"))


LONG = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a parent in the background would have it ignored
import analytic as an, physim
from physim import grids
d = an.Diffusion(an.SymmetricPair(1), an.edm())
def run(trajectories, steps):
    grid = grids.uniform(0.5, 2, steps)
    physim.simulate(d.reverse(), trajectories=trajectories, grid=grid, seed=1, record=1, chunk=1 << 16)
run(1, 5)
print("ready", flush=True)
try:
    run(2_000_000, 20_000)
except KeyboardInterrupt:
    print("stopped", flush=True)
"""


def test_interrupt_is_answered_within_a_second():
    """SIGINT in a run that would last a minute: control comes back to the caller."""
    process = subprocess.Popen([sys.executable, "-c", LONG], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout.readline().strip() == "ready"
    time.sleep(2.5)
    process.send_signal(signal.SIGINT)
    started = time.perf_counter()
    assert process.stdout.readline().strip() == "stopped"
    assert time.perf_counter() - started < 1.0
    assert process.wait(timeout=30) == 0


def test_progress_appears_after_two_seconds(capsys, monkeypatch):
    from physim import progress

    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with progress.Progress(100, "simulating") as bar:
        for second in (0.5, 1.9, 2.1, 16.0, 17.0, 40.0):
            now[0] = second
            bar.advance(10)
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["simulating: 30/100 (2 s)", "simulating: 60/100 (40 s)"]


def test_readme_example_runs_as_printed():
    text = (ROOT / "README.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, flags=re.S)
    assert len(code.strip().splitlines()) <= 12
    result = python(code)
    assert result.returncode == 0, result.stderr
    stated = re.findall(r"```text\n(.*?)```", text, flags=re.S)[0].strip()
    assert result.stdout.strip() == stated
