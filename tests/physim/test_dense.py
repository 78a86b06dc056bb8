"""Many centres by matrix products: a plain twin on the same noise, exact marginals, bits, refusals."""

import numpy as np
import pytest
import sympy as sp
from scipy.special import log_softmax

import analytic as an
import physim
from analytic.empirical import MEAN_CENTRE, POSTERIOR_ENTROPY, SQUARE_NORM, TOP_CENTRE
from physim import grids
from physim.kernels.philox import normals_reference
from tests.checks import agree

PROCESS = an.vp_linear()
CENTRES = np.random.default_rng(4).normal(size=(5, 3))
WEIGHTS = np.array([0.1, 0.2, 0.3, 0.15, 0.25])
DATA = physim.DenseMixture(CENTRES, 0.1, WEIGHTS)


def reverse(**options):
    request = {"trajectories": 70, "grid": grids.uniform(0.1, 0.9, 9), "seed": 12, "keep_paths": 70}
    return physim.simulate(DATA.reverse(PROCESS), **(request | options))


def plain_twin(times, start, seed):
    """Euler-Maruyama with the score of the same Gaussian mixture, written from its definition in NumPy."""
    steps, (count, dim) = len(times) - 1, start.shape
    z = normals_reference(seed, 1, range(count * dim), range((steps + 3) // 4)).reshape(count, dim, -1)
    x, entropies = start.copy(), []
    for n, t in enumerate(times):
        beta = 0.1 + 19.9 * t
        alpha2 = np.exp(-0.1 * t - 19.9 * t**2 / 2)
        gamma = 1 - alpha2 + 0.1 * alpha2
        away = x[:, None, :] - np.sqrt(alpha2) * CENTRES
        log_p = log_softmax(-(away**2).sum(axis=2) / (2 * gamma) + np.log(WEIGHTS), axis=1)
        entropies.append(-(np.exp(log_p) * log_p).sum(axis=1))
        if n == steps:
            return x, np.array(entropies)
        dt = t - times[n + 1]
        score = -(np.exp(log_p)[..., None] * away).sum(axis=1) / gamma
        x = x + (beta / 2 * x + beta * score) * dt + np.sqrt(beta * dt) * z[..., n]


def test_plain_twin_on_the_same_noise():
    run = reverse()
    paths = run.paths.values.transpose(0, 2, 1)
    ends, entropies = plain_twin(run.time.values, paths[0], 12)
    assert paths[-1] == pytest.approx(ends, rel=1e-11, abs=1e-12)
    assert run.posterior_entropy_mean.values == pytest.approx(entropies.mean(axis=1), rel=1e-12)
    assert run.square_norm_mean.values == pytest.approx((paths**2).mean(axis=(1, 2)), rel=1e-13)


@pytest.mark.parametrize("scheme", ["euler_maruyama", "exponential_euler"])
def test_marginals_and_weights(scheme):
    """E|x|^2/D at every recorded time, the weights of the centres at the end: a path ends at c_k with frequency w_k."""
    data = physim.DenseMixture(CENTRES, 0, WEIGHTS)
    run = physim.simulate(
        data.reverse(PROCESS),
        trajectories=20_000,
        grid=grids.uniform_log_snr(PROCESS, 0.02, 0.95, 300),
        seed=3,
        scheme=scheme,
        observe={"r2": SQUARE_NORM, "top": TOP_CENTRE},
        histograms={"top": np.arange(-0.5, 5)},
        record=4,
    )
    time = run.time.values
    alpha2 = np.exp(-0.1 * time - 19.9 * time**2 / 2)
    exact = alpha2 * np.sum(WEIGHTS * (CENTRES**2).mean(axis=1)) + 1 - alpha2
    agree(run.r2_mean, run.r2_mean_stderr, exact, bias=0.012)
    agree(run.top_density[-1], run.top_density_stderr[-1], WEIGHTS, bias=0.004)


def test_starts_are_exact_draws():
    """At a small time: mean of every coordinate, and the second moment with its part between the centres."""
    run = reverse(trajectories=50_000, grid=[0.1, 0.11], keep_paths=50_000, record=2)
    alpha2, x = np.exp(-0.1 * 0.11 - 19.9 * 0.11**2 / 2), run.paths.values[0]
    agree(x.mean(axis=1), x.std(axis=1) / 50_000**0.5, alpha2**0.5 * WEIGHTS @ CENTRES)
    second = alpha2 * (CENTRES.T * WEIGHTS) @ CENTRES + (1 - 0.9 * alpha2) * np.eye(3)
    products = x[:, None] * x[None]
    agree(products.mean(axis=2), products.std(axis=2) / 50_000**0.5, second)


def test_same_bits_however_the_work_is_cut():
    first = reverse(trajectories=200, keep_paths=200)
    for options in ({"chunk": 64, "threads": 3}, {"chunk": 128, "threads": 1}):
        other = reverse(trajectories=200, keep_paths=200, **options)
        assert physim.store.checksum(first) == physim.store.checksum(other)


def test_bad_centres_are_refused():
    with pytest.raises(ValueError, match=r"centres: an array of shape \(3,\) given; finite numbers of shape \(K, D\)"):
        physim.DenseMixture(np.zeros(3))
    with pytest.raises(ValueError, match="weights: 5 positive numbers are needed, one for each centre"):
        physim.DenseMixture(CENTRES, weights=[0.5, 0.5])
    with pytest.raises(ValueError, match="variance: -1 given; it must be zero or positive"):
        physim.DenseMixture(CENTRES, -1)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"observe": {"m": MEAN_CENTRE}},
            "observe: m = mean_centre given; with many centres, expressions of posterior",
        ),
        ({"observe": {"x": sp.Symbol("x", real=True)}}, "with many centres, expressions of posterior_entropy, top_"),
        ({"observe": {"h": an.running_max(POSTERIOR_ENTROPY)}}, "with many centres, expressions of"),
        ({"scheme": "stochastic_heun"}, "stochastic_heun evaluates the drift more than once a step"),
        ({"initial": np.zeros((4, 3))}, r"initial: shape \(4, 3\) given; \(1,\), \(3, 1\) or \(70, 3, 1\) is needed"),
    ],
)
def test_refusals(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        reverse(**options)
