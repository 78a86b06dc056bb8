"""What the figures of the information dynamics draw as theory, by other means: SciPy quadrature and closed forms."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, special, stats

from figures import entropic_grids, first_order_speciation, when_does_it_break
from tests.figures.reading import curves, entropy, mixture_mmse, panel, reference


def test_excess_dissipation_is_half_snr_mmse(made):
    _, figure = made["information_is_dissipation"]
    (curve,) = curves(panel(figure, "b"))
    for level, rate in curve[::22]:
        assert rate == pytest.approx(np.exp(level) * mixture_mmse(level, 0.01) / 2, rel=1e-7)
    upper, lower = curves(panel(figure, "a"))
    np.testing.assert_allclose(upper[:, 1] - lower[:, 1], curve[:, 1], atol=1e-9)
    snr = np.exp(
        upper[:, 0]
    )  # OU from a point: v = -x + (x - alpha x_0)/sigma^2 in closed form, E x_0^2 = 3.125 + 0.01
    alpha2 = snr / (1 + snr)
    sigma2 = 1 - alpha2
    square = 0.5 * 4 + 0.25 * (1.3**2 + 2.1**2) + 0.01
    production = (alpha2 * square + sigma2 * (1 / sigma2 - 1) ** 2) * sigma2 / 2
    np.testing.assert_allclose(upper[:, 1], production, rtol=1e-9)


def test_atlas_of_two_classes(made):
    data, _ = made["when_does_it_break"]
    square, v = data["square"].values, 0.3
    known = {
        "density": np.log(1 + square - v) / 2,
        "reverse_sde": np.log(square + np.sqrt((1 - v) ** 2 + square**2)) / 2,
        "spectral": np.log(square + v) / 2,
    }
    for name, truth in known.items():
        drawn = data[f"ornstein_uhlenbeck_{name}"].values
        if name == "reverse_sde":  # alpha^2 solves 1 = g2 (1 - Lambda)/Gamma - ..., by its own quadratic
            alpha2 = np.exp(-2 * drawn)
            gamma = 1 - (1 - v) * alpha2
            residual = 1 - 2 * (1 - alpha2 * square / gamma) / gamma
            assert np.nanmax(np.abs(residual)) < 1e-10
        else:
            np.testing.assert_allclose(drawn[drawn > 0], truth[drawn > 0], rtol=1e-10)
        assert np.isfinite(drawn).sum() > 60
    flow = data["ornstein_uhlenbeck_probability_flow"].values
    inside = (square > 0.21) & (square < 0.7)
    np.testing.assert_array_equal(np.isfinite(flow), inside)
    edm = [data[f"edm_{name}"].values for name in ("density", "reverse_sde", "probability_flow")]
    for other in edm:
        np.testing.assert_allclose(other, np.sqrt(np.where(square > v, square - v, np.nan)), rtol=1e-10)
    found = when_does_it_break.landmarks(0.8)
    assert found["fold"] == pytest.approx(2.221106, abs=1e-6)
    assert found["rate"] == pytest.approx(1.58646, abs=1e-5)
    assert found["variance"] == pytest.approx(0.99749, abs=1e-5)


def test_potts_landmarks_and_entropy_of_many_classes(made):
    data, _ = made["first_order_speciation"]
    assert float(data["saddle"][0]) == pytest.approx(2.745644, abs=1e-6)
    assert float(data["maxwell"][0]) == pytest.approx(2.772589, abs=1e-6)
    assert float(data["spinodal"][0]) == 3
    ratio = data[["half", "peak"]].to_array().values / data["saddle"].values
    assert np.all((ratio > 0.6) & (ratio < 1.3))
    for gamma in (0.4, 3.0):  # two orthogonal means of square gamma: Lambda = gamma/2
        assert first_order_speciation.entropy(gamma, 2) == pytest.approx(float(reference(entropy, gamma / 2)), rel=1e-8)

    def integrand(b, a):  # three classes: posterior entropy of class 0 over two differences of the log-weights
        logs = np.stack([np.full_like(a, 0.0), a, b])
        return special.logsumexp(logs, axis=0)

    gamma, nodes = 2.7, np.linspace(-9, 9, 181)
    x, y, z = np.meshgrid(nodes, nodes, nodes, indexing="ij")
    weight = np.exp(-(x**2 + y**2 + z**2) / 2) * (nodes[1] - nodes[0]) ** 3 / (2 * np.pi) ** 1.5
    root = np.sqrt(gamma)
    value = np.sum(weight * integrand(root * (y - x) - gamma, root * (z - x) - gamma))
    assert first_order_speciation.entropy(gamma, 3) == pytest.approx(value, rel=1e-9)


def test_equal_means_by_the_law_of_chi_squared(made):
    """D = 64: mean entropy over r^2 = Gamma chi^2, with SciPy's chi-squared density."""
    data, figure = made["no_bifurcation"]
    mean, variance = curves(panel(figure, "a"))[0], curves(panel(figure, "b"))[0]
    onset = np.log(64 / 8) / 4
    for (shift, drawn), (_, spread) in zip(mean[::20], variance[::20], strict=True):
        gammas = 1 + (np.array([1.5, 0.5]) - 1) * np.exp(-2 * (shift + onset))

        def entropies(square, gammas=gammas):
            odds = 32 * np.log(gammas[0] / gammas[1]) + square / 2 * (1 / gammas[0] - 1 / gammas[1])
            return special.entr(special.expit(odds)) + special.entr(special.expit(-odds))

        first, second = (
            sum(
                integrate.quad(lambda u, g=g, p=p: stats.chi2(64).pdf(u) * entropies(g * u) ** p, 0, 400, limit=400)[0]
                / 2
                for g in gammas
            )
            for p in (1, 2)
        )
        assert drawn == pytest.approx(first, abs=1e-7)
        assert spread == pytest.approx(second - first**2, abs=1e-7)
    slopes = [c[:, 1] for c in curves(panel(figure, "c"))[:3]]
    assert max(s.max() for s in slopes) < -0.9
    assert np.abs(data["var_curve"][2] - data["universal_var"]).max() < 2e-4


