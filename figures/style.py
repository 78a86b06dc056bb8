"""One look for all figures: points with error bars are simulations, lines are theory.

Colours are those of Okabe & Ito (colour-blind safe); series differ in line style and marker as well, so that
a grey print can be read. Figures are made without pyplot and its global state.
"""

from __future__ import annotations

from functools import wraps

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory

ONE_COLUMN, TWO_COLUMNS = 3.4, 7.0  # inches

BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILLION, PURPLE = (
    "#000000",
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#F0E442",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
)
GREY = "#6F6F6F"
SERIES = (
    {"color": BLUE, "linestyle": "-", "marker": "o"},
    {"color": VERMILLION, "linestyle": (0, (5, 1.2)), "marker": "s"},
    {"color": GREEN, "linestyle": (0, (5, 1.2, 1.2, 1.2)), "marker": "^"},
    {"color": PURPLE, "linestyle": (0, (1.4, 1.0)), "marker": "D"},
)

LOOK = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "mathtext.fontset": "dejavusans",
    "font.size": 7.5,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "legend.borderaxespad": 0.3,
    "legend.labelspacing": 0.35,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.2,
    "errorbar.capsize": 0,
    "figure.dpi": 100,
    "savefig.dpi": 250,
    "pdf.fonttype": 42,
    "figure.constrained_layout.h_pad": 0.05,
    "figure.constrained_layout.w_pad": 0.05,
}


def styled(draw):
    """Draw under the shared look, whatever the user's own settings are."""

    @wraps(draw)
    def inner(*arguments, **options):
        with mpl.rc_context():
            mpl.rcdefaults()
            mpl.rcParams.update(LOOK)
            return draw(*arguments, **options)

    return inner


def sheet(width: float, height: float) -> Figure:
    """An empty figure of a size in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def letter(axes, text: str, words: str = "") -> None:
    """The letter of a panel and what it shows, above its left corner."""
    axes.set_title(f"({text})  {words}" if words else f"({text})", loc="left", pad=5)


def measured(axes, x, y, stderr, series, label=None, **options) -> None:
    """Simulated points, those that are finite, with one standard error up and down."""
    x, y, stderr = (values[np.isfinite(y)] for values in (np.asarray(x), np.asarray(y), np.asarray(stderr)))
    look = {"markerfacecolor": "white", "markeredgewidth": 0.9, "elinewidth": 0.9, "zorder": 4, **options}
    look |= {"color": series["color"], "marker": series["marker"], "linestyle": "none"}
    axes.errorbar(x, y, yerr=stderr, label=label, **look)


def exact(axes, x, y, series, label=None, **options) -> None:
    """A theoretical curve."""
    axes.plot(x, y, color=series["color"], linestyle=series["linestyle"], label=label, **{"zorder": 3, **options})


def critical(
    axes, value, text: str = "", side: str = "left", height: float = 0.97, along: str = "x", **options
) -> None:
    """A critical value: a thin dashed line and its name, on the given side of it."""
    line = axes.axvline if along == "x" else axes.axhline
    line(value, color=GREY, linewidth=0.7, linestyle=(0, (4, 2)), zorder=1)
    if not text:
        return
    look = {"color": "#404040", "fontsize": 7, "zorder": 5, **options}
    shift = -3 if side in ("left", "below") else 3
    if along == "x":
        where, offset = blended_transform_factory(axes.transData, axes.transAxes), (shift, 0)
        align = {"ha": "right" if side == "left" else "left", "va": "top"}
        at = (value, height)
    else:
        where, offset = blended_transform_factory(axes.transAxes, axes.transData), (0, shift)
        align = {"ha": "right", "va": "top" if side == "below" else "bottom"}
        at = (height, value)
    axes.annotate(text, at, xycoords=where, xytext=offset, textcoords="offset points", **align, **look)


def differences(axes, x, z, series, **options) -> None:
    """Differences in standard errors; their own error is one by definition and is not drawn."""
    look = {"markerfacecolor": "white", "markeredgewidth": 0.9, "zorder": 4, **options}
    axes.plot(x, z, color=series["color"], marker=series["marker"], linestyle="none", **look)


def residuals(axes, z) -> None:
    """Dress axes that show the differences z: zero line, shaded band of two standard errors, room for every point."""
    axes.axhspan(-2, 2, color="#E9E9E9", zorder=0, linewidth=0)
    axes.axhline(0, color=BLACK, linewidth=0.6, zorder=1)
    reach = max(3.4, 1.15 * float(np.nanmax(np.abs(z))))
    axes.set_ylim(-reach, reach)
    axes.set_yticks([-2, 0, 2])
    axes.set_ylabel("difference $z$\n(std. errors)")
