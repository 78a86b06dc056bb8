"""physim models: what a model and a process can be, and the integrators."""

from __future__ import annotations

import typer

from physim.cli.app import app, print_table
from physim.schemes import SCHEMES


@app.command()
def models():
    """List the models, processes and integrators that the other commands understand."""
    from inspect import getdoc, signature

    from analytic.models import MODELS
    from analytic.parse import custom
    from analytic.processes import PROCESSES

    known: dict[str, dict] = {"model": {**MODELS}, "process": {**PROCESSES, "custom": custom}}
    for title, members in known.items():
        rows = []
        for name, make in members.items():
            parameters = signature(make).parameters.values()
            given = [p.name if p.default is p.empty else f"{p.name}={p.default}" for p in parameters]
            rows.append((f"{name}({', '.join(given)})", (getdoc(make) or "").partition("\n")[0]))
        print_table((title, "what it is"), rows)
        typer.echo("")
    facts = [(s.name, s.noise, _order(s.strong), _order(s.weak), s.source) for s in SCHEMES.values()]
    print_table(("integrator", "noise", "strong order", "weak order", "source"), facts)


def _order(order):
    return "-" if order is None else f"{order:g}"
