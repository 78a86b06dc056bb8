r"""Measured agreement of simulation and theory, provenance inside the pictures, and the page that shows it
all.

    z_i = (simulated_i - exact_i)/stderr_i        chi^2 = z^T R^-1 z,  R the correlation of the z_i (I if independent)

The p-value is that of chi^2 with as many degrees of freedom as points: nothing is fitted.
"""

from __future__ import annotations

import base64
import html
import importlib
import inspect
import json
from pathlib import Path

import numpy as np
from scipy import stats

from figures.style import LOOK
from physim.store import provenance, versions


def agreement(z, correlation=None, *, what="", errors="independent", step_bias=None) -> dict:
    """Compare simulated points with theory.

    Parameters
    ----------
    z : differences in standard errors.  correlation : their correlation matrix, or None when independent.
    what : the quantity, for the page.  errors : how the points hang together, for the page.
    step_bias : estimated bias of the time step at each point, in standard errors, or None.

    Returns
    -------
    dict of points, max_abs_z, chi2, dof, chi2_per_dof, p_value, and root-mean-square and largest step bias.
    """
    z = np.asarray(z, dtype=float).ravel()
    if not np.all(np.isfinite(z)):
        raise ValueError(f"z: {np.count_nonzero(~np.isfinite(z))} of {z.size} differences are not finite numbers")
    if correlation is None:
        square = float(z @ z)
    else:
        square = float(z @ np.linalg.solve(correlation, z))
    found = {
        "what": what,
        "errors": errors,
        "points": int(z.size),
        "max_abs_z": float(np.abs(z).max()),
        "chi2": square,
        "dof": int(z.size),
        "chi2_per_dof": square / z.size,
        "p_value": float(stats.chi2.sf(square, z.size)),
    }
    if step_bias is not None:
        found["step_bias_rms"] = float(np.sqrt(np.mean(np.square(step_bias))))
        found["step_bias_max"] = float(np.abs(step_bias).max())
    return found


KERNEL_FACTS = ("dynamics", "observables", "scheme")
RUN_FACTS = ("parameters", "trajectories", "seed", "stream", "grid", "step_bias_run")


def sealed(dataset, stem: str, quick: bool, parameters: dict, agreements: list, runs: list):
    """The dataset with everything the report needs in attrs: parameters, agreement and provenance, as JSON.

    `runs` are the facts of every simulation; what runs share (dynamics, observables, scheme) is written once.
    """
    kernels, records = [], []
    for facts in runs:
        kernel = {k: facts[k] for k in KERNEL_FACTS}
        if kernel not in kernels:
            kernels.append(kernel)
        records.append({"kernel": kernels.index(kernel)} | {k: facts[k] for k in RUN_FACTS if k in facts})
    facts = {"figure": stem, "quick": bool(quick), "kernels": kernels, "runs": records}
    return dataset.assign_attrs(
        parameters=json.dumps(parameters), agreement=json.dumps(agreements), provenance=provenance(facts)
    )


def record(what: str, *, seed, count: int, parameters=None, grid: str = "none") -> dict:
    """Facts, in the form of a simulation's, of random numbers used otherwise: searches, exact samples, path starts."""
    kernel = {"dynamics": what, "observables": {}, "scheme": "none"}
    return {**kernel, "parameters": parameters or {}, "trajectories": int(count), "seed": seed, "grid": grid}


def caption_of(stem: str) -> str:
    """The docstring of a figure's module."""
    return inspect.cleandoc(importlib.import_module(f"figures.{stem}").__doc__)


def save_pictures(figure, dataset, stem: str, folder: Path) -> None:
    """PDF and PNG with the provenance in their metadata (Keywords; text chunk Provenance)."""
    import matplotlib as mpl

    title = caption_of(stem).splitlines()[0]
    facts = dataset.attrs["provenance"]
    with mpl.rc_context({"pdf.fonttype": LOOK["pdf.fonttype"], "savefig.dpi": LOOK["savefig.dpi"]}):
        figure.savefig(
            folder / f"{stem}.pdf",
            metadata={"Title": title, "Subject": dataset.attrs["agreement"], "Keywords": facts},
        )
        figure.savefig(
            folder / f"{stem}.png",
            metadata={"Title": title, "Description": dataset.attrs["agreement"], "Provenance": facts},
        )


