"""Exact Ornstein-Uhlenbeck: a_i = k_i x_i + m_i with constant k, m, b.

    x <- e^{k dt} x + (e^{k dt} - 1) m/k + b sqrt((e^{2 k dt} - 1)/(2 k)) xi,   any step, no error

Source: Uhlenbeck & Ornstein 1930; Gillespie 1996.
"""

from physim.schemes.base import Scheme


def step(sde, x, t, t_next, dt, noise):
    """The transition density, sampled."""
    b = sde.noise(x, t)
    moved = []
    for xi, (k, m), bi, ni in zip(x, sde.linear, b, noise.standard, strict=True):
        if k == 0:
            moved.append(xi + m * dt + bi * sde.sqrt(dt) * ni)
        else:
            spread = sde.sqrt(sde.expm1(2 * k * dt) / (2 * k))
            moved.append(sde.exp(k * dt) * xi + sde.expm1(k * dt) * m / k + bi * spread * ni)
    return moved


EXACT_OU = Scheme(
    name="exact_ou",
    step=step,
    strong=None,
    weak=None,
    noise="additive",
    conventions=("ito", "stratonovich"),
    source="Gillespie 1996 (Phys. Rev. E 54, 2084)",
    needs="linear",
)
