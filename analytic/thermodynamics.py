r"""Stochastic thermodynamics of the forward process, as expressions whose average under p_t is the quantity.

    current velocity   v = f x - (g2/2) s                    production   (2/g2) E|v|^2
    flow               (2/g2) E[f x . v]                     dH[x_t]/dt = production - flow
    information        dH[x_0|x_t]/dt = E_{x0} production[started at x_0] - production[data]             (identity 10)
    VP                 production = -d/dt KL(p_t || N(0, I))

Sources: Seifert 2005 (cond-mat/0503686) for production and the integral fluctuation theorem; Stancevic & Ambrogioni
2026 (2508.19897); Premkumar 2024 (2409.03817).
"""

from __future__ import annotations

import sympy as sp

from analytic.diffusion import Diffusion
from analytic.information import Classes
from analytic.paths import path_integral, value_at_first
from analytic.stable import softmax_mean
from analytic.symbols import alpha, f, g2, sigma, t


def current_velocity(diffusion: Diffusion):
    """v(x, t) = f x - (g2/2) s, d x 1: the velocity of the probability flow."""
    rows = [f * x - g2 / 2 * s for x, s in zip(diffusion.state, diffusion._score, strict=True)]
    return diffusion._put(sp.Matrix(rows))


def entropy_production(diffusion: Diffusion):
    """(2/g2)|v|^2 (rest dimensions by their mean), whose mean is the entropy production in nats per unit of t."""
    velocity = [f * x - g2 / 2 * s for x, s in zip(diffusion.state, diffusion._score, strict=True)]
    return diffusion._put(2 / g2 * (sp.Add(*(v**2 for v in velocity)) + _rest_square(diffusion)))


def entropy_flow(diffusion: Diffusion):
    """(2/g2) f x . v, whose mean flows to the bath: dH[x_t]/dt = production - flow."""
    pairs = zip(diffusion.state, diffusion._score, strict=True)
    along = sp.Add(*(x * (f * x - g2 / 2 * s) for x, s in pairs))
    rest = diffusion._over_rests(lambda v: f * (sigma**2 + alpha**2 * v) + g2 / 2)
    return diffusion._put(2 * f / g2 * (along + rest))


def production_of_points(diffusion: Diffusion):
    """An integrand whose mean is E_{x0} of the production of the process started at a point x_0.

    Started at x_0, x_t ~ N(alpha x_0, sigma^2 I): (2/g2)[f^2 alpha^2 |x_0|^2 + D sigma^2 (f + g2/2 sigma^2)^2] with
    alpha^2 E|x_0|^2 = E|x_t|^2 - D sigma^2.
    """
    dim = diffusion.model.dim
    square = sp.Add(*(x**2 for x in diffusion.state)) + diffusion._over_rests(lambda v: sigma**2 + alpha**2 * v)
    inner = f**2 * (square - dim * sigma**2) + dim * sigma**2 * (f + g2 / (2 * sigma**2)) ** 2
    return diffusion._put(2 / g2 * inner)


def class_production(diffusion: Diffusion, partition=None):
    """sum_c P_c (2/g2)|f x - (g2/2) s_c|^2: its mean, less that of `entropy_production`, is dH[c|x_t]/dt."""
    classes = Classes(diffusion, partition)
    rows = []
    for x, grads in zip(diffusion.state, classes._gradients, strict=True):
        rows.append(softmax_mean(classes._logs, [(f * x - g2 / 2 * grad) ** 2 for grad in grads]))
    return diffusion._put(2 / g2 * (sp.Add(*rows) + _rest_square(diffusion)))


def free_energy(diffusion: Diffusion, variance=1):
    """log p_t(x) - log N(x; 0, variance I), whose mean is KL(p_t || N(0, variance I)): the free energy above it."""
    n = diffusion.model.dim - sum(dim for dim, _ in diffusion.model.rests)
    square = sp.Add(*(x**2 for x in diffusion.state))
    gauss = -square / (2 * variance) - n * sp.log(2 * sp.pi * variance) / 2

    def rest(v):
        ratio = (sigma**2 + alpha**2 * v) / variance
        return (ratio - 1 - sp.log(ratio)) / 2

    return diffusion.log_density - gauss + diffusion._put(diffusion._over_rests(rest))


def total_entropy_production(diffusion: Diffusion):
    """Sigma of a forward path, a path functional with E exp(-Sigma) = 1 (integral fluctuation theorem), E Sigma >= 0.

    Sigma = log p_0(x_0) - log p_T(x_T) + int (2 f/g2) x o dx
          = [-log p_t + (f/g2)|x|^2]_start^now - int (d(f/g2)/dt)|x|^2 dt,      over the state's coordinates.

    Observe it in `physim.simulate(diffusion.forward(), ...)`; the law at the first time must have a density.
    """
    if diffusion.model.radial:
        raise ValueError("diffusion: a radial coordinate has no bath of its own; use a model in coordinates")
    square = sp.Add(*(x**2 for x in diffusion.state))
    ratio = sp.simplify(diffusion.process.f / diffusion.process.g2)
    level = -diffusion.log_density + ratio * square
    change = sp.simplify(sp.diff(ratio, t))
    drifted = path_integral(change * square) if change != 0 else sp.S.Zero
    return level - value_at_first(sp.S.One, level) - drifted


def _rest_square(diffusion):
    """E|v|^2 of the rest dimensions: Gamma (f + g2/(2 Gamma))^2 each."""

    def one(v):
        gamma = sigma**2 + alpha**2 * v
        return gamma * (f + g2 / (2 * gamma)) ** 2

    return diffusion._over_rests(one)
