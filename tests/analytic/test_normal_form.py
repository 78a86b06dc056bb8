"""Normal forms in closed form against textbooks and numbers; the atlas against closed forms."""

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

import analytic as an
from analytic.normal_form import classified
from analytic.stable import tanh
from analytic.symbols import t
from tests.zoo import MODELS

x, y, l = sp.symbols("x y l", real=True)
T, J = sp.symbols("T J", positive=True)
Delta = sp.Symbol("Delta", real=True)


@pytest.mark.parametrize(
    ("drift", "point", "kind", "value", "coefficients"),
    [
        (l * x - x**3, None, "supercritical pitchfork", 0, {"c": -6, "d": 1, "beta": sp.S.Half, "amplitude": 1}),
        (l * x + x**3 - x**5, None, "subcritical pitchfork", 0, {"c": 6}),
        (l * x - 2 * x**5, None, "tricritical pitchfork", 0, {"k": -240, "delta": 5, "beta": sp.Rational(1, 4)}),
        (l * x - x**2, None, "transcritical", 0, {"a": -2, "amplitude": 1, "gamma": 1}),
        (l - x**2 + 2 * x, 1 + sp.sqrt(l + 1), "saddle-node", -1, {"e": 1, "a": -2, "amplitude": 1}),
        (tanh(J * x / T) - x, None, "supercritical pitchfork", J, {"d": -1 / J, "c": -2, "amplitude": sp.sqrt(3 / J)}),
    ],
)
def test_kinds_and_coefficients(drift, point, kind, value, coefficients):
    parameter = T if drift.has(T) else l
    (found,) = an.bifurcations(drift, x, parameter, None if point is None else [point])
    assert found.kind == kind
    assert sp.simplify(found.value - value) == 0
    for name, expected in coefficients.items():
        assert sp.simplify(found.others[name] - expected) == 0, name


def test_tricritical_point_of_blume_capel():
    """The line 2/(T(e^(Delta/T) + 2)) = 1 and c = (1 - 3T)/T^2: tricritical at T = 1/3, Delta = (2/3) log 2."""
    drift = 2 * sp.sinh(x / T) / (sp.exp(Delta / T) + 2 * sp.cosh(x / T)) - x
    (found,) = an.bifurcations(drift, x, Delta)
    assert found.kind == "pitchfork"
    assert sp.simplify(found.others["c"] - (1 - 3 * T) / T**2) == 0
    at = found.value.subs(T, sp.Rational(1, 3))
    assert float(at) == pytest.approx(2 / 3 * np.log(2), rel=1e-14)
    (special,) = an.bifurcations(drift.subs(T, sp.Rational(1, 3)), x, Delta)
    assert special.kind == "tricritical pitchfork"
    assert special.others["k"] < 0


def test_slaved_directions_are_eliminated():
    """dy = -y + 2 x^2 turns the cubic term of dx = l x - x y + x^3 around; a third variable carries the drive."""
    (found,) = an.bifurcations([l * x - x * y + x**3, -y + 2 * x**2], (x, y), l)
    assert (found.kind, found.others["c"]) == ("supercritical pitchfork", -6)
    z = sp.Symbol("z", real=True)
    (found,) = an.bifurcations([x * (y - l), -y + z + x**2 / 5, -2 * z + 4 * l - x**2], (x, y, z), l, [0, 2 * l, 2 * l])
    assert (found.value, found.others["d"], found.others["c"]) == (0, 1, -sp.Rational(9, 5))


def numerically_reduced(drift, state, point, value):
    """(e, d, a, c) by mpmath: F(x_c + u v + w; p) = g v, psi w = 0 solved for (w, g), then g(u, p) differenced."""
    place = [sp.sympify(c).subs(l, value) for c in point]
    jacobian = sp.Matrix(drift).jacobian(state).subs(dict(zip(state, place, strict=True))).subs(l, value)
    v, psi = jacobian.nullspace()[0], jacobian.T.nullspace()[0].T
    psi, n = psi / (psi * v)[0], len(state)
    field = sp.lambdify((*state, l), list(drift), "mpmath")
    v, psi, place = ([mp.mpf(sp.Rational(e).p) / sp.Rational(e).q for e in entries] for entries in (v, psi, place))

    def reduced(u, q):
        def equations(*unknown):
            w, g = unknown[:n], unknown[n]
            force = field(*(a + u * b + c for a, b, c in zip(place, v, w, strict=True)), value + q)
            return [
                *(f - g * b for f, b in zip(force, v, strict=True)),
                sum(a * b for a, b in zip(psi, w, strict=True)),
            ]

        return mp.findroot(equations, [mp.mpf(0)] * (n + 1), tol=mp.mpf(10) ** (-70))[n]

    with mp.workdps(40):
        step = mp.mpf(10) ** -8
        return [mp.diff(reduced, (0, 0), order, h=step) for order in ((0, 1), (1, 1), (2, 0), (3, 0))]


