"""Figures of branches and of locations: what is drawn against numbers worked out here."""

import json

import numpy as np
import pytest
from scipy.stats import norm

from figures import location_calibration
from figures.curie_weiss import draw, table
from tests.figures.reading import curves, panel
from tests.physim import curie_weiss as cw


def markers(axes):
    """Coordinates of all lone markers of a panel."""
    return np.concatenate([line.get_xydata() for line in axes.lines if line.get_linestyle() == "None"])


def test_gallery_draws_the_textbook_branches(made):
    figure = made["bifurcation_gallery"][1]
    forms = {
        "a": lambda l, x: l - x**2,
        "b": lambda l, x: l * x - x**2,
        "c": lambda l, x: l * x - x**3,
        "d": lambda l, x: l * x + x**3 - x**5,
        "e": lambda l, x: l * x - x**5,
    }
    for letter, form in forms.items():
        axes = panel(figure, letter)
        drawn = np.concatenate([*curves(axes), markers(axes)])
        drawn = drawn[np.isfinite(drawn).all(1)]
        assert len(drawn) > 60
        assert np.abs(form(*drawn.T)).max() < 1e-10
    found = markers(panel(figure, "d"))
    assert [-0.25, np.sqrt(0.5)] == pytest.approx(
        found[np.argmin(np.abs(found - [-0.25, np.sqrt(0.5)]).sum(1))], abs=1e-9
    )


def test_fold_curve_and_peaks_of_unequal_weights(made):
    data, figure = made["fold_and_cusp"]
    separation, bias = data["continued"].values.T
    reach = np.maximum(separation, 1)
    exact = 2 * np.sqrt(reach * (reach - 1)) - 2 * np.arccosh(np.sqrt(reach))
    assert np.abs(bias) == pytest.approx(exact, abs=1e-9)
    facts = json.loads(data.attrs["parameters"])["w = 0.8"]
    assert facts == "fold 2.2210, rate peak 1.58646, variance peak 0.99749"
    assert markers(panel(figure, "a"))[-1] == pytest.approx([1, 0], abs=1e-9)


def test_merge_tree_is_a_tree(made):
    data, figure = made["attractor_merge_tree"]
    count = len(data["edge"]) - 1
    modes = [data[f"paths_{k}"].shape[1] for k in range(count)]
    assert (modes[0], modes[-1]) == (4, 1)
    for k in range(count - 1):
        assert set(data[f"heirs_{k}"].values) <= set(range(modes[k + 1]))
    drawn = markers(panel(figure, "c"))
    gamma, radius = drawn[drawn[:, 1] > 0.35].T  # one large probability: p = 1/3 + 2 gap/3, gap = radius sqrt(3/2)
    gap = radius * np.sqrt(1.5)
    assert np.log1p(gap / ((1 - gap) / 3)) == pytest.approx(gamma * gap, abs=1e-9)


def test_samples_of_curie_weiss_are_exact():
    _, summed = table(64, 1.1)
    assert np.diff(summed, prepend=0) == pytest.approx(cw.law(64, 1.1), abs=1e-12)
    m = draw(64, 1.1, 40_000, ((1, 2), 3))
    z = (np.mean(m**2) - cw.moment(64, 1.1, 2)) / (np.std(m**2) / 200)
    assert abs(z) < 4
    assert np.array_equal(m[:9], draw(64, 1.1, 40_000, ((1, 2), 3))[:9])
    assert not np.array_equal(m[:9], draw(64, 1.1, 40_000, ((1, 2), 4))[:9])


@pytest.mark.slow
def test_calibration_shows_every_location(made):
    data, figure = made["location_calibration"]
    scores = np.concatenate([data[f"z_{k}"].values for k in range(10)])
    assert markers(panel(figure, "c"))[:, 1] == pytest.approx(scores)
    (line,) = curves(panel(figure, "a"))
    assert line[:, 1] == pytest.approx(norm.pdf(line[:, 0]))


@pytest.mark.slow
def test_every_locator_is_calibrated():
    """The full figure: at least 190 locations each; intervals hold what they promise."""
    data = location_calibration.compute(False)
    for k, name in enumerate(location_calibration.METHODS):
        size = np.abs(data[f"z_{k}"].values)
        assert len(size) > 190, name
        assert 0.63 <= np.mean(size < 1) <= 0.73, name
        assert 0.92 <= np.mean(size < 1.95996) <= 0.975, name


def test_adaptive_is_cheaper_than_a_grid(made):
    data, figure = made["location_cost"]
    worth = {
        name: np.median(data[name].values[:, 0] * data[name].values[:, 1] ** 2) for name in ("adaptive", "uniform")
    }
    assert worth["uniform"] > 4 * worth["adaptive"]
    drawn = markers(panel(figure, "a"))
    assert drawn == pytest.approx(np.concatenate([data[n].values[:, :2] for n in ("adaptive", "uniform")]))
