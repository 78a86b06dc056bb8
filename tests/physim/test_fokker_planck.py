"""Order-parameter dynamics and Fokker-Planck solutions against closed forms, quadrature and ensembles."""

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from scipy import integrate
from scipy.optimize import brentq

import analytic as an
import physim
from analytic.order_dynamics import kramers_time, order_langevin, order_of_occupations, relaxation_rate, spin_moments
from analytic.symbols import beta, magnetisation, sites
from physim import grids
from physim.finite_size import thermodynamics
from physim.fokker_planck import (
    Line,
    McKeanVlasov,
    bernoulli,
    evolve,
    generator,
    mean_first_passage,
    spectral_gap,
    stationary,
)
from tests.checks import agree

WELL = float(mp.findroot(lambda u: u - mp.tanh(1.4 * u), 0.8))


def landscape(m, b=1.4, field=0.0):
    return b * m**2 / 2 - np.logaddexp(b * (m + field), -b * (m + field))


def test_ornstein_uhlenbeck_density_mean_and_gap():
    """dp/dt of a quadratic well: normal at all times, gap 1; errors of order h^2 and step^2."""
    line, d = Line(-6, 6, 600), 0.5
    u = line.centres**2 / 2
    assert spectral_gap(generator(line, u, d)) == pytest.approx(1, rel=2e-4)
    times = np.linspace(0, 1.5, 151)
    p = evolve(line, line.normal(2.0, 0.4), lambda t, m: u, d, times)
    mean, var = 2 * np.exp(-1.5), 0.16 * np.exp(-3) + d * (1 - np.exp(-3))
    assert p[-1] @ line.centres == pytest.approx(mean, rel=1e-3)
    assert p[-1] @ line.centres**2 - (p[-1] @ line.centres) ** 2 == pytest.approx(var, rel=1e-3)
    assert p.min() > -1e-12
    assert p.sum(axis=1) == pytest.approx(np.ones(151), abs=1e-12)
    bands = generator(line, landscape(line.centres), 0.02)
    q = stationary(landscape(line.centres), 0.02)
    flow = bands[1] * q
    flow[:-1] += bands[0, 1:] * q[1:]
    flow[1:] += bands[2, :-1] * q[:-1]
    assert np.abs(flow).max() < 1e-12 * np.abs(bands).max()
    assert bernoulli(np.array([0.0, 1e-6, 800.0, -800.0])) == pytest.approx([1, 1 - 5e-7, 0, 800], abs=1e-12)


def test_mean_first_passage_by_adaptive_quadrature_and_by_the_gap():
    """Escape of 60 spins' order parameter: nested SciPy quadrature; the gap is twice the one-way rate; Kramers."""
    n = 60
    found = float(mean_first_passage(landscape, 1 / n, -WELL, WELL, -2.0))

    def inner(y):
        return integrate.quad(lambda z: np.exp(n * (landscape(y) - landscape(z))), -2.0, y, epsrel=1e-10)[0]

    exact = n * integrate.quad(inner, -WELL, WELL, epsrel=1e-9, limit=200)[0]
    assert found == pytest.approx(exact, rel=1e-6)
    line = Line(-1.8, 1.8, 1200)
    gap = spectral_gap(generator(line, landscape(line.centres), 1 / n))
    assert 2 / gap == pytest.approx(found, rel=0.03)
    model = an.CurieWeiss(beta=sp.Rational(7, 5))
    assert float(an.evaluate(kramers_time(model, exact_well(), 0, 600), digits=15)) == pytest.approx(
        float(mean_first_passage(landscape, 1 / 600, -WELL, WELL, -2.0)), rel=0.03
    )


def exact_well():
    return sp.Rational(str(mp.findroot(lambda u: u - mp.tanh(mp.mpf("1.4") * u), 0.8)))


def test_langevin_of_the_field_has_the_moments_of_the_spins():
    """Exactly at every N, also at T_c: MALA keeps exp(-N L) and <m^2>, <m^4> are those of the sums over occupations."""
    n, b = 64, 1.0
    m = magnetisation
    run = physim.simulate(
        order_langevin(an.CurieWeiss(), sites),
        trajectories=20_000,
        grid=grids.uniform(0, 60, 200),
        seed=3,
        parameters={sites: n, beta: b},
        initial=[0.2],
        observe={"s": m**2, "f": m**4},
        scheme="mala",
        record=1,
        progress=False,
    )
    exact = thermodynamics(an.CurieWeiss(), n, b).isel(sites=0, beta=0)
    second, fourth = spin_moments(float(run.s_mean[-1]), float(run.f_mean[-1]), an.CurieWeiss(beta=1), n)
    agree(float(second), float(run.s_mean_stderr[-1]), float(exact.m2))
    spread = float(run.f_mean_stderr[-1]) + 6 / n * float(run.s_mean_stderr[-1])
    agree(float(fourth), spread, float(exact.m4))


def test_moments_of_the_field_by_quadrature():
    """<M^2> and <M^4> under exp(-N L) against exact sums: 1e-12."""
    n, b = 30, 1.3
    x = np.linspace(-4, 4, 4001)
    p = np.exp(-n * (landscape(x, b) - landscape(x, b).min()))
    p /= p.sum()
    exact = thermodynamics(an.CurieWeiss(), n, b).isel(sites=0, beta=0)
    second, fourth = spin_moments(p @ x**2, p @ x**4, an.CurieWeiss(beta=sp.Rational(13, 10)), n)
    assert (float(second), float(fourth)) == (
        pytest.approx(float(exact.m2), rel=1e-12),
        pytest.approx(float(exact.m4), rel=1e-12),
    )


