"""Groups of the classes of a tree whose leaves are numbered level by level, the first (coarsest) level slowest.

`branching` is (b_1, ..., b_L), the number of children at each level, or a whole number L for L levels of two.
"""

from __future__ import annotations

from math import prod

from analytic.models.base import checked_dimension


def checked_branching(branching) -> tuple[int, ...]:
    """(b_1, ..., b_L) as whole numbers; ValueError for no level, a symbol, or fewer than two children."""
    if isinstance(branching, int) and not isinstance(branching, bool):
        branching = (2,) * branching
    numbers = tuple(checked_dimension(b, "branching", 2) for b in branching)
    if not numbers:
        raise ValueError("branching: empty; at least one level is needed")
    for b in numbers:
        if not b.is_number:
            raise ValueError(f"branching: {b} is a symbol; whole numbers of at least 2 are needed")
    return tuple(map(int, numbers))


def level_partition(branching, level: int) -> tuple[tuple[int, ...], ...]:
    """The groups of classes that made the same choice at one level (1 is the coarsest), whatever they chose elsewhere.

    For two children the groups are (those at +m, those at -m) of that level.
    """
    counts = checked_branching(branching)
    if not 1 <= level <= len(counts):
        raise ValueError(f"level: {level} given; a whole number from 1 to {len(counts)} is needed")
    below = prod(counts[level:])
    return tuple(
        tuple(k for k in range(prod(counts)) if k // below % counts[level - 1] == child)
        for child in range(counts[level - 1])
    )


def coarse_partition(branching, level: int) -> tuple[tuple[int, ...], ...]:
    """The groups of classes that share the choices of the first `level` levels (0: one group of all)."""
    counts = checked_branching(branching)
    if not 0 <= level <= len(counts):
        raise ValueError(f"level: {level} given; a whole number from 0 to {len(counts)} is needed")
    size = prod(counts[level:])
    return tuple(tuple(range(k * size, (k + 1) * size)) for k in range(prod(counts[:level])))
