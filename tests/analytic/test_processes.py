"""Forward processes: the relations between their two statements, their clocks, their refusals."""

import mpmath as mp
import pytest
import sympy as sp
from scipy.integrate import solve_ivp

import analytic as an
from analytic.processes import PROCESSES
from analytic.stable import plain
from analytic.symbols import t
from tests.zoo import times

# (alpha, sigma^2, f, g2) as published; t stands for forward time
PUBLISHED = {
    "ornstein_uhlenbeck": ("exp(-t)", "1-exp(-2*t)", "-1", "2"),
    "variance_exploding": ("1", "t", "0", "1"),
    "edm": ("1", "t**2", "0", "2*t"),
    "flow_matching": ("1-t", "t**2", "-1/(1-t)", "2*t/(1-t)"),
    "vp_cosine": ("cos(pi*t/2)", "sin(pi*t/2)**2", "-pi/2*tan(pi*t/2)", "pi*tan(pi*t/2)"),
    "stochastic_localisation": ("1/t", "1/t", "-1/t", "1/t**2"),
}


@pytest.mark.parametrize("name", PROCESSES)
def test_relations_are_identities(name):
    process = PROCESSES[name]()
    alpha, variance = plain(process.alpha), plain(process.sigma) ** 2
    f, g2 = plain(process.f), plain(process.g2)
    assert sp.simplify(sp.diff(alpha, t) - f * alpha) == 0
    assert sp.simplify((sp.diff(variance, t) - 2 * f * variance - g2).rewrite(sp.exp)) == 0
    assert sp.simplify(sp.diff(plain(process.snr), t) + g2 * alpha**2 / variance**2) == 0


@pytest.mark.parametrize("name", PUBLISHED)
def test_named_processes_are_the_published_ones(name):
    process = PROCESSES[name]()
    stated = (process.alpha, process.sigma**2, process.f, process.g2)
    for mine, theirs in zip(stated, PUBLISHED[name], strict=True):
        assert sp.simplify(plain(mine) - sp.sympify(theirs, {"t": t})) == 0


@pytest.mark.parametrize("name", PROCESSES)
def test_schedule_solves_its_own_sde(name):
    """alpha and sigma^2 by numerical integration of f and g2 (SciPy), from a time inside the span."""
    process = PROCESSES[name]()
    start, stop = times(process)[0], times(process)[-1]
    f, g2 = (sp.lambdify(t, plain(e), "math") for e in (process.f, process.g2))

    def slope(u, y):
        return [f(u) * y[0], 2 * f(u) * y[1] + g2(u)]

    def at(u):
        return [float(an.evaluate(process.alpha, {t: u})), float(an.evaluate(process.sigma**2, {t: u}))]

    solution = solve_ivp(slope, (start, stop), at(start), rtol=1e-11, atol=1e-13, method="DOP853")
    assert solution.y[:, -1] == pytest.approx(at(stop), rel=1e-8)


@pytest.mark.parametrize("name", PROCESSES)
@pytest.mark.parametrize("log_snr", [-6.0, -0.25, 0.0, 3.0, 14.0])
def test_clock_conversion_is_inverse(name, log_snr):
    process = PROCESSES[name]()
    time = process.time_at(log_snr)
    assert abs(an.evaluate(process.log_snr, {t: time}) - mp.mpf(log_snr)) < 1e-18


def test_conversion_without_closed_form_is_bracketed():
    process = an.ForwardProcess(alpha=sp.exp(-t - t**3 / 7), sigma=sp.sqrt(t) + t**2 / 5)
    assert process.time_of_snr is None
    time = process.time_at(0.75)
    assert abs(an.evaluate(process.log_snr, {t: time}) - 0.75) < 1e-18
    with pytest.raises(NotImplementedError, match="no closed-form inverse"):
        process.time_at(sp.Symbol("u"))


def test_symbolic_conversion():
    level = sp.Symbol("l", real=True)
    assert sp.simplify(an.ornstein_uhlenbeck().time_at(level) - sp.log(1 + sp.exp(-level)) / 2) == 0


def test_from_sde_recovers_the_schedule():
    process = an.ForwardProcess.from_sde(f=-1, g2=2)
    assert sp.simplify(plain(process.alpha) - sp.exp(-t)) == 0
    assert sp.simplify(plain(process.sigma) ** 2 - (1 - sp.exp(-2 * t))) == 0
    process = an.ForwardProcess.from_sde(f=-t, g2=2 * t)
    assert sp.simplify(plain(process.sigma) ** 2 - (1 - sp.exp(-(t**2)))) == 0


def test_small_times_keep_their_digits():
    """sigma^2 = 1 - exp(-2t) at t = 1e-12 in double precision: written through expm1."""
    process = an.ForwardProcess(alpha=sp.exp(-t), sigma=sp.sqrt(1 - sp.exp(-2 * t)))
    assert "expm1" in str(process.sigma)


def test_any_symbol_called_t_is_the_time():
    mine = sp.Symbol("t")
    assert an.ForwardProcess(alpha=1, sigma=mine) == an.ForwardProcess(alpha=1, sigma=t)


def test_refusals():
    with pytest.raises(ValueError, match="signal-to-noise ratio of a forward process must fall"):
        an.ForwardProcess(alpha=sp.exp(t), sigma=sp.S.One)
    with pytest.raises(ValueError, match="no closed form"):
        an.ForwardProcess.from_sde(f=-1, g2=sp.exp(sp.sin(t)))
    with pytest.raises(TypeError, match=r"analytic\.parse"):
        an.ForwardProcess(alpha="exp(-t)", sigma=1)
    with pytest.raises(ValueError, match="not reached"):
        an.ForwardProcess(alpha=1, sigma=1 + t + t**3).time_at(5)
