"""Every scheme does what its record of facts says: strong and weak orders, exactness, refusals."""

import numpy as np
import pytest
import sympy as sp

import analytic as an
import physim
from physim import grids
from physim.quadrature import expectations
from physim.schemes import SCHEMES
from tests.checks import agree

UNEQUAL = an.Diffusion(an.SymmetricPair(1, sp.Rational(1, 10), sp.Rational(7, 10)), an.vp_linear())
X = UNEQUAL.state[0]
WEAK = {"x": X, "square": X**2, "cosine": sp.cos(2 * X)}
REVERSE = [
    "euler_maruyama",
    "stochastic_heun",
    "milstein",
    "sra1",
    "exponential_euler",
    "exponential_midpoint",
    "ancestral",
]


def reverse_run(scheme, steps, **how):
    grid = grids.uniform_log_snr(UNEQUAL.process, 0.02, 0.9, steps)
    options = {"trajectories": 200_000, "seed": 3, "observe": WEAK, "record": 1} | how
    return physim.simulate(UNEQUAL.reverse(), grid=grid, scheme=scheme, **options).isel(time=-1)


@pytest.mark.parametrize("scheme", REVERSE)
def test_reverse_schemes_converge_with_their_weak_order_to_the_exact_law(scheme):
    """The measured step bias shrinks by 2^order when steps double, and removing it leaves the exact mean.

    The bound on what remains is half of the removed bias (higher orders) plus five standard errors.
    """
    stated = SCHEMES[scheme].orders("additive")[1]
    steps = (48, 96) if stated == 1 else (32, 64)
    coarse, fine = (reverse_run(scheme, n, step_bias=True, trajectories=500_000) for n in steps)
    exact = expectations(UNEQUAL, WEAK, [0.02]).isel(time=0)
    ratios = []
    for name in WEAK:
        bias, se = float(fine[f"{name}_mean_bias"]), float(fine[f"{name}_mean_bias_stderr"])
        agree(fine[f"{name}_mean"] - bias, np.hypot(fine[f"{name}_mean_stderr"], se), exact[name], abs(bias) / 2)
        if abs(bias) > 6 * se:
            ratios.append(float(coarse[f"{name}_mean_bias"]) / bias)
    order = np.log2(np.median(ratios))
    assert abs(order - stated) < 0.5, (order, ratios)


@pytest.mark.parametrize(("scheme", "expected"), [("euler_maruyama", 1.0), ("stochastic_heun", 1.0), ("sra1", 1.5)])
def test_strong_order_for_additive_noise(scheme, expected):
    """Root mean square difference of n and 2 n steps on one Brownian path (Euler gains half an order: no b')."""
    x = sp.Symbol("x", real=True)
    double_well = an.Dynamics(x, x - x**3, 1)
    rms = []
    for steps in (64, 128, 256):
        run = physim.simulate(
            double_well, trajectories=20_000, grid=grids.uniform(0, 1, steps), seed=1, initial=[0.5], scheme=scheme,
            record=1, step_bias=True,
        )  # fmt: skip
        rms.append(float(run.x_step_rms[-1]))
    orders = -np.diff(np.log2(rms))
    assert orders[-1] == pytest.approx(expected, abs=0.12), orders


@pytest.mark.parametrize(("scheme", "convention", "expected"), [
    ("euler_maruyama", "ito", 0.5), ("milstein", "ito", 1.0), ("milstein", "stratonovich", 1.0),
    ("stochastic_heun", "stratonovich", 1.0),
])  # fmt: skip
def test_strong_order_for_multiplicative_noise(scheme, convention, expected):
    """Geometric Brownian motion dX = X dW in either convention; the mean is the exact one of that convention."""
    x = sp.Symbol("x", real=True)
    motion = an.Dynamics(x, -x / 2, x / 2, convention=convention)
    rms = []
    for steps in (32, 64, 128):
        run = physim.simulate(
            motion, trajectories=40_000, grid=grids.uniform(0, 1, steps), seed=2, initial=[1.0], scheme=scheme,
            record=1, step_bias=True,
        )  # fmt: skip
        rms.append(float(run.x_step_rms[-1]))
    rate, h = -0.5 + (0.125 if convention == "stratonovich" else 0), 1 / 128
    agree(run.x_mean[-1] - run.x_mean_bias[-1], run.x_mean_stderr[-1], np.exp(rate), bias=2e-4)
    second_order = h**2 / 8 if scheme == "stochastic_heun" else 0  # E of one step's factor is 1 + rate h + this
    bias = (1 + rate * h + second_order) ** 128 - np.exp(rate)
    agree(run.x_mean_bias[-1], run.x_mean_bias_stderr[-1], bias, bias=0.02 * abs(bias))
    orders = -np.diff(np.log2(rms))
    assert orders == pytest.approx([expected, expected], abs=0.15), orders


