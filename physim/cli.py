"""The command `physim`: exact formulas and quick ensembles from a terminal.

    physim models      what a model and a process can be
    physim show        formulas and critical points
    physim simulate    an ensemble, measured
    physim doctor      versions, processor, cache, speed

Models, processes and observables are text that goes through the whitelist of `analytic.parse`.  Everything
heavy is imported inside the commands, so that help comes at once.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Annotated

import typer
from typer import Argument as Arg
from typer import Option as Opt

from physim.schemes import SCHEMES

SHORTCUTS = ("class_entropy", "local_bandwidth", "score_divergence", "log_density")
GRIDS = ("uniform_log_snr", "uniform")
LEVELS = (7, -7)  # log-SNR of the default times
FEATURES = ("avx2", "fma", "avx512f", "avx512dq", "neon")

DATA = "The data, e.g. 'symmetric_pair(1)' or 'gaussian_mixture([-2, 2], 0.1)'; see `physim models`."
NOISING = "The forward process, e.g. 'ornstein_uhlenbeck' or 'custom(alpha=1-t, sigma=t, span=[0, 1])'."
CHURN = "Noise of the reverse family, a formula >= 0: 1 reverse SDE, 0 probability flow."
OBSERVE = f"What to measure, repeatable: a formula in x (or x1, ...), t, parameters, {', '.join(SHORTCUTS)}."
DRAWN = "x, class_entropy, local_bandwidth"
LEVEL = "log-SNR = {}, inside the span"
EITHER = "One end of forward time, in either order."

Model = Annotated[str, Arg(help=DATA, show_default=False)]
Process = Annotated[str, Arg(help=NOISING, show_default=False)]
Churn = Annotated[str, Opt(help=CHURN)]
Observe = Annotated[list[str] | None, Opt("--observe", "-o", metavar="NAME=FORMULA", help=OBSERVE, show_default=DRAWN)]
Param = Annotated[list[str] | None, Opt("--param", "-p", metavar="NAME=NUMBER", help="Value of a symbol, repeatable.")]
Out = Annotated[str | None, Opt(metavar="FILE.nc", help="Write a netCDF file.")]
Plot = Annotated[str | None, Opt(metavar="FILE.pdf|png", help="Draw a figure.")]
DryRun = Annotated[bool, Opt("--dry-run", help="Check everything, say what would run, and stop.")]


class Sentences(typer.core.TyperGroup):
    """Commands whose errors are one sentence; exit code 2: bad input, 1: a failed run, 130: Ctrl-C."""

    def invoke(self, ctx):
        """Run the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            _say("interrupted")
            raise typer.Exit(130) from None
        except BrokenPipeError:
            raise
        except (ValueError, TypeError, NotImplementedError, ArithmeticError, OSError, ImportError) as error:
            if ctx.params.get("traceback"):
                raise
            _say(str(error) or type(error).__name__)
            raise typer.Exit(1 if isinstance(error, ArithmeticError | OSError | ImportError) else 2) from None


