r"""U-turns on strings of a random hierarchy: which latents change, level by level.

    x_0 --noise on the leaves--> x_t --exact draw of the whole tree--> x_0'
    kept_l = fraction of the latents of level l that are the same in x_0 and x_0'

x_0' is drawn from p(x_0|x_t) by belief propagation: what a perfect reverse process would generate, without steps.  For
noise that the data could have had, x_0 and x_0' are two draws from one law given x_t, so that for every node

    E kept = E sum_a P(a|x_t)^2 = E P(truth|x_t)             H[x_0|x_t] = E[-log p(x_0|x_t)]
    dH[x_0|x_t]/dSNR = -(1/2) sum over leaves (1 - E kept_0)         (one-hot leaves, Gaussian noise; I-MMSE)

The column mean_field is the annealed mean field of `analytic.random_hierarchy`, exact for no single grammar.  For the
epsilon process, s = 2, m = v/4 and L = 8 the class of one grammar (of eight) is off by up to 0.17, 0.10, 0.04, 0.04 at
v = 8, 16, 32, 64, the mean of the eight by 0.02 or less; for noise that fluctuates from leaf to leaf it is no estimate.
Source: Sclocchi, Favero & Wyart 2025 (2402.16991).
"""

from __future__ import annotations

import time as clock

import numpy as np

from physim.hierarchy import propagation
from physim.hierarchy.channels import checked_turns, noised
from physim.hierarchy.grammar import Grammar, stream

ELEMENTS = 1 << 18  # of the leaf messages of a block of strings
SEEN = 10  # strings' worth of changed, and of kept, latents that must be expected for z to be judged


