"""Mean-field models against published numbers, enumeration, mpmath quadrature and finite differences."""

import itertools

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

import analytic as an
from analytic.free_energy import (
    formulas,
    free_energy,
    internal_energy,
    landau,
    landscape,
    rate_function,
    self_consistency,
    specific_heat,
    susceptibility,
)
from analytic.mean_field.base import site
from analytic.mean_field.measures import Density
from analytic.mean_field.retrieval import y
from analytic.symbols import beta, conjugate, magnetisation

J = sp.Symbol("J", positive=True)
h = sp.Symbol("h", real=True)
DELTA = an.BlumeCapel().crystal
SITES = {
    "curie_weiss": an.CurieWeiss(field=sp.Rational(1, 10)),
    "p_spin": an.PSpin(3, field=sp.Rational(1, 20)),
    "potts": an.Potts(4),
    "blume_capel": an.BlumeCapel(sp.Rational(2, 5)),
    "random_field": an.RandomField(sp.Rational(1, 3)),
    "heisenberg": an.VectorSpins(3),
    "o5": an.VectorSpins(5),
    "hopfield": an.Hopfield(3, mixed=3),
    "soft_spins": an.SoftSpins(sp.Rational(3, 2)),
}


def value(expr, **numbers):
    return float(an.evaluate(expr, numbers, 15))


def density_average(measure, function, field, b):
    if hasattr(measure, "variables") and len(measure.variables) > 1:  # one component of a unit vector
        measure = Density(site, sp.Rational(len(measure.variables) - 3, 2) * sp.log(1 - site**2), (-1, 1))
    log_w = sp.lambdify(site, measure.log_weight.subs(beta, b), "mpmath")
    low, high = (mp.mpf(str(e)) if e.is_finite else 9 * mp.sign(float(e)) for e in map(sp.sympify, measure.domain))
    parts = [low, 0, high]
    norm = mp.quad(lambda x: mp.exp(log_w(x) + field * x), parts)
    return float(mp.quad(lambda x: function(x) * mp.exp(log_w(x) + field * x), parts) / norm)


def site_average(model, function, field, b):
    """Mean of a function of (g, x) over one site in the field u, straight from the measure (floats, mpmath)."""
    labels = [((), 1.0)]
    if model.quenched is not None and hasattr(model.quenched, "values"):
        labels = [(tuple(map(float, p)), 1 / len(model.quenched.values)) for p in model.quenched.values]
    total = 0.0
    for label, share in labels:
        put = dict(zip(model.quenched.variables, label, strict=True)) if label else {}
        if hasattr(model.measure, "values"):
            logs = [float(sp.N(sp.sympify(w).subs(put).subs(beta, b))) for w in model.measure.log_weights]
            levels = [float(sp.N(model.ray_observable.subs(put).subs(site, v[0]))) for v in model.measure.values]
            w = np.exp(np.array(logs) + field * np.array(levels))
            total += share * float(np.sum(w * [function(v) for v in levels]) / w.sum())
        else:
            total += share * density_average(model.measure, function, field, b)
    return total


def test_ising_formulas_in_symbols():
    model = an.CurieWeiss(J, h)
    assert sp.expand(self_consistency(model).rhs.args[0] - beta * (J * magnetisation + h)) == 0
    assert (
        sp.simplify(landscape(model).diff(magnetisation) - beta * J * (magnetisation - self_consistency(model).rhs))
        == 0
    )
    assert landau(an.CurieWeiss(J)) == (0, sp.expand((1 - beta * J) / 2), 0, sp.Rational(1, 12), 0, sp.Rational(1, 30))
    found = rate_function(an.CurieWeiss()).value
    for m in (-0.9, 0.2, 0.97):
        p, q = (1 + m) / 2, (1 - m) / 2
        stated = -0.7 * m * m / 2 + p * np.log(p) + q * np.log(q) + np.log(2)
        assert value(found, m=m, beta=0.7) == pytest.approx(stated, abs=1e-14)
    assert all(sp.latex(e) for e in formulas(model).values() if e is not None)


