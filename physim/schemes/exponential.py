"""Exponential integrators of the reverse family: everything but the posterior mean xhat is solved exactly.

With L = log(alpha/sigma), h = L' - L > 0 and churn c, for a frozen xhat

    x' = (sigma'/sigma) e^{-c^2 h} x + alpha' (1 - e^{-(1 + c^2) h}) xhat + sigma' sqrt(1 - e^{-2 c^2 h}) xi

exponential_euler freezes xhat(x, t); exponential_midpoint takes it at a midpoint (in L) reached by the first, with
the noise of the first half.  c = 0 is DDIM and DPM-Solver++(1, 2S), c = 1 their stochastic forms; ancestral sampling
is exponential_euler with c = 1, written through q(x_{t'} | x_t, x_0 = xhat).  Sources: Lu et al. 2022 (2211.01095);
Gonzalez et al. 2023 (2305.14267); Ho, Jain & Abbeel 2020 (2006.11239), equation 7.
"""

from dataclasses import replace

from physim.schemes.base import Scheme


def advance(sde, x, xhat, start, end, xi):
    """The exact solution from schedule point `start` to `end` with xhat frozen; xi are standard normals."""
    c2 = sde.reverse.churn**2
    h = end.level - start.level
    keep = end.sigma / start.sigma * sde.exp(-c2 * h)
    pull = -end.alpha * sde.expm1(-(1 + c2) * h)
    kick = end.sigma * sde.sqrt(-sde.expm1(-2 * c2 * h)) if c2 != 0 else 0
    return [keep * xi_ + pull * mi + kick * ni for xi_, mi, ni in zip(x, xhat, xi, strict=True)]


def euler(sde, x, t, t_next, dt, noise):
    """One evaluation of xhat."""
    return advance(sde, x, sde.reverse.mean(x, t), sde.reverse.at(t), sde.reverse.at(t_next), noise.standard)


def midpoint(sde, x, t, t_next, dt, noise):
    """Two evaluations of xhat on one noise: the halves' normals are (xi_1 +- xi_2)/sqrt 2 of the step's."""
    start, end = sde.reverse.at(t), sde.reverse.at(t_next)
    middle = sde.reverse.between(t, t_next)
    pairs = list(zip(noise.standard, noise.second, strict=True))
    early = [(a + b) / sde.sqrt(2) for a, b in pairs]
    late = [(a - b) / sde.sqrt(2) for a, b in pairs]
    y = sde.let(advance(sde, x, sde.reverse.mean(x, t), start, middle, early))
    xhat = sde.let(sde.reverse.mean(y, middle.time))
    half = advance(sde, x, xhat, start, middle, early)
    return advance(sde, half, xhat, middle, end, late)


def ancestral(sde, x, t, t_next, dt, noise):
    """x' from q(x_{t'} | x_t, x_0 = xhat): mean and variance of a Gaussian bridge."""
    start, end, xhat = sde.reverse.at(t), sde.reverse.at(t_next), sde.reverse.mean(x, t)
    ratio = start.alpha / end.alpha
    fresh = start.sigma**2 - ratio**2 * end.sigma**2  # variance added between t' and t
    keep, pull = ratio * end.sigma**2 / start.sigma**2, end.alpha * fresh / start.sigma**2
    kick = end.sigma * sde.sqrt(fresh) / start.sigma
    return [keep * xi + pull * mi + kick * ni for xi, mi, ni in zip(x, xhat, noise.standard, strict=True)]


EXPONENTIAL_EULER = Scheme(
    name="exponential_euler",
    step=euler,
    strong=1.0,
    weak=1.0,
    noise="additive",
    conventions=("ito", "stratonovich"),
    source="Lu et al. 2022 (2211.01095)",
    needs="reverse",
)
EXPONENTIAL_MIDPOINT = replace(
    EXPONENTIAL_EULER,
    name="exponential_midpoint",
    step=midpoint,
    weak=2.0,
    narrower={"none": (2.0, 2.0)},
    normals=2,
    evaluations=2,
    source="Gonzalez et al. 2023 (2305.14267)",
)
ANCESTRAL = replace(
    EXPONENTIAL_EULER, name="ancestral", step=ancestral, source="Ho, Jain & Abbeel 2020 (2006.11239), eq. 7"
)
