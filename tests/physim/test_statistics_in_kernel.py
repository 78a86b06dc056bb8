"""Covariances, two-time correlations, histograms, extrema and batches against stored paths and exact laws."""

import numpy as np
import pytest
import sympy as sp
from scipy import stats

import analytic as an
import physim
from analytic.symbols import t
from tests.checks import agree

x, y = sp.symbols("x y", real=True)
GRID = np.linspace(0, 2, 41)
EDGES = {"a": np.linspace(-1.5, 1.5, 7), ("a", "b"): (np.array([-1.0, -0.2, 0, 1]), np.array([-0.5, 0.5, 2]))}


def measured(**options):
    """Two coupled coordinates, with everything that is measured and the paths it was measured on."""
    walk = an.Dynamics((x, y), (-x, x - y), (1, sp.Rational(1, 2)), time=t)
    request = {"trajectories": 1300, "grid": GRID, "seed": 8, "initial": np.array([0.5, 0.0]), "record": 5}
    observe = {"a": x, "b": y + x**2, "early": an.value_at(x, GRID[10])}
    return physim.simulate(walk, **(request | {"observe": observe} | options))


@pytest.fixture(scope="module")
def run():
    return measured(covariances=True, histograms=EDGES, keep_paths=1300)


def values(run):
    a, b = run.paths.values[:, 0], run.paths.values[:, 1] + run.paths.values[:, 0] ** 2
    return a, b


def test_covariances_and_extrema_are_those_of_the_paths(run):
    a, b = values(run)
    da, db = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    assert run.a_b_cov.values == pytest.approx((da * db).sum(axis=1) / 1299, rel=1e-11, abs=1e-15)
    spread = ((da * db) ** 2).mean(axis=1) - run.a_b_cov.values**2
    assert run.a_b_cov_stderr.values == pytest.approx(np.sqrt(np.maximum(spread, 0) / 1300), rel=1e-9, abs=1e-15)
    assert np.array_equal(run.b_min, b.min(axis=1))
    assert np.array_equal(run.b_max, b.max(axis=1))


def test_two_time_correlation(run):
    """value_at keeps x at t = 1/2, reached between records; Cov[x_s, x_t] of the Ornstein-Uhlenbeck chain is exact."""
    late = run.time.values >= GRID[10]
    assert np.all(run.early_var.values[~late] == 0)
    shrink, dt = 1 - 0.05, 0.05
    variance = dt * (1 - shrink**20) / (1 - shrink**2)
    steps = np.round((run.time.values[late] - GRID[10]) / dt)
    agree(run.a_early_cov[late], run.a_early_cov_stderr[late], variance * shrink**steps)


def test_histograms_count_like_numpy(run):
    a, b = values(run)
    for k in range(len(run.time)):
        one, _ = np.histogram(a[k], EDGES["a"])
        assert np.array_equal(np.round(run.a_density.values[k] * 1300 * 0.5), one)
        two, *_ = np.histogram2d(a[k], b[k], EDGES["a", "b"])
        area = np.diff(EDGES["a", "b"][0])[:, None] * np.diff(EDGES["a", "b"][1])
        assert run.a_b_density.values[k] * area * 1300 == pytest.approx(two)
        assert float(run.a_outside[k]) == pytest.approx(1 - one.sum() / 1300)
    assert run.a_bin.values == pytest.approx([-1.25, -0.75, -0.25, 0.25, 0.75, 1.25])


def test_histogram_against_the_exact_density(run):
    shrink, steps = 0.95, np.round(run.time.values[1:, None] / 0.05)
    law = stats.norm(0.5 * shrink**steps, np.sqrt(0.05 * (1 - shrink ** (2 * steps)) / (1 - shrink**2)))
    exact = np.diff(law.cdf(EDGES["a"]), axis=1) / 0.5
    agree(run.a_density[1:], run.a_density_stderr[1:], exact)


def test_same_bits_however_the_work_is_cut(run):
    for options in ({"chunk": 256, "threads": 3}, {"block": 1024, "chunk": 2048, "threads": 1}):
        other = measured(covariances=True, histograms=EDGES, keep_paths=1300, **options)
        assert physim.store.checksum(other) == physim.store.checksum(run)


def test_batches_are_the_parts_of_the_whole():
    """The mean and variance over all batches follow from those of the batches; 100 batches scatter as they should."""
    run = measured(trajectories=25_600, batches=100, observe={"a": x})
    means, variances = run.a_batch_mean.values, run.a_batch_var.values
    assert means.shape == (100, 5)
    assert run.a_mean.values == pytest.approx(means.mean(axis=0), rel=1e-12)
    within, between = 255 * variances.sum(axis=0), 256 * ((means - means.mean(axis=0)) ** 2).sum(axis=0)
    assert run.a_var.values == pytest.approx((within + between) / 25_599, rel=1e-11)
    ratio = means[:, 1:].var(axis=0, ddof=1) / run.a_mean_stderr.values[1:] ** 2 / 100
    assert np.all(abs(ratio - 1) < 5 * np.sqrt(2 / 99))
    assert len(np.unique(means[:, -1])) == 100


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"histograms": {"c": [0, 1]}}, "histograms: 'c' given; the observables are a, b, early, one or two at a time"),
        ({"histograms": {"a": [1, 0]}}, "histograms: the edges of 'a' must be at least two finite, increasing numbers"),
        ({"histograms": {("a", "b"): ([0, 1],)}}, "histograms: 1 arrays of edges given for"),
        ({"batches": 7}, "batches: 1300 trajectories cannot be cut into 7 equal ones"),
    ],
)
def test_refusals(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        measured(**options)
