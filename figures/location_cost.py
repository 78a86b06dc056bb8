r"""What a location costs: adaptive choice of sizes, points and samples against a uniform grid

    cost = samples times size;     stderr(T_c) ~ cost^(-1/2) either way, the factor is what a design is worth

The critical temperature of the Curie-Weiss model (T_c = 1), looked for between 0.6 and 1.5 with sizes 128, 512, 2048.
Adaptive: a scan finds the fall of the Binder cumulant, then every batch goes where it reduces the error of T_c most for
its cost. Grid: the same number of samples at 61 temperatures of each size, analysed by the same collapse in the same
window. (a) Standard error against cost; each point is one location with its own samples, lines have slope -1/2 through
the medians. (b) Where one adaptive run measured: the cost of each batch and its scaled temperature (the scan of the
larger sizes reaches beyond the edges and is drawn there). (c) Located less true values in standard errors.

Source: Chaloner & Verdinelli 1995 for optimal designs.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.ticker import NullFormatter

from figures import style
from figures.curie_weiss import draw as sample
from figures.report import agreement, record, sealed
from physim.locate import Collapse, adaptive, collapse, moments

STEM = "location_cost"
SIZES = (128, 512, 2048)
LOW, HIGH, GRID = 0.6, 1.5, 61
SEED = 11


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """(cost, stderr, z) of adaptive and of uniform locations; the points of one adaptive run."""
    targets, repeats = ((4e-3, 2e-3), 7) if quick else ((4e-3, 2e-3, 1e-3), 24)
    spent: list = []

    def watched(size, temperature, count, seed):
        spent.append((size, temperature, count))
        return sample(size, temperature, count, seed)

    rows = []
    for k, target in enumerate(targets):
        for j in range(repeats):
            source = watched if k == len(targets) - 1 and j == 0 else sample
            options = {"sizes": SIZES, "stderr": target, "budget": 3e9, "seed": (SEED, k, j)}
            found = adaptive(source, LOW, HIGH, **options)
            if found.found:
                rows.append((found.others["cost"], found.stderr, (found.value - 1) / found.stderr))
    uniform = []
    for k, count in enumerate((640, 1920) if quick else (640, 1920, 5760)):
        for j in range(4 if quick else 8):
            points = [(n, t, count) for n in SIZES for t in np.linspace(LOW, HIGH, GRID)]
            data = moments(sample, points, (SEED + 1, k, j))
            known = {"observables": ("binder",), "window": (512, 0.06), "start": (1, 0.5), "degrees": (4, 2, -1)}
            fit = collapse(data, **known)
            if isinstance(fit, Collapse):
                uniform.append((float(data.size @ data.samples), fit.stderr[0], (fit.values[0] - 1) / fit.stderr[0]))
    rows, uniform = np.array(rows), np.array(uniform)
    ratio = np.median(uniform[:, 0] * uniform[:, 1] ** 2) / np.median(rows[:, 0] * rows[:, 1] ** 2)
    z = np.concatenate([rows[:, 2], uniform[:, 2]])
    compared = agreement(z, what="T_c of Curie-Weiss, both designs", errors="independent (fresh samples)")
    parameters = {
        "model": f"Curie-Weiss, sizes {', '.join(map(str, SIZES))}, exact samples, T from {LOW} to {HIGH}",
        "cost of the grid over cost of the adaptive run, at equal error": f"{ratio:.1f}",
        "locations": f"{len(rows)} adaptive, {len(uniform)} on grids of {GRID} temperatures",
    }
    data = {
        "adaptive": (("run", "what"), rows),
        "uniform": (("grid_run", "what"), uniform),
        "spent": (("visit", "point"), np.array(spent)),
    }
    return sealed(
        xr.Dataset(data),
        STEM,
        quick,
        parameters,
        [compared],
        [record("exact samples of Curie-Weiss", seed=SEED, count=len(rows) + len(uniform))],
    )


@style.styled
def draw(dataset: xr.Dataset):
    """Three panels: error against cost, where the cost went, differences."""
    figure = style.sheet(style.TWO_COLUMNS, 3.4)
    axes, middle, right = figure.subplots(1, 3, width_ratios=(1.2, 1, 0.9))
    for name, series, label in (
        ("adaptive", style.SERIES[0], "adaptive"),
        ("uniform", style.SERIES[1], "uniform grid"),
    ):
        cost, error, z = dataset[name].values.T
        style.differences(axes, cost, error, series, label=label, markersize=3)
        grid = np.array([cost.min() / 1.5, cost.max() * 1.5])
        style.exact(axes, grid, np.sqrt(np.median(cost * error**2) / grid), series)
        style.differences(right, cost, z, series, markersize=3)
    axes.set_ylabel("standard error of $T_c$")
    axes.legend(loc="upper right")
    for panel in (axes, right):
        panel.set_xscale("log")
        panel.set_xlim(5e7, 1.2e9 if float(dataset["uniform"].values[:, 0].max()) < 5e8 else 4e9)
        panel.xaxis.set_minor_formatter(NullFormatter())
        panel.set_xlabel("cost (samples $\\times N$)")
    axes.set_yscale("log")
    size, temperature, count = dataset["spent"].values.T
    for n, series in zip(SIZES, style.SERIES, strict=False):
        at = size == n
        where = np.clip((temperature[at] - 1) * np.sqrt(n), -6.5, 10.5)  # the scan reaches further
        style.differences(middle, where, count[at] * n, series, label=f"$N = {n}$", markersize=3)
    middle.set_yscale("log")
    middle.set_xlabel("scaled temperature $(T - 1)\\sqrt{N}$")
    middle.set_ylabel("cost of a batch, samples $\\times N$")
    middle.set_xlim(-7, 11)
    middle.legend(loc="upper right")
    style.residuals(right, np.concatenate([dataset["adaptive"].values[:, 2], dataset["uniform"].values[:, 2]]))
    for panel, mark, text in zip(
        (axes, middle, right), "abc", ("error and cost", "where it went", "calibration"), strict=True
    ):
        style.letter(panel, mark, text)
    return figure
