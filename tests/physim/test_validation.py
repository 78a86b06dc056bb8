"""The validation table: independent directions, a wrong theory or simulation is seen, refusals."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from physim import validation


@pytest.fixture(scope="module")
def table():
    return validation.validate(["pair in 7 dimensions"], ["vp_cosine"], trajectories=4000, seed=3)


def test_every_claim_has_its_rows(table):
    assert set(table.claim.values) == set("ABCDE")
    for row in validation.summary(table):
        assert row["points"] == 1
        assert row["p_value"] > 1e-4
    assert np.all(table.error.values < 1e-3 * table.stderr.values)
    z = validation.independent(table, "ABCDE")
    assert len(z) >= 6
    assert 1e-4 < stats.chi2.sf(z @ z, len(z)) < 1 - 1e-4


def test_identical_quantities_count_once(table):
    """Bandwidth, divergence and snr are one function of the state: three of the five of claim A."""
    assert len(validation.independent(table, "A")) == 2
    pair = table.isel(pair=0)
    block = pair.correlation.sel(quantity_name=["bandwidth", "divergence", "snr"], other=["bandwidth"]).values
    assert block == pytest.approx(1, abs=1e-9)


def test_independent_directions_of_a_made_table():
    """Two correlated estimates, many runs: the directions are standard normal; without the correlation they are not."""
    rng, runs = np.random.default_rng(5), 400
    matrix = np.array([[1.0, 0.9], [0.9, 1.0]])
    z = rng.multivariate_normal([0, 0], matrix, size=runs)
    labels = [f"m{k}, p" for k in range(runs)]
    made = xr.Dataset(
        {"z": ("row", z.ravel()), "correlation": (("pair", "quantity_name", "other"), np.tile(matrix, (runs, 1, 1)))},
        {
            "claim": ("row", ["A"] * 2 * runs),
            "quantity": ("row", ["bandwidth", "score"] * runs),
            "model": ("row", np.repeat([f"m{k}" for k in range(runs)], 2)),
            "process": ("row", ["p"] * 2 * runs),
            "pair": labels,
            "quantity_name": ["bandwidth", "score"],
            "other": ["bandwidth", "score"],
        },
    )
    found = validation.independent(made, "A")
    assert stats.kstest(found, "norm").pvalue > 1e-4
    assert abs(np.corrcoef(found.reshape(runs, 2).T)[0, 1]) < 5 / np.sqrt(runs)
    assert (z.sum(axis=1) / np.sqrt(2)).std() > 1.2
    assert len(validation.independent(made, "B")) == 0


@pytest.mark.slow
def test_the_whole_table():
    """All models and processes: every quantity and all together consistent with standard normal differences."""
    table = validation.validate(trajectories=10_000, seed=50)
    for row in validation.summary(table):
        assert 1e-4 < row["p_value"] < 1 - 1e-4, row
        assert row["max_abs_z"] < 5, row
    z = validation.independent(table, "ABCDE")
    assert stats.kstest(z, "norm").pvalue > 1e-4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"only_models": ["cube"]}, "models: cube is unknown; allowed are pair in 7"),
        ({"only_processes": ["vp"]}, "processes: vp is unknown"),
        ({"trajectories": 5}, "trajectories: 5 given"),
        ({"seed": -1}, "seed: -1 given"),
    ],
)
def test_refusals(change, words):
    with pytest.raises(ValueError, match=words):
        validation.validate(**change)
