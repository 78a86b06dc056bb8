"""Stochastic Heun: a trapezoid whose predictor sees the noise.

    y  = x + a(x, t) dt + b(x, t) W
    x <- x + (a(x, t) + a(y, t')) dt/2 + (b(x, t) + b(y, t')) W/2

Converges to the Stratonovich solution; weak order 2 for additive noise, 1 for multiplicative.  Source: Kloeden &
Platen 1992, section 15.1; Rumelin 1982.
"""

from physim.schemes.base import Scheme


def step(sde, x, t, t_next, dt, noise):
    """Predict with Euler, average drift and noise over both ends."""
    a, b = sde.drift(x, t), sde.noise(x, t)
    y = sde.let([xi + ai * dt + bi * wi for xi, ai, bi, wi in zip(x, a, b, noise.w, strict=True)])
    c, d = sde.drift(y, t_next), sde.noise(y, t_next)
    return [
        xi + (ai + ci) * dt / 2 + (bi + di) * wi / 2
        for xi, ai, bi, ci, di, wi in zip(x, a, b, c, d, noise.w, strict=True)
    ]


STOCHASTIC_HEUN = Scheme(
    name="stochastic_heun",
    step=step,
    strong=1.0,
    weak=1.0,
    noise="diagonal",
    conventions=("stratonovich",),
    narrower={"none": (2.0, 2.0), "additive": (1.0, 2.0)},
    source="Kloeden & Platen 1992, section 15.1",
    evaluations=2,
)