def test_a_site_of_potts_is_the_softmax_of_its_colours():
    """Along the ray, m = (e^a - 1)/(e^a + q - 1) with a = beta J m; the energy of fractions is -(J/2) sum p_k^2."""
    model, m = an.Potts(5, coupling=J), sp.Rational(3, 10)
    a = 1.7 * 0.3
    found = value(self_consistency(model).rhs, m=m, J=1, beta=1.7)
    assert found == pytest.approx((np.exp(a) - 1) / (np.exp(a) + 4), rel=1e-14)
    fractions = [(1 + 4 * 0.3) / 5] + [0.7 / 5] * 4
    assert value(model.ray_energy, m=m, J=1) == pytest.approx(-sum(p * p for p in fractions) / 2, rel=1e-14)


@pytest.mark.parametrize("name", SITES)
def test_cumulants_and_mean_of_a_site_come_from_its_measure(name):
    """kappa_2 and kappa_4 from moments by quadrature or sums; K'(u) at two fields."""
    model, b = SITES[name], 1.3
    for field in (0.35, 3.0):
        mean = value(model.single_site_mean, u=field, beta=b)
        assert mean == pytest.approx(site_average(model, lambda g: g, field, b), rel=1e-9)
    if model.quenched is None:
        second, fourth = (site_average(model, lambda g, k=k: g**k, 0.0, b) for k in (2, 4))
        assert value(model.cumulants[1], beta=b) == pytest.approx(second, rel=1e-9)
        assert value(model.cumulants[3], beta=b) == pytest.approx(fourth - 3 * second**2, rel=1e-8)
    expansion = sum(value(k, beta=b) * 0.05**n / mp.factorial(n) for n, k in enumerate(model.cumulants, 1))
    whole = value(model.cumulant_function, u=0.05, beta=b) - value(model.cumulant_function, u=0, beta=b)
    assert float(expansion) == pytest.approx(whole, rel=1e-8)


def test_gaussian_fields_by_quadrature():
    """kappa_2 = E sech^2(beta h_i) and kappa_4 = E[4 tanh^2 sech^2 - 2 sech^4]."""
    z = np.linspace(-12, 12, 2001)
    weight = np.exp(-(z**2) / 2) * (z[1] - z[0]) / np.sqrt(2 * np.pi)
    order, b = np.tanh(1.3 * z / 3), 1.3
    kappas = an.RandomField(sp.Rational(1, 3), law="gaussian").cumulants
    assert kappas[0] == kappas[2] == 0
    assert value(kappas[1], beta=b) == pytest.approx(weight @ (1 - order**2), rel=1e-12)
    assert value(kappas[3], beta=b) == pytest.approx(weight @ ((1 - order**2) * (6 * order**2 - 2)), rel=1e-12)


@pytest.mark.parametrize("name", SITES)
def test_landau_polynomial_is_the_rate_function_near_zero(name):
    """a_1 .. a_6 reproduce beta e + u m - K(u) + K(0) at a small u to the seventh order."""
    model, u, b = SITES[name], 0.04, 1.3
    m = value(model.single_site_mean, u=u, beta=b)
    free = u * m - value(model.cumulant_function, u=u, beta=b) + value(model.cumulant_function, u=0, beta=b)
    exact = free + b * (value(model.ray_energy, m=m) - value(model.ray_energy, m=0))
    series = sum(value(a, beta=b) * m**n for n, a in enumerate(landau(model), 1))
    assert series == pytest.approx(exact, rel=1e-5, abs=1e-9 * m**2)
    assert abs(series - exact) < 60 * abs(m) ** 7


@pytest.mark.parametrize("name", ["curie_weiss", "p_spin", "potts", "blume_capel", "random_field"])
def test_closed_rate_function_is_the_parametric_one(name):
    model, b = SITES[name], 0.8
    for u in (-1.2, 0.6, 2.5):
        m = value(model.single_site_mean, u=u, beta=b)
        free = u * m - value(model.cumulant_function, u=u, beta=b) + value(model.cumulant_function, u=0, beta=b)
        closed = value(rate_function(model).value - model.beta * model.ray_energy, m=m, beta=b)
        assert closed == pytest.approx(free, abs=1e-12)
        assert value(model.entropy_slope, m=m, beta=b) == pytest.approx(u, rel=1e-12)


