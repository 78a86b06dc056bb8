"""Standard errors, autocorrelation and reweighting against exact enumeration and known processes."""

import numpy as np
import pytest

from physim import reweighting as rw
from physim.statistics import autocorrelation, bootstrap, error_of, mean_error
from tests.checks import agree, calibrated
from tests.physim import curie_weiss as cw


def ar1(chains, steps, rho, seed, wells=0.0):
    """Autoregressive chains of unit variance, tau = (1 + rho)/(1 - rho)/2; each chain in its own well at +-wells."""
    rng = np.random.default_rng(seed)
    x = np.empty((chains, steps))
    x[:, 0] = rng.standard_normal(chains)
    for k in range(1, steps):
        x[:, k] = rho * x[:, k - 1] + np.sqrt(1 - rho**2) * rng.standard_normal(chains)
    return x + wells * np.where(np.arange(chains) % 2, 1.0, -1.0)[:, None]


def test_errors_of_means_and_of_functions_of_means():
    """Binder cumulants of many sets of samples of Curie-Weiss are z-distributed about the enumerated value."""
    size, temperature = 64, 1.05
    truth = 1 - cw.moment(size, temperature, 4) / (3 * cw.moment(size, temperature, 2) ** 2)
    z = []
    for seed in range(1500):
        m = cw.draw(size, temperature, 4000, seed)
        value, stderr = error_of(lambda a, b: 1 - b / (3 * a**2), [m**2, m**4])
        z.append((value - truth) / stderr)
    calibrated(z)
    assert np.std(z) == pytest.approx(1, abs=0.1)
    mean, stderr = mean_error(np.arange(9.0))
    assert (mean, stderr) == (4.0, pytest.approx(np.sqrt(7.5) / 3))
    with pytest.raises(ValueError, match="samples: 1 given"):
        mean_error([1.0])


def test_bootstrap_gives_the_spread_of_a_median():
    """Median of normals: sqrt(pi/2)/sqrt(n)."""
    samples = np.random.default_rng(3).standard_normal(4000)
    spread = bootstrap(np.median, samples, repetitions=400, seed=1).std(ddof=1)
    assert spread == pytest.approx(np.sqrt(np.pi / 2 / 4000), rel=0.2)
    with pytest.raises(ValueError, match="repetitions: 5 given"):
        bootstrap(np.mean, samples, repetitions=5)
    with pytest.raises(ValueError, match="runs: 3 independent runs"):
        bootstrap(np.mean, samples[:3])


@pytest.mark.parametrize("rho", [0.0, 0.8, 0.95])
def test_integrated_time_of_autoregressive_chains(rho):
    tau = (1 + rho) / (1 - rho) / 2
    found = autocorrelation(ar1(40, 4000, rho, 7))
    assert found.status == "reliable"
    assert found.wells == 1
    agree(found.time, found.stderr, tau, bias=0.02 * tau)
    agree(found.mean, found.mean_stderr, 0.0)
    assert found.effective == pytest.approx(40 * 4000 / 2 / tau, rel=0.1)


def test_error_of_the_time_and_of_the_mean_is_calibrated():
    found = [autocorrelation(ar1(16, 1000, 0.7, seed)) for seed in range(150)]
    calibrated([f.mean / f.mean_stderr * 0.965 for f in found])  # 15 degrees of freedom: Student's t is 7 % wider
    times = np.array([f.time for f in found])
    assert np.mean([f.stderr for f in found]) == pytest.approx(times.std(), rel=0.2)


def test_three_answers():
    assert autocorrelation(ar1(8, 600, 0.95, 1)).status == "tentative"
    assert autocorrelation(ar1(3, 4000, 0.5, 1)).status == "tentative"
    short = autocorrelation(ar1(8, 100, 0.99, 1))
    assert short.status == "unusable"
    assert "at least 10 tau" in short.reason
    apart = autocorrelation(ar1(8, 4000, 0.5, 1, wells=0.8))
    assert (apart.status, apart.wells) == ("unusable", 1)


