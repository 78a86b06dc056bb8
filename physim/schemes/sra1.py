"""SRA1: strong order 3/2 and weak order 2 for additive noise.  Z = int_0^dt W ds.

    y  = x + (3/4) a(x, t) dt + (3/2) b(t') Z/dt
    x <- x + (a(x, t) + 2 a(y, t + (3/4) dt)) dt/3 + b(t') (W - Z/dt) + b(t) Z/dt

Source: Rossler 2010 (SIAM J. Numer. Anal. 48, 922), table 6.3.
"""

from physim.schemes.base import Scheme


def step(sde, x, t, t_next, dt, noise):
    """Two drift evaluations, two normals a coordinate."""
    a, b, late = sde.drift(x, t), sde.noise(x, t), sde.noise(x, t_next)
    mean = [zi / dt for zi in noise.z]
    y = sde.let([xi + ai * dt * 3 / 4 + ei * mi * 3 / 2 for xi, ai, ei, mi in zip(x, a, late, mean, strict=True)])
    c = sde.drift(y, t + (t_next - t) * 3 / 4)
    return [
        xi + (ai + 2 * ci) * dt / 3 + ei * (wi - mi) + bi * mi
        for xi, ai, ci, bi, ei, wi, mi in zip(x, a, c, b, late, noise.w, mean, strict=True)
    ]


SRA1 = Scheme(
    name="sra1",
    step=step,
    strong=1.5,
    weak=2.0,
    noise="additive",
    conventions=("ito", "stratonovich"),
    narrower={"none": (2.0, 2.0)},
    source="Rossler 2010, table 6.3",
    normals=2,
    evaluations=2,
)
