"""Grammars: belief propagation against full enumeration, exact draws, U-turns against exact sums, density evolution."""

import json
from functools import lru_cache
from itertools import product

import numpy as np
import pytest
from scipy import special

import analytic as an
from analytic.random_hierarchy import RandomHierarchy
from physim import hierarchy
from physim.experiments import u_turn_hierarchy
from physim.hierarchy.channels import noised
from physim.hierarchy.grammar import Grammar, stream
from tests.checks import LIMIT, agree

TINY = hierarchy.draw(RandomHierarchy(3, 2, 2, 2), seed=5)
SMALL = hierarchy.draw(RandomHierarchy(6, 2, 3, 3), seed=4)


@lru_cache(maxsize=4)
def forest(grammar):
    """Every tree of a grammar, written out: a list of tuples (leaves, ..., class)."""
    v, m, _, _ = grammar.shape
    trees = [((a,),) for a in range(v)]
    for rules in grammar.rules[::-1]:
        grown = []
        for tree in trees:
            for choice in product(range(m), repeat=len(tree[0])):
                below = tuple(int(b) for a, k in zip(tree[0], choice, strict=True) for b in rules[a, k])
                grown.append((below, *tree))
        trees = grown
    return trees


def weights_of(messages):
    """The likelihood of every tree of TINY given leaf messages (v, leaves)."""
    return np.array([np.prod([messages[b, i] for i, b in enumerate(tree[0])]) for tree in forest(TINY)])


def test_strings_have_one_tree_each_and_are_equally_likely():
    trees = forest(TINY)
    assert len({tree[0] for tree in trees}) == len(trees) == round(np.exp(TINY.log_count)) == 24
    drawn = TINY.trees(24_000, stream(3, 1))
    assert [level.shape for level in drawn] == [(4, 24_000), (2, 24_000), (1, 24_000)]
    numbers = {tree: k for k, tree in enumerate(trees)}
    rows = zip(*(map(tuple, level.T.tolist()) for level in drawn), strict=True)
    counts = np.bincount([numbers[row] for row in rows], minlength=24)
    agree(counts / 24_000, np.sqrt(23) / 24 / np.sqrt(24_000), 1 / 24)


def test_propagation_against_full_enumeration():
    """Marginals of every latent and the evidence, for random messages that span fifteen decades: to 1e-12."""
    generator = np.random.Generator(np.random.Philox(8))
    messages = np.exp(5 * generator.standard_normal((3, 4, 6)))
    levels, evidence = hierarchy.upward(TINY, messages)
    found = hierarchy.marginals(TINY, levels)
    for k in range(6):
        weights = weights_of(messages[:, :, k])
        assert evidence[k] == pytest.approx(np.log(weights.mean()), abs=1e-12)
        for level in range(3):
            exact = np.zeros((3, 2 ** (2 - level)))
            for tree, w in zip(forest(TINY), weights / weights.sum(), strict=True):
                for node, symbol in enumerate(tree[level]):
                    exact[symbol, node] += w
            np.testing.assert_allclose(found[level][:, :, k], exact, rtol=0, atol=1e-12)


def test_posterior_trees_have_their_exact_probabilities():
    generator = np.random.Generator(np.random.Philox(9))
    messages = np.exp(generator.standard_normal((3, 4)))
    weights = weights_of(messages)
    exact = weights / weights.sum()
    copies = np.repeat(messages[:, :, None], 40_000, axis=2)
    drawn = hierarchy.posterior_trees(TINY, hierarchy.upward(TINY, copies)[0], stream(2, 1))
    numbers = {tree: k for k, tree in enumerate(forest(TINY))}
    rows = zip(*(map(tuple, level.T.tolist()) for level in drawn), strict=True)
    counts = np.bincount([numbers[row] for row in rows], minlength=24)
    agree(counts / 40_000, np.sqrt(exact * (1 - exact) / 40_000), exact)


