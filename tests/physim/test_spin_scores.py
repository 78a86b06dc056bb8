"""The exact score of diffused Curie-Weiss data against enumeration, mpmath, finite differences and other orders."""

import itertools

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

import analytic as an
from analytic.site_diffusion import SiteDiffusion
from physim.finite_size import Law, thermodynamics
from physim.kernels.sites import SiteNumbers, site_numbers
from physim.spin_samples import posterior_samples
from physim.spin_scores import field_posterior, posterior_means, scores
from tests.checks import agree

B, H = sp.Symbol("b", positive=True), sp.Symbol("h", real=True)
CURIE_WEISS = an.Diffusion(an.CurieWeiss(field=H, beta=B), an.ornstein_uhlenbeck())  # one compiled pair for all tests
COLD = {"b": 1.4, "h": 0.0}
NO_LABELS = np.empty((10_000, 0))


def enumerated(x, alpha, sigma, beta, field, values=(1, -1), weights=None):
    """Posterior means by summing over every configuration."""
    n = len(x)
    spins = np.array(list(itertools.product(values, repeat=n)), dtype=float)
    m = spins.mean(axis=1)
    logs = n * beta * (m**2 / 2 + field * m) + (alpha * spins @ x - alpha**2 * (spins**2).sum(1) / 2) / sigma**2
    if weights is not None:
        logs = logs + weights(spins).sum(axis=1)
    p = np.exp(logs - logs.max())
    return (p / p.sum()) @ spins


@pytest.mark.parametrize("n", [1, 2, 5, 12])
@pytest.mark.parametrize(("beta", "field"), [(0.5, 0.0), (1.0, 0.0), (1.8, 0.0), (1.8, -0.1), (3.0, 0.05)])
def test_score_by_enumeration(n, beta, field):
    """1e-12 for N <= 12, at early and late times, with x typical and far from the data."""
    rng = np.random.default_rng(3 + n)
    for time in (0.05, 0.6, 2.5):
        alpha, sigma = np.exp(-time), np.sqrt(-np.expm1(-2 * time))
        x = alpha * rng.choice([-1, 1], size=(3, n)) + sigma * rng.standard_normal((3, n))
        x[2] *= 6
        exact = np.array([enumerated(row, alpha, sigma, beta, field) for row in x])
        given = {"b": beta, "h": field}
        assert np.abs(posterior_means(CURIE_WEISS, x, time, given) - exact).max() < 1e-12
        score = (alpha * exact - x) / sigma**2
        assert scores(CURIE_WEISS, x, time, given) == pytest.approx(score, rel=1e-11, abs=1e-11)


def test_blume_capel_by_enumeration():
    """Sites of three values with a weight of their own: the same integral."""
    diffusion = an.Diffusion(an.BlumeCapel(sp.Rational(2, 5), beta=sp.Integer(2)), an.edm())
    x = np.random.default_rng(5).standard_normal(7) * 1.5
    exact = enumerated(x, 1.0, 0.8, 2.0, 0.0, values=(1, 0, -1), weights=lambda s: -0.8 * s**2)
    assert np.abs(posterior_means(diffusion, x, 0.8) - exact).max() < 1e-12


@pytest.mark.parametrize(("beta", "time"), [(0.8, 0.5), (1.0, 2.5), (1.4, 6.0)])
def test_orders_of_quadrature_agree_at_large_n(beta, time):
    """1e-10 between two spacings at N = 10^5, above, at and below the transition temperature."""
    n = 100_000
    rng = np.random.default_rng(11)
    x = np.exp(-time) * rng.choice([-1, 1], size=n) + np.sqrt(-np.expm1(-2 * time)) * rng.standard_normal(n)
    given = {"b": beta, "h": 0.0}
    coarse, fine = (posterior_means(CURIE_WEISS, x, time, given, spacing=c) for c in (0.8, 0.45))
    assert np.abs(coarse - fine).max() < 1e-10
    assert np.abs(coarse - fine).max() > 0


