"""What a request to `simulate` may be: one sentence that names the argument, its value and what is allowed.

Each function takes one part of the request and gives it back as what a kernel needs, or raises ValueError.
"""

from __future__ import annotations

import numpy as np

from physim.schemes import SCHEMES

CLASSES = ("none", "additive", "diagonal", "general")
NEEDS = {
    "reverse": "the reverse dynamics of a Diffusion",
    "gradient": "a dynamics made by overdamped(...) or Diffusion.langevin(...)",
    "underdamped": "a dynamics made by underdamped(...)",
    "heat_bath": "a dynamics made by heat_bath(...)",
}


def kind_of(dynamics):
    """The kind of state of a dynamics: "few" coordinates, "sites", "centres" or "spins"."""
    if dynamics.mixture is not None:
        return dynamics.mixture.kind
    return "few" if dynamics.sites is None else "sites"


def numbers_of(dynamics, values):
    """A mixture in numbers: a dense one is made of them, spins need beta J and beta h."""
    if kind_of(dynamics) != "spins":
        return dynamics.mixture
    from physim.kernels.scalars import number
    from physim.spins import SpinNumbers

    field = dynamics.mixture
    return SpinNumbers(dynamics.sites, number(field.stiffness, values), number(field.field, values))


def whole(name, value, low, high=None):
    """ValueError unless a whole number from `low` to `high` (None: no bound)."""
    good = not isinstance(value, bool) and isinstance(value, int | np.integer) and value >= low
    if not good or (high is not None and value > high):
        allowed = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise ValueError(f"{name}: {value!r} given; a whole number {allowed} is needed")


def arithmetic(precision, contract, dynamics):
    """ValueError for a precision or an arithmetic that the kind of state does not run in."""
    if precision not in ("float64", "float32"):
        raise ValueError(f"precision: {precision!r} is unknown; allowed are float64, float32")
    if not isinstance(contract, bool):
        raise ValueError(f"contract: {contract!r} given; True or False is needed")
    if (precision != "float64" or contract) and (dynamics.sites is not None or dynamics.mixture is not None):
        name = "contract" if contract else "precision"
        raise ValueError(f"{name}: {dynamics.name} runs in strict float64 only; options are for a few coordinates")


def suits(scheme, dynamics):
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


def inside(grid, dynamics):
    """ValueError for times that leave the span of a dynamics."""
    start, end = (float(e) for e in dynamics.span)
    if grid.times[0] < start or grid.times[-1] > end:
        raise ValueError(
            f"grid: times {grid.times[0]:g} ... {grid.times[-1]:g} leave the span {start:g} ... {end:g}"
            f" of {dynamics.name}"
        )


def observables(observe, dynamics):
    """Observables by name, as expressions; None: the coordinates, or the order parameters of sites."""
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


def histograms(histograms, names):
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


def bins_of(edges):
    """Bins of a histogram, those below and above included."""
    return tuple(len(e) + 1 for e in edges)


def values_of(parameters, dynamics, observe):
    """One finite float for each symbol of the dynamics and the observables, by name."""
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


def initial_of(initial, dynamics, values, time, trajectories):
    """(law, states, radial dimensions): an exact law to draw from, or given states."""
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


def choices(dynamics, values, grid, states):
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


def finite_drift(dynamics, values, times, law, states):
    """ValueError where the drift or the noise is not finite at the ends of the grid."""
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
        whole("record", record, 1, count)
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