def test_masked_strings_against_the_sum_over_all_masks():
    """P(unchanged) of every level and H[x_0|x_t] of erased leaves: 16 masks times 24 strings, exactly."""
    epsilon, trees = 0.4, forest(TINY)
    kept, entropy = np.zeros(3), 0.0
    for mask in product((0, 1), repeat=4):
        chance = np.prod([epsilon if hidden else 1 - epsilon for hidden in mask])
        for truth in trees:
            alike = [t for t in trees if all(h or a == b for h, a, b in zip(mask, t[0], truth[0], strict=True))]
            entropy += chance / 24 * np.log(len(alike))
            for level in range(3):
                same = np.mean([np.mean(np.equal(t[level], truth[level])) for t in alike])
                kept[level] += chance / 24 * same
    found = u_turn_hierarchy(TINY, "masking", [epsilon], trajectories=20_000, seed=1).isel(turn=0)
    for name in ("kept", "overlap", "truth"):
        agree(found[name], found[f"{name}_stderr"], kept)
    agree(found.entropy, found.entropy_stderr, entropy)


@pytest.mark.parametrize("channel", ["masking", "uniform", "edm"])
def test_unchanged_latents_are_the_mean_square_posterior(channel):
    """Bayes: sampled U-turns, sum of squares and belief in the truth are three estimates of one number."""
    process, turns = (an.edm(), [0.55, 0.7, 1.0]) if channel == "edm" else (channel, [0.4, 0.6, 0.8])
    found = u_turn_hierarchy(SMALL, process, turns, trajectories=1500, seed=7)
    assert np.isfinite(found.kept_z).sum() >= 8
    assert np.nanmax(np.abs(found.kept_z)) < LIMIT
    spread = np.hypot(found.overlap_stderr, found.truth_stderr)
    assert (np.abs(found.overlap - found.truth) / spread).max() < LIMIT
    assert np.all(np.diff(found.kept.mean("level")) < 0)


def test_blurred_beliefs_are_no_noise():
    """The epsilon process: U-turns keep what the belief in the truth says, and the sum of squares is another number."""
    found = u_turn_hierarchy(SMALL, "epsilon", [0.5, 0.7], trajectories=1500, seed=7)
    assert np.nanmax(np.abs(found.kept_z)) < LIMIT
    assert np.all(found.truth - found.overlap > 10 * found.truth_stderr)


def test_changed_leaves_are_the_entropy_rate():
    """The integral of (1/2) sum over leaves (1 - kept) over the SNR is the entropy of the strings, log 24."""
    nodes, weights = np.polynomial.legendre.leggauss(24)
    snr = np.exp(-1 + 6 * nodes)  # e^-7 to e^5
    order = np.argsort(snr**-0.5)
    found = u_turn_hierarchy(TINY, an.edm(), snr[order] ** -0.5, trajectories=1000, seed=2)
    assert found.snr.values == pytest.approx(snr[order])
    rule = (6 * weights * snr)[order] * 4 / 2
    below = np.exp(-7) * 4 / 2 * float(1 - found.kept[-1, 0])
    total = rule @ (1 - found.kept[:, 0].values) + below
    agree(total, np.sqrt(rule**2 @ found.kept_stderr[:, 0].values ** 2), np.log(24))
    agree(found.entropy[-1], 3 * found.entropy_stderr[-1], np.log(24) - 4 * (1 - 1 / 3) * np.exp(-7) / 2)