@pytest.mark.parametrize("model", [an.CurieWeiss(field=h), an.BlumeCapel(sp.Rational(2, 5), field=h)])
def test_response_is_the_difference_quotient_of_the_order(model):
    """chi = dm/dh, U = d(beta f)/d beta and c = dU/dT by differences of the solved self-consistency."""
    step = mp.mpf(10) ** -5

    def solved(field, b):
        def residual(m):
            return an.evaluate(self_consistency(model).rhs, {"m": m, "h": field, "beta": b}, 18) - m

        return mp.findroot(residual, (0.5, 1.2), solver="anderson", tol=1e-30, verify=False)

    field, b = mp.mpf("0.05"), mp.mpf("2.4")
    m = solved(field, b)
    at = {"m": m, "h": field, "beta": b}
    slope = (solved(field + step, b) - solved(field - step, b)) / (2 * step)
    assert float(an.evaluate(susceptibility(model), at, 15)) == pytest.approx(float(slope), rel=1e-7)

    def total(c):
        return an.evaluate(landscape(model), {"m": solved(field, c), "h": field, "beta": c}, 18)

    energy = (total(b + step) - total(b - step)) / (2 * step)
    assert float(an.evaluate(internal_energy(model), at, 15)) == pytest.approx(float(energy), rel=1e-8)
    wide = mp.mpf(10) ** -3
    curvature = (total(b + wide) - 2 * total(b) + total(b - wide)) / wide**2
    assert float(an.evaluate(specific_heat(model), at, 15)) == pytest.approx(float(-(b**2) * curvature), rel=1e-4)


def test_free_energy_is_the_limit_of_exact_sums():
    """-log Z/(beta N) of N = 400 spins by the binomial sum tends to f at the solution, with the 1/N of a Gaussian."""
    b, n = 1.4, 400
    k = np.arange(n + 1)
    logs = [float(mp.log(mp.binomial(n, int(j)))) for j in k] + b * n * (
        (2 * k / n - 1) ** 2 / 2 + 0.1 * (2 * k / n - 1)
    )
    log_z = logs.max() + np.log(np.exp(logs - logs.max()).sum())
    model = SITES["curie_weiss"]
    m = mp.findroot(lambda m: m - mp.tanh(mp.mpf("1.4") * (m + mp.mpf("0.1"))), 0.9)
    exact = value(free_energy(model), m=m, beta=b)
    gauss = np.log(1 - b * (1 - float(m) ** 2)) / (2 * b * n)
    assert -log_z / (b * n) - exact == pytest.approx(gauss, rel=0.02)


@pytest.mark.parametrize(
    ("model", "stated"),
    [
        (an.CurieWeiss(), 1),
        (an.PSpin(2), 0.5),
        (an.Potts(2), 2),
        (an.VectorSpins(1), 1),
        (an.VectorSpins(2), 2),
        (an.VectorSpins(3), 3),
        (an.VectorSpins(5), 5),
        (an.Spherical(), 1),
        (an.Hopfield(4), 1),
        (an.Hopfield(5, mixed=3), 1),
        (an.SoftSpins(), (mp.gamma(0.25) / mp.gamma(0.75)) ** 2 / 4),
    ],
)
def test_critical_temperatures(model, stated):
    point = an.critical_point(model)
    assert point.status == "exact"
    assert abs(an.evaluate(point.at[beta]) - stated) < 1e-14


def test_soft_spins_by_quadrature():
    """theta E x^2 = T with the moment by mpmath: T_c = 0.456947 at theta = 1 and another theta."""
    for theta in (sp.S.One, sp.Rational(3, 2)):
        b = an.evaluate(an.critical_point(an.SoftSpins(theta)).at[beta])

        def weight(x, theta=theta, b=b):
            return mp.exp(-b * (x**4 / 4 - (1 - float(theta)) * x**2 / 2))

        square = mp.quad(lambda x: x**2 * weight(x), [-mp.inf, 0, mp.inf]) / mp.quad(weight, [-mp.inf, 0, mp.inf])
        assert abs(mp.mpf(float(theta)) * b * square - 1) < 1e-13
    assert float(1 / an.evaluate(an.critical_point(an.SoftSpins()).at[beta])) == pytest.approx(0.456947, abs=5e-7)


