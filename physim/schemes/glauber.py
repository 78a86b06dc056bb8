"""Glauber (heat-bath) dynamics of exchangeable spins on their occupation numbers n_a: one choice of a spin.

    a with probability n_a/N,      then b with probability proportional to exp[-E(n - e_a + e_b)]

Random sequential updating; the chain of occupation numbers is exact, at a cost that does not grow with N.
Source: Glauber 1963; Levin, Luczak & Peres 2010 (0712.0790).
"""

from itertools import pairwise

from physim.schemes.base import Scheme


def choose(sde, cumulative, level):
    """Zero-one marks of the first entry whose cumulative weight exceeds the level; the last one if none does."""
    below = [sde.where(level < c, 1, 0) for c in cumulative[:-1]] + [1]
    return [below[0], *(b - a for a, b in pairwise(below))]


def sums(values):
    """Partial sums."""
    total, out = 0, []
    for v in values:
        total = total + v
        out.append(total)
    return out


def step(sde, x, t, t_next, dt, noise):
    """Take one spin out, put it back."""
    system = sde.heat_bath
    out, into = noise.uniform
    taken = sde.let(choose(sde, sums(x), out * system.spins))
    rest = sde.let([n - a for n, a in zip(x, taken, strict=True)])
    put = choose(sde, sums(system.probabilities(rest)), into)
    return [n + b for n, b in zip(rest, put, strict=True)]


GLAUBER = Scheme(
    name="glauber",
    step=step,
    strong=None,
    weak=None,
    noise="none",
    conventions=("ito", "stratonovich"),
    source="Glauber 1963",
    needs="heat_bath",
    normals=0,
    uniforms=2,
)
