"""Identities of theory 2, 3, 5 and 6 by quadrature over models and processes; nothing under test differentiates itself.

Every expression is compiled once in the letters alpha, sigma, f, g2 and evaluated for five processes.
"""

import numpy as np
import pytest
import sympy as sp
from scipy import integrate, stats

import analytic as an
from analytic import information as info
from analytic import symbols, thermodynamics
from physim.quadrature import expectations, posterior_expectations
from tests.letters import FIVE, LETTERS, diffusion_of, means, middle, numbers, slopes
from tests.zoo import MODELS

CASES = {
    "three components": ((0, 2), (1,)),
    "pair of Gaussians in 7 dimensions": None,
    "equal means": None,
    "equal means in 6 dimensions": None,
    "sphere in 5 dimensions": None,
    "linear manifold": None,
    "simplex of three in 5 dimensions": ((0, 1), (2,)),
    "nested pairs in 4 dimensions": ((0, 1), (2, 3)),
}
PLANAR = ("simplex of three in 5 dimensions", "nested pairs in 4 dimensions")


def forms_of(name, partition):
    """(integrands of rates, integrands of levels): everything the identities of one model compare."""
    diffusion = diffusion_of(MODELS[name])
    rates = {f"rate_{key}": e for key, e in info.entropy_rates(diffusion).items()}
    rates |= {f"marginal_{key}": e for key, e in info.marginal_entropy_rates(diffusion).items()}
    rates |= {
        "production": thermodynamics.entropy_production(diffusion),
        "flow": thermodynamics.entropy_flow(diffusion),
        "points": thermodynamics.production_of_points(diffusion),
    }
    levels = {
        "marginal": info.marginal_entropy(diffusion),
        "mutual": info.mutual_information(diffusion),
        "free": thermodynamics.free_energy(diffusion),
    }
    classes = info.Classes(diffusion, partition)
    if len(classes.partition) > 1:
        law = info.variance_law(classes)
        rates |= {"class_rate": law["b"], "hb": law["hb"], "noise_square": law["noise_square"]}
        rates["class_production"] = thermodynamics.class_production(diffusion, partition)
        levels |= {"h": law["h"], "hh": law["h"] ** 2}
    return diffusion, rates, levels


@pytest.mark.parametrize("name", [pytest.param(c, marks=pytest.mark.slow) if c in PLANAR else c for c in CASES])
def test_ensemble_identities(name):
    """Identities 2, 3, 4, 5, 7 and 10 for five processes, to 1e-7 of the entropy rate."""
    diffusion, rates, levels = forms_of(name, CASES[name])
    for k, process in enumerate(FIVE):
        time = middle(process)[k % 2]
        e, d = means(diffusion, rates | levels, process, time), slopes(diffusion, rates | levels, process, time)
        scale = {"rel": 1e-7, "abs": 1e-7 * e["rate_bandwidth"]}
        for other in ("divergence", "score", "snr"):
            assert e[f"rate_{other}"] == pytest.approx(e["rate_bandwidth"], rel=1e-9), (process, other)
        assert e["marginal_score"] == pytest.approx(e["marginal_divergence"], **scale)
        assert d["marginal"] == pytest.approx(e["marginal_divergence"], **scale)
        assert -d["mutual"] == pytest.approx(e["rate_bandwidth"], **scale)
        assert e["production"] - e["flow"] == pytest.approx(e["marginal_divergence"], **scale)
        assert e["points"] - e["production"] == pytest.approx(e["rate_bandwidth"], **scale)
        if process in ("ornstein_uhlenbeck", "vp_linear"):
            assert -d["free"] == pytest.approx(e["production"], **scale)
        if "h" in e:
            assert d["h"] == pytest.approx(e["class_rate"], **scale)
            assert e["class_production"] - e["production"] == pytest.approx(e["class_rate"], **scale)
            law = e["noise_square"] - 2 * (e["hb"] - e["h"] * e["class_rate"])
            assert -(d["hh"] - 2 * e["h"] * d["h"]) == pytest.approx(law, **scale)


def posterior_entropy_of(diffusion, states, time, process):
    """h_t(x) with the overlap of the classes by quadrature, at several states."""
    overlap = sp.Symbol("overlap", real=True)
    numbers_at = numbers(process, time)
    inner = posterior_expectations(
        diffusion, {"o": info.class_overlap(diffusion)}, states, 1.0, numbers_at, tolerance=1e-13
    )["o"]
    expr = info.posterior_entropy(diffusion, overlap)
    at = [dict(zip(map(str, diffusion.state), x, strict=True)) | numbers_at for x in states]
    return np.array([float(an.evaluate(expr, a | {"overlap": o}, 20)) for a, o in zip(at, inner, strict=True)])


