"""simulate(): an ensemble of trajectories of a dynamics, measured on the fly.

The only owner of threads.  Trajectories are cut into aligned chunks of 256 x 2^k that take a fraction of a second
each; kernels release the interpreter lock and run on a thread pool; results merge in a fixed order.  The same seed
gives the same bits for any number of threads, any block and any chunk.
"""

from __future__ import annotations

import time as clock
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

import numpy as np

from physim.observables import CELL, MOMENTS, finish_moments, finish_rms
from physim.progress import Progress
from physim.schemes import SCHEMES

LANE_STEPS = 1 << 25  # of one chunk: 0.1 to 0.5 s
LOST_FRACTION = 1e-3


class NonFiniteError(ArithmeticError):
    """Too many trajectories left the finite numbers."""


def simulate(
    dynamics,
    *,
    trajectories: int,
    grid,
    seed: int,
    parameters=None,
    scheme: str = "euler_maruyama",
    initial=None,
    observe=None,
    record=None,
    keep_paths: int = 0,
    threads: int | None = None,
    stream: str = "noise",
    block: int = 512,
    chunk: int | None = None,
    lost_fraction: float = LOST_FRACTION,
    step_bias: bool = False,
    progress: bool = True,
):
    """Integrate an ensemble and return its moments at every recorded time.

    Parameters
    ----------
    dynamics : analytic Dynamics, e.g. `Diffusion(model, process).reverse()`.
    trajectories : number of independent trajectories, at least 1.
    grid : `physim.grids.Grid` or an array of forward times; a reverse dynamics walks it downwards.
    seed : whole number from 0 to 2^64 - 1.
    parameters : dict from symbol (or its name) to a number, one for each symbol in the expressions.
    scheme : name of an integrator (`physim.schemes.SCHEMES`).
    initial : None (the exact law of the dynamics at its first time), a model (drawn from p_0), or an array of shape
        (d,) or (trajectories, d).
    observe : dict from name to a SymPy expression of state, time and parameters, or a sequence of expressions;
        None observes the coordinates.
    record : None (every time of the grid), a whole number of equally spaced grid times, or an array of grid times.
    keep_paths : how many trajectories (the first ones) are stored at the recorded times.
    threads : None for all cores.  stream : "noise", "clones" or "bootstrap", independent noise under one seed.
    block, chunk : trajectories in a cache block (a multiple of 256) and in a task; results do not depend on them.
    step_bias : also integrate every pair of steps as one, on the same Brownian path, and report from the difference
        the bias that the step leaves in each mean (Richardson: difference / (1 - 2^weak order)); recorded times are
        then even ones of the grid.
    lost_fraction : the run fails when a larger fraction of trajectories stops being finite.

    Returns
    -------
    xarray.Dataset over `time` (forward time, in the order walked): for each observable `name_mean`,
    `name_mean_stderr`, `name_var`, `name_var_stderr`; with step_bias also `name_mean_bias` and `name_step_rms` (root
    mean square difference of the two, of the strong order) with their standard errors; `count` of finite
    trajectories; `paths` (time, coordinate, trajectory) if kept; provenance as one JSON string in attrs.

    Raises
    ------
    ValueError for bad input, before any compilation; NonFiniteError when too many trajectories are lost.

    Errors made: statistical, as stated by the standard errors; of the scheme, its weak order in the step.
    """
    from physim.kernels import few
    from physim.request import Request

    started = clock.perf_counter()
    plan = Request.checked(
        dynamics=dynamics,
        trajectories=trajectories,
        grid=grid,
        seed=seed,
        parameters=parameters,
        scheme=scheme,
        initial=initial,
        observe=observe,
        record=record,
        keep_paths=keep_paths,
        stream=stream,
        block=block,
        step_bias=step_bias,
    )
    program = few.build(dynamics, SCHEMES[scheme], plan.observe, halving=step_bias)
    tables = _tables(program, plan)
    node, paths = _run(program, plan, tables, threads, block, chunk, progress)
    return _dataset(plan, node, paths, lost_fraction, clock.perf_counter() - started)


