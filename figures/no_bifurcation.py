r"""A decision without a bifurcation: equal means, different variances

    p_0 = (1/2) N(0, v_1 I) + (1/2) N(0, v_2 I) in D dimensions;   state r = |x|
    Lambda = D e^{-4t} (v_1 - v_2)^2/8,    t_S = (1/4) log(D (v_1 - v_2)^2/8)      (Ornstein-Uhlenbeck, D large)
    grad s at the only fixed point x = 0: -sum_k p_k(0)/Gamma_k < 0 at all times

Nothing in the energy landscape ever becomes unstable: the density has one maximum, at the origin, from noise to data.
Still the class is decided within a window around t_S, with the peaks of entropy rate and of pathwise variance that two
separated classes show at their pitchfork. (a) Mean and (b) variance of the class entropy h(x_t) over reverse
trajectories of the radial coordinate (points), with exact quadrature for each D (lines) and the universal functions of
two classes (dotted): they are the limit of large D. (c) Eigenvalue of grad s at x = 0, times the mean variance Gamma:
equal means never cross zero; two classes at +-m with the same Lambda do, at Lambda = 1. (d) Simulation less theory.

Points of one D come from one run: chi^2 uses their measured correlation.

Source: Achilli et al. 2026 (2602.04404); theory of the universal functions: analytic.two_classes.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.linalg import block_diag

from analytic import Classes, Diffusion, EqualMeans, ornstein_uhlenbeck
from analytic import t as time
from figures import style, two_classes
from figures.ensembles import against, correlation, ensemble, squared_distance
from figures.report import agreement, sealed
from physim.kernels.scalars import compiled, log_snr_at
from physim.quadrature import expectations

STEM = "no_bifurcation"
DIMENSIONS = (64, 4096, 1_000_000)
VARIANCES = (1.5, 0.5)
FIRST, LAST = 0.04, 8.0  # values of Lambda
POINTS = 12
SEED = 20260204
KINDS = ("mean", "var")


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """Mean and variance of the class entropy along radial reverse trajectories, for every dimension."""
    count = trajectories or (10_000 if quick else 100_000)
    steps = 1600 if quick else 4000
    curve = np.geomspace(FIRST / 2, 2.5 * LAST, 60)
    names = [f"{kind}_{what}" for kind in KINDS for what in ("value", "stderr", "z", "step_bias")]
    found = {name: np.empty((len(DIMENSIONS), POINTS)) for name in ("when", *names)}
    lines = {name: np.empty((len(DIMENSIONS), len(curve))) for name in ("mean", "var", "slope")}
    correlations, runs = [], []
    for j, dim in enumerate(DIMENSIONS):
        diffusion = Diffusion(EqualMeans(VARIANCES, None, dim), ornstein_uhlenbeck())
        h = Classes(diffusion).entropy
        forms = {"h": h, "hh": h**2}
        at = FIRST * (LAST / FIRST) ** ((np.arange(POINTS) + j / 3) / POINTS)
        run = ensemble(
            diffusion.reverse(),
            diffusion.process,
            start=log_snr_at(diffusion.process, [times_of(FIRST / 2, dim)])[0],
            at=log_snr_at(diffusion.process, times_of(at, dim)),
            steps=steps,
            trajectories=count,
            seed=SEED + 2 * j,
            scheme="sra1",
            observe={"h": h},
        )
        found["when"][j] = run["time"].values
        exact = _moments(diffusion, forms, run["time"].values)
        for kind in KINDS:
            for what, values in against(run, "h", exact[kind], kind).items():
                found[f"{kind}_{what}"][j] = values
        lines["mean"][j], lines["var"][j] = _moments(diffusion, forms, times_of(curve, dim)).values()
        slope = compiled(diffusion.score[0] / diffusion.state[0], *diffusion.state, time)
        lines["slope"][j] = slope(1e-6, times_of(curve, dim))
        values = compiled(h, *diffusion.state, time)(run["paths"].values[:, 0], run["time"].values[:, None])
        correlations.append(correlation(values, squared_distance(values)))
        runs.append(run.attrs["facts"])
    compared = agreement(
        np.concatenate([found["mean_z"], found["var_z"]], axis=-1),
        block_diag(*correlations),
        what=f"mean and variance of h, {len(DIMENSIONS)} dimensions",
        errors="independent between dimensions, joint covariance within one",
        step_bias=np.concatenate([found["mean_step_bias"], found["var_step_bias"]], axis=-1),
    )
    data = {name: (("dimension", "point"), values) for name, values in found.items()}
    data |= {f"{name}_curve": (("dimension", "curve"), values) for name, values in lines.items()}
    data |= {"separation": ("curve", curve), "universal_mean": ("curve", two_classes.class_entropy(curve))}
    data |= {"universal_var": ("curve", two_classes.entropy_variance(curve))}
    dataset = xr.Dataset(data).assign_coords(dimension=list(DIMENSIONS))
    off = [float(np.abs(lines["var"][j] - data["universal_var"][1]).max()) for j in range(len(DIMENSIONS))]
    parameters = {
        "data": f"two centred Gaussians of variance {VARIANCES[0]} and {VARIANCES[1]}, equal weights",
        "D": ", ".join(map(str, DIMENSIONS)),
        "process": "ornstein_uhlenbeck, radial coordinate",
        "trajectories per dimension": count,
        "steps": f"{steps}, equal in log-SNR, scheme SRA1",
        "largest distance of V from the universal function": ", ".join(f"{u:.1e}" for u in off),
    }
    return sealed(dataset, STEM, quick, parameters, [compared], runs)


def times_of(separation, dim):
    """Forward time at which Lambda = D e^{-4t} (v_1 - v_2)^2/8 has a value."""
    return np.log(dim * (VARIANCES[0] - VARIANCES[1]) ** 2 / 8 / np.asarray(separation)) / 4


def _moments(diffusion, forms, when):
    e = expectations(diffusion, forms, when)
    return {"mean": e["h"].values, "var": e["hh"].values - e["h"].values ** 2}


@style.styled
def draw(dataset: xr.Dataset):
    """Four panels: mean, variance, the eigenvalue that does not cross, residuals."""
    figure = style.sheet(style.TWO_COLUMNS, 4.6)
    panels = figure.subplots(2, 2)
    for k, series in enumerate(style.SERIES[: dataset.sizes["dimension"]]):
        part = dataset.isel(dimension=k)
        dim = int(part["dimension"])
        onset, curve = times_of(1.0, dim), times_of(dataset["separation"].values, dim)
        text = f"$D = {dim}$" if dim < 10**6 else "$D = 10^6$"
        for axes, kind in zip(panels[0], KINDS, strict=True):
            style.exact(axes, curve - onset, part[f"{kind}_curve"], series)
            where = part["when"] - onset
            style.measured(axes, where, part[f"{kind}_value"], part[f"{kind}_stderr"], series, text)
        scale = 1 + (np.mean(VARIANCES) - 1) * np.exp(-2 * curve)
        style.exact(panels[1, 0], curve - onset, part["slope_curve"] * scale, series, text)
        style.differences(panels[1, 1], part["when"] - onset, part["mean_z"], series)
        style.differences(panels[1, 1], part["when"] - onset, part["var_z"], series, markerfacecolor=series["color"])
    clock = -np.log(dataset["separation"]) / 4
    dotted = {"color": style.BLACK, "linestyle": ":", "linewidth": 1.6, "zorder": 5, "label": "two classes, universal"}
    panels[0, 0].plot(clock, dataset["universal_mean"], **dotted)
    panels[0, 1].plot(clock, dataset["universal_var"], **dotted)
    panels[1, 0].plot(clock, dataset["separation"] - 1, **(dotted | {"label": "two classes at $\\pm m$"}))
    style.residuals(panels[1, 1], np.stack([dataset["mean_z"], dataset["var_z"]]))
    _dress(panels, float(clock.min()), float(clock.max()))
    return figure


def _dress(panels, first, last):
    words = (
        "mean class entropy $H$ (nats)",
        "variance $V$ of $h$ (nats$^2$)",
        "eigenvalue of grad $s$ at $x=0$, times $\\Gamma$",
    )
    for axes, text in zip(panels.flat[:3], words, strict=True):
        axes.set_ylabel(text)
    for axes in panels.flat:
        axes.set_xlim(first, last)
        axes.set_xlabel("$t - t_S$     $\\leftarrow$ generation")
        style.critical(axes, 0)
    panels[0, 0].legend(loc="lower right")
    panels[1, 0].axhline(0, color=style.BLACK, linewidth=0.6)
    panels[1, 0].set_ylim(-1.6, 2)
    panels[1, 0].legend(loc="upper right")
    titles = (
        "decided around $t_S$",
        "variance of the pathwise entropy",
        "no eigenvalue changes sign",
        "simulation less theory",
    )
    for axes, mark, text in zip(panels.flat, "abcd", titles, strict=True):
        style.letter(axes, mark, text)
