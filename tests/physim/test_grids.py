"""Time grids: what is equally spaced in each, the ends kept, refusals."""

import numpy as np
import pytest

import analytic as an
import physim
from physim import grids


def test_grids():
    grid = grids.uniform_log_snr(an.flow_matching(), 0.1, 0.9, 16)
    levels = np.log((1 - grid.times) ** 2 / grid.times**2)
    assert np.diff(levels) == pytest.approx(np.full(16, (levels[-1] - levels[0]) / 16), rel=1e-9)
    assert (grid.times[0], grid.times[-1]) == (0.1, 0.9)
    assert physim.Grid(grid.times[::-1]).times == pytest.approx(grid.times)
    assert repr(grids.uniform(0, 1, 4)) == "Grid(uniform, 4 steps, t = 0 ... 1)"
    with pytest.raises(ValueError, match="stay inside the span"):
        grids.uniform_log_snr(an.flow_matching(), 0.0, 0.9, 16)
    with pytest.raises(ValueError, match=r"leaves the span 0 \.\.\. inf of ornstein_uhlenbeck"):
        grids.uniform_log_snr(an.ornstein_uhlenbeck(), -1, 2, 4)


@pytest.mark.parametrize("process", [an.ornstein_uhlenbeck(), an.edm(), an.flow_matching(), an.vp_linear()])
def test_what_is_equally_spaced(process):
    """Each rule at its own quantity, evaluated with mpmath at the times returned."""
    start, stop = 0.01, 0.93
    rules = {
        "uniform_log_snr": (grids.uniform_log_snr, lambda q: np.log(q)),
        "edm": (lambda *a: grids.edm_rho(*a, rho=7), lambda q: q ** (1 / 7)),
        "cosine": (grids.cosine, np.arctan),
    }
    for make, quantity in rules.values():
        grid = make(process, start, stop, 24)
        ratio = [float(an.evaluate(process.sigma / process.alpha, {an.t: float(u)}, 20)) for u in grid.times]
        steps = np.diff(quantity(np.array(ratio)))
        assert steps == pytest.approx(np.full(24, steps.mean()), rel=1e-8)
        assert (grid.times[0], grid.times[-1]) == (start, stop)


def test_edm_rho_is_the_published_formula():
    """sigma_i of Karras et al., equation 5: sigma_max 80, sigma_min 0.002, rho 7, 18 steps."""
    i = np.arange(18)
    published = (80 ** (1 / 7) + i / 17 * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7
    grid = grids.edm_rho(an.edm(), 0.002, 80.0, 17)
    assert grid.times[::-1] == pytest.approx(published, rel=1e-9)
    with pytest.raises(ValueError, match="rho: 0 is not positive"):
        grids.edm_rho(an.edm(), 0.002, 80.0, 17, rho=0)


def test_dilated_is_two_uniform_pieces():
    """A share of the steps on either side of the knot, whatever the direction; the share that is not whole."""
    grid = grids.dilated(0.1, 0.9, 12, knot=0.85, share=0.25)
    assert grid.times == pytest.approx([*np.linspace(0.1, 0.85, 4), *np.linspace(0.85, 0.9, 10)[1:]], abs=1e-15)
    assert grids.dilated(0.9, 0.1, 12, knot=0.85, share=0.75).times == pytest.approx(grid.times, abs=1e-15)
    assert repr(grid).startswith("Grid(dilated(knot 0.85, share 0.25), 12 steps")
    between = grids.dilated(0.0, 1.0, 3, knot=0.9)
    assert between.times == pytest.approx([0, 0.6, 0.9 + 0.1 / 3, 1])
    assert grids.dilated(0.0, 1.0, 8, 0.5).times == pytest.approx(grids.uniform(0.0, 1.0, 8).times)


@pytest.mark.parametrize(
    ("change", "words"), [({"knot": 1.0}, "knot: 1.0 is not between"), ({"share": 0}, "share: 0 ")]
)
def test_dilated_refuses(change, words):
    with pytest.raises(ValueError, match=words):
        grids.dilated(**{"start": 0.0, "stop": 1.0, "steps": 8, "knot": 0.5} | change)
