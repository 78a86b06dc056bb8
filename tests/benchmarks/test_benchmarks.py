"""The benchmark itself: every contestant solves the same problem rightly, and the report says what was measured."""

import dataclasses
import json
import shutil
import sys

import numpy as np
import pytest

from benchmarks import contestants, machine, peers, problem, report, rounds, studies
from benchmarks.contestants import CEILING, OURS, Contestant
from tests.checks import agree

ROWS = contestants.in_venv(2)
TINY = 3000
MACHINE = {"processor": "a processor", "avx2": True, "avx512": True, "cores": 2, "load_before": 0.1, "load_after": 0.2}
MACHINE |= {"versions": {"numpy": "2.4"}, "commit": "abc", "date": "2026-01-01"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_contestants_follow_the_law_of_their_steps(row):
    if row.skipped:
        assert "g++" in row.skipped
        assert shutil.which("g++") is None
        pytest.skip(row.skipped)
    mean, var = row.run(TINY)
    m1, m2, m4 = problem.LAWS[row.law]()
    agree(mean, np.sqrt(m2 / TINY), m1)
    agree(var, np.sqrt((m4 - m2**2) / TINY), m2)


def test_law_of_the_steps():
    """Symmetric, and p_t up to the step bias, which is small and not zero."""
    mean, var, fourth = problem.euler_law()
    assert np.abs(mean).max() < 1e-12
    assert 0 < np.abs(var - 1).max() < 0.004
    assert np.abs(fourth / problem.exact_law()[2] - 1).max() < 0.03


def test_ours_walks_the_times_of_the_problem():
    run = studies.ours.simulated(studies.ours.pair(), 10, problem.STEPS)
    assert run.time.values == pytest.approx(problem.times(), abs=1e-15)


def chain(slow, offset=0.0):
    """A contestant of known cost and known error."""

    def run(trajectories):
        _, var, _ = problem.euler_law()
        sum(range(slow * trajectories))
        return np.zeros(problem.RECORDS), var + offset

    return run


@pytest.fixture(scope="module")
def results():
    rows = [
        Contestant(OURS, chain(1)),
        Contestant(f"{OURS}, 1 thread", chain(2), 1, at_least=1e-3),
        Contestant(CEILING, lambda n: (np.zeros(1), np.ones(1)), law="normal", at_most=1e-6),
        Contestant("C++ wrong", chain(3, offset=1.0), at_least=1e6),
        Contestant("broken", lambda n: 1 / 0),
        Contestant("absent", None, skipped="no such thing here"),
        Contestant("peer", chain(4), note="peer 1.0"),
    ]
    table = report.summary(rounds.measure(rows, repeats=2, target=0.002))
    ones = [dataclasses.replace(c, name=f"{c.name}{k}") for k, c in enumerate(rows[:2])]
    return {
        "machine": MACHINE,
        "table": table,
        "scaling": studies.scaling(ones, (1000, 2000)),
        "costs": [{"kind": "k", "name": "n", "unit": "site", "flat": 1.3, "sizes": [1, 2], "ns_per_unit": [1.0, 1.5]}],
        "products": [{"centres": 1000, "dim": 64, "gflops": 15.0, "blas_gflops": 30.0}],
        "overhead": {"trajectories": 1000, "call_ms": 8.0, "overhead_ms": 7.0},
        "memory": {"trajectories": 10**7, "steps": 1000, "peak_gb": 0.5, "seconds": 20.0},
        "first_result": {"cold_s": 4.0, "warm_s": 0.3, "imports_s": 0.8},
    }


def test_table_judges_and_renders(results, tmp_path):
    results["costs"][0]["right"] = [True, None]
    report.write(results, tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"benchmark.json", "benchmark.md", "benchmark.png"}
    again = json.loads((tmp_path / "benchmark.json").read_text())
    assert again["table"] == results["table"]
    text = (tmp_path / "benchmark.md").read_text()
    reached = {row["name"]: row.get("reached") for row in results["table"]}
    assert reached[f"{OURS}, 1 thread"] is True
    assert reached[CEILING] is False
    assert reached["C++ wrong"] is False
    assert "WRONG statistics: C++ wrong" in text
    assert "skipped: ZeroDivisionError" in text
    assert "skipped: no such thing here" in text
    assert "dearest site over the first 1.50; asked at most 1.3: no" in text
    assert "| 1000 | 64 | 15 | 30 | 0.50 | at least 0.6 | no |" in text
    assert "4.00 s | under 3 s | no" in text
    assert "Peers: peer 1.0." in text
    table = text[text.index("| contestant") : text.index("\n\nWRONG")].splitlines()
    assert len(table) == 2 + len(results["table"])
    assert {line.count(" | ") for line in table} == {8}


def test_without_avx512_only_the_ratio_to_cpp_is_judged(results):
    old = results | {"machine": MACHINE | {"avx512": False}}
    lines = report.markdown(old).splitlines()
    assert any("no AVX-512: only the ratio" in line for line in lines)
    assert next(line for line in lines if line.startswith("| C++ wrong")).endswith("| no |")
    assert next(line for line in lines if "1 thread" in line).endswith("| not judged |")


def test_a_peer_that_cannot_start_says_why():
    with peers.started(2, files=("jax_scan",), python=sys.executable) as rows:
        assert [row.name for row in rows] == ["jax_scan"]
        assert "No module named 'jax'" in rows[0].skipped


def test_families_of_problems_are_right_at_every_size():
    for family in studies.PROBLEMS:
        few = dataclasses.replace(family, largest=min(family.largest, 1 << 14), fewest=16)
        cost = studies.costs(few, family.sizes[:2], repeats=1, target=1e-3)
        assert cost["right"] == [True if family.law else None] * 2
        assert len(cost["ns_per_unit"]) == 2


def test_products_are_rated_against_the_same_library():
    (row,) = studies.products(((50, 8),), trajectories=64, steps=2, repeats=1)
    assert row["gflops"] > 0
    assert row["blas_gflops"] > 0


def test_machine_is_named():
    facts = machine.facts()
    assert facts["cores"] >= 1
    assert facts["processor"]
    assert {"python", "numpy", "numba"} <= set(facts["versions"])