@pytest.mark.parametrize("process", FIVE)
def test_pathwise_posterior_entropy_is_compensated_by_the_local_bandwidth(process):
    """Identity 6 at points: the generator of the reverse SDE acting on h = H[x_0|x_t=x] is -b(x), overlap included;

    and g dh/dx is the martingale coefficient (g alpha/sigma^2) Cov(-log p(x_0|x), x_0), by quadrature over x_0."""
    diffusion, time = diffusion_of(MODELS["three components"]), middle(process)[0]
    at, step = numbers(process, time), 2e-3
    (x,), (y,) = diffusion.state, info.data_symbols(diffusion)
    content = info.information_content(diffusion)
    for point in (-1.3, 0.4):
        grid = point + step * np.arange(-3, 4)[:, None]
        h = posterior_entropy_of(diffusion, grid, time, process)
        first = np.array([-1, 9, -45, 0, 45, -9, 1]) @ h / (60 * step)
        second = np.array([2, -27, 270, -490, 270, -27, 2]) @ h / (180 * step**2)
        dt = 2e-3 * time
        moved = np.array([posterior_entropy_of(diffusion, [[point]], time + k * dt, process)[0] for k in range(-3, 4)])
        in_time = np.array([-1, 9, -45, 0, 45, -9, 1]) @ moved / (60 * dt)
        here = {"x": point, **at}
        score, b = (float(an.evaluate(e, here)) for e in (diffusion.score[0], diffusion.local_bandwidth))
        generator = -in_time + (-at["f"] * point + at["g2"] * score) * first + at["g2"] / 2 * second
        assert generator == pytest.approx(-b, rel=2e-6)
        frozen = {"c": content.subs({x: point, **{getattr(symbols, k): v for k, v in at.items()}}), "y": y}
        moments = {"cy": frozen["c"] * y, **frozen}
        e = posterior_expectations(diffusion, moments, [[point]], 1.0, at, tolerance=1e-12)
        covariance = e["cy"][0] - e["c"][0] * e["y"][0]
        assert at["alpha"] / at["sigma"] ** 2 * covariance == pytest.approx(first, rel=1e-7)
        assert e["c"][0] == pytest.approx(h[3], rel=1e-10)


def test_class_noise_is_the_gradient_of_the_class_entropy():
    """The martingale coefficient of identity 6 for classes, in the plane and for a partition, against differences."""
    for name, partition in (("three points in the plane", ((0, 2), (1,))), ("nested pairs in 4 dimensions", None)):
        classes = info.Classes(an.Diffusion(MODELS[name], an.vp_linear()), partition)
        at, step = {"x1": 0.3, "x2": -0.4, an.t: 0.3}, 1e-4
        g = float(an.evaluate(sp.sqrt(an.vp_linear().g2), {an.t: 0.3}))
        for k, coordinate in enumerate(("x1", "x2")):
            ends = [an.evaluate(classes.entropy, at | {coordinate: at[coordinate] + s * step}) for s in (-2, -1, 1, 2)]
            slope = float((ends[0] - 8 * ends[1] + 8 * ends[2] - ends[3]) / (12 * step))
            assert float(an.evaluate(classes.noise[k], at)) == pytest.approx(g * slope, rel=1e-9)


def test_hierarchy_of_partitions_obeys_the_chain_rule():
    """H[fine] = H[coarse] + E H[fine|coarse]; of nested pairs the levels add, in the entropy and in the rate."""
    diffusion = an.Diffusion(an.NestedPairs((2, 0.6), 0.05), an.ornstein_uhlenbeck())
    fine, coarse, second = (info.Classes(diffusion, p) for p in (None, ((0, 1), (2, 3)), ((0, 2), (1, 3))))
    at = {"x1": 0.3, "x2": -0.2, an.t: 0.7}
    for name in ("entropy", "bandwidth"):
        parts = [float(an.evaluate(getattr(c, name), at)) for c in (coarse, second, fine)]
        assert parts[0] + parts[1] == pytest.approx(parts[2], rel=1e-12)
    assert float(an.evaluate(fine.prior_entropy)) == pytest.approx(np.log(4))
    assert coarse.prior == (sp.S.Half, sp.S.Half)
    assert float(an.evaluate(sum(fine.posterior), at)) == pytest.approx(1, abs=1e-14)


def test_single_gaussian_has_one_entropy_for_all_paths():
    """Theory 8: h_t does not depend on x; -log p(x_0|x_t) does, and its varentropy is 1/2 a dimension."""
    diffusion = an.Diffusion(an.GaussianMixture([0], 0.8), an.vp_linear())
    h = info.posterior_entropy(diffusion)
    assert not sp.simplify(h).free_symbols & set(diffusion.state)
    time, x = 0.3, 0.7
    (y,), content = info.data_symbols(diffusion), info.information_content(diffusion)
    law = info.posterior_law(diffusion)
    mean, variance = (float(an.evaluate(e, {"x": x, an.t: time})) for e in (law.means[0][0], law.covariances[0][0]))
    inner = sp.lambdify(y, content.subs({diffusion.state[0]: x, an.t: time}), "numpy")
    normal = stats.norm(mean, np.sqrt(variance))
    first, second = (normal.expect(lambda u, p=p: inner(u) ** p) for p in (1, 2))
    assert first == pytest.approx(float(an.evaluate(h, {an.t: time})), rel=1e-9)
    assert second - first**2 == pytest.approx(0.5, rel=1e-8)


