"""diffrax: Euler at constant steps, one solve a trajectory under vmap and jit, with either Brownian path."""

from functools import partial

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import problem
from benchmarks.contestants import Contestant

jax.config.update("jax_enable_x64", True)
SPAN, STEP = problem.START - problem.STOP, (problem.START - problem.STOP) / problem.STEPS
PACKAGES = ("diffrax",)


def unsafe(key):
    """Increments without memory: only for constant steps."""
    return diffrax.UnsafeBrownianPath(shape=(), key=key)


def tree(key):
    """A path that can be asked at any time."""
    return diffrax.VirtualBrownianTree(0.0, SPAN, tol=STEP / 2, shape=(), key=key)


def contestants(cores):
    """One row for each Brownian path."""
    return [
        Contestant("diffrax Euler, UnsafeBrownianPath", partial(run, unsafe), cores, at_least=32),
        Contestant("diffrax Euler, VirtualBrownianTree", partial(run, tree), cores, largest=1 << 15),
    ]


def run(path, trajectories):
    """Mean and variance at the recorded steps."""
    mean, var = integrate(path, jax.random.key(problem.SEED), trajectories)
    return np.asarray(mean), np.asarray(var)


def drift(s, x, args):
    """Drift of the reverse SDE in the time s = START - t."""
    alpha = jnp.exp(s - problem.START)
    gamma = 1 - alpha**2
    return x - 2 * x / gamma + (2 * alpha / gamma) * jnp.tanh(alpha / gamma * x)


def noise(s, x, args):
    """Noise of the reverse SDE."""
    return jnp.full_like(x, 2**0.5)


@partial(jax.jit, static_argnums=(0, 2))
def integrate(path, key, trajectories):
    """All trajectories in one compiled call."""
    alpha, sigma = problem.start_law()
    normal, sign, noises = jax.random.split(key, 3)
    x0 = sigma * jax.random.normal(normal, (trajectories,)) + alpha * jax.random.rademacher(sign, (trajectories,))
    records = diffrax.SaveAt(ts=problem.START - problem.times()[problem.RECORD_EVERY :: problem.RECORD_EVERY])

    def one(x, key):
        terms = diffrax.MultiTerm(diffrax.ODETerm(drift), diffrax.ControlTerm(noise, path(key)))
        solve = partial(diffrax.diffeqsolve, terms, diffrax.Euler(), 0.0, SPAN, STEP, x, saveat=records)
        return solve(adjoint=diffrax.ForwardMode(), max_steps=problem.STEPS + 8).ys

    states = jax.vmap(one)(x0, jax.random.split(noises, trajectories))
    return states.mean(axis=0), states.var(axis=0)