def test_nested_levels_and_where_their_peaks_merge(made):
    data, figure = made["nested_decisions"]
    coarse, fine = curves(panel(figure, "a"))[:2]
    for (level, high), (_, low) in zip(coarse[::45], fine[::45], strict=True):
        assert high == pytest.approx(float(reference(entropy, 16 * np.exp(level))), abs=1e-10)
        assert low == pytest.approx(float(reference(entropy, np.exp(level))), abs=1e-10)
    assert float(data["variance_split"]) == pytest.approx(2.58, abs=0.01)
    assert float(data["rate_split"]) == pytest.approx(2.99, abs=0.01)


def test_martingale_of_a_path(made):
    """Mean of h at the first level; Var M at the end by integrating 4 (dh/dL)^2 over the log-odds, L ~ N(2 u, 4 u)."""
    data, figure = made["single_path_decisions"]
    assert data["h_curve"][0] == pytest.approx(float(reference(entropy, np.exp(-4))), rel=1e-9)

    def noise(lam):  # E (dh/dx)^2 per unit of Lambda: h' = -L p q dL/dx, dL/dx = 2/sigma^2, Lambda = 1/sigma^2
        z = np.linspace(-12, 12, 2001)
        odds = 2 * lam + 2 * np.sqrt(lam) * z
        slope = odds * special.expit(odds) * special.expit(-odds)
        return 4 * integrate.trapezoid(slope**2 * stats.norm.pdf(z), z)

    grown = curves(panel(figure, "d"))[0]
    for (a, low), (b, high) in zip(grown[:-1:44], grown[44::44], strict=True):
        added = integrate.quad(noise, np.exp(a), np.exp(b), epsabs=1e-12)[0]
        assert high - low == pytest.approx(added, rel=1e-6)
    paths = data["path_h"].values
    assert paths.shape[1] == 8
    assert paths.min() >= 0
    assert paths.max() <= np.log(2) + 1e-12


def test_gains_of_two_directions(made):
    data, _ = made["score_as_filter"]
    level = data["curve_level"].values
    for name, norm in (("first", 3.0), ("second", 0.8)):
        for k in (10, 50, 85):
            lam = norm**2 * np.exp(level[k])
            if lam > 30:
                continue
            z = np.linspace(-12, 12, 4001)
            gain = lam / np.cosh(lam + np.sqrt(lam) * z) ** 2
            mean = integrate.trapezoid(gain * stats.norm.pdf(z), z)
            square = integrate.trapezoid(gain**2 * stats.norm.pdf(z), z)
            assert float(data[f"{name}_mean_curve"][k]) == pytest.approx(mean, rel=1e-8)
            assert float(data[f"{name}_var_curve"][k]) == pytest.approx(square - mean**2, rel=1e-8)
            assert float(data[f"{name}_origin"][k]) == pytest.approx(lam, rel=1e-12)


