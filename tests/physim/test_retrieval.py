"""Hopfield networks with many patterns: limits of retrieval, heat-bath kernel, overlaps against replica symmetry."""

import numpy as np
import pytest
from scipy import integrate, optimize, special

import analytic as an
from physim.experiments import few_patterns, retrieval
from physim.kernels import network
from physim.locate import retrieval_coexistence, retrieval_limit, retrieval_overlap
from physim.locate.retrieval import glass_state
from tests.checks import agree


def gaussian(function):
    return integrate.quad(lambda z: function(z) * np.exp(-z * z / 2), -12, 12, epsabs=1e-13)[0] / np.sqrt(2 * np.pi)


def noise(q, warm):
    """r of the published equations."""
    return q / (1 - (1 - q) / warm) ** 2


def spread(m, load, warm):
    """q at an overlap m, of the published equations."""

    def miss(q):
        width = np.sqrt(load * noise(q, warm))
        return q - gaussian(lambda z: np.tanh((m + width * z) / warm) ** 2)

    return optimize.brentq(miss, max(0.4, 1.2 - warm), 0.99999, xtol=1e-14)


def test_limits_at_both_ends():
    """T = 0: 0.137906 and 0.0519; towards T = 1 the limits close as 1 - T = 1.954 sqrt(alpha) and 2.6 sqrt(alpha)."""
    assert float(retrieval_limit(0).value) == pytest.approx(0.137906, abs=5e-7)
    assert float(retrieval_coexistence(0).value) == pytest.approx(0.0519, abs=5e-5)
    assert str(an.RetrievalPhase().glass_temperature) == "sqrt(alpha) + 1"
    x = (np.sqrt(11 / 3) - 1) / 4
    slope = 1 / np.sqrt(4 / 9 * x / ((1 + x) * (x + 1 / 3) ** 2))
    for warm in (0.98, 0.995):
        gone = (1 - warm) / np.sqrt(float(retrieval_limit(warm).value))
        assert gone == pytest.approx(slope, abs=0.4 * (1 - warm))
        assert (1 - warm) / np.sqrt(float(retrieval_coexistence(warm).value)) == pytest.approx(2.6, abs=0.02)


def test_overlap_solves_the_published_equations():
    """At T > 0 and at T = 0; beyond the limit there is none."""
    for warm, load in ((0.4, 0.05), (0.6, 0.03)):
        m = retrieval_overlap(load, warm)
        width = np.sqrt(load * noise(spread(m, load, warm), warm))
        assert m == pytest.approx(gaussian(lambda z, m=m, w=width, t=warm: np.tanh((m + w * z) / t)), abs=1e-10)
        with pytest.raises(ValueError, match="exists below"):
            retrieval_overlap(1.001 * float(retrieval_limit(warm).value), warm)
    y = special.erfinv(retrieval_overlap(0.1, 0))
    assert (special.erf(y) / y - 2 / np.sqrt(np.pi) * np.exp(-(y**2))) ** 2 / 2 == pytest.approx(0.1, abs=1e-9)


def test_coexistence_has_equal_free_energies():
    """The free energy written out, at the overlap of the retrieval state and at zero."""
    warm = 0.5
    point = retrieval_coexistence(warm)
    load, m = float(point.value), point.others["m"]

    def free(m, q, r):
        rest, width = 1 - (1 - q) / warm, np.sqrt(load * r)
        bath = load * warm / 2 * (np.log(rest) - q / warm / rest) + load * r * (1 - q) / (2 * warm) + load / 2
        return m**2 / 2 + bath - warm * gaussian(lambda z: np.log(2 * np.cosh((m + width * z) / warm)))

    q = spread(m, load, warm)
    glass = glass_state(warm, load)
    assert free(m, q, noise(q, warm)) == pytest.approx(free(0.0, glass["q"], noise(glass["q"], warm)), abs=1e-9)
    assert free(0.0, glass["q"], noise(glass["q"], warm)) == pytest.approx(glass["free_energy"], abs=1e-10)
    assert 0 < load < float(retrieval_limit(warm).value)


