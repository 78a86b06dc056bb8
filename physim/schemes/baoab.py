"""BAOAB for underdamped Langevin dynamics: dx = p dt, dp = (F - gamma p) dt + sqrt(2 gamma T) dW (unit masses).

    B: p += F(x) dt/2    A: x += p dt/2    O: p = e^{-gamma dt} p + sqrt(T (1 - e^{-2 gamma dt})) xi    A    B

Configurational averages have an error of order dt^2 with a small constant (exact for harmonic forces); the kinetic
temperature of on-step momenta does not.  Source: Leimkuhler & Matthews 2013 (1203.5428).
"""

from physim.schemes.base import Scheme


def step(sde, x, t, t_next, dt, noise):
    """The five half-steps, by name; the state is (positions, momenta)."""
    system = sde.underdamped
    d = len(x) // 2
    q, p, xi = list(x[:d]), list(x[d:]), noise.standard[d:]

    def kick(q, p, time):  # B
        return sde.let([pi + fi * dt / 2 for pi, fi in zip(p, system.force(q, time), strict=True)])

    def drift(q, p):  # A
        return sde.let([qi + pi * dt / 2 for qi, pi in zip(q, p, strict=True)])

    def bath(p):  # O
        keep = sde.exp(-system.friction * dt)
        spread = sde.sqrt(-system.temperature * sde.expm1(-2 * system.friction * dt))
        return sde.let([keep * pi + spread * ni for pi, ni in zip(p, xi, strict=True)])

    p = kick(q, p, t)
    q = drift(q, p)
    p = bath(p)
    q = drift(q, p)
    p = kick(q, p, t_next)
    return [*q, *p]


BAOAB = Scheme(
    name="baoab",
    step=step,
    strong=1.0,
    weak=2.0,
    noise="additive",
    conventions=("ito", "stratonovich"),
    source="Leimkuhler & Matthews 2013 (1203.5428)",
    needs="underdamped",
    evaluations=2,
)