def page(datasets: dict, folder: Path) -> Path:
    """Write index.html: one self-contained page about the figures, given as a dict from stem to dataset."""
    figures = "\n".join(_section(stem, dataset, folder) for stem, dataset in datasets.items())
    text = PAGE.format(summary=_summary(datasets), figures=figures, versions=html.escape(_versions()))
    path = folder / "index.html"
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
    return path


def _versions():
    known = versions()
    names = [f"{name} {number}" for name, number in known["versions"].items() if number]
    return ", ".join([*names, f"commit {known['commit']}"])


def _section(stem, dataset, folder):
    caption = caption_of(stem)
    title, _, body = caption.partition("\n")
    picture = base64.b64encode((folder / f"{stem}.png").read_bytes()).decode()
    parameters = json.loads(dataset.attrs["parameters"])
    rows = "".join(f"<tr><th>{html.escape(k)}</th><td>{html.escape(str(v))}</td></tr>" for k, v in parameters.items())
    facts = html.escape(json.dumps(json.loads(dataset.attrs["provenance"]), indent=1, ensure_ascii=False))
    return SECTION.format(
        stem=stem,
        title=html.escape(title),
        picture=picture,
        caption=_paragraphs(body),
        agreement=_table(json.loads(dataset.attrs["agreement"])),
        parameters=rows,
        provenance=facts,
    )


def _paragraphs(text):
    """Blank lines part paragraphs; an indented one is a formula."""
    out = []
    for block in text.strip("\n").split("\n\n"):
        if block.startswith("    "):
            out.append(f"<pre>{html.escape(inspect.cleandoc(block))}</pre>")
        else:
            out.append(f"<p>{html.escape(' '.join(block.split()))}</p>")
    return "\n".join(out)


HEADINGS = ("compared", "points", "max |z|", "χ²/dof", "p-value", "step bias rms / max", "points are")


def _cells(row):
    bias = f"{row['step_bias_rms']:.2f} / {row['step_bias_max']:.2f}" if "step_bias_rms" in row else "–"
    numbers = (
        row["points"],
        f"{row['max_abs_z']:.2f}",
        f"{row['chi2']:.1f}/{row['dof']} = {row['chi2_per_dof']:.2f}",
    )
    return [row["what"], *numbers, f"{row['p_value']:.3f}", bias, row["errors"]]


def _table(rows, first=""):
    head = "".join(f"<th>{html.escape(h)}</th>" for h in ((first,) if first else ()) + HEADINGS)
    body = "".join(
        "<tr>"
        + "".join(f"<td>{html.escape(str(c))}</td>" for c in ([row[first]] if first else []) + _cells(row))
        + "</tr>"
        for row in rows
    )
    return f'<table class="agreement"><tr>{head}</tr>{body}</table>'


def _summary(datasets):
    rows = [{"figure": stem, **row} for stem, d in datasets.items() for row in json.loads(d.attrs["agreement"])]
    return _table(rows, "figure")


SECTION = """<section id="{stem}">
<h2>{title}</h2>
<figure><img alt="{title}" src="data:image/png;base64,{picture}"></figure>
{caption}
<h3>Measured agreement</h3>
{agreement}
<h3>Parameters</h3>
<table>{parameters}</table>
<details><summary>Provenance</summary><pre>{provenance}</pre></details>
</section>
"""

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Figures: exact theory and simulation</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a;
 background: #fff; }}
h2 {{ margin-top: 3.5rem; border-top: 1px solid #ccc; padding-top: 1rem; }}
h3 {{ margin-bottom: .3rem; font-size: 1rem; }}
figure {{ margin: 1rem 0; }} img {{ width: 100%; height: auto; }}
pre {{ background: #f5f5f5; padding: .6rem .8rem; overflow-x: auto; font-size: .85rem; line-height: 1.4; }}
table {{ border-collapse: collapse; font-size: .85rem; display: block; overflow-x: auto; }}
th, td {{ text-align: left; vertical-align: top; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid #e4e4e4; }}
th {{ font-weight: 600; }} .agreement td:nth-child(n+2) {{ font-variant-numeric: tabular-nums; }}
</style></head><body>
<h1>Exact theory and simulation</h1>
<p>Lines are exact results derived symbolically; points with error bars (one standard error, often
smaller than the symbol) are simulations.
z is the difference of the two in standard errors; χ² uses the measured correlation of the points wherever they come
from one run. Nothing is fitted. The step bias is that of the time step, in standard errors, estimated from independent
runs of one eighth of the steps (the estimate itself has an error of about 0.2).</p>
{summary}
{figures}
<p>{versions}</p>
</body></html>
"""
