"""Exact and simulated side by side, the estimators on a score function, the experiments, the entropic grids."""

import json

import numpy as np
import pytest
import sympy as sp
from scipy import integrate, special, stats

import analytic as an
import physim
from analytic.models.partitions import coarse_partition
from physim import experiments, grids
from physim.quadrature import expectations
from tests.checks import LIMIT, agree

OU = an.ornstein_uhlenbeck()
TWO = an.Diffusion(an.SymmetricPair(1.5, 0.3), OU)


def test_every_quantity_exact_and_simulated():
    """All z-scores within the limit and jointly not too large; exact columns against SciPy and closed forms."""
    m = sp.Symbol("m", positive=True)
    pair = an.Diffusion(an.SymmetricPair(m, 0.3, 0.7, 5), OU)
    grid, known = grids.uniform_log_snr(OU, 0.1, 2.5, 1200), {"parameters": {m: 1.5}, "record": 4}
    found = physim.information_dynamics(pair, grid, trajectories=20_000, seed=11, **known)
    z = np.array([found[n].values for n in found.data_vars if n.endswith("_z")])
    assert len(z) == 15
    assert np.nanmax(np.abs(z)) < LIMIT
    assert np.sqrt(np.nanmean(z**2)) < 1.6
    rate = found.bandwidth_exact.values
    for name in ("divergence", "score", "snr"):
        assert found[f"{name}_exact"].values == pytest.approx(rate, rel=1e-8)
    assert (found.point_production_exact - found.production_exact).values == pytest.approx(rate, rel=1e-8)
    lam = 2.25 * np.exp(-2 * found.time.values) / (1 - 0.7 * np.exp(-2 * found.time.values))
    z = np.linspace(-12, 12, 2001)
    for k, value in enumerate(lam):
        h = 0.0
        for weight, sign in ((0.7, 1), (0.3, -1)):
            odds = 2 * sign * value + np.log(7 / 3) + 2 * value**0.5 * z
            h += weight * integrate.trapezoid(special.entr(special.expit(odds)) * stats.norm.pdf(z), z)
            h += weight * integrate.trapezoid(special.entr(special.expit(-odds)) * stats.norm.pdf(z), z)
        assert float(found.class_entropy_exact[k]) == pytest.approx(h, rel=1e-8)
    assert json.loads(found.attrs["provenance"])["seed"] == 11


@pytest.mark.slow
def test_many_coordinates_are_averaged_over_exact_draws():
    five = an.Diffusion(an.Simplex(5, 1.3, 0.1), OU)
    grid = grids.uniform_log_snr(OU, 0.3, 2.0, 60)
    found = physim.information_dynamics(five, grid, trajectories=4000, seed=3, record=1, partition=((0, 1), (2, 3, 4)))
    assert float(found.class_entropy_exact_error[0]) > 1e-5
    assert abs(float(found.class_rate_z[0])) < LIMIT


def score_of(diffusion):
    """The exact score as a NumPy callable of batches, as a trained network would be."""
    call = physim.compiled(list(diffusion.score), *diffusion.state, an.t)
    return lambda x, t: np.stack(call(*x.T, t), axis=1)


def test_estimators_on_a_score_function():
    """The exact score: three estimates within errors of the exact rate; a score scaled by 1.2 is told apart."""
    diffusion = an.Diffusion(an.PointMixture([[1, 0], [-0.5, 1.2], [-1, -1]], [0.5, 0.3, 0.2]), OU)
    rng = np.random.default_rng(8)
    data = np.array([[1, 0], [-0.5, 1.2], [-1, -1]])[rng.choice(3, p=[0.5, 0.3, 0.2], size=20_000)]
    times = [0.3, 0.8]
    score = score_of(diffusion)
    found = physim.information_of_score(score, OU, data, times, seed=1, probes=2)
    from analytic import thermodynamics

    forms = {"rate": diffusion.local_bandwidth, "production": thermodynamics.entropy_production(diffusion)}
    exact = expectations(diffusion, forms, times)
    for name, truth in (("divergence", "rate"), ("score", "rate"), ("snr", "rate"), ("production", "production")):
        z = (found[name] - exact[truth].values) / found[f"{name}_stderr"]
        assert np.abs(z).max() < LIMIT, name
    wrong = physim.information_of_score(lambda x, t: 1.2 * score(x, t), OU, data, times, seed=1)
    assert np.all(wrong.snr - wrong.score > 10 * np.hypot(wrong.snr_stderr, wrong.score_stderr))


def test_score_functions_that_cannot_be():
    data = np.ones((10, 2))
    with pytest.raises(ValueError, match=r"score: returned shape \(10,\) for a batch of shape \(10, 2\)"):
        physim.information_of_score(lambda x, t: x[:, 0], OU, data, [0.5], seed=1)
    with pytest.raises(ValueError, match=r"score: 10 of 10 values at t = 0\.5 are not finite, the first at x = "):
        physim.information_of_score(lambda x, t: x * np.nan, OU, data, [0.5], seed=1)
    with pytest.raises(ValueError, match=r"data: shape \(10,\) given"):
        physim.information_of_score(lambda x, t: x, OU, data[:, 0], [0.5], seed=1)
    with pytest.raises(ValueError, match="probes: 0 given"):
        physim.information_of_score(lambda x, t: x, OU, data, [0.5], seed=1, probes=0)