def test_kernel_against_a_plain_twin():
    """Patterns are +-1 without bias; a heat-bath sweep written out on the same noise gives the same spins."""
    from physim.kernels.philox import philox_reference

    kernel, sites, warm = network.load(), 50, 0.7
    keys = np.uint64(5), np.uint64(0), np.uint64(3)
    patterns = np.empty((7, sites), np.int8)
    kernel.draw_patterns(patterns, *keys)
    assert set(np.unique(patterns)) == {-1, 1}
    many = np.empty((400, 1000), np.int8)
    kernel.draw_patterns(many, *keys)
    agree(many.mean(), 1 / np.sqrt(many.size), 0.0)
    agree(np.mean(many[:, 1:] * many[:, :-1]), 1 / np.sqrt(many.size), 0.0)
    wide = patterns.astype(np.int64)
    couplings = wide.T @ wide
    np.fill_diagonal(couplings, 0)
    spins, twin = patterns[0].copy(), patterns[0].astype(np.int64)
    fields, overlaps = couplings @ twin, np.empty(3)
    kernel.heat_bath(couplings.astype(np.int16), spins, fields, patterns[0], 1 / warm, *keys, 0, overlaps)
    for sweep in range(3):
        for i in range(sites):
            draw = sweep * sites + i
            word = philox_reference((3, 0, draw // 4, 0), (5, 0))[draw % 4]
            up = 1 / (1 + np.exp(-2 * (couplings[i] @ twin) / (sites * warm)))
            twin[i] = 1 if (word + 0.5) / 2**32 < up else -1
        assert overlaps[sweep] == pytest.approx(patterns[0] @ twin / sites)
    np.testing.assert_array_equal(spins, twin)
    np.testing.assert_array_equal(fields, couplings @ twin)


def test_few_patterns_have_the_exact_moments():
    found = few_patterns([0.5, 0.9, 1.3], patterns=2, sites=64, trajectories=1500, seed=8)
    agree(found.m2, found.m2_stderr, found.m2_exact)


def test_many_patterns_have_the_replica_symmetric_overlap():
    """Well below the limit at T > 0; at T = 0 the dynamics comes to rest, beyond 0.2 far from the pattern."""
    found = retrieval([0.01, 0.03], 0.4, sites=800, networks=24, seed=4)
    agree(found.overlap, found.overlap_stderr, found.overlap_exact)
    agree(found.settled, found.settled_stderr, 0.0)
    cold = retrieval([0.05, 0.25], 0.0, sites=400, networks=6, seed=4)
    assert (cold.settled == 1).all()
    assert cold.overlap[0] > 0.99
    assert cold.overlap[1] < 0.6
    assert np.isnan(cold.overlap_exact[1])


def test_refusals():
    good = {"sites": 100, "networks": 2, "seed": 1}
    for call, text in (
        (lambda: retrieval(0.0, 0.4, **good), "loads: 0 ... 0 given"),
        (lambda: retrieval(0.1, -1, **good), "temperature: -1 given"),
        (lambda: retrieval(0.1, 0.4, **{**good, "networks": 1}), "networks: 1 given; a whole number of at least 2"),
        (lambda: retrieval(2.0, 0.4, **{**good, "sites": 40_000}), "at most 32767"),
        (lambda: few_patterns(0.0, sites=64, trajectories=4, seed=1), "temperatures: 0"),
        (lambda: few_patterns(0.5, sites=63, trajectories=4, seed=1), "not a multiple of 4"),
        (lambda: retrieval_limit(1.2), "temperature: 1.2 given; 0 or a number from 0.1"),
        (lambda: glass_state(1.5, 0.04), "the glass exists below 1.2"),
    ):
        with pytest.raises(ValueError, match=text):
            call()
