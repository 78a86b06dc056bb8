"""Requests that cannot fit are refused with an estimate; the estimate covers what a run really takes."""

import tracemalloc

import numpy as np
import pytest
import sympy as sp

import analytic as an
import physim
from physim import budget

x = sp.Symbol("x", real=True)
WALK = an.Dynamics(x, -x, 1)
TIMES = np.linspace(0, 1, 101)


def simulate(**options):
    given = {"trajectories": 10_000, "grid": TIMES, "seed": 1, "initial": [0.0], "progress": False}
    return physim.simulate(WALK, **(given | options))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"trajectories": 10**10, "keep_paths": 10**10}, r"keep_paths: .* 1\.62e\+04 GB .*; keep fewer paths"),
        ({"grid": np.linspace(0, 1, 10**7)}, "record: the request needs about .* at 10000000 recorded times; "),
        (
            {"observe": {"x": x, "y": x**2}, "histograms": {("x", "y"): [np.linspace(-1, 1, 20_000)] * 2}},
            "histograms: .* GB; take fewer bins",
        ),
    ],
)
def test_refused_before_compilation(monkeypatch, options, sentence):
    monkeypatch.setattr("physim.kernels.module.load", None)
    with pytest.raises(ValueError, match=sentence) as caught:
        simulate(**options)
    assert "\n" not in str(caught.value)


def test_fits_by_the_memory_of_the_machine(monkeypatch):
    monkeypatch.setattr(budget, "installed", lambda: 1e6)
    with pytest.raises(ValueError, match=r"keep_paths: .* 0\.01\d+ GB"):
        simulate(keep_paths=10_000)


def test_estimate_covers_the_arrays_of_a_run(monkeypatch):
    """Largest memory of NumPy during a run with paths: between half of the estimate and the estimate."""
    seen = []
    monkeypatch.setattr(
        budget, "check", lambda plan, threads: seen.append(sum(budget.estimate(plan, threads).values()))
    )
    simulate(keep_paths=1)
    tracemalloc.start()
    simulate(keep_paths=10_000, threads=2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0.4 * seen[-1] < peak < 1.2 * seen[-1]