def _run(program, plan, tables, threads, block, chunk, progress):
    import os

    threads = threads or os.cpu_count() or 1
    chunk = chunk or _chunk(plan, threads)
    if chunk % CELL or (chunk // CELL) & (chunk // CELL - 1):
        raise ValueError(f"chunk: {chunk} is not 256 times a power of two")
    module, stop = program.module, np.zeros(1, np.uint8)
    k0, k1 = np.uint64(plan.seed & 0xFFFFFFFF), np.uint64(plan.seed >> 32)
    cells = len(plan.record_at) * program.outputs
    record_at = plan.record_at // plan.stride
    paths = np.empty((len(plan.record_at), plan.dim, plan.keep_paths))
    firsts = range(0, plan.trajectories, chunk)

    def task(first):
        count = min(chunk, plan.trajectories - first)
        state = plan.draw(first, count, k0, k1)
        state = np.concatenate([state, *(np.full((1, count), start) for start in program.memory)])
        node = np.zeros((cells, MOMENTS))
        kept = np.empty((len(record_at), len(state), max(0, min(count, plan.keep_paths - first))))
        code = module.run(
            state,
            np.uint64(first),
            k0,
            k1,
            np.uint64(plan.stream),
            *tables,
            record_at,
            node,
            kept,
            stop,
            block,
        )
        if code == 0 and kept.shape[2]:
            paths[:, :, first : first + kept.shape[2]] = kept[:, : plan.dim]
        return node

    tree = Tree(module.merge)
    with ThreadPoolExecutor(threads) as pool, Progress(len(firsts), "simulating", progress) as bar:
        waiting, order, done = {}, 0, {}
        pending = iter(firsts)
        try:
            while order < len(firsts):
                while len(waiting) + len(done) < 4 * threads and (first := next(pending, None)) is not None:
                    waiting[pool.submit(task, first)] = first // chunk
                finished, _ = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
                for future in finished:
                    done[waiting.pop(future)] = future.result()
                    bar.advance()
                while order in done:
                    tree.add(done.pop(order))
                    order += 1
        except BaseException:
            stop[0] = 1
            pool.shutdown(cancel_futures=True)
            raise
    return tree.total(), paths


class Tree:
    """A binary counter of results: nodes of equal size merge, earlier before later, whatever the chunk."""

    def __init__(self, merge):
        self.merge, self.levels = merge, []

    def add(self, node):
        """Put in the next chunk's result."""
        level = 0
        while level < len(self.levels) and self.levels[level] is not None:
            self.merge(self.levels[level], node)
            node, self.levels[level] = self.levels[level], None
            level += 1
        if level == len(self.levels):
            self.levels.append(None)
        self.levels[level] = node

    def total(self):
        """All results together."""
        out = None
        for node in self.levels:
            if node is None:
                continue
            if out is not None:
                self.merge(node, out)
            out = node
        return out


def _chunk(plan, threads):
    cost = max(1, plan.steps + 4 * len(plan.record_at) * len(plan.observe)) * plan.dim
    fair = plan.trajectories / (4 * threads)
    cells = max(1, min(LANE_STEPS / cost, fair, 1 << 18) / CELL)
    return CELL << (int(cells).bit_length() - 1)


def _tables(program, plan):
    t, t_next = plan.times[: -plan.stride : plan.stride], plan.times[plan.stride :: plan.stride]
    t_mid = plan.times[1::2] if plan.stride == 2 else (t + t_next) / 2
    rows = np.stack([t, t_mid, t_next, abs(t_mid - t), abs(t_next - t_mid), abs(t_next - t)])
    steps = np.empty((len(t), program.step_columns))
    program.module.step_table(rows, np.array(program.constants(program.step_numbers, plan.values)), steps)
    if not np.all(np.isfinite(steps)):
        step = int(np.argmin(np.isfinite(steps).all(axis=1)))
        raise ValueError(f"grid: the drift or noise is not finite at t = {t[step]:.6g}; start the grid inside the span")
    at = plan.times[plan.record_at]
    records = np.empty((len(at), program.record_columns))
    constants = np.array(program.constants(program.record_numbers, plan.values))
    program.module.record_table(np.tile(at, (6, 1)), constants, records)
    return steps, records


def _dataset(plan, node, paths, lost_fraction, wall):
    import xarray as xr

    from physim.store import provenance

    names = list(plan.observe)
    n, mean, mean_se, var, var_se = finish_moments(node.reshape(len(plan.record_at), -1, MOMENTS))
    times = plan.times[plan.record_at]
    parts = {"mean": mean, "mean_stderr": mean_se, "var": var, "var_stderr": var_se}
    variables = {}
    for k, name in enumerate(names):
        column = plan.stride * k
        for suffix, values in parts.items():
            variables[f"{name}_{suffix}"] = ("time", values[:, column])
        if plan.stride == 2:
            gain = 1 - 2.0 ** (SCHEMES[plan.scheme].weak or 1)
            variables[f"{name}_mean_bias"] = ("time", mean[:, column + 1] / gain)
            variables[f"{name}_mean_bias_stderr"] = ("time", mean_se[:, column + 1] / abs(gain))
            rms, rms_se = finish_rms(node.reshape(len(plan.record_at), -1, MOMENTS)[:, column + 1])
            variables[f"{name}_step_rms"] = ("time", rms)
            variables[f"{name}_step_rms_stderr"] = ("time", rms_se)
    variables["count"] = ("time", n[:, 0].astype(np.int64))
    coordinates = {"time": ("time", times, {"long_name": "forward process time"})}
    if plan.keep_paths:
        variables["paths"] = (("time", "coordinate", "trajectory"), paths)
        coordinates["coordinate"] = [str(s) for s in plan.dynamics.state]
    _report_lost(plan, n[:, 0], times, lost_fraction)
    return xr.Dataset(variables, coordinates, {"provenance": provenance(plan.facts(wall))})


def _report_lost(plan, counts, times, lost_fraction):
    lost = plan.trajectories - int(counts[-1])
    if lost == 0:
        return
    when = times[int(np.argmax(counts < plan.trajectories))]
    text = (
        f"{lost} of {plan.trajectories} trajectories stopped being finite, the first by t = {when:.6g}"
        f" (parameters {plan.values}); they are left out of the averages from then on"
    )
    if lost > lost_fraction * plan.trajectories:
        raise NonFiniteError(f"{text}; allowed is a fraction of {lost_fraction:g}")
    import warnings

    warnings.warn(text, stacklevel=4)
