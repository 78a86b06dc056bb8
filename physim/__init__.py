"""Fast, honest ensembles: simulate a dynamics of `analytic`, measure it on the fly, with standard errors."""

from importlib import import_module

_LAZY = {
    "simulate": "physim.ensemble",
    "NonFiniteError": "physim.results",
    "DenseMixture": "physim.dense",
    "generate": "physim.generation",
    "noised": "physim.generation",
    "Grid": "physim.grids",
    "compiled": "physim.kernels.scalars",
    "information_dynamics": "physim.information",
    "information_of_score": "physim.information",
    "estimators_of_score": "physim.information",
    "save": "physim.store",
    "load": "physim.store",
    "continuation": None,
    "experiments": None,
    "hierarchy": None,
    "grids": None,
    "quadrature": None,
    "locate": None,
    "reweighting": None,
    "schemes": None,
    "statistics": None,
}

__all__ = sorted(_LAZY)


def __getattr__(name):
    if name not in _LAZY:
        raise AttributeError(f"module 'physim' has no attribute {name!r}; it has {', '.join(__all__)}")
    if _LAZY[name] is None:
        return import_module(f"physim.{name}")
    return getattr(import_module(_LAZY[name]), name)


def __dir__():
    return __all__