def test_pointwise_i_mmse():
    """-log p_0(y) from the integral of the pointwise mmse over the SNR (Kong et al. 2023), without p_0 anywhere."""
    model = an.GaussianMixture([-1, 1], [0.3, 0.2], [0.4, 0.6])
    diffusion = diffusion_of(model)
    (y,) = info.data_symbols(diffusion)
    from physim import compiled

    names = (*diffusion.state, y, symbols.alpha, symbols.sigma)
    call = compiled(info.pointwise_error(diffusion), *names)
    z = np.linspace(-10, 10, 401)
    weight = np.exp(-(z**2) / 2) * (z[1] - z[0]) / np.sqrt(2 * np.pi)

    def integrand(log_ratio, point):
        ratio = np.exp(log_ratio)  # alpha = sqrt(R), sigma = 1
        error = call(np.sqrt(ratio) * point + z, point, np.sqrt(ratio), 1.0) @ weight
        return ratio * (1 / (1 + ratio) - error)

    for point in (-1.2, 0.1, 2.0):
        value = integrate.quad(integrand, -25, 25, args=(point,), epsabs=1e-10, limit=300, points=[0, 3])[0]
        truth = np.log(0.4 * stats.norm.pdf(point, -1, 0.3**0.5) + 0.6 * stats.norm.pdf(point, 1, 0.2**0.5))
        assert np.log(2 * np.pi * np.e) / 2 - value / 2 == pytest.approx(-truth, abs=1e-8)


def test_quadrature_in_three_coordinates_and_sampling_beyond():
    """E|x|^2 and E[same class] of four classes in space to 1e-10; the same by exact draws."""
    diffusion = an.Diffusion(an.Simplex(4, 1.3, 0.1), an.ornstein_uhlenbeck())
    classes = info.Classes(diffusion)
    forms = {"square": sum(x**2 for x in diffusion.state), "same": classes.same}
    e = expectations(diffusion, forms, [0.4])
    a2 = np.exp(-0.8)
    assert float(e.square[0]) == pytest.approx(a2 * (1.69 + 0.3) + 3 * (1 - a2), rel=1e-10)
    assert float(e.same_error[0]) < 1e-10
    from physim.quadrature import sampled

    s = sampled(diffusion, forms, [0.4], samples=40_000, seed=5)
    for name in forms:
        assert abs(float(s[name][0] - e[name][0])) < 5 * float(s[f"{name}_stderr"][0])
    five = an.Diffusion(an.Simplex(5, 1.3, 0.1), an.ornstein_uhlenbeck())
    with pytest.raises(ValueError, match=r"4 coordinates; quadrature serves up to 3, use quadrature\.sampled"):
        expectations(five, {"x": five.state[0]}, [0.4])
    with pytest.raises(ValueError, match="samples: 1 given"):
        sampled(five, {"x": five.state[0]}, [0.4], samples=1)


def test_a_million_dimensions_cost_as_much_as_one():
    """The class entropy and its rate at Lambda = 1.2 do not know D; the equal-mean classes tend to the same curve."""
    from analytic import two_classes

    d = sp.Symbol("D", positive=True)
    diffusion = an.Diffusion(an.SymmetricPair(sp.sqrt(d), 1, dim=d), an.ornstein_uhlenbeck())
    h = info.Classes(diffusion).entropy
    for dim in (64, 10**6):
        time = np.log(dim / 1.2) / 2
        e = expectations(diffusion, {"h": h}, [time], {"D": dim})
        assert float(e.h[0]) == pytest.approx(two_classes.class_entropy(1.2), rel=1e-9)
    equal = an.Diffusion(an.EqualMeans([1.5, 0.5], None, 10**6), an.ornstein_uhlenbeck())
    h = info.Classes(equal).entropy
    time = np.log(10**6 / 8 / 1.2) / 4
    assert float(expectations(equal, {"h": h}, [time]).h[0]) == pytest.approx(two_classes.class_entropy(1.2), rel=2e-3)


def test_refusals():
    diffusion = diffusion_of(MODELS["three components"])
    for partition, text in (
        (((0, 1),), "component 2 is in no group"),
        (((0, 1), (1, 2)), "component 1 stands in more than one group"),
        (((0, 1, 2, 3),), "3 is not a component; each of the components 0 to 2"),
        (((0, 1, 2), ()), "group 1 is empty"),
        (((0, 1), "ab"), "'a' is not a component"),
    ):
        with pytest.raises(ValueError, match=text):
            info.Classes(diffusion, partition)
    with pytest.raises(ValueError, match="overlap: the classes may overlap"):
        info.posterior_entropy(diffusion)
    with pytest.raises(ValueError, match="the state has the norm r"):
        info.information_content(diffusion_of(MODELS["equal means in 6 dimensions"]))
    with pytest.raises(ValueError, match=r"states: shape \(1, 2\) given"):
        posterior_expectations(diffusion, {}, [[0.0, 1.0]], 1.0, {})
    assert LETTERS.name == "letters"
