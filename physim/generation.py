r"""Generate with any score function: a trained network, a dense formula, the exact score of a mean-field model.

    dX = [-f X + (g^2/2)(1 + c^2) s(X, t)] d tau + c g dW,    tau = T - t,   c = churn (0: probability flow)

The score is a callable of a batch, so nothing is compiled; the steps are those of `physim.schemes`, fed with arrays
instead of expressions, and the noise is that of the compiled kernels: the normal of (seed, stream, number, step), the
number of coordinate j of trajectory k of size D being k D + j.  Where `simulate` can take a model, it is 10 to 1000
times faster; on one coordinate a trajectory (or spins) the two give the same paths.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from physim.results import NonFiniteError, finish_moments
from physim.schemes import SCHEMES
from physim.score_equations import ScoreEquations

BATCH = 4096
LOST_FRACTION = 1e-3


def generate(
    score,
    process,
    *,
    grid,
    initial,
    seed: int,
    churn: float = 1.0,
    scheme: str = "euler_maruyama",
    observe=None,
    record=None,
    keep_paths: int = 0,
    batch: int = BATCH,
    lost_fraction: float = LOST_FRACTION,
):
    """Integrate the reverse family of a process with a score function and return statistics along the way.

    Parameters
    ----------
    score : callable (x, t) -> array like x, for x of shape (n, ...) and a float t; an estimate of grad log p_t.
    process : analytic ForwardProcess.  grid : `Grid` or forward times, walked downwards.
    initial : array (trajectories, ...) of states at the highest time of the grid, e.g. from `noised`.
    seed : whole number from 0 to 2^64 - 1.  churn : c >= 0.
    scheme : `euler_maruyama`, `stochastic_heun`, `sra1`, `exponential_euler`, `exponential_midpoint`, `ancestral`, or
        `flow_heun` where churn = 0.
    observe : dict from name to a callable (x, t) -> (n,) values; None observes the coordinates (at most 8).
    record : None (every time), a whole number of equally spaced grid times, or an array of grid times.
    keep_paths : how many trajectories are kept at the recorded times.
    batch : trajectories handed to the score at once; results do not depend on it.
    lost_fraction : the run fails when more trajectories than this stop being finite.

    Returns
    -------
    xarray.Dataset over `time` as of `simulate`: `name_mean`, `name_var` with `_stderr`, `name_min`, `name_max`,
    `count` of finite trajectories, `paths` (time, trajectory, ...) if kept; provenance in attrs.

    Raises
    ------
    ValueError for bad input or values of the score of another shape; NonFiniteError when too many trajectories are
    lost.

    Errors made: statistical, as stated; of the scheme, its weak order in the step; of the score, its own.
    """
    import xarray as xr

    from physim.store import provenance

    plan = _Plan.checked(score, process, grid, initial, seed, churn, scheme, observe, record, keep_paths, batch)
    values = np.full((len(plan.record_at), len(plan.observe), len(plan.initial)), np.nan)
    paths = np.empty((len(plan.record_at), keep_paths, *plan.initial.shape[1:]))
    for first in range(0, len(plan.initial), plan.batch):
        _walk(plan, first, values[:, :, first : first + plan.batch], paths[:, first : first + plan.batch])
    alive = np.isfinite(values).all(axis=1)
    alive = np.logical_and.accumulate(alive, axis=0)
    _check_lost(plan, alive, lost_fraction)
    data: dict[str, Any] = {"count": ("time", alive.sum(axis=1))}
    for k, name in enumerate(plan.observe):
        node = np.array([_moments(row[here]) for row, here in zip(values[:, k], alive, strict=True)])
        names = ("mean", "mean_stderr", "var", "var_stderr", "min", "max")
        data |= {f"{name}_{n}": ("time", v) for n, v in zip(names, finish_moments(node)[1:], strict=True)}
    if keep_paths:
        data["paths"] = (("time", "trajectory", *(f"axis{k}" for k in range(1, plan.initial.ndim))), paths)
    return xr.Dataset(data, {"time": plan.times[plan.record_at]}, {"provenance": provenance(plan.facts())})


def noised(data, process, time: float, seed: int) -> np.ndarray:
    """x_t = alpha x_0 + sigma eps of every row of the data: exact states to start a generation from.

    Parameters
    ----------
    data : array (n, ...).  time : forward time.  seed : of the stream "initial".
    """
    from physim.kernels.scalars import schedule_at

    data = np.asarray(data, dtype=float)
    alpha, sigma = schedule_at(process, float(time))[:2]
    return alpha * data + sigma * _normals(seed, "initial", 0, data.shape, 0)[0]


@dataclass(frozen=True)
class _Plan:
    """A checked request."""

    score: Any
    process: Any
    times: np.ndarray
    initial: np.ndarray
    seed: int
    churn: float
    scheme: Any
    observe: dict
    record_at: np.ndarray
    batch: int
    grid: str

    @classmethod
    def checked(cls, score, process, grid, initial, seed, churn, scheme, observe, record, keep_paths, batch):
        """ValueError in one sentence for what cannot be."""
        from physim.checks import recorded, whole
        from physim.grids import Grid

        grid = grid if isinstance(grid, Grid) else Grid(np.asarray(grid, dtype=float))
        initial = np.asarray(initial, dtype=float)
        if initial.ndim < 2 or initial.size == 0 or not np.all(np.isfinite(initial)):
            raise ValueError(f"initial: shape {initial.shape} given; finite states (trajectories, ...) are needed")
        whole("seed", seed, 0, 2**64 - 1)
        whole("batch", batch, 1)
        whole("keep_paths", keep_paths, 0, len(initial))
        if not 0 <= float(churn) < np.inf:
            raise ValueError(f"churn: {churn!r} is not zero or positive")
        low, high = (float(end) for end in process.span)
        if not low <= grid.times[0] or not grid.times[-1] <= high:
            raise ValueError(f"grid: {grid!r} leaves the span {low:g} to {high:g} of {process.name}")
        times = grid.times[::-1]
        observed = _observables(observe, initial.shape[1:])
        found = _scheme(scheme, churn)
        return cls(
            score,
            process,
            times,
            initial,
            seed,
            float(churn),
            found,
            observed,
            recorded(record, times),
            batch,
            str(grid),
        )

    def facts(self):
        """What the provenance states."""
        return {
            "dynamics": f"reverse of {self.process.name} with a score function, churn {self.churn:g}",
            "scheme": self.scheme.name,
            "observables": list(self.observe),
            "trajectories": len(self.initial),
            "seed": self.seed,
            "grid": self.grid,
        }


def _scheme(name, churn):
    usable = [k for k, s in SCHEMES.items() if s.needs in ("", "reverse") and not s.uniforms and k != "milstein"]
    if name not in usable:
        raise ValueError(f"scheme: {name!r} is unknown here; allowed are {', '.join(usable)}")
    if SCHEMES[name].noise == "none" and churn:
        raise ValueError(f"scheme: {name} has no noise; set churn=0 for the probability flow, or take stochastic_heun")
    return SCHEMES[name]


def _observables(observe, shape):
    if observe is None:
        size = int(np.prod(shape))
        if size > 8 or len(shape) != 1:
            raise ValueError(f"observe: states of shape {shape} are not observed one by one; name some functions")
        return {f"x{j + 1}" if size > 1 else "x": (lambda x, t, j=j: x[:, j]) for j in range(size)}
    if not observe or not all(callable(call) for call in observe.values()):
        raise ValueError(f"observe: {observe!r} given; a dict from name to a function of (x, t) is needed")
    return dict(observe)


def _walk(plan, first, values, paths):
    """One batch along the grid; observed values to (records, observables, n), states to (records, kept, ...)."""
    from physim.kernels.equations import Noise, brownian

    x = plan.initial[first : first + plan.batch]
    equations, per_call = ScoreEquations(plan.score, plan.process, plan.churn), 4 // plan.scheme.normals
    at, fresh = {step: row for row, step in enumerate(plan.record_at)}, None
    for step, time in enumerate(plan.times):
        if step in at:
            paths[at[step]] = x[: paths.shape[1]]
            lost = ~np.isfinite(x).all(axis=tuple(range(1, x.ndim)))
            for k, (name, call) in enumerate(plan.observe.items()):
                values[at[step], k] = np.where(lost, np.nan, _observed(name, call, x, float(time)))
        if step == len(plan.times) - 1:
            return
        end, dt = float(plan.times[step + 1]), float(time - plan.times[step + 1])
        if step % per_call == 0 and plan.churn:
            fresh = _normals(plan.seed, "noise", first, x.shape, step // per_call)
        if plan.churn:
            z = fresh[plan.scheme.normals * (step % per_call) :][: plan.scheme.normals]
            noise = brownian([z[0]], [z[-1]], dt, np.sqrt)
        else:
            noise = Noise([0.0], [0.0], [0.0], [0.0])
        with np.errstate(over="ignore", invalid="ignore"):
            (x,) = plan.scheme.step(equations, [x], float(time), end, dt, noise)


def _observed(name, call, x, time):
    found = np.asarray(call(x, time), dtype=float)
    if found.shape != (len(x),):
        raise ValueError(f"observe: {name!r} returned shape {found.shape} for {len(x)} states; ({len(x)},) is needed")
    return found


def _normals(seed, stream, first, shape, call):
    """Four arrays of normals of a batch (n, ...) at one call of the counter."""
    from physim.kernels import sampler
    from physim.request import STREAMS

    size = int(np.prod(shape[1:]))
    rows = sampler.normals_of_call(first * size, int(np.prod(shape)), call, int(seed), STREAMS[stream])
    return rows.reshape(4, *shape)


def _moments(values):
    """(n, mean, M2, M3, M4, min, max), the moments of an accumulator."""
    if len(values) == 0:
        return np.array([0.0, np.nan, np.nan, np.nan, np.nan, np.nan, np.nan])
    d = values - values.mean()
    return np.array([len(d), values.mean(), *(np.sum(d**k) for k in (2, 3, 4)), values.min(), values.max()])


def _check_lost(plan, alive, lost_fraction):
    import warnings

    lost = len(plan.initial) - int(alive[-1].sum())
    if lost == 0:
        return
    when = plan.times[plan.record_at][int(np.argmax(~alive.all(axis=1)))]
    text = f"{lost} of {len(plan.initial)} trajectories stopped being finite, the first by t = {when:.6g}"
    if lost > lost_fraction * len(plan.initial):
        raise NonFiniteError(f"{text}; allowed is a fraction of {lost_fraction:g}")
    warnings.warn(f"{text}; they are left out of the averages from then on", stacklevel=3)