def test_conventions_convert_and_agree():
    """The Ito form of a Stratonovich equation has the same law; converting twice returns the drift."""
    x = sp.Symbol("x", real=True)
    original = an.Dynamics(x, -x, sp.sqrt(1 + x**2) / 2, convention="stratonovich")
    ito = original.to("ito")
    assert sp.simplify(ito.drift[0] - (-x + x / 8)) == 0
    assert sp.simplify(ito.to("stratonovich").drift[0] + x) == 0
    runs = [
        physim.simulate(
            d, trajectories=100_000, grid=grids.uniform(0, 1, 200), seed=k, initial=[1.0], scheme=s, record=1
        )
        for k, (d, s) in enumerate([(original, "stochastic_heun"), (ito, "milstein"), (ito, "euler_maruyama")])
    ]
    for name in ("x_mean", "x_var"):
        for other in runs[1:]:
            error = np.hypot(runs[0][f"{name}_stderr"][-1], other[f"{name}_stderr"][-1])
            agree(other[name][-1], error, runs[0][name][-1], bias=0.003)


def test_ancestral_sampling_is_the_first_order_exponential_step():
    """Two derivations of one formula, so the same paths to rounding."""
    a, b = (reverse_run(s, 20, trajectories=256, keep_paths=256, seed=8) for s in ("ancestral", "exponential_euler"))
    assert a.paths.values == pytest.approx(b.paths.values, rel=1e-9, abs=1e-11)


def test_exponential_step_is_exact_for_a_single_point():
    """With one data point xhat is constant: two steps across the whole span draw p_t exactly."""
    point = an.Diffusion(an.PointMixture([sp.Rational(3, 2)]), an.vp_cosine())
    for churn in (0, sp.Rational(1, 2), 1):
        run = physim.simulate(
            point.reverse(churn),
            trajectories=200_000,
            grid=[0.05, 0.3, 0.99],
            seed=4,
            scheme="exponential_euler",
            record=1,
        )
        a, s = (float(an.evaluate(e, {an.t: 0.05})) for e in (point.process.alpha, point.process.sigma))
        agree(run.x_mean[-1], run.x_mean_stderr[-1], 1.5 * a)
        agree(run.x_var[-1], run.x_var_stderr[-1], s * s)


def test_exponential_midpoint_on_the_flow_has_order_two():
    """churn 0: DPM-Solver-2, against a fine Heun solution of the same path."""
    flow, process = UNEQUAL.probability_flow(), UNEQUAL.process

    def end(scheme, steps):
        grid = grids.uniform_log_snr(process, 0.02, 0.9, steps)
        return float(
            physim.simulate(flow, trajectories=1, grid=grid, seed=0, initial=[0.8], scheme=scheme, record=1).x_mean[-1]
        )

    exact = end("flow_heun", 2000)
    for scheme in ("exponential_midpoint", "flow_heun", "stochastic_heun"):
        errors = [abs(end(scheme, n) - exact) for n in (40, 80)]
        assert -np.diff(np.log2(errors)) == pytest.approx([2], abs=0.35), (scheme, errors)


def test_exact_ou_has_no_step_error():
    x = sp.symbols("x1:3", real=True)
    ou = an.Dynamics(x, (2 - 3 * x[0], sp.Integer(1)), (sp.Rational(1, 2), 1))
    run = physim.simulate(
        ou, trajectories=200_000, grid=[0.0, 0.9, 1.0], seed=1, initial=[5.0, 0.0], scheme="exact_ou", record=1
    )
    decay = np.exp(-3.0)
    agree(run.x1_mean[-1], run.x1_mean_stderr[-1], 2 / 3 + (5 - 2 / 3) * decay)
    agree(run.x1_var[-1], run.x1_var_stderr[-1], (1 - decay**2) / 24)
    agree(run.x2_mean[-1], run.x2_mean_stderr[-1], 1.0)
    agree(run.x2_var[-1], run.x2_var_stderr[-1], 1.0)


