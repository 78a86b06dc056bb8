r"""Generative bandwidth: the rate at which a diffusion model decides

    dH[x_0|x_t]/dt = (g2/2)(D/sigma^2 + E[div s]) = (g2/2)(D/sigma^2 - E|s|^2)
                   = (g2 alpha^2/(2 sigma^4)) E tr Cov[x_0|x_t] = -(1/2)(dSNR/dt) mmse
    per unit of log-SNR:   -dH/dlogSNR = (dH/dt)/|dlogSNR/dt| = SNR mmse/2

Data are a mixture of three Gaussians in one dimension: one apart and two close together. (a) The entropy
rate of the data given x_t in each process's own time, per e-fold of it. (b) By quadrature: how far the other
formulas, and the finite difference of H[x_0|x_t] = H[x_0] + H[x_t|x_0] - H[x_t], are from the mmse formula,
at worst over the four processes. (c) The rate per unit of log-SNR: the four processes fall on one function,
with one peak for each decision and 1/2 (a dimension's worth) once the width of a component is resolved.
Points: averages over simulated reverse trajectories, started far in the noise; filled: of the local bandwidth
b = (g2/2)(1/sigma^2 + div s), open: of (g2/2)(1/sigma^2 - s^2). (d) Simulation less theory.

Once every trajectory has decided, b is a number and not an average: its points end there. The points of one
process come from one run and are correlated, as are the two estimators: chi^2 uses the measured correlation;
the processes are independent.

Source: Stancevic & Ambrogioni 2026, The information dynamics of generative diffusion (2508.19897).
"""

from __future__ import annotations

import numpy as np
import sympy as sp
import xarray as xr
from matplotlib.lines import Line2D
from scipy.linalg import block_diag

from analytic import Diffusion, GaussianMixture, edm, flow_matching, ornstein_uhlenbeck, variance_exploding
from analytic import t as time
from figures import style
from figures.ensembles import against, correlation, ensemble, times_of
from figures.report import agreement, sealed
from physim.kernels.scalars import compiled
from physim.quadrature import expectations

STEM = "generative_bandwidth"
MEANS, VARIANCE, WEIGHTS = (-2.0, 1.3, 2.1), 0.0025, (0.5, 0.25, 0.25)
PROCESSES = (ornstein_uhlenbeck, variance_exploding, edm, flow_matching)
FIRST, LAST = -6.0, 9.0  # log-SNR
POINTS = 14
DECIDED = 4.0  # log-SNR beyond which b varies only along rare trajectories (kurtosis above 300)
SEED = 20260311
FLOOR = 1e-17  # of panel (b)
NAMES = {
    "ornstein_uhlenbeck": "VP (OU)",
    "variance_exploding": "VE",
    "edm": "EDM",
    "flow_matching": "flow matching",
}
ESTIMATORS = ("local", "norm")
FORMULAS = {
    "divergence": "E[div $s$]",
    "score": "E$|s|^2$",
    "snr": "dSNR/d$t$",
    "difference": "finite difference of $H[x_0|x_t]$",
}


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """Entropy rates of four processes by formulas, finite difference and simulation."""
    count = trajectories or (16_000 if quick else 150_000)
    steps = 6000 if quick else 18_000
    curve_level = np.linspace(FIRST, LAST, 121)
    parts, z, bias, correlations, runs = [], [], [], [], []
    for k, make in enumerate(PROCESSES):
        diffusion = Diffusion(GaussianMixture(MEANS, VARIANCE, WEIGHTS), make())
        exprs = _expressions(diffusion)
        at = np.linspace(FIRST + 1, LAST - 0.5, POINTS) + (k - 1.5) / 4 * (LAST - FIRST - 1.5) / (POINTS - 1)
        run = ensemble(
            diffusion.reverse(),
            diffusion.process,
            start=FIRST,
            at=at,
            steps=steps,
            trajectories=count,
            seed=SEED + 2 * k,
            observe={name: exprs[name] for name in ESTIMATORS},
        )
        part = _theory(diffusion, exprs, curve_level) | _points(diffusion, exprs, run, at)
        kept = np.isfinite(np.concatenate([part[f"{name}_z"][1] for name in ESTIMATORS]))
        z.append(np.concatenate([part[f"{name}_z"][1] for name in ESTIMATORS])[kept])
        bias.append(np.concatenate([part[f"{name}_step_bias"][1] for name in ESTIMATORS])[kept])
        correlations.append(_joint(diffusion, exprs, run, kept))
        parts.append(xr.Dataset(part))
        runs.append(run.attrs["facts"])
    dataset = xr.concat(parts, "process").assign_coords(process=[make.__name__ for make in PROCESSES])
    dataset = dataset.assign_coords(curve_level=curve_level)
    compared = agreement(
        np.concatenate(z),
        block_diag(*correlations),
        what="entropy rate of 4 processes, by b and by |s|²",
        errors="independent between processes, joint covariance within one",
        step_bias=np.concatenate(bias),
    )
    return sealed(dataset, STEM, quick, _parameters(dataset, count, steps), [compared], runs)