def test_questions_about_four_points(made):
    """Entropies of two partitions at one noise level, from a plain grid over SciPy's normal densities."""
    data, _ = made["semantic_partitions"]
    k = 12
    sigma = np.exp(-float(data["curve_level"][k]) / 2)
    nodes = np.linspace(-9 * sigma - 3, 9 * sigma + 4, 601)
    where = np.stack(np.meshgrid(nodes, nodes, indexing="ij"), axis=-1)
    places = ((-1.6, -0.35), (-1.6, 0.35), (-0.2, 1.6), (2.6, -0.4))
    parts = np.array([stats.multivariate_normal(c, sigma**2).pdf(where) / 4 for c in places])
    total = np.maximum(parts.sum(axis=0), 1e-300)
    for name, groups in (("all", (0, 1, 2, 3)), ("pair", ((0, 1), (2, 3))), ("inside", ((0,), (1, 2, 3)))):
        h = sum(special.entr(parts[[*np.atleast_1d(g)]].sum(axis=0) / total) for g in groups)
        value = np.sum(h * total) * (nodes[1] - nodes[0]) ** 2
        assert float(data[f"{name}_h_curve"][k]) == pytest.approx(value, rel=1e-6), name
    slope = np.gradient(data["right_h_curve"].values, data["curve_level"].values)
    assert data["right_rate_curve"].values[4:-4] == pytest.approx(-slope[4:-4], abs=5e-3)


def test_spectrum_of_a_manifold(made):
    """Marchenko-Pastur: mass one, mean D/L, mean 1/lambda = L/(D - L) (its Stieltjes transform at zero); the count."""
    data, _ = made["manifold_spectrum"]
    where, density = data["eigenvalue"].values, data["density"].values
    for power, moment in ((0, 1.0), (1, 5.0), (2, 25 + 5.0), (-1, 60 / 240)):
        assert np.trapezoid(density * where**power, where) == pytest.approx(moment, rel=1e-5)
    spread = (data["histogram"] - np.interp(data["bin"], where, density)) / data["histogram_stderr"]
    assert np.nanmedian(np.abs(spread[1:-3])) < 2
    assert float(data["curve_count"][0]) == pytest.approx(60 * (1 - 0.03**2 / 4), rel=1e-5)


def test_windows_of_two_classes(made):
    """The distance by integrating |p - q|/2; the window's edges by SciPy's inverse error function, for every D."""
    data, figure = made["critical_windows"]
    (curve,) = curves(panel(figure, "a"))
    for lam, drawn in curve[::60]:
        shift = np.sqrt(lam)
        apart = integrate.quad(lambda u, s=shift: abs(stats.norm.pdf(u - s) - stats.norm.pdf(u + s)) / 2, 0, 14)[0] * 2
        assert drawn == pytest.approx(apart, abs=1e-9)
    for k, epsilon in enumerate(data["epsilon"].values):
        for name, distance in (("early", 1 - epsilon), ("late", epsilon)):
            edge = -np.log(2 * special.erfinv(distance) ** 2) / 2
            np.testing.assert_allclose(data[name][k], edge, rtol=1e-9)


def test_grids_and_the_law_of_few_steps(made):
    """KL falls with the number of steps and the entropic grid is best; of Gaussian data it is known in closed form."""
    data, _ = made["entropic_grids"]
    kl = data["kl"].values
    assert np.all(np.diff(kl, axis=1) < 0)
    assert np.all(kl[list(data["rule"].values).index("entropic")] == kl.min(axis=0))

    v = 0.09

    def gaussian(x, sigma):  # N(0, v) data: log p and posterior mean
        return stats.norm.logpdf(x, 0, np.sqrt(v + sigma**2)), x * v / (v + sigma**2)

    sigmas = np.array([20.0, 5.0, 1.5, 0.4, 0.05])
    variance = v + 400.0
    for high, low in pairwise(sigmas):
        ratio = (low / high) ** 2
        slope = v / (v + high**2) + ratio * (1 - v / (v + high**2))
        variance = slope**2 * variance + low**2 * (1 - ratio)
    truth = v + 0.05**2
    expected = (truth / variance - 1 - np.log(truth / variance)) / 2
    assert entropic_grids.divergence(gaussian, sigmas)[0] == pytest.approx(expected, rel=1e-8)
