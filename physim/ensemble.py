"""simulate(): an ensemble of trajectories of a dynamics, measured on the fly.

The only owner of threads.  Trajectories are cut into aligned chunks of 256 x 2^k that take a fraction of a second
each; kernels release the interpreter lock and run on a thread pool; results merge in a fixed order.  The same seed
gives the same bits for any number of threads, any block and any chunk.
"""

from __future__ import annotations

import os
import time as clock
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import nullcontext
from functools import lru_cache

import numpy as np

from physim import budget
from physim.collect import Checkpoint, Collector
from physim.observables import MOMENTS, PAIR
from physim.progress import Progress
from physim.schemes import SCHEMES

LANE_STEPS = 1 << 25  # of one chunk: 0.1 to 0.5 s
LOST_FRACTION = 1e-3


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
    covariances: bool = False,
    histograms=None,
    batches: int = 1,
    checkpoint=None,
    precision: str = "float64",
    contract: bool = False,
    progress: bool = True,
):
    """Integrate an ensemble and return its statistics at every recorded time.

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
    covariances : also between every two observables at the same time; with `analytic.value_at` across times.
    histograms : dict from an observable's name to sorted bin edges, or from two names to two arrays of edges.
    batches : number of equal, independent groups of trajectories that are also reported one by one.
    precision : of states, noise and drift, "float64" or "float32" (1.7 times as fast; the same noise to 7 digits, cut
        at 6.7 standard deviations); tables and moments are float64 in both.
    contract : let LLVM fuse a product and a sum into one rounding; the bits may then depend on the processor.
    checkpoint : path of a file that keeps the state of a long run; the same call goes on from it, with the same bits.

    Returns
    -------
    xarray.Dataset over `time` (forward time, in the order walked): for each observable `name_mean`,
    `name_mean_stderr`, `name_var`, `name_var_stderr`, `name_min`, `name_max`; with step_bias also `name_mean_bias`
    and `name_step_rms` (root mean square difference of the two, of the strong order) with their standard errors;
    with covariances `a_b_cov` and `a_b_cov_stderr`; with histograms `name_density`, `name_density_stderr` over
    `name_bin` and the fraction `name_outside`; with batches `name_batch_mean` and `name_batch_var` over `batch`;
    `count` of finite trajectories; `paths` (time, coordinate, trajectory) if kept; provenance as one JSON string in
    attrs.

    Raises
    ------
    ValueError for bad input, before any compilation; NonFiniteError when too many trajectories are lost.

    Errors made: statistical, as stated by the standard errors; of the scheme, its weak order in the step.
    """
    from physim.request import Request
    from physim.results import dataset

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
        covariances=covariances,
        histograms=histograms,
        batches=batches,
        lost_fraction=lost_fraction,
        precision=precision,
        contract=contract,
    )
    budget.check(plan, threads or os.cpu_count() or 1)
    program = _program(plan)
    collected = _run(program, plan, threads, chunk, progress, checkpoint)
    return dataset(plan, collected, round(clock.perf_counter() - started, 3))


def _program(plan):
    """The compiled kernel of a request; equal requests share it."""
    options = (plan.stride == 2, bool(plan.histograms), plan.precision, plan.contract)
    return _printed(plan.kind, plan.dynamics, plan.scheme, tuple(plan.observe.items()), *options)


@lru_cache(maxsize=256)
def _printed(kind, dynamics, scheme, observables, halving, histograms, precision, contract):
    from physim.kernels import dense, exchangeable, few, spins

    scheme, observe = SCHEMES[scheme], dict(observables)
    if kind == "few":
        return few.build(dynamics, scheme, observe, halving, histograms, precision, contract)
    kinds = {"sites": exchangeable, "centres": dense, "spins": spins}
    return kinds[kind].build(dynamics, scheme, observe, histograms)


def _run(program, plan, threads, chunk, progress, checkpoint):
    """Run every task that is not in yet; collect the results in order."""
    threads = threads or os.cpu_count() or 1
    chunk = chunk or _chunk(plan, threads)
    if chunk % plan.cell or (chunk // plan.cell) & (chunk // plan.cell - 1):
        raise ValueError(f"chunk: {chunk} is not {plan.cell} times a power of two")
    stop, collector = np.zeros(1, np.uint8), _collector(program, plan)
    task = _task(program, plan, stop)
    saved = None if checkpoint is None else Checkpoint(checkpoint, plan.identity(program.source), collector, chunk)
    tasks = plan.tasks(saved.chunk if saved else chunk)
    bar = Progress(len(tasks), "simulating", progress)
    with _one_thread_products(plan), ThreadPoolExecutor(threads) as pool, bar:
        waiting, done, pending = {}, {}, iter(range(collector.done, len(tasks)))
        bar.advance(collector.done)
        try:
            while collector.done < len(tasks):
                while len(waiting) + len(done) < 4 * threads and (k := next(pending, None)) is not None:
                    waiting[pool.submit(task, *tasks[k][1:])] = k
                finished, _ = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
                for future in finished:
                    done[waiting.pop(future)] = future.result()
                    bar.advance()
                while collector.done in done:
                    batch, first, _ = tasks[collector.done]
                    collector.add(batch, first, *done.pop(collector.done))
                    if saved:
                        saved.save_sometimes()
        except BaseException:
            stop[0] = 1
            pool.shutdown(cancel_futures=True)
            if saved:
                saved.save()
            raise
    if saved:
        saved.finish()
    return collector


def _one_thread_products(plan):
    """Matrix products use one thread each while tasks run side by side."""
    if plan.kind != "centres":
        return nullcontext()
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, user_api="blas")


def _collector(program, plan):
    counts = np.zeros((len(plan.record_at), plan.bins), np.int64)
    paths = np.empty((len(plan.record_at), plan.dim, plan.keep_paths, plan.sites))
    return Collector(program.module.merge, plan.batches, counts, paths)


def _task(program, plan, stop):
    """The work of one task: trajectories first, first + 1, ... to (node, histogram counts, kept paths)."""
    module, tables = program.module, _tables(program, plan)
    k0, k1 = np.uint64(plan.seed & 0xFFFFFFFF), np.uint64(plan.seed >> 32)
    record_at = plan.record_at // plan.stride
    edges, layout = plan.histogram_layout
    pairs = plan.covariances * PAIR * (program.outputs * (program.outputs - 1) // 2)

    def task(first, count):
        state = plan.draw(first, count, k0, k1)
        state = np.concatenate([state, *(np.full((1, state.shape[1]), start) for start in program.memory)])
        node = np.zeros((len(record_at), program.outputs * MOMENTS + pairs))
        counts = np.zeros((len(record_at), plan.bins), np.int64)
        kept = np.empty((len(record_at), len(state), max(0, min(count, plan.keep_paths - first)) * plan.sites))
        begin = np.uint64(first), k0, k1, np.uint64(plan.stream)
        measure = record_at, node, edges, layout, counts, kept
        module.run(state, *begin, *tables, *measure, stop, plan.lanes, *plan.extra)
        return node, counts, kept[:, : plan.dim].reshape(len(record_at), plan.dim, -1, plan.sites)

    return task


def _chunk(plan, threads):
    cost = max(1, plan.steps * plan.repeat + 4 * len(plan.record_at) * len(plan.observe)) * plan.dim * plan.sites
    fair = plan.trajectories / plan.batches / max(1, 4 * threads // plan.batches)
    cells = max(1, min(LANE_STEPS / cost, fair, 1 << 18) / plan.cell)
    return plan.cell << (int(cells).bit_length() - 1)


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
