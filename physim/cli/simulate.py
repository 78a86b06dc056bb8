"""physim simulate: an ensemble, measured."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from typer import Option as Opt

from physim.cli.app import (
    Churn,
    Model,
    Param,
    Process,
    app,
    default_time,
    diffusion_of,
    parameters_of,
    print_lines,
    print_table,
    reverse_of,
    say,
)
from physim.schemes import SCHEMES

SHORTCUTS = ("class_entropy", "local_bandwidth", "score_divergence", "log_density")
GRIDS = ("uniform_log_snr", "uniform")

OBSERVE = f"What to measure, repeatable: a formula in x (or x1, ...), t, parameters, {', '.join(SHORTCUTS)}."
DRAWN = "x, class_entropy, local_bandwidth"
LEVEL = "log-SNR = {}, inside the span"
EITHER = "One end of forward time, in either order."

Observe = Annotated[list[str] | None, Opt("--observe", "-o", metavar="NAME=FORMULA", help=OBSERVE, show_default=DRAWN)]
Checkpoint = Annotated[str | None, Opt(metavar="FILE", help="Keep the state of a long run; the same command goes on.")]
Out = Annotated[str | None, Opt(metavar="FILE.nc", help="Write a netCDF file.")]
Plot = Annotated[str | None, Opt(metavar="FILE.pdf|png", help="Draw a figure.")]
DryRun = Annotated[bool, Opt("--dry-run", help="Check everything, say what would run, and stop.")]


@app.command()
def simulate(
    model: Model,
    process: Process,
    trajectories: Annotated[int, Opt("--trajectories", "-n", help="How many trajectories.")] = 100_000,
    steps: Annotated[int, Opt(help="Time steps of the grid.")] = 400,
    start: Annotated[float | None, Opt("--from", help=EITHER, show_default=LEVEL.format(-7))] = None,
    stop: Annotated[float | None, Opt("--to", help="The other end.", show_default=LEVEL.format(7))] = None,
    grid: Annotated[str, Opt(help=f"Spacing of the times: {' or '.join(GRIDS)}.")] = GRIDS[0],
    reverse: Annotated[bool, Opt("--reverse/--forward", help="Generation, or noising of data.")] = True,
    churn: Churn = "1",
    seed: Annotated[int, Opt(help="Same seed, same numbers, for any number of threads.")] = 0,
    observe: Observe = None,
    param: Param = None,
    record: Annotated[int, Opt(help="How many times of the grid are recorded.")] = 50,
    keep_paths: Annotated[int, Opt(help="How many trajectories are stored.")] = 0,
    threads: Annotated[int | None, Opt(min=1, help="Threads to use.", show_default="all cores")] = None,
    scheme: Annotated[str, Opt(help=f"Integrator: {', '.join(SCHEMES)}.")] = "euler_maruyama",
    step_bias: Annotated[bool, Opt("--step-bias", help="Also measure the bias that the time step leaves.")] = False,
    precision: Annotated[str, Opt(help="Of the trajectories: float64 or float32.")] = "float64",
    checkpoint: Checkpoint = None,
    out: Out = None,
    plot: Plot = None,
    dry_run: DryRun = False,
):
    """Simulate an ensemble and print what it measures, with standard errors.

    Example: physim simulate 'symmetric_pair(m)' ornstein_uhlenbeck -p m=1.5 -o x -o 'u=tanh(m*x)'
    """
    from physim.ensemble import simulate as run
    from physim.plot import checked_path, quick_look
    from physim.store import save

    if plot:
        checked_path(plot)
    diffusion = diffusion_of(model, process)
    dynamics = reverse_of(diffusion, churn) if reverse else diffusion.forward()
    values = parameters_of(param or [])
    if missing := [s.name for s in dynamics.parameters if s.name not in values]:
        raise ValueError(f"param: no value for {', '.join(missing)}; give --param {missing[0]}=NUMBER")
    request = {
        "dynamics": dynamics,
        "trajectories": trajectories,
        "grid": _grid(diffusion.process, values, grid, start, stop, steps),
        "seed": seed,
        "parameters": {name: float(value) for name, value in values.items()},
        "scheme": scheme,
        "observe": _observables(observe, diffusion, dynamics, values),
        "record": record,
        "keep_paths": keep_paths,
        "step_bias": step_bias,
        "precision": precision,
    }
    if dry_run:
        _plan(request, out, plot)
        return
    _results(dataset := _with_warnings(run, threads=threads, checkpoint=checkpoint, **request))
    for write, path in ((save, out), (quick_look, plot)):
        if path:
            typer.echo(f"wrote {write(dataset, path)}")


def _grid(process, values, spacing, start, stop, steps):
    """The grid between two times; a missing one is where the log-SNR is or just inside the span."""
    from analytic.processes import ForwardProcess
    from physim import grids

    if spacing not in GRIDS:
        raise ValueError(f"grid: {spacing} is unknown; allowed are {', '.join(GRIDS)}")
    named = {s: values[s.name] for s in process.alpha.free_symbols | process.sigma.free_symbols if s.name in values}
    if named:
        schedule = (process.alpha.xreplace(named), process.sigma.xreplace(named))
        process = ForwardProcess(*schedule, span=process.span, name=process.name)
    if any(time is not None and not abs(time) < float("inf") for time in (start, stop)):
        raise ValueError("from, to: finite numbers are needed")
    ends = [default_time(process, end) if time is None else time for end, time in enumerate((stop, start))]
    low, high = min(ends), max(ends)
    if not process.span[0] <= low <= high <= process.span[1]:
        raise ValueError(f"from, to: {low:g} ... {high:g} leaves the span {process.span} of {process.name}")
    if spacing == "uniform":
        return grids.uniform(low, high, steps)
    return grids.uniform_log_snr(process, low, high, steps)


def _observables(entries, diffusion, dynamics, values):
    """name -> expression, from NAME=FORMULA or a known name alone."""
    import sympy as sp

    from analytic.parse import parse

    known = {s.name: s for s in (*dynamics.state, dynamics.time, *diffusion.reverse().parameters, *dynamics.parameters)}
    known |= {name: sp.Symbol(name, real=True) for name in (*values, *SHORTCUTS) if name not in known}
    observe = {}
    for entry in entries or [*map(str, dynamics.state), *SHORTCUTS[:2]]:
        name, sign, text = (part.strip() for part in entry.partition("="))
        if not name.isidentifier() or name in observe:
            raise ValueError(f"observe: {entry} given; NAME=FORMULA is needed, once for each name")
        expr = parse(text if sign else name, known, what=f"observe {name}")
        observe[name] = expr.xreplace({known[n]: getattr(diffusion, n) for n in SHORTCUTS if expr.has(known[n])})
    return observe


def _plan(request, out, plot):
    """Check as `simulate` does and print what would run."""
    from inspect import signature

    from physim.ensemble import simulate as run
    from physim.request import Request

    parameters = signature(run).parameters.values()
    checked = Request.checked(**{p.name: p.default for p in parameters if p.default is not p.empty} | request)
    facts = checked.facts()
    lines = {
        "dynamics": facts["dynamics"]["name"],
        "drift": ", ".join(facts["dynamics"]["drift"]),
        "noise": ", ".join(facts["dynamics"]["noise"]),
        **{f"observe {name}": text for name, text in facts["observables"].items()},
        "parameters": ", ".join(f"{k} = {v:g}" for k, v in facts["parameters"].items()) or "none",
        "grid": facts["grid"],
        "recorded": f"{len(checked.record_at)} times from {checked.times[0]:.6g} to {checked.times[-1]:.6g}",
        "ensemble": f"{checked.trajectories} trajectories, {facts['scheme']}, seed {checked.seed}",
        "files": ", ".join(filter(None, (out, plot))) or "none",
    }
    print_lines(lines)


def _with_warnings(call, **arguments):
    """call(**arguments), its warnings said as sentences."""
    import warnings

    with warnings.catch_warnings(record=True) as caught:
        result = call(**arguments)
    for warning in caught:
        say(f"warning: {warning.message}")
    return result


def _results(dataset):
    from physim.plot import observables

    columns, rows = [], [[name] for name in observables(dataset)]
    for end in (0, -1):
        at = dataset.isel(time=end)
        for what, word in (("mean", "mean"), ("var", "variance")):
            columns.append(f"{word} at t = {float(at.time):.4g}")
            for row in rows:
                value, error = (float(at[f"{row[0]}_{what}{ending}"]) for ending in ("", "_stderr"))
                row.append(f"{value:.6g} ± {error:.2g}")
        for row in rows if end and f"{rows[0][0]}_mean_bias" in at else []:
            value, error = (float(at[f"{row[0]}_mean_bias{ending}"]) for ending in ("", "_stderr"))
            row[-2] += f" (step {value:+.1g} ± {error:.1g})"
    print_table(("observable", *columns), rows)
    facts = json.loads(dataset.attrs["provenance"])
    size = f"{int(dataset['count'][-1])} trajectories, {facts['grid']}"
    typer.echo(f"\n{size}, {facts['scheme']}, seed {facts['seed']}: {facts['wall_seconds']:.2f} s")
