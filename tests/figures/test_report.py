"""Agreement, grids, step bias and universal functions: what the figures stand on."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from analytic import ornstein_uhlenbeck, vp_linear
from figures import ensembles, report, two_classes
from physim.grids import uniform_log_snr
from tests.figures.reading import entropy, reference


def test_agreement_is_chi_squared_of_correlated_points():
    z, rho = np.array([1.0, -2.0]), 0.6
    found = report.agreement(z, np.array([[1, rho], [rho, 1]]))
    by_hand = (1 + 4 + 2 * rho * 2) / (1 - rho**2)
    assert found["chi2"] == pytest.approx(by_hand)
    assert found["p_value"] == pytest.approx(np.exp(-by_hand / 2))
    assert found["max_abs_z"] == 2
    assert report.agreement(z)["chi2"] == pytest.approx(5)
    with pytest.raises(ValueError, match="1 of 2"):
        report.agreement([0.0, np.nan])


def test_joint_errors_make_correlated_points_uniform_p_values():
    """Means and variances of correlated Gaussians: p-values of many repetitions are uniform."""
    rng = np.random.default_rng(5)
    factor = np.linalg.cholesky(0.9 ** np.abs(np.subtract.outer(range(5), range(5))))
    p_values = []
    for _ in range(200):
        x = factor @ rng.standard_normal((5, 2000))
        z_mean = x.mean(1) / (x.std(1, ddof=1) / np.sqrt(2000))
        spread = ensembles.squared_distance(x)
        z_var = (x.var(1, ddof=1) - 1) / (spread.std(1) / np.sqrt(2000))
        p_values.append(report.agreement([z_mean, z_var], ensembles.correlation(x, spread))["p_value"])
    assert stats.kstest(p_values, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("process", [ornstein_uhlenbeck(), vp_linear()])
def test_grid_is_uniform_in_log_snr_and_stops_where_it_is_asked(process):
    through = np.array([-1.234, 0.4, 2.0])
    grid = ensembles.log_snr_grid(process, -3.0, 2.0, 40, through)
    first, last = ensembles.times_of(process, [-3.0, 2.0])
    plain = uniform_log_snr(process, *sorted((float(first), float(last))), 40).times
    assert np.isin(ensembles.times_of(process, through), grid.times).all()
    shared = [t for t in plain if np.abs(grid.times / t - 1).min() < 1e-9]
    assert 40 - 2 <= len(shared) <= 41
    assert len(grid.times) <= 41 + 2


def test_step_bias_is_that_of_a_scheme_of_order_one(monkeypatch):
    """A scheme whose mean is 5 + 3/steps has the step bias 3/steps."""

    def simulate(dynamics, *, grid, record, **_):
        values = {"x_mean": 5 + 3 / grid.steps, "x_var": 1 - 2 / grid.steps, "x_mean_stderr": 0.5, "x_var_stderr": 0.5}
        return xr.Dataset({k: ("time", np.full(len(record), v)) for k, v in values.items()}, attrs={"provenance": "{}"})

    monkeypatch.setattr(ensembles, "simulate", simulate)
    known = {"start": -2.0, "at": [3.0], "steps": 800, "trajectories": 10, "seed": 1}
    run = ensembles.ensemble(None, ornstein_uhlenbeck(), **known)
    assert ensembles.against(run, "x", 4.0)["step_bias"] == pytest.approx(3 / 800 / 0.5)
    assert ensembles.against(run, "x", 1.0, "var")["step_bias"] == pytest.approx(-2 / 800 / 0.5)
    assert ensembles.against(run, "x", 4.0)["z"] == pytest.approx((1 + 3 / 800) / 0.5)


@pytest.mark.parametrize("separation", [0.05, 1.0, 6.0])
def test_universal_functions_of_two_classes(separation):
    mean = reference(entropy, separation)
    assert two_classes.class_entropy(separation) == pytest.approx(float(mean), rel=1e-10)
    second = reference(lambda p, q: (entropy(p, q) - mean) ** 2, separation)
    assert two_classes.entropy_variance(separation) == pytest.approx(float(second), rel=1e-9)
    same = reference(lambda p, q: p * p + q * q, separation)
    assert two_classes.same_class(separation) == pytest.approx(float(same), rel=1e-10)
    slope = (two_classes.class_entropy(separation + 1e-4) - two_classes.class_entropy(separation - 1e-4)) / 2e-4
    assert slope == pytest.approx(-(1 - float(same)), rel=1e-5)


def test_peak_of_the_variance():
    where, peak = two_classes.variance_peak()
    assert where == pytest.approx(1.345478, abs=2e-6)
    assert peak == pytest.approx(0.0536289, abs=1e-7)
    sides = two_classes.entropy_variance(np.array([where * 0.99, where * 1.01]))
    assert (sides < peak).all()
    assert two_classes.variance_width() / 2 == pytest.approx(1.0496, abs=1e-4)