def test_all_maxima_are_found():
    """Ten thousand cold spins without information: half of the weight at each magnetisation."""
    numbers = site_numbers(CURIE_WEISS, 20.0, COLD)
    nodes, weights = field_posterior(numbers, np.zeros((10_000, 1)), labels=NO_LABELS)
    nodes = nodes[:, 0]
    assert weights[nodes > 0].sum() == pytest.approx(0.5, abs=1e-12)
    m = float(mp.findroot(lambda u: u - mp.tanh(1.4 * u), 0.8))
    assert abs(weights @ np.abs(nodes) - m) < 1e-3
    assert len(nodes) < 400


def test_peaks_between_coarse_nodes_are_found():
    """Two equal peaks a thousandth wide at unequal distances from the first grid: half of the weight at each."""
    k, a, b = 1e6, -0.3264, 0.5

    def log_partition(m, sites, weights):
        return k * m**2 / 2 + np.logaddexp(-k * (m - a) ** 2 / 2, -k * (m - b) ** 2 / 2)

    ends = -np.ones(1), np.ones(1)
    numbers = SiteNumbers(k, *ends, 1, 0, 1.0, 1.0, log_partition, log_partition)
    nodes, weights = field_posterior(numbers, np.zeros((1, 1)), labels=NO_LABELS[:1])
    nodes = nodes[:, 0]
    assert weights[nodes > 0].sum() == pytest.approx(0.5, abs=1e-10)
    assert weights @ nodes == pytest.approx((a + b) / 2, abs=1e-10)


def test_score_is_the_gradient_of_the_density():
    """log p_t by mpmath quadrature of the stated Gaussian integral, differenced."""
    n, time, beta = 4, 0.7, 1.4
    alpha, sigma = mp.exp(-time), mp.sqrt(1 - mp.exp(-2 * time))
    x = [mp.mpf(v) for v in ("0.3", "-1.1", "0.8", "0.2")]

    def log_density(y):
        def integrand(field):
            sites = mp.fprod(mp.cosh(beta * field + alpha * v / sigma**2) for v in y)
            return mp.exp(-n * beta * field**2 / 2) * sites

        return mp.log(mp.quad(integrand, [-4, -1, 0, 1, 4])) - sum(v * v for v in y) / (2 * sigma**2)

    step = mp.mpf(10) ** -4
    found = scores(CURIE_WEISS, np.array(x, dtype=float), time, COLD)
    for i in range(n):
        ends = [log_density([v + s * step * (j == i) for j, v in enumerate(x)]) for s in (1, -1)]
        assert found[i] == pytest.approx(float((ends[0] - ends[1]) / (2 * step)), rel=1e-6)


def test_large_n_limit_is_that_of_independent_sites():
    """Cold data of one phase: E[s_i|x] tends to the site mean at M = m*, as N^{-1/2}."""
    m = float(mp.findroot(lambda u: u - mp.tanh(1.4 * u), 0.8))
    gaps = []
    for n in (1000, 64_000):
        rng = np.random.default_rng(7)
        s = np.where(rng.random(n) < (1 + m) / 2, 1.0, -1.0)
        x = np.exp(-0.5) * s + np.sqrt(-np.expm1(-1.0)) * rng.standard_normal(n)
        limit = np.tanh(1.4 * m + np.exp(-0.5) * x / (-np.expm1(-1.0)))
        gaps.append(np.sqrt(np.mean((posterior_means(CURIE_WEISS, x, 0.5, COLD) - limit) ** 2)))
    assert gaps[1] < 0.01
    assert gaps[1] < 0.25 * gaps[0]


def test_posterior_samples_have_the_posterior_means():
    x = np.random.default_rng(2).standard_normal((2, 9))
    draws = posterior_samples(CURIE_WEISS, x, 0.9, 40_000, 5, COLD)
    assert set(np.unique(draws)) == {-1, 1}
    exact = posterior_means(CURIE_WEISS, x, 0.9, COLD)
    agree(draws.mean(axis=0), draws.std(axis=0) / 200, exact)
    pairs = (draws[:, :, 0] * draws[:, :, 1]).astype(float)
    alpha, sigma = np.exp(-0.9), np.sqrt(-np.expm1(-1.8))
    spins = np.array(list(itertools.product((1, -1), repeat=9)), dtype=float)
    for row in range(2):
        logs = 9 * 1.4 * spins.mean(axis=1) ** 2 / 2 + alpha * spins @ x[row] / sigma**2
        p = np.exp(logs - logs.max())
        agree(pairs[:, row].mean(), pairs[:, row].std() / 200, p @ (spins[:, 0] * spins[:, 1]) / p.sum())


