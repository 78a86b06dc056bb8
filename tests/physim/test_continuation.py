"""Branches, folds, branch points and cusps against closed forms and independent root finding."""

from math import comb

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import brentq, fsolve, minimize_scalar
from scipy.stats import norm

import analytic as an
from physim.continuation import basins, diagram, equilibria, fold_curves, merge_tree, system
from physim.continuation.points import refined
from tests.checks import agree

x, y = sp.symbols("x y", real=True)
h, l, a, b, e = sp.symbols("h l a b e", real=True)


@pytest.fixture(scope="module")
def quintic():
    """dx = h + l x + a x^2 + b x^3 + e x^5, every bifurcation of one variable."""
    return system(h + l * x + a * x**2 + b * x**3 + e * x**5, ("h", "l", "a", "b", "e"), state=x)


def found(diagram):
    return {(p.kind, round(p.p, 9)): p for p in diagram.points}


@pytest.mark.parametrize(
    ("values", "points"),
    [
        ({"h": 0, "a": 0, "b": -1, "e": 0}, [("supercritical pitchfork", 0.0)]),
        ({"h": 0, "a": 0, "b": 1, "e": -1}, [("saddle-node", -0.25), ("subcritical pitchfork", 0.0)]),
        ({"h": 0, "a": 0, "b": 0, "e": -1}, [("tricritical pitchfork", 0.0)]),
        ({"h": 0, "a": -1, "b": 0, "e": 0}, [("transcritical", 0.0)]),
        ({"h": 0.1, "a": 0, "b": -1, "e": 0}, [("saddle-node", 3 * 0.05 ** (2 / 3))]),
        ({"h": 0, "a": 1, "b": -1, "e": 0}, [("saddle-node", -0.25), ("transcritical", 0.0)]),
    ],
)
def test_every_kind_in_one_variable(quintic, values, points):
    """Kind and place to 1e-12 of the textbook normal forms."""
    drawn = diagram(quintic.fixed(**values), -1.0, 1.0)
    places = sorted((p.kind, p.p) for p in drawn.points)
    assert [kind for kind, _ in places] == [kind for kind, _ in points]
    assert [p for _, p in places] == pytest.approx([p for _, p in points], abs=1e-12)


def test_branches_of_the_subcritical_pitchfork(quintic):
    """x^2 = (1 +- sqrt(1 + 4 l))/2 with their stability, on both sides and between."""
    drawn = diagram(quintic.fixed(h=0, a=0, b=1, e=-1), -1.0, 1.0)
    for value, stable, unstable in ((-0.5, [0], []), (-0.1, [0, 1, -1], [2, -2]), (0.5, [1, -1], [0])):
        outer, inner = (np.sqrt((1 + s * np.sqrt(max(1 + 4 * value, 0))) / 2 + 0j).real for s in (1, -1))
        place = {0: 0.0, 1: outer, -1: -outer, 2: inner, -2: -inner}
        points, growing = drawn.at(value)
        assert sorted(points[growing == 0, 0]) == pytest.approx(sorted(place[k] for k in stable), abs=1e-12)
        assert sorted(points[growing > 0, 0]) == pytest.approx(sorted(place[k] for k in unstable), abs=1e-12)
    assert sorted(branch.images for branch in drawn.branches) == [1, 2]
    fold = found(drawn)["saddle-node", -0.25]
    assert abs(fold.x[0]) == pytest.approx(np.sqrt(0.5), abs=1e-12)
    (record,) = [t for t in drawn.transitions() if t.kind == "saddle-node"]
    assert repr(record) == "saddle-node of fixed point at l = -0.25 (numeric, continuation)"


def test_pitchfork_from_its_side_branch(quintic):
    """Seen from x = sqrt(l) the pitchfork looks like a fold; its symmetry says what it is."""
    point = refined(quintic.fixed(h=0, a=0, b=-1, e=0), np.array([1e-5]), 1e-10, 0.1)
    assert point.kind == "supercritical pitchfork"
    assert abs(point.p) < 1e-15
    assert (point.quadratic, point.cubic) == pytest.approx((0.0, -6.0), abs=1e-9)


def test_the_cubic_coefficient_counts_the_slaved_direction():
    """dx = l x - x y + x^3, dy = -y + 2 x^2: y = 2 x^2 turns the cubic term from +1 to -1."""
    (point,) = diagram(system([l * x - x * y + x**3, -y + 2 * x**2], "l", state=(x, y)), -0.5, 0.5).points
    assert point.kind == "supercritical pitchfork"
    assert point.cubic == pytest.approx(-6, abs=1e-8)


