"""physim locate: branches of fixed points, where they bifurcate, and where simulated trajectories decide."""

from __future__ import annotations

from typing import Annotated

import typer
from typer import Option as Opt

from physim.cli.app import LEVELS, Model, Param, Process, app, default_time, diffusion_of, parameters_of, print_table

KINDS = ("density", "reverse_sde", "probability_flow")
END = "One end of the range of t, in either order."


@app.command()
def locate(
    model: Model,
    process: Process,
    start: Annotated[float | None, Opt("--from", help=END, show_default=f"log-SNR = {LEVELS[0]}")] = None,
    stop: Annotated[float | None, Opt("--to", help="The other end.", show_default=f"log-SNR = {LEVELS[1]}")] = None,
    kind: Annotated[str, Opt(help=f"Whose fixed points: {', '.join(KINDS)}.")] = KINDS[0],
    starts: Annotated[int, Opt(min=4, help="Starts of each round of the search for fixed points.")] = 200,
    simulate: Annotated[bool, Opt("--simulate", help="Also locate by simulated trajectories (seconds).")] = False,
    trajectories: Annotated[int, Opt("--trajectories", "-n", help="Of the ensemble, and pairs of clones.")] = 20_000,
    seed: Annotated[int, Opt(help="Seed of the starts and of the trajectories.")] = 0,
    threads: Annotated[int | None, Opt(min=1, help="Threads to use.", show_default="all cores")] = None,
    param: Param = None,
):
    """Find all branches of fixed points of a model under a process and print where they bifurcate; with --simulate
    also where clones part and where the class entropy's rate and variance peak, with standard errors.

    Example: physim locate 'point_mixture([[1, 0], [-1/2, 4/5], [-1/2, -4/5]])' variance_exploding --simulate
    """
    import sympy as sp

    from analytic.symbols import snr, t
    from physim.continuation import diagram, system

    diffusion = diffusion_of(model, process)
    values = parameters_of(param or [])
    ends = [default_time(diffusion.process, e) if time is None else time for e, time in enumerate((start, stop))]
    low, high = min(ends), max(ends)
    if not diffusion.process.span[0] < low < high <= diffusion.process.span[1]:
        name, span = diffusion.process.name, diffusion.process.span
        raise ValueError(f"from, to: {low:g} ... {high:g} is no range inside the span {span} of {name}")
    if simulate:
        from physim.locate.simulated import checked

        checked(diffusion, trajectories)
    levels = sorted(number(diffusion.process.log_snr.subs(t, time), values) for time in (low, high))
    drawn = diagram(system(diffusion, "log_snr", values, kind=kind), *levels, starts=starts, seed=seed)
    rows = []
    for p in drawn.transitions():
        time = number(diffusion.process.time_of_snr.subs(snr, sp.exp(p.value)), values)
        place = ", ".join(f"{x:.6g}" for x in p.others["x"])
        shape = (f"{tidy(p.others[name]):.4g}" for name in ("quadratic", "cubic"))
        rows.append((p.kind, f"{tidy(p.value):.10g}", f"{time:.10g}", place, *shape))
    if rows:
        print_table(("bifurcation", "log-SNR =", "t =", "at x =", "a", "c"), rows)
    else:
        typer.echo(f"no bifurcation of the {kind} from t = {low:g} to {high:g}")
    typer.echo("\nbranches, over log-SNR:")
    for branch in drawn.branches:
        typer.echo(repr(branch))
    if simulate:
        print_simulated(diffusion, values, levels, trajectories, seed, threads)


def print_simulated(diffusion, values, levels, trajectories, seed, threads):
    """The table of estimated places beside the exact ones, and what could not be located."""
    from physim.locate import simulated_landmarks

    numbers = {name: float(value) for name, value in values.items()}
    options = {"low": levels[0], "high": levels[1], "trajectories": trajectories, "seed": seed, "threads": threads}
    found = simulated_landmarks(diffusion, numbers, **options)
    typer.echo(f"\nestimated from {trajectories} trajectories, seed {seed}, over log-SNR:")
    rows = []
    for p in found:
        exact = f"{p.others['exact']:.5g}" if "exact" in p.others else "-"
        time = f"{p.others['t']:.5g}" if "t" in p.others else "-"
        rows.append((p.object.replace("_", " "), p.text(), exact, time, p.status))
    print_table(("place", "log-SNR =", "exact", "t =", "status"), rows)
    for p in found:
        bracket = " between {:.4g} and {:.4g}".format(*p.bracket) if p.bracket else ""
        typer.echo(
            f"{p.object.replace('_', ' ')}: {p.kind} by {p.method}{bracket}{': ' + p.reason if p.reason else ''}"
        )


def tidy(value):
    """Rounding about zero as zero."""
    return 0.0 if abs(value) < 1e-12 else value


def number(expr, values):
    """A float of an expression with the given symbols put in."""
    import sympy as sp

    expr = sp.sympify(expr)
    return float(expr.subs({s: values[s.name] for s in expr.free_symbols if s.name in values}).evalf(25))
