"""physim validate: every claim, exact and simulated, as a table."""

from __future__ import annotations

from typing import Annotated

import typer
from typer import Option as Opt

from physim.cli.app import app, print_table


@app.command()
def validate(
    model: Annotated[list[str] | None, Opt(help="A model of the table by name, repeatable (default: all).")] = None,
    process: Annotated[list[str] | None, Opt(help="A process by name, repeatable (default: all).")] = None,
    trajectories: Annotated[int, Opt(min=100, help="Trajectories of each run.")] = 20_000,
    seed: Annotated[int, Opt(min=0, help="Seed of the first run.")] = 0,
    rows: Annotated[bool, Opt("--rows", help="Print every comparison, not only one line a quantity.")] = False,
):
    """Compare the claims of the theory with simulations, model by model and process by process.

    Example: physim validate --model 'three components' --process edm
    """
    from scipy.stats import chi2

    from physim.validation import independent, summary
    from physim.validation import validate as run

    table = run(model or None, process or None, trajectories=trajectories, seed=seed, progress=True)
    if rows:
        names = ("claim", "quantity", "model", "process", "value", "stderr", "exact", "z")
        columns = [table[n].values for n in names]
        shapes = ("{}", "{}", "{}", "{}", "{:.6g}", "{:.2g}", "{:.6g}", "{:+.2f}")
        print_table(
            names, [[s.format(v) for s, v in zip(shapes, row, strict=True)] for row in zip(*columns, strict=True)]
        )
        typer.echo("")
    found = summary(table)
    lines = [
        (
            r["claim"],
            r["quantity"],
            str(r["points"]),
            f"{r['max_abs_z']:.2f}",
            f"{r['chi2_per_dof']:.2f}",
            f"{r['p_value']:.3f}",
        )
        for r in found
    ]
    print_table(("claim", "quantity", "points", "max |z|", "chi2/points", "p-value"), lines)
    z = independent(table, tuple({r["claim"] for r in found}))
    typer.echo(f"\nall together: {len(z)} independent differences, p = {chi2.sf(z @ z, len(z)):.3f}")
