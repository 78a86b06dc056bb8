"""What was asked of `simulate`, checked before anything is compiled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from physim import checks
from physim.grids import Grid
from physim.observables import CELL, DENSE_CELL, SITE_CELL
from physim.schemes import SCHEMES

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
        return checks.kind_of(self.dynamics)

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
        return sum(int(np.prod(checks.bins_of(edges))) for edges in self.histograms.values())

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
            place += int(np.prod(checks.bins_of(edges)))
        return np.concatenate(every), np.array(rows, np.int64).reshape(-1, 7)

    def split_counts(self, counts):
        """(names, edges, counts (time, bins + 2, ...)) of every histogram."""
        place, names = 0, list(self.observe)
        for columns, edges in self.histograms.items():
            shape = checks.bins_of(edges)
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
        checks.whole("trajectories", trajectories, 1, 2**40)
        checks.whole("seed", seed, 0, 2**64 - 1)
        checks.whole("keep_paths", keep_paths, 0, trajectories)
        checks.whole("batches", others["batches"], 1, trajectories)
        if trajectories % others["batches"]:
            raise ValueError(f"batches: {trajectories} trajectories cannot be cut into {others['batches']} equal ones")
        checks.whole("block", block, 256, 1 << 16)
        if block % 256:
            raise ValueError(f"block: {block} is not a multiple of 256")
        if scheme not in SCHEMES:
            raise ValueError(f"scheme: {scheme!r} is unknown; allowed are {', '.join(sorted(SCHEMES))}")
        if stream not in ("noise", "clones", "bootstrap"):
            raise ValueError(f"stream: {stream!r} is unknown; allowed are noise, clones, bootstrap")
        checks.suits(SCHEMES[scheme], dynamics)
        checks.arithmetic(others["precision"], others["contract"], dynamics)
        grid = grid if isinstance(grid, Grid) else Grid(np.asarray(grid))
        checks.inside(grid, dynamics)
        if step_bias and SCHEMES[scheme].needs == "heat_bath":
            raise ValueError("step_bias: a heat bath is an exact chain, it has no step bias")
        if step_bias and dynamics.sites is not None:
            raise ValueError("step_bias: not available for exchangeable sites; compare with a run of twice the steps")
        if step_bias and grid.steps % 2:
            raise ValueError(f"grid: {grid.steps} steps given; step_bias joins them in pairs, an even number is needed")
        times = grid.times[::-1].copy() if dynamics.reverse else grid.times.copy()
        observe = checks.observables(others["observe"], dynamics)
        values = checks.values_of(others["parameters"], dynamics, observe)
        law, states, radial = checks.initial_of(others["initial"], dynamics, values, times[0], trajectories)
        checks.finite_drift(dynamics, values, times, law, states)
        stride = 2 if step_bias else 1
        return cls(
            dynamics=dynamics,
            trajectories=int(trajectories),
            grid=grid,
            seed=int(seed),
            scheme=scheme,
            observe=observe,
            record_at=checks.recorded(others["record"], times[::stride]) * stride,
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
            histograms=checks.histograms(others["histograms"], list(observe)),
            numbers=checks.numbers_of(dynamics, values),
            repeat=checks.choices(dynamics, values, grid, states) if SCHEMES[scheme].needs == "heat_bath" else 1,
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