def test_tricritical_points():
    """Blume-Capel T/J = 1/3, Delta/J = (2/3) log 2; random field T/J = 2/3, tanh^2(beta h0) = 1/3; phi^6 u = 0."""
    point = an.tricritical_point(an.BlumeCapel(coupling=J))
    assert sp.simplify(point.at[beta] - 3 / J) == 0
    assert sp.simplify(sp.expand_log(point.at[DELTA], force=True) - 2 * J * sp.log(2) / 3) == 0
    point = an.tricritical_point(an.RandomField())
    strength = an.RandomField().strength
    assert point.at[beta] == sp.Rational(3, 2)
    assert abs(3 * an.evaluate(sp.tanh(point.at[strength] * 3 / 2) ** 2) - 1) < 1e-15
    with pytest.raises(ValueError, match="no tricritical point"):
        an.tricritical_point(an.RandomField(law="gaussian"))
    w = sp.Symbol("w", real=True)
    assert an.tricritical_point(an.Landau(an.Landau().r, w, sp.Integer(2))).at[w] == 0


def test_first_order_transitions():
    """Potts in closed form for q = 3, 6; p-spin 0.672085; phi^6; Maxwell and spinodal conditions by difference."""
    for q in (3, 6):
        point = an.coexistence(an.Potts(q, coupling=J))
        assert sp.simplify(point.at[beta] * J - 2 * sp.Integer(q - 1) * sp.log(q - 1) / (q - 2)) == 0
        assert point.order == sp.Rational(q - 2, q - 1)
    ordered, symmetric = an.spinodals(an.Potts(3))
    assert symmetric.at[beta] == 3
    grid = np.linspace(0.2, 0.6, 400_001)
    gamma = np.log((1 + 2 * grid) / (1 - grid)) / grid
    assert float(ordered.at[beta]) == pytest.approx(gamma.min(), abs=1e-10)
    assert float(ordered.at[beta]) == pytest.approx(2.745644, abs=5e-7)
    point = an.coexistence(an.PSpin(3))
    with mp.workdps(30):
        b, m = (mp.mpf(str(e)) for e in (point.at[beta], point.order))
        assert abs(m - mp.tanh(3 * b * m**2)) < 1e-23
        assert abs(2 * b * m**3 - mp.log(mp.cosh(3 * b * m**2))) < 1e-23
    assert (float(b), float(m)) == (pytest.approx(0.672085, abs=5e-7), pytest.approx(0.948059, abs=5e-7))
    r, v = an.Landau().r, sp.Integer(2)
    model = an.Landau(r, sp.Integer(-3), v)
    assert an.coexistence(model).at[r] == sp.Rational(27, 32)
    assert an.spinodals(model)[0].at[r] == sp.Rational(9, 8)


def test_long_numbers_do_not_become_degrees_of_polynomials():
    """beta = 4.123456789: Delta of both spinodals and of coexistence, by their conditions."""
    b = 4.123456789
    model = an.BlumeCapel(beta=b)
    ordered, symmetric = an.spinodals(model, of=DELTA)
    assert value(symmetric.at[DELTA]) == pytest.approx(np.log(2 * b - 2) / b, rel=1e-14)
    other = an.spinodals(an.BlumeCapel(), of=DELTA, values={beta: b})[0]
    assert float(ordered.at[DELTA]) == pytest.approx(float(other.at[DELTA]), rel=1e-14)
    where, m = float(ordered.at[DELTA]), float(ordered.order)

    def residual(u):
        return 2 * np.sinh(b * u) / (np.exp(b * where) + 2 * np.cosh(b * u)) - u

    assert abs(residual(m)) < 1e-12
    assert abs(residual(m + 1e-5) - residual(m - 1e-5)) < 1e-9
    assert where > float(an.coexistence(model, of=DELTA).at[DELTA]) > value(symmetric.at[DELTA])


