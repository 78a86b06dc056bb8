"""Kernels for a state of few coordinates: the drift unrolled, trajectories side by side in the lanes.

`build` turns a dynamics, a scheme and observables into a `Program`; the module it prints reads like the equations:

    advance(x, z, c)   one step of one lane               observe(x, r)   the observables of one lane
    step_table         c for every step                   record_table    r for every recorded time
    run                blocks x steps x lanes
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import gcd

import sympy as sp

from analytic.evaluate import evaluate
from physim.kernels import module
from physim.kernels.equations import Equations, brownian
from physim.kernels.printer import Tiers, lift_numbers, lower, statements

NJIT = 'error_model="numpy", nogil=True'


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

    @cached_property
    def module(self):
        """The imported module (compiled now, or loaded from the cache)."""
        return module.load(self.source)

    def constants(self, numbers, values) -> list[float]:
        """Parameter values followed by lifted numbers, as the tables expect them."""
        return [float(values[name]) for name in self.parameters] + [float(evaluate(n, digits=20)) for n in numbers]


def build(dynamics, scheme, observables: dict) -> Program:
    """Print the kernel of a dynamics under a scheme with observables (name -> expression)."""
    rename = names_of(dynamics, observables)
    x = [rename[s] for s in dynamics.state]
    inputs = dict(zip(("t", "t_next", "dt", "mirror"), sp.symbols("t t_next dt mirror", real=True), strict=True))
    noisy = any(b != 0 for b in dynamics.noise)
    z = list(sp.symbols(f"z0:{len(x) * scheme.normals}", real=True)) if noisy else []

    equations = Equations(dynamics, rename)
    drawn = [inputs["mirror"] * s for s in z] + [sp.S.Zero] * (2 * len(x) - len(z))
    noise = brownian(drawn[: len(x)], drawn[len(x) :], inputs["dt"])
    moved = [sp.sympify(e) for e in scheme.step(equations, x, inputs["t"], inputs["t_next"], inputs["dt"], noise)]
    steps = Tiers([*x, *z, *(s for s, _ in equations.stages)], "c")
    stages = [(s, steps.split_update(lower(e))) for s, e in equations.stages]
    moved = [steps.split_update(lower(e)) for e in moved]

    records = Tiers(x, "r")
    observed = [records.split(lower(e.xreplace(rename))) for e in observables.values()]
    parameters = {str(s): rename[s] for s in sorted(rename, key=str) if rename[s].name.startswith("p")}

    step_table, step_numbers = _table("step_table", steps, parameters)
    record_table, record_numbers = _table("record_table", records, parameters)
    text = "\n\n\n".join(
        [
            step_table,
            record_table,
            _lane_function("advance", [*x, *z, *steps.columns.values()], stages, moved),
            _lane_function("observe", [*x, *records.columns.values()], [], observed),
            _block_function("advance", x, z, steps.columns),
            _block_function("observe", x, [], records.columns, len(observables)),
            _run(len(x), len(z), len(observables)),
            NODES,
        ]
    )
    named = "; ".join(
        f"{new} = {old}" for old, new in sorted(rename.items(), key=lambda pair: pair[1].name) if str(old) != new.name
    )
    title = f"One {scheme.name} step for blocks of trajectories.\n\nLetters: {named or 'as in the model'}.\n"
    return Program(
        module.complete(text, title),
        tuple(observables),
        tuple(parameters),
        tuple(step_numbers.values()),
        tuple(record_numbers.values()),
        len(steps.columns),
        len(records.columns),
    )


def names_of(dynamics, observables) -> dict[sp.Symbol, sp.Symbol]:
    """Safe names: state x0.., time t, parameters p0.. in the order of their own names."""
    rename = {s: sp.Symbol(f"x{i}", real=True) for i, s in enumerate(dynamics.state)}
    rename[dynamics.time] = sp.Symbol("t", real=True)
    free = set(dynamics.parameters).union(*(e.free_symbols for e in observables.values())) - set(rename)
    for i, s in enumerate(sorted(free, key=lambda s: s.name)):
        rename[s] = sp.Symbol(f"p{i}", real=True)
    return rename


def _table(name, tiers, parameters):
    columns, numbers = lift_numbers(list(tiers.columns))
    lines, texts = statements(columns, "k")
    constants = [*(s.name for s in parameters.values()), *(s.name for s in numbers)]
    body = [f"    {c} = constants[{i}]" for i, c in enumerate(constants)]
    body += [
        "    for row in range(out.shape[0]):",
        "        t, t_next, dt, mirror = rows[0, row], rows[1, row], rows[2, row], rows[3, row]",
    ]
    body += [f"        {line}" for line in lines]
    body += [f"        out[row, {i}] = {text}" for i, text in enumerate(texts)]
    signature = '"void(float64[:, ::1], float64[::1], float64[:, ::1])"'
    head = f"@njit({signature}, {NJIT}, cache=True)\ndef {name}(rows, constants, out):"
    return "\n".join([head, *body]), numbers


def _lane_function(name, arguments, stages, results):
    lines = []
    for symbol, expr in stages:
        inner, (text,) = statements([expr], f"{symbol.name}_")
        lines += [*_prefixed(inner, symbol.name), f"{symbol.name} = {_prefix_helpers(text, symbol.name)}"]
    inner, texts = statements(results)
    lines += inner
    names = ", ".join(s.name for s in arguments)
    body = "\n".join(f"    {line}" for line in [*lines, f"return {', '.join(texts)}{',' if len(texts) == 1 else ''}"])
    return f"@njit(forceinline=True, {NJIT})\ndef {name}({names}):\n{body}"


def _prefix_helpers(text, prefix):
    import re

    return re.sub(r"\bh(\d+)\b", rf"{prefix}_h\1", text)


def _prefixed(lines, prefix):
    return [_prefix_helpers(line, prefix) for line in lines]


def _block_function(name, x, z, columns, outputs=None):
    """The lane loop around `advance` (in place) or `observe` (into `values`); it owns its loop, so it is vectorised."""
    arrays = [(s.name, f"state[{i}]") for i, s in enumerate(x)] + [(s.name, f"z[row + {i}]") for i, s in enumerate(z)]
    targets = [s.name for s in x]
    if outputs is not None:
        targets = [f"v{i}" for i in range(outputs)]
        arrays += [(v, f"values[{i}]") for i, v in enumerate(targets)]
    body = ["wide_vectors()"] + [f"{name} = {array}" for name, array in arrays]
    body += [f"{c.name} = columns[{i}]" for i, c in enumerate(columns.values())]
    lanes = [f"{s.name}[i]" for s in [*x, *z]] + [c.name for c in columns.values()]
    result = ", ".join(f"{v}[i]" for v in targets) + ("," if len(targets) == 1 else "")
    body += ["for i in range(lanes):", f"    {result} = {name}({', '.join(lanes)})"]
    extra = "z, row, " if outputs is None else "values, "
    lines = "\n".join(f"    {line}" for line in body)
    return f"@njit({NJIT})\ndef {name}_block(state, {extra}columns, lanes):\n{lines}"


def _run(dim, draws, observables):
    group = 4 // gcd(4, draws) if draws else 1
    fill = f"""
            if step % {group} == 0:
                if stop[0] != 0:
                    return 1
                call = np.uint64(step // 4 * {draws} + step % 4 * {draws} // 4)
                fill_noise(calls, k0, k1, stream, first + np.uint64(start), call)"""
    quiet = """
            if stop[0] != 0:
                return 1"""
    return RUN.format(
        dim=dim,
        observables=observables,
        rows=max(group * draws, 4),
        fill=fill if draws else quiet,
        row=f"step % {group} * {draws}",
        njit=NJIT,
    )


RUN = '''@njit(
    "int64(float64[:, ::1], uint64, uint64, uint64, uint64, float64[:, ::1], float64[:, ::1], int64[::1], "
    "float64[:, ::1], float64[:, :, ::1], uint8[::1], int64)", {njit}, cache=True
)
def run(initial, first, k0, k1, stream, table, records, record_at, node, paths, stop, block):
    """Integrate the trajectories first, first + 1, ...; moments to `node`, states to `paths`, ends to `initial`."""
    n, steps = initial.shape[1], table.shape[0]
    cells = np.empty(((block + CELL - 1) // CELL, node.shape[0], MOMENTS))
    tree = np.empty((64 if n > CELL else 1, node.shape[0], MOMENTS))
    filled = np.zeros(tree.shape[0], np.uint8)
    state, z = np.empty(({dim}, block)), np.empty(({rows}, block))
    calls = z.reshape(({rows} // 4, 4, block))
    values, alive, sums = np.empty(({observables}, block)), np.empty(block), np.empty((4, WIDTH))
    for start in range(0, n, block):
        lanes = min(block, n - start)
        begin(initial, start, lanes, state, alive)
        record = 0
        for step in range(steps + 1):
            if record < record_at.shape[0] and record_at[record] == step:
                observe_block(state, values, records[record], lanes)
                keep_living(state, lanes, alive)
                keep_living(values, lanes, alive)
                add_cells(values, lanes, alive, sums, cells, record)
                keep(state, start, lanes, paths[record])
                record += 1
            if step == steps:
                break{fill}
            advance_block(state, z, {row}, table[step], lanes)
        keep(state, start, lanes, initial)
        for c in range((lanes + CELL - 1) // CELL):
            carry(tree, filled, cells[c])
    collapse(tree, filled, node)
    return 0'''

NODES = f'''@njit("void(float64[:, ::1], float64[:, ::1])", {NJIT}, cache=True)
def merge(a, b):
    """a <- the moments of a and b together."""
    merge_moments(a, b)'''
