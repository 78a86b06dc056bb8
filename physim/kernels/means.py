r"""Expressions with means over normal variables (`analytic.gaussian`) as fast functions of arrays.

    E k(u) = int Dz k(a + sqrt(v) z)      trapezoidal rule on |z| <= 10 with 32 nodes per unit

The error is exp(-2 pi 32 d/sqrt(v)), d the distance of the nearest pole of k from the real axis: rounding for tanh(u)
up to v = 80. Where more is needed `analytic.evaluate` has any number of digits.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import sympy as sp

from analytic.gaussian import GaussianMean
from physim.kernels.scalars import compiled

NODES = np.arange(-320, 321) / 32
WEIGHTS = np.exp(-(NODES**2) / 2) / (32 * np.sqrt(2 * np.pi))


def averaged(expr, *symbols):
    """An expression (or a sequence of them) with Gaussian means as a function of arrays, one for each symbol.

    Returns and raises as `compiled`; means inside means are not supported (ValueError).
    """
    single = not isinstance(expr, list | tuple)
    call = _averaged(tuple(sp.sympify(e) for e in ([expr] if single else expr)), symbols)
    return (lambda *arrays: call(*arrays)[0]) if single else call


@lru_cache(maxsize=128)
def _averaged(exprs, symbols):
    nodes = sorted(set().union(*(e.atoms(GaussianMean) for e in exprs)), key=str)
    if any(a.has(GaussianMean) for node in nodes for a in node.args):
        raise ValueError("expr: a Gaussian mean stands inside another; only one level can be averaged")
    stand = [sp.Symbol(f"mean{k}", real=True) for k in range(len(nodes))]
    rest = [e.xreplace(dict(zip(nodes, stand, strict=True))) for e in exprs]
    outer = compiled(rest, *symbols, *stand)
    inner = []
    for node in nodes:
        k, u = node.integrand
        inner.append((compiled(k, u, *symbols), compiled(list(node.args[1:]), *symbols)))

    def call(*arrays):
        arrays = np.broadcast_arrays(*(np.asarray(a, dtype=float) for a in arrays))
        wide, means = [a[..., None] for a in arrays], []
        for kernel, law in inner:
            mean, variance = law(*arrays)
            means.append(kernel(mean[..., None] + np.sqrt(variance)[..., None] * NODES, *wide) @ WEIGHTS)
        return outer(*arrays, *means)

    return call