def test_field_spinodals_are_where_the_metastable_phase_ends():
    """F' = F'' = 0 by differences of the rate function; cusp |h| = (2/3)(beta - 1)^{3/2} near beta = 1."""
    points = an.spinodals(an.CurieWeiss(field=h), of=h)
    assert len(points) == 2
    surface = rate_function(an.CurieWeiss(field=h)).value
    for point in points:
        at = {beta: sp.Rational(3, 2)}
        where = {"h": an.evaluate(point.at[h], at), "m": an.evaluate(point.order, at), "beta": mp.mpf(1.5)}
        curve = [an.evaluate(surface, where | {"m": where["m"] + d}, 25) for d in (-1e-4, 0, 1e-4)]
        assert abs(curve[2] - curve[0]) / 2e-4 < 1e-7
        assert abs(curve[2] - 2 * curve[1] + curve[0]) / 1e-8 < 1e-6
    near = max(an.evaluate(p.at[h], {beta: mp.mpf("1.0001")}) for p in points)
    assert float(near) == pytest.approx(2 / 3 * 1e-4**1.5, rel=2e-3)


def test_exponents_and_amplitudes_by_solving():
    """Curie-Weiss sqrt(3), 1, 1/2, 3^{1/3}, jump 3/2, and the tricritical amplitude of Blume-Capel, against roots."""
    found = an.critical_exponents(an.CurieWeiss())
    assert (found.beta, found.gamma, found.delta, found.alpha) == (sp.S.Half, 1, 3, 0)
    assert (found.order, found.above, found.below, found.jump) == (sp.sqrt(3), 1, sp.S.Half, sp.Rational(3, 2))
    tau = mp.mpf(10) ** -6
    m = mp.findroot(lambda m: m - mp.tanh(m / (1 - tau)), mp.sqrt(3 * tau))
    assert float(m / mp.sqrt(tau)) == pytest.approx(float(found.order), rel=1e-5)
    m = mp.findroot(lambda m: m - mp.tanh(m + tau), (3 * tau) ** (mp.mpf(1) / 3))
    assert float(m / tau ** (mp.mpf(1) / 3)) == pytest.approx(float(found.isotherm), rel=1e-3)
    model = an.BlumeCapel()
    at = an.tricritical_point(model).at
    found = an.critical_exponents(model, at)
    assert (found.beta, found.delta, found.alpha) == (sp.Rational(1, 4), 5, sp.S.Half)
    delta, b = an.evaluate(at[DELTA]), 3 / (1 - tau)

    def residual(m):
        return m - 2 * mp.sinh(b * m) / (mp.exp(b * delta) + 2 * mp.cosh(b * m))

    guess = mp.mpf(float(found.order)) * tau ** mp.mpf(0.25)
    m = mp.findroot(residual, guess)
    assert float(m / guess) == pytest.approx(1, rel=2e-3)
    chi = an.evaluate(susceptibility(model), {"m": m, "beta": b, "Delta": delta}, 15)
    assert float(chi * tau) == pytest.approx(value(found.below), rel=5e-3)
    chi = an.evaluate(susceptibility(model), {"m": 0, "beta": 3 / (1 + tau), "Delta": delta}, 15)
    assert float(chi * tau) == pytest.approx(value(found.above), rel=1e-4)


def test_hopfield_capacity():
    """alpha_c = 0.137906 and m = 0.9674 from the derived curve; its equations against the free energy's differences."""
    phase = an.RetrievalPhase()
    load, overlap = phase.capacity()
    assert (float(load), float(overlap)) == (pytest.approx(0.137906, abs=5e-7), pytest.approx(0.9674, abs=5e-5))
    curve = phase.load_curve[0]
    stated = (sp.erf(y) / y - 2 / sp.sqrt(sp.pi) * sp.exp(-(y**2))) ** 2 / 2
    for point in (0.7, 1.5, 2.6):
        assert value(curve, y=point) == pytest.approx(value(stated, y=point), rel=1e-13)
    noise = sp.solve(phase.equations[2].doit(deep=False), sp.Symbol("r", positive=True))[0]
    assert value(noise, q=0.85, beta=3.0) == pytest.approx(0.85 / (1 - 3.0 * 0.15) ** 2, rel=1e-14)


