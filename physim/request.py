"""What was asked of `simulate`, checked before anything is compiled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from physim.grids import Grid
from physim.observables import CELL, DENSE_CELL, SITE_CELL
from physim.schemes import SCHEMES

CLASSES = ("none", "additive", "diagonal", "general")
NEEDS = {
    "reverse": "the reverse dynamics of a Diffusion",
    "gradient": "a dynamics made by overdamped(...) or Diffusion.langevin(...)",
    "underdamped": "a dynamics made by underdamped(...)",
    "heat_bath": "a dynamics made by heat_bath(...)",
}
STREAMS = {"initial": 0, "noise": 1, "clones": 2, "bootstrap": 3}


@dataclass(frozen=True)
class Request:
    """A checked request: numbers only, except for the expressions of the observables and the dynamics."""

    dynamics: Any
    trajectories: int
    grid: Grid
    seed: int
    scheme: str
    observe: dict
    record_at: np.ndarray
    times: np.ndarray
    values: dict
    keep_paths: int
    stream: int
    law: tuple | None
    states: np.ndarray | None = field(repr=False)
    stride: int
    block: int
    lost_fraction: float
    covariances: bool
    batches: int
    histograms: dict  # (observable's place, ...) -> (edges, ...)
    numbers: Any = None  # of a mixture: what its kernel needs
    repeat: int = 1  # moves of the scheme in a step of the grid
    radial: tuple = ()
    precision: str = "float64"
    contract: bool = False

    @property
    def dim(self):
        """Number of coordinates."""
        return len(self.dynamics.state)

    @property
    def lanes(self):
        """Trajectories of a block: as many bytes in either precision."""
        return self.block if self.precision == "float64" else 2 * self.block

    @property
    def sites(self):
        """Number of exchangeable sites, 1 for a system without."""
        return self.dynamics.sites or 1

    @property
    def kind(self):
        """Of state: "few" coordinates, exchangeable "sites", many "centres", or "spins" with a common field."""
        return kind_of(self.dynamics)

    @property
    def extra(self):
        """What a kernel takes beside the request: repetitions of a step or sites, arrays of a mixture."""
        if self.dynamics.sites is None:
            return (self.repeat,)
        return (self.sites, *(() if self.numbers is None else self.numbers.arrays))

    @property
    def cell(self):
        """Trajectories that are summed by themselves."""
        if self.kind == "centres":
            return DENSE_CELL
        return CELL if self.dynamics.sites is None else SITE_CELL

    @property
    def steps(self):
        """Number of time steps."""
        return len(self.times) - 1

    @property
    def outputs(self):
        """Number of columns that are averaged: the observables, with step bias also their differences."""
        return self.stride * len(self.observe)

    @property
    def bins(self):
        """Number of all bins of all histograms."""
        return sum(int(np.prod(_shape(edges))) for edges in self.histograms.values())

    @property
    def histogram_layout(self):
        """All edges in one array, and one row a histogram as `observables.add_histograms` reads it."""
        every, rows, place = [np.empty(0)], [], 0
        for columns, edges in self.histograms.items():
            row = []
            for column, edge in zip(columns, edges, strict=True):
                row += [self.stride * column, sum(map(len, every)), len(edge)]
                every.append(edge)
            rows.append([*row, *([-1, 0, 0] if len(columns) == 1 else []), place])
            place += int(np.prod(_shape(edges)))
        return np.concatenate(every), np.array(rows, np.int64).reshape(-1, 7)

    def split_counts(self, counts):
        """(names, edges, counts (time, bins + 2, ...)) of every histogram."""
        place, names = 0, list(self.observe)
        for columns, edges in self.histograms.items():
            shape = _shape(edges)
            part = counts[:, place : place + int(np.prod(shape))]
            place += part.shape[1]
            yield [names[k] for k in columns], edges, part.reshape(len(counts), *shape)

    def tasks(self, chunk):
        """(batch, first trajectory, count) of every task, in order; a task stays inside its batch."""
        size = self.trajectories // self.batches
        return [
            (batch, batch * size + first, min(chunk, size - first))
            for batch in range(self.batches)
            for first in range(0, size, chunk)
        ]

    def identity(self, source):
        """Everything that the numbers depend on, as text."""
        states = "" if self.states is None else self.states.tobytes().hex()
        edges, layout = self.histogram_layout
        times = [self.times.tobytes().hex(), self.record_at.tobytes().hex(), edges.tobytes().hex(), layout.tolist()]
        law = [] if self.law is None else [part.tolist() for part in self.law]
        more = [self.batches, self.covariances, self.keep_paths, times, law, states, source]
        return repr([sorted(self.facts().items()), more])

    @classmethod
    def checked(cls, *, dynamics, trajectories, grid, seed, scheme, keep_paths, stream, block, step_bias, **others):
        """A request, or one sentence that names the argument, its value and what is allowed."""
        from analytic.dynamics import Dynamics

        if not isinstance(dynamics, Dynamics):
            raise TypeError(
                f"dynamics: {type(dynamics).__name__} given; a Dynamics is needed, e.g. Diffusion(...).reverse()"
            )
        _whole("trajectories", trajectories, 1, 2**40)
        _whole("seed", seed, 0, 2**64 - 1)
        _whole("keep_paths", keep_paths, 0, trajectories)
        _whole("batches", others["batches"], 1, trajectories)
        if trajectories % others["batches"]:
            raise ValueError(f"batches: {trajectories} trajectories cannot be cut into {others['batches']} equal ones")
        _whole("block", block, 256, 1 << 16)
        if block % 256:
            raise ValueError(f"block: {block} is not a multiple of 256")
        if scheme not in SCHEMES:
            raise ValueError(f"scheme: {scheme!r} is unknown; allowed are {', '.join(sorted(SCHEMES))}")
        if stream not in ("noise", "clones", "bootstrap"):
            raise ValueError(f"stream: {stream!r} is unknown; allowed are noise, clones, bootstrap")
        _suits(SCHEMES[scheme], dynamics)
        _arithmetic(others["precision"], others["contract"], dynamics)
        grid = grid if isinstance(grid, Grid) else Grid(np.asarray(grid))
        _inside(grid, dynamics)
        if step_bias and SCHEMES[scheme].needs == "heat_bath":
            raise ValueError("step_bias: a heat bath is an exact chain, it has no step bias")
        if step_bias and dynamics.sites is not None:
            raise ValueError("step_bias: not available for exchangeable sites; compare with a run of twice the steps")
        if step_bias and grid.steps % 2:
            raise ValueError(f"grid: {grid.steps} steps given; step_bias joins them in pairs, an even number is needed")
        times = grid.times[::-1].copy() if dynamics.reverse else grid.times.copy()
        observe = _observables(others["observe"], dynamics)
        values = _values(others["parameters"], dynamics, observe)
        law, states, radial = _initial(others["initial"], dynamics, values, times[0], trajectories)
        _finite_drift(dynamics, values, times, law, states)
        stride = 2 if step_bias else 1
        return cls(
            dynamics=dynamics,
            trajectories=int(trajectories),
            grid=grid,
            seed=int(seed),
            scheme=scheme,
            observe=observe,
            record_at=recorded(others["record"], times[::stride]) * stride,
            times=times,
            values=values,
            keep_paths=int(keep_paths),
            stream=STREAMS[stream],
            law=law,
            states=states,
            stride=stride,
            block=int(block),
            lost_fraction=float(others["lost_fraction"]),
            covariances=bool(others["covariances"]),
            batches=int(others["batches"]),
            histograms=_histograms(others["histograms"], list(observe)),
            numbers=_numbers(dynamics, values),
            repeat=_choices(dynamics, values, grid, states) if SCHEMES[scheme].needs == "heat_bath" else 1,
            radial=radial,
            precision=others["precision"],
            contract=bool(others["contract"]),
        )

    def draw(self, first, count, k0, k1):
        """Initial states (d, count) of the trajectories first, first + 1, ..., of their sites one after the other."""
        from physim.kernels import sampler

        n = self.sites
        if self.states is None and self.numbers is not None:
            return self.numbers.draw(first, count, self.law, k0, k1, STREAMS["initial"])
        if self.states is None:
            states = sampler.normals(self.law, first * n, count * n, k0, k1, STREAMS["initial"], self.radial)
        elif self.states.ndim == 1:
            states = np.repeat(self.states[:, None], count * n, axis=1)
        elif self.dynamics.sites is None:
            states = np.ascontiguousarray(self.states[first : first + count].T)
        else:
            chosen = self.states[first : first + count] if self.states.ndim == 3 else [self.states] * count
            states = np.ascontiguousarray(np.concatenate(chosen).T)
        return np.tile(states, (self.dim * self.stride // len(states), 1))

    def facts(self):
        """What a reader needs to repeat the run."""
        return {
            "dynamics": {
                "name": self.dynamics.name,
                "state": [str(s) for s in self.dynamics.state],
                "drift": [str(e) for e in self.dynamics.drift],
                "noise": [str(e) for e in self.dynamics.noise],
                "reverse": self.dynamics.reverse,
                "convention": self.dynamics.convention,
            },
            "observables": {name: str(e) for name, e in self.observe.items()},
            "parameters": self.values,
            "trajectories": self.trajectories,
            "sites": self.dynamics.sites,
            "kind": self.kind,
            "seed": self.seed,
            "stream": self.stream,
            "scheme": self.scheme,
            "precision": self.precision,
            "arithmetic": "contract" if self.contract else "strict",
            "grid": repr(self.grid),
        }


def kind_of(dynamics):
    """The kind of state of a dynamics; see `Request.kind`."""
    if dynamics.mixture is not None:
        return dynamics.mixture.kind
    return "few" if dynamics.sites is None else "sites"


def _numbers(dynamics, values):
    """A mixture in numbers: a dense one is made of them, spins need beta J and beta h."""
    if kind_of(dynamics) != "spins":
        return dynamics.mixture
    from physim.kernels.scalars import number
    from physim.spins import SpinNumbers

    field = dynamics.mixture
    return SpinNumbers(dynamics.sites, number(field.stiffness, values), number(field.field, values))


def _whole(name, value, low, high):
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
        raise ValueError(f"{name}: {value!r} given; a whole number from {low} to {high} is needed")


def _arithmetic(precision, contract, dynamics):
    if precision not in ("float64", "float32"):
        raise ValueError(f"precision: {precision!r} is unknown; allowed are float64, float32")
    if not isinstance(contract, bool):
        raise ValueError(f"contract: {contract!r} given; True or False is needed")
    if (precision != "float64" or contract) and (dynamics.sites is not None or dynamics.mixture is not None):
        name = "contract" if contract else "precision"
        raise ValueError(f"{name}: {dynamics.name} runs in strict float64 only; options are for a few coordinates")


def _suits(scheme, dynamics):
    """Refuse a scheme that cannot treat the noise, the convention or the structure; name those that can."""
    reason = _unsuited(scheme, dynamics)
    if reason is not None:
        able = [s.name for s in SCHEMES.values() if _unsuited(s, dynamics) is None]
        hint = f"use {' or '.join(able)}" if able else "write the noise as diagonal"
        raise ValueError(f"scheme: {scheme.name} {reason}; {hint}")


def _unsuited(scheme, dynamics):
    noise, kind = dynamics.noise_class, getattr(dynamics.structure, "kind", None)
    if scheme.needs in NEEDS and scheme.needs != kind:
        return f"needs {NEEDS[scheme.needs]}"
    if kind == "heat_bath" and scheme.needs != kind:
        return "integrates differential equations, not the jumps of a heat bath"
    if dynamics.sites is not None and scheme.evaluations > 1:
        return "evaluates the drift more than once a step, which exchangeable sites cannot"
    if CLASSES.index(noise) > CLASSES.index(scheme.noise) and not (scheme.needs == "" and noise == "general"):
        return f"treats {scheme.noise} noise, not {noise} noise"
    if CLASSES.index(noise) > CLASSES.index("additive") and dynamics.convention not in scheme.conventions:
        return f"integrates {' and '.join(scheme.conventions)}, not {dynamics.convention}"
    if scheme.needs == "linear" and not _is_linear(dynamics):
        return "needs a drift k x + m and noise with constant coefficients, coordinate by coordinate"
    return None


def _is_linear(dynamics):
    moving = {*dynamics.state, dynamics.time}
    slopes = [a.diff(x) for a, x in zip(dynamics.drift, dynamics.state, strict=True)]
    own = all((a.free_symbols & moving) <= {x} for a, x in zip(dynamics.drift, dynamics.state, strict=True))
    return own and not any((e.free_symbols & moving) for e in (*slopes, *dynamics.noise))


def _inside(grid, dynamics):
    start, end = (float(e) for e in dynamics.span)
    if grid.times[0] < start or grid.times[-1] > end:
        raise ValueError(
            f"grid: times {grid.times[0]:g} ... {grid.times[-1]:g} leave the span {start:g} ... {end:g}"
            f" of {dynamics.name}"
        )


def _observables(observe, dynamics):
    from physim.kernels.scalars import sympified

    if observe is None:
        order = dict(list(dynamics.order)[: -1 if dynamics.mixture is not None else None])
        return {str(s): s for s in (dynamics.state if dynamics.sites is None else order)}
    if not isinstance(observe, dict):
        entries = observe if isinstance(observe, list | tuple) else [observe]
        observe = {str(e): e for e in entries}
    if not observe:
        raise ValueError("observe: empty; give at least one expression, or None for the coordinates")
    return {str(name): sympified(e, f"observe[{name!r}]") for name, e in observe.items()}


def _histograms(histograms, names):
    """Checked edges by the places of the observables."""
    found = {}
    for key, edges in (histograms or {}).items():
        keys = key if isinstance(key, tuple) else (key,)
        edges = tuple(edges) if isinstance(key, tuple) else (edges,)
        unknown = [k for k in keys if k not in names]
        if unknown or len(keys) > 2:
            raise ValueError(f"histograms: {key!r} given; the observables are {', '.join(names)}, one or two at a time")
        if len(edges) != len(keys):
            raise ValueError(f"histograms: {len(edges)} arrays of edges given for {key!r}; one each is needed")
        edges = tuple(np.asarray(e, dtype=float) for e in edges)
        for e in edges:
            if e.ndim != 1 or len(e) < 2 or not np.all(np.isfinite(e)) or not np.all(np.diff(e) > 0):
                raise ValueError(f"histograms: the edges of {key!r} must be at least two finite, increasing numbers")
        found[tuple(names.index(k) for k in keys)] = edges
    return found


def _shape(edges):
    """Bins of a histogram, those below and above included."""
    return tuple(len(e) + 1 for e in edges)


def _values(parameters, dynamics, observe):
    given = {str(k): v for k, v in (parameters or {}).items()}
    known = {str(s) for s in (*dynamics.state, dynamics.time, *dict(dynamics.order))}
    needed = {str(s) for s in dynamics.parameters}
    if kind_of(dynamics) == "spins":
        needed |= {str(s) for e in (dynamics.mixture.stiffness, dynamics.mixture.field) for s in e.free_symbols}
    for e in observe.values():
        needed |= {str(s) for s in e.free_symbols} - known
    missing, extra = sorted(needed - set(given)), sorted(set(given) - needed)
    if missing:
        raise ValueError(f"parameters: no value for {', '.join(missing)}; give parameters={{'{missing[0]}': ...}}")
    if extra:
        raise ValueError(
            f"parameters: {', '.join(extra)} does not occur; the symbols are {', '.join(sorted(needed)) or 'none'}"
        )
    for name, value in given.items():
        if not np.isscalar(value) or not np.isfinite(float(value)):
            raise ValueError(f"parameters: {name} = {value!r} is not a finite number")
    return {name: float(value) for name, value in sorted(given.items())}


def _initial(initial, dynamics, values, time, trajectories):
    from physim.kernels.scalars import law_at, law_of_model, radial_at, schedule_at

    if initial is None:
        if kind_of(dynamics) == "spins":
            alpha, sigma, *_ = schedule_at(dynamics.structure.process, float(time))
            return (np.ones(1), np.full((1, 1), alpha), np.full((1, 1, 1), sigma)), None, ()
        if dynamics.initial is None:
            raise ValueError("initial: this dynamics has no law of its own; give an array of states or a model")
        unit = {"mean_centre": 1.0} if kind_of(dynamics) == "centres" else {}
        law = law_at(dynamics.initial, dynamics.time, float(time), values | unit)
        return law, None, radial_at(dynamics.initial, values)
    if hasattr(initial, "log_components"):
        return law_of_model(initial, values), None, radial_at(initial.sampling(1, 0), values)
    states = np.asarray(initial, dtype=float)
    if dynamics.sites is not None:
        states = _site_states(states, trajectories, dynamics.sites, len(dynamics.state))
    else:
        dims = {len(dynamics.state), len(dynamics.state) // dynamics.replicas}
        if states.shape not in {shape for d in dims for shape in ((d,), (trajectories, d))}:
            dim = max(dims)
            raise ValueError(f"initial: shape {states.shape} given; ({dim},) or ({trajectories}, {dim}) is needed")
    if not np.all(np.isfinite(states)):
        raise ValueError("initial: states must be finite")
    return None, states, ()


def _choices(dynamics, values, grid, states):
    """Choices of a spin per step of the grid, in sweeps of N choices; the occupations are checked too."""
    from physim.kernels.scalars import number

    spins = number(dynamics.structure.spins, values)
    if spins != round(spins):
        raise ValueError(f"parameters: {spins:g} spins; a whole number is needed")
    choices = np.diff(grid.times) * spins
    if np.any(abs(choices - round(choices[0])) > 1e-6) or round(choices[0]) < 1:
        raise ValueError(f"grid: equal steps of a whole number of choices, k/{spins:g} sweeps, are needed")
    counts = np.atleast_2d(states)
    if np.any(counts < 0) or np.any(counts != np.round(counts)) or np.any(counts.sum(axis=1) != spins):
        raise ValueError(f"initial: occupation numbers must be whole, not negative, and sum to {spins:g}")
    return round(choices[0])


def _site_states(states, trajectories, sites, dim):
    """States as (d,), (sites, d) or (trajectories, sites, d); the last axis may be left out when d = 1."""
    shapes = [(dim,), (sites, dim), (trajectories, sites, dim)]
    if states.shape in shapes:
        return states
    if dim == 1 and (*states.shape, 1) in shapes:
        return states[..., None]
    raise ValueError(
        f"initial: shape {states.shape} given; {shapes[0]}, {shapes[1]} or {shapes[2]} is needed: coordinates,"
        " sites x coordinates, or trajectories x sites x coordinates"
    )


def _finite_drift(dynamics, values, times, law, states):
    from physim.kernels.scalars import unfinite_at

    probe = law[1][0] + 0.1 if law is not None else states.reshape(-1, states.shape[-1])[0]
    probe = np.tile(probe, len(dynamics.state) // len(probe))
    for time in (times[0], times[-2]):
        at = {
            **{str(s): float(v) for s, v in zip(dynamics.state, probe, strict=True)},
            **values,
            str(dynamics.time): float(time),
        }
        shared = dict(dynamics.order)
        bad = unfinite_at([e.xreplace(shared) for e in (*dynamics.drift, *dynamics.noise)], at)
        if bad is not None:
            raise ValueError(f"dynamics: not finite at t = {time:.6g}: {bad[:120]}; keep the grid where it is")


def recorded(record, times):
    """Indices of the recorded times of a grid; ValueError for a time that is none of it."""
    count = len(times)
    if record is None:
        return np.arange(count)
    if isinstance(record, int | np.integer) and not isinstance(record, bool):
        _whole("record", record, 1, count)
        return (
            np.unique(np.round(np.linspace(0, count - 1, record)).astype(np.int64))
            if record > 1
            else np.array([count - 1])
        )
    wanted = np.atleast_1d(np.asarray(record, dtype=float))
    index = np.array([int(np.argmin(np.abs(times - w))) for w in wanted])
    off = np.abs(times[index] - wanted) > 1e-9 * (1 + np.abs(wanted))
    if off.any():
        raise ValueError(
            f"record: t = {wanted[off][0]:g} is not a time of the grid; the nearest is {times[index[off]][0]:.9g}"
        )
    return np.unique(index)