@pytest.mark.parametrize(
    ("kind", "bend"), [("transcritical", lambda u: l * u - 3 * u**2), ("saddle-node", lambda u: l - 3 * u**2)]
)
def test_the_quadratic_coefficient_in_mixed_coordinates(kind, bend):
    """du = l u - 3 u^2 + u s (or l - 3 u^2 + u s), ds = -2 s in x = u + 2 s, y = u - s: a = -6/sqrt(2) for |v| = 1.

    The left vector (1, 2)/3 is not the right one (1, 1): psi v = 1 is what makes a a normal form.
    """
    u, s = (x + 2 * y) / 3, (x - y) / 3
    du, ds = bend(u) + u * s, -2 * s
    drawn = diagram(system([du + 2 * ds, du - ds], "l", state=(x, y)), -0.5, 0.5)
    point = next(p for p in drawn.points if p.kind == kind)
    assert abs(point.p) < 1e-12
    assert abs(point.quadratic) == pytest.approx(6 / np.sqrt(2), abs=1e-9)


def test_deflation_finds_what_one_start_at_a_time_would_miss(quintic):
    """Five roots of 0.01 - 0.1 x + x^3 - x^5 from two starts a round."""
    roots = np.roots([-1, 0, 1, 0, -0.1, 0.01])
    points = equilibria(quintic.fixed(h=0.01, a=0, b=1, e=-1), -0.1, starts=2)
    assert sorted(points[:, 0]) == pytest.approx(sorted(roots.real), abs=1e-12)


def test_hopf_of_a_drift_that_is_no_gradient():
    square = x**2 + y**2
    drawn = diagram(system([l * x - y - x * square, x + l * y - y * square], "l", state=(x, y)), -1.0, 1.5)
    (point,) = drawn.points
    assert point.kind == "Hopf"
    assert abs(point.p) < 1e-12


def simplex(count):
    """Points of K equidistant classes about their mean, in K - 1 coordinates; gamma = 1/t under VE."""
    return an.PointMixture(
        [[int(i == j) - sp.Rational(1, count) for j in range(count)] for i in range(count)]
    ).reduced()


def potts(count, gamma):
    """|x| and multiplicity of all solutions of p_k ~ exp(gamma p_k): j probabilities a > b, by scalar root finding."""
    out = [(0.0, 1)]
    for j in range(1, count):

        def unequal(gap, j=j):
            low = (1 - j * gap) / count
            return np.log1p(gap / low) - gamma * gap

        grid = np.concatenate([np.geomspace(1e-7, 1e-3, 50), np.linspace(1e-3, 1 / j - 1e-12, 4000)])
        values = [unequal(g) for g in grid]
        for k in range(len(grid) - 1):
            if values[k] * values[k + 1] < 0:
                gap = brentq(unequal, grid[k], grid[k + 1], xtol=1e-15)
                out.append((gap * np.sqrt(j * (count - j) / count), comb(count, j)))
    return out


