"""What an integration scheme states about itself, and what it may ask of a dynamics.

`step(sde, x, t, t_next, dt, noise)` returns the new coordinates as expressions.  x, t, t_next and dt = |t_next - t|
are symbols or expressions; the expressions are opaque to a scheme, which only adds, multiplies and names them:

    sde.drift(x, t), sde.noise(x, t)     lists a_i, b_i             sde.let(values)    symbols for intermediate values
    sde.noise_slope(x, t)                db_i/dx_i                  sde.exp, sde.sqrt  of an expression
    sde.reverse, sde.split, ...          structure a scheme asks for in `needs`
    noise.uniform                        uniforms in (0, 1), for schemes that draw them
    noise.w, noise.z                     Wiener increments W(dt) and, for two normals a coordinate, int_0^dt W ds
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Scheme:
    """One step of an integrator and its facts.

    Parameters
    ----------
    noise : the widest class it treats, "none" < "additive" < "diagonal".
    strong, weak : orders of convergence for that class (None: exact or not defined).
    narrower : (strong, weak) for narrower classes of noise, where they are higher.
    conventions : of multiplicative noise that it integrates (additive noise has no convention).
    needs : structure beyond drift and noise: "", "reverse" (from Diffusion), "underdamped", "gradient", "linear",
        "heat_bath".
    normals, uniforms : normals drawn per coordinate and step; uniforms drawn per step instead.
    evaluations : of the drift per step; schemes with one also integrate exchangeable sites, whose order parameters
        are reduced once a step.
    """

    name: str
    step: Callable
    strong: float | None
    weak: float | None
    noise: str
    conventions: tuple[str, ...]
    source: str
    needs: str = ""
    narrower: dict[str, tuple[float, float]] = field(default_factory=dict, hash=False)
    normals: int = 1
    uniforms: int = 0
    evaluations: int = 1

    def orders(self, noise: str) -> tuple[float | None, float | None]:
        """(strong, weak) for a class of noise."""
        return self.narrower.get(noise, (self.strong, self.weak))
