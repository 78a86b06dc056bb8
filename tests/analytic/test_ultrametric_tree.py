"""The ultrametric tree of Gaussian classes: distances, its limits among the other models, entropies of its levels."""

from itertools import combinations

import pytest
import sympy as sp

import analytic as an
from analytic.models.partitions import coarse_partition, level_partition
from analytic.models.ultrametric_tree import squared_distances
from analytic.symbols import t
from physim.quadrature import expectations

OU = an.ornstein_uhlenbeck()


def test_distances_are_those_of_the_level_at_which_two_leaves_part():
    """Exactly, for three levels of 2, 3 and 2 children; and of three leaves the two largest distances are equal."""
    branching, norms = (2, 3, 2), (sp.sqrt(7), 2, sp.Rational(1, 3))
    means = [sp.Matrix(m) for m in an.UltrametricTree(branching, norms).means]
    assert {len(m) for m in means} == {11}
    known = squared_distances(branching, norms)
    square = {}
    for i, j in combinations(range(12), 2):
        shared = sum(any({i, j} <= set(group) for group in coarse_partition(branching, level)) for level in range(1, 4))
        square[i, j] = sp.simplify((means[i] - means[j]).dot(means[i] - means[j]))
        assert square[i, j] == known[shared]
    for i, j, k in combinations(range(12), 3):
        sides = sorted([square[i, j], square[i, k], square[j, k]])
        assert sides[1] == sides[2]
    assert sum(means, sp.zeros(11, 1)).is_zero_matrix


def test_one_level_is_a_pair_or_a_simplex():
    assert an.UltrametricTree((2,), (3,), 0.2, 5) == an.NestedPairs((3,), 0.2, 5)
    assert an.UltrametricTree((4,), (3,), 0.2, 5) == an.Simplex(4, 3, 0.2, 5)
    assert an.UltrametricTree(2, (3, 1)) == an.UltrametricTree((2, 2), (3, 1))


def test_a_decided_parent_leaves_the_pair_of_its_children():
    """On one side of a wide tree the entropy is that of the two children, whatever the other node's coordinate."""
    tree = an.Diffusion(an.UltrametricTree((2, 2), (40, 1), 0.1), OU)
    pair = an.Diffusion(an.SymmetricPair(1, 0.1), OU).class_entropy
    for sign, at in ((1, {"x2": 0.3, "x3": -0.8}), (-1, {"x2": -0.8, "x3": 0.3})):
        found = an.evaluate(tree.class_entropy, {"x1": sign * 30, **at, t: 0.3})
        assert abs(found - an.evaluate(pair, {"x": 0.3, t: 0.3})) < 1e-25


def test_entropy_rate_of_the_coarse_choice():
    """dH/dt by central differences against the mean bandwidth, by quadrature in 3 coordinates."""
    diffusion, time, step = an.Diffusion(an.UltrametricTree((2, 2), (2, 1), 0.1), OU), 0.6, 0.01
    classes = an.Classes(diffusion, coarse_partition((2, 2), 1))
    h = expectations(diffusion, {"h": classes.entropy}, [time - step, time + step], tolerance=1e-4).h.values
    rate = expectations(diffusion, {"b": classes.bandwidth}, [time], tolerance=1e-4).b.values
    assert (h[1] - h[0]) / (2 * step) == pytest.approx(float(rate[0]), rel=3e-4)


def test_partitions_of_any_branching():
    assert coarse_partition((2, 3), 1) == ((0, 1, 2), (3, 4, 5))
    assert level_partition((2, 3), 2) == ((0, 3), (1, 4), (2, 5))
    assert coarse_partition((2, 3), 0) == (tuple(range(6)),)
    assert coarse_partition((3, 2), 2) == tuple((k,) for k in range(6))


def test_refusals_of_trees():
    with pytest.raises(ValueError, match="norms: 1 given for 2 levels"):
        an.UltrametricTree((2, 2), (1,))
    with pytest.raises(ValueError, match="branching: 1 is not a whole number of at least 2"):
        an.UltrametricTree((2, 1), (1, 1))
    with pytest.raises(ValueError, match="branching: empty"):
        an.UltrametricTree((), ())
    with pytest.raises(ValueError, match="branching: b is a symbol"):
        an.UltrametricTree((sp.Symbol("b", positive=True), 2), (1, 1))
    with pytest.raises(ValueError, match="norms: 0 is not positive"):
        an.UltrametricTree((2, 2), (1, 0))
    with pytest.raises(ValueError, match="dim: 2 is not a whole number of at least 3"):
        an.UltrametricTree((2, 2), (2, 1), dim=2)
    with pytest.raises(ValueError, match=r"part at level 1 are at the squared distance 12, closer than the 16"):
        an.UltrametricTree((2, 2), (1, 2))
