"""Kernels for a state of few coordinates: the drift unrolled, trajectories side by side in the lanes.

`build` turns a dynamics, a scheme and observables into a `Program`; the module it prints reads like the equations:

    advance(x, z, c)   one step of one lane               observe(x, r)   the observables of one lane
    step_table         c for every step                   record_table    r for every recorded time
    run                blocks x steps x lanes
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import sympy as sp

from analytic.evaluate import evaluate
from analytic.paths import PathFunctional, site_mean
from physim.kernels import module, source
from physim.kernels.equations import Equations, Noise, brownian, joined
from physim.kernels.memory import Memory
from physim.kernels.printer import Tiers, lower

INPUTS = sp.symbols(source.INPUTS, real=True)


@dataclass(frozen=True)
class Program:
    """A compiled kernel and what is needed to call it."""

    source: str
    observables: tuple[str, ...]
    parameters: tuple[str, ...]
    step_numbers: tuple
    record_numbers: tuple
    step_columns: int
    record_columns: int
    outputs: int
    memory: tuple[float, ...] = ()

    @cached_property
    def module(self):
        """The imported module (compiled now, or loaded from the cache)."""
        return module.load(self.source)

    def constants(self, numbers, values) -> list[float]:
        """Parameter values followed by lifted numbers, as the tables expect them."""
        return [float(values[name]) for name in self.parameters] + [float(evaluate(n, digits=20)) for n in numbers]


def build(
    dynamics, scheme, observables: dict, halving=False, histograms=False, precision=module.DOUBLE, contract=False
) -> Program:
    """Print the kernel of a dynamics under a scheme with observables (name -> expression), perhaps with histograms.

    With `halving` every step is made twice from the same noise, in two halves and at once; the state is (halves,
    whole) and each observable is followed by its difference, halves less whole.
    """
    rename = names_of(dynamics, observables)
    x = [rename[s] for s in dynamics.state]
    equations = Equations(dynamics, rename)
    noisy = any(b != 0 for b in dynamics.noise)
    drivers = [(sorted({k for k, _ in dynamics.drivers}).index(k), sign) for k, sign in dynamics.drivers]
    count = (1 + max(k for k, _ in drivers)) * scheme.normals * (2 if halving else 1) if noisy else 0
    z = list(sp.symbols(f"z0:{count or scheme.uniforms}", real=True)) if count or scheme.uniforms else []
    observed = [e.xreplace(rename) for e in observables.values()]
    memory = Memory(observed, rename[dynamics.time], dynamics.reverse)
    observed = [lower(memory.now(e)) for e in observed]
    if halving and memory.symbols:
        raise ValueError("step_bias: not available together with path functionals in observe; run them separately")
    if halving:
        state, moved = _halved(equations, scheme, x, z, drivers)
    else:
        state, moved = _single(equations, scheme, x, z, drivers, memory)
    if halving:
        whole = dict(zip(x, state[len(x) :], strict=True))
        observed = [form for e in observed for form in (e, e - e.xreplace(whole))]

    steps, records = Tiers([*state, *z, *(s for s, _ in equations.stages)], "c"), Tiers(state, "r")
    stages = [(s, steps.split_update(lower(e))) for s, e in equations.stages]
    moved = [steps.split_update(lower(e)) for e in moved]
    observed = [records.split(e) for e in observed]
    parameters = {str(s): rename[s] for s in sorted(rename, key=str) if rename[s].name.startswith("p")}
    step_table, step_numbers = source.table("step_table", steps, parameters)
    record_table, record_numbers = source.table("record_table", records, parameters)
    lanes = [
        source.lane_function("advance", [*state, *z, *steps.columns.values()], stages, moved),
        source.lane_function("observe", [*state, *records.columns.values()], [], observed),
        source.block_function("advance", state, z, steps.columns),
        source.block_function("observe", state, [], records.columns, len(observed)),
    ]
    lanes = lanes if precision == module.DOUBLE else [module.in_single(text) for text in lanes]
    loop = source.run(len(state), len(z), len(observed), histograms, uniform=scheme.uniforms > 0)
    text = "\n\n\n".join([step_table, record_table, *lanes, loop])
    return Program(
        module.complete(text, title(scheme, rename), precision, contract),
        tuple(observables),
        tuple(parameters),
        tuple(step_numbers.values()),
        tuple(record_numbers.values()),
        len(steps.columns),
        len(records.columns),
        len(observed),
        tuple(memory.starts),
    )


def _single(equations, scheme, x, z, drivers, memory):
    """State (and memory) and update of one step."""
    t, _, t_next, _, _, dt = INPUTS
    if scheme.uniforms:
        noise = Noise([], [], [], [], uniform=z)
    else:
        noise = brownian(*drawn(z, drivers), dt)
    moved = scheme.step(equations, x, t, t_next, dt, noise)
    moved = [sp.sympify(e) for e in moved]
    if memory.symbols:
        moved = equations.let(moved)
        moved += memory.update(
            lambda e: equations.at([e], x, t)[0], lambda e: equations.at([e], moved[: len(x)], t_next)[0], dt
        )
    return [*x, *memory.symbols], moved


def _halved(equations, scheme, x, z, drivers):
    """State and update of two halves of a step beside the whole one, on one Brownian path."""
    t, t_mid, t_next, dt_first, dt_last, dt = INPUTS
    d, n = len(x), len(z) // 2
    whole = [sp.Symbol(f"x{d + i}", real=True) for i in range(d)]
    first = brownian(*drawn(z[:n], drivers), dt_first)
    last = brownian(*drawn(z[n:], drivers), dt_last)
    middle = equations.let(scheme.step(equations, x, t, t_mid, dt_first, first))
    end = scheme.step(equations, middle, t_mid, t_next, dt_last, last)
    coarse = scheme.step(equations, whole, t, t_next, dt, joined(first, last, dt_last, dt))
    return [*x, *whole], [sp.sympify(e) for e in (*end, *coarse)]


def drawn(z, drivers):
    """First and second normal of each coordinate; zero where none are drawn."""
    count = 1 + max(k for k, _ in drivers)
    drawn = [*z, *[sp.S.Zero] * (2 * count - len(z))]
    return [sign * drawn[k] for k, sign in drivers], [sign * drawn[count + k] for k, sign in drivers]


def only_statistics(observables, statistics, hidden, what):
    """Refuse an observable that is no expression of the statistics a kernel reduces; `hidden` are its own symbols."""
    for name, e in observables.items():
        if e.atoms(PathFunctional, site_mean) or e.free_symbols & set(hidden):
            allowed = ", ".join(map(str, statistics))
            raise ValueError(f"observe: {name} = {e} given; {what}, expressions of {allowed} are allowed")


def title(scheme, rename):
    """The first lines of a kernel's module."""
    pairs = sorted(rename.items(), key=lambda pair: pair[1].name)
    named = "; ".join(f"{new} = {old}" for old, new in pairs if str(old) != new.name)
    return f"One {scheme.name} step for blocks of trajectories.\n\nLetters: {named or 'as in the model'}.\n"


def names_of(dynamics, observables) -> dict[sp.Symbol, sp.Symbol]:
    """Safe names: state x0.., order parameters q0.., time t, parameters p0.. in the order of their own names."""
    rename = {s: sp.Symbol(f"x{i}", real=True) for i, s in enumerate(dynamics.state)}
    rename |= {s: sp.Symbol(f"q{i}", real=True) for i, (s, _) in enumerate(dynamics.order)}
    rename[dynamics.time] = sp.Symbol("t", real=True)
    free = set(dynamics.parameters).union(*(e.free_symbols for e in observables.values())) - set(rename)
    for i, s in enumerate(sorted(free, key=lambda s: s.name)):
        rename[s] = sp.Symbol(f"p{i}", real=True)
    return rename