def test_density_evolution_is_the_class_of_the_tree():
    """Pools without a tree against trees, for the class; and the annealed map, close for blurred beliefs alone."""
    grammar = hierarchy.draw(RandomHierarchy(16, 4, 2, 5), seed=1)
    model = RandomHierarchy(16, 4, 2, 5)
    for channel, turn in (("epsilon", 0.7), ("masking", 0.5), (an.ornstein_uhlenbeck(), 0.12)):
        trees = u_turn_hierarchy(grammar, channel, [turn], trajectories=800, seed=3)
        pools = hierarchy.density_evolution(grammar, channel, [turn], population=1 << 15, seed=4)
        difference = pools.truth.isel(turn=0, level=-1) - trees.truth.isel(turn=0, level=-1)
        spread = np.hypot(pools.truth_stderr, trees.truth_stderr).values[0, -1]
        agree(difference, spread, 0.0)
        off = float(trees.mean_field[0, -1] - trees.truth[0, -1])
        assert abs(off) < 0.1 if channel == "epsilon" else off > 0.3
    assert trees.mean_field[0].values == pytest.approx(model.profile(float(trees.confidence[0])))


def test_the_class_is_lost_at_a_critical_noise():
    """Many levels: close to the annealed value for blurred beliefs, far below it for erased leaves."""
    grammar = hierarchy.draw(RandomHierarchy(16, 4, 2, 24), seed=1)
    known = {"population": 1 << 11, "seed": 1}
    blurred = hierarchy.critical_turn(grammar, "epsilon", 0.7, 0.9, **known)
    erased = hierarchy.critical_turn(grammar, "masking", 0.3, 0.8, **known)
    assert abs(blurred.value - 0.8) < 0.02  # one grammar differs from the average by more than its error of 0.001
    assert erased.value + LIMIT * erased.stderr < 0.7
    below = hierarchy.density_evolution(grammar, "epsilon", [blurred.value - 0.02, blurred.value + 0.02], **known)
    assert below.truth[0, -1] > 0.9
    assert below.truth[1, -1] < 0.1
    clock = hierarchy.critical_turn(grammar, an.edm(), 0.3, 1.2, **known)
    assert clock.others["log_snr"] == pytest.approx(-2 * np.log(clock.value))
    with pytest.raises(ValueError, match=r"low, high: the class is not known at 0\.9 and lost at 0\.95; widen"):
        hierarchy.critical_turn(grammar, "epsilon", 0.9, 0.95, **known)


def test_noise_says_what_it_should():
    """Likelihoods of the channels by Bayes' rule from their definitions."""
    leaves = np.array([[0, 2], [1, 1]])
    exact = noised("masking", leaves, 0.0, 3, stream(1, 1))
    assert np.array_equal(exact.argmax(axis=0), leaves)
    assert np.array_equal(exact.sum(axis=0), np.ones((2, 2)))
    blurred = noised("epsilon", leaves, 0.3, 3, stream(1, 1))
    assert blurred[:, 0, 0] == pytest.approx([0.8, 0.1, 0.1])
    many = np.zeros((1, 40_000), dtype=int)
    seen = noised("uniform", many, 0.3, 3, stream(1, 1)).argmax(axis=0)
    agree((seen == 0).mean(), np.sqrt(0.8 * 0.2 / 40_000), 0.8)
    gaussian = noised((0.6, 0.8), many, None, 3, stream(1, 1))
    z = np.log(gaussian[0] / gaussian[1])  # log-odds N(R, 2R), R = 9/16
    agree(z.mean(), np.sqrt(1.125 / 40_000), 0.5625)
    agree(z.var(), 1.125 * np.sqrt(2 / 40_000), 1.125)
    p = special.softmax(np.log(gaussian), axis=0)[0]
    from analytic.random_hierarchy import one_hot_confidence

    agree(p.mean(), p.std() / 200, one_hot_confidence(0.5625, 3))


