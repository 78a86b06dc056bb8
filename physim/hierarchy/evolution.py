r"""Density evolution of a grammar: the law of the message that reaches the class, without building the tree.

    pool_l(b) = messages to a node of level l whose true symbol is b
    a ~ uniform, k ~ uniform:    nu(a') ~ sum_k' prod_i nu_i(rule(a', k')_i),   nu_i from pool_{l-1}(rule(a, k)_i)

Subtrees below different nodes are independent given their symbols, so this is exact for the given rules but for the
finite pools (bias of order one over their size).  The cost grows with the number of levels, not of leaves: trees of
thirty levels show where the class is lost in the limit of many.  Source: Mezard & Montanari 2009 (population dynamics).
"""

from __future__ import annotations

import numpy as np

from physim.hierarchy import propagation
from physim.hierarchy.channels import checked_turns, noised
from physim.hierarchy.grammar import Grammar, stream

SETS = 16


def density_evolution(grammar: Grammar, channel, turns, *, population: int = 1 << 15, seed: int):
    """E P(class|x_t) of the true class for the trees of the lowest l levels, l = 0, ..., L, from noisy leaves.

    Parameters
    ----------
    grammar : Grammar of any number of levels.  channel, turns : as in `physim.experiments.u_turn_hierarchy`.
    population : messages for all symbols together, at least 16 v.  seed : of the pools, the same at every turn.

    Returns
    -------
    xarray.Dataset over `turn` and `level`: truth with truth_stderr, from 16 independent sets of pools.  Besides, a bias
    of relative order 16 v/population: compare two populations.

    Raises
    ------
    ValueError for a population below 16 v, and as the experiment for channel and turns.
    """
    import xarray as xr

    v, depth = grammar.shape[0], grammar.shape[3]
    share = _share(population, v)
    turns, channels = checked_turns(channel, turns)
    values = np.empty((SETS, len(turns), depth + 1))
    for k, turn in enumerate(turns):
        for part in range(SETS):
            values[part, k] = _evolved(grammar, channels[k], turn, share, stream(seed, 2, part))
    dims = ("turn", "level")
    data = {"truth": (dims, values.mean(axis=0)), "truth_stderr": (dims, values.std(axis=0, ddof=1) / np.sqrt(SETS))}
    return xr.Dataset(data, {"turn": turns, "level": np.arange(depth + 1)})


def critical_turn(grammar: Grammar, channel, low: float, high: float, *, population: int = 1 << 15, seed: int):
    """The noise at which the class is lost: its true value is believed half-way between one and chance.

    Parameters
    ----------
    grammar, channel, population, seed : as in `density_evolution`; twenty levels or more show the limit of many.
    low, high : a bracket, as epsilon or forward time: the class is known at `low` and lost at `high`.

    Returns
    -------
    analytic Transition in "epsilon" or "t", estimated by bisection in each of 16 independent sets of pools, to a
    thousandth of the bracket (included in the standard error), with the log-SNR of a process in `others`.

    Raises
    ------
    ValueError for a bracket in which the class is not lost, and as `density_evolution`.
    """
    from analytic.transition import Transition

    v = grammar.shape[0]
    turns, ends = checked_turns(channel, [low, high])
    share = _share(population, v)
    half, found = (1 + 1 / v) / 2, np.empty(SETS)
    for part in range(SETS):

        def known(turn, at, part=part):
            return _evolved(grammar, at, turn, share, stream(seed, 2, part))[-1] > half

        if not known(turns[0], ends[0]) or known(turns[1], ends[1]):
            raise ValueError(f"low, high: the class is not known at {low:g} and lost at {high:g}; widen the bracket")
        a, b = turns
        while b - a > 1e-3 * (turns[1] - turns[0]):
            middle = (a + b) / 2
            a, b = (middle, b) if known(middle, checked_turns(channel, [middle])[1][0]) else (a, middle)
        found[part] = (a + b) / 2
    value, spread = found.mean(), found.std(ddof=1) / np.sqrt(SETS)
    stderr = float(np.hypot(spread, 1e-3 * (turns[1] - turns[0]) / np.sqrt(12)))
    clock, others = ("epsilon", {}) if isinstance(channel, str) else ("t", _log_snr(channel, value))
    bracket, method = (float(low), float(high)), "density evolution"
    return Transition("jump", "class", clock, float(value), stderr, bracket, "estimated", method, others=others)


def _log_snr(process, time):
    (alpha, sigma) = checked_turns(process, [time])[1][0]
    return {"log_snr": 2 * float(np.log(alpha / sigma))}


def _share(population, v):
    """Messages for each symbol in a set of pools."""
    if population // (SETS * v) < 1:
        raise ValueError(f"population: {population} given; at least {SETS * v} (16 v) is needed")
    return population // (SETS * v)


def _evolved(grammar, channel, turn, share, generator):
    """Mean belief in the true symbol at every level, from pools of `share` messages a symbol."""
    v = grammar.shape[0]
    truth = np.repeat(np.arange(v), share)
    pool = noised(channel, truth[None], turn, v, generator)[:, 0]
    means = []
    for rules in (*grammar.rules, None):
        pool = pool / pool.sum(axis=0)
        means.append(pool[truth, np.arange(len(truth))].mean())
        if rules is not None:
            pool = _raised(rules, pool, truth, share, generator)
    return means


def _raised(rules, pool, truth, share, generator):
    """Messages (v, columns) one level up, for parents with the true symbols given."""
    v, m, s = rules.shape
    strings = rules[truth, generator.integers(m, size=len(truth))]
    members = strings * share + generator.integers(share, size=strings.shape)
    below = pool[:, members].reshape(v, len(truth), s, 1)
    return propagation.joined(rules, below)[:, :, 0]
