"""Kernels for many centres: the posterior by matrix products, coordinates moved one by one.

    L = A X C^T + B |c|^2 + log w        P = softmax(L) row by row        M = P C        x <- advance(x, z, m; c)

X has a fixed number of rows (trajectories), so that the products do not depend on how the work is cut.  The noise of
coordinate i of trajectory n is that of a trajectory n D + i.
"""

from __future__ import annotations

import sympy as sp

from analytic.empirical import MEAN_CENTRE, STATISTICS
from physim.kernels import module, source
from physim.kernels.equations import Equations, brownian
from physim.kernels.few import INPUTS, Program, drawn, names_of, only_statistics, title
from physim.kernels.printer import Tiers, lower


def build(dynamics, scheme, observables: dict, histograms: bool = False) -> Program:
    """Print the kernel of a dense reverse process under a scheme of one evaluation a step."""
    only_statistics(observables, STATISTICS, (*dynamics.state, MEAN_CENTRE), "with many centres")
    rename = names_of(dynamics, observables)
    (x,), mean, q = [rename[s] for s in dynamics.state], rename[MEAN_CENTRE], [rename[s] for s in STATISTICS]
    t, _, t_next, _, _, dt = INPUTS
    equations = Equations(dynamics, rename)
    z = [sp.Symbol("z0", real=True)] if any(b != 0 for b in dynamics.noise) else []
    first, second = drawn(z, dynamics.drivers)
    (moved,) = scheme.step(equations, [x], t, t_next, dt, brownian(first, second, dt))

    steps, records = Tiers([x, mean, *z], "c"), Tiers(q, "r")
    posterior = [e.xreplace(rename) for e in (dynamics.mixture.overlap, dynamics.mixture.square)]
    for e in posterior:  # columns 0 and 1 of both tables
        steps.column(e)
        records.column(e)
    moved = steps.split_update(lower(sp.sympify(moved)))
    observed = [records.split(lower(e.xreplace(rename))) for e in observables.values()]
    parameters = {str(s): rename[s] for s in sorted(rename, key=str) if rename[s].name.startswith("p")}
    step_table, step_numbers = source.table("step_table", steps, parameters)
    record_table, record_numbers = source.table("record_table", records, parameters)
    c, r = list(steps.columns.values()), list(records.columns.values())
    pieces = [
        step_table,
        record_table,
        source.lane_function("advance", [x, mean, *z, *c], [], [moved]),
        source.lane_function("observe", [*q, *r], [], observed),
        source.once("observe_trajectory", "observe", q, r, len(observed)),
        _moves(x, mean, z, c),
        f"{RUN}{source.TAIL}{source.NODES}".format(
            observables=len(observed),
            fill=source.fill(len(z), "(first + np.uint64(start)) * np.uint64(dim)"),
            row=source.row(len(z)),
            count=source.COUNT if histograms else "",
            njit=source.NJIT,
        ),
    ]
    text = module.complete("\n\n\n".join(pieces), title(scheme, rename))
    numbers = tuple(step_numbers.values()), tuple(record_numbers.values())
    return Program(text, tuple(observables), tuple(parameters), *numbers, len(c), len(r), len(observed))


def _moves(x, mean, z, c):
    """The loop over all coordinates of all rows; scale[r] normalises the weights of row r."""
    arguments = ", ".join(["x[r, i]", "scale[r] * mean[r, i]", *("z[r * dim + i]" for _ in z), *(s.name for s in c)])
    body = [f"{s.name} = columns[{i}]" for i, s in enumerate(c)]
    body += ["dim = x.shape[1]", "for r in range(x.shape[0]):", "    for i in range(dim):"]
    body += [f"        x[r, i], = advance({arguments})"]
    return source.function("advance_rows", "x, mean, scale, z, columns", body)


RUN = '''@njit(
    "int64(float64[:, ::1], uint64, uint64, uint64, uint64, float64[:, ::1], float64[:, ::1], int64[::1], "
    "float64[:, ::1], float64[::1], int64[:, ::1], int64[:, ::1], float64[:, :, ::1], uint8[::1], int64, int64, "
    "float64[:, ::1], float64[:, ::1], float64[::1], float64[::1])",
    {njit}, cache=True
)
def run(initial, first, k0, k1, stream, table, records, record_at, node, edges, layout, counts, paths, stop, block,
        dim, centres, transposed, norms, log_weights):
    """Integrate the trajectories first, first + 1, ...; moments to `node`, states to `paths`, ends to `initial`."""
    n, steps = initial.shape[1] // dim, table.shape[0]
    cells, tree, filled = cube(1, node.shape[0], node.shape[1]), cube(64, node.shape[0], node.shape[1]), flags(64)
    state, calls = matrix(1, DENSE_CELL * dim), cube(1, 4, DENSE_CELL * dim)
    z, x, mean = rows_of(calls), state.reshape((DENSE_CELL, dim)), matrix(DENSE_CELL, dim)
    weights, scale, sums = matrix(DENSE_CELL, centres.shape[0]), vector(DENSE_CELL), matrix(4, WIDTH)
    values, alive = cube(len(record_at), {observables}, DENSE_CELL), vector(DENSE_CELL)
    statistics, result = vector(5), vector({observables})
    for start in range(0, n, DENSE_CELL):
        lanes = min(DENSE_CELL, n - start)
        load_rows(initial, start, lanes, x)
        record = 0
        for step in range(steps + 1):
            recorded = record < record_at.shape[0] and record_at[record] == step
            if recorded or step < steps:
                columns = records[record] if recorded else table[step]
                np.dot(x, transposed, weights)
                weights_of(weights, columns[0], columns[1], norms, log_weights, sums[0], scale)
            if recorded:
                for r in range(lanes):
                    statistics_of(x[r], weights[r], scale[r], statistics)
                    observe_trajectory(statistics, records[record], result)
                    for k in range({observables}):
                        values[record, k, r] = result[k]
                keep(state, start * dim, lanes * dim, paths[record])
                record += 1
            if step == steps:
                break{fill}
            np.dot(weights, centres, mean)
            advance_rows(x, mean, scale, z[{row}], table[step])
        keep(state, start * dim, lanes * dim, initial)
'''