def test_clones_and_u_turns_against_the_same_exact_probability():
    """Two experiments, one exact curve; the squared distance of a U-turn by the posterior covariance."""
    known = {"until": 0.15, "trajectories": 10_000, "partition": ((1,), (0,)), "steps": 400}
    found = experiments.clones(TWO, [0.4, 1.0], seed=1, **known)
    back = experiments.u_turn(TWO, [0.4, 1.0], seed=5, **known)
    assert back.kept_exact.values == pytest.approx(found.same_exact.values, rel=1e-8)
    for z in (found.same_z, back.kept_z, back.distance_z):
        assert np.abs(z).max() < LIMIT
    assert np.all(np.diff(found.same_exact.values) < -0.05)


def test_distance_of_a_u_turn_of_one_gaussian():
    """Closed form for N(0, 1) under VP: x_s and x_s' given x_t are correlated by r^2, r = alpha_t/alpha_s."""
    one = an.Diffusion(an.GaussianMixture([0], 1), OU)
    back = experiments.u_turn(one, [0.9], until=0.2, trajectories=500, seed=2, steps=50)
    assert float(back.distance_exact[0]) == pytest.approx(2 * (1 - np.exp(-1.4)), rel=1e-9)


def test_branching_of_pairs():
    found = experiments.branching(TWO, [0.5, 1.2], until=0.15, trajectories=5000, seed=3, steps=400)
    assert np.abs(found.independent_z).max() < LIMIT
    assert np.abs(found.growth_z).max() < LIMIT
    assert np.all(found.common > np.exp(2 * found.growth))  # Jensen: the mean square grows at least as the mean log


def test_commitment_reverts_as_often_as_doubt_was_left():
    grid = grids.uniform_log_snr(OU, 0.02, 4.0, 800)
    found = experiments.commitment(TWO, grid, [0.05, 0.2], trajectories=10_000, seed=4)
    assert np.all(found.reached > 0.9)
    assert np.abs(found.reverted_z).max() < LIMIT
    assert np.all(found.reverted < found.delta)
    assert np.all(found.reverted > 0.7 * found.delta)
    assert found.when[0] < found.when[1]


def test_refusals_of_experiments():
    known = {"trajectories": 100, "seed": 1}
    with pytest.raises(ValueError, match=r"starts, until: 0\.1 \.\.\. 1 must lie above until = 0\.2, inside"):
        experiments.clones(TWO, [0.1, 1], until=0.2, **known)
    with pytest.raises(ValueError, match="partition: component 1 is in no group"):
        experiments.clones(TWO, [1], until=0.2, partition=((0,),), **known)
    with pytest.raises(ValueError, match="diffusion: a norm cannot be noised"):
        experiments.u_turn(an.Diffusion(an.EqualMeans([1, 2]), OU), [1], until=0.2, **known)
    with pytest.raises(ValueError, match="offset: 0 is not a positive number"):
        experiments.branching(TWO, [1], until=0.2, offset=0, **known)
    with pytest.raises(ValueError, match="delta: 3/5 is not between 0 and 1/2"):
        experiments.commitment(TWO, [0.1, 1], 0.6, **known)


@pytest.mark.parametrize("process", [OU, an.edm()])
def test_entropic_grids(process):
    """Gaussian data: rescaled, equal steps of c arctan(sigma/(alpha c)); entropic, of the logarithm of the variance."""
    c = 0.7
    diffusion = an.Diffusion(an.GaussianMixture([0], c**2), process)
    for rescaled in (False, True):
        times = grids.entropic(diffusion, 0.05, 2.0, 20, rescaled=rescaled).times
        ratio = np.array([float(an.evaluate(process.sigma / process.alpha, {an.t: u})) for u in times])
        entropy = -np.log1p(c**2 / ratio**2) / 2  # H[x_0|x_t] less a constant
        marks = np.diff(c * np.arctan(ratio / c) if rescaled else entropy)
        assert marks == pytest.approx(marks.mean(), rel=1e-5)
    with pytest.raises(ValueError, match="steps: 0 is not a positive whole number"):
        grids.entropic(diffusion, 0.05, 2.0, 0)


def test_u_turns_of_a_tree_of_classes():
    """Three coordinates: the exact column by draws of its own, within its error of the quadrature."""
    tree = an.Diffusion(an.UltrametricTree((2, 2), (3, 1), 0.1), OU)
    partition = coarse_partition((2, 2), 1)
    back = experiments.u_turn(tree, [1.1], until=0.4, trajectories=4000, seed=2, partition=partition, steps=200)
    assert abs(float(back.kept_z[0])) < LIMIT
    assert abs(float(back.distance_z[0])) < LIMIT
    same = {"same": an.Classes(tree, partition).same}
    exact = float(expectations(tree, same, [1.1], tolerance=1e-4).same[0])
    agree(back.kept_exact, back.kept_stderr / np.sqrt(20), exact)
    assert abs(float(back.kept_exact[0]) - exact) > 1e-7
