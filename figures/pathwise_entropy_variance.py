r"""Variance of the pathwise class entropy: the peak of decision, and whose clock it sharpens in

    h(x) = -sum_k p_k log p_k,  p_k = p(class k | x_t = x);     H = E[h],  V = Var[h]  over generated paths
    Lambda = alpha^2 |m|^2/(sigma^2 + alpha^2 v);   given the class, log-odds ~ N(2 Lambda, 4 Lambda)
    H and V are functions of Lambda alone;   V is largest at Lambda = 1.345478, where V = 0.0536289 nats^2

Data are two Gaussian classes at +m and -m, |m|^2 = D, variance 1, in D dimensions (all but the one along m
are integrated out exactly). Points: mean and variance of h over simulated reverse trajectories. Lines: the
universal functions. (a) Mean and (b) variance under the Ornstein-Uhlenbeck process against t/t_S, t_S =
(1/2) log D: the peak sharpens as D grows. (c) Variance under EDM against sigma/sqrt(D): it does not. (d) The
same EDM data against log(sigma)/log(sqrt(D)): it does. Sharpening is a statement about the clock, not about
the process: V depends on Lambda only, its peak is 2.10 wide in log(Lambda), or 1.05 in Ornstein-Uhlenbeck
time (full width at half maximum), for every D, and narrows only relative to t_S. (e) All data against Lambda
(open: OU, filled: EDM); (f) the variances less theory. Triangles and dashed line of (e): the peak.

The points of one run (one D and process) are correlated, mean and variance too: chi^2 uses the measured
correlation; runs are independent.

Source: Stancevic & Ambrogioni 2026 (2508.19897); speciation time of Biroli, Bonnaire, de Bortoli & Mezard
2024 (2402.18491).
"""

from __future__ import annotations

import numpy as np
import sympy as sp
import xarray as xr
from matplotlib.lines import Line2D
from scipy.linalg import block_diag

from analytic import Diffusion, SymmetricPair, edm, evaluate, ornstein_uhlenbeck
from analytic import t as time
from figures import style, two_classes
from figures.ensembles import against, correlation, ensemble, level_of_separation, squared_distance
from figures.report import agreement, sealed
from physim.quadrature import expectations

STEM = "pathwise_entropy_variance"
DIMENSIONS = (64, 1024, 16384, 1_000_000)
PROCESSES = (ornstein_uhlenbeck, edm)
START, FIRST, LAST = 0.02, 0.06, 9.0  # values of Lambda
POINTS = 14
KINDS = {"mean": two_classes.class_entropy, "var": two_classes.entropy_variance}
SEED = 20260801
VARIANCE_LABEL = "variance $V$ of $h$ (nats$^2$)"
WORDS = (
    "OU process: mean",
    "OU process: variance",
    "EDM, in $\\sigma$: no sharpening",
    "EDM, in $\\log\\sigma$: sharpening",
    "one function of $\\Lambda$",
    "simulation less theory",
)
m = sp.Symbol("m", positive=True)


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """Mean and variance of the class entropy along reverse trajectories, for every process and dimension."""
    count = trajectories or (20_000 if quick else 200_000)
    steps = 1500 if quick else 8000
    quantities = [f"{kind}_{what}" for kind in KINDS for what in ("value", "stderr", "z", "step_bias")]
    shape = (len(PROCESSES), len(DIMENSIONS), POINTS)
    found = {name: np.empty(shape) for name in ("separation", *quantities)}
    correlations, runs, check = [], [], 0.0
    for i, make in enumerate(PROCESSES):
        diffusion = Diffusion(SymmetricPair(mean_norm=m, variance=1, dim=m**2), make())
        for j, dim in enumerate(DIMENSIONS):
            separation = FIRST * (LAST / FIRST) ** ((np.arange(POINTS) + (j + i / 2) / 4) / POINTS)
            run = _run(diffusion, separation, dim, steps, count, SEED + 100 * i + 2 * j)
            found["separation"][i, j] = separation
            for kind, exact in KINDS.items():
                for what, values in against(run, "h", exact(separation), kind).items():
                    found[f"{kind}_{what}"][i, j] = values
            correlations.append(_joint(diffusion.process, run, separation, dim**0.5))
            runs.append(run.attrs["facts"])
            check = max(check, _check(diffusion, run, separation, dim))
    compared = agreement(
        np.concatenate([found["mean_z"], found["var_z"]], axis=-1),
        block_diag(*correlations),
        what=f"mean and variance of h, {len(runs)} ensembles",
        errors="independent between ensembles, joint covariance within one",
        step_bias=np.concatenate([found["mean_step_bias"], found["var_step_bias"]], axis=-1),
    )
    dataset = xr.Dataset({k: (("process", "dimension", "point"), v) for k, v in found.items()} | _curves())
    dataset = dataset.assign_coords(process=[make.__name__ for make in PROCESSES], dimension=list(DIMENSIONS))
    (where, peak), width = two_classes.variance_peak(), two_classes.variance_width()
    parameters = {
        "data": "two Gaussian classes at +m and -m, |m| = sqrt(D), variance 1",
        "D": ", ".join(map(str, DIMENSIONS)),
        "processes": ", ".join(make.__name__ for make in PROCESSES),
        "peak of V": f"Lambda = {where:.6f}, V = {peak:.7f} nats^2",
        "full width at half maximum": f"{width:.4f} in log(Lambda), {width / 2:.4f} in OU time, for every D",
        "trajectories per ensemble": count,
        "steps": f"{steps}, equal in log-SNR, from Lambda = {START} to the last point",
        "universal functions against quadrature under p_t": f"largest difference {check:.1e}",
    }
    return sealed(dataset, STEM, quick, parameters, [compared], runs)


