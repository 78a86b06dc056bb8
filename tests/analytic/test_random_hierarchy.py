"""The random hierarchy in mean field: the maps against averages over all rules, fixed points, leaf confidence."""

import math
from itertools import combinations, product

import mpmath as mp
import pytest
import sympy as sp

import analytic as an
from analytic import two_classes
from analytic.random_hierarchy import RandomHierarchy, one_hot_confidence, p, snr_of_confidence
from physim.quadrature import expectations

V, M = sp.symbols("v m", positive=True)


def averages(v, m, s, belief, above):
    """Exact averages over all sets of m v rules with one known: upward confidence, downward confidence of child 0.

    The true string is 0 ... 0 of the true parent 0; the others are any other strings, of random parents.
    """
    strings = [w for w in product(range(v), repeat=s) if any(w)]
    nu = [belief] + [(1 - belief) / (v - 1)] * (v - 1)
    mu = [above] + [(1 - above) / (v - 1)] * (v - 1)
    parents = [0] * (m - 1) + [a for a in range(1, v) for _ in range(m)]
    mean_mu = sum(mu[a] for a in parents) / sp.Integer(len(parents))
    same = sp.Rational(parents.count(0), len(parents))
    up, down = [0, 0], [0, 0]
    for others in combinations(strings, m * v - 1):
        up[0] += belief**s + same * sum(sp.Mul(*(nu[b] for b in w)) for w in others)
        up[1] += belief**s + sum(sp.Mul(*(nu[b] for b in w)) for w in others)
        weights = [(w[0], mean_mu * sp.Mul(*(nu[b] for b in w[1:]))) for w in others]
        weights.append((0, above * belief ** (s - 1)))
        down[0] += sum(x for b, x in weights if b == 0)
        down[1] += sum(x for _, x in weights)
    return up[0] / up[1], down[0] / down[1]


@pytest.mark.parametrize(("v", "m", "s"), [(3, 1, 2), (3, 2, 2), (2, 2, 3)])
def test_maps_are_averages_over_all_rules(v, m, s):
    """Numerator and denominator averaged over every choice of the other rules, in exact fractions."""
    belief, above = sp.Rational(3, 5), sp.Rational(4, 7)
    model = RandomHierarchy(v, m, s)
    up, down = averages(v, m, s, belief, above)
    assert model.upward(belief) == up
    assert model.downward(above, belief) == down


@pytest.mark.parametrize("s", [2, 3])
def test_fixed_points_and_slopes(s):
    model = RandomHierarchy(V, M, s)
    for point, slope in zip((1, 1 / V), model.slopes, strict=True):
        assert sp.simplify(model.upward(sp.sympify(point)) - point) == 0
        assert sp.simplify(sp.diff(model.upward(p), p).subs(p, point) - slope) == 0
    unstable = model.transition
    assert unstable.status == "conditional"
    numbers = {V: 20, M: 3}
    value = unstable.value.subs(numbers)
    assert sp.N(model.upward(value).subs(numbers) - value, 30) == pytest.approx(0, abs=1e-25)
    assert sp.N(sp.diff(model.upward(p), p).subs(p, value).subs(numbers)) > 1


def test_transition_of_the_paper_and_where_there_is_none():
    """v = 32, m = 8, s = 2: p* = 7/24; beyond m = (v + 1)/2 noise always wins, with one synonym it never does."""
    point = RandomHierarchy(32, 8).transition
    assert sp.simplify(RandomHierarchy(V, M).transition.value - (M - 1) / (V - M)) == 0
    assert point.value == sp.Rational(7, 24)
    assert point.others["epsilon"] == sp.Rational(68, 93)
    model = RandomHierarchy(32, 8)
    for channel in ("epsilon", "masking", "uniform"):
        assert sp.simplify(model.confidence(channel, point.others[channel]) - point.value) == 0
    assert not RandomHierarchy(32, 17).transition.found
    assert "lost at any noise" in RandomHierarchy(32, 17).transition.reason
    assert "known at any noise" in RandomHierarchy(32, 1).transition.reason
    assert RandomHierarchy(32, 16).transition.found
    deep = RandomHierarchy(10, 8, 5).transition
    assert deep.status == "numeric"
    assert abs(RandomHierarchy(10, 8, 5).upward(deep.value) - deep.value) < 1e-20
    assert RandomHierarchy(V, M, 5).transition.status == "implicit"
    assert RandomHierarchy(V, M, sp.Symbol("s", positive=True)).transition.status == "implicit"