def u_turn_hierarchy(grammar: Grammar, channel, turns, *, trajectories: int, seed: int):
    """Fractions of unchanged latents of every level after U-turns at several noise levels.

    Parameters
    ----------
    grammar : Grammar, e.g. `physim.hierarchy.draw(analytic.RandomHierarchy(32, 8, 2, 6), seed=1)`.
    channel : a ForwardProcess (Gaussian noise on one-hot leaves), "masking", "uniform" or "epsilon"
        (`physim.hierarchy.channels` says what they are).
    turns : forward times of the process, or values of epsilon from 0 to 1.
    trajectories : strings at each turn, at least 2.  seed : of strings, noise and posterior draws; turns and blocks of
        strings have streams of their own.

    Returns
    -------
    xarray.Dataset over `turn` and `level` (0: leaves, L: class), each estimate with `_stderr`: kept (sampled);
    overlap (E sum_a P(a|x_t)^2); truth (E P(truth|x_t)); kept_z, kept less overlap (less truth for "epsilon", whose
    beliefs are those of no noise) in standard errors of that difference, nan where fewer than ten strings' worth of
    changed, or of kept, latents are expected; correlation of these differences over (`level`, `other`); mean_field.
    Over `turn`: entropy, E[-log p(x_0|x_t)] in nats, with `_stderr`; confidence of the leaves; snr of a process.

    Raises
    ------
    ValueError for an unknown channel, turns outside the range, or a number of trajectories below 2.
    """
    _check(grammar, trajectories)
    turns, channels = checked_turns(channel, turns)
    started = clock.perf_counter()
    v, m, s, depth = grammar.shape
    block = max(1, min(4096, ELEMENTS // (v * grammar.leaves)))
    found: list[dict] = []
    for k, turn in enumerate(turns):
        parts = []
        for j, first in enumerate(range(0, trajectories, block)):
            generator = stream(seed, 1, j, k)
            parts.append(_turned(grammar, channels[k], turn, min(block, trajectories - first), generator))
        found.append(_summary(channel, *(np.concatenate(part, axis=-1) for part in zip(*parts, strict=True))))
    data = {name: (_dims(name), np.array([row[name] for row in found])) for name in found[0]}
    data |= _mean_field(grammar, channel, turns, channels)
    facts = {
        "experiment": "u_turn_hierarchy",
        "grammar": dict(zip(("vocabulary", "synonyms", "branching", "levels"), (v, m, s, depth), strict=True)),
        "grammar_seed": grammar.seed,
        "channel": channel if isinstance(channel, str) else channel.name,
        "trajectories": int(trajectories),
        "seed": int(seed),
    }
    return _dataset(data, turns, depth, facts, round(clock.perf_counter() - started, 3))


def _check(grammar, trajectories):
    if not isinstance(grammar, Grammar):
        raise ValueError(f"grammar: {type(grammar).__name__} given; draw one with physim.hierarchy.draw(model, seed)")
    if isinstance(trajectories, bool) or not isinstance(trajectories, int | np.integer) or trajectories < 2:
        raise ValueError(f"trajectories: {trajectories!r} given; a whole number of at least 2 is needed")


def _turned(grammar, channel, turn, count, generator):
    """kept, overlap, truth, each (levels, strings), and -log p(x_0|x_t) of some U-turns."""
    tree = grammar.trees(count, generator)
    messages = noised(channel, tree[0], turn, grammar.shape[0], generator)
    levels, evidence = propagation.upward(grammar, messages)
    back = propagation.posterior_trees(grammar, levels, generator)
    beliefs = propagation.marginals(grammar, levels)
    kept = np.stack([(a == b).mean(axis=0) for a, b in zip(tree, back, strict=True)])
    overlap = np.stack([np.einsum("vns,vns->ns", p, p).mean(axis=0) for p in beliefs])
    truth = np.stack([np.take_along_axis(p, a[None], 0)[0].mean(axis=0) for p, a in zip(beliefs, tree, strict=True)])
    likelihood = np.log(np.take_along_axis(messages, tree[0][None], 0)[0]).sum(axis=0)
    return kept, overlap, truth, evidence + grammar.log_count - likelihood


def _summary(channel, kept, overlap, truth, content):
    """Means, standard errors and z of one turn."""
    count = kept.shape[1]
    found = {}
    for name, values in (("kept", kept), ("overlap", overlap), ("truth", truth), ("entropy", content)):
        found[name], found[f"{name}_stderr"] = values.mean(axis=-1), values.std(axis=-1, ddof=1) / np.sqrt(count)
    exact = truth if channel == "epsilon" else overlap
    difference = kept - exact
    expected = count * np.minimum(exact.mean(axis=1), 1 - exact.mean(axis=1))
    stderr = difference.std(axis=1, ddof=1) / np.sqrt(count)
    with np.errstate(divide="ignore", invalid="ignore"):
        found["kept_z"] = np.where(expected >= SEEN, difference.mean(axis=1) / stderr, np.nan)
        found["correlation"] = np.atleast_2d(np.corrcoef(difference))
    return found


def _dims(name):
    if name.startswith("entropy"):
        return ("turn",)
    return ("turn", "level", "other") if name == "correlation" else ("turn", "level")


def _mean_field(grammar, channel, turns, channels):
    """The annealed prediction at every turn."""
    from analytic.random_hierarchy import RandomHierarchy, one_hot_confidence

    model = RandomHierarchy(*grammar.shape)
    if isinstance(channel, str):
        confidence, more = [float(model.confidence(channel, turn)) for turn in turns], {}
    else:
        snr = [(alpha / sigma) ** 2 for alpha, sigma in channels]
        confidence, more = [one_hot_confidence(r, grammar.shape[0]) for r in snr], {"snr": ("turn", snr)}
    profiles = [model.profile(p) for p in confidence]
    return {"mean_field": (("turn", "level"), profiles), "confidence": ("turn", confidence), **more}


def _dataset(data, turns, depth, facts, wall):
    import xarray as xr

    from physim.store import provenance

    levels = np.arange(depth + 1)
    coordinates = {"turn": turns, "level": levels, "other": levels}
    return xr.Dataset(data, coordinates, {"provenance": provenance({**facts, "wall_seconds": wall})})