def _run(diffusion, separation, dim, steps, count, seed):
    return ensemble(
        diffusion.reverse(),
        diffusion.process,
        start=level_of_separation(START, dim**0.5),
        at=level_of_separation(separation, dim**0.5),
        steps=steps,
        trajectories=count,
        seed=seed,
        observe={"h": diffusion.class_entropy},
        parameters={m: dim**0.5},
    )


def _joint(process, run, separation, norm):
    """Correlation of all points of a run: along m the log-odds of the classes are 2 Lambda x/(alpha |m|)."""
    amplitude = np.array([float(evaluate(process.alpha, {time: when})) for when in run["time"].values])
    h = two_classes.entropy_of((2 * separation / (amplitude * norm))[:, None] * run["paths"].values[:, 0])
    return correlation(h, squared_distance(h))


def _check(diffusion, run, separation, dim):
    """Largest difference of the universal functions from quadrature of the symbolic h under p_t, at three times."""
    h, some = diffusion.class_entropy, slice(None, None, POINTS // 2)
    sound = expectations(diffusion, {"h": h, "h2": h**2}, run["time"].values[some], {m: dim**0.5})
    first = np.abs(sound["h"].values - two_classes.class_entropy(separation[some]))
    second = np.abs(sound["h2"].values - sound["h"].values ** 2 - two_classes.entropy_variance(separation[some]))
    return float(max(first.max(), second.max()))


def _curves():
    grid = np.geomspace(START, 40, 400)
    where, peak = two_classes.variance_peak()
    return {
        "curve_separation": ("curve", grid),
        "curve_mean": ("curve", two_classes.class_entropy(grid)),
        "curve_var": ("curve", two_classes.entropy_variance(grid)),
        "peak_separation": ((), where),
        "peak_variance": ((), peak),
    }


def own_clock(separation, dim):
    """t/t_S of the Ornstein-Uhlenbeck process: Lambda = D exp(-2t)."""
    return 1 - np.log(separation) / np.log(dim)


def noise_clock(separation, dim):
    """sigma/sqrt(D) of EDM: Lambda = D/(sigma^2 + 1); nan where Lambda > D."""
    square = 1 / separation - 1 / dim
    return np.sqrt(np.where(square > 0, square, np.nan))


def log_noise_clock(separation, dim):
    """log(sigma)/log(sqrt(D)) of EDM."""
    return 1 + np.log(noise_clock(separation, dim)) / np.log(dim**0.5)


@style.styled
def draw(dataset: xr.Dataset):
    """Six panels: mean and variance in three clocks, collapse and residuals."""
    figure = style.sheet(style.TWO_COLUMNS, 7.0)
    panels = figure.subplots(3, 2)
    process = dataset["process"].values.tolist()
    ou, edm_runs = dataset.isel(process=process.index("ornstein_uhlenbeck")), dataset.isel(process=process.index("edm"))
    _draw_clock(panels[0, 0], ou, "mean", own_clock)
    _draw_clock(panels[0, 1], ou, "var", own_clock)
    _draw_clock(panels[1, 0], edm_runs, "var", noise_clock)
    _draw_clock(panels[1, 1], edm_runs, "var", log_noise_clock)
    for axes in panels[0]:
        axes.set_xlabel("$t\\,/\\,t_S$,   $t_S = \\frac{1}{2}\\log D$")
        axes.set_xlim(0, 1.8)
    style.critical(panels[0, 0], 1, "$t_S$: $\\Lambda = 1$", side="right", height=0.12)
    style.critical(panels[0, 1], 1, "$t_S$: $\\Lambda = 1$", side="right", height=0.99)
    clocks = (("$\\sigma\\,/\\,\\sqrt{D}$", 4), ("$\\log\\sigma\\,/\\,\\log\\sqrt{D}$", 1.8))
    for axes, (text, end) in zip(panels[1], clocks, strict=True):
        axes.set_xlabel(text)
        axes.set_xlim(0, end)
        style.critical(axes, 1, "$\\Lambda \\approx 1$", side="right", height=0.99)
    panels[1, 0].text(2.0, 0.027, "all $D$ on one curve")
    style.critical(panels[0, 0], np.log(2), "log 2", along="y", height=0.1, side="below")
    panels[0, 0].legend(loc="center left", bbox_to_anchor=(0.0, 0.55), title="dimension")
    _draw_collapse(panels[2, 0], dataset)
    _draw_residuals(panels[2, 1], dataset)
    for axes, mark, words in zip(panels.flat, "abcdef", WORDS, strict=True):
        style.letter(axes, mark, words)
    return figure


def _draw_clock(axes, part, kind, clock):
    for k, series in enumerate(style.SERIES):
        dim = int(part["dimension"][k])
        text = f"$D = {dim}$" if dim < 10**6 else "$D = 10^6$"
        style.exact(axes, clock(part["curve_separation"].values, dim), part[f"curve_{kind}"], series)
        where = clock(part["separation"][k].values, dim)
        style.measured(axes, where, part[f"{kind}_value"][k], part[f"{kind}_stderr"][k], series, text)
        if kind == "var":
            peak = clock(float(part["peak_separation"]), dim)
            above = 1.07 * float(part["peak_variance"])
            axes.plot(peak, above, marker="v", color=series["color"], markersize=3.5, zorder=5)
    label, top = {"mean": ("mean class entropy $H$ (nats)", 0.76), "var": (VARIANCE_LABEL, 0.064)}[kind]
    axes.set_ylabel(label)
    axes.set_ylim(0, top)


def _each(dataset):
    """Every ensemble with its series and marker face: open for OU, filled for EDM."""
    for i, open_marker in enumerate((True, False)):
        for k, series in enumerate(style.SERIES):
            face = "white" if open_marker else series["color"]
            yield dataset.isel(process=i, dimension=k), series, {"markerfacecolor": face}


def _draw_collapse(axes, dataset):
    axes.plot(dataset["curve_separation"], dataset["curve_var"], color=style.BLACK, zorder=3)
    for part, series, face in _each(dataset):
        style.measured(axes, part["separation"], part["var_value"], part["var_stderr"], series, **face)
    where = float(dataset["peak_separation"])
    style.critical(axes, where, f"peak: $\\Lambda = {where:.6f}$", side="right", height=0.99)
    axes.set_xscale("log")
    axes.set_xlim(0.04, 16)
    axes.set_ylim(0, 0.064)
    axes.set_xlabel("class separation $\\Lambda$     generation $\\rightarrow$")
    axes.set_ylabel(VARIANCE_LABEL)
    look = {"color": style.GREY, "marker": "o", "linestyle": "none", "markeredgewidth": 0.9}
    hollow = Line2D([], [], markerfacecolor="white", label="OU", **look)
    axes.legend(handles=[hollow, Line2D([], [], label="EDM", **look)], loc="upper left", handlelength=1)


def _draw_residuals(axes, dataset):
    for part, series, face in _each(dataset):
        style.differences(axes, part["separation"], part["var_z"], series, **face)
    style.residuals(axes, dataset["var_z"].values)
    axes.set_xscale("log")
    axes.set_xlim(0.04, 16)
    axes.set_xlabel("class separation $\\Lambda$")
    axes.set_ylabel("variance: difference $z$\n(std. errors)")