def test_results_are_those_of_their_seed():
    first, again, other = (u_turn_hierarchy(SMALL, "masking", [0.3, 0.5], trajectories=64, seed=s) for s in (3, 3, 4))
    assert first.drop_attrs().identical(again.drop_attrs())
    assert not np.array_equal(first.kept, other.kept)
    alone = u_turn_hierarchy(SMALL, "masking", [0.3], trajectories=64, seed=3)
    assert np.array_equal(alone.kept[0], first.kept[0])
    facts = json.loads(first.attrs["provenance"])
    assert (facts["seed"], facts["grammar_seed"], facts["channel"]) == (3, 4, "masking")
    rules = (hierarchy.draw(RandomHierarchy(6, 2, 3, 3), seed=s).rules for s in (4, 5))
    assert [np.array_equal(a, b) for a, b in zip(SMALL.rules, next(rules), strict=True)] == [True] * 3
    assert not np.array_equal(SMALL.rules[0], next(rules)[0])
    assert not np.array_equal(SMALL.rules[0], SMALL.rules[1])


def test_no_noise_changes_nothing_and_deep_trees_do_not_underflow():
    found = u_turn_hierarchy(TINY, "masking", [0.0], trajectories=10, seed=1)
    assert np.all(found.kept == 1)
    assert np.all(np.isnan(found.kept_z))
    deep = hierarchy.draw(RandomHierarchy(32, 8, 2, 10), seed=1)
    tree = deep.trees(2, stream(1, 1))
    levels, evidence = hierarchy.upward(deep, noised((1.0, 0.25), tree[0], None, 32, stream(2, 1)))
    assert np.all(np.isfinite(evidence))
    assert np.array_equal(levels[-1].argmax(axis=0), tree[-1])


def test_refusals_of_grammars():
    absent = next(w for w in product(range(3), repeat=4) if w not in {t[0] for t in forest(TINY)})
    with pytest.raises(ValueError, match="messages: no string of the grammar explains the leaves"):
        hierarchy.upward(TINY, np.eye(3)[:, list(absent)][:, :, None])
    with pytest.raises(ValueError, match=r"messages: shape \(3, 4\) given; \(3, 4, samples\) is needed"):
        hierarchy.upward(TINY, np.ones((3, 4)))
    with pytest.raises(ValueError, match="messages: likelihoods must be finite and not negative"):
        hierarchy.upward(TINY, -np.ones((3, 4, 1)))
    with pytest.raises(ValueError, match="rules: a string stands in two rules of level 1"):
        Grammar((np.zeros((2, 1, 2), dtype=int),))
    with pytest.raises(ValueError, match=r"rules: a symbol of level 1 is outside 0 \.\.\. 1"):
        Grammar((np.array([[[0, 5]], [[1, 1]]]),))
    with pytest.raises(ValueError, match="model: levels is None; a RandomHierarchy with numbers"):
        hierarchy.draw(RandomHierarchy(3, 2), 1)
    with pytest.raises(ValueError, match="seed: -1 given"):
        hierarchy.draw(RandomHierarchy(3, 2, 2, 2), -1)
    known = {"trajectories": 10, "seed": 1}
    with pytest.raises(ValueError, match="grammar: RandomHierarchy given; draw one"):
        u_turn_hierarchy(RandomHierarchy(3, 2, 2, 2), "masking", [0.1], **known)
    with pytest.raises(ValueError, match="channel: 'erase' is unknown"):
        u_turn_hierarchy(TINY, "erase", [0.1], **known)
    with pytest.raises(ValueError, match=r"turns: 0\.1 \.\.\. 1\.2 given; an epsilon from 0 to 1"):
        u_turn_hierarchy(TINY, "masking", [0.1, 1.2], **known)
    with pytest.raises(ValueError, match=r"turns: 0\.5 \.\.\. 1\.2 must lie inside the span 0 \.\.\. 1 of vp_linear"):
        u_turn_hierarchy(TINY, an.vp_linear(), [0.5, 1.2], **known)
    with pytest.raises(ValueError, match="trajectories: 1 given"):
        u_turn_hierarchy(TINY, "masking", [0.1], trajectories=1, seed=1)
    with pytest.raises(ValueError, match="population: 40 given; at least 48"):
        hierarchy.density_evolution(TINY, "masking", [0.1], population=40, seed=1)
