"""Generation with a score function: the kernels' twin on the same noise, exact laws, refusals."""

import numpy as np
import pytest
import sympy as sp

import analytic as an
import physim
from physim import grids
from physim.quadrature import expectations
from physim.results import NonFiniteError
from physim.spin_scores import scores
from tests.checks import LIMIT, agree

OU = an.ornstein_uhlenbeck()
PAIR = an.Diffusion(an.SymmetricPair(1.5, sp.Rational(1, 5), weight=sp.Rational(7, 10)), OU)
GRID = grids.uniform_log_snr(OU, 0.05, 3, 11)


def score_of(diffusion):
    call = physim.compiled(list(diffusion.score), *diffusion.state, an.t)
    return lambda x, t: np.stack(call(*x.T, t), axis=1)


@pytest.mark.parametrize(
    ("scheme", "churn"),
    [
        ("euler_maruyama", 1.0),
        ("stochastic_heun", 0.5),
        ("sra1", 1.0),
        ("exponential_euler", 1.0),
        ("exponential_midpoint", 1.0),
        ("ancestral", 1.0),
        ("flow_heun", 0.0),
        ("exponential_midpoint", 0.0),
    ],
)
def test_same_paths_as_the_compiled_kernel(scheme, churn):
    """One coordinate, every scheme, the same noise: the two ways to run a scheme agree to rounding."""
    start = np.random.default_rng(1).standard_normal((300, 1))
    request = {"grid": GRID, "seed": 77, "scheme": scheme, "keep_paths": 300}
    compiled = physim.simulate(PAIR.reverse(sp.nsimplify(churn)), trajectories=300, initial=start, **request)
    found = physim.generate(score_of(PAIR), OU, initial=start, churn=churn, batch=128, **request)
    assert found.paths.values[..., 0] == pytest.approx(compiled.paths.values[:, 0], abs=1e-11)
    assert found.x_mean.values == pytest.approx(compiled.x_mean.values, abs=1e-12)
    assert found.x_var_stderr.values == pytest.approx(compiled.x_var_stderr.values, rel=1e-9)


def test_spins_follow_their_compiled_reverse_process():
    """Sites are coordinates: the exact finite-N score as a batch function, on the kernel's noise."""
    spins = an.Diffusion(an.CurieWeiss(beta=sp.Rational(13, 10)), OU)
    request = {"grid": grids.uniform(0.1, 2, 9), "seed": 6, "scheme": "exponential_euler", "keep_paths": 15}
    compiled = physim.simulate(spins.reverse(7), trajectories=15, **request)
    start = compiled.paths.values[0].T
    found = physim.generate(
        lambda x, t: scores(spins, x, t), OU, initial=start, observe={"m": lambda x, t: x.mean(axis=1)}, **request
    )
    assert found.paths.values == pytest.approx(compiled.paths.values.transpose(0, 2, 1), abs=3e-6)


def test_the_law_in_mid_path_and_any_batch():
    """Two dimensions: exact moments at recorded times within errors; bits do not depend on the batch."""
    diffusion = an.Diffusion(an.PointMixture([[1, 0], [-1, 1]], [0.3, 0.7]), OU)
    data = np.array([[1.0, 0], [-1, 1]])[np.random.default_rng(3).choice(2, p=[0.3, 0.7], size=6000)]
    fine = grids.uniform_log_snr(OU, 0.05, 4, 200)
    start = physim.noised(data, OU, fine.times[-1], seed=5)
    request = {"grid": fine, "initial": start, "seed": 5, "scheme": "exponential_midpoint", "record": 5}
    run = physim.generate(score_of(diffusion), OU, **request)
    again = physim.generate(score_of(diffusion), OU, **request, batch=1000)
    for name in run.data_vars:
        assert np.array_equal(run[name].values, again[name].values)
    alpha, noise = np.exp(-run.time.values), -np.expm1(-2 * run.time.values)
    for k in range(2):
        mean, square = data[:, k].mean(), [0.3 * 1 + 0.7 * 1, 0.7][k]
        exact = [0.3 - 0.7, 0.7][k]
        assert abs(mean - exact) < 0.03
        agree(run[f"x{k + 1}_mean"][1:], run[f"x{k + 1}_mean_stderr"][1:], alpha[1:] * exact)
        variance = noise + alpha**2 * (square - exact**2)
        agree(run[f"x{k + 1}_var"][1:], run[f"x{k + 1}_var_stderr"][1:], variance[1:])


