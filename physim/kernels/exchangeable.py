"""Kernels for exchangeable sites: one site's drift f(x, q, t), vectorised over the sites of a trajectory.

The order parameters q_k = (1/N) sum_i g_k(x_i) are reduced once a step in a fixed order.  What depends on q, time and
parameters only is computed once per trajectory and step, what depends on time and parameters only once per step, so
the source does not grow with N and the cost of a site does not either:

    site(x, c)      the g_k of one site                     collect(q, c)   what all sites of a trajectory share, k
    advance(x, z, k)   one step of one site                 observe(q, r)   the observables of one trajectory

The noise of site i of trajectory n is that of a trajectory n N + i.
"""

from __future__ import annotations

import sympy as sp

from analytic.paths import PathFunctional, site_mean
from physim.kernels import module, source
from physim.kernels.equations import Equations, brownian
from physim.kernels.few import INPUTS, Program, drawn, names_of, title
from physim.kernels.printer import Tiers, lower


def build(dynamics, scheme, observables: dict, histograms: bool = False) -> Program:
    """Print the kernel of a dynamics with sites under a scheme of one evaluation a step."""
    if any(e.atoms(PathFunctional) for e in observables.values()):
        raise ValueError("observe: path functionals are not available for exchangeable sites; record more times")
    rename = names_of(dynamics, observables)
    x, q = [rename[s] for s in dynamics.state], [rename[s] for s, _ in dynamics.order]
    t, _, t_next, _, _, dt = INPUTS
    equations = Equations(dynamics, rename)
    noisy = any(b != 0 for b in dynamics.noise)
    z = list(sp.symbols(f"z0:{len(x) * scheme.normals}", real=True)) if noisy else []
    first, second = drawn(z, dynamics.drivers)
    moved = scheme.step(equations, x, t, t_next, dt, brownian(first, second, dt))

    steps, shared = Tiers([*x, *z, *q], "c"), Tiers([*x, *z, *(s for s, _ in equations.stages)], "k")
    steps.lanes |= {s for s, _ in equations.stages}
    stages = [(s, shared.split_update(steps.split_update(lower(e)))) for s, e in equations.stages]
    moved = [shared.split_update(steps.split_update(lower(sp.sympify(e)))) for e in moved]
    order = [steps.split(lower(g.xreplace(rename))) for _, g in dynamics.order]

    observed = [e.xreplace(rename) for e in observables.values()]
    found = sorted(set().union(*(e.atoms(site_mean) for e in observed)), key=sp.default_sort_key)
    means = {node: sp.Symbol(f"e{i}", real=True) for i, node in enumerate(found)}
    records = Tiers([*x, *q, *means.values()], "r")
    averaged = [records.split(lower(e)) for e in [g.xreplace(rename) for _, g in dynamics.order]]
    averaged += [records.split(lower(node.args[0])) for node in found]
    observed = [records.split(lower(e.xreplace(means))) for e in observed]
    _only_order(observed, x, dynamics)

    parameters = {str(s): rename[s] for s in sorted(rename, key=str) if rename[s].name.startswith("p")}
    step_table, step_numbers = source.table("step_table", steps, parameters)
    record_table, record_numbers = source.table("record_table", records, parameters)
    q_and_e = [*q, *means.values()]
    c, k, r = list(steps.columns.values()), list(shared.columns.values()), list(records.columns.values())
    pieces = [
        step_table,
        record_table,
        source.lane_function("site", [*x, *c], [], order),
        source.lane_function("collect", [*q, *c], [], list(shared.columns)),
        source.lane_function("advance", [*x, *z, *k], stages, moved),
        source.lane_function("site_observed", [*x, *r], [], averaged),
        source.lane_function("observe", [*q_and_e, *r], [], observed),
        _reduction("reduce_order", "site", x, c, len(order)),
        _reduction("reduce_observed", "site_observed", x, r, len(averaged)),
        source.once("collect_shared", "collect", q, c, len(k)),
        source.once("observe_trajectory", "observe", q_and_e, r, len(observed)),
        _sites("advance_sites", x, z, k),
        _run(x, z, k, order, averaged, observed, histograms),
    ]
    text = module.complete("\n\n\n".join(pieces), title(scheme, rename))
    numbers = tuple(step_numbers.values()), tuple(record_numbers.values())
    return Program(text, tuple(observables), tuple(parameters), *numbers, len(c), len(r), len(observed))


def _only_order(observed, x, dynamics):
    free = set().union(*(e.free_symbols for e in observed)) & set(x)
    if free:
        names = ", ".join(str(s) for s in dynamics.state)
        raise ValueError(
            f"observe: {names} of a single site appears; observe order parameters or site_mean(...) of an expression"
        )


