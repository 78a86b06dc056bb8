r"""A vector field F(x; p) with its exact Jacobians, from expressions: what continuation needs.

F(x; p),      dF/dx,      dF/dp         differentiated by SymPy, compiled together
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from analytic import symbols
from analytic.diffusion import Diffusion
from analytic.evaluate import evaluate
from physim.kernels.scalars import compiled, sympified


def field(drift, state, parameters):
    """F and its derivatives as one function of arrays.

    Parameters
    ----------
    drift : n expressions.  state : n symbols.  parameters : p symbols.

    Returns
    -------
    function (x (n, L), p (p, L)) -> F (n, L), dF/dx (n, n, L), dF/dp (n, p, L).

    Raises
    ------
    ValueError when the drift has a symbol that is neither.
    """
    drift = [sympified(e, "drift") for e in drift]
    state, parameters = tuple(state), tuple(parameters)
    if len(drift) != len(state):
        raise ValueError(f"drift: {len(drift)} entries for {len(state)} coordinates; one each is needed")
    loose = set().union(*(e.free_symbols for e in drift)) - {*state, *parameters}
    if loose:
        raise ValueError(f"drift: no value for {', '.join(sorted(map(str, loose)))}; each symbol needs one or a range")
    n = len(state)
    slopes = [sp.diff(e, s) for e in drift for s in (*state, *parameters)]
    call = compiled([*drift, *slopes], *state, *parameters)

    def evaluated(x, p):
        values = np.stack(call(*x, *p))
        table = values[n:].reshape(n, n + len(parameters), -1)
        return values[:n], table[:, :n], table[:, n:]

    return evaluated


def symbols_of(drift, names):
    """The symbols of a drift by name, a new one for a name that does not occur."""
    known = {s.name: s for e in drift for s in sp.sympify(e).free_symbols}
    return tuple(known.get(str(name), sp.Symbol(str(name), real=True)) for name in names)


def substituted(drift, values):
    """The drift with numbers for some of its symbols (a dict from name), exact decimals."""
    exact = {name: symbols.exact(value) for name, value in values.items()}
    put = {s: exact[s.name] for e in drift for s in sp.sympify(e).free_symbols if s.name in exact}
    return [sp.sympify(e).xreplace(put) for e in drift]


def diffusion_drift(diffusion: Diffusion, kind: str):
    """Downhill force of a potential of the diffusion times sigma^2/(c g2): alpha xhat - x for the density.

    With the Tweedie form nothing cancels as t -> 0.  ValueError for an unknown kind.
    """
    strength = {"density": sp.oo, "reverse_sde": sp.S.One, "probability_flow": sp.S.Half}
    if kind not in strength:
        raise ValueError(f"kind: {kind!r} is unknown; allowed are {', '.join(strength)}")
    process = diffusion.process
    linear = process.f * process.sigma**2 / (strength[kind] * process.g2) if kind != "density" else 0
    return [process.alpha * m - x - linear * x for m, x in zip(diffusion.posterior_mean, diffusion.state, strict=True)]


def in_log_snr(drift, process):
    """The drift with the time written in the symbol `log_snr`; ValueError where the process has no closed form."""
    if process.time_of_snr is None:
        raise ValueError(f"parameters: {process.name} has no closed form of its time in log_snr; use t")
    level = sp.Symbol("log_snr", real=True)
    return [sp.sympify(e).subs(symbols.t, process.time_of_snr.subs(symbols.snr, sp.exp(level))) for e in drift]


def data_means(diffusion: Diffusion, values):
    """(weights, means (K, d), covariances (K, d, d)) of the data classes as arrays."""
    law = diffusion.model.sampling(sp.S.One, sp.S.Zero)
    number = lambda e: float(evaluate(sp.sympify(e), values, 17))  # noqa: E731
    weights = np.array([number(w) for w in law.weights])
    means = np.array([[number(m) for m in row] for row in law.means])
    spreads = np.array(
        [[[number(c[i, j]) for j in range(c.shape[1])] for i in range(c.shape[0])] for c in law.covariances]
    )
    return weights, means, spreads
