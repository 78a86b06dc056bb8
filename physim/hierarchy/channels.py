r"""Noise on the leaves of a string, and what it says about each of them: likelihoods of every symbol.

    process    x_t = alpha e_x + sigma z of every one-hot leaf:    nu(a) ~ exp(alpha x_t(a)/sigma^2)
    masking    leaf erased with probability epsilon:               nu uniform if erased, else certain
    uniform    leaf replaced by any symbol with probability epsilon:   nu = 1 - epsilon + epsilon/v at what is seen
    epsilon    nothing is drawn: nu = 1 - epsilon + epsilon/v at the true symbol, epsilon/v at the others

The first three are noise that the data could have had: x_0 and a posterior draw are then two draws from one law, and
P(latent unchanged) = E sum_a P(a|x_t)^2 (Bayes).  The last, of Sclocchi, Favero & Wyart 2025 (2402.16991), blurs the
belief about the truth without noise; a posterior draw is unchanged with probability E P(truth).
"""

from __future__ import annotations

import numpy as np

CHANNELS = ("epsilon", "masking", "uniform")


def checked_turns(channel, turns):
    """Noise levels as an array, and for each what `noised` takes: the word of a channel, or (alpha, sigma).

    Parameters
    ----------
    channel : a word of `CHANNELS` or a ForwardProcess.  turns : values of epsilon, or forward times.

    Raises
    ------
    ValueError for an unknown channel, an epsilon outside [0, 1] or a time outside the span.
    """
    turns = np.atleast_1d(np.asarray(turns, dtype=float))
    if isinstance(channel, str):
        if channel not in CHANNELS:
            raise ValueError(f"channel: {channel!r} is unknown; allowed are {', '.join(CHANNELS)}, or a ForwardProcess")
        if not (turns.min() >= 0 and turns.max() <= 1):
            raise ValueError(f"turns: {turns.min():g} ... {turns.max():g} given; an epsilon from 0 to 1 is needed")
        return turns, [channel] * len(turns)
    from physim.kernels.scalars import schedule_at

    low, high = (float(end) for end in channel.span)
    if not (low < turns.min() and turns.max() <= high):
        span = f"the span {low:g} ... {high:g} of {channel.name}"
        raise ValueError(f"turns: {turns.min():g} ... {turns.max():g} must lie inside {span}")
    return turns, [schedule_at(channel, turn)[:2] for turn in turns]


def noised(channel, leaves, level, vocabulary: int, generator) -> np.ndarray:
    """Likelihoods (v, leaves, samples) after noise of one level on leaves (leaves, samples).

    Parameters
    ----------
    channel : a word of `CHANNELS`, or (alpha, sigma) of a Gaussian process at its time.
    level : epsilon in [0, 1]; not used with (alpha, sigma).  generator : numpy Generator.
    """
    shape = (vocabulary, *leaves.shape)
    if isinstance(channel, tuple):
        alpha, sigma = channel
        logits = generator.standard_normal(shape) * (alpha / sigma)
        np.put_along_axis(logits, leaves[None], np.take_along_axis(logits, leaves[None], 0) + (alpha / sigma) ** 2, 0)
        return np.exp(logits - logits.max(axis=0))
    seen, blur = leaves, np.full(leaves.shape, float(level))
    if channel == "masking":
        blur = (generator.random(leaves.shape) < level).astype(float)
    if channel == "uniform":
        replaced = generator.random(leaves.shape) < level
        seen = np.where(replaced, generator.integers(vocabulary, size=leaves.shape), leaves)
    messages = np.broadcast_to(blur / vocabulary, shape).copy()
    np.put_along_axis(messages, seen[None], (1 - blur + blur / vocabulary)[None], 0)
    return messages
