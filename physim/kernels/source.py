"""The text of a kernel module: tables, lane functions, their block loops, and the loop over blocks and steps."""

from __future__ import annotations

import re
from math import gcd

from physim.kernels import printer
from physim.kernels.library import ONCE
from physim.kernels.printer import lift_numbers, statements

NJIT = 'error_model="numpy", nogil=True'
ELEMENTARY = re.compile(rf"\b({'|'.join([*printer.ELEMENTARY.values(), 'pow'])})\(")
CALL = rf"{ONCE}\1("
INPUTS = ("t", "t_mid", "t_next", "dt_first", "dt_last", "dt")


COUNT = "\n            add_histograms(values[record], lanes, alive, edges, layout, counts[record])"  # of a whole cell


def table(name, tiers, parameters):
    """The function that fills one row per step with the columns; and the numbers lifted out of them."""
    columns, numbers = lift_numbers(list(tiers.columns))
    lines, texts = statements(columns, "k")
    constants = [*(s.name for s in parameters.values()), *(s.name for s in numbers)]
    body = [f"    {c} = constants[{i}]" for i, c in enumerate(constants)]
    body += [
        "    for row in range(out.shape[0]):",
        *(f"        {letter} = rows[{i}, row]" for i, letter in enumerate(INPUTS)),
    ]
    body += [f"        {ELEMENTARY.sub(CALL, line)}" for line in lines]
    body += [f"        out[row, {i}] = {ELEMENTARY.sub(CALL, text)}" for i, text in enumerate(texts)]
    signature = '"void(float64[:, ::1], float64[::1], float64[:, ::1])"'
    head = f"@njit({signature}, {NJIT}, cache=True)\ndef {name}(rows, constants, out):"
    return "\n".join([head, *body]), numbers


def lane_function(name, arguments, stages, results):
    """A scalar function of one lane: named intermediate values, then the results."""
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
    return re.sub(r"\bh(\d+)\b", rf"{prefix}_h\1", text)


def _prefixed(lines, prefix):
    return [_prefix_helpers(line, prefix) for line in lines]


def block_function(name, x, z, columns, outputs=None):
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


def function(name, arguments, body):
    """A compiled function of some lines that owns its loops."""
    lines = "\n".join(f"    {line}" for line in ["wide_vectors()", *body])
    return f"@njit({NJIT})\ndef {name}({arguments}):\n{lines}"


def once(name, lane, arguments, columns, count):
    """A lane function called once per trajectory, from and to small arrays."""
    inputs = [f"values[{i}]" for i in range(len(arguments))] + [f"columns[{i}]" for i in range(len(columns))]
    results = ", ".join(f"out[{k}]" for k in range(count)) + ("," if count == 1 else "")
    body = [f"{results} = {lane}({', '.join(inputs)})"] if count else ["pass"]
    return function(name, "values, columns, out", body)


def _group(draws):
    """Steps whose normals fill whole calls of four."""
    return 4 // gcd(4, draws) if draws else 1


def rows(draws):
    """Rows of normals that are drawn at once."""
    return max(_group(draws) * draws, 4)


def row(draws):
    """The first row of the normals of a step."""
    return f"step % {_group(draws)} * {draws}"


def fill(draws, first, deeper=0, uniform=False):
    """Look at the stop flag; draw the noise of the next few steps when a group of them begins."""
    lines = ["if stop[0] != 0:", "    return 1"]
    if draws:
        call = f"np.uint64(step // 4 * {draws} + step % 4 * {draws} // 4)"
        lines += [
            f"call = {call}",
            f"{'fill_uniforms' if uniform else 'fill_noise'}(calls, k0, k1, stream, {first}, call)",
        ]
        lines = [f"if step % {_group(draws)} == 0:", *(f"    {line}" for line in lines)]
    return "".join(f"\n{' ' * (12 + deeper)}{line}" for line in lines)


def run(dim, draws, observables, histograms=False, uniform=False):
    """The block loop for `dim` coordinates, `draws` normals a step and some observables, and the merging of nodes."""
    count = """
                add_histograms(values, lanes, alive, edges, layout, counts[record])"""
    return f"{RUN}\n\n\n{NODES}".format(
        dim=dim,
        observables=observables,
        rows=rows(draws),
        fill=fill(draws, "first + np.uint64(start)", uniform=uniform),
        row=row(draws),
        count=count if histograms else "",
        njit=NJIT,
    )


RUN = '''@njit(
    "int64(float64[:, ::1], uint64, uint64, uint64, uint64, float64[:, ::1], float64[:, ::1], int64[::1], "
    "float64[:, ::1], float64[::1], int64[:, ::1], int64[:, ::1], float64[:, :, ::1], uint8[::1], int64, int64)",
    {njit}, cache=True
)
def run(initial, first, k0, k1, stream, table, records, record_at, node, edges, layout, counts, paths, stop, block,
        repeat):
    """Integrate the trajectories first, first + 1, ...; moments to `node`, states to `paths`, ends to `initial`."""
    n, steps = initial.shape[1], table.shape[0] * repeat
    cells = cube((block + CELL - 1) // CELL, node.shape[0], node.shape[1])
    tree = cube(64 if n > CELL else 1, node.shape[0], node.shape[1])
    filled = flags(tree.shape[0])
    state, calls = lane_matrix({dim}, block), lane_cube({rows} // 4, 4, block)
    z, values, alive = rows_of(calls), lane_matrix({observables}, block), lane_vector(block)
    sums = matrix(4, WIDTH)
    for start in range(0, n, block):
        lanes = min(block, n - start)
        begin(initial, start, lanes, state, alive)
        record = 0
        for step in range(steps + 1):
            if record < record_at.shape[0] and record_at[record] * repeat == step:
                observe_block(state, values, records[record], lanes)
                keep_living(state, lanes, alive)
                keep_living(values, lanes, alive)
                add_cells(values, lanes, alive, sums, cells, record){count}
                keep(state, start, lanes, paths[record])
                record += 1
            if step == steps:
                break{fill}
            advance_block(state, z, {row}, table[step // repeat], lanes)
        keep(state, start, lanes, initial)
        for c in range((lanes + CELL - 1) // CELL):
            carry(tree, filled, cells[c], {observables})
    collapse(tree, filled, node, {observables})
    return 0'''

TAIL = """        for i in range(lanes):
            alive[i] = 1.0
        for record in range(len(record_at)):
            keep_living(values[record], lanes, alive)
            add_cells(values[record], lanes, alive, sums, cells, record){count}
        carry(tree, filled, cells[0], {observables})
    collapse(tree, filled, node, {observables})
    return 0


"""  # of a loop over cells of trajectories with many numbers each
NODES = '''@njit("void(float64[:, ::1], float64[:, ::1])", {njit}, cache=True)
def merge(a, b):
    """a <- the nodes a and b together."""
    merge_nodes(a, b, {observables})'''
