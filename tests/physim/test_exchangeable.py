"""Exchangeable sites: a plain twin on the same noise, exact laws of linear sites, bits, refusals."""

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp

import analytic as an
import physim
from analytic.symbols import t
from physim import grids
from physim.kernels.philox import normals_reference
from tests.checks import agree

x, y, m, c, s, K, h = sp.symbols("x y m c s K h", real=True)
ROTORS = an.Dynamics(  # rotors with an inertia-like second coordinate, a time-dependent field, two order parameters
    (x, y),
    (y + K * (s * sp.cos(x) - c * sp.sin(x)), -y + h * t),
    (sp.Rational(1, 2), 1),
    sites=7,
    order={c: sp.cos(x), s: sp.sin(x) + t * y},
)
VALUES = {"K": 2.0, "h": 0.3}
LINEAR = an.Dynamics((x,), (-x + 2 * (m - x),), (1,), sites=40, order={m: x})


def rotors_twin(starts, times, seed, trajectories):
    """Euler-Maruyama of ROTORS in a Python loop over trajectories, steps and sites."""
    steps, sites, dt = len(times) - 1, 7, times[1] - times[0]
    z = normals_reference(seed, 1, range(trajectories * sites), range((2 * steps + 3) // 4))
    z = z.reshape(trajectories, sites, -1)
    ends = []
    for noise in z:
        state = starts.copy()
        for n in range(steps):
            cos = np.mean([np.cos(a) for a, _ in state])
            sin = np.mean([np.sin(a) + times[n] * b for a, b in state])
            moved = []
            for i, (a, b) in enumerate(state):
                torque = VALUES["K"] * (sin * np.cos(a) - cos * np.sin(a))
                xi = noise[i, 2 * n : 2 * n + 2] * np.sqrt(dt)
                moved.append([a + (b + torque) * dt + xi[0] / 2, b + (-b + VALUES["h"] * times[n]) * dt + xi[1]])
            state = np.array(moved)
        ends.append(state)
    return np.array(ends)


def rotors(**options):
    starts = np.random.default_rng(1).normal(size=(7, 2))
    request = {"trajectories": 5, "grid": np.linspace(0, 1, 12), "seed": 5, "parameters": VALUES, "initial": starts}
    observe = {"c": c, "energy": an.site_mean(x**2 * t) - s**2 * K}
    return physim.simulate(ROTORS, **(request | {"observe": observe, "keep_paths": 5} | options)), starts


def test_plain_twin_on_the_same_noise():
    run, starts = rotors()
    twin = rotors_twin(starts, np.linspace(0, 1, 12), 5, 5)
    paths = run.paths.values  # time, coordinate, trajectory, site
    assert paths[-1].transpose(1, 2, 0) == pytest.approx(twin, rel=1e-12, abs=1e-13)
    u, v, time = paths[:, 0], paths[:, 1], run.time.values[:, None]
    assert run.c_mean.values == pytest.approx(np.cos(u).mean(axis=(1, 2)), rel=1e-12)
    energy = (u**2).mean(axis=2) * time - (np.sin(u).mean(axis=2) + time * v.mean(axis=2)) ** 2 * VALUES["K"]
    assert run.energy_mean.values == pytest.approx(energy.mean(axis=1), rel=1e-12, abs=1e-14)


def test_same_bits_however_the_work_is_cut():
    first = rotors(trajectories=150, keep_paths=150)[0]
    for options in ({"chunk": 16, "threads": 3}, {"block": 2048, "chunk": 32}, {"block": 256, "threads": 1}):
        other = rotors(trajectories=150, keep_paths=150, **options)[0]
        assert physim.store.checksum(first) == physim.store.checksum(other)


def test_linear_sites_have_their_exact_moments():
    """Euler chain, a = 1 - dt, b = 1 - 3 dt: Var m = (1/N) sum a^2k dt, Var x = Var m + (1 - 1/N) sum b^2k dt."""
    steps, dt = 60, 1 / 30
    request = {"trajectories": 20_000, "grid": dt * np.arange(steps + 1), "seed": 3, "record": 4}
    run = physim.simulate(LINEAR, **request, initial=np.array([0.7]), observe={"m": m, "square": an.site_mean(x**2)})
    n = np.round(run.time.values[1:] / dt)
    a, b = 1 - dt, 1 - 3 * dt
    of_m = dt * (1 - a ** (2 * n)) / (1 - a**2) / 40
    of_x = of_m + (39 / 40) * dt * (1 - b ** (2 * n)) / (1 - b**2)
    agree(run.m_mean[1:], run.m_mean_stderr[1:], 0.7 * a**n)
    agree(run.m_var[1:], run.m_var_stderr[1:], of_m)
    agree(run.square_mean[1:], run.square_mean_stderr[1:], of_x + (0.7 * a**n) ** 2)


@pytest.mark.parametrize("scheme", ["euler_maruyama", "exponential_euler"])
def test_independent_sites_are_the_data_distribution(scheme):
    """Sites without an order parameter: the reverse process of one site, many at once, from its exact start."""
    pair = an.Diffusion(an.SymmetricPair(1), an.ornstein_uhlenbeck())
    sites = replace(pair.reverse(), sites=50, order={m: pair.state[0]})
    run = physim.simulate(
        sites,
        trajectories=2_000,
        grid=grids.uniform_log_snr(pair.process, 0.05, 3, 400),
        seed=2,
        scheme=scheme,
        observe={"fourth": an.site_mean(pair.state[0] ** 4), "m": m},
        record=5,
        keep_paths=100,
        chunk=16,
    )
    assert len(np.unique(run.paths.values[0])) == 100 * 50  # a start of its own for every site of every trajectory
    alpha2 = np.exp(-2 * run.time.values)
    sigma2 = 1 - alpha2
    agree(run.fourth_mean, run.fourth_mean_stderr, alpha2**2 + 6 * alpha2 * sigma2 + 3 * sigma2**2, bias=0.02)
    agree(run.m_var, run.m_var_stderr, np.full(5, 1 / 50), bias=1e-4)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"scheme": "stochastic_heun"}, "stochastic_heun evaluates the drift more than once a step"),
        ({"observe": {"x": x}}, r"observe: x, y of a single site appears; observe order parameters or site_mean"),
        ({"initial": np.zeros((3, 2))}, r"initial: shape \(3, 2\) given; \(2,\), \(7, 2\) or \(5, 7, 2\) is needed"),
        ({"step_bias": True}, "step_bias: not available for exchangeable sites"),
        ({"observe": {"late": an.running_max(c)}}, "observe: path functionals are not available for exchangeable"),
    ],
)
def test_refusals(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        rotors(**options)


def test_noise_that_depends_on_an_order_parameter_is_general():
    assert an.Dynamics((x,), (-x,), (m**2,), sites=3, order={m: x}).noise_class == "general"
    assert LINEAR.noise_class == "additive"


def test_records_that_make_no_sense():
    with pytest.raises(ValueError, match="sites: None given together with order parameters"):
        an.Dynamics((x,), (m - x,), (1,), order={m: x})
    with pytest.raises(ValueError, match=r"sites: 2\.5 given; a whole number from 1"):
        an.Dynamics((x,), (-x,), (1,), sites=2.5)
    with pytest.raises(ValueError, match="order: an order parameter is the mean of an expression without"):
        an.Dynamics((x,), (m - x,), (1,), sites=3, order={m: x, c: m * x})
    with pytest.raises(ValueError, match="count: replicas of exchangeable sites are not supported"):
        LINEAR.copies(2)
