r"""Which attractors merge, and where: modes of the density as the noise grows

    dx/ds = alpha xhat(x, t) - x       fixed points: the modes (stable) of p_t and the saddles between them
    p_k ~ exp(gamma p_k),  gamma = 1/t:   K equidistant classes, mean-field Potts: first order for K >= 3
    share of a basin = P(start flows into it),   between two modes: Phi of the unstable point between them

(a) Four points in the plane: each mode drifts as the noise t grows and is lost in a saddle-node; arrows show into
which mode its basin flows (the flow just beyond, started where the mode was). (b) The same as a tree over the noise.
(c) Three equidistant classes: distance of all fixed points from the centre. Between the saddle-node and the spinodal
gamma = 3 the central mode, which belongs to no class, coexists with the class modes. Line: continuation; circles: the
Potts equation, solved on its own. (d) Two points of weights 0.8 and 0.2: share of the smaller mode's basin, from paths
started in a normal law, against the exact value; it jumps to zero at the fold Lambda = 2.221.

Source: Lopez Amado et al. 2026 (2609.39648) for attractors that vanish by saddle-nodes.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
import xarray as xr
from scipy.optimize import brentq
from scipy.stats import norm

from analytic import Diffusion, PointMixture, SymmetricPair, variance_exploding
from figures import style
from figures.report import agreement, record, sealed
from physim.continuation import basins, diagram, equilibria, merge_tree, system

STEM = "attractor_merge_tree"
MEANS = ((1.0, 0.6), (1.0, -0.5), (-1.0, 0.2), (-0.7, -0.6))
WEIGHTS = (0.3, 0.3, 0.2, 0.2)
SEED = 27


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """Trees of four points, branches of three classes, and shares of two basins."""
    count = trajectories or (4_000 if quick else 40_000)
    four = diagram(system(Diffusion(PointMixture(MEANS, WEIGHTS), variance_exploding()), "t"), 0.02, 1.0)
    tree = merge_tree(four)
    data = {"edges": ("edge", tree.edges)}
    for k, (grid, paths) in enumerate(zip(tree.grids, tree.attractors, strict=True)):
        data[f"grid_{k}"] = (f"step_{k}", grid)
        data[f"paths_{k}"] = ((f"step_{k}", f"mode_{k}", "place"), paths)
        if k < len(tree.heirs):
            data[f"heirs_{k}"] = (f"mode_{k}", tree.heirs[k])
    data |= _potts()
    shares, z = _shares(count)
    data |= shares
    compared = agreement(
        z, what="share of the smaller basin at 20 noise levels", errors="independent (a seed for each)"
    )
    parameters = {
        "four points": ", ".join(map(str, MEANS)) + f"; weights {WEIGHTS}; VE",
        "mergers": "; ".join(f"t = {at:.6f}" for at, _, _ in tree.merges()),
        "three classes": f"saddle-node gamma = {float(data['potts_fold'][1]):.6f}, spinodal gamma = 3",
        "paths per share": count,
    }
    return sealed(
        xr.Dataset(data),
        STEM,
        quick,
        parameters,
        [compared],
        [record("paths from a normal law", seed=SEED, count=count)],
    )


def _potts():
    """Distance from the centre of all fixed points of three equidistant classes, continued and solved directly."""
    points = [[int(i == j) - sp.Rational(1, 3) for j in range(3)] for i in range(3)]
    subject = system(Diffusion(PointMixture(points).reduced(), variance_exploding()), "t")
    drawn = diagram(subject, 1 / 3.5, 1 / 2.6)
    rows = []
    for branch in drawn.branches:
        size = np.linalg.norm(branch.x, axis=1)
        rows += [np.column_stack([1 / branch.parameter, size, branch.unstable]), np.full((1, 3), np.nan)]
    (fold,) = [1 / p.p for p in drawn.points if p.kind == "saddle-node"]
    found = []
    for gamma in np.linspace(2.62, 3.45, 16):
        for j in (1, 2):  # j probabilities larger than the rest by a gap: log(1 + gap/low) = gamma gap
            grid = np.linspace(1e-3, 1 / j - 1e-9, 2000)
            gap = np.log1p(grid / ((1 - j * grid) / 3)) - gamma * grid
            for k in np.flatnonzero(gap[:-1] * gap[1:] < 0):
                root = brentq(lambda g: np.log1p(g / ((1 - j * g) / 3)) - gamma * g, grid[k], grid[k + 1])  # noqa: B023
                found.append((gamma, root * np.sqrt(j * (3 - j) / 3)))
    return {
        "potts": (("potts", "what"), np.concatenate(rows)),
        "potts_direct": (("direct", "place"), found),
        "potts_fold": ((), fold),
    }


def _shares(count):
    """Shares of the smaller basin at 20 separations, measured and exact."""
    subject = system(Diffusion(SymmetricPair(1, weight=0.8), variance_exploding()), "t")
    separations = np.linspace(2.26, 5, 20)
    rows = []
    for k, separation in enumerate(separations):
        result = basins(subject, 1 / separation, count, seed=SEED + k)
        small = int(np.argmin(result.attractors[:, 0]))
        saddle = [x[0] for x in equilibria(subject, 1 / separation) if subject.at(x, 1 / separation)[1][0, 0] > 0]
        truth = norm.cdf(saddle[0] / subject.scale)
        rows.append((result.share[small], np.sqrt(truth * (1 - truth) / count), truth))
    share, stderr, truth = np.array(rows).T
    columns = {"share": share, "share_stderr": stderr, "share_exact": truth, "share_separation": separations}
    return {name: ("share", values) for name, values in columns.items()}, (share - truth) / stderr


@style.styled
def draw(dataset: xr.Dataset):
    """Four panels: the plane, the tree, three classes, shares."""
    figure = style.sheet(style.TWO_COLUMNS, 5.2)
    panels = figure.subplots(2, 2)
    intervals = len(dataset["edge"]) - 1
    owners = _owners(dataset, intervals)
    for k in range(intervals):
        paths, grid = dataset[f"paths_{k}"].values, dataset[f"grid_{k}"].values
        for j in range(paths.shape[1]):
            series = style.SERIES[owners[k][j]]
            panels[0, 0].plot(*paths[:, j].T, color=series["color"])
            panels[0, 1].plot(grid, paths[:, j, 1], color=series["color"], linestyle=series["linestyle"])
            if k + 1 < intervals:
                heir = int(dataset[f"heirs_{k}"][j])
                end, start = paths[-1, j], dataset[f"paths_{k + 1}"].values[0, heir]
                if owners[k][j] != owners[k + 1][heir]:
                    _arrow(panels[0, 0], end, start)
                    _arrow(panels[0, 1], (grid[-1], end[1]), (grid[-1], start[1]))
    for mean, series in zip(_start(dataset), style.SERIES, strict=False):
        style.differences(panels[0, 0], *mean, series)
    panels[0, 0].set_xlabel("coordinate $x_1$")
    panels[0, 0].set_ylabel("coordinate $x_2$")
    panels[0, 0].margins(0.12)
    panels[0, 1].set_xscale("log")
    panels[0, 1].set_xlabel("noise $t = \\sigma^2$     $\\leftarrow$ generation")
    panels[0, 1].set_ylabel("coordinate $x_2$ of the modes")
    _draw_potts(panels[1, 0], dataset)
    _draw_shares(panels[1, 1], dataset)
    words = ("four modes in the plane", "which become one", "three equidistant classes", "share of the smaller basin")
    for axes, mark, text in zip(panels.flat, "abcd", words, strict=True):
        style.letter(axes, mark, text)
    return figure


def _owners(dataset, intervals):
    """For each interval the series of each mode: that of its nearest parent."""
    owners = [list(range(dataset["paths_0"].shape[1]))]
    for k in range(intervals - 1):
        heirs, ends = dataset[f"heirs_{k}"].values, dataset[f"paths_{k}"].values[-1]
        starts = dataset[f"paths_{k + 1}"].values[0]
        row = []
        for heir, start in enumerate(starts):
            parents = np.flatnonzero(heirs == heir)
            row.append(owners[-1][parents[np.argmin(np.linalg.norm(ends[parents] - start, axis=1))]])
        owners.append(row)
    return owners


def _start(dataset):
    return dataset["paths_0"].values[0]


def _arrow(axes, start, end):
    look = {"arrowstyle": "-|>", "color": style.GREY, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 2, "mutation_scale": 7}
    axes.annotate("", xy=tuple(end), xytext=tuple(start), arrowprops=look)


def _draw_potts(axes, dataset):
    rows = dataset["potts"].values
    for mask, line in ((rows[:, 2] == 0, "-"), (rows[:, 2] > 0, (0, (4, 2)))):
        axes.plot(*np.where(mask[:, None], rows[:, :2], np.nan).T, color=style.BLACK, linestyle=line)
    style.differences(axes, *dataset["potts_direct"].values.T, style.SERIES[0], markersize=3)
    style.critical(axes, float(dataset["potts_fold"]), "saddle-node", side="left", height=0.6, rotation=90)
    style.critical(axes, 3, "spinodal", side="right", height=0.6)
    axes.set_xlim(2.6, 3.5)
    axes.set_xlabel("separation $\\gamma = 1/t$     generation $\\rightarrow$")
    axes.set_ylabel("distance from the centre $|x|$")


def _draw_shares(axes, dataset):
    where = dataset["share_separation"]
    style.exact(axes, where, dataset["share_exact"], {"color": style.BLACK, "linestyle": "-"}, "exact")
    style.measured(axes, where, dataset["share"], dataset["share_stderr"], style.SERIES[1], "paths", markersize=3)
    style.critical(axes, 2.221106, "fold", side="right", height=0.98)
    axes.set_xlabel("class separation $\\Lambda$")
    axes.set_ylabel("share of starts, probability $P$")
    axes.legend(loc="lower right")
