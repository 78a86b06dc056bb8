"""The command itself: errors as sentences, arguments that commands share, tables and lines."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer
from typer import Argument as Arg
from typer import Option as Opt

LEVELS = (7, -7)  # log-SNR of the default times

DATA = "The data, e.g. 'symmetric_pair(1)' or 'gaussian_mixture([-2, 2], 0.1)'; see `physim models`."
NOISING = "The forward process, e.g. 'ornstein_uhlenbeck' or 'custom(alpha=1-t, sigma=t, span=[0, 1])'."
CHURN = "Noise of the reverse family, a formula >= 0: 1 reverse SDE, 0 probability flow."
Model = Annotated[str, Arg(help=DATA, show_default=False)]
Process = Annotated[str, Arg(help=NOISING, show_default=False)]
Churn = Annotated[str, Opt(help=CHURN)]
Param = Annotated[list[str] | None, Opt("--param", "-p", metavar="NAME=NUMBER", help="Value of a symbol, repeatable.")]


class Sentences(typer.core.TyperGroup):
    """Commands whose errors are one sentence; exit code 2: bad input, 1: a failed run, 130: Ctrl-C."""

    def invoke(self, ctx):
        """Run the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            say("interrupted")
            raise typer.Exit(130) from None
        except BrokenPipeError:
            raise
        except (ValueError, TypeError, NotImplementedError, ArithmeticError, OSError, ImportError) as error:
            if ctx.params.get("traceback"):
                raise
            say(str(error) or type(error).__name__)
            raise typer.Exit(1 if isinstance(error, ArithmeticError | OSError | ImportError) else 2) from None


app = typer.Typer(
    cls=Sentences,
    help="Symmetry breaking in generative diffusion: exact formulas, and ensembles with standard errors.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool):
    if asked:
        from importlib.metadata import version

        typer.echo(f"physim {version('physim-diffusion')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[bool, Opt("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
    traceback: Annotated[bool, Opt("--traceback", help="Show where an error comes from.")] = False,
):
    """Options before the command."""


def diffusion_of(model, process):
    """The Diffusion that two texts state."""
    from analytic.diffusion import Diffusion
    from analytic.parse import parse_model, parse_process

    return Diffusion(parse_model(model), parse_process(process))


def reverse_of(diffusion, churn):
    """Its reverse dynamics with the churn of a text."""
    from analytic.parse import parse

    return diffusion.reverse(parse(churn, {}, allow_new=True, what="churn"))


def text_of(expr, latex=False):
    """An expression as text or LaTeX."""
    from sympy import latex as to_latex

    try:
        return "-" if expr is None else to_latex(expr) if latex else str(expr)
    except ValueError:  # whole numbers of thousands of digits
        return "(a formula of thousands of digits, too long to print; see the number)"


def number_of(expr):
    """An expression without symbols as a number of seven digits."""
    return "-" if expr is None or expr.free_symbols else f"{float(expr.evalf(20)):.7g}"


def print_table(columns, rows):
    """A table of text, wide enough for formulas when it is not on a terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 160).print(table)


def print_lines(entries):
    """Name and text, one line each."""
    for name, text in entries.items():
        typer.echo(f"{name:{max(map(len, entries))}}  {text}")


def say(message):
    """One sentence on standard error."""
    typer.echo(f"physim: {' '.join(str(message).split())}", err=True)


def parameters_of(entries):
    """name -> exact number, from NAME=NUMBER."""
    from analytic.parse import parse

    values = {}
    for entry in entries:
        name, sign, text = entry.replace(" ", "").partition("=")
        if not sign or not name.isidentifier() or name in values:
            raise ValueError(f"param: {entry} given; NAME=NUMBER is needed, once for each name")
        values[name] = parse(text, {}, what=f"param {name}")
    return values


def default_time(process, end):
    """The time at which the log-SNR is LEVELS[end], or just inside the span."""
    try:
        return float(process.time_at(LEVELS[end]))
    except ValueError:
        low, high = map(float, process.span)
        if high == float("inf"):
            raise ValueError(f"from, to: {process.name} has no default times, give both") from None
        return low + (high - low) * (0.001, 0.999)[end]