def test_chains_in_two_wells_are_not_believed():
    """Each chain looks equilibrated about its own mean; the ensemble says that nothing ever hopped."""
    stuck = autocorrelation(ar1(8, 2000, 0.5, 2, wells=6))
    assert (stuck.status, stuck.wells, stuck.hops) == ("unusable", 2, 0)
    assert "two wells with 0 hops" in stuck.reason
    rng = np.random.default_rng(4)
    sides = np.where(np.cumsum(rng.random((8, 4000)) < 0.02, axis=1) % 2, 1, -1)
    hopping = autocorrelation(ar1(8, 4000, 0.5, 3) + 6 * sides)
    assert hopping.wells == 2
    assert 400 < hopping.hops < 900
    assert hopping.status == "reliable"
    agree(hopping.time, hopping.stderr, 1 / (2 * 0.02) * 36 / 37, bias=1.0)  # telegraph: exp(-2 * 0.02 s)


@pytest.mark.parametrize(
    ("chains", "reason"),
    [
        (np.zeros(100), "one chain cannot tell"),
        (np.zeros((1, 100)), "one chain cannot tell"),
        (np.zeros((4, 100)), "never change"),
        (np.ones((4, 8)), "8 steps given"),
        (np.full((4, 32), np.nan), "must be finite"),
    ],
)
def test_chains_that_are_refused(chains, reason):
    with pytest.raises(ValueError, match=reason):
        autocorrelation(chains)


def conjugates(size, temperatures, count, seed):
    """A = M^2/(2N) of ensembles in beta = 1/T."""
    return [size * cw.draw(size, t, count, (seed, k)) ** 2 / 2 for k, t in enumerate(temperatures)]


def test_reweighting_against_enumeration():
    """<m^2> between, at and beyond the sampled temperatures; log Z ratios; errors by bootstrap over samples."""
    size, temperatures, count = 256, np.array([1.15, 1.05, 0.97]), 1500
    samples = conjugates(size, temperatures, count, 11)

    def estimate(*arrays):
        joined = rw.reweighting(arrays, 1 / temperatures)
        values = 2 * joined.conjugate[:, 0] / size
        return np.array([joined.mean(values, 1 / t) for t in (1.2, 1.1, 1.0, 0.95)] + [joined.log_z[-1]])

    def log_z(t):
        m, p = cw.levels(size), cw.law(size, t)
        return m[0] ** 2 / (2 * size * t) - np.log(p[0])  # Omega(-N) = 1

    truth = [cw.moment(size, t, 2) for t in (1.2, 1.1, 1.0, 0.95)] + [log_z(0.97) - log_z(1.15)]
    stderr = bootstrap(estimate, *samples, repetitions=50, seed=5).std(0, ddof=1)
    agree(estimate(*samples), stderr, truth)
    z = [(estimate(*conjugates(size, temperatures, count, 100 + k)) - truth) / stderr for k in range(60)]
    calibrated(np.array(z)[:, 1])
    calibrated(np.array(z)[:, 4])


def test_two_couplings_at_once():
    """Curie-Weiss in temperature and field: A = (M^2/2N, M), <m> in a field that was not simulated."""
    size = 64
    states = [(1.1, 0.0), (1.1, 0.02), (1.0, 0.02)]
    m = [cw.draw(size, t, 20000, (3, k), h) for k, (t, h) in enumerate(states)]
    joined = rw.reweighting([np.stack([size * a**2 / 2, size * a], 1) for a in m], [(1 / t, h) for t, h in states])
    found = joined.mean(joined.conjugate[:, 1] / size, (1 / 1.05, 0.01))
    truth = cw.law(size, 1.05, 0.01) @ cw.levels(size) / size
    agree(found, 0.002, truth)


def test_overlap_is_asked_for():
    size = 4096
    with pytest.raises(rw.OverlapError, match=r"histogram at 1.25 overlaps 0.0%"):
        rw.reweighting(conjugates(size, [1.1, 0.8], 500, 1), [1 / 1.1, 1 / 0.8])
    joined = rw.reweighting(conjugates(size, [1.1], 2000, 1), [1 / 1.1])
    with pytest.raises(rw.OverlapError, match=r"1.25 is out of reach"):
        joined.mean(joined.conjugate[:, 0], 1.25)
    assert joined.mean(2 * joined.conjugate[:, 0] / size, 1 / 1.1) == pytest.approx(cw.moment(size, 1.1, 2), rel=0.1)
    with pytest.raises(ValueError, match="2 given for 1 sets"):
        rw.reweighting([np.ones(100)], [1.0, 2.0])
    with pytest.raises(ValueError, match="10 in an ensemble"):
        rw.reweighting([np.ones(10)], [1.0])
