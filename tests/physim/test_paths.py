"""Path functionals against stored paths, exact laws of Brownian motion, and the law of commitment of a posterior."""

import numpy as np
import pytest
import sympy as sp

import analytic as an
import physim
from analytic.paths import first_time, path_integral, reached, running_max, value_at_first
from physim import grids
from tests.checks import agree

X = sp.Symbol("x", real=True)


def test_functionals_are_those_of_the_stored_paths():
    walk = an.Dynamics(X, -X, 1)
    grid = grids.uniform(0, 2, 40)
    observe = {
        "integral": path_integral(X**2),
        "top": running_max(sp.sin(3 * X)),
        "hit": reached(X - 1),
        "when": first_time(X - 1),
        "where": value_at_first(X - 1, X),
        "twice": 2 * running_max(X) + X,
    }
    run = physim.simulate(walk, trajectories=400, grid=grid, seed=3, initial=[0.9], observe=observe, keep_paths=400)
    paths, times = run.paths.values[:, 0], grid.times
    above = paths > 1
    ever = np.logical_or.accumulate(above, axis=0)
    first = np.argmax(above, axis=0)
    pieces = (paths[1:] ** 2 + paths[:-1] ** 2) / 2 * np.diff(times)[:, None]
    expected = {
        "integral": np.concatenate([np.zeros((1, 400)), np.cumsum(pieces, axis=0)]),
        "top": np.maximum.accumulate(np.sin(3 * paths), axis=0),
        "hit": ever.astype(float),
        "when": np.where(ever, times[first], 0.0),
        "where": np.where(ever, paths[first, np.arange(400)], 0.0),
        "twice": 2 * np.maximum.accumulate(paths, axis=0) + paths,
    }
    for name, values in expected.items():
        assert run[f"{name}_mean"].values == pytest.approx(values.mean(axis=1), rel=1e-12, abs=1e-14), name


def test_integral_and_maximum_of_brownian_motion():
    """int_0^1 W dt has variance 1/3; E max W = sqrt(2/pi) less 0.5826 sqrt(dt) of the grid (Asmussen et al. 1995)."""
    steps = 1600
    run = physim.simulate(
        an.Dynamics(X, 0, 1), trajectories=100_000, grid=grids.uniform(0, 1, steps), seed=5, initial=[0.0], record=1,
        observe={"area": path_integral(X), "top": running_max(X)},
    )  # fmt: skip
    agree(run.area_mean[-1], run.area_mean_stderr[-1], 0.0)
    agree(run.area_var[-1], run.area_var_stderr[-1], 1 / 3)
    agree(run.top_mean[-1], run.top_mean_stderr[-1], np.sqrt(2 / np.pi) - 0.5826 / np.sqrt(steps), bias=1e-4)


@pytest.mark.parametrize("scheme", ["euler_maruyama", "stochastic_heun", "exponential_midpoint"])
def test_reversion_after_commitment_tends_to_delta(scheme):
    """A reverse path whose class posterior first reached 0.9 ends in the other class with probability 0.1.

    Exact in continuous time (optional stopping of the posterior, a martingale).  On a grid the posterior overshoots,
    so the fraction lies below 0.1 and rises towards it as sqrt(dt): checked by the order of three grids and by
    extrapolation in sqrt(dt), with 0.002 for what is left of higher order.
    """
    diffusion = an.Diffusion(an.SymmetricPair(1), an.ornstein_uhlenbeck())
    p = diffusion.class_posterior[0]
    committed = value_at_first(sp.Abs(p - sp.S.Half) - sp.Rational(2, 5), sp.sign(p - sp.S.Half))
    (x,) = diffusion.state
    steps = np.array([200, 800, 3200])
    fractions, errors = [], []
    for n in steps:
        run = physim.simulate(
            diffusion.reverse(), trajectories=100_000, grid=grids.uniform_log_snr(diffusion.process, 0.02, 4, int(n)),
            seed=7, scheme=scheme, record=1, observe={"revert": sp.Heaviside(-committed * x, 0)},
        )  # fmt: skip
        fractions.append(float(run.revert_mean[-1]))
        errors.append(float(run.revert_mean_stderr[-1]))
    assert fractions[0] < fractions[1] < fractions[2] < 0.1 + 5 * errors[2]
    limit = 2 * fractions[2] - fractions[1]
    agree(limit, np.hypot(2 * errors[2], errors[1]), 0.1, bias=0.002)


def test_refusals():
    with pytest.raises(TypeError, match="has no derivative"):
        sp.diff(running_max(X), X)
    good = {"trajectories": 10, "seed": 1, "grid": grids.uniform(0, 1, 4), "initial": [0.0]}
    with pytest.raises(ValueError, match="inside another one"):
        physim.simulate(an.Dynamics(X, 0, 1), observe={"a": running_max(path_integral(X))}, **good)
    with pytest.raises(ValueError, match="not available together with path functionals"):
        physim.simulate(an.Dynamics(X, 0, 1), observe={"a": running_max(X)}, step_bias=True, **good)
