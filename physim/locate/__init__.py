"""Estimated transitions: each a `Transition` with a standard error, or a status and a sentence, never a bare number."""

from importlib import import_module

_LAZY = {
    "Collapse": "collapses",
    "Moments": "moment",
    "adaptive": "sequential",
    "binder_crossings": "binder",
    "bootstrapped": "collapses",
    "collapse": "collapses",
    "crossing": "curves",
    "dip": "bimodality",
    "extrapolated": "drift",
    "information_landmarks": "information",
    "maxwell_point": "maxwell",
    "modes": "bimodality",
    "moments": "moment",
    "peak": "curves",
    "retrieval_coexistence": "retrieval",
    "retrieval_limit": "retrieval",
    "retrieval_overlap": "retrieval",
    "simulated_landmarks": "simulated",
    "slowing_down": "dynamics",
    "specific_heat": "peaks",
    "specific_heat_peak": "peaks",
    "spinodals": "dynamics",
    "susceptibility_peak": "peaks",
}

__all__ = sorted(_LAZY)


def __getattr__(name):
    if name not in _LAZY:
        raise AttributeError(f"module 'physim.locate' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"physim.locate.{_LAZY[name]}"), name)


def __dir__():
    return __all__
