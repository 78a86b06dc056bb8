r"""Exact belief propagation on the trees of a grammar, and exact draws of whole trees given noisy leaves.

    up      nu_parent(a) ~ sum_k prod_i nu_i(rule(a, k)_i)                                  leaves to class
    down    mu_i(b) ~ sum_{a, k: rule(a, k)_i = b} mu_parent(a) prod_{j != i} nu_j(rule(a, k)_j)
    P(symbol of a node | leaves) ~ nu mu             mu of the class is uniform

A message is an array (v, nodes, samples) of likelihoods, normalised over the symbols at every node; the logarithms of
the norms add up to the evidence log p(leaves), so nothing underflows however many leaves there are.  A tree is drawn
from the class down: the class from nu, then for each node one of the m rules of its symbol with weight prod_i nu_i.
Cost: s m v products a node and sample, a few nanoseconds each.
Source: Mezard & Montanari 2009 (belief propagation); Sclocchi, Favero & Wyart 2025 (2402.16991) for these trees.
"""

from __future__ import annotations

import numpy as np

from physim.hierarchy.grammar import Grammar, children

COLUMNS = 1024  # nodes times samples done at once: a message then stays in the cache


def upward(grammar: Grammar, messages):
    """The messages of all levels given those of the leaves.

    Parameters
    ----------
    grammar : Grammar.  messages : array (v, s^L, samples) of likelihoods of every symbol at every leaf, >= 0.

    Returns
    -------
    (levels, evidence): messages (v, s^(L-l), samples) for l = 0, ..., L, and log p(leaves) for each sample, in which a
    leaf's likelihoods count as they were given.

    Raises
    ------
    ValueError for a wrong shape, a negative or infinite number, or leaves that no string explains.
    """
    v, _, s, _ = grammar.shape
    messages = np.asarray(messages, dtype=float)
    if messages.ndim != 3 or messages.shape[:2] != (v, grammar.leaves):
        raise ValueError(f"messages: shape {messages.shape} given; ({v}, {grammar.leaves}, samples) is needed")
    if not (np.all(np.isfinite(messages)) and messages.min(initial=0.0) >= 0):
        raise ValueError("messages: likelihoods must be finite and not negative")
    evidence = np.full(messages.shape[2], -np.log(v))
    levels = [_normalised(messages, evidence)]
    for rules in grammar.rules:
        below = levels[-1].reshape(v, -1, s, messages.shape[2])
        above = np.empty((v, below.shape[1], below.shape[3]))
        for part in _parts(above):
            above[:, part] = joined(rules, below[:, part])
        evidence -= np.log(rules.shape[1]) * above.shape[1]
        levels.append(_normalised(above, evidence))
    return levels, evidence


def marginals(grammar: Grammar, levels):
    """P(symbol | leaves) of every node, from the upward messages: arrays (v, s^(L-l), samples) for l = 0, ..., L."""
    v, _, s, depth = grammar.shape
    down = np.full_like(levels[-1], 1 / v)
    found = [levels[-1].copy()]
    for level in range(depth - 1, -1, -1):
        below = levels[level].reshape(v, -1, s, down.shape[2])
        down = _parted(grammar.rules[level], below, down)
        product = down * levels[level]
        found.append(product / product.sum(axis=0))
    return found[::-1]


def posterior_trees(grammar: Grammar, levels, generator):
    """One exact draw of the whole tree for each sample, given the upward messages: arrays (s^(L-l), samples)."""
    v, m, s, depth = grammar.shape
    samples = levels[0].shape[2]
    tree = [_chosen(levels[-1], generator)]
    for level in range(depth - 1, -1, -1):
        rules, parents = grammar.rules[level], tree[-1]
        below = levels[level].reshape(v, -1, s, samples)
        node, column = np.arange(len(parents))[:, None], np.arange(samples)
        weights = np.ones((m, *parents.shape))
        for k in range(m):
            for i in range(s):
                weights[k] *= below[rules[parents, k, i], node, i, column]
        tree.append(children(rules, parents, _chosen(weights, generator)))
    return tree[::-1]


def joined(rules, below):
    """sum_k prod_i nu_i(rule(a, k)_i), from messages (v, nodes, s, samples)."""
    v, m, s = rules.shape
    parts = [np.ascontiguousarray(below[:, :, i]).reshape(v, -1) for i in range(s)]
    total = np.zeros((v, parts[0].shape[1]))
    for k in range(m):
        total += _product([part[rules[:, k, i]] for i, part in enumerate(parts)])
    return total.reshape(v, *below.shape[1::2])


def _parted(rules, below, down):
    """Downward messages (v, s nodes, samples) to the children, from those of the parents and the siblings."""
    from scipy.sparse import csr_array

    v, m, s = rules.shape
    out, strings, every = np.empty(below.shape), rules.reshape(-1, s), np.arange(v * m)
    gather = [csr_array((np.ones(v * m), (strings[:, i], every)), shape=(v, v * m)) for i in range(s)]
    for part in _parts(down, COLUMNS // 2):
        parts = [np.ascontiguousarray(below[:, part, i]).reshape(v, -1) for i in range(s)]
        above = np.repeat(down[:, part].reshape(v, -1), m, axis=0)
        for i in range(s):
            sums = gather[i] @ _product([parts[j][strings[:, j]] for j in range(s) if j != i] + [above])
            out[:, part, i] = (sums / sums.sum(axis=0)).reshape(v, -1, below.shape[3])
    return out.reshape(v, -1, below.shape[3])


def _product(factors):
    total = factors[0]
    for factor in factors[1:]:
        total = np.multiply(total, factor, out=total)
    return total


def _parts(message, columns=COLUMNS):
    """Slices of nodes of a message (v, nodes, samples) of about so many columns each."""
    size = max(1, columns // max(1, message.shape[2]))
    return [slice(k, k + size) for k in range(0, message.shape[1], size)]


def _normalised(message, evidence):
    """The message with sum one over the symbols; the logarithms of the sums go into the evidence, in place."""
    total = message.sum(axis=0)
    if not np.all(total > 0):
        raise ValueError("messages: no string of the grammar explains the leaves of a sample (probability zero)")
    evidence += np.log(total).sum(axis=0)
    return message / total


def _chosen(weights, generator):
    """One index (nodes, samples) with probabilities proportional to the weights (choices, nodes, samples)."""
    sums = np.cumsum(weights, axis=0)
    return np.sum(sums[:-1] <= generator.random(sums.shape[1:]) * sums[-1], axis=0)
