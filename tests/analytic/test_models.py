"""Models by their defining properties and against the same data written out in full; Bessel nodes against mpmath."""

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from scipy import stats

import analytic as an
from analytic.bessel import bessel_ratio, bessel_slope, log_bessel
from analytic.models.partitions import coarse_partition, level_partition
from analytic.models.simplex import corners
from analytic.symbols import t

OU = an.ornstein_uhlenbeck()


@pytest.mark.parametrize("count", [2, 3, 6])
def test_corners_of_a_simplex(count):
    gram = sp.Matrix(corners(count)) * sp.Matrix(corners(count)).T
    assert sp.simplify(
        gram - (sp.Rational(count, count - 1) * sp.eye(count) - sp.ones(count) / (count - 1))
    ).is_zero_matrix


def test_simplex_is_the_mixture_written_out():
    """Three classes in five dimensions against their means in all five, at a point of the plane of the means."""
    small = an.Diffusion(an.Simplex(3, 2, 0.3, 5, [0.5, 0.3, 0.2]), OU)
    means = [[*row, 0, 0, 0] for row in small.model.means]
    full = an.Diffusion(an.GaussianMixture(means, 0.3, [0.5, 0.3, 0.2]), OU)
    at = {"x1": 0.4, "x2": -0.7, "x3": 0, "x4": 0, "x5": 0, t: 0.3}
    for name in ("local_bandwidth", "score_divergence", "class_entropy", "total_posterior_variance"):
        assert abs(an.evaluate(getattr(small, name), at) - an.evaluate(getattr(full, name), at)) < 1e-25


def test_nested_pairs_are_independent_signs():
    """Entropy and bandwidth are those of two pairs, each with its own norm."""
    nested = an.Diffusion(an.NestedPairs((2, 0.5), 0.1, 2), OU)
    pairs = [an.Diffusion(an.SymmetricPair(m, 0.1), OU) for m in (2, 0.5)]
    at = {"x1": 0.4, "x2": -0.7, t: 0.3}
    for name in ("class_entropy", "local_bandwidth"):
        alone = [an.evaluate(getattr(d, name), {"x": x, t: 0.3}) for d, x in zip(pairs, (0.4, -0.7), strict=True)]
        assert float(an.evaluate(getattr(nested, name), at)) == pytest.approx(float(sum(alone)), rel=1e-13)


def test_partitions_of_nested_pairs_are_read_from_the_means():
    means = an.NestedPairs((4, 2, 1)).means
    for level in (1, 2, 3):
        plus, minus = level_partition(3, level)
        assert all(means[k][level - 1] > 0 for k in plus)
        assert all(means[k][level - 1] < 0 for k in minus)
    for group in coarse_partition(3, 2):
        assert len({means[k][:2] for k in group}) == 1
    assert sorted(k for group in coarse_partition(3, 2) for k in group) == list(range(8))


@pytest.mark.parametrize("model", [an.EqualMeans([1, 0.04], [0.3, 0.7], 3), an.Hypersphere(3, 1.5)])
def test_radial_coordinate_against_all_coordinates(model):
    """Trace formulas in r against finite differences of the density over R^3, at a point off the axes."""
    diffusion, time = an.Diffusion(model, OU), 0.4
    x = np.array([0.5, -0.8, 0.6])

    def log_density(y):
        return an.evaluate(diffusion.log_density, {"r": mp.sqrt(mp.fsum(u**2 for u in y)), t: time}, 40)

    with mp.workdps(45):
        h = mp.mpf(10) ** -8
        points = [
            [[mp.mpf(float(u)) + (k * h if i == j else 0) for i, u in enumerate(x)] for k in (-1, 0, 1)]
            for j in range(3)
        ]
        triples = [[log_density(p) for p in row] for row in points]
        laplacian = mp.fsum((a - 2 * b + c) / h**2 for a, b, c in triples)
        square = mp.fsum(((c - a) / (2 * h)) ** 2 for a, b, c in triples)
    at = {"r": float(np.linalg.norm(x)), t: time}
    sigma2, alpha2 = 1 - mp.exp(-2 * mp.mpf(time)), mp.exp(-2 * mp.mpf(time))
    assert float(an.evaluate(diffusion.score_divergence, at)) == pytest.approx(float(laplacian), rel=1e-12)
    assert float(an.evaluate(diffusion.score_square, at)) == pytest.approx(float(square), rel=1e-12)
    variance = sigma2 / alpha2 * (3 + sigma2 * laplacian)
    assert float(an.evaluate(diffusion.total_posterior_variance, at)) == pytest.approx(float(variance), rel=1e-12)


