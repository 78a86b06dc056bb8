"""Euler-Maruyama: x <- x + a(x, t) dt + b(x, t) W.  Source: Maruyama 1955; Kloeden & Platen 1992, section 10.2."""

from physim.schemes.base import Scheme


def step(sde, x, t, t_next, dt, noise):
    """One step, drift and noise taken at its start."""
    a, b = sde.drift(x, t), sde.noise(x, t)
    return [xi + ai * dt + bi * wi for xi, ai, bi, wi in zip(x, a, b, noise.w, strict=True)]


EULER_MARUYAMA = Scheme(
    name="euler_maruyama",
    step=step,
    strong=0.5,
    weak=1.0,
    noise="diagonal",
    conventions=("ito",),
    narrower={"none": (1.0, 1.0), "additive": (1.0, 1.0)},
    source="Kloeden & Platen 1992, section 10.2",
)
