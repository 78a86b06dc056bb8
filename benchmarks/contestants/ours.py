"""physim.simulate through its public interface, progress off."""

from __future__ import annotations

import inspect
from functools import cache

from benchmarks import problem
from benchmarks.contestants import OURS, Contestant

# Further rows: any keyword arguments of `simulate`; those that it does not know are left out.
OPTIONS = ({"block": 256}, {"block": 1024}, {"step_bias": True}, {"precision": "float32"}, {"contract": True})


def contestants(cores):
    """Ours with all cores, with one, and with every option that exists."""
    from physim import simulate

    known = inspect.signature(simulate).parameters
    rows = [Contestant(OURS, runner(threads=cores), cores, scaled=True)]
    if cores > 1:
        rows.append(Contestant(f"{OURS}, 1 thread", runner(threads=1), 1, at_least=1.8))
    for option in OPTIONS:
        if set(option) <= set(known):
            words = ", ".join(f"{key} {value}" for key, value in option.items())
            rows.append(Contestant(f"{OURS}, {words}", runner(threads=cores, **option), cores))
    return rows


def runner(**options):
    """run(trajectories) of the benchmark's problem with options of `simulate`."""

    def run(trajectories):
        result = simulated(pair(), trajectories, problem.STEPS, record=problem.RECORDS + 1, **options)
        return result.x_mean.values[1:], result.x_var.values[1:]

    return run


@cache
def pair():
    """The reverse dynamics of two points +-1."""
    import analytic as an

    return an.Diffusion(an.SymmetricPair(1), an.ornstein_uhlenbeck()).reverse()


def simulated(dynamics, trajectories, steps, **options):
    """`simulate` on equal steps between the benchmark's two times."""
    import physim

    grid = physim.grids.uniform(problem.STOP, problem.START, steps)
    return physim.simulate(dynamics, trajectories=trajectories, grid=grid, seed=problem.SEED, progress=False, **options)
