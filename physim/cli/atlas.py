"""physim atlas: every critical time of a model under a process, in every clock."""

from __future__ import annotations

from typing import Annotated

import typer
from typer import Option as Opt

from physim.cli.app import Model, Param, Process, app, diffusion_of, number_of, parameters_of, print_table

CLOCKS = ("t", "sigma", "log_snr")


@app.command()
def atlas(
    model: Model,
    process: Process,
    information: Annotated[bool, Opt(help="Also the landmarks of class entropy (quadrature).")] = True,
    param: Param = None,
):
    """Print all critical times of a model under a process, in the clocks t, sigma and log-SNR.

    Example: physim atlas 'symmetric_pair(1)' ornstein_uhlenbeck
    """
    from analytic.atlas import atlas as exact
    from analytic.transition import Transitions

    diffusion = diffusion_of(model, process)
    values = parameters_of(param or [])
    points = exact(diffusion.model, diffusion.process)
    if information and len(diffusion.state) <= 3:
        from physim.locate import information_landmarks

        points = Transitions([*points, *information_landmarks(diffusion, values)])
    rows: list = []
    reasons: dict = {}
    for p in points:
        clocks = [numbers(p.within(clock).value if p.found else None, values) for clock in CLOCKS]
        rows.append((p.object, p.kind, *clocks, p.status, p.source))
        if p.reason:
            reasons.setdefault(p.reason, []).append(p.object)
    print_table(("object", "kind", *(f"{clock} =" for clock in CLOCKS), "status", "source"), rows)
    for reason, names in reasons.items():
        typer.echo(f"{', '.join(names)}: {reason}")


def numbers(expr, values):
    """A number for an expression once the given symbols are put in, else its text."""
    import sympy as sp

    from analytic.stable import plain

    if expr is None:
        return "-"
    expr = plain(sp.sympify(expr))  # a conditional solution can be complex, which stable nodes are not made for
    expr = expr.subs({s: values[s.name] for s in expr.free_symbols if s.name in values})
    if expr.free_symbols:
        return str(expr)
    return number_of(expr) if sp.im(expr.evalf(20)) == 0 else "-"
