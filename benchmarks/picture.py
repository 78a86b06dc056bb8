"""The main table as horizontal bars on a logarithmic axis, ours in colour."""

from __future__ import annotations

from matplotlib.figure import Figure

from benchmarks.contestants import CEILING, OURS
from benchmarks.report import number

COLOURS = {"ours": "#0072B2", "variant": "#56B4E9", "ceiling": "#FFFFFF", "other": "#BBBBBB"}


def draw(results: dict) -> Figure:
    """Fastest at the top; each bar says its nanoseconds and its time over ours."""
    rows = sorted((row for row in results["table"] if "skipped" not in row), key=lambda row: row["ns_best"])
    figure = Figure(figsize=(7.2, 0.8 + 0.3 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for place, row in enumerate(rows):
        kind = _kind(row["name"])
        style = {"hatch": "////"} if kind == "ceiling" else {}
        axes.barh(place, row["ns_best"], height=0.72, color=COLOURS[kind], edgecolor="black", linewidth=0.6, **style)
        text = f"{number(row['ns_best'])} ns" + ("" if kind == "ours" else f"   ({number(row['ratio_best'])} x)")
        axes.annotate(text, (row["ns_best"], place), (4, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks(range(len(rows)), [f"{row['name']} ({_cores(row)})" for row in rows], fontsize=8)
    for label, row in zip(axes.get_yticklabels(), rows, strict=True):
        label.set_fontweight("bold" if _kind(row["name"]) == "ours" else "normal")
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xscale("log")
    axes.set_xlim(0.5 * rows[0]["ns_best"], 20 * rows[-1]["ns_best"] ** 1.1)
    axes.set_xlabel("ns per trajectory and step (in brackets: time over ours)")
    axes.spines[["top", "right"]].set_visible(False)
    machine = results["machine"]
    axes.set_title(f"{machine['processor']}, {machine['cores']} cores, {machine['date']}", fontsize=9, loc="left")
    return figure


def _kind(name):
    if name == CEILING:
        return "ceiling"
    if name == OURS:
        return "ours"
    return "variant" if name.startswith(OURS) else "other"


def _cores(row):
    return f"{row['cores']} core{'s' if row['cores'] > 1 else ''}"
