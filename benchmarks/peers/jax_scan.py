"""JAX: one jitted scan over the steps, normals from jax.random, 64-bit.

XLA runs a scan on one core; the second row gives each core half of the trajectories as a device of its own.
"""

import os

os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={os.cpu_count()}"

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from benchmarks import problem
from benchmarks.contestants import Contestant

jax.config.update("jax_enable_x64", True)

PACKAGES = ("jax",)


def contestants(cores):
    """The scan as it is written, and one on every core."""
    return [
        Contestant("JAX, jitted scan", run, 1, at_least=10),
        Contestant(f"JAX, jitted scan on {cores} devices", partial(run_on, cores), cores),
    ]


def run(trajectories):
    """Mean and variance at the recorded steps."""
    sums = np.asarray(integrate(problem.SEED, trajectories))
    return moments(sums, trajectories)


def run_on(cores, trajectories):
    """The same with the trajectories split over devices."""
    mesh = jax.make_mesh((cores,), ("device",), devices=jax.devices()[:cores])
    share = -(-trajectories // cores)
    seeds = jax.device_put(np.arange(cores), NamedSharding(mesh, PartitionSpec("device")))
    sums = np.asarray(on_devices(mesh, share)(seeds)).reshape(cores, problem.RECORDS, 2).sum(axis=0)
    return moments(sums, share * cores)


def moments(sums, trajectories):
    """Mean and variance from the sums of x and x^2."""
    mean = sums[:, 0] / trajectories
    return mean, sums[:, 1] / trajectories - mean**2


def on_devices(mesh, share):
    """The compiled call for one mesh and one number of trajectories."""
    if (mesh, share) not in COMPILED:
        everywhere = partial(jax.shard_map, mesh=mesh, in_specs=PartitionSpec("device"), check_vma=False)
        body = everywhere(lambda seeds: integrate(seeds[0], share), out_specs=PartitionSpec("device"))
        COMPILED[mesh, share] = jax.jit(body)
    return COMPILED[mesh, share]


COMPILED: dict = {}


@partial(jax.jit, static_argnums=1)
def integrate(seed, trajectories):
    """Sums of x and x^2 at the recorded steps: a scan over the records around one over the steps between them."""
    alpha, sigma = problem.start_law()
    table = problem.coefficients().reshape(problem.RECORDS, problem.RECORD_EVERY, 4)
    key, normal, sign = jax.random.split(jax.random.key(seed), 3)
    x = sigma * jax.random.normal(normal, (trajectories,)) + alpha * jax.random.rademacher(sign, (trajectories,))

    def step(carry, row):
        x, key = carry
        key, here = jax.random.split(key)
        a, b, c, s = row
        return (a * x + b * jnp.tanh(c * x) + s * jax.random.normal(here, (trajectories,)), key), None

    def record(carry, rows):
        carry, _ = jax.lax.scan(step, carry, rows)
        return carry, jnp.stack([carry[0].sum(), carry[0] @ carry[0]])

    return jax.lax.scan(record, (x, key), jnp.asarray(table))[1]
