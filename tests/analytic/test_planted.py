"""The planted p-spin model: state evolution, spinodals, Maxwell point, against published numbers and SciPy."""

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from scipy import integrate, optimize

import analytic as an
from analytic import two_classes
from analytic.evaluate import callable_of
from analytic.gaussian import gaussian_mean
from analytic.mean_field.planted_p_spin import h, q
from analytic.stable import logcosh, tanh
from analytic.symbols import beta, snr

ISING, SPHERICAL = an.PlantedPSpin(), an.PlantedPSpin(spins="spherical")


def gaussian(function):
    return integrate.quad(lambda z: function(z) * np.exp(-z * z / 2), -12, 12, epsabs=1e-14)[0] / np.sqrt(2 * np.pi)


def channel(spins, field):
    """(overlap, entropy of a site) at a field, by SciPy's quadrature."""
    if spins == "spherical":
        return field / (1 + field), (field - np.log(1 + field)) / 2
    root = np.sqrt(field)
    overlap = gaussian(lambda z: np.tanh(field + root * z))
    return overlap, gaussian(lambda z: np.log(2 * np.cosh(field + root * z))) - field / 2


def phi(spins, strength, overlap, warm):
    """The replica-symmetric free entropy as a function of the overlap alone, p = 3, written out."""
    field = strength + 1.5 * overlap**2 / warm**2
    return channel(spins, field)[1] - (field - strength) * overlap / 2 + overlap**3 / (4 * warm**2)


def iterated(spins, strength, overlap, warm):
    """The fixed point that plain iteration of the two equations reaches."""
    for _ in range(4000):
        before, overlap = overlap, channel(spins, strength + 1.5 * overlap**2 / warm**2)[0]
        if abs(overlap - before) < 1e-13:
            break
    return overlap


def test_published_temperatures():
    """Ising p = 3: T_tri = 0.7410, T_d = 0.6816, T_K = 0.6514 (Ghio et al. 2023)."""
    for point, value in (
        ("tricritical_point", 0.7410),
        ("dynamic_temperature", 0.6816),
        ("kauzmann_temperature", 0.6514),
    ):
        assert float(getattr(ISING, point)().value) == pytest.approx(value, abs=5e-5)


def test_spherical_temperatures_are_derived():
    """Spherical: T_d and the tricritical point in closed form for every p; T_K from the published condition."""
    p = sp.Symbol("p", positive=True)
    general = an.PlantedPSpin(p, "spherical")
    tri, dynamic = general.tricritical_point(), general.dynamic_temperature()
    assert tri.status == dynamic.status == "exact"
    for k in range(3, 9):
        k = sp.Integer(k)
        known = k * (k - 2) ** (k - 2) / (2 * (k - 1) ** (k - 1))
        assert sp.simplify(dynamic.value.subs(p, k) ** 2 - known) == 0
        overlap = (k - 2) / k
        known = k * (k - 1) / 2 * overlap ** (k - 2) * (1 - overlap) ** 2
        assert sp.simplify(tri.value.subs(p, k) ** 2 - known) == 0
        assert sp.simplify(tri.others["q"].subs(p, k) - overlap) == 0
        one = an.PlantedPSpin(int(k), "spherical")
        assert sp.simplify(one.tricritical_point().others["snr"] - tri.others["snr"].subs(p, k)) == 0
    assert (SPHERICAL.tricritical_point().value, SPHERICAL.tricritical_point().others["snr"]) == (
        sp.Rational(2, 3),
        sp.Rational(1, 8),
    )
    # Crisanti & Sommers 1992, the static transition: 1/p = -y (1 - y + log y)/(1 - y)^2 at y = 1 - q
    y = optimize.brentq(lambda y: (1 - y) ** 2 / 3 + y * (1 - y + np.log(y)), 0.05, 0.7, xtol=1e-15, rtol=1e-14)
    overlap = 1 - y
    found = SPHERICAL.kauzmann_temperature()
    assert float(found.others["q"]) == pytest.approx(overlap, abs=1e-12)
    assert float(found.value) == pytest.approx(np.sqrt(1.5 * overlap * (1 - overlap)), abs=1e-13)


@pytest.mark.parametrize(("model", "warm"), [(ISING, 0.70), (SPHERICAL, 0.64)], ids=["ising", "spherical"])
def test_path_against_quadrature(model, warm):
    """Both spinodals and the Maxwell point to 10 digits, by SciPy from the free entropy of the overlap alone."""
    points = model.path(warm)
    lower, maxwell, upper = (float(point.value) for point in points)
    assert 0 < lower < maxwell < upper

    def place(field):
        return field - 1.5 * channel(model.spins, field)[0] ** 2 / warm**2

    centre = float(model._fold_end[0])
    low = optimize.minimize_scalar(
        lambda x: -place(x), bounds=(1e-6, centre), method="bounded", options={"xatol": 1e-9}
    )
    high = optimize.minimize_scalar(place, bounds=(centre, 4), method="bounded", options={"xatol": 1e-9})
    assert upper == pytest.approx(-low.fun, abs=1e-11)
    assert lower == pytest.approx(high.fun, abs=1e-11)

    def gap(strength):
        ends = (optimize.brentq(lambda x: place(x) - strength, *pair, xtol=1e-14) for pair in ((0, low.x), (high.x, 9)))
        small, large = (channel(model.spins, field)[0] for field in ends)
        return phi(model.spins, strength, large, warm) - phi(model.spins, strength, small, warm)

    assert maxwell == pytest.approx(optimize.brentq(gap, lower + 1e-6, upper - 1e-6, xtol=1e-13), abs=1e-10)
    between = (maxwell + upper) / 2
    assert iterated(model.spins, between, 0.0, warm) < 0.5 * iterated(model.spins, between, 1.0, warm)
    beyond = upper + 0.01
    assert iterated(model.spins, beyond, 0.0, warm) == pytest.approx(iterated(model.spins, beyond, 1.0, warm), abs=1e-6)


