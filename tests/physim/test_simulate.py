"""The ensemble engine: marginals along the whole path, bits, a plain twin on the same noise, refusals."""

import json

import numpy as np
import pytest
import sympy as sp

import analytic as an
import physim
from analytic.symbols import t
from physim import grids
from physim.kernels.philox import normals_reference
from physim.quadrature import expectations
from tests.checks import agree
from tests.zoo import MODELS

PAIR = an.Diffusion(an.SymmetricPair(1), an.ornstein_uhlenbeck())


def plain_twin(dynamics, starts, times, seed, values):
    """Euler-Maruyama in a Python loop, drift by lambdify, normals by Box-Muller with `math`: slow and readable."""
    d = len(dynamics.state)
    names = [str(s) for s in (*dynamics.state, dynamics.time)] + list(values)
    from analytic.stable import MPMATH

    drift = [sp.lambdify(names, e, modules=[MPMATH, "mpmath"]) for e in dynamics.drift]
    noise = [sp.lambdify(names, e, modules=[MPMATH, "mpmath"]) for e in dynamics.noise]
    steps = len(times) - 1
    z = normals_reference(seed, 1, range(len(starts)), range((steps * d + 3) // 4)).reshape(len(starts), -1)
    ends = []
    for x, row in zip(starts, z, strict=True):
        x = list(x)
        for n in range(steps):
            dt = abs(times[n + 1] - times[n])
            arguments = [*x, times[n], *values.values()]
            a = [float(f(*arguments)) for f in drift]
            b = [float(f(*arguments)) for f in noise]
            x = [x[i] + a[i] * dt + b[i] * np.sqrt(dt) * row[n * d + i] for i in range(d)]
        ends.append(x)
    return np.array(ends).T


@pytest.mark.parametrize("model", ["pair of points", "three points in the plane", "correlated pair in the plane"])
def test_plain_twin_on_the_same_noise(model):
    diffusion = an.Diffusion(MODELS[model], an.vp_linear())
    dynamics, grid = diffusion.reverse(), grids.uniform(0.05, 0.9, 21)
    rng = np.random.default_rng(0)
    starts = rng.normal(size=(5, len(diffusion.state)))
    result = physim.simulate(
        dynamics, trajectories=5, grid=grid, seed=2**63 + 7, initial=starts, record=1, keep_paths=5
    )
    twin = plain_twin(dynamics, starts, grid.times[::-1], 2**63 + 7, {})
    assert result.paths.values[-1] == pytest.approx(twin, rel=1e-11, abs=1e-12)


@pytest.mark.parametrize("dim", [1, 2, 3, 4, 5, 6])
def test_every_normal_is_used_once(dim):
    """Normal dim n + i of a trajectory is coordinate i of step n, whatever its place in the groups of four."""
    x = sp.symbols(f"x1:{dim + 1}", real=True)
    walk = an.Dynamics(x, (0,) * dim, (1,))
    run = physim.simulate(walk, trajectories=4, grid=np.arange(8.0), seed=9, initial=np.zeros(dim), keep_paths=4)
    z = normals_reference(9, 1, range(4), range(2 * dim)).reshape(4, 8, dim)[:, :7]
    assert np.diff(run.paths.values, axis=0).transpose(2, 0, 1) == pytest.approx(z, rel=1e-12, abs=1e-13)


def test_moments_and_their_errors_are_those_of_the_stored_paths():
    """Mean, unbiased variance and both standard errors by their textbook formulas, over several cells and a rest."""
    run = physim.simulate(
        PAIR.reverse(),
        trajectories=1100,
        grid=grids.uniform_log_snr(PAIR.process, 0.1, 2.0, 9),
        seed=4,
        observe={"y": sp.exp(PAIR.state[0])},
        keep_paths=1100,
    )
    y, n = np.exp(run.paths.values[:, 0]), 1100
    variance, fourth = y.var(axis=1, ddof=1), ((y - y.mean(axis=1, keepdims=True)) ** 4).mean(axis=1)
    assert run.y_mean.values == pytest.approx(y.mean(axis=1), rel=1e-13)
    assert run.y_mean_stderr.values == pytest.approx(np.sqrt(variance / n), rel=1e-12)
    assert run.y_var.values == pytest.approx(variance, rel=1e-12)
    assert run.y_var_stderr.values == pytest.approx(np.sqrt((fourth - variance**2 * (n - 3) / (n - 1)) / n), rel=1e-11)


@pytest.mark.parametrize("process", ["ornstein_uhlenbeck", "variance_exploding", "edm", "flow_matching", "vp_linear"])
def test_reverse_marginals_at_every_recorded_time(process):
    """E of x, x^2, class entropy and local bandwidth at 12 times of the path, Richardson-corrected for the step.

    The step bias is measured, not assumed: the run with half the steps uses other noise, and the difference of the
    two (weak order one) is subtracted, with its standard error.
    """
    diffusion = an.Diffusion(MODELS["three components"], an.PROCESSES[process]())
    end = {"ornstein_uhlenbeck": 2.0, "vp_linear": 0.8, "flow_matching": 0.97}.get(process, 3.0)
    start = 0.02 * end
    x = diffusion.state[0]
    observe = {"x": x, "square": x**2, "h": diffusion.class_entropy, "b": diffusion.local_bandwidth}
    fine = grids.uniform_log_snr(diffusion.process, start, end, 384)
    coarse = grids.Grid(fine.times[::2])
    exact = None
    runs = []
    for grid, seed in ((fine, 1), (coarse, 2)):
        runs.append(
            physim.simulate(
                diffusion.reverse(),
                trajectories=60_000,
                grid=grid,
                seed=seed,
                observe=observe,
                record=fine.times[::32],
            )
        )
    exact = expectations(diffusion, observe, runs[0].time.values)
    for name in observe:
        a, b = (run[f"{name}_mean"].values for run in runs)
        sa, sb = (run[f"{name}_mean_stderr"].values for run in runs)
        agree(2 * a - b, np.hypot(2 * sa, sb), exact[name].values)


def test_forward_and_langevin():
    """The forward process reaches p_t from the data; Langevin dynamics at fixed t stays in p_t."""
    diffusion = an.Diffusion(MODELS["three components"], an.ornstein_uhlenbeck())
    x = diffusion.state[0]
    run = physim.simulate(
        diffusion.forward(),
        trajectories=60_000,
        grid=grids.uniform(0, 1.5, 600),
        seed=4,
        observe={"x": x, "s": x**2},
        record=7,
    )
    exact = expectations(diffusion, {"x": x, "s": x**2}, run.time.values[1:])
    agree(run.x_mean[1:], run.x_mean_stderr[1:], exact.x.values)
    agree(run.s_mean[1:], run.s_mean_stderr[1:], exact.s.values, bias=2 * 1.5 / 600)
    held = physim.simulate(
        diffusion.langevin(at=0.5),
        trajectories=60_000,
        grid=grids.uniform(0, 1, 800),
        seed=5,
        observe={"x": x, "c": sp.cos(2 * x)},
        record=5,
    )
    truth = expectations(diffusion, {"x": x, "c": sp.cos(2 * x)}, [0.5])
    agree(held.x_mean, held.x_mean_stderr, truth.x.values, bias=0.005)
    agree(held.c_mean, held.c_mean_stderr, truth.c.values, bias=0.005)


def test_flow_is_deterministic_and_transports_gaussians_exactly():
    """Single Gaussian: the flow maps x by the ratio of standard deviations (order one in the step)."""
    v = sp.Rational(1, 4)
    diffusion = an.Diffusion(an.GaussianMixture([0], v), an.variance_exploding())
    ends = []
    for steps in (200, 400):
        run = physim.simulate(
            diffusion.probability_flow(),
            trajectories=1,
            grid=grids.uniform(0, 2, steps),
            seed=0,
            initial=[1.5],
            record=1,
        )
        ends.append(float(run.x_mean[-1]))
    exact = 1.5 * np.sqrt(0.25 / 2.25)
    assert 2 * ends[1] - ends[0] == pytest.approx(exact, rel=2e-4)
    assert abs(ends[0] - exact) > 1.8 * abs(ends[1] - exact)


def test_same_bits_however_the_work_is_cut():
    observe = {"x": PAIR.state[0], "h": PAIR.class_entropy}
    grid = grids.uniform_log_snr(PAIR.process, 0.01, 3.0, 37)

    def bits(**how):
        run = physim.simulate(
            PAIR.reverse(),
            trajectories=5003,
            grid=grid,
            seed=11,
            observe=observe,
            record=5,
            keep_paths=600,
            **how,
        )
        return b"".join(run[name].values.tobytes() for name in sorted(run.data_vars))

    reference = bits(threads=1)
    for how in (
        {"threads": 2},
        {"threads": 3, "block": 256},
        {"block": 768},
        {"block": 4096},
        {"chunk": 256},
        {"chunk": 2048, "threads": 2},
    ):
        assert bits(**how) == reference, how
    other = physim.simulate(PAIR.reverse(), trajectories=5003, grid=grid, seed=12, observe=observe, record=5)
    assert other.x_mean.values.tobytes() != bits()[: 5 * 8]


def test_streams_are_independent_and_share_their_start():
    x = PAIR.state[0]
    grid = grids.uniform_log_snr(PAIR.process, 0.01, 3.0, 50)
    a, b = (
        physim.simulate(
            PAIR.reverse(),
            trajectories=2000,
            grid=grid,
            seed=1,
            observe=[x],
            keep_paths=2000,
            record=2,
            stream=s,
        )
        for s in ("noise", "clones")
    )
    assert np.array_equal(a.paths[0], b.paths[0])
    r = np.corrcoef(a.paths.values[-1, 0], b.paths.values[-1, 0])[0, 1]
    assert abs(r) < 5 / np.sqrt(2000)


def test_clones_start_together():
    twins = PAIR.reverse().copies(2)
    run = physim.simulate(twins, trajectories=500, grid=grids.uniform(0.1, 1.0, 40), seed=3, keep_paths=500)
    first, last = run.paths.values[0], run.paths.values[-1]
    assert np.array_equal(first[0], first[1])
    assert not np.any(last[0] == last[1])


def test_parameters_at_run_time_share_one_kernel():
    m = sp.Symbol("m", positive=True)
    diffusion = an.Diffusion(an.SymmetricPair(m, 1), an.ornstein_uhlenbeck())
    for norm in (0.5, 3.0):
        run = physim.simulate(
            diffusion.reverse(),
            trajectories=20_000,
            grid=grids.uniform_log_snr(diffusion.process, 0.02, 4, 300),
            seed=2,
            parameters={"m": norm},
            record=3,
        )
        exact = np.exp(-2 * run.time.values) * norm**2 + 1
        agree(run.x_var, run.x_var_stderr, exact, bias=0.004 * norm**2)


def test_standard_errors_are_the_spread_over_seeds():
    """Mean and variance of 200 small runs: their scatter is what the standard errors say (chi^2 within 5 sigma)."""
    x = sp.Symbol("x", real=True)
    walk = an.Dynamics(x, -x, 1)
    runs = [
        physim.simulate(walk, trajectories=512, grid=np.linspace(0, 1, 11), seed=s, initial=[0.3], record=1)
        for s in range(200)
    ]
    for name in ("x_mean", "x_var"):
        values = np.array([float(r[name][-1]) for r in runs])
        errors = np.array([float(r[f"{name}_stderr"][-1]) for r in runs])
        ratio = values.var(ddof=1) / np.mean(errors**2)
        assert abs(ratio - 1) < 5 * np.sqrt(2 / 199)


def test_lost_trajectories_are_counted_and_reported():
    """dX = X^2 dt blows up from positive starts: counted from then on, warned about, and too many fail the run."""
    x = sp.Symbol("x", real=True)
    explosive = an.Dynamics(x, x**3, 0)
    starts = np.full((1000, 1), -0.01)
    starts[7] = 40.0
    grid = np.linspace(0, 1, 101)
    with pytest.warns(UserWarning, match=r"1 of 1000 trajectories stopped being finite, the first by t = 0\.\d+"):
        run = physim.simulate(explosive, trajectories=1000, grid=grid, seed=0, initial=starts, lost_fraction=0.01)
    assert run["count"].values[0] == 1000
    assert run["count"].values[-1] == 999
    assert np.all(np.isfinite(run.x_mean))
    with pytest.raises(physim.NonFiniteError, match="allowed is a fraction of 0"):
        physim.simulate(explosive, trajectories=1000, grid=grid, seed=0, initial=starts, lost_fraction=0)


def test_provenance_is_one_json_string():
    run = physim.simulate(PAIR.reverse(), trajectories=300, grid=grids.uniform(0.1, 1, 4), seed=5, record=1)
    facts = json.loads(run.attrs["provenance"])
    assert facts["seed"] == 5
    assert facts["trajectories"] == 300
    assert {"versions", "commit", "scheme", "grid", "dynamics", "wall_seconds"} <= set(facts)
    assert list(run.attrs) == ["provenance"]


BAD = {
    "trajectories": (0, "trajectories: 0 given; a whole number from 1"),
    "seed": (-1, "seed: -1 given"),
    "scheme": ("rk4", "scheme: 'rk4' is unknown; allowed are .*euler_maruyama"),
    "grid": (np.linspace(-0.5, 1, 4), "leave the span"),
    "initial": (np.zeros((3, 2)), r"initial: shape \(3, 2\) given"),
    "parameters": ({"m": 1.0}, "m does not occur"),
    "record": ([0.123], "record: t = 0.123 is not a time of the grid"),
    "keep_paths": (-1, "keep_paths: -1 given"),
    "observe": ({"q": sp.Symbol("q")}, "parameters: no value for q"),
    "stream": ("other", "stream: 'other' is unknown"),
    "block": (100, "block: 100 given"),
}


@pytest.mark.parametrize("argument", BAD)
def test_bad_input_is_one_sentence(argument):
    value, message = BAD[argument]
    good = {"trajectories": 10, "seed": 1, "grid": grids.uniform(0.1, 1, 4)}
    with pytest.raises(ValueError, match=message) as caught:
        physim.simulate(PAIR.reverse(), **(good | {argument: value}))
    assert "\n" not in str(caught.value)


def test_more_bad_input():
    good = {"trajectories": 10, "seed": 1, "grid": grids.uniform(0.1, 1, 4)}
    with pytest.raises(ValueError, match="seed: 18446744073709551616"):
        physim.simulate(PAIR.reverse(), **(good | {"seed": 2**64}))
    with pytest.raises(ValueError, match="not finite at t = 0"):
        physim.simulate(
            an.Dynamics(PAIR.state, (1 / t,), (1,)),
            **(good | {"grid": grids.uniform(0, 1, 4), "initial": [0.0]}),
        )
    with pytest.raises(ValueError, match="integrates ito, not stratonovich"):
        physim.simulate(
            an.Dynamics(PAIR.state, (0,), (PAIR.state[0],), convention="stratonovich"), **good, initial=[1.0]
        )
    with pytest.raises(ValueError, match="no law of its own"):
        physim.simulate(an.Dynamics(PAIR.state, (0,), (1,)), **good)
    with pytest.raises(TypeError, match="dynamics: Diffusion given"):
        physim.simulate(PAIR, **good)
    with pytest.raises(TypeError, match="is not a SymPy expression"):
        physim.simulate(PAIR.reverse(), **good, observe={"x": "x**2"})
    with pytest.raises(ValueError, match="steps: 0"):
        grids.uniform(0, 1, 0)
    with pytest.raises(ValueError, match="strictly increasing"):
        physim.Grid(np.array([0.0, 1.0, 0.5]))


def test_replicas_share_one_noise_or_its_opposite():
    """Ornstein-Uhlenbeck: antithetic replicas average to the noiseless path, common ones keep distance x0 e^-t."""
    x = sp.Symbol("x", real=True)
    walk = an.Dynamics((x,), (-x,), (1,))
    run = {"trajectories": 300, "grid": np.linspace(0, 1, 5), "seed": 3}
    opposite, common = walk.copies(2, "antithetic"), walk.copies(2, "common")
    a, b = opposite.state
    mean = physim.simulate(opposite, **run, initial=np.array([2.0]), observe={"pair": (a + b) / 2, "x": a})
    assert mean.pair_mean.values == pytest.approx(2 * 0.75 ** np.arange(5), rel=1e-14)
    assert np.all(mean.pair_var.values < 1e-28)
    assert np.all(mean.x_var.values[1:] > 0.1)
    apart = physim.simulate(common, **run, initial=np.array([2.0, -1.0]), observe={"gap": a - b})
    assert apart.gap_mean.values == pytest.approx(3 * 0.75 ** np.arange(5), rel=1e-14)
    with pytest.raises(ValueError, match="noise: 'odd' is unknown; allowed are independent, common, antithetic"):
        walk.copies(2, "odd")
    with pytest.raises(ValueError, match="count: 3 antithetic replicas"):
        walk.copies(3, "antithetic")


def test_equal_requests_share_a_program():
    """A repeated call prints nothing again; what differs in anything gets a program of its own."""
    from physim.ensemble import _printed

    x = sp.Symbol("x", real=True)

    def program(rate=1, observe=x, scheme="euler_maruyama", halving=False):
        dynamics = an.Dynamics(x, -rate * x, 1)
        return _printed("few", dynamics, scheme, (("a", observe),), halving, False, "float64", False)

    assert program() is program()
    others = [program(), program(rate=2), program(observe=x**2), program(scheme="milstein"), program(halving=True)]
    assert len({id(p) for p in others}) == len(others)