def test_information_of_a_score_while_it_generates():
    """Rates along generated paths are those of the data for the exact score, and not for one scaled by 1.2."""
    from analytic import thermodynamics

    diffusion = an.Diffusion(an.PointMixture([[1, 0], [-1, 1]], [0.3, 0.7]), OU)
    data = np.array([[1.0, 0], [-1, 1]])[np.random.default_rng(4).choice(2, p=[0.3, 0.7], size=6000)]
    fine, score = grids.uniform_log_snr(OU, 0.3, 4, 60), score_of(diffusion)
    request = {"grid": fine, "seed": 8, "scheme": "exponential_midpoint", "record": fine.times[[0, 20]]}
    forms = {"divergence": diffusion.local_bandwidth, "production": thermodynamics.entropy_production(diffusion)}
    truth = expectations(diffusion, forms | {"score": diffusion.local_bandwidth}, fine.times[[20, 0]])
    for factor, same in ((1.0, True), (1.2, False)):

        def scaled(x, t, factor=factor):
            return factor * score(x, t)

        observe = physim.estimators_of_score(scaled, OU, seed=2, probes=2)
        run = physim.generate(scaled, OU, initial=physim.noised(data, OU, 4, 7), observe=observe, **request)
        names = ("divergence", "score", "production")
        z = np.array([(run[f"{n}_mean"] - truth[n].values) / run[f"{n}_mean_stderr"] for n in names])
        assert (np.abs(z).max() < LIMIT) == same, z


def test_noised_is_the_forward_law():
    data = np.tile([[2.0, -1.0]], (20_000, 1))
    x = physim.noised(data, OU, 0.7, seed=9)
    alpha, noise = np.exp(-0.7), -np.expm1(-1.4)
    agree(x.mean(axis=0), np.sqrt(noise / 20_000), alpha * data[0])
    agree(x.var(axis=0), noise * np.sqrt(2 / 20_000), noise)


def test_lost_trajectories_are_counted_not_averaged():
    start = np.ones((100, 1))
    start[:30] = -1

    def half(x, t):
        return np.where(x < 0, np.inf, -x) if t < 1 else -x

    request = {"grid": grids.uniform(0.1, 2, 20), "initial": start, "seed": 1, "churn": 0.0}
    with pytest.raises(NonFiniteError, match="of 100 trajectories stopped being finite, the first by t = 0"):
        physim.generate(half, OU, **request)
    with pytest.warns(UserWarning, match="30 of 100 trajectories"):
        run = physim.generate(half, OU, **request, lost_fraction=0.5)
    assert run["count"].values[0] == 100
    assert run["count"].values[-1] == 70
    assert run.x_min.values[-1] > 0

    def sign(x, t):  # finite where x is not, and undefined for a while
        return np.where((x[:, 0] > 0.9) & (t > 1.5) & (t < 1.8), np.nan, np.sign(x[:, 0]))

    with pytest.warns(UserWarning, match="100 of 100 trajectories"):
        run = physim.generate(half, OU, **request, observe={"sign": sign}, lost_fraction=1)
    assert list(run["count"].values[[0, -1]]) == [100, 0]
    assert np.isnan(run.sign_mean.values[-1])
    with pytest.warns(UserWarning, match="30 of 100 trajectories"):
        run = physim.generate(half, OU, **request, observe={"one": lambda x, t: np.ones(len(x))}, lost_fraction=0.5)
    assert run["count"].values[-1] == 70


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"initial": np.zeros(4)}, "initial: shape"),
        ({"initial": np.full((4, 1), np.nan)}, "finite states"),
        ({"churn": -1.0}, "churn: -1.0"),
        ({"scheme": "glauber"}, "scheme: 'glauber' is unknown here"),
        ({"scheme": "flow_heun"}, "set churn=0"),
        ({"grid": [-1.0, 1.0]}, "leaves the span"),
        ({"observe": {"a": 3}}, "a function of \\(x, t\\)"),
        ({"observe": {"a": lambda x, t: x}}, "'a' returned shape"),
        ({"initial": np.zeros((4, 20)), "score": lambda x, t: x}, "observe: states of shape"),
        ({"score": lambda x, t: x[:, 0]}, "score: returned shape"),
        ({"keep_paths": 9}, "keep_paths: 9 given; a whole number from 0 to 4"),
        ({"seed": -1}, "seed: -1"),
    ],
)
def test_refusals(change, words):
    request = {"score": lambda x, t: -x, "process": OU, "grid": [0.1, 1.0], "initial": np.zeros((4, 1)), "seed": 1}
    with pytest.raises(ValueError, match=words):
        physim.generate(**(request | change))