def _parameters(dataset, count, steps):
    formulas = float(dataset[["divergence", "score", "snr"]].to_array().max())
    spread = float(np.ptp(dataset["rate"].values, axis=0).max())
    return {
        "data": f"Gaussian mixture, means {MEANS}, variance {VARIANCE}, weights {WEIGHTS}",
        "processes": ", ".join(dataset["process"].values.tolist()),
        "trajectories per process": count,
        "steps": f"{steps}, equal in log-SNR, from log-SNR {FIRST:g} to the last point",
        "four formulas, largest difference": f"{formulas:.1e} nats",
        "four processes, largest difference per unit of log-SNR": f"{spread:.1e} nats",
        "finite difference, largest difference": f"{float(dataset['difference'].max()):.1e} nats",
    }


def _expressions(diffusion):
    """Integrands of the formulas, times dt/dlogSNR so that they are rates per unit of log-SNR."""
    process = diffusion.process
    unit = process.sigma**2 / process.g2  # |dt/dlogSNR|
    half_noise = process.g2 / 2
    fall = -sp.diff(process.snr, time) / 2
    return {
        "local": unit * diffusion.local_bandwidth,
        "norm": unit * half_noise * (1 / process.sigma**2 - diffusion.score[0] ** 2),
        "divergence": unit * half_noise * (1 / process.sigma**2 + diffusion.score_divergence),
        "snr": unit * fall * diffusion.posterior_covariance[0, 0],
        "surprise": -diffusion.log_density,
        "unit": unit,
        "sigma": process.sigma,
    }


def _theory(diffusion, exprs, level):
    """Curves by quadrature; differences of the other formulas from the mmse one."""
    times = times_of(diffusion.process, level)
    found = expectations(diffusion, exprs, times)
    out = {
        "rate": ("curve_level", found["local"].values),
        "own_rate": ("curve_level", found["local"].values / found["unit"].values),
        "own_time": ("curve_level", times),
    }
    for name, formula in (("divergence", "divergence"), ("score", "norm"), ("snr", "snr")):
        out[name] = ("curve_level", np.abs(found[formula].values - found["local"].values))
    width, offsets = 0.02, np.array([-2, -1, 1, 2])
    near = expectations(diffusion, exprs, times_of(diffusion.process, (level[::5, None] + width * offsets).ravel()))
    entropy = 0.5 * np.log(2 * np.pi * np.e * near["sigma"].values ** 2) - near["surprise"].values
    slope = entropy.reshape(-1, 4) @ np.array([1, -8, 8, -1]) / (12 * width)
    out["difference"] = ("difference_level", np.abs(-slope - found["local"].values[::5]))
    out["difference_level"] = ("difference_level", level[::5])
    return out


def _points(diffusion, exprs, run, level):
    """Simulated rates against the exact one; those of b end where b has stopped to vary."""
    exact = expectations(diffusion, exprs, run["time"].values)["local"].values
    out = {"level": ("point", level)}
    for name in ESTIMATORS:
        kept = level <= DECIDED if name == "local" else np.full(len(level), True)
        for what, values in against(run, name, np.where(kept, exact, np.nan)).items():
            out[f"{name}_{what}"] = ("point", np.where(kept, values, np.nan))
    return out


def _joint(diffusion, exprs, run, kept):
    """Correlation of a run's points, from the kept paths (compiled already: the list is that of the theory)."""
    call = compiled(list(exprs.values()), *diffusion.state, time)
    values = dict(zip(exprs, call(run["paths"].values[:, 0], run["time"].values[:, None]), strict=True))
    return correlation(np.concatenate([values[name] for name in ESTIMATORS])[kept])