def test_kuramoto_critical_coupling():
    """2 D for identical oscillators, 2 (D + gamma) for Lorentzian ones, 2/E[D/(D^2+w^2)] for Gaussian ones."""
    model = an.Kuramoto()
    assert model.critical_coupling == 2 * model.noise
    lorentz = an.Kuramoto(law="lorentzian")
    assert sp.simplify(lorentz.critical_coupling - 2 * (lorentz.noise + lorentz.spread)) == 0
    gauss = an.Kuramoto(law="gaussian")
    mean = mp.quad(lambda w: mp.npdf(w, 0, 0.7) * 0.4 / (0.16 + w * w), [-mp.inf, 0, mp.inf])
    assert value(gauss.critical_coupling, D=0.4, gamma=0.7) == pytest.approx(float(2 / mean), rel=1e-12)


def test_spherical_is_the_limit_of_many_components():
    """Per component, with coupling n J and m on the unit sphere, the O(n) rate tends to -(1/2) log(1 - m^2)."""
    free = value(rate_function(an.Spherical()).value, m=0.6, beta=0)
    found = []
    for n in (41, 161):
        model = an.VectorSpins(n)
        u = mp.findroot(lambda u, model=model: an.evaluate(model.single_site_mean, {"u": u}, 15) - 0.6, n * 0.9)
        rate = u * 0.6 - an.evaluate(model.cumulant_function, {"u": u}, 15)
        rate += an.evaluate(model.cumulant_function, {"u": 0}, 15)
        found.append(float(rate) / n)
    assert abs(found[1] - free) < abs(found[0] - free) < 0.02
    assert 2 * found[1] - free == pytest.approx(free, abs=0.01)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: an.CurieWeiss(beta=-1), "beta: -1 is not positive"),
        (lambda: an.CurieWeiss(coupling=0), "coupling: 0 is not positive"),
        (lambda: an.Potts(1), "colours: 1 given; a whole number of at least 2"),
        (lambda: an.Potts(2.5), "colours: 2.5"),
        (lambda: an.PSpin(1), "p: 1 given"),
        (lambda: an.VectorSpins(0), "components: 0"),
        (lambda: an.RandomField(law="cauchy"), "bimodal, gaussian"),
        (lambda: an.Hopfield(3, mixed=2), "mixed: 2 given; an odd number"),
        (lambda: an.Landau(u=-1), "not bounded below"),
        (lambda: an.Kuramoto(noise=-1), "noise: -1 is not positive"),
        (lambda: an.critical_point(an.CurieWeiss(field=1)), "spinodals"),
        (lambda: an.critical_point(an.Potts(3)), "coexistence"),
        (lambda: an.critical_point(an.BlumeCapel(sp.Rational(12, 25))), "coexistence"),
        (lambda: an.coexistence(an.CurieWeiss()), "continuous"),
        (lambda: an.spinodals(an.Potts(2)), "continuous"),
        (lambda: an.coexistence(an.Landau()), "needs u < 0"),
        (lambda: an.coexistence(an.BlumeCapel()), "values: no number for Delta"),
        (lambda: an.critical_point(an.CurieWeiss(beta=2)), "of: 2 is fixed"),
        (lambda: specific_heat(an.CurieWeiss(beta=2)), "leave it a symbol"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_few_patterns_are_enumerated():
    """K'(u) of a three-pattern mixture is the average over all 8 columns of bits."""
    model, field = an.Hopfield(3, mixed=3), 0.8
    columns = list(itertools.product((1, -1), repeat=3))
    stated = np.mean([sum(c) / 3 * np.tanh(field * sum(c) / 3) for c in columns])
    assert value(model.single_site_mean, u=field) == pytest.approx(stated, rel=1e-14)
    assert conjugate in model.single_site_mean.free_symbols
