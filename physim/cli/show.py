"""physim show: formulas and critical points."""

from __future__ import annotations

from typing import Annotated

import typer
from typer import Option as Opt

from physim.cli.app import (
    Churn,
    Model,
    Process,
    app,
    diffusion_of,
    number_of,
    print_lines,
    print_table,
    reverse_of,
    text_of,
)
from physim.schemes import SCHEMES


@app.command()
def show(
    model: Model,
    process: Process,
    latex: Annotated[bool, Opt("--latex", help="Print formulas as LaTeX.")] = False,
    source: Annotated[bool, Opt("--source", help="Print the generated kernel instead, a Python module.")] = False,
    churn: Churn = "1",
):
    """Show the formulas of a model under a process, and its critical points.

    Example: physim show 'symmetric_pair(1, variance=v)' ornstein_uhlenbeck
    """
    from analytic.models import SymmetricPair

    diffusion = diffusion_of(model, process)
    dynamics = reverse_of(diffusion, churn)
    if source:
        from physim.kernels import few

        observe = {str(s): s for s in dynamics.state}
        typer.echo(few.build(dynamics, SCHEMES["euler_maruyama"], observe).source)
        return
    _formulas(diffusion, dynamics, latex)
    if isinstance(diffusion.model, SymmetricPair):
        _critical_points(diffusion, latex)


def _formulas(diffusion, dynamics, latex):
    import sympy as sp

    from analytic.stable import plain

    process, (start, end) = diffusion.process, diffusion.process.span
    rows = {
        "alpha": process.alpha,
        "sigma": process.sigma,
        "f": process.f,
        "g2": process.g2,
        "log-SNR": process.log_snr,
        "log density": diffusion.log_density,
        "score": diffusion.score,
        "score divergence": diffusion.score_divergence,
        "posterior mean": diffusion.posterior_mean,
        "class entropy": diffusion.class_entropy,
        "local bandwidth": diffusion.local_bandwidth,
        "reverse drift": sp.ImmutableMatrix(dynamics.drift),
        "reverse noise": sp.ImmutableMatrix(dynamics.noise),
    }
    rows = {name: e[0] if getattr(e, "shape", None) == (1, 1) else e for name, e in rows.items()}
    typer.echo(f"{type(diffusion.model).__name__} under {process.name}, {start} < t < {end}\n")
    if latex:
        print_lines({rf"\text{{{name}}}": f"= {sp.latex(plain(e))}" for name, e in rows.items()})
        return
    if max(len(str(e)) for e in rows.values()) > 500:
        shared, short = sp.cse(list(rows.values()), symbols=sp.numbered_symbols("u"), order="none")
        rows = {**{str(symbol): e for symbol, e in shared}, **dict(zip(rows, short, strict=True))}
    print_lines({name: [*e] if isinstance(e, sp.MatrixBase) else e for name, e in rows.items()})


def _critical_points(diffusion, latex):
    from analytic.bifurcation import critical_points

    typer.echo("")
    try:
        points = critical_points(diffusion.model, diffusion.process)
    except ValueError as error:
        typer.echo(f"critical points: {error}")
        return
    rows, below = [], {}
    for p in points:
        condition = f"{text_of(p.condition.lhs, latex)} = {text_of(p.condition.rhs, latex)}"
        time = text_of(p.value, latex)
        if latex:
            below[p.object] = rf"{condition} \quad t = {time}"
        elif p.value is not None and len(time) > 60:
            symbolic = bool(p.value.free_symbols)
            below |= {f"time of {p.object}": time} if symbolic else {}
            time = "below" if symbolic else "long"
        rows.append(
            (
                p.object,
                condition,
                time,
                *map(number_of, (p.value, p.others.get("snr"), p.others.get("separation"))),
                p.status,
            )
        )
    if not latex:
        print_table(("critical", "condition", "time", "t =", "SNR", "Lambda", "status"), rows)
    print_lines(below)
