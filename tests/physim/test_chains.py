"""Ensembles of chains as locators take them: equilibrated ones give calibrated answers, others a sentence."""

from functools import cache

import numpy as np
import pytest
import xarray as xr
from scipy.optimize import brentq, minimize_scalar
from scipy.signal import lfilter
from scipy.special import ndtr

from physim.chains import EquilibrationError, checked, run_means, sampled
from physim.locate import (
    adaptive,
    binder_crossings,
    collapse,
    maxwell_point,
    moments,
    slowing_down,
    specific_heat,
    specific_heat_peak,
    susceptibility_peak,
)
from physim.reweighting import reweighting
from physim.statistics import autocorrelation
from tests.checks import agree, calibrated
from tests.physim import curie_weiss as cw
from tests.physim.test_locate import covers, three_spin

CHAINS = 16


def gaussian(chains, steps, rho, rng):
    """Stationary autoregressive chains of unit variance, tau = (1 + rho)/(1 - rho)/2."""
    noise = np.sqrt(1 - rho**2) * rng.standard_normal((chains, steps))
    noise[:, 0] /= np.sqrt(1 - rho**2)
    return lfilter([1], [1, -rho], noise, axis=1)


@cache
def table(size, temperature):
    return cw.levels(size) / size, np.cumsum(cw.law(size, temperature))


