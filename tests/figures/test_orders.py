"""Fits of orders, chains of halvings, the convergence study and its table."""

import numpy as np
import pytest

from benchmarks import orders
from figures import convergence, cost_to_accuracy
from tests.checks import agree, calibrated

STEPS = 0.25 / 2.0 ** np.arange(8)


def test_fitted_orders_and_their_errors():
    """Known law plus known noise: z of the fitted order is standard normal."""
    rng = np.random.default_rng(4)
    z = []
    for _ in range(150):
        stderr = 0.01 * STEPS**1.5
        found = convergence.fit(STEPS, -2 * STEPS**1.5 * (1 + STEPS) + stderr * rng.standard_normal(8), stderr, 1.5)
        if found.resolved:  # by chance no range fits, in a few of a hundred
            z.append((found.order - 1.5) / found.stderr)
    assert len(z) > 140
    calibrated(z)


def test_range_of_a_fit_leaves_out_what_is_not_asymptotic():
    size, stderr = STEPS**2 * (1 + 30 * STEPS**2), 0.002 * STEPS**2
    found = convergence.fit(STEPS, size, stderr, 2)
    assert found.coarsest < STEPS[1]
    assert abs(found.order - 2) < 3 * found.stderr
    assert not convergence.fit(STEPS, np.sin(40 * STEPS), 1e-6 * STEPS, 1).points
    assert not convergence.fit(STEPS, STEPS, STEPS, 1).resolved


def test_crossing_of_a_power_law():
    n = np.array([4, 8, 16, 32])
    assert convergence.crossing(n, 3.0 / n**2, 0.03) == pytest.approx(10)
    assert convergence.crossing(n, [1.0, 0.01, -0.5, 0.1], 0.2) == pytest.approx(16 * 2 ** (np.log(2.5) / np.log(5)))
    assert np.isnan(convergence.crossing(n, 3.0 / n, 0.03))
    assert convergence.crossing(n, 3.0 / n, 5) == 4


def test_chain_of_halvings_telescopes():
    """A bias 3/n^2 comes back from its halvings; the error of the first is that of all of them."""
    n = np.array([4, 8, 16, 32])
    bias = 3.0 / np.array([*n, 64]) ** 2
    found, stderr = cost_to_accuracy.chained(np.diff(bias), np.full(4, 0.3), 2)
    assert found == pytest.approx(bias)
    assert stderr == pytest.approx(0.3 * np.sqrt([3 + 16 / 9, 2 + 16 / 9, 1 + 16 / 9, 16 / 9, 1 / 9]))


def test_measured_differences_and_orders(made):
    """Milstein on dX = -X/2 dt + X/2 dW has the mean (1 - h/2)^n; orders come out as the record states them."""
    data, _ = made["integrator_orders"]
    names, n = data["name"].values.tolist(), data["n"].values
    milstein = data.isel(case=names.index("milstein (ito)"))
    agree(milstein["weak"], milstein["weak_stderr"], (1 - 0.25 / n) ** (2 * n) - (1 - 0.5 / n) ** n)
    for name, strong in (("milstein (ito)", 1), ("sra1", 1.5)):
        assert float(data["strong_fit_order"][names.index(name)]) == pytest.approx(strong, abs=0.1)


def test_table_of_orders(made):
    data, _ = made["integrator_orders"]
    text = orders.markdown(
        data, dict.fromkeys(("processor", "cores", "load_before", "load_after", "date", "commit"), "-")
    )
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in table} == {len(orders.COLUMNS) + 1}
    assert len(table) == 2 + data.sizes["case"] + 1
    sra1 = next(line for line in table if line.startswith("| sra1"))
    assert f"| 1.5 | {float(data['strong_fit_order'][1]):.3f} +- " in sra1
    assert "Rossler" in sra1
    assert table[-1].startswith("| exact_ou | additive | exact | - | exact | largest of 8 deviations ")
    off = data.assign(law_z=("law", np.linspace(-6, 0, 8)))
    assert orders.worst(data) < 5 < orders.worst(off) == 6


def test_gain_is_a_ratio_of_costs(made):
    data, _ = made["cost_to_accuracy"]
    assert float(data["gain"][0, 0]) == 1
    assert float(data["gain_stderr"][0, 0]) == 0
    dear = data["needed"].max("quantity") * data["ns"] / data["ns"][0]
    for pair, grid in ((1, 0), (0, 2), (1, 3)):
        steps, bias = data["steps"].values, data["bias"].isel(pair=pair, grid=grid).values
        below = np.abs(bias).max(axis=0) < 1e-3
        needed = float(data["needed"].isel(pair=pair, grid=grid).max())
        assert below[steps >= needed].all()
        assert float(data["gain"][pair, grid]) == pytest.approx(float(data["needed"][0, 0].max() / dear[pair, grid]))