def test_profile_jumps_at_the_unstable_fixed_point():
    model = RandomHierarchy(32, 8, 2, 40)
    low, high = (model.profile(7 / 24 + shift) for shift in (-1e-3, 1e-3))
    assert low[-1] == pytest.approx(1 / 32, abs=1e-6)
    assert high[-1] == pytest.approx(1, abs=1e-6)
    assert model.profile(1.0) == [1.0] * 41
    assert len(model.profile(0.5, levels=3)) == 4
    one = RandomHierarchy(5, 2, 2).profile(0.6, levels=1)
    above = RandomHierarchy(5, 2, 2).downward(sp.Rational(1, 5), 0.6)
    assert one == pytest.approx([float(RandomHierarchy(5, 2, 2).joint(0.6, above)), float(model_of_one(0.6))])


def model_of_one(belief):
    """F for v = 5, m = 2, s = 2 written out."""
    q, f = belief**2, 9 / 24
    return (q + f / 9 * (1 - q)) / (q + f * (1 - q))


@pytest.mark.parametrize("snr", [0.03, 1.7, 12.0, 60.0])
def test_confidence_of_two_symbols_is_the_universal_function(snr):
    assert one_hot_confidence(snr, 2) == pytest.approx(two_classes.same_class(snr / 2), rel=2e-13)


def test_confidence_of_three_symbols_by_quadrature():
    """Three one-hot vectors are a simplex of norm sqrt(2/3); E P(truth) = E sum P^2."""
    diffusion = an.Diffusion(an.Simplex(3, sp.sqrt(sp.Rational(2, 3))), an.edm())
    same = an.Classes(diffusion).same
    exact = expectations(diffusion, {"same": same}, [0.4, 1.3], tolerance=1e-11).same.values
    assert [one_hot_confidence(1 / s**2, 3) for s in (0.4, 1.3)] == pytest.approx(exact, rel=1e-11)


def test_confidence_of_many_symbols_at_its_ends():
    assert one_hot_confidence(0, 32) == 1 / 32
    assert one_hot_confidence(1e-4, 32) == pytest.approx(1 / 32 + 1e-4 * 31 / 32**2, rel=1e-7)
    assert one_hot_confidence(1e4, 32) == 1
    with mp.workdps(15):
        tail = 31 * mp.erfc(mp.sqrt(mp.mpf(120)) / 2) / 2  # one competitor ahead: a bound within a factor of two
    assert 0.5 < (1 - one_hot_confidence(120, 32)) / float(tail) < 2
    for vocabulary, confidence in ((2, 0.9), (32, 7 / 24), (1000, 0.01)):
        assert one_hot_confidence(snr_of_confidence(confidence, vocabulary), vocabulary) == pytest.approx(confidence)


def test_critical_time_is_one_log_snr_in_every_process():
    model = RandomHierarchy(32, 8)
    found = {process.name: model.critical_time(process) for process in (an.edm(), an.ornstein_uhlenbeck())}
    assert float(found["edm"].value) ** -2 == pytest.approx(found["edm"].others["snr"], rel=1e-12)
    assert found["edm"].others["log_snr"] == pytest.approx(1.2707606194, abs=1e-9)
    t = float(found["ornstein_uhlenbeck"].value)
    assert math.exp(-2 * t) / -math.expm1(-2 * t) == pytest.approx(found["edm"].others["snr"], rel=1e-12)
    assert RandomHierarchy(32, 20).critical_time(an.edm()).status == "none"
    assert RandomHierarchy(V, M).critical_time(an.edm()).status == "implicit"


def test_refusals_of_hierarchies():
    with pytest.raises(ValueError, match="synonyms: 12 rules need distinct strings, and there are only 9"):
        RandomHierarchy(3, 4)
    with pytest.raises(ValueError, match="vocabulary: 1 is not a whole number of at least 2"):
        RandomHierarchy(1, 1)
    with pytest.raises(ValueError, match="levels: 0 is not a whole number of at least 1"):
        RandomHierarchy(3, 1, 2, 0)
    with pytest.raises(ValueError, match="channel: 'flip' is unknown; allowed are epsilon, masking, uniform"):
        RandomHierarchy(3, 1).confidence("flip")
    with pytest.raises(ValueError, match="levels: None given; a whole number of at least 1"):
        RandomHierarchy(3, 1).profile(0.5)
    with pytest.raises(ValueError, match="snr: -1 is not a number of at least 0"):
        one_hot_confidence(-1, 3)
    with pytest.raises(ValueError, match=r"confidence: 0\.1 is not between 1/v = 0\.25 and 1"):
        snr_of_confidence(0.1, 4)
