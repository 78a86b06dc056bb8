"""jitcsde: the same SDE compiled to C; its steps are adaptive and it follows one path at a time."""

from functools import partial

import numpy as np
import symengine
from jitcsde import jitcsde, t, y

from benchmarks import problem
from benchmarks.contestants import Contestant

PACKAGES = ("jitcsde",)


def contestants(cores):
    """One row; it has no threads of its own."""
    return [Contestant("jitcsde, adaptive", partial(run, integrator()), 1, law="exact", largest=1 << 10)]


def integrator():
    """The compiled integrator in the time s = START - t."""
    alpha = symengine.exp(t - problem.START)
    gamma = 1 - alpha**2
    drift = y(0) - 2 * y(0) / gamma + 2 * alpha / gamma * symengine.tanh(alpha / gamma * y(0))
    sde = jitcsde([drift], [symengine.sqrt(2)], verbose=False, additive=True)
    sde.compile_C()
    return sde


def run(sde, trajectories):
    """Mean and variance at the recorded times."""
    rng = np.random.default_rng(problem.SEED)
    alpha, sigma = problem.start_law()
    times = problem.START - problem.times()[problem.RECORD_EVERY :: problem.RECORD_EVERY]
    kept = np.empty((trajectories, problem.RECORDS))
    for row in kept:
        sde.set_initial_value([rng.choice([-alpha, alpha]) + sigma * rng.standard_normal()], 0.0)
        sde.set_seed(int(rng.integers(2**31)))
        row[:] = [sde.integrate(time)[0] for time in times]
    return kept.mean(axis=0), kept.var(axis=0)
