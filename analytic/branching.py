r"""Branching of paths and the score as a nonlinear filter.

Two reverse paths under common noise, infinitely close, separate as d' = R d (per unit of generative time):

    R = -f I + (g2/2)(1 + c^2) grad s  =  R_0 + (g2/2)(1 + c^2)(alpha^2/sigma^4) C
    R_0 = -(f + (g2/2)(1 + c^2)/sigma^2) I         the rate when x_0 is known

The excess is the posterior covariance: paths branch along its top eigenvectors, and for the reverse SDE (c = 1) the
trace of the excess is twice the local bandwidth (claim B).  Claim D: a fluctuation along posterior eigenvector i
relaxes at the rate f + (1 - gain_i) g2/sigma^2, gain_i = alpha^2 c_i/sigma^2 the part of it that the filter lets pass
as news about x_0.
"""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from analytic.diffusion import Diffusion
from analytic.dynamics import Dynamics
from analytic.paths import path_integral
from analytic.symbols import exact, f, g2, sigma


def separation_rate(diffusion: Diffusion, churn=1):
    """R(x, t), d x d: growth of a small separation under common noise, in generative time."""
    strength = g2 * (1 + exact(churn) ** 2) / 2
    return diffusion._put(strength * diffusion._jacobian - f * sp.eye(len(diffusion.state)))


def branching_excess(diffusion: Diffusion, churn=1):
    """R - R_0 = (g2/2)(1 + c^2)(alpha^2/sigma^4) C, d x d, positive semidefinite."""
    strength = diffusion._put(g2 * (1 + exact(churn) ** 2) / 2 / sigma**2)
    return strength * filter_gain(diffusion)


def filter_gain(diffusion: Diffusion):
    """G = alpha^2 C/sigma^2 = I + sigma^2 grad s, d x d; its eigenvalues are the gains."""
    alpha2 = diffusion.process.alpha**2
    return diffusion.posterior_covariance * (alpha2 / diffusion.process.sigma**2)


def filter_gains(diffusion: Diffusion) -> tuple:
    """The gains alpha^2 c_i/sigma^2 along the posterior eigenvectors, largest first.

    ValueError for more than two coordinates, where eigenvalues have no useful closed form (use `filter_gain`).
    """
    gain = filter_gain(diffusion)
    if gain.shape[0] == 1:
        return (gain[0],)
    if gain.shape[0] > 2:
        raise ValueError(f"diffusion: {gain.shape[0]} coordinates; closed eigenvalues serve up to 2, use filter_gain")
    centre, half = (gain[0, 0] + gain[1, 1]) / 2, (gain[0, 0] - gain[1, 1]) / 2
    spread = sp.sqrt(half**2 + gain[0, 1] ** 2)
    return (centre + spread, centre - spread)


def relaxation_rates(diffusion: Diffusion) -> tuple:
    """f + (1 - gain_i) g2/sigma^2: relaxation along each posterior eigenvector under the reverse SDE."""
    base = diffusion._put(f + g2 / sigma**2)
    news = diffusion._put(g2 / sigma**2)
    return tuple(base - news * gain for gain in filter_gains(diffusion))


def tangent(dynamics: Dynamics, letter: str = "d") -> Dynamics:
    """A path x and a small separation d from it under the same noise, dd = (grad a) d ds; the state is (x, d).

    The linear form of `dynamics.copies(2, noise="common")`: |d| grows by the largest finite-time Lyapunov exponent.
    Give the starting points as `initial=` of shape (2 d,) or (trajectories, 2 d).  ValueError unless the noise is
    additive (else the separation is noisy too).
    """
    if dynamics.noise_class not in ("none", "additive"):
        raise ValueError(f"dynamics: {dynamics.noise_class} noise; a tangent is noiseless for additive noise only")
    apart = tuple(sp.Symbol(f"{letter}_{x.name}", real=True) for x in dynamics.state)
    pairs = list(zip(dynamics.state, apart, strict=True))
    drift = tuple(sp.Add(*(sp.diff(a, x) * d for x, d in pairs)) for a in dynamics.drift)
    return replace(
        dynamics,
        state=dynamics.state + apart,
        drift=dynamics.drift + drift,
        noise=dynamics.noise + (sp.S.Zero,) * len(apart),
        drivers=dynamics.drivers * 2,
        initial=None,
        structure=None,
        name=f"tangent of {dynamics.name}",
    )


def growth_exponent(diffusion: Diffusion, churn=1):
    """int tr R ds along a reverse path so far: the log-growth of a small volume of the state (path functional).

    Divided by the elapsed time and by d it is the mean finite-time Lyapunov exponent (for d = 1 the exponent itself).
    """
    return path_integral(separation_rate(diffusion, churn).trace())