def test_critical_slowing_down():
    """L''(0) = beta J (1 - beta J), and the gap of the Fokker-Planck operator tends to it above T_c."""
    rate = relaxation_rate(an.CurieWeiss())
    assert sp.simplify(rate - beta * (1 - beta)) == 0
    line = Line(-0.5, 0.5, 2000)
    gaps = [spectral_gap(generator(line, landscape(line.centres, 0.8), 1 / n)) for n in (2000, 20_000)]
    assert abs(gaps[1] - 0.16) < 0.2 * abs(gaps[0] - 0.16) + 2e-5
    assert gaps[1] == pytest.approx(0.16, rel=2e-3)


def test_desai_zwanzig_critical_temperature_from_the_nonlinear_equation():
    """T_c = 0.456947 at theta = 1 where response(m) = m bifurcates, and growth or decay in time on its two sides."""
    line = Line(-4, 4, 1600)
    model = an.SoftSpins()
    found = brentq(lambda t: McKeanVlasov(model, 1 / t, line).stability() - 1, 0.3, 0.7, xtol=1e-10)
    exact = 1 / an.evaluate(an.critical_point(model).at[beta])
    assert found == pytest.approx(float(exact), abs=2e-6)
    for t, grows in ((0.40, True), (0.52, False)):
        equation = McKeanVlasov(model, 1 / t, line)
        p = equation.evolve(stationary(equation.potential(0.02), t), np.linspace(0, 4, 201))
        mean = p @ line.centres
        assert (mean[-1] > mean[20]) == grows
        assert p[-1].sum() == pytest.approx(1, abs=1e-12)
    cold = McKeanVlasov(model, 1 / 0.3, line)
    m = cold.order()
    p = cold.evolve(line.normal(0.6, 0.5), np.linspace(0, 40, 801))
    assert p[-1] @ line.centres == pytest.approx(m, abs=1e-6)

    def moment(k):
        return mp.quad(lambda x: x**k * mp.exp(-(x**4 / 4 - m * x) / 0.3), [-4, 0, 4])

    assert m == pytest.approx(float(moment(1) / moment(0)), abs=1e-5)
    assert McKeanVlasov(model, 1 / 0.6, line).order() == 0


def test_glauber_of_three_colours_reaches_the_exact_moments():
    """Potts q = 3 near coexistence: the heat bath built from the model against the sums over occupations."""
    model = an.Potts(3)
    order = order_of_occupations(model, 30)
    size = (3 * sum(order[q] ** 2 for q in model.order) - 1) / 2
    run = physim.simulate(
        an.glauber(model, 30),
        trajectories=40_000,
        grid=np.linspace(0, 40, 41),
        seed=4,
        scheme="glauber",
        parameters={beta: 2.6},
        initial=np.array([10.0, 10.0, 10.0]),
        observe={"m2": size, "m4": size**2},
        record=1,
        progress=False,
    )
    exact = thermodynamics(model, 30, 2.6).isel(sites=0, beta=0)
    agree(run.m2_mean[-1:], run.m2_mean_stderr[-1:], float(exact.m2))
    agree(run.m4_mean[-1:], run.m4_mean_stderr[-1:], float(exact.m4))


def test_dynamics_of_soft_sites_and_oscillators():
    """Desai-Zwanzig and Kuramoto drifts in symbols, and what cannot be built."""
    x, q = an.SoftSpins().measure.variable, magnetisation
    theta = sp.Symbol("theta", positive=True)
    system = an.site_langevin(an.SoftSpins(theta), 100)
    assert sp.expand(system.drift[0] - (x - x**3 + theta * (q - x))) == 0
    assert sp.simplify(system.noise[0] ** 2 - 2 / beta) == 0
    assert dict(system.order) == {q: x}
    rotors = an.Kuramoto().langevin(50)
    assert dict(rotors.order) == {sp.Symbol("c", real=True): sp.cos(x), sp.Symbol("s", real=True): sp.sin(x)}
    for call in (lambda: an.glauber(an.SoftSpins()), lambda: an.glauber(an.RandomField(1))):
        with pytest.raises(ValueError, match="no discrete sites of one kind"):
            call()
    with pytest.raises(ValueError, match="no soft spins"):
        an.site_langevin(an.CurieWeiss(), 10)
    with pytest.raises(ValueError, match="only identical ones"):
        an.Kuramoto(law="gaussian").langevin(10)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Line(1, -1), "low, high"),
        (lambda: Line(0, 1, 3), "cells: 3"),
        (lambda: McKeanVlasov(an.CurieWeiss(), 1.0, Line(-1, 1)), "do not move on a line"),
        (lambda: McKeanVlasov(an.SoftSpins(), -1.0, Line(-1, 1)), "beta: -1.0 is not a positive"),
        (lambda: mean_first_passage(landscape, 0.1, 3.0, 1.0, -2.0), "start: 3.0 is not between -2.0 and 1.0"),
        (lambda: order_langevin(an.CurieWeiss(), -5), "size: -5 is not positive"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(ValueError, match=words):
        call()
