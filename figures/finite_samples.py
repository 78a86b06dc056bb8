r"""Independent samples of the order of finite mean-field systems, by exact draws.

    discrete sites   the exact law of N sites (`physim.finite_size`)
    XY spins         M on its lattice, then every site given M (`physim.spin_samples`)
    soft spins       M with the weight exp(-N beta M^2/2 + N K(beta M)), K by quadrature, then the sites given M

Each sampler takes (size, control, count, seed); seeds are whole numbers, nested as they come.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import sympy as sp
from scipy.special import softmax

from analytic import Diffusion, SoftSpins, VectorSpins, ornstein_uhlenbeck
from analytic.mean_field.base import site
from analytic.symbols import beta
from physim.finite_size import Law
from physim.kernels.scalars import compiled
from physim.spin_samples import data_samples


@lru_cache(maxsize=64)
def _law(model, size, inverse, values):
    """The exact law of N sites and its summed probabilities."""
    law = Law(model, size, inverse, dict(values))
    return law, np.cumsum(law.probability)


def states_of(model, size, inverse, values, count, seed):
    """(law, indices of drawn states) of N sites; `values` are pairs (symbol, number)."""
    law, summed = _law(model, int(size), float(inverse), values)
    uniform = np.random.Generator(np.random.Philox(seeds(seed))).random(count)
    return law, np.minimum(np.searchsorted(summed, uniform * summed[-1]), len(summed) - 1)


def seeds(seed):
    """A seed sequence of nested whole numbers."""
    return np.random.SeedSequence([int(s) for part in np.atleast_1d(seed) for s in np.atleast_1d(part)])


def order_of_sites(model, at, size, control, count, seed):
    """R of discrete sites from their exact law; `at` gives beta and the values of symbols."""
    law, chosen = states_of(model, size, *at(float(control)), count, seed)
    return law.size[chosen]


B = sp.Symbol("b", positive=True)
XY = Diffusion(VectorSpins(2, beta=B), ornstein_uhlenbeck())


def plane_spins(size, temperature, count, seed):
    """|m| of plane spins."""
    number = int(seeds(seed).generate_state(1, np.uint64)[0])
    spins = data_samples(XY, int(size), count, number, {"b": 1 / float(temperature)})
    return np.linalg.norm(spins.mean(axis=1), axis=-1)


def soft_spins(size, temperature, count, seed):
    """|m| of soft spins: M on a lattice, weight exp(-N beta M^2/2 + N K(beta M)), then the sites given M."""
    inverse, size = 1 / float(temperature), int(size)
    x, m = np.linspace(-5, 5, 2001), np.arange(-2.5, 2.5, 0.5 / np.sqrt(size * inverse))
    logs = compiled(SoftSpins().measure.log_weight, site, beta)(x, inverse) + inverse * m[:, None] * x
    weight = np.exp(logs - logs.max(axis=1, keepdims=True))
    action = size * (np.log(weight.sum(axis=1)) + logs.max(axis=1) - inverse * m**2 / 2)
    generator = np.random.Generator(np.random.Philox(seeds(seed)))
    chosen = generator.choice(len(m), size=count, p=softmax(action))
    found = np.empty(count)
    for k in np.unique(chosen):
        summed = np.concatenate([[0.0], np.cumsum((weight[k, 1:] + weight[k, :-1]) / 2)])
        here = chosen == k
        uniform = generator.random((np.count_nonzero(here), size))
        found[here] = np.abs(np.interp(uniform * summed[-1], summed, x).mean(axis=1))
    return found
