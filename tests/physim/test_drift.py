"""Finite-size places against exact sums, and where they drift to against the exact transitions of infinite size."""

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar

import analytic as an
from analytic.transition import Transition
from figures.magnets import Exact
from physim.locate import extrapolated, specific_heat_peak
from tests.physim.test_locate import covers


def top(law, beta, low, high):
    """Peak of the specific heat by reweighting the exact law at beta."""
    energy = law.states[0]

    def negative(b):
        weights = law.reweighted((beta - b) * energy)
        return -(b**2) * (weights @ energy**2 - (weights @ energy) ** 2)

    return minimize_scalar(negative, bounds=(low, high), method="bounded", options={"xatol": 1e-10}).x


def located(places, error=1e-4):
    return [Transition("peak", "c", "beta", p, stderr=error, status="estimated", method="sums") for p in places]


def test_specific_heat_drifts_to_the_continuous_transition():
    """Curie-Weiss: beta_N = 1 + 2.25 N^(-1/2) + ..; Blume-Capel, Delta = 0.4: its line 2 beta/(e^(beta Delta) + 2) = 1.

    Two powers leave less than 1e-3, one more than that, and says so where the errors are small enough to see it.
    """
    sizes = np.array([256, 512, 1024, 2048])
    places = [top(Exact(an.CurieWeiss(), n, 1 + 2 / n**0.5), 1 + 2 / n**0.5, 1.0, 1.4) for n in sizes]
    one, two = (extrapolated(sizes, located(places, 1e-5), 0.5, terms=k) for k in (1, 2))
    assert abs(two.value - 1) < 1e-3 < abs(one.value - 1)
    assert one.status == "tentative"
    assert "the drift is no power of N" in one.reason
    model, sizes = an.BlumeCapel(), np.array([64, 128, 256, 512])
    line = brentq(lambda b: 2 * b / (np.exp(0.4 * b) + 2) - 1, 1.5, 3)
    assert line == pytest.approx(float(an.critical_point(model, values={model.crystal: 0.4}).value), rel=1e-9)
    guess = [line * (1 + 2.5 / n**0.5) for n in sizes]
    places = [
        top(Exact(model, int(n), g, {model.crystal: 0.4}), g, line, 1.7 * line)
        for n, g in zip(sizes, guess, strict=True)
    ]
    assert abs(extrapolated(sizes, located(places), 0.5, terms=2).value - line) < 0.25 * (places[-1] - line)


@pytest.mark.slow
def test_equal_weights_drift_to_the_maxwell_point():
    """Three-state Potts of 1440 to 2880 sites: (beta_N - 4 log 2) N is constant within 5 %, its limit 4 log 2.

    The peak of the specific heat is not there yet: (beta_N - 4 log 2) N still falls from 7.7 to 2.9.
    """
    sizes, exact, areas = (1440, 2160, 2880), 4 * np.log(2), []
    for n in sizes:
        law = Exact(an.Potts(3), n, exact)
        energy, upper = law.states[0], law.states[1] > 0.25

        def excess(b, w=law, e=energy, u=upper):
            return w.reweighted((exact - b) * e)[u].sum() - 0.75

        areas.append(brentq(excess, 2.75, 2.83))
    assert abs(areas[-1] - exact) > 4e-3
    assert abs(extrapolated(sizes, located(areas, 1e-4), 1.0).value - exact) < 1e-3
    assert top(law, exact, 2.76, 2.8) - exact == pytest.approx(1.0186e-3, abs=1e-6)


@pytest.mark.slow
def test_the_limit_of_specific_heat_peaks_is_calibrated():
    """Peaks of 128 to 2048 spins, two powers of N^(-1/2): beta_c = 1."""
    sizes, generator = (128, 256, 512, 1024, 2048), np.random.Generator(np.random.Philox(12))
    laws = {}
    for n in sizes:
        centre, half = 1 + 2.2 / n**0.5, 1.6 / n**0.5
        betas = np.linspace(centre - half, centre + 1.5 * half, 5)
        laws[n] = betas, [Exact(an.CurieWeiss(), n, b) for b in betas]
    z = []
    for _ in range(200):
        peaks = [specific_heat_peak([law.draw(3000, generator)[0] for law in laws[n][1]], laws[n][0], n) for n in sizes]
        found = extrapolated(sizes, peaks, 0.5, terms=2)
        z += [(found.value - 1) / found.stderr] if found.found else []
    assert len(z) > 190
    covers(z)


def test_extrapolation_says_what_it_cannot():
    places = located([1.2, 1.1, 1.05])
    assert extrapolated([1, 2, 4], places, None, kind="critical point").kind == "critical point"
    few = extrapolated([4, 8], places[:2], 1.0, terms=2)
    assert (few.status, few.reason) == ("unresolved", "2 sizes given; 3 are needed to extrapolate their drift")
    lost = Transition("peak", "c", "beta", status="none", reason="nothing there")
    missing = extrapolated([4, 8, 16], [*places[:2], lost], 1.0)
    assert (missing.status, missing.reason) == ("none", "size 16: nothing there")
    for call, reason in (
        (lambda: extrapolated([1, 2], places, 1.0), "sizes: 2 given for 3 locations"),
        (lambda: extrapolated([1, 2, 4], places, -1.0), "drift, terms: -1.0, 1 given"),
        (lambda: specific_heat_peak([np.ones(99)], [-1.0], 8), "positive numbers are needed"),
    ):
        with pytest.raises(ValueError, match=reason):
            call()