app = typer.Typer(
    cls=Sentences,
    help="Symmetry breaking in generative diffusion: exact formulas, and ensembles with standard errors.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main():
    """Entry point of the command."""
    app(prog_name="physim")


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
        _table((title, "what it is"), rows)
        typer.echo("")
    facts = [(s.name, s.noise, _order(s.strong), _order(s.weak), s.source) for s in SCHEMES.values()]
    _table(("integrator", "noise", "strong order", "weak order", "source"), facts)


def _order(order):
    return "-" if order is None else f"{order:g}"


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

    diffusion = _diffusion(model, process)
    dynamics = _reverse(diffusion, churn)
    if source:
        from physim.kernels import few

        observe = {str(s): s for s in dynamics.state}
        typer.echo(few.build(dynamics, SCHEMES["euler_maruyama"], observe).source)
        return
    _formulas(diffusion, dynamics, latex)
    if isinstance(diffusion.model, SymmetricPair):
        _critical_points(diffusion, latex)


def _diffusion(model, process):
    from analytic.diffusion import Diffusion
    from analytic.parse import parse_model, parse_process

    return Diffusion(parse_model(model), parse_process(process))


def _reverse(diffusion, churn):
    from analytic.parse import parse

    return diffusion.reverse(parse(churn, {}, allow_new=True, what="churn"))


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
        _lines({rf"\text{{{name}}}": f"= {sp.latex(plain(e))}" for name, e in rows.items()})
        return
    if max(len(str(e)) for e in rows.values()) > 500:
        shared, short = sp.cse(list(rows.values()), symbols=sp.numbered_symbols("u"), order="none")
        rows = {**{str(symbol): e for symbol, e in shared}, **dict(zip(rows, short, strict=True))}
    _lines({name: [*e] if isinstance(e, sp.MatrixBase) else e for name, e in rows.items()})


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
        condition = f"{_text(p.condition.lhs, latex)} = {_text(p.condition.rhs, latex)}"
        time = _text(p.value, latex)
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
                *map(_number, (p.value, p.others.get("snr"), p.others.get("separation"))),
                p.status,
            )
        )
    if not latex:
        _table(("critical", "condition", "time", "t =", "SNR", "Lambda", "status"), rows)
    _lines(below)


def _text(expr, latex=False):
    from sympy import latex as to_latex

    try:
        return "-" if expr is None else to_latex(expr) if latex else str(expr)
    except ValueError:  # whole numbers of thousands of digits
        return "(a formula of thousands of digits, too long to print; see the number)"


def _number(expr):
    return "-" if expr is None or expr.free_symbols else f"{float(expr.evalf(20)):.7g}"


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
    diffusion = _diffusion(model, process)
    dynamics = _reverse(diffusion, churn) if reverse else diffusion.forward()
    values = _parameters(param or [])
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
    }
    if dry_run:
        _plan(request, out, plot)
        return
    _results(dataset := _with_warnings(run, threads=threads, **request))
    for write, path in ((save, out), (quick_look, plot)):
        if path:
            typer.echo(f"wrote {write(dataset, path)}")


def _parameters(entries):
    """name -> exact number, from NAME=NUMBER."""
    from analytic.parse import parse

    values = {}
    for entry in entries:
        name, sign, text = entry.replace(" ", "").partition("=")
        if not sign or not name.isidentifier() or name in values:
            raise ValueError(f"param: {entry} given; NAME=NUMBER is needed, once for each name")
        values[name] = parse(text, {}, what=f"param {name}")
    return values


def _grid(process, values, spacing, start, stop, steps):
    """The grid between two times; a missing one is where the log-SNR is LEVELS, or just inside the span."""
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
    ends = [_default_time(process, end) if time is None else time for end, time in enumerate((stop, start))]
    low, high = min(ends), max(ends)
    if not process.span[0] <= low <= high <= process.span[1]:
        raise ValueError(f"from, to: {low:g} ... {high:g} leaves the span {process.span} of {process.name}")
    if spacing == "uniform":
        return grids.uniform(low, high, steps)
    return grids.uniform_log_snr(process, low, high, steps)


def _default_time(process, end):
    try:
        return float(process.time_at(LEVELS[end]))
    except ValueError:
        low, high = map(float, process.span)
        if high == float("inf"):
            raise ValueError(f"from, to: {process.name} has no default times, give both") from None
        return low + (high - low) * (0.001, 0.999)[end]


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
    _lines(lines)


def _with_warnings(call, **arguments):
    """call(**arguments), its warnings said as sentences."""
    import warnings

    with warnings.catch_warnings(record=True) as caught:
        result = call(**arguments)
    for warning in caught:
        _say(f"warning: {warning.message}")
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
    _table(("observable", *columns), rows)
    facts = json.loads(dataset.attrs["provenance"])
    size = f"{int(dataset['count'][-1])} trajectories, {facts['grid']}"
    typer.echo(f"\n{size}, {facts['scheme']}, seed {facts['seed']}: {facts['wall_seconds']:.2f} s")


