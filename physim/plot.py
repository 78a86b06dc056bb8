"""The quick look of the command line: what `simulate` returned, drawn against forward time.

Points are means with error bars of one standard error.  Figures use matplotlib's object interface: no pyplot,
no window, no state shared with a caller's figures.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

FORMATS = (".pdf", ".png")
BUNDLE = 50
WIDTH, HEIGHT = 6.0, 2.3  # of a panel, inches


def quick_look(dataset, path, title: str | None = None) -> Path:
    """Draw every observable of a simulated dataset into a PDF or PNG file.

    Parameters
    ----------
    dataset : what `physim.simulate` returned.  path : name of the file, ending in .pdf or .png.
    title : a line above the panels; None names the dynamics.

    Returns
    -------
    The path.  The provenance of the dataset goes into the file's metadata.

    Raises
    ------
    ValueError for another ending or a dataset without observables.
    """
    from matplotlib import rc_context

    path = checked_path(path)
    facts = json.loads(dataset.attrs.get("provenance", "{}"))
    figure = draw(dataset, facts.get("dynamics", {}).get("name", "") if title is None else title)
    path.parent.mkdir(parents=True, exist_ok=True)
    with rc_context({"pdf.fonttype": 42}):
        figure.savefig(path, dpi=150, metadata=_metadata(path, facts, dataset.attrs.get("provenance", "{}")))
    return path


def checked_path(path) -> Path:
    """The path, if its ending is one of FORMATS."""
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"plot: {path.name} must end in {' or '.join(FORMATS)}")
    return path


def observables(dataset) -> list[str]:
    """Names of the observables of a simulated dataset."""
    ending = "_mean_stderr"
    return [str(name).removesuffix(ending) for name in dataset.data_vars if str(name).endswith(ending)]


def draw(dataset, title: str = ""):
    """The figure: a panel for each observable, and for each coordinate of kept paths that is not observed."""
    from matplotlib.figure import Figure

    observed = observables(dataset)
    coordinates = [str(c) for c in dataset["coordinate"].values] if "paths" in dataset else []
    names = observed + [c for c in coordinates if c not in observed]
    if not names:
        raise ValueError("dataset: it has no observable (a variable that ends in _mean_stderr)")
    figure = Figure(figsize=(WIDTH, HEIGHT * len(names) + 0.6), layout="constrained")
    panels = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    times = dataset["time"].values
    for axes, name in zip(panels, names, strict=True):
        if name in coordinates:
            bundle = dataset["paths"].sel(coordinate=name).values[:, :BUNDLE]
            axes.plot(times, bundle, color="0.6", linewidth=0.5, alpha=0.5, zorder=1)
        if name in observed:
            mean, error = dataset[f"{name}_mean"], dataset[f"{name}_mean_stderr"]
            axes.errorbar(times, mean, error, fmt="o", markersize=2.5, elinewidth=1, capsize=2, zorder=2)
        axes.set_ylabel(name.replace("_", " "))
        axes.margins(x=0.02)
        axes.grid(color="0.92", linewidth=0.6)
        axes.set_axisbelow(True)
    if _bunched(times):
        panels[-1].set_xscale("log")
    panels[-1].set_xlabel("forward time t")
    _mark_direction(panels[0], falling=bool(len(times) > 1 and times[0] > times[-1]))
    if title:
        figure.suptitle(title, fontsize="medium")
    return figure


def _bunched(times) -> bool:
    """Whether the times crowd at their small end, so that a logarithmic axis serves them better."""
    gaps = np.abs(np.diff(times))
    return len(gaps) > 1 and times.min() > 0 and gaps[np.argmin(times[1:])] < gaps.max() / 10


def _mark_direction(axes, falling: bool) -> None:
    """An arrow above the panel, the way the trajectories were walked."""
    start, end, side = (0.99, 0.75, "right") if falling else (0.01, 0.25, "left")
    arrow = {"arrowstyle": "->", "color": "0.3"}
    above = {"xycoords": "axes fraction", "annotation_clip": False}
    axes.annotate("", (end, 1.06), (start, 1.06), arrowprops=arrow, **above)
    label = "generation" if falling else "forward"
    axes.annotate(label, (start, 1.08), ha=side, va="bottom", color="0.3", fontsize="small", **above)


def _metadata(path, facts, provenance) -> dict:
    version = facts.get("versions", {}).get("physim-diffusion")
    words = {"Title": facts.get("dynamics", {}).get("name", ""), "Creator": f"physim {version or ''}".strip()}
    if path.suffix.lower() == ".pdf":
        return {**words, "Subject": provenance}
    return {"Title": words["Title"], "Software": words["Creator"], "Description": provenance}