def moments_of(potential, x, temperature):
    """Exact <x^2>, <x^4> of exp(-U/T) by SciPy quadrature."""
    from scipy.integrate import quad

    u = sp.lambdify(x, potential, "math")
    z, a, b = (quad(lambda q, k=k: q**k * np.exp(-u(q) / temperature), -6, 6, epsabs=1e-12)[0] for k in (0, 2, 4))
    return a / z, b / z


def test_mala_is_exact_and_its_unadjusted_twin_is_not():
    """Quartic well with a step of 0.2: MALA has the exact moments, ULA is off by many standard errors."""
    x = sp.Symbol("x", real=True)
    potential = x**4 / 4 - x**2 / 2
    langevin = an.overdamped(potential, x, sp.Rational(1, 2))
    second, fourth = moments_of(potential, x, 0.5)
    runs = {
        s: physim.simulate(
            langevin, trajectories=100_000, grid=grids.uniform(0, 24, 120), seed=6, initial=[0.7], scheme=s, record=1,
            observe={"a": x**2, "b": x**4},
        )
        for s in ("mala", "ula")
    }  # fmt: skip
    agree(runs["mala"].a_mean[-1], runs["mala"].a_mean_stderr[-1], second)
    agree(runs["mala"].b_mean[-1], runs["mala"].b_mean_stderr[-1], fourth)
    assert abs(runs["ula"].b_mean[-1] - fourth) > 10 * runs["ula"].b_mean_stderr[-1]


def test_baoab_configurations():
    """Harmonic: <x^2> = T exactly for any step; the on-step kinetic temperature is low by order dt^2, as is known."""
    x = sp.Symbol("x", real=True)
    system = an.underdamped(x**2 / 2, x, friction=1, temperature=2)
    p = system.state[1]
    run = physim.simulate(
        system, trajectories=100_000, grid=grids.uniform(0, 30, 60), seed=6, initial=[0.0, 0.0], scheme="baoab",
        record=1, observe={"q": x**2, "k": p**2},
    )  # fmt: skip
    agree(run.q_mean[-1], run.q_mean_stderr[-1], 2.0)
    agree(run.k_mean[-1], run.k_mean_stderr[-1], 2.0 * (1 - 0.5**2 / 4))


def test_refusals_name_a_scheme_that_can():
    x = sp.Symbol("x", real=True)
    y = sp.symbols("y1:3", real=True)
    good = {"trajectories": 10, "seed": 1, "grid": grids.uniform(0.1, 1, 4), "initial": [0.5]}
    cases = [
        (an.Dynamics(x, -x, x), "sra1", "treats additive noise, not diagonal noise; use .*milstein"),
        (an.Dynamics(x, -x, x, convention="stratonovich"), "euler_maruyama", "not stratonovich; use .*stochastic_heun"),
        (an.Dynamics(x, -x, 1), "exponential_euler", "needs the reverse dynamics of a Diffusion; use euler_maruyama"),
        (an.Dynamics(x, -(x**3), 1), "exact_ou", "needs a drift k x"),
        (an.Dynamics(x, -x, 1), "flow_heun", "treats none noise, not additive noise"),
        (an.Dynamics(x, -x, 1), "baoab", r"needs a dynamics made by underdamped\(...\)"),
        (an.Dynamics(x, -x, 1), "mala", r"needs a dynamics made by overdamped\(...\)"),
    ]
    for dynamics, scheme, message in cases:
        with pytest.raises(ValueError, match=message):
            physim.simulate(dynamics, scheme=scheme, **good)
    crossed = an.Dynamics(y, (0, 0), (y[1], y[0]))
    with pytest.raises(ValueError, match="not general noise; use euler_maruyama"):
        physim.simulate(crossed, scheme="milstein", **(good | {"initial": [0.5, 0.5]}))
    with pytest.raises(ValueError, match="5 steps given; step_bias joins them in pairs"):
        physim.simulate(UNEQUAL.reverse(), trajectories=10, seed=1, grid=grids.uniform(0.1, 0.9, 5), step_bias=True)