def test_fixed_points_are_stationary_and_stable_where_said():
    """dPhi/dq of the stated free entropy vanishes on the curve; the slope of the map tells the middle branch."""
    for model, warm in ((ISING, 0.70), (SPHERICAL, 0.6)):
        curve = [callable_of(e.subs(beta, 1 / sp.Float(warm)), (h,)) for e in model.fixed_points.values()]
        move = callable_of(model.state_evolution.subs(beta, 1 / sp.Float(warm)), (snr, q))
        rate = callable_of(model.slope.subs(beta, 1 / sp.Float(warm)), (snr, q))
        for field in (0.2, 0.7, 3.0):
            strength, overlap, slope, _ = (float(f(mp.mpf(field))) for f in curve)
            assert overlap == pytest.approx(channel(model.spins, field)[0], abs=1e-12)
            assert float(move(strength, overlap)) == pytest.approx(overlap, abs=1e-12)
            assert float(rate(strength, overlap)) == pytest.approx(slope, abs=1e-12)
            step = (float(move(strength, overlap + 1e-5)) - float(move(strength, overlap - 1e-5))) / 2e-5
            assert slope == pytest.approx(step, rel=1e-6)
            assert (slope > 1) == (field == 0.7)


def test_site_entropy_is_the_class_entropy():
    """An Ising site behind noise is two classes at separation h: psi = h/2 + H(h), q = 1 - mmse(h)."""
    for field in (0.3, 2.0, 9.0):
        assert float(an.evaluate(ISING.site_entropy, {h: field}, 20)) == pytest.approx(
            field / 2 + two_classes.class_entropy(field), abs=1e-13
        )
        assert float(an.evaluate(ISING.overlap, {h: field}, 20)) == pytest.approx(
            1 - two_classes.mmse(field), abs=1e-13
        )


def test_kauzmann_and_dynamic_are_ends_of_the_path():
    """Below T_d no lower spinodal, below T_K no Maxwell point; both leave snr = 0 continuously."""
    dynamic, glass = SPHERICAL.dynamic_temperature().value, SPHERICAL.kauzmann_temperature().value
    assert float(SPHERICAL.path(dynamic + sp.Rational(1, 10**5))[0].value) == pytest.approx(0, abs=1e-4)
    found = SPHERICAL.path(glass + sp.Rational(1, 10**5))
    assert found[0].status == "none"
    assert 0 < float(found[1].value) == pytest.approx(0, abs=1e-4)
    for model in (SPHERICAL, ISING):
        found = model.path(0.5)
        assert [point.status for point in found] == ["none", "none", "numeric"]
        assert "T_K" in found.named("maxwell").reason


def test_refusals():
    for call, text in (
        (lambda: an.PlantedPSpin(2), "p: 2 given; a whole number of at least 3"),
        (lambda: an.PlantedPSpin(3, "potts"), "spins: 'potts' is unknown"),
        (lambda: SPHERICAL.path(0.7), "the overlap grows continuously with snr"),
        (lambda: SPHERICAL.path(-1), "temperature: -1 is not positive"),
        (lambda: an.PlantedPSpin(sp.Symbol("p"), "spherical").kauzmann_temperature(), "needs a whole p"),
    ):
        with pytest.raises(ValueError, match=text.replace("(", r"\(")):
            call()


def test_gaussian_mean():
    """Numbers, derivatives and form of the node, against quadrature and differences."""
    u, a = sp.Symbol("u", real=True), sp.Symbol("a", positive=True)
    node = gaussian_mean(3 + a * logcosh(2 * u) - a * tanh(a * u), u, a**2, sp.sqrt(a))

    def integral(a):
        point = a**2, a**0.25
        return 3 + a * gaussian(
            lambda z: np.log(np.cosh(2 * (point[0] + point[1] * z))) - np.tanh(a * (point[0] + point[1] * z))
        )

    values = [float(an.evaluate(sp.diff(node, a, k), {a: 0.75}, 20)) for k in range(3)]
    step = 1e-3
    low, middle, high = (integral(0.75 + s) for s in (-step, 0, step))
    assert values[0] == pytest.approx(middle, abs=1e-12)
    assert values[1] == pytest.approx((high - low) / (2 * step), abs=1e-5)
    assert values[2] == pytest.approx((high - 2 * middle + low) / step**2, abs=1e-4)
    assert float(node.subs(a, sp.Rational(3, 4)).evalf(20)) == pytest.approx(values[0], rel=1e-15)
    form = callable_of(node.replace(lambda e: hasattr(e, "integrand"), lambda e: e.plain()), (a,))
    assert float(form(mp.mpf("0.75"))) == pytest.approx(values[0], rel=1e-13)
    assert gaussian_mean(u**2, u, 3, 2).evalf() == pytest.approx(11)
    assert gaussian_mean(a + 1, u) == a + 1
    assert node.free_symbols == {a}
    assert "E" in sp.latex(node)
    with pytest.raises(ArithmeticError, match="is negative"):
        an.evaluate(gaussian_mean(tanh(u), u, 0, a), {a: -1})
