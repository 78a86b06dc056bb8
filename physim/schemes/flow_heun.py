"""Heun's method for ordinary differential equations, the probability flow above all.

    y = x + a(x, t) dt,    x <- x + (a(x, t) + a(y, t')) dt/2

Source: Karras et al. 2022 (2206.00364), algorithm 1, without churn.
"""

from physim.schemes.base import Scheme


def step(sde, x, t, t_next, dt, noise):
    """Predict with Euler, average the drift over both ends."""
    a = sde.drift(x, t)
    y = sde.let([xi + ai * dt for xi, ai in zip(x, a, strict=True)])
    c = sde.drift(y, t_next)
    return [xi + (ai + ci) * dt / 2 for xi, ai, ci in zip(x, a, c, strict=True)]


FLOW_HEUN = Scheme(
    name="flow_heun",
    step=step,
    strong=2.0,
    weak=2.0,
    noise="none",
    conventions=("ito", "stratonovich"),
    source="Karras et al. 2022 (2206.00364), algorithm 1",
    evaluations=2,
)
