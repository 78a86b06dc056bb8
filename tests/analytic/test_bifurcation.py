"""Critical points in symbols against the closed forms of the literature and numerical roots of the drift."""

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from scipy.optimize import brentq

import analytic as an
from analytic.processes import PROCESSES
from analytic.symbols import t

M, V = sp.symbols("m v", positive=True)


def by_object(model, process):
    return {point.object: point for point in an.critical_points(model, process)}


def test_ornstein_uhlenbeck_in_symbols():
    """t = (1/2) log(1 + M - v), (1/2) log(M + sqrt((1-v)^2 + M^2)) and (1/2) log(M + v), M = m^2."""
    points = by_object(an.SymmetricPair(M, V), an.ornstein_uhlenbeck())
    stated = {
        "density": sp.log(1 + M**2 - V) / 2,
        "reverse_sde": sp.log(M**2 + sp.sqrt((1 - V) ** 2 + M**4)) / 2,
        "spectral": sp.log(M**2 + V) / 2,
    }
    for name, time in stated.items():
        for m, v in ((2.0, 0.3), (1.2, 0.9), (3.0, 0.01)):
            mine = an.evaluate(points[name].value, {M: m, V: v})
            assert abs(mine - an.evaluate(time, {M: m, V: v})) < 1e-25, name
    assert points["density"].others["separation"] == 1
    assert points["probability_flow"].status == "conditional"


def test_two_points_numbers():
    """alpha^2 = sqrt(2) - 1 for +-1 points: t = 0.440687 under OU, 0.292642 under linear VP, theta_c = 0.643594."""
    process = an.ornstein_uhlenbeck()
    point = by_object(an.SymmetricPair(1), process)["reverse_sde"]
    assert abs(point.number() - mp.asinh(1) / 2) < 1e-15
    assert abs(an.evaluate(process.alpha**2, {t: point.value}) - (mp.sqrt(2) - 1)) < 1e-15
    process = an.vp_linear()
    point = by_object(an.SymmetricPair(1), process)["reverse_sde"]
    assert float(point.number()) == pytest.approx(0.292642, abs=5e-7)
    assert float(an.evaluate(process.alpha, {t: point.value})) == pytest.approx(0.643594, abs=5e-7)
    assert by_object(an.SymmetricPair(1), process)["probability_flow"].status == "none"


@pytest.mark.parametrize("name", PROCESSES)
@pytest.mark.parametrize("model", [an.SymmetricPair(1), an.SymmetricPair(1.7, 0.2), an.SymmetricPair(0.6, 0.3, dim=5)])
def test_every_process_against_the_slope_of_its_own_drift(name, model):
    """Each critical time is a root of the numerically differenced drift (or score) at the origin, found by SciPy."""
    process = PROCESSES[name]()
    diffusion = an.Diffusion(model, process)
    forces = {
        "density": diffusion.score[0],
        "reverse_sde": diffusion.reverse().drift[0],
        "probability_flow": diffusion.probability_flow().drift[0],
    }
    end = float(process.span[1]) * (1 - 1e-9) if process.span[1].is_finite else 40.0
    for point in an.critical_points(model, process):
        if point.object == "spectral":
            continue

        def slope(u, force=forces[point.object]):
            return float(an.evaluate(force, {"x": 1e-9, t: u}, 12))

        if point.status == "none":
            assert slope(1e-4) * slope(end) > 0
            continue
        assert point.status in ("exact", "numeric")
        found = float(point.number())
        assert brentq(slope, 0.8 * found, min(1.2 * found, end), xtol=1e-13) == pytest.approx(found, rel=1e-9)


def test_clocks_agree_where_there_is_no_drift():
    """f = 0 (VE, EDM): density, reverse SDE and flow break at one place, SNR = 1/(M - v)."""
    for process in (an.variance_exploding(), an.edm()):
        points = by_object(an.SymmetricPair(M, V), process)
        for name in ("density", "reverse_sde", "probability_flow"):
            assert sp.simplify(points[name].others["snr"] - 1 / (M**2 - V)) == 0
        assert points["spectral"].status == "none"


def test_refusals_and_display():
    with pytest.raises(ValueError, match="breaks the symmetry"):
        an.critical_points(an.SymmetricPair(1, weight=0.7), an.edm())
    with pytest.raises(TypeError, match="not for GaussianMixture"):
        an.critical_points(an.PointMixture([1, -1]), an.edm())
    points = by_object(an.SymmetricPair(1), an.vp_linear())
    with pytest.raises(ValueError, match="no value of t"):
        points["probability_flow"].number()
    assert points["density"]._repr_latex_().startswith("$")


def test_flow_has_a_critical_time_in_a_window_only():
    """v = 3/10: alpha^2 = (0.7 - M)/0.49 lies in (0, 1) for 0.21 < M < 0.7, M = |m|^2; nothing is found at M = 1."""
    m = sp.Symbol("m", positive=True)
    flow = an.critical_points(an.SymmetricPair(m, sp.Rational(3, 10)), an.ornstein_uhlenbeck())[2]
    assert (flow.object, flow.status) == ("probability_flow", "conditional")
    expected = -np.log((0.7 - 0.5) / 0.49) / 2
    assert float(an.evaluate(flow.value, {m: np.sqrt(0.5)})) == pytest.approx(expected, rel=1e-12)
