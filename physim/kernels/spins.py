"""Kernels for Ising spins with a common field: the exact finite-N score by one integral over the field M.

    p_j ~ exp(prior_j + sum_i log(1 + T_j tau_i)),   tau_i = tanh(A x_i)        E[s_i|x] = sum_j p_j tanh(u_j + A x_i)
    x <- advance(x, z, E[s|x]; c)

Nodes M_j lie on a fixed lattice fine enough for the trapezoidal rule (`physim.spin_scores`); those that count are
found by looking at all of them every few steps and at the neighbourhood of the heavy ones in between.
"""

from __future__ import annotations

import sympy as sp

from analytic.site_diffusion import SPIN_MEAN, STATISTICS
from physim.kernels import module, source
from physim.kernels.equations import Equations, brownian
from physim.kernels.few import INPUTS, Program, drawn, names_of, only_statistics, title
from physim.kernels.printer import Tiers, lower


def build(dynamics, scheme, observables: dict, histograms: bool = False) -> Program:
    """Print the kernel of the reverse process of spins under a scheme of one evaluation a step."""
    only_statistics(observables, STATISTICS, (*dynamics.state, SPIN_MEAN), "for spins")
    rename = names_of(dynamics, observables)
    (x,), mean, q = [rename[s] for s in dynamics.state], rename[SPIN_MEAN], [rename[s] for s in STATISTICS]
    t, _, t_next, _, _, dt = INPUTS
    equations = Equations(dynamics, rename)
    z = [sp.Symbol("z0", real=True)] if any(b != 0 for b in dynamics.noise) else []
    first, second = drawn(z, dynamics.drivers)
    (moved,) = scheme.step(equations, [x], t, t_next, dt, brownian(first, second, dt))

    steps, records = Tiers([x, mean, *z], "c"), Tiers(q, "r")
    coefficient = dynamics.mixture.coefficient.xreplace(rename)
    for tiers in (steps, records):
        tiers.column(coefficient)  # column 0
    moved = steps.split_update(lower(sp.sympify(moved)))
    observed = [records.split(lower(e.xreplace(rename))) for e in observables.values()]
    parameters = {str(s): rename[s] for s in sorted(rename, key=str) if rename[s].name.startswith("p")}
    step_table, step_numbers = source.table("step_table", steps, parameters)
    record_table, record_numbers = source.table("record_table", records, parameters)
    c, r = list(steps.columns.values()), list(records.columns.values())
    body = [f"{s.name} = columns[{i}]" for i, s in enumerate(c)]
    arguments = ", ".join(["x[i]", "mean[i]", *("z[row, low + i]" for _ in z), *(s.name for s in c)])
    body += ["for i in range(x.shape[0]):", f"    x[i], = advance({arguments})"]
    pieces = [
        step_table,
        record_table,
        source.lane_function("advance", [x, mean, *z, *c], [], [moved]),
        source.lane_function("observe", [*q, *r], [], observed),
        source.once("observe_trajectory", "observe", q, r, len(observed)),
        source.function("advance_spins", "x, mean, z, row, low, columns", body),
        f"{RUN}{source.TAIL}{source.NODES}".format(
            observables=len(observed),
            fill=source.fill(len(z), "(first + np.uint64(head)) * np.uint64(sites)", deeper=4),
            row=source.row(len(z)),
            count=source.COUNT if histograms else "",
            njit=source.NJIT,
        ),
    ]
    text = module.complete("\n\n\n".join(pieces), title(scheme, rename))
    numbers = tuple(step_numbers.values()), tuple(record_numbers.values())
    return Program(text, tuple(observables), tuple(parameters), *numbers, len(c), len(r), len(observed))


RUN = '''@njit(
    "int64(float64[:, ::1], uint64, uint64, uint64, uint64, float64[:, ::1], float64[:, ::1], int64[::1], "
    "float64[:, ::1], float64[::1], int64[:, ::1], int64[:, ::1], float64[:, :, ::1], uint8[::1], int64, int64, "
    "float64[::1], float64[::1], int64, float64)",
    {njit}, cache=True
)
def run(initial, first, k0, k1, stream, table, records, record_at, node, edges, layout, counts, paths, stop, block,
        sites, slopes, prior, group, middle):
    """Integrate the trajectories first, first + 1, ...; moments to `node`, states to `paths`, ends to `initial`."""
    n, steps = initial.shape[1] // sites, table.shape[0]
    cells, tree, filled = cube(1, node.shape[0], node.shape[1]), cube(64, node.shape[0], node.shape[1]), flags(64)
    state, calls = matrix(1, sites), cube(1, 4, sites)
    z, x = rows_of(calls), state[0]
    tau, mean, scratch, sums = vector(sites), vector(sites), vector(sites), matrix(4, WIDTH)
    action, active, kept = vector(len(slopes)), flags(len(slopes)), matrix(3, len(slopes) + 1)
    values, alive = cube(len(record_at), {observables}, SITE_CELL), vector(SITE_CELL)
    statistics, result = vector(5), vector({observables})
    for start in range(0, n, SITE_CELL):
        lanes = min(SITE_CELL, n - start)
        for head in range(start, start + lanes):
            load_sites(initial, head * sites, sites, state)
            record = 0
            for step in range(steps + 1):
                recorded = record < record_at.shape[0] and record_at[record] == step
                if recorded or step < steps:
                    columns = records[record] if recorded else table[step]
                    tanh_of(x, columns[0], tau)
                    every = step % REFRESH == 0
                    found = field_posterior(tau, slopes, prior, group, every, action, active, kept, sums[0])
                    spin_means(tau, kept, found, mean)
                if recorded:
                    spin_statistics(x, mean, kept, found, middle, sums[0], scratch, statistics)
                    observe_trajectory(statistics, records[record], result)
                    for k in range({observables}):
                        values[record, k, head - start] = result[k]
                    keep(state, head * sites, sites, paths[record])
                    record += 1
                if step == steps:
                    break{fill}
                advance_spins(x, mean, z, {row}, 0, table[step])
            keep(state, head * sites, sites, initial)
'''