@pytest.mark.parametrize(
    ("kind", "quadratic", "bend"),
    [
        ("transcritical", -6, lambda u, s: l * u - 3 * u**2 + u * s),
        ("saddle-node", -6, lambda u, s: l - 3 * u**2 + u * s + l * u),
        ("transcritical", -2, lambda u, s: 2 * l * u - 4 * u**2 + 3 * s + u**3),
    ],
)
@pytest.mark.parametrize("size", [2, 3])
def test_quadratic_coefficients_of_slaved_systems(kind, quadratic, bend, size):
    """Known coefficients behind a change of coordinates, and a numerical reduction of the same drift.

    du = bend(u, s), ds = -2 s + 2 u^2, dz = -z + u z + u^2: s = u^2 adds to u^2 where bend has a term in s alone.
    """
    z, u, s, r = sp.symbols("z u s r", real=True)
    inner, mix = (
        [bend(u, s), -2 * s + 2 * u**2, -r + u * r + u**2][:size],
        sp.Matrix([[1, 2, 0], [1, -1, 1], [2, 0, 1]]),
    )
    state, mix = (x, y, z)[:size], mix[:size, :size]
    old = dict(zip((u, s, r), mix.inv() * sp.Matrix(state), strict=False))
    drift = list(mix * sp.Matrix([f.subs(old, simultaneous=True) for f in inner]))
    found_kind, others = classified(drift, state, l, [0] * size, 0)
    assert found_kind == kind
    stretch = sp.Matrix(drift).jacobian(state).subs({l: 0, **dict.fromkeys(state, 0)}).nullspace()[0][0]
    assert sp.simplify(others["a"] - quadratic * stretch) == 0  # v = stretch times the image (1, 1, 2) of the u axis
    for name, number in zip("edac", numerically_reduced(drift, state, [0] * size, 0), strict=True):
        assert float(others[name]) == pytest.approx(float(number), abs=1e-6), name


def test_first_lyapunov_coefficient_with_quadratic_terms():
    """l_1 = 2 a/w with a of Guckenheimer & Holmes 1983, eq. 3.4.11, for dx = -w y + f, dy = w x + g."""
    w = sp.Rational(3, 2)
    f = 2 * x**2 - x * y + 3 * y**2 + x**3 / 2 - x * y**2
    g = -(x**2) + 4 * x * y + y**2 / 2 - 2 * x**2 * y + y**3 / 3
    (found,) = an.bifurcations([l * x - w * y + f, w * x + l * y + g], (x, y), l)
    zero = {x: 0, y: 0}

    def d(h, *by):
        return sp.diff(h, *by).subs(zero)

    a = (d(f, x, x, x) + d(f, x, y, y) + d(g, x, x, y) + d(g, y, y, y)) / 16
    a += (d(f, x, y) * (d(f, x, x) + d(f, y, y)) - d(g, x, y) * (d(g, x, x) + d(g, y, y))) / (16 * w)
    a += (d(f, y, y) * d(g, y, y) - d(f, x, x) * d(g, x, x)) / (16 * w)
    assert sp.simplify(found.others["l1"] - 2 * a / w) == 0
    assert found.kind == f"{'super' if a < 0 else 'sub'}critical Hopf"