def test_radial_paths_have_the_laws_of_norms():
    """r at t = 1.5, drawn exactly, and at 0.2 after the reverse SDE: chi and noncentral chi (Kolmogorov-Smirnov)."""
    import physim
    from physim import grids

    for model, truth in (
        (an.EqualMeans([0.5], None, 6), lambda a, s, r: stats.chi(6, scale=np.sqrt(s * s + a * a / 2)).cdf(r)),
        (an.Hypersphere(6, 2), lambda a, s, r: stats.ncx2(6, (2 * a / s) ** 2).cdf((r / s) ** 2)),
    ):
        diffusion = an.Diffusion(model, OU)
        grid = grids.uniform_log_snr(OU, 0.2, 1.5, 400)
        run = physim.simulate(diffusion.reverse(), trajectories=4000, grid=grid, seed=3, record=2, keep_paths=4000)
        for time, r in zip(run.time.values, run.paths.values[:, 0], strict=True):
            scales = np.exp(-time), np.sqrt(-np.expm1(-2 * time))
            assert stats.kstest(truth(*scales, r), "uniform").pvalue > 1e-4


@pytest.mark.parametrize("nu", [sp.Rational(-1, 2), sp.S.Zero, sp.Rational(3, 2), sp.Integer(60), sp.Integer(4999)])
def test_compiled_bessel_nodes_against_mpmath(nu):
    from physim import compiled

    k, order = sp.Symbol("k", positive=True), sp.Symbol("nu", real=True)
    call = compiled([log_bessel(order, k), bessel_ratio(order, k), bessel_slope(order, k)], order, k)
    ks = np.array([1e-6, 0.3, 4, 18.9, 19.1, 37, 300, 4000])
    log_f, ratio, slope = call(float(nu), ks)
    with mp.workdps(50):
        for i, u in enumerate(map(mp.mpf, ks)):
            m = mp.mpf(nu.p) / nu.q
            top, low = mp.besseli(m + 1, u), mp.besseli(m, u)
            exact = mp.loggamma(m + 1) + m * mp.log(2 / u) + mp.log(low)
            assert log_f[i] == pytest.approx(float(exact), rel=2e-15, abs=2e-15)
            assert ratio[i] == pytest.approx(float(top / low), rel=1e-14)
            assert slope[i] == pytest.approx(float(1 - (2 * m + 1) / u * top / low - (top / low) ** 2), rel=2e-12)
            assert abs(sp.N(log_bessel(nu, u), 20) - sp.Float(exact, 20)) <= 1e-18 * (1 + abs(exact))


def test_derivatives_of_bessel_nodes():
    k = sp.Symbol("k", positive=True)
    for node in (log_bessel(2, k), bessel_ratio(2, k), bessel_slope(2, k)):
        value = mp.diff(lambda u, node=node: an.evaluate(node, {k: u}, 30), 1.7)
        assert float(an.evaluate(sp.diff(node, k), {k: mp.mpf(1.7)})) == pytest.approx(float(value), rel=1e-9)
    with pytest.raises(TypeError, match="with respect to the order"):
        sp.diff(log_bessel(k, 2), k)


def test_linear_manifold_counts_its_dimensions():
    """sigma^2 (div s + D/sigma^2) -> L as t -> 0, and b is that of L Gaussian directions."""
    diffusion = an.Diffusion(an.LinearManifold(40, 7, 0.8), OU)
    count = OU.sigma**2 * (diffusion.score_divergence + 40 / OU.sigma**2)
    assert float(an.evaluate(count, {"x": 0.3, t: 1e-6})) == pytest.approx(7, abs=1e-4)
    one = an.Diffusion(an.GaussianMixture([0], 0.8), OU).local_bandwidth
    assert float(an.evaluate(diffusion.local_bandwidth, {"x": 0.3, t: 0.5})) == pytest.approx(
        7 * float(an.evaluate(one, {"x": 0.3, t: 0.5}))
    )


def test_refusals():
    D = sp.Symbol("D", positive=True)
    with pytest.raises(ValueError, match="classes: 1 is not a whole number of at least 2"):
        an.Simplex(1)
    with pytest.raises(ValueError, match="classes: D is a symbol"):
        an.Simplex(D)
    with pytest.raises(ValueError, match="dim: 2 is not a whole number of at least 3"):
        an.Simplex(4, dim=2)
    with pytest.raises(ValueError, match="mean_norms: 0 is not positive"):
        an.NestedPairs((1, 0))
    with pytest.raises(ValueError, match="mean_norms: empty"):
        an.NestedPairs(())
    with pytest.raises(ValueError, match="level: 3 given; a whole number from 1 to 2"):
        level_partition(2, 3)
    with pytest.raises(ValueError, match="variances: -1 is negative"):
        an.EqualMeans([1, -1])
    with pytest.raises(ValueError, match="radius: 0 is not positive"):
        an.Hypersphere(3, 0)
    with pytest.raises(ValueError, match="dim: 3 is not a whole number of at least 4"):
        an.LinearManifold(3, 4)
