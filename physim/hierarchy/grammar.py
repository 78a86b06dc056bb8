r"""A grammar of the random hierarchy model: fixed rules, and strings with all their latent symbols.

    p(tree) = (1/v) prod over nodes 1/m         every symbol of level l becomes one of its m strings of level l - 1

The m v strings of a level are distinct, so a string of leaves has one tree: there are v m^((s^L - 1)/(s - 1)) of them,
all equally likely.  A tree is a list over the levels 0 (leaves) to L (class); level l is an array (s^(L-l), samples),
and the children of node j are the nodes s j, ..., s j + s - 1 below.
Source: Cagnetta, Petrini, Tomasini, Favero & Wyart 2024 (2307.02129).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class Grammar:
    """The rules of every level.

    Parameters
    ----------
    rules : for each level l = 1, ..., L an integer array (v, m, s): string k of symbol a is rules[l - 1][a, k].
    seed : the seed they were drawn from, or None.

    Raises
    ------
    ValueError for shapes that differ, symbols out of range, or a string that stands in two rules of a level.
    """

    rules: tuple = field(repr=False)
    seed: int | None = None

    def __post_init__(self):
        rules = tuple(np.ascontiguousarray(r, dtype=np.int64) for r in self.rules)
        shapes = {r.shape for r in rules}
        if len(shapes) != 1 or rules[0].ndim != 3 or rules[0].shape[2] < 2:
            found = sorted(shapes) or "no level"
            raise ValueError(f"rules: {found} given; one shape (v, m, s) with s >= 2 is needed at all levels")
        v, m, s = rules[0].shape
        for level, r in enumerate(rules, 1):
            if r.min() < 0 or r.max() >= v:
                raise ValueError(f"rules: a symbol of level {level} is outside 0 ... {v - 1}")
            if len(np.unique(r.reshape(-1, s), axis=0)) < v * m:
                raise ValueError(f"rules: a string stands in two rules of level {level}; strings must be distinct")
        for r in rules:
            r.flags.writeable = False
        object.__setattr__(self, "rules", rules)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(v, m, s, L)."""
        return (*self.rules[0].shape, len(self.rules))

    @property
    def leaves(self) -> int:
        """s^L."""
        return self.rules[0].shape[2] ** len(self.rules)

    @property
    def log_count(self) -> float:
        """The logarithm of the number of strings, H[x_0] in nats: log v + log m (s^L - 1)/(s - 1)."""
        v, m, s, _ = self.shape
        return float(np.log(v) + np.log(m) * ((self.leaves - 1) // (s - 1)))

    def trees(self, samples: int, generator) -> list[np.ndarray]:
        """Strings with their latents, drawn with a numpy Generator: arrays (s^(L-l), samples) for l = 0, ..., L."""
        v, m, _, _ = self.shape
        tree = [generator.integers(v, size=(1, samples))]
        for rules in self.rules[::-1]:
            parents = tree[-1]
            tree.append(children(rules, parents, generator.integers(m, size=parents.shape)))
        return tree[::-1]


def children(rules, parents, choices):
    """The symbols (s nodes, samples) below some parents (nodes, samples), each by the rule chosen for it."""
    strings = rules[parents, choices]
    return np.moveaxis(strings, -1, 1).reshape(-1, parents.shape[1])


def draw(model, seed: int) -> Grammar:
    """A grammar of an `analytic.RandomHierarchy` with numbers for v, m, s and L.

    The rules of a level are m v of the v^s strings, drawn without replacement from numpy's Philox keyed by the seed.

    Raises
    ------
    ValueError for symbols in the model, no number of levels, or a seed that is no whole number >= 0.
    """
    v, m, s, depth = _numbers(model)
    strings = v**s
    rules = []
    for level in range(depth):
        generator = stream(seed, 0, level)
        numbers = generator.choice(strings, v * m, replace=False)
        digits = [numbers // v**k % v for k in range(s)]
        rules.append(np.stack(digits, axis=-1).reshape(v, m, s))
    return Grammar(tuple(rules), int(seed))


def stream(seed: int, purpose: int, *words: int):
    """A numpy Generator of its own for a seed, a purpose (0: rules, 1: strings and noise) and up to two words."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**64:
        raise ValueError(f"seed: {seed!r} given; a whole number from 0 to 2^64 - 1 is needed")
    counter = [0, 0, *words, *(0,) * (2 - len(words))]
    return np.random.Generator(np.random.Philox(key=[int(seed), purpose], counter=counter))


def _numbers(model):
    found = []
    for name in ("vocabulary", "synonyms", "branching", "levels"):
        value = getattr(model, name, None)
        if value is None or getattr(value, "free_symbols", None):
            raise ValueError(f"model: {name} is {value}; a RandomHierarchy with numbers for v, m, s and L is needed")
        found.append(int(value))
    return found