def test_hopf_against_integration():
    """Sign of l_1, frequency, and the limit cycle that the supercritical one leaves behind."""
    square = x**2 + y**2
    for sign, kind in ((-1, "supercritical Hopf"), (1, "subcritical Hopf")):
        drift = [l * x - 2 * y + sign * x * square, 2 * x + l * y + sign * y * square]
        (found,) = an.bifurcations(drift, (x, y), l)
        assert (found.kind, found.value, found.others["frequency"]) == (kind, 0, 2)
    brusselator = [1 - (l + 1) * x + x**2 * y, l * x - x**2 * y]
    (found,) = an.bifurcations(brusselator, (x, y), l, [1, l])
    assert (found.kind, found.value) == ("supercritical Hopf", 2)
    path = solve_ivp(
        lambda s, u: [1 - 3.1 * u[0] + u[0] ** 2 * u[1], 2.1 * u[0] - u[0] ** 2 * u[1]], (0, 200), [1, 2.2]
    )
    assert 0.2 < np.ptp(path.y[0][path.t > 150]) < 3


def test_symmetries_of_a_drift():
    square = an.symmetries([x - x**3 + x * y**2, y - y**3 + y * x**2], (x, y))
    assert len(square) == 8
    assert square[0] == sp.eye(2)
    assert [g[0] for g in an.symmetries(l * x - x**3, x)] == [1, -1]
    assert [g[0] for g in an.symmetries(l * x - x**2, x)] == [1]
    assert len(an.symmetries([y - x, x - y**3], (x, y))) == 2
    assert sp.Matrix([[0, 1], [1, 0]]) in an.symmetries([x * y - x, x * y - y], (x, y))


def test_refusals():
    with pytest.raises(ValueError, match="no fixed point"):
        an.bifurcations(1 - x, x, l)
    with pytest.raises(ValueError, match="2 entries, 1 coordinates"):
        an.bifurcations([x, y], x, l)
    with pytest.raises(ValueError, match="6 coordinates"):
        an.symmetries([x] * 6, sp.symbols("a:6"))
    assert an.bifurcations(x - x**3, x, l) == ()


def test_atlas_of_the_symmetric_pair_has_every_clock():
    pair = an.SymmetricPair(2, sp.Rational(1, 4))
    for process in (an.ornstein_uhlenbeck(), an.edm(), an.flow_matching()):
        for point in an.atlas(pair, process):
            if not point.found:
                continue
            time = float(point.number())
            level = float(an.evaluate(point.others["log_snr"], digits=15))
            assert level == pytest.approx(float(an.evaluate(process.log_snr, {t: time}, 15)), abs=1e-12)
            assert float(process.time_at(sp.Float(level, 20))) == pytest.approx(time, rel=1e-12)
            assert point.within("sigma").parameter == "sigma"


def test_atlas_by_numbers_against_closed_forms():
    """The pair written as a general mixture, a rectangle of points (Lambda = 1 along its long side), and one mode."""
    numeric = an.atlas(an.GaussianMixture([2, -2], sp.Rational(1, 4)), an.ornstein_uhlenbeck())
    for point in an.atlas(an.SymmetricPair(2, sp.Rational(1, 4)), an.ornstein_uhlenbeck()):
        other = numeric.named(point.object)
        assert other.found == point.found
        if point.found:
            assert float(other.number()) == pytest.approx(float(point.number()), rel=1e-10)
    points = [[a, b * sp.Rational(3, 5)] for a in (1, -1) for b in (1, -1)]
    square = an.atlas(an.PointMixture(points), an.variance_exploding())
    assert [float(p.number()) for p in square[:3]] == pytest.approx([1, 1, 1], rel=1e-12)
    assert (square[3].status, square[3].reason) == ("none", "the condition is met at no time")
    alone = an.atlas(MODELS["equal means"], an.ornstein_uhlenbeck())
    assert alone.named("density").status == "none"
    assert "keeps its stability" in alone.named("density").reason
    w = sp.Symbol("w", positive=True)
    assert {p.status for p in an.atlas(an.PointMixture([w, 0]), an.edm())} == {"implicit"}


def test_reverse_drift_of_a_mixture_by_root_finding():
    """The numeric reverse-SDE condition is a root of the slope of the simulated drift."""
    mixture = an.GaussianMixture([1.5, -1.5], [0.2, 0.2])
    process = an.vp_linear()
    point = an.atlas(mixture, process).named("reverse_sde")
    drift = an.Diffusion(mixture, process).reverse().drift[0]

    def slope(u):
        return float(an.evaluate(drift, {"x": 1e-9, t: u}, 12))

    assert brentq(slope, 0.2, 0.8) == pytest.approx(float(point.number()), rel=1e-8)
