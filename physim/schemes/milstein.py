"""Milstein's method for diagonal noise, b_i a function of x_i and t.

    Ito:           x <- x + a dt + b W + (1/2) b b' (W^2 - dt)
    Stratonovich:  x <- x + a dt + b W + (1/2) b b' W^2

Source: Milstein 1975; Kloeden & Platen 1992, section 10.3.
"""

from physim.schemes.base import Scheme


def step(sde, x, t, t_next, dt, noise):
    """Euler-Maruyama and the first iterated integral of the noise."""
    a, b, slope = sde.drift(x, t), sde.noise(x, t), sde.noise_slope(x, t)
    less = dt if sde.convention == "ito" else 0
    return [
        xi + ai * dt + bi * wi + bi * si * (wi * wi - less) / 2
        for xi, ai, bi, si, wi in zip(x, a, b, slope, noise.w, strict=True)
    ]


MILSTEIN = Scheme(
    name="milstein",
    step=step,
    strong=1.0,
    weak=1.0,
    noise="diagonal",
    conventions=("ito", "stratonovich"),
    source="Kloeden & Platen 1992, section 10.3",
    needs="diagonal",
)
