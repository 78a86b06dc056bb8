"""Overdamped Langevin with and without the Metropolis test: dx = F dt + sqrt(2 T) dW, F = -grad U.

    proposal  y = x + F(x) dt + sqrt(2 T) W
    accept    with probability min(1, exp[-(U(y) - U(x))/T - (|x - y - F(y) dt|^2 - |y - x - F(x) dt|^2)/(4 T dt)])

MALA has the exact stationary density for any step; ULA (the proposal alone, Euler-Maruyama) is wrong by O(dt).
Source: Roberts & Tweedie 1996.
"""

from dataclasses import replace

from physim.schemes.base import Scheme


def propose(sde, x, t, t_next, dt, noise):
    """The unadjusted step."""
    a, b = sde.drift(x, t), sde.noise(x, t)
    return [xi + ai * dt + bi * wi for xi, ai, bi, wi in zip(x, a, b, noise.w, strict=True)]


def adjusted(sde, x, t, t_next, dt, noise):
    """Propose, then accept or stay; the uniform is the normal distribution function of an extra normal."""
    system = sde.gradient
    y = sde.let(propose(sde, x, t, t_next, dt, noise))
    ahead, back = sde.drift(x, t), sde.drift(y, t)
    there = sum((yi - xi - ai * dt) ** 2 for xi, yi, ai in zip(x, y, ahead, strict=True))
    here = sum((xi - yi - ai * dt) ** 2 for xi, yi, ai in zip(x, y, back, strict=True))
    gain = (system.potential(x) - system.potential(y)) / system.temperature
    (log_ratio,) = sde.let([gain - (here - there) / (4 * system.temperature * dt)])
    uniform = sde.normal_cdf(noise.second[0])
    return [sde.where(uniform < sde.exp(log_ratio), yi, xi) for xi, yi in zip(x, y, strict=True)]


MALA = Scheme(
    name="mala",
    step=adjusted,
    strong=None,
    weak=None,
    noise="additive",
    conventions=("ito", "stratonovich"),
    source="Roberts & Tweedie 1996",
    needs="gradient",
    normals=2,
    evaluations=2,
)
ULA = replace(MALA, name="ula", step=propose, strong=1.0, weak=1.0, normals=1, evaluations=1)
