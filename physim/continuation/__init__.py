"""Branches of fixed points, where they bifurcate, and what happens to attractors on the way."""

from importlib import import_module

_LAZY = {
    "Basins": "attractors",
    "Branch": "search",
    "Diagram": "branches",
    "FoldCurve": "curves",
    "MergeTree": "attractors",
    "Point": "points",
    "System": "systems",
    "basins": "attractors",
    "diagram": "branches",
    "equilibria": "solve",
    "flow": "attractors",
    "fold_curves": "curves",
    "merge_tree": "attractors",
    "newton": "solve",
    "system": "systems",
}

__all__ = sorted(_LAZY)


def __getattr__(name):
    if name not in _LAZY:
        raise AttributeError(f"module 'physim.continuation' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"physim.continuation.{_LAZY[name]}"), name)


def __dir__():
    return __all__
