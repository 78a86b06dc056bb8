"""physim locate: branches of fixed points and where they bifurcate."""

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
    seed: Annotated[int, Opt(help="Seed of the starts.")] = 0,
    param: Param = None,
):
    """Find all branches of fixed points of a model under a process and print where they bifurcate.

    Example: physim locate 'point_mixture([[1, 0], [-1/2, 4/5], [-1/2, -4/5]])' variance_exploding
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
    levels = sorted(number(diffusion.process.log_snr.subs(t, time), values) for time in (low, high))
    drawn = diagram(system(diffusion, "log_snr", values, kind=kind), *levels, starts=starts, seed=seed)
    rows = []
    for p in drawn.transitions():
        time = number(diffusion.process.time_of_snr.subs(snr, sp.exp(p.value)), values)
        place = ", ".join(f"{x:.6g}" for x in p.others["x"])
        shape = (f"{p.others[name]:.4g}" for name in ("quadratic", "cubic"))
        rows.append((p.kind, f"{p.value:.12g}", f"{time:.12g}", place, *shape))
    if rows:
        print_table(("bifurcation", "log-SNR =", "t =", "at x =", "a", "c"), rows)
    else:
        typer.echo(f"no bifurcation of the {kind} from t = {low:g} to {high:g}")
    typer.echo("\nbranches, over log-SNR:")
    for branch in drawn.branches:
        typer.echo(repr(branch))


def number(expr, values):
    """A float of an expression with the given symbols put in."""
    import sympy as sp

    expr = sp.sympify(expr)
    return float(expr.subs({s: values[s.name] for s in expr.free_symbols if s.name in values}).evalf(25))
