r"""What coarse uniform grids lose: the probability flow of x_t = (1 - t) x_0 + t eps by Euler steps equal in t

    classes at +-m, variance v, m = 100 sqrt(v);      VP: v = 1,  m = 100;      VE: v = 1/100^2,  m = 1

so that the initial spread (one) is the width of a class (VP) or the distance of the classes (VE).

Source: Aranguri, Biroli, Mezard & Vanden-Eijnden 2025 (2501.00988).
"""

from __future__ import annotations

import json

import numpy as np
import sympy as sp

from analytic import Diffusion, SymmetricPair, flow_matching
from figures.integrator_orders import v
from physim import grids, simulate
from physim.quadrature import expectations

DISTANCE = 100.0
SIZES = tuple(4 << k for k in range(7))


def losses(count: int, seed: int):
    """Relative errors of weight and width for the probability flow of the linear interpolant, Euler steps."""
    m = sp.Symbol("m", positive=True)
    pair = Diffusion(SymmetricPair(m, v, sp.Rational(7, 10)), flow_matching())
    first, y = pair.class_posterior[0], pair.state[0] - pair.process.alpha * m
    observe = {"weight": first, "shift": first * y, "square": first * y**2}
    start, end = 1 - 1e-2 / DISTANCE, 1e-2 / DISTANCE
    cases = {
        "VP, uniform": (DISTANCE, grids.uniform),
        "VE, uniform": (1.0, grids.uniform),
        "VE, log-SNR": (1.0, lambda a, b, n: grids.uniform_log_snr(pair.process, a, b, n)),
    }
    value, facts = np.empty((2, len(cases), 2, len(SIZES))), []
    for i, (scale, make) in enumerate(cases.values()):
        parameters = {"m": scale, "v": (scale / DISTANCE) ** 2}
        exact = expectations(pair, observe, [end], parameters).isel(time=0)
        for k, n in enumerate(SIZES):
            run = simulate(
                pair.probability_flow(), trajectories=count, grid=make(end, start, n), parameters=parameters,
                seed=seed + 100 * i + k, observe=observe, record=1, batches=16, progress=False,
            ).isel(time=-1)  # fmt: skip
            facts.append(json.loads(run.attrs["provenance"]))
            found = [run[f"{name}_batch_mean"].values for name in observe]
            for q, (some, known) in enumerate(
                zip(_modes(*found), _modes(*(float(exact[name]) for name in observe)), strict=True)
            ):
                value[:, i, q, k] = some.mean() / known - 1, some.std(ddof=1) / 4 / known
    dims = ("interpolant", "lost", "coarse")
    data = {"loss": (dims, value[0]), "loss_stderr": (dims, value[1])}
    return data | {"interpolant": list(cases), "lost": ["weight", "width"], "coarse": list(SIZES)}, facts


def _modes(weight, shift, square):
    """(weight, variance about its own mean) of a mode from its weighted moments."""
    return weight, square / weight - (shift / weight) ** 2