@style.styled
def draw(dataset: xr.Dataset):
    """Four panels: own clocks, formulas, one clock, residuals."""
    figure = style.sheet(style.TWO_COLUMNS, 4.6)
    left, right = figure.add_gridspec(1, 2, width_ratios=(1, 1.5))
    left = left.subgridspec(2, 1, height_ratios=(1.2, 1))
    right = right.subgridspec(2, 1, height_ratios=(2.5, 1))
    upper = figure.add_subplot(right[0])
    lower = figure.add_subplot(right[1], sharex=upper)
    _draw_own(figure.add_subplot(left[0]), dataset)
    _draw_shared(upper, dataset)
    _draw_residuals(lower, dataset)
    _draw_formulas(figure.add_subplot(left[1]), dataset)
    figure.align_ylabels([upper, lower])
    return figure


def _each(dataset):
    """The part, series and name of every process."""
    for k, name in enumerate(dataset["process"].values.tolist()):
        yield dataset.isel(process=k), style.SERIES[k], NAMES[name]


def _draw_own(axes, dataset):
    for part, series, name in _each(dataset):
        style.exact(axes, part["own_time"], part["own_time"] * part["own_rate"], series, name)
    axes.set_xscale("log")
    axes.set_ylim(0, 1.45)
    axes.set_xticks([1e-4, 1e-2, 1, 1e2])
    axes.set_xlabel("forward time $t$ of each process")
    axes.set_ylabel("rate $t$ d$H[x_0|x_t]$/d$t$  (nats)")
    axes.legend(loc="upper left", bbox_to_anchor=(0.02, 1.04))
    style.letter(axes, "a", "four clocks")


def _draw_shared(axes, dataset):
    axes.plot(dataset["curve_level"], dataset["rate"].isel(process=0), color=style.BLACK, label="theory (all four)")
    for part, series, name in _each(dataset):
        style.measured(
            axes, part["level"], part["local_value"], part["local_stderr"], series, markerfacecolor=series["color"]
        )
        style.measured(axes, part["level"], part["norm_value"], part["norm_stderr"], series, name)
    processes = axes.legend(loc="upper left", bbox_to_anchor=(0.01, 0.91))
    axes.add_artist(processes)
    look = {"color": style.GREY, "marker": "o", "linestyle": "none", "markeredgewidth": 0.9}
    filled = Line2D([], [], label="mean of $b$ (divergence of $s$)", **look)
    hollow = Line2D([], [], markerfacecolor="white", label="from the mean of $|s|^2$", **look)
    axes.legend(handles=[filled, hollow], loc="upper left", bbox_to_anchor=(0.34, 0.91), handlelength=1)
    style.critical(axes, 0.5, "$D/2$ (one dimension)", along="y", height=0.99, side="above")
    axes.set_ylim(0, 0.54)
    axes.set_ylabel("rate per unit of log-SNR\n$-$d$H[x_0|x_t]$/d log SNR  (nats)")
    axes.tick_params(labelbottom=False)
    style.letter(axes, "c", "one clock")


def _draw_residuals(axes, dataset):
    for part, series, _ in _each(dataset):
        style.differences(axes, part["level"], part["norm_z"], series)
        style.differences(axes, part["level"], part["local_z"], series, markerfacecolor=series["color"])
    style.residuals(axes, np.stack([dataset["local_z"], dataset["norm_z"]]))
    axes.set_xlim(FIRST, LAST)
    axes.set_xlabel(r"log-SNR  $\log(\alpha^2/\sigma^2)$     generation $\rightarrow$")
    style.letter(axes, "d", "simulation less theory")


def _draw_formulas(axes, dataset):
    for (name, text), series in zip(FORMULAS.items(), style.SERIES, strict=True):
        level = dataset["difference_level" if name == "difference" else "curve_level"].values
        worst = dataset[name].max("process").values
        every = 1 if name == "difference" else 5
        axes.plot(
            level[::every],
            np.maximum(worst[::every], FLOOR),
            color=series["color"],
            marker=series["marker"],
            markersize=2.6,
            linestyle="none",
            label=text,
        )
    axes.set_yscale("log")
    axes.set_ylim(FLOOR / 2, 1e-1)
    axes.set_yticks([1e-16, 1e-12, 1e-8])
    axes.set_xlim(FIRST - 0.3, LAST + 0.3)
    axes.set_xlabel("log-SNR")
    axes.set_ylabel("distance from the\nmmse formula (nats)")
    axes.legend(loc="upper left", handlelength=1)
    style.letter(axes, "b", "the formulas agree")
