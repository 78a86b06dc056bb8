r"""What the figures of mean-field magnets share: Glauber ensembles of a model against its exact finite-N sums.

    R = |q - q_0|/|d|, the size of the order;      binder = 1 - <R^4>/(3 <R^2>^2)

Trajectories are independent, each in equilibrium at its end; the covariance of <R>, <R^2>, <R^4> of one run
is measured.  The chain is exact: there is no step and no step bias.
"""

from __future__ import annotations

import json

import numpy as np
import sympy as sp

from analytic import glauber
from analytic.order_dynamics import occupation_numbers, order_of_occupations
from analytic.symbols import beta, sites
from physim import simulate
from physim.finite_size import Law, occupations

NAMES = ("abs", "m2", "m4")


def size_of_order(model) -> sp.Expr:
    """R as a function of the occupation numbers and N."""
    order = order_of_occupations(model)
    start, direction = model.ray
    square = sp.Add(*((order[q] - a) ** 2 for q, a in zip(model.order, start, strict=True)))
    return sp.sqrt(square / sp.Add(*(d**2 for d in direction)))


def starts(model, size: int, trajectories: int, order: float = 1.0) -> np.ndarray:
    """Occupation numbers of two-valued spins at +order and -order in turn, (trajectories, values)."""
    up = round(size * (1 + order) / 2)
    both = np.array([[up, size - up], [size - up, up]], dtype=float)
    if len(occupation_numbers(model)) != 2:
        raise ValueError(f"model: {type(model).__name__} has no two-valued spins; state the starting occupations")
    return np.resize(both, (trajectories, 2))


def glauber_moments(
    model,
    size: int,
    inverse: float,
    *,
    sweeps: float,
    trajectories: int,
    seed: int,
    start,
    values=None,
    also=None,
    **more,
):
    """<R>, <R^2>, <R^4> of the chain after some sweeps, their covariance, the facts of the run and the run."""
    size_ = size_of_order(model)
    run = simulate(
        glauber(model),
        trajectories=trajectories,
        grid=np.array([0.0, float(sweeps)]),
        seed=seed,
        scheme="glauber",
        parameters={beta: inverse, sites: size} | (values or {}),
        initial=start,
        observe={"abs": size_, "m2": size_**2, "m4": size_**4} | (also or {}),
        covariances=True,
        record=1,
        progress=False,
        **more,
    )
    return *joint_moments(run, trajectories), json.loads(run.attrs["provenance"]), run


def joint_moments(run, trajectories: int):
    """<R>, <R^2>, <R^4> at the end of a run that observed them with covariances, and the covariance of the means."""
    mean = np.array([float(run[f"{name}_mean"][-1]) for name in NAMES])
    covariance = np.empty((3, 3))
    for i, a in enumerate(NAMES):
        covariance[i, i] = float(run[f"{a}_mean_stderr"][-1]) ** 2
        for j in range(i):
            name = next(n for n in (f"{a}_{NAMES[j]}_cov", f"{NAMES[j]}_{a}_cov") if n in run)
            covariance[i, j] = covariance[j, i] = float(run[name][-1]) / trajectories
    return mean, covariance


def binder(mean, covariance):
    """1 - m4/(3 m2^2), its standard error to first order, and its slopes by (abs, m2, m4)."""
    _, second, fourth = mean
    slopes = np.array([0.0, 2 * fourth / (3 * second**3), -1 / (3 * second**2)])
    return 1 - fourth / (3 * second**2), float(np.sqrt(slopes @ covariance @ slopes)), slopes


def blocks(parts) -> np.ndarray:
    """Correlation matrix of independent groups of correlated points."""
    from scipy.linalg import block_diag

    whole = block_diag(*parts)
    scale = np.sqrt(np.diag(whole))
    return whole / np.outer(scale, scale)


def exact_starts(model, size: int, inverse: float, trajectories: int, seed: int, values=None) -> np.ndarray:
    """Occupation numbers drawn from the exact law of N sites, (trajectories, values): a right chain keeps them so."""
    law = Law(model, size, inverse, values)
    generator = np.random.Generator(np.random.Philox(seed))
    drawn = generator.choice(len(law.probability), size=trajectories, p=law.probability)
    return occupations(size, len(model.measure.values)).T[drawn].astype(float)


class Exact:
    """Independent samples of (total energy E, R, sum s^2) of N sites from their exact law; `mean` averages over it."""

    def __init__(self, model, size: int, inverse: float, values=None):
        law = Law(model, size, inverse, values)
        occupied = occupations(size, len(model.measure.values))
        squares = np.array([sum(float(x) ** 2 for x in np.ravel(value)) for value in model.measure.values])
        self.states = np.stack([size * law.energy, law.size, squares @ occupied])
        self.probability = law.probability
        self._summed = np.cumsum(law.probability)

    def draw(self, count: int, generator) -> np.ndarray:
        """(3, count)."""
        at = np.searchsorted(self._summed, self._summed[-1] * generator.random(count))
        return self.states[:, np.minimum(at, len(self._summed) - 1)]

    def reweighted(self, exponent) -> np.ndarray:
        """Probabilities of the states with exp(exponent) put in: a shift of a coupling times its conjugate."""
        logs = np.log(np.maximum(self.probability, 1e-300)) + exponent
        weights = np.exp(logs - logs.max())
        return weights / weights.sum()
