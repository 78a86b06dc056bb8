r"""Variance of the pathwise class entropy: one peak in three clocks, sharp in two of them

    h(x) = -sum_k p_k log p_k,  p_k = p(class k | x_t = x);     V = Var[h]  over generated paths
    Lambda = alpha^2 |m|^2/(sigma^2 + alpha^2 v);   given the class, log-odds ~ N(2 Lambda, 4 Lambda)
    V is a function of Lambda alone;   V is largest at Lambda = 1.345478, where V = 0.0536289 nats^2

Data are two Gaussian classes at +m and -m, |m|^2 = D, variance 1, in D dimensions (all but the one along m
are integrated out exactly). Points: variance of h over simulated reverse trajectories of the Ornstein-Uhlenbeck (VP,
open) and the EDM process (VE, filled). Lines: the universal function. With sigma the ratio of noise to signal (EDM's
own sigma; sigma/alpha under Ornstein-Uhlenbeck) both processes have the same clocks: (a) t/t_S, the
Ornstein-Uhlenbeck time in units of t_S = (1/2) log D: the peak sharpens as D grows. (b) sigma/sqrt(D): it does not.
(c) log(sigma)/log(sqrt(D)): it does again. (d) Full width at half maximum in the three clocks: the two places of half
height lie at 2.10 from each other in log(Lambda), or 1.05 in Ornstein-Uhlenbeck time, for every D; dotted: 2.10/log D.
Points: places of half height moved, on the slope of theory, by what the nearest simulated variance differs. Sharpening
is a statement about the clock, not about the process. (e) All data against Lambda; (f) the variances (large) and means
(small) less theory. Triangles and dashed line of (e): the peak.

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

STEM = "variance_peak_clock"
DIMENSIONS = (64, 1024, 16384, 1_000_000)
PROCESSES = (ornstein_uhlenbeck, edm)
START, FIRST, LAST = 0.02, 0.06, 9.0  # values of Lambda
POINTS = 14
KINDS = {"mean": two_classes.class_entropy, "var": two_classes.entropy_variance}
SEED = 20260801
WIDTHS = {"t/t_S": "in $t/t_S$", "sigma": "in $\\sigma/\\sqrt{D}$", "log sigma": "in $\\log\\sigma/\\log\\sqrt{D}$"}
VARIANCE_LABEL = "variance $V$ of $h$ (nats$^2$)"
WORDS = (
    "$t/t_S$: sharpens",
    "$\\sigma$: does not sharpen",
    "$\\log\\sigma$: sharpens",
    "width of the peak",
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
    grid, dims = np.geomspace(START, 40, 400), np.geomspace(40, 2e6, 80)
    where, peak = two_classes.variance_peak()
    ends = two_classes.half_heights()
    return {
        "width": (("clock", "width_dimension"), [np.abs(c(ends[1], dims) - c(ends[0], dims)) for c in CLOCKS.values()]),
        "width_dimension": dims,
        "curve_separation": ("curve", grid),
        "curve_var": ("curve", two_classes.entropy_variance(grid)),
        "peak_separation": ((), where),
        "peak_variance": ((), peak),
    }


def own_clock(separation, dim):
    """t/t_S in Ornstein-Uhlenbeck time: Lambda = D exp(-2t)."""
    return 1 - np.log(separation) / np.log(dim)


def noise_clock(separation, dim):
    """sigma/sqrt(D): Lambda = D/(sigma^2 + 1); nan where Lambda > D."""
    square = 1 / separation - 1 / dim
    return np.sqrt(np.where(square > 0, square, np.nan))


def log_noise_clock(separation, dim):
    """log(sigma)/log(sqrt(D))."""
    return 1 + np.log(noise_clock(separation, dim)) / np.log(dim**0.5)


CLOCKS = {"t/t_S": own_clock, "sigma": noise_clock, "log sigma": log_noise_clock}


def measured_width(part, clock):
    """Distance between the two places of half height in a clock, and its standard error, for one ensemble.

    Each place of theory is moved by (value - exact)/slope of the point nearest to it, in log(Lambda).
    """
    dim, places, errors = int(part["dimension"]), [], []
    for where in two_classes.half_heights():
        k = int(np.abs(np.log(part["separation"].values / where)).argmin())
        ends = two_classes.entropy_variance(where * np.exp([-1e-4, 1e-4]))
        slope, stderr = (ends[1] - ends[0]) / 2e-4, float(part["var_stderr"][k])
        ends = clock(where * np.exp([-1e-4, 1e-4]), dim)
        places.append(clock(where * np.exp(-float(part["var_z"][k]) * stderr / slope), dim))
        errors.append(stderr / slope * (ends[1] - ends[0]) / 2e-4)
    return abs(places[1] - places[0]), float(np.hypot(*errors))


@style.styled
def draw(dataset: xr.Dataset):
    """Six panels: the variance in three clocks, its width, collapse and residuals."""
    figure = style.sheet(style.TWO_COLUMNS, 7.0)
    panels = figure.subplots(3, 2)
    names = ("$t\\,/\\,t_S$,   $t_S = \\frac{1}{2}\\log D$", "$\\sigma\\,/\\,\\sqrt{D}$")
    names = (*names, "$\\log\\sigma\\,/\\,\\log\\sqrt{D}$")
    for axes, clock, name, end in zip(panels.flat, CLOCKS.values(), names, (1.8, 4, 1.8), strict=False):
        _draw_clock(axes, dataset, clock)
        axes.set_xlabel(name)
        axes.set_xlim(0, end)
        style.critical(axes, 1, "$\\Lambda = 1$" if end < 2 else "$\\Lambda \\approx 1$", side="right", height=0.99)
    panels[0, 1].text(2.0, 0.027, "all $D$ on one curve")
    panels[0, 0].legend(loc="upper left", bbox_to_anchor=(0.0, 0.9), title="dimension")
    _draw_widths(panels[1, 1], dataset)
    _draw_collapse(panels[2, 0], dataset)
    _draw_residuals(panels[2, 1], dataset)
    for axes, mark, words in zip(panels.flat, "abcdef", WORDS, strict=True):
        style.letter(axes, mark, words)
    return figure


def _draw_clock(axes, dataset, clock):
    for part, series, face in _each(dataset):
        dim, filled = int(part["dimension"]), face["markerfacecolor"] != "white"
        text = f"$D = {dim}$" if dim < 10**6 else "$D = 10^6$"
        where = clock(part["separation"].values, dim)
        style.measured(
            axes, where, part["var_value"], part["var_stderr"], series, text if filled else None, markersize=2.6, **face
        )
        if filled:
            style.exact(axes, clock(part["curve_separation"].values, dim), part["curve_var"], series)
            peak, above = clock(float(part["peak_separation"]), dim), 1.07 * float(part["peak_variance"])
            axes.plot(peak, above, marker="v", color=series["color"], markersize=3.5, zorder=5)
    axes.set_ylabel(VARIANCE_LABEL)
    axes.set_ylim(0, 0.064)


def _draw_widths(axes, dataset):
    grid, looks = dataset["width_dimension"].values, style.SERIES
    for k, (name, clock) in enumerate(CLOCKS.items()):
        broad = {"linewidth": 2.4, "alpha": 0.5} if k == 0 else {}  # the first and the last all but coincide
        style.exact(axes, grid, dataset["width"][k], looks[k], WIDTHS[name], **broad)
        for part, _, face in _each(dataset):
            value, stderr = measured_width(part, clock)
            filled = "white" if face["markerfacecolor"] == "white" else looks[k]["color"]
            look = {"markerfacecolor": filled, "markersize": 5 if k == 0 else 3.2}
            style.measured(axes, [int(part["dimension"])], [value], [stderr], looks[k], **look)
    axes.plot(grid, two_classes.variance_width() / np.log(grid), color=style.GREY, linestyle=":", linewidth=1.0)
    axes.set_xscale("log")
    axes.set_ylim(0, 1.25)
    axes.set_xlabel("dimension $D$")
    axes.set_ylabel("width $w$ at half maximum")
    axes.legend(loc="center right", bbox_to_anchor=(1.0, 0.6))


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
        style.differences(axes, part["separation"], part["mean_z"], series, markersize=1.6, **face)
    style.residuals(axes, np.stack([dataset["var_z"], dataset["mean_z"]]))
    axes.set_xscale("log")
    axes.set_xlim(0.04, 16)
    axes.set_xlabel("class separation $\\Lambda$")