def _reduction(name, function, x, columns, count):
    """Means over the sites low ... high - 1 of what a lane function gives: values to scratch, then partial sums."""
    arrays = [f"{s.name} = state[{i}]" for i, s in enumerate(x)] + [f"g{k} = scratch[{k}]" for k in range(count)]
    unpacked = [f"{s.name} = columns[{i}]" for i, s in enumerate(columns)]
    results = ", ".join(f"g{k}[i]" for k in range(count)) + ("," if count == 1 else "")
    arguments = ", ".join([*(f"{s.name}[low + i]" for s in x), *(s.name for s in columns)])
    body = [*arrays, *unpacked, "for i in range(high - low):", f"    {results} = {function}({arguments})"]
    body += [f"out[{k}] = mean_of(g{k}, high - low, sums)" for k in range(count)]
    return source.function(name, "state, low, high, columns, scratch, sums, out", body if count else ["pass"])


def _sites(name, x, z, shared):
    """The loop over the sites of one trajectory."""
    arrays = [f"{s.name} = state[{i}]" for i, s in enumerate(x)] + [f"{s.name} = z[row + {i}]" for i, s in enumerate(z)]
    unpacked = [f"{s.name} = shared[{i}]" for i, s in enumerate(shared)]
    result = ", ".join(f"{s.name}[i]" for s in x) + ("," if len(x) == 1 else "")
    arguments = ", ".join([*(f"{s.name}[i]" for s in [*x, *z]), *(s.name for s in shared)])
    body = [*arrays, *unpacked, "for i in range(low, high):", f"    {result} = advance({arguments})"]
    return source.function(name, "state, low, high, z, row, shared", body)


def _run(x, z, k, order, averaged, observed, histograms):
    return f"{RUN}{source.TAIL}{source.NODES}".format(
        dim=len(x),
        shared=max(len(k), 1),
        order=max(len(order), 1),
        averaged=max(len(averaged), 1),
        observables=len(observed),
        fill=source.fill(len(z), "np.uint64((first + np.uint64(head)) * np.uint64(sites))", deeper=4),
        row=source.row(len(z)),
        rows=source.rows(len(z)),
        count=source.COUNT if histograms else "",
        njit=source.NJIT,
    )


RUN = '''@njit(
    "int64(float64[:, ::1], uint64, uint64, uint64, uint64, float64[:, ::1], float64[:, ::1], int64[::1], "
    "float64[:, ::1], float64[::1], int64[:, ::1], int64[:, ::1], float64[:, :, ::1], uint8[::1], int64, int64)",
    {njit}, cache=True
)
def run(initial, first, k0, k1, stream, table, records, record_at, node, edges, layout, counts, paths, stop, block,
        sites):
    """Integrate the trajectories first, first + 1, ...; moments to `node`, states to `paths`, ends to `initial`."""
    n, steps = initial.shape[1] // sites, table.shape[0]
    together = min(max(1, block // sites), SITE_CELL)
    cells = cube(1, node.shape[0], node.shape[1])
    tree, filled = cube(64, node.shape[0], node.shape[1]), flags(64)
    state, calls = matrix({dim}, together * sites), cube({rows} // 4, 4, together * sites)
    z, scratch, sums = rows_of(calls), matrix(max({order}, {averaged}), sites), matrix(4, WIDTH)
    order, averaged, shared = vector({order}), vector({averaged}), vector({shared})
    values, alive = cube(len(record_at), {observables}, SITE_CELL), vector(SITE_CELL)
    result = vector({observables})
    for start in range(0, n, SITE_CELL):
        lanes = min(SITE_CELL, n - start)
        for head in range(start, start + lanes, together):
            many = min(together, start + lanes - head)
            load_sites(initial, head * sites, many * sites, state)
            record = 0
            for step in range(steps + 1):
                if record < record_at.shape[0] and record_at[record] == step:
                    for m in range(many):
                        reduce_observed(state, m * sites, (m + 1) * sites, records[record], scratch, sums[0], averaged)
                        observe_trajectory(averaged, records[record], result)
                        for k in range({observables}):
                            values[record, k, head - start + m] = result[k]
                    keep(state, head * sites, many * sites, paths[record])
                    record += 1
                if step == steps:
                    break{fill}
                for m in range(many):
                    reduce_order(state, m * sites, (m + 1) * sites, table[step], scratch, sums[0], order)
                    collect_shared(order, table[step], shared)
                    advance_sites(state, m * sites, (m + 1) * sites, z, {row}, shared)
            keep(state, head * sites, many * sites, initial)
'''
