"""The compiled reverse process of Curie-Weiss spins: exact-score twin, finite-N law at every time, refusals."""

import numpy as np
import pytest
import sympy as sp

import analytic as an
import physim
from analytic.site_diffusion import (
    ORDER_MEAN,
    ORDER_SIGN,
    ORDER_SQUARE,
    ORDER_X,
    POSITIVE_PHASE,
    SPIN_MEAN,
)
from physim import grids
from physim.finite_size import Law
from physim.kernels.philox import normals_reference
from physim.spin_scores import posterior_means, scores
from tests.checks import agree

B, H = sp.Symbol("b", positive=True), sp.Symbol("h", real=True)
PROCESS = an.ornstein_uhlenbeck()
SPINS = an.Diffusion(an.CurieWeiss(field=H, beta=B), PROCESS)
VALUES = {"b": 1.3, "h": 0.004}


def reverse(sites=9, **options):
    request = {"trajectories": 20, "grid": grids.uniform(0.1, 2, 13), "seed": 6, "keep_paths": 20}
    return physim.simulate(SPINS.reverse(sites), **(request | {"parameters": VALUES} | options))


def test_plain_twin_with_the_exact_score():
    """Euler-Maruyama with `spin_scores` on the same noise; the kernel's quadrature is good to 1e-7."""
    run = reverse()
    x, times = run.paths.values[0].T.copy(), run.time.values
    z = normals_reference(6, 1, range(20 * 9), range(4)).reshape(20, 9, -1)
    for n, t in enumerate(times[:-1]):
        dt = t - times[n + 1]
        x = x + (x + 2 * scores(SPINS, x, t, VALUES)) * dt + np.sqrt(2 * dt) * z[..., n]
    assert pytest.approx(x, abs=3e-6) == run.paths.values[-1].T
    means = posterior_means(SPINS, x, times[-1], VALUES)
    assert float(run.order_mean_mean[-1]) == pytest.approx(means.mean(), abs=1e-6)
    assert float(run.order_square_mean[-1]) == pytest.approx((means**2).mean(), abs=1e-6)
    assert run.order_sign_mean.values == pytest.approx(np.sign(run.paths.values).mean(axis=(1, 2)))


@pytest.mark.parametrize("scheme", ["euler_maruyama", "exponential_euler"])
def test_the_finite_size_law_at_every_time(scheme):
    """N = 100 in the ordered phase with a small field, at 5 times of the path: moments of the mean of x, the phases.

    Both schemes are of weak order one: twice the fine run less the coarse one (of other noise) removes their bias.
    """
    sites = 100
    law = Law(an.CurieWeiss(field=H, beta=B), sites, 1.3, VALUES)
    m, p = law.ray, law.probability
    observe = {"x": ORDER_X, "x2": ORDER_X**2, "m": ORDER_MEAN, "up": POSITIVE_PHASE, "sign": ORDER_SIGN}
    fine = grids.uniform_log_snr(PROCESS, 0.02, 5, 200)
    request = {"trajectories": 3_000, "keep_paths": 0, "record": fine.times[::50], "observe": observe}
    runs = [
        reverse(sites, **request, grid=grid, seed=k, scheme=scheme)
        for k, grid in enumerate((fine, grids.Grid(fine.times[::2])))
    ]
    alpha = np.exp(-runs[0].time.values)
    exact = {
        "x": alpha * np.sum(p * m),
        "x2": alpha**2 * np.sum(p * m**2) + (1 - alpha**2) / sites,
        "m": np.sum(p * m),
        "up": np.sum(p * (m > 0)) + np.sum(p * (m == 0)) / 2,
    }
    for name, value in exact.items():
        (a, b), (sa, sb) = ([run[f"{name}_mean{end}"].values for run in runs] for end in ("", "_stderr"))
        agree(2 * a - b, np.hypot(2 * sa, sb), value)
    agree(runs[0].sign_mean[-1:], runs[0].sign_mean_stderr[-1:], np.sum(p * m))


def test_starts_are_exact_draws_at_small_n():
    """Two spins: the correlation of x_1 x_2 is alpha^2 <s_1 s_2>, and single sites have mean alpha <s>."""
    values = {"b": 0.5, "h": 0.1}  # warm: spins given m alone instead of the field would halve the correlation
    run = reverse(2, trajectories=100_000, grid=[0.3, 0.31], keep_paths=100_000, record=2, parameters=values)
    x = run.paths.values[0]
    weights = np.exp([0.6, 0, 0, 0.4])
    pair, mean = (weights @ [1, -1, -1, 1]) / weights.sum(), (weights @ [1, 0, 0, -1]) / weights.sum()
    alpha = np.exp(-0.31)
    agree((x[0] * x[1]).mean(), (x[0] * x[1]).std() / np.sqrt(1e5), alpha**2 * pair)
    for site in x:
        agree(site.mean(), site.std() / np.sqrt(1e5), alpha * mean)


def test_same_bits_however_the_work_is_cut():
    first = reverse(trajectories=40, keep_paths=40)
    for options in ({"chunk": 16, "threads": 3}, {"chunk": 32, "threads": 1}):
        assert physim.store.checksum(first) == physim.store.checksum(reverse(trajectories=40, keep_paths=40, **options))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"observe": {"s": SPIN_MEAN}}, "observe: s = spin_mean given; for spins, expressions of order_x, order_sign"),
        ({"observe": {"q": an.site_mean(ORDER_SQUARE)}}, "for spins, expressions of"),
        (
            {"parameters": {"b": 12.0, "h": 0}},
            r"model: beta \(J \+ \|h\|\) reaches 23\.5 on the nodes of 9",
        ),
        ({"parameters": {"b": 1.0}}, "parameters: no value for h"),
        ({"scheme": "sra1"}, "sra1 evaluates the drift more than once a step"),
    ],
)
def test_refusals(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        reverse(**options)


def test_models_without_ising_spins_are_refused():
    with pytest.raises(ValueError, match="model: BlumeCapel has no Ising spins"):
        an.Diffusion(an.BlumeCapel(sp.Rational(2, 5), beta=sp.Integer(2)), PROCESS).reverse(5)
    with pytest.raises(ValueError, match="churn: -1 is negative"):
        SPINS.reverse(5, churn=-1)
