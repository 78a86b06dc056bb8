"""A process of bare letters: one compiled expression serves every process, its numbers go in as parameters."""

from functools import lru_cache

import numpy as np
import sympy as sp

import analytic as an
from analytic import symbols
from analytic.processes import PROCESSES, ForwardProcess
from physim.quadrature import expectations

LETTERS = ForwardProcess(symbols.alpha, symbols.sigma, name="letters", f=symbols.f, g2=symbols.g2)
FIVE = ("ornstein_uhlenbeck", "vp_linear", "variance_exploding", "edm", "flow_matching")


def diffusion_of(model):
    """The diffusion of a model under the process of letters."""
    return an.Diffusion(model, LETTERS)


@lru_cache(maxsize=16)
def named(process):
    """A process by its name, made once."""
    return PROCESSES[process]()


@lru_cache(maxsize=1024)
def numbers(process, time):
    """alpha, sigma, f and g2 of a named process at a time."""
    p = named(process)
    pairs = (("alpha", p.alpha), ("sigma", p.sigma), ("f", p.f), ("g2", p.g2))
    return {name: float(an.evaluate(e, {an.t: time}, 20)) for name, e in pairs}


def middle(process):
    """Two times inside the span."""
    p = named(process)
    end = float(p.span[1]) if p.span[1].is_finite else 1.5
    return [0.25 * end, 0.7 * end]


def time_derivative(expr):
    """d expr/dt along the schedule, with alpha' = f alpha and (sigma^2)' = 2 f sigma^2 + g2."""
    a, s, f, g2 = symbols.alpha, symbols.sigma, symbols.f, symbols.g2
    return sp.diff(expr, a) * f * a + sp.diff(expr, s) * (2 * f * s**2 + g2) / (2 * s)


def means(diffusion, forms, process, time, tolerance=1e-10):
    """E[form] of every form under p_t of a named process at a time."""
    found = expectations(diffusion, forms, [1.0], numbers(process, time), tolerance)
    return {name: float(found[name][0]) for name in forms}


def slopes(diffusion, forms, process, time):
    """d/dt of E[form] by central differences, twice extrapolated (error step^6)."""
    out = {name: [] for name in forms}
    for step in (0.02 * time, 0.01 * time, 0.005 * time):
        ahead, behind = (means(diffusion, forms, process, time + s) for s in (step, -step))
        for name in forms:
            out[name].append((ahead[name] - behind[name]) / (2 * step))
    first, second, third = (np.array([out[name][k] for name in forms]) for k in range(3))
    a, b = (4 * second - first) / 3, (4 * third - second) / 3
    return dict(zip(forms, (16 * b - a) / 15, strict=True))