def saddle_nodes(count):
    """gamma at the folds: minima over the gap of log(a/b)/gap, for each j < K/2."""
    out = []
    for j in range(1, (count + 1) // 2):
        ratio = lambda gap, j=j: np.log1p(gap * count / (1 - j * gap)) / gap  # noqa: E731
        out.append(minimize_scalar(ratio, bounds=(1e-3, 1 / j - 1e-9), method="bounded", options={"xatol": 1e-9}).fun)
    return out


@pytest.mark.parametrize("count", [3, 4, 6])
def test_all_branches_of_equidistant_classes(count):
    """Every solution of the mean-field Potts equation and nothing else, the symmetric mode between the saddle-node
    and the spinodal included; folds and the spinodal gamma = K to 1e-10."""
    folds = saddle_nodes(count)
    subject = system(an.Diffusion(simplex(count), an.variance_exploding()), "t")
    drawn = diagram(subject, 1 / (1.4 * count), 1 / (0.97 * min(folds)))
    places = sorted(1 / p.p for p in drawn.points)
    assert places == pytest.approx(sorted([*folds, float(count)]), rel=1e-10)
    assert min(abs(1 / p.p - count) for p in drawn.points) < 1e-12
    if count == 3:
        assert places[0] == pytest.approx(2.745644, abs=5e-7)
    ghost = (min(folds) + count) / 2
    for gamma in (0.98 * min(folds), ghost, 1.02 * count, 1.35 * count):
        points, growing = drawn.at(1 / gamma)
        expected = sorted(r for r, images in potts(count, gamma) for _ in range(images))
        assert sorted(np.linalg.norm(points, axis=1)) == pytest.approx(expected, abs=1e-9)
        centre = growing[np.linalg.norm(points, axis=1) < 1e-9]
        assert list(centre) == [0 if gamma < count else count - 1]
        stable_classes = np.count_nonzero(growing == 0) - (gamma < count)
        assert stable_classes == (count if gamma > min(folds) else 0)


FOUR = np.array([[1.0, 0.6], [1.0, -0.5], [-1.0, 0.2], [-0.7, -0.6]]), np.array([0.3, 0.3, 0.2, 0.2])


@pytest.fixture(scope="module")
def four():
    means, weights = FOUR
    mixture = an.PointMixture(means.tolist(), weights)
    return diagram(system(an.Diffusion(mixture, an.variance_exploding()), "t"), 0.02, 1)


def test_four_points_in_the_plane(four):
    """Against SciPy from a dense grid of starts; maxima - saddles + minima of the density is 1 (Morse)."""
    means, weights = FOUR

    def field(z, t):
        logs = -np.sum((z - means) ** 2, 1) / (2 * t)
        p = weights * np.exp(logs - logs.max())
        return p @ means / p.sum() - z

    for t in (0.03, 0.12, 0.2, 0.4, 0.8):
        reference = []
        for start in np.stack(np.meshgrid(np.linspace(-1, 1, 31), np.linspace(-0.6, 0.6, 21)), -1).reshape(-1, 2):
            z, _, code, _ = fsolve(field, start, args=(t,), full_output=True, xtol=1e-12)
            if code == 1 and np.linalg.norm(field(z, t)) < 1e-10:
                reference.append(z)
        reference = np.unique(np.round(reference, 6), axis=0)
        points, growing = four.at(t)
        assert len(points) == len(reference)
        for z in reference:
            assert np.min(np.linalg.norm(points - z, axis=1)) < 2e-6
        assert np.sum((-1.0) ** growing) == 1
    assert all(p.kind == "saddle-node" for p in four.points)


def test_mergers_of_attractors(four):
    """Four modes become one by three saddle-nodes, at each of which the lost mode flows into a neighbour."""
    tree = merge_tree(four)
    assert len(tree.attractors[0][0]) == 4
    assert len(tree.attractors[-1][0]) == 1
    assert sum(len(parents) - 1 for _, parents, _ in tree.merges()) == 3
    folds = {round(p.p, 9) for p in four.points}
    assert all(round(at, 9) in folds for at, _, _ in tree.merges())


def test_two_unequal_classes():
    """Lambda = 2.221106 at w = 0.8; folds 2 sqrt(L(L-1)) - 2 arccosh sqrt(L) = |logit w|; a cusp at (1, 1/2)."""
    w = sp.Symbol("w", real=True)
    subject = system(an.Diffusion(an.SymmetricPair(1, weight=w), an.variance_exploding()), ("t", "w"))
    (point,) = diagram(subject.fixed(w=0.8), 0.1, 2.0).points
    assert point.kind == "saddle-node"
    assert 1 / point.p == pytest.approx(2.221106, abs=5e-7)
    (curve,) = fold_curves(subject, (0.2, 0.02), (1.5, 0.98))
    separation, weight = 1 / curve.parameters[:, 0], curve.parameters[:, 1]
    reach = np.maximum(separation, 1)
    exact = 2 * np.sqrt(reach * (reach - 1)) - 2 * np.arccosh(np.sqrt(reach))
    assert exact == pytest.approx(np.abs(np.log(weight / (1 - weight))), abs=1e-10)
    assert curve.cusps == pytest.approx(np.array([[1.0, 0.5]]), abs=1e-12)
    assert weight.min() == pytest.approx(0.02, abs=1e-9)
    assert curve.transitions()[0].text() == "1"
    shares(subject.fixed(w=0.8))


def shares(subject):
    """The basins of two modes meet at the unstable fixed point u: shares Phi(-u), Phi(u) of normal starts."""
    points = equilibria(subject, 0.44)
    middle = [z[0] for z in points if subject.at(z, 0.44)[1][0, 0] > 0]
    result = basins(subject, 0.44, 20_000, seed=3)
    below = norm.cdf(middle[0] / subject.scale)
    truth = np.where(result.attractors[:, 0] < middle[0], below, 1 - below)
    agree(result.share, result.stderr, truth)
    assert result.lost == 0
    assert np.all((result.low < result.share) & (result.share < result.high))
    assert result.high - result.low == pytest.approx(2 * result.stderr, rel=1e-3)
    none = basins(subject, 0.3, states=np.full((50, 1), 5.0))
    empty = none.hits == 0
    assert (none.low[empty][0], none.high[empty][0]) == pytest.approx((0, 1 / 51))


def test_refusals(quintic):
    pitchfork = quintic.fixed(h=0, a=0, b=-1, e=0)
    cases = [
        (lambda: diagram(pitchfork, 1.0, 1.0), "low, high: 1 to 1 is no range"),
        (lambda: diagram(quintic, -1, 1), "a diagram has one, fix the others"),
        (lambda: fold_curves(pitchfork, (0, 0), (1, 1)), "fold curves need exactly two"),
        (lambda: fold_curves(quintic.fixed(a=0, b=-1, e=0), (0, 1), (1, 1)), "is no rectangle"),
        (lambda: quintic.fixed(q=1), "values: q given; fix some, not all"),
        (lambda: system(l * x, "l"), "state: missing"),
        (lambda: system(l * x, "l", {"l": 1}, state=x), "parameters: l given"),
        (lambda: system(l * x + h, "l", state=x), "no value for h"),
        (lambda: system(an.Diffusion(an.SymmetricPair(1), an.edm()), "t", kind="sde"), "kind: 'sde' is unknown"),
        (lambda: basins(pitchfork, 0.5, 3), "3 starts given"),
        (lambda: basins(quintic.fixed(h=0, a=0, b=1, e=0), 0.5, 100), "no attractor was found"),
    ]
    for call, reason in cases:
        with pytest.raises(ValueError, match=reason):
            call()
