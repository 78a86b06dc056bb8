"""Exact sums over occupations against enumeration of all configurations, Gamma functions and the large-N theory."""

import itertools

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from scipy import integrate, special

import analytic as an
from physim.finite_size import Law, log_multiplicity, occupations, scaling_functions, thermodynamics
from physim.kernels.sites import landau_numbers, system

BETA = 0.9


def stated(model, values, beta):
    """(order parameters, energy, log-weight) of one configuration, written out by hand for each model."""
    x = np.array(values, dtype=float)
    n = len(x)
    if isinstance(model, an.CurieWeiss):
        return np.array([x.mean()]), n * (-0.65 * x.mean() ** 2 - 0.2 * x.mean())
    if isinstance(model, an.PSpin):
        return np.array([x.mean()]), -n * x.mean() ** 3
    if isinstance(model, an.BlumeCapel):
        return np.array([x.mean()]), -n * x.mean() ** 2 / 2 + 0.4 * (x**2).sum()
    if isinstance(model, an.RandomField):
        fields = np.repeat([0.5, -0.5], n // 2)
        return np.array([x.mean()]), -n * x.mean() ** 2 / 2 - fields @ x
    if isinstance(model, an.Hopfield):
        bits = np.repeat(list(itertools.product((1, -1), repeat=2)), n // 4, axis=0)
        overlaps = bits.T @ x / n
        return overlaps, -n * (overlaps**2).sum() / 2
    fractions = np.array([(x == k).mean() for k in (1, 2, 3)])
    return fractions, -n * (fractions**2).sum() / 2


@pytest.mark.parametrize(
    ("model", "n", "values"),
    [
        (an.CurieWeiss(coupling=1.3, field=0.2), 9, (1, -1)),
        (an.PSpin(3), 8, (1, -1)),
        (an.BlumeCapel(0.4), 7, (1, 0, -1)),
        (an.RandomField(0.5), 10, (1, -1)),
        (an.Hopfield(2), 8, (1, -1)),
        (an.Potts(3), 7, (1, 2, 3)),
    ],
)
def test_all_configurations(model, n, values):
    """Moments, energy and specific heat from the sum over every configuration of n sites."""
    rows = [stated(model, c, BETA) for c in itertools.product(values, repeat=n)]
    order, energy = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    weight = np.exp(-BETA * (energy - energy.min()))
    weight /= weight.sum()
    if isinstance(model, an.Potts):
        size = np.sqrt((3 * (order**2).sum(axis=1) - 1) / 2)
        ray = (3 * order[:, 0] - 1) / 2
    else:
        size, ray = np.sqrt((order**2).sum(axis=1)), order[:, 0]
    found = thermodynamics(model, n, BETA).isel(sites=0, beta=0)
    assert float(found.order) == pytest.approx(weight @ ray, abs=1e-13)
    for name, exact in (("abs", weight @ size), ("m2", weight @ size**2), ("m4", weight @ size**4)):
        assert float(found[name]) == pytest.approx(exact, rel=1e-13)
    mean = weight @ energy
    assert float(found.energy) == pytest.approx(mean / n, rel=1e-13)
    assert float(found.specific_heat) == pytest.approx(BETA**2 * (weight @ (energy - mean) ** 2) / n, rel=1e-12)
    chi = BETA * n * (weight @ (size - weight @ size) ** 2)
    assert float(found.chi) == pytest.approx(chi, rel=1e-12)
    log_z = np.log(np.exp(-BETA * energy).sum()) - n * np.log(len(values))
    assert float(found.log_z) == pytest.approx(log_z, abs=1e-12)


def test_multiplicity_is_accurate_at_a_million():
    """Against mpmath's factorials with 40 digits; log Gamma in doubles is 1e-9 off there."""
    n = 10**6
    picks = np.array([0, 1, 7, 498_777, 499_123, 500_000, 500_321, 730_001, n])
    found = log_multiplicity(np.stack([picks, n - picks]))
    with mp.workdps(40):
        exact = [mp.log(mp.binomial(n, int(k))) - n * mp.log(2) for k in picks]
    assert found == pytest.approx([float(e) for e in exact], rel=1e-14, abs=1e-12)
    lossy = special.gammaln(n + 1) - special.gammaln(picks + 1) - special.gammaln(n - picks + 1) - n * np.log(2)
    assert np.abs(lossy - found).max() > 1e-10
    triples = occupations(30, 3)
    assert triples.shape == (3, 31 * 32 // 2)
    assert np.exp(log_multiplicity(triples)).sum() == pytest.approx(1, rel=1e-13)


def test_scaling_at_the_critical_point():
    """U4 -> 1 - Gamma(1/4)^4/(24 pi^2) = 0.2705201, <|m|> N^{1/4} -> 0.9098906, corrections of order N^{-1/2}."""
    binder = 1 - special.gamma(0.25) ** 4 / (24 * np.pi**2)
    amplitude = 12**0.25 * special.gamma(0.5) / special.gamma(0.25)
    assert (binder, amplitude) == (pytest.approx(0.2705201, abs=5e-8), pytest.approx(0.9098906, abs=5e-8))
    limit = scaling_functions(0.5, 1 / 12, 0.0)
    assert float(limit["binder"]) == pytest.approx(binder, rel=1e-13)
    assert float(limit["abs"]) == pytest.approx(amplitude, rel=1e-10)
    exact = thermodynamics(an.CurieWeiss(), [10_000, 1_000_000], 1.0)
    gaps = exact.binder.values[:, 0] - binder
    assert gaps[0] / gaps[1] == pytest.approx(10, rel=0.01)
    assert abs(gaps[1]) < 4e-4
    scaled = exact["abs"].values[:, 0] * exact.sites.values**0.25
    assert abs(scaled[1] - amplitude) < 4e-4
    assert (scaled[0] - amplitude) / (scaled[1] - amplitude) == pytest.approx(10, rel=0.02)


@pytest.mark.parametrize("z", [-2.5, 0.7, 4.0])
def test_scaling_functions_by_adaptive_quadrature_and_by_exact_sums(z):
    def moment(k):
        def integrand(y):
            return y**k * np.exp(-(0.5 * z * y * y + y**4 / 12))

        return integrate.quad(integrand, 0, np.inf, epsabs=0, epsrel=1e-12)[0]

    found = scaling_functions(0.5, 1 / 12, np.array([z, 1.0]))
    for name, k in (("abs", 1), ("m2", 2), ("m4", 4)):
        assert found[name][0] == pytest.approx(moment(k) / moment(0), rel=1e-9)
    gaps = []
    for n in (10**4, 10**6):
        exact = thermodynamics(an.CurieWeiss(), n, 1 / (1 + z / n**0.5)).isel(sites=0, beta=0)
        gaps.append(float(exact.m2) * n**0.5 - found["m2"][0])
    assert abs(gaps[1]) < 0.01 * found["m2"][0]
    assert gaps[0] / gaps[1] == pytest.approx(10, rel=0.1)


def test_away_from_criticality_sums_tend_to_the_free_energy():
    """chi, |m| and c below T_c, with corrections of order 1/N; the Landau coefficients of the bridge."""
    exact = thermodynamics(an.CurieWeiss(), [10**5, 10**6], 1.5).isel(beta=0)
    m = float(mp.findroot(lambda u: u - mp.tanh(1.5 * u), 0.86))
    limits = {
        "abs": m,
        "chi": 1.5 * (1 - m * m) / (1 - 1.5 * (1 - m * m)),
        "specific_heat": 1.5**2 * m * m * (1 - m * m) / (1 - 1.5 * (1 - m * m)),
    }
    for name, limit in limits.items():
        gaps = exact[name].values / limit - 1
        assert abs(gaps[1]) < 3e-5
        assert gaps[0] / gaps[1] == pytest.approx(10, rel=0.01)
    assert landau_numbers(an.CurieWeiss(), 0.8) == pytest.approx([0, 0.1, 0, 1 / 12, 0, 1 / 30])


def test_law_is_a_probability():
    law = Law(an.Potts(3), 60, 2.7)
    assert law.probability.sum() == pytest.approx(1, rel=1e-13)
    assert law.order.sum(axis=0) == pytest.approx(np.ones(law.ray.shape), rel=1e-13)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: thermodynamics(an.RandomField(0.5), 9, 1.0), "sites: 9 is not a multiple of 2"),
        (lambda: thermodynamics(an.Hopfield(3), 12, 1.0), "sites: 12 is not a multiple of 8"),
        (lambda: thermodynamics(an.CurieWeiss(), 10, -1.0), "beta: -1.0 is not a positive number"),
        (lambda: thermodynamics(an.CurieWeiss(), 0, 1.0), "sites: .*0.* a whole number of at least 1"),
        (lambda: thermodynamics(an.SoftSpins(), 10, 1.0), "SoftSpins are not discrete"),
        (lambda: thermodynamics(an.Potts(5), 1000, 1.0), "occupations"),
        (lambda: system(an.CurieWeiss(sp.Symbol("J", positive=True)), 1.0), "parameters: no value for J"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(ValueError, match=words):
        call()