@app.command()
def doctor():
    """Show versions, processor, cache, and the speed of a freshly compiled kernel (some ten seconds)."""
    from llvmlite import binding

    from physim.kernels.module import cache_folder
    from physim.store import versions

    facts, features = versions(), binding.get_host_cpu_features()
    files = [f for f in cache_folder().rglob("*") if f.is_file()]
    size = sum(f.stat().st_size for f in files) / 1e6
    lines = {
        "versions": ", ".join(f"{name} {number}" for name, number in facts["versions"].items()),
        "commit": facts["commit"] or "not a checkout",
        "processor": f"{binding.get_host_cpu_name()} ({facts['machine']}), {os.cpu_count()} cores",
        "features": ", ".join(name for name in FEATURES if features.get(name)) or "none of interest",
        "cache": f"{cache_folder()}, {size:.1f} MB, {sum(f.suffix == '.py' for f in files)} modules",
    }
    _lines(lines | _probe_apart())


def _probe_apart():
    """`probe` in a process of its own with an empty cache, so that it compiles."""
    import subprocess
    import tempfile

    with tempfile.TemporaryDirectory(prefix="physim-") as folder:
        command = [sys.executable, "-c", "from physim.cli import probe; probe()"]
        run = subprocess.run(command, env={**os.environ, "PHYSIM_CACHE": folder}, capture_output=True, text=True)
    if run.returncode:
        return {"probe": f"failed: {(run.stderr.strip().splitlines() or ['no reason given'])[-1]}"}
    return json.loads(run.stdout)


def probe():
    """Print as JSON the vector width, compile time and speed of the two-point model, for `physim doctor`."""
    from time import perf_counter

    from analytic import Diffusion, SymmetricPair, ornstein_uhlenbeck
    from physim.ensemble import simulate as run
    from physim.grids import uniform
    from physim.kernels import few

    dynamics = Diffusion(SymmetricPair(1), ornstein_uhlenbeck()).reverse()
    started = perf_counter()
    module = few.build(dynamics, SCHEMES["euler_maruyama"], {"x": dynamics.state[0]}).module
    found = {"compiling": f"{perf_counter() - started:.1f} s", "vectors": _vectors(module.run)}
    grid, sizes = uniform(0.02, 3, 400), (50_000, 250_000)

    def seconds(count, threads):
        begun = perf_counter()
        run(dynamics, trajectories=count, grid=grid, seed=0, record=1, threads=threads, progress=False)
        return perf_counter() - begun

    for threads in sorted({1, os.cpu_count() or 1}):
        small, large = (min(seconds(count, threads) for _ in range(3)) for count in sizes)
        speed = (large - small) / ((sizes[1] - sizes[0]) * grid.steps) * 1e9
        found[f"{threads} thread{'s' * (threads > 1)}"] = f"{speed:.2f} ns per trajectory-step (two points)"
    typer.echo(json.dumps(found))


def _vectors(kernel):
    """Width of the vectors that most packed float64 arithmetic of a freshly compiled kernel uses."""
    import re
    from collections import Counter

    assembly = "\n".join(kernel.inspect_asm().values())
    lines = re.findall(r"v?(?:fn?m(?:add|sub)\w*|mul|add|sub)pd\s[^\n]*", assembly)
    used = Counter(max(re.findall(r"%([xyz])mm", line), default="?") for line in lines).most_common(1)
    if not used:
        return "unknown (no packed x86 arithmetic found)"
    letter, count = used[0]
    bits = {"x": 128, "y": 256, "z": 512}.get(letter, "?")
    return f"{bits} bits ({letter}mm in {count} of {len(lines)} packed operations)"


def _table(columns, rows):
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


def _lines(entries):
    for name, text in entries.items():
        typer.echo(f"{name:{max(map(len, entries))}}  {text}")


def _say(message):
    typer.echo(f"physim: {' '.join(str(message).split())}", err=True)
