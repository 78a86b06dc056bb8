"""What an integration scheme states about itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Scheme:
    """One step of an integrator and its facts.

    step(sde, x, t, t_next, dt, dw) returns the new coordinates as expressions; `sde.drift(x, t)` and
    `sde.noise(x, t)` give lists, dt = |t_next - t| > 0 and dw are the Wiener increments.
    strong, weak : orders of convergence; noise : "none", "additive", "diagonal"; conventions it can integrate.
    """

    name: str
    step: Callable
    strong: float
    weak: float
    noise: str
    conventions: tuple[str, ...]
    source: str
