r"""Many centres of equal variance in D dimensions (data sets, patterns): one coordinate of the reverse process.

    p_t(x) = sum_k w_k N(x; alpha c_k, Gamma I),   Gamma = sigma^2 + alpha^2 v
    log p(k|x) = A(t) x.c_k + B(t) |c_k|^2 + log w_k + const,      A = d^2 l/dx dc,   B = l(0, c)/c^2
    xhat = (x + sigma^2 s)/alpha with the centre c replaced by its posterior mean, coordinate by coordinate

where l(x, c) = log N(x; alpha c, Gamma) of one coordinate.  What couples the coordinates are the K posterior
probabilities, which the simulation gets from matrix products; the rest is linear in x and in the mean centre.
Observables are expressions of the STATISTICS of a trajectory, symbols that the simulation gives their values.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import sympy as sp

from analytic.diffusion import Diffusion
from analytic.dynamics import Dynamics, Reverse
from analytic.models import GaussianMixture
from analytic.processes import ForwardProcess
from analytic.symbols import alpha, exact, sigma

MEAN_CENTRE = sp.Symbol("mean_centre", real=True)
POSTERIOR_ENTROPY = sp.Symbol("posterior_entropy", real=True)  # -sum_k p_k log p_k
TOP_POSTERIOR = sp.Symbol("top_posterior", real=True)  # max_k p_k
TOP_CENTRE = sp.Symbol("top_centre", real=True)  # its k, from 0
POSTERIOR_SQUARE = sp.Symbol("posterior_square", real=True)  # sum_k p_k^2
SQUARE_NORM = sp.Symbol("square_norm", real=True)  # |x|^2/D
STATISTICS = (POSTERIOR_ENTROPY, TOP_POSTERIOR, TOP_CENTRE, POSTERIOR_SQUARE, SQUARE_NORM)


@dataclass(frozen=True)
class Coordinate:
    """One coordinate: its dynamics with the mean centre as a symbol, and A, B as expressions of t."""

    dynamics: Dynamics
    overlap: sp.Expr
    square: sp.Expr


def coordinate(process: ForwardProcess, variance=0, churn=1) -> Coordinate:
    """The reverse process (churn as in `Diffusion.reverse`) of one coordinate of many centres."""
    centre = sp.Symbol("centre", real=True)
    single = Diffusion(GaussianMixture((centre,), (exact(variance),)), process)
    (x,), (l,) = single.state, single.model.log_components(alpha, sigma)
    overlap = sp.diff(l, x, centre)
    square = sp.diff(l.xreplace({x: sp.S.Zero}), centre, 2) / 2
    law = single.reverse(churn)
    put = {centre: MEAN_CENTRE}
    structure = Reverse(process, tuple(e.xreplace(put) for e in law.structure.mean), law.structure.churn)
    drift = tuple(e.xreplace(put) for e in law.drift)
    start = replace(law.initial, means=tuple(tuple(m.xreplace(put) for m in row) for row in law.initial.means))
    name = f"reverse of many centres under {process.name}"
    order = dict.fromkeys((*STATISTICS, MEAN_CENTRE), x)
    dynamics = replace(law, drift=drift, structure=structure, initial=start, sites=1, order=order, name=name)
    return Coordinate(dynamics, process.put_into(overlap), process.put_into(square))