def test_prior_draws_are_the_exact_law():
    """With no information left (t = 20) the samples are Curie-Weiss data: moments from the occupations."""
    draws = posterior_samples(CURIE_WEISS, np.zeros((1, 200)), 20.0, 20_000, 9, {"b": 1.05, "h": 0.0})
    m = draws[:, 0].mean(axis=1)
    exact = thermodynamics(an.CurieWeiss(), 200, 1.05).isel(sites=0, beta=0)
    for k, name in ((2, "m2"), (4, "m4")):
        agree((m**k).mean(), (m**k).std() / 20_000**0.5, float(exact[name]))


def test_reduced_law_of_the_order_parameter():
    """The variance of a phase along the classes is kappa/(1 - beta J kappa), not 1 - m*^2 (docs/errata.md)."""
    m = mp.findroot(lambda u: u - mp.tanh(mp.mpf("1.4") * u), 0.8)
    diffusion = an.Diffusion(an.CurieWeiss(beta=sp.Rational(7, 5)), an.ornstein_uhlenbeck())
    order = sp.Rational(str(m))
    mixture = diffusion.order_parameter((order, -order), 4000)
    law = Law(an.CurieWeiss(), 4000, 1.4)
    up = law.probability * (law.ray > 0)
    mean = up @ law.ray / up.sum()
    spread = 4000 * (up @ (law.ray - mean) ** 2) / up.sum()
    assert float(mixture.covariances[0][0, 0]) == pytest.approx(spread, rel=5e-3)
    assert float(mixture.covariances[0][0, 0]) > 1.5 * float(1 - m**2)
    assert float(mixture.means[0][0]) == pytest.approx(4000**0.5 * mean, rel=1e-3)
    assert float(mixture.rest_variance) == pytest.approx(float(1 - m**2), rel=1e-12)
    lam = an.evaluate(diffusion.separation(order, 4000), {"t": 2.0})
    noise = 1 - mp.exp(-4)
    assert float(lam) == pytest.approx(float(4000 * m**2 * mp.exp(-4) / (noise + mp.exp(-4) * spread)), rel=1e-3)


def test_exact_law_of_few_spins_as_data():
    """N = 8: the points and weights of y_0, and the posterior mean of their sum from the score of the points."""
    diffusion = an.Diffusion(an.CurieWeiss(beta=sp.Rational(6, 5)), an.ornstein_uhlenbeck())
    points = diffusion.exact_order_parameter(8)
    law = Law(an.CurieWeiss(), 8, 1.2)
    order = np.argsort(law.ray)
    assert [float(p[0]) for p in points.means] == pytest.approx(8**0.5 * law.ray[order], abs=1e-14)
    assert [float(w) for w in points.weights] == pytest.approx(law.probability[order], rel=1e-13)
    assert an.Diffusion(points, diffusion.process).reverse().drift


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: an.Diffusion(an.PSpin(3), an.edm()), "-J m\\^2/2 - h m with J > 0 is needed"),
        (lambda: posterior_means(CURIE_WEISS, np.zeros(3), 1.0), "parameters: no value for b, h"),
        (lambda: posterior_means(CURIE_WEISS, np.zeros(3), -1.0, COLD), "time: -1.0 is not after 0"),
        (lambda: posterior_means(CURIE_WEISS, np.zeros(3), 0.0, COLD), "no noise"),
        (lambda: posterior_means(CURIE_WEISS, np.zeros((2, 2, 2)), 1.0, COLD), "not shape"),
        (lambda: posterior_means(CURIE_WEISS, np.zeros(3), 1.0, COLD, spacing=2), "spacing: 2"),
        (lambda: CURIE_WEISS.exact_order_parameter(100), "size: 100"),
        (lambda: an.Diffusion(an.CurieWeiss(beta=2), an.edm()).order_parameter(0, 10), "m = 0 is unstable"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_a_diffusion_of_sites_is_its_own_record():
    assert isinstance(CURIE_WEISS, SiteDiffusion)
    assert "Float" not in sp.srepr(CURIE_WEISS.site_mean)
    with pytest.raises(TypeError, match="has no sites"):
        site_numbers(an.Diffusion(an.SymmetricPair(1), an.edm()), 1.0)