def chained(size, temperature, count, seed, rho=0.8):
    """Correlated chains (16, count/16) with the exact law of Curie-Weiss: a Gaussian chain pushed to its quantiles."""
    values, summed = table(size, temperature)
    rng = np.random.default_rng([int(s) for part in seed for s in np.atleast_1d(part)])
    uniform = ndtr(gaussian(CHAINS, count // CHAINS, rho, rng))
    return values[np.minimum(np.searchsorted(summed, uniform), size)]


def split(size, temperature, count, seed):
    """The same with half of the chains kept ordered, |m| near 1: they have not forgotten their start."""
    m = chained(size, temperature, count, seed)
    m[::2] = 1 - 0.02 * np.abs(m[::2])
    starts = np.where(np.arange(CHAINS) % 2, "disordered", "ordered")
    return xr.DataArray(m.T, dims=("time", "chain"), coords={"start": ("chain", starts)})


def test_ordered_and_disordered_starts_must_agree():
    x = gaussian(8, 4000, 0.5, np.random.default_rng(1))
    starts = np.arange(8) % 2
    assert autocorrelation(x, starts).status == "reliable"
    near = autocorrelation(x + 0.12 * starts[:, None], starts)
    assert near.status == "unusable"
    assert "different starts disagree (0: " in near.reason
    assert autocorrelation(x + 0.12 * starts[:, None]).status == "reliable"  # unlabelled, it takes a little more
    apart = autocorrelation(x + 0.25 * starts[:, None])
    assert "the chains disagree, their means reach" in apart.reason
    drifting = autocorrelation(x + np.linspace(0.4, 0, 4000))
    assert (drifting.status, drifting.reason[:26]) == ("unusable", "the chains drift over the ")
    with pytest.raises(ValueError, match=r"starts: shape \(3,\) given for 8 chains"):
        autocorrelation(x, [1, 2, 3])


def test_equilibrated_chains_are_seldom_refused():
    rng = np.random.default_rng(2)
    answers = [autocorrelation(gaussian(8, 1500, 0.9, rng) ** (1 + k % 2), np.arange(8) % 2) for k in range(150)]
    assert all(found.status == "reliable" for found in answers)


def test_errors_of_chains_count_effective_samples():
    rng, z, squares = np.random.default_rng(3), [], []
    for _ in range(300):
        drawn = sampled(gaussian(8, 1500, 0.8, rng))
        means = run_means(drawn, (drawn.values, drawn.values**2), 64)
        z.append((means.mean(0) - [0, 1]) / (means.std(0, ddof=1) / 8))
        short = sampled(drawn.values[:, :200])  # blocks of 25 steps, 5.6 tau: they hang together by 16 %
        squares.append(run_means(short, (short.values,), 64).var(ddof=1) / 64)
    exact = 9 / 1600 * (1 - 4.44 / 200)  # 2 tau/n, less the ends: sum_s s rho^s = rho/(1 - rho)^2 = 20 = 4.44 tau
    assert np.mean(squares) == pytest.approx(exact, rel=0.06)
    calibrated(np.array(z)[:, 0])
    calibrated(np.array(z)[:, 1])
    assert np.std(z, axis=0) == pytest.approx([1, 1], abs=0.13)
    count = CHAINS * 4000
    value, error = specific_heat(64 * chained(64, 1.2, count, (4,)) ** 2 / -2, 1 / 1.2, 64)
    truth = (cw.moment(64, 1.2, 4) - cw.moment(64, 1.2, 2) ** 2) * 64 / 4 / 1.2**2
    agree(value, error, truth)
    naive = specific_heat(64 * chained(64, 1.2, count, (4,)).ravel() ** 2 / -2, 1 / 1.2, 64)
    assert naive[0] == pytest.approx(value, rel=1e-3)
    assert error > 1.4 * naive[1]


def binder_score(seed):
    """T_c from crossings of chains of 1200 steps."""
    grid = np.linspace(0.85, 1.15, 13)
    found = binder_crossings(moments(chained, [(n, t, CHAINS * 1200) for n in (16, 32, 64) for t in grid], seed))[0]
    return (found.value - 1) / found.stderr if found.found else np.nan


def collapse_score(seed):
    """T_c from a collapse of chains of 3200 steps."""
    points = [(n, 1 + u / np.sqrt(n), CHAINS * 3200) for n in (128, 512, 2048) for u in np.linspace(-1.6, 1.6, 13)]
    found = collapse(moments(chained, points, seed))
    return (found.values[0] - 1) / found.stderr[0]


BETAS = np.linspace(1.05, 1.35, 4)


def heat(beta):
    """Specific heat of 128 spins by enumeration, times -4/N."""
    second, fourth = (cw.moment(128, 1 / beta, k) for k in (2, 4))
    return -(beta**2) * (fourth - second**2)


@cache
def top_of_heat():
    return minimize_scalar(heat, bounds=(1.0, 1.4), method="bounded", options={"xatol": 1e-9}).x


def heat_score(seed):
    """Peak of the specific heat of 128 spins."""
    m = [chained(128, 1 / b, CHAINS * 200, (9, seed, k)) for k, b in enumerate(BETAS)]
    found = specific_heat_peak([-64 * x**2 for x in m], BETAS, 128)
    assert found.others["height"] == pytest.approx(-heat(top_of_heat()) * 32, rel=0.3)
    return (found.value - top_of_heat()) / found.stderr


CUT, COUPLINGS = 0.45, (0.645, 0.665, 0.685)


@cache
def equal_areas():
    """Coupling of equal areas of 60 spins with the energy -M^3/N^2."""
    return brentq(lambda b: (p := three_spin(60, b))[1][p[0] / 60 > CUT].sum() - 0.5, 0.6, 0.8)


def area_score(seed):
    """Equal areas of chains of three spins."""
    rng = np.random.default_rng((6, seed))
    laws = [three_spin(60, b) for b in COUPLINGS]
    m = [v[np.minimum(np.searchsorted(np.cumsum(p), ndtr(gaussian(8, 800, 0.7, rng))), 60)] / 60 for v, p in laws]
    found = maxwell_point([60 * x**3 for x in m], COUPLINGS, m, valley=CUT)
    return (found.value - equal_areas()) / found.stderr


SCORES = {"binder": binder_score, "collapse": collapse_score, "heat": heat_score, "areas": area_score}


@pytest.mark.parametrize("name", ["heat", "areas"])
def test_locations_from_chains(name):
    """tau = 4.5 (2.8 for areas): errors that took the samples for independent would be too small by a factor 2 to 3."""
    z = np.array([SCORES[name](seed) for seed in range(5)])
    assert np.all(np.abs(z) < 5)
    assert np.sqrt(np.mean(z**2)) < 1.7  # 3e-3 for five normal ones


@pytest.mark.slow
@pytest.mark.parametrize("name", SCORES)
def test_locations_from_chains_are_calibrated(name):
    z = np.array([SCORES[name](seed) for seed in range(200)])
    assert np.mean(np.isfinite(z)) > 0.95
    covers(z[np.isfinite(z)])


REFUSED = {
    "moments": lambda draw: susceptibility_peak(moments(draw, [(64, t, 32000) for t in np.linspace(0.75, 1.1, 13)], 1)),
    "binder": lambda draw: binder_crossings(
        moments(draw, [(n, t, 6400) for n in (16, 32, 64) for t in np.linspace(0.85, 1.15, 9)], 1)
    )[0],
    "collapse": lambda draw: collapse(
        moments(draw, [(n, 1 + u / np.sqrt(n), 6400) for n in (64, 128, 256) for u in np.linspace(-1.5, 1.5, 11)], 1)
    ),
    "adaptive": lambda draw: adaptive(draw, 0.7, 1.4, sizes=(32, 64, 128), stderr=0.01, budget=1e8),
    "specific heat": lambda draw: specific_heat_peak(
        [-32 * draw(64, t, 6400, (1, 2)) ** 2 for t in (1.0, 0.9, 0.8, 0.7)], 1 / np.array([1.0, 0.9, 0.8, 0.7]), 64
    ),
    "equal areas": lambda draw: maxwell_point(
        [32 * draw(64, t, 6400, (1, 2)) ** 2 for t in (1.0, 0.9)], (1.0, 1 / 0.9), valley=12
    ),
    "slowing down": lambda draw: slowing_down(
        [1.2, 1.3, 1.4, 1.5],
        [autocorrelation(np.abs(sampled(draw(64, t, 6400, (1, 2))).values)) for t in (1.2, 1.3, 1.4, 1.5)],
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_every_locator_refuses_chains_out_of_equilibrium(name):
    found = REFUSED[name](split)
    assert (found.status, found.value) == ("unresolved", None)
    assert any(words in found.reason for words in ("disagree", "hops between them", "apart from each other"))
    if name not in ("slowing down", "equal areas"):  # equal areas has no two phases, slowing down no divergence
        assert REFUSED[name](chained).status in ("estimated", "tentative")


def test_adaptive_location_stops_at_the_first_chains_out_of_equilibrium():
    calls = []

    def later(*arguments):
        calls.append(arguments)
        return (chained if len(calls) < 45 else split)(*arguments)

    found = adaptive(later, 0.7, 1.4, sizes=(32, 64, 128), stderr=1e-3, budget=1e10)
    assert found.status == "unresolved"
    assert "chains from different starts disagree" in found.reason
    assert len(calls) < 80


def test_tentative_chains_give_tentative_locations():
    def short(size, temperature, count, seed):
        return chained(size, temperature, count, seed, rho=0.98)

    data = moments(short, [(64, t, CHAINS * 600) for t in np.linspace(0.8, 1.1, 13)], 3)
    found = susceptibility_peak(data, parameter="T")
    assert found.status in ("tentative", "unresolved")
    assert "tau; 4 of 50 tau would be reliable" in data.doubt
    m = [short(64, t, CHAINS * 500, (5, k)) for k, t in enumerate((1.0, 0.85, 0.75))]
    joined = reweighting([32 * x**2 for x in m], 1 / np.array([1.0, 0.85, 0.75]))
    assert "A at coupling" in joined.doubt
    assert joined.counts.sum() < joined.conjugate.size / 10


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (xr.DataArray(np.zeros((3, 40)), dims=("time", "site")), "time, site given; one called chain or trajectory"),
        (xr.DataArray(np.zeros(40), dims="time"), "one chain over time given"),
        (np.zeros((2, 3, 4)), "shape"),
        (np.full((4, 40), np.nan), "must be finite"),
    ],
)
def test_samples_that_are_neither(values, reason):
    with pytest.raises(ValueError, match=reason):
        sampled(values, what="draw")


def test_chains_that_never_move():
    drawn = sampled(np.ones((4, 40)))
    with pytest.raises(EquilibrationError, match="energy at T = 1: the chains never move"):
        checked(drawn, {"energy": drawn.values}, "T = 1")
    with pytest.raises(ValueError, match="numbers of chains differ"):
        moments(lambda size, *_: np.random.default_rng(size).random((size, 100)), [(8, 1.0, 64), (9, 1.0, 64)], 1)
