r"""Information is excess dissipation

    v = f x - (g2/2) s                      production = (2/g2) E|v|^2                  (nats per unit of t)
    dH[x_0|x_t]/dt = E_{x_0} production[process started at x_0] - production[process started at the data]
    dH[c|x_t]/dt   = E_c production[process started in class c] - production[process started at the data]

Data are three Gaussians in one dimension, one apart and two close together; a class is a component. The forward process
dissipates more when its start is known: the excess is the rate at which generation must make the choice. (a) Entropy
production of the Ornstein-Uhlenbeck process started at single points (mean over the data) and at the data; shaded: the
excess. (b) The excess per unit of log-SNR (line) and, computed without any entropy production, the rate
(g2 alpha^2/2 sigma^4) mmse of two processes (points: averages over reverse trajectories). (c) The same for the class:
two decisions, each with its own peak of dissipation. (d) Simulation less theory of (b) and (c).

Points of one process come from one run: chi^2 uses their measured correlation; the processes are independent.

Source: Stancevic & Ambrogioni 2026 (2508.19897); entropy production after Seifert 2005 (cond-mat/0503686).
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.linalg import block_diag

from analytic import Classes, Diffusion, GaussianMixture, edm, ornstein_uhlenbeck, thermodynamics
from analytic import t as time
from figures import style
from figures.ensembles import against, correlation, ensemble, times_of
from figures.report import agreement, sealed
from physim.kernels.scalars import compiled
from physim.quadrature import expectations

STEM = "information_is_dissipation"
MEANS, VARIANCE, WEIGHTS = (-2.0, 1.3, 2.1), 0.01, (0.5, 0.25, 0.25)
PROCESSES = (ornstein_uhlenbeck, edm)
FIRST, LAST = -5.0, 6.0  # log-SNR
POINTS = 14
SEED = 20260501
KINDS = ("data", "class")
NAMES = {"ornstein_uhlenbeck": "VP (OU)", "edm": "EDM"}


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """Entropy productions by quadrature; entropy rates of two processes from reverse trajectories."""
    count = trajectories or (16_000 if quick else 150_000)
    steps = 3000 if quick else 12_000
    level = np.linspace(FIRST, LAST, 111)
    parts, z, bias, correlations, runs = [], [], [], [], []
    for k, make in enumerate(PROCESSES):
        diffusion = Diffusion(GaussianMixture(MEANS, VARIANCE, WEIGHTS), make())
        rates, excess = _expressions(diffusion)
        at = np.linspace(FIRST + 0.6, LAST - 2.4, POINTS) + 0.25 * k
        run = ensemble(
            diffusion.reverse(),
            diffusion.process,
            start=FIRST,
            at=at,
            steps=steps,
            trajectories=count,
            seed=SEED + 2 * k,
            observe=rates,
        )
        exact = expectations(diffusion, excess, run["time"].values)
        part = {"level": ("point", at)}
        for name in KINDS:
            truth = exact[f"{name}_excess"].values
            part |= {f"{name}_{what}": ("point", v) for what, v in against(run, name, truth).items()}
        curve = expectations(diffusion, excess, times_of(diffusion.process, level))
        part |= {str(name): ("curve_level", curve[name].values) for name in excess}
        parts.append(xr.Dataset(part))
        z.append([part[f"{name}_z"][1] for name in KINDS])
        bias.append([part[f"{name}_step_bias"][1] for name in KINDS])
        call = compiled(list(rates.values()), *diffusion.state, time)
        correlations.append(correlation(*call(run["paths"].values[:, 0], run["time"].values[:, None])))
        runs.append(run.attrs["facts"])
    dataset = xr.concat(parts, "process").assign_coords(process=[make.__name__ for make in PROCESSES])
    compared = agreement(
        z,
        block_diag(*correlations),
        what="entropy rate of data and class against excess dissipation, 2 processes",
        errors="independent between processes, joint covariance within one",
        step_bias=bias,
    )
    parameters = {
        "data": f"Gaussian mixture, means {MEANS}, variance {VARIANCE}, weights {WEIGHTS}",
        "processes": ", ".join(NAMES),
        "trajectories per process": count,
        "steps": f"{steps}, equal in log-SNR, from log-SNR {FIRST:g} to the last point",
    }
    return sealed(dataset.assign_coords(curve_level=level), STEM, quick, parameters, [compared], runs)


def _expressions(diffusion):
    """Observables of the trajectories and, free of them, the productions: all per unit of log-SNR."""
    process, classes = diffusion.process, Classes(diffusion)
    unit = process.sigma**2 / process.g2  # |dt/dlogSNR|
    point = thermodynamics.production_of_points(diffusion)
    whole, inner = thermodynamics.entropy_production(diffusion), thermodynamics.class_production(diffusion)
    rates = {"data": unit * diffusion.local_bandwidth, "class": unit * classes.bandwidth}
    excess = {
        "point_production": unit * point,
        "whole_production": unit * whole,
        "class_production": unit * inner,
        "data_excess": unit * (point - whole),
        "class_excess": unit * (inner - whole),
    }
    return rates, excess


@style.styled
def draw(dataset: xr.Dataset):
    """Four panels: productions, excess of the data, of the class, residuals."""
    figure = style.sheet(style.TWO_COLUMNS, 4.6)
    left, right = figure.add_gridspec(1, 2)
    left, right = left.subgridspec(2, 1, height_ratios=(1.6, 1)), right.subgridspec(2, 1)
    _draw_productions(figure.add_subplot(left[0]), dataset)
    upper = figure.add_subplot(right[0])
    panels = [upper, figure.add_subplot(right[1], sharex=upper)]
    words = ("excess dissipation is the rate of information", "and of the class")
    symbols = ("$-$d$H[x_0|x_t]$/d log SNR", "$-$d$H[c|x_t]$/d log SNR")
    for axes, kind, letter, text, symbol in zip(panels, KINDS, "bc", words, symbols, strict=True):
        axes.plot(dataset["curve_level"], dataset[f"{kind}_excess"][0], color=style.BLACK, label="excess (theory)")
        for k, series in enumerate(style.SERIES[: len(PROCESSES)]):
            part = dataset.isel(process=k)
            name = NAMES[str(part["process"].values)]
            style.measured(axes, part["level"], part[f"{kind}_value"], part[f"{kind}_stderr"], series, name)
        axes.set_xlim(FIRST, LAST)
        axes.set_ylim(bottom=0)
        axes.set_ylabel(f"rate {symbol}\n(nats)")
        style.letter(axes, letter, text)
    panels[0].tick_params(labelbottom=False)
    panels[0].legend(loc="upper left")
    panels[1].set_xlabel(r"log-SNR  $\log(\alpha^2/\sigma^2)$     generation $\rightarrow$")
    _draw_residuals(figure.add_subplot(left[1]), dataset)
    return figure


def _draw_productions(axes, dataset):
    part, level = dataset.isel(process=0), dataset["curve_level"]
    upper, lower = part["point_production"], part["whole_production"]
    axes.fill_between(level, lower, upper, color="#DCE9F3", linewidth=0, zorder=0)
    style.exact(axes, level, upper, style.SERIES[1], "started at points")
    style.exact(axes, level, lower, style.SERIES[0], "started at the data")
    axes.text(4.3, 0.66 * float(upper.max()), "excess", color=style.GREY, ha="center")
    axes.set_xlim(FIRST, LAST)
    axes.set_ylim(0, 1.05 * float(upper.max()))
    axes.set_xlabel("log-SNR")
    axes.set_ylabel("entropy production, OU process\nper unit of log-SNR $\\log(\\alpha^2/\\sigma^2)$ (nats)")
    axes.legend(loc="lower right")
    style.letter(axes, "a", "dissipation of the forward process")


def _draw_residuals(axes, dataset):
    for k, series in enumerate(style.SERIES[: len(PROCESSES)]):
        part = dataset.isel(process=k)
        style.differences(axes, part["level"], part["class_z"], series, markerfacecolor=series["color"])
        style.differences(axes, part["level"], part["data_z"], series, markerfacecolor="none", markersize=5)
    style.residuals(axes, np.stack([dataset["data_z"], dataset["class_z"]]))
    axes.set_xlim(FIRST, LAST)
    axes.set_xlabel("log-SNR $\\log(\\alpha^2/\\sigma^2)$     (open: data, filled: class)")
    style.letter(axes, "d", "simulation less theory")
