r"""Clone experiment: when the class of a generated sample is decided

    phi = probability that two clones, continued from one x_t with independent noise, end in the same class
    phi(Lambda) = (1 + E tanh(Lambda + sqrt(Lambda) z))/2,  z ~ N(0, 1)
    Lambda = D exp(-2t) = D^(1 - t/t_S)
    t_S = (1/2) log D:  Lambda = 1,  phi = 0.7752002  for every D

Data are two Gaussian classes at +m and -m, |m|^2 = D, variance 1, under the Ornstein-Uhlenbeck process
(Gamma = sigma^2 + alpha^2 = 1 at all times). x_t is drawn exactly; both clones start from it and run the
reverse SDE on noise of their own until the class is decided (Lambda = 50: the sign along m then is the class
but for a fraction 8e-13). (a) phi against t/t_S: the curves of all D cross at t_S and steepen, as D grows,
into a step. (b) The same against t - t_S: one curve. (c) Simulation less theory. Every point is a run of its
own seed: all points are independent.

Source: Biroli, Bonnaire, de Bortoli & Mezard 2024, Dynamical regimes of diffusion models (2402.18491), who
report about 0.775 at t_S; the exact curve follows from Bayes' rule, and dH/dLambda = -(1 - phi).
"""

from __future__ import annotations

import numpy as np
import sympy as sp
import xarray as xr
from scipy.stats import norm

from analytic import Diffusion, SymmetricPair, ornstein_uhlenbeck
from figures import style, two_classes
from figures.ensembles import against, ensemble, level_of_separation, times_of
from figures.report import agreement, sealed

STEM = "clone_speciation"
DIMENSIONS = (256, 1024, 4096, 16384)
FIRST, LAST, DECIDED = 0.04, 7.0, 50.0  # values of Lambda
POINTS = 12
SEED = 20240218
m = sp.Symbol("m", positive=True)


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """The probability that two clones end in one class, for every dimension and starting time."""
    count = trajectories or (10_000 if quick else 100_000)
    per_fold = 200 if quick else 600
    diffusion = Diffusion(SymmetricPair(mean_norm=m, variance=1, dim=m**2), ornstein_uhlenbeck())
    shape = (len(DIMENSIONS), POINTS)
    found = {name: np.empty(shape) for name in ("separation", "time", "phi", "stderr", "z", "step_bias")}
    runs = []
    for j, dim in enumerate(DIMENSIONS):
        separation = FIRST * (LAST / FIRST) ** ((np.arange(POINTS) + j / 4) / (POINTS - 0.25))
        found["separation"][j] = separation
        found["time"][j] = times_of(diffusion.process, level_of_separation(separation, dim**0.5))
        for k, lam in enumerate(separation):
            point, facts = _clones(diffusion, lam, dim, per_fold, count, SEED + 1000 * j + 2 * k)
            for name, value in point.items():
                found[name][j, k] = value
            runs.append(facts)
    compared = agreement(
        found["z"],
        what=f"phi at {POINTS} times, {len(DIMENSIONS)} dimensions",
        errors="independent (a seed for each)",
        step_bias=found["step_bias"],
    )
    dataset = xr.Dataset({name: (("dimension", "point"), values) for name, values in found.items()} | _curve())
    dataset = dataset.assign_coords(dimension=list(DIMENSIONS))
    parameters = {
        "data": "two Gaussian classes at +m and -m, |m| = sqrt(D), variance 1",
        "D": ", ".join(map(str, DIMENSIONS)),
        "process": "ornstein_uhlenbeck",
        "crossing": f"Lambda = 1, phi = {float(dataset['crossing_phi']):.7f}",
        "pairs of clones per point": count,
        "steps": f"{per_fold} per unit of log(Lambda), equal in log-SNR, down to Lambda = {DECIDED:g}",
        "clones with the wrong sign at the end": f"{float(norm.sf(DECIDED**0.5)):.0e}",
    }
    return sealed(dataset, STEM, quick, parameters, [compared], runs)


def _clones(diffusion, separation, dim, per_fold, count, seed):
    """phi of clones started at one separation: phi = (1 + E[sign sign])/2."""
    pair = diffusion.reverse().copies(2)
    run = ensemble(
        pair,
        diffusion.process,
        start=level_of_separation(separation, dim**0.5),
        at=level_of_separation(DECIDED, dim**0.5),
        steps=int(per_fold * np.log(DECIDED / separation)),
        trajectories=count,
        seed=seed,
        keep=False,
        observe={"same": sp.Mul(*(sp.sign(x) for x in pair.state))},
        parameters={m: dim**0.5},
    )
    found = {name: v.item() for name, v in against(run, "same", 2 * two_classes.same_class(separation) - 1).items()}
    phi, stderr = (1 + found["value"]) / 2, found["stderr"] / 2
    point = {"phi": phi, "stderr": stderr, "z": found["z"], "step_bias": found["step_bias"]}
    return point, run.attrs["facts"]


def _curve():
    grid = np.geomspace(0.004, 60, 300)
    return {
        "curve_separation": ("curve", grid),
        "curve_phi": ("curve", two_classes.same_class(grid)),
        "crossing_phi": ((), float(two_classes.same_class(1.0))),
    }


@style.styled
def draw(dataset: xr.Dataset):
    """Three panels: phi in units of t_S, collapse in t - t_S, residuals."""
    figure = style.sheet(style.TWO_COLUMNS, 3.5)
    left, right = figure.add_gridspec(1, 2, width_ratios=(1.15, 1))
    right = right.subgridspec(2, 1, height_ratios=(2, 1))
    axes, upper = figure.add_subplot(left), figure.add_subplot(right[0])
    lower = figure.add_subplot(right[1], sharex=upper)
    crossing = float(dataset["crossing_phi"])
    for k, series in enumerate(style.SERIES):
        part = dataset.isel(dimension=k)
        dim = int(part["dimension"])
        own = 0.5 * np.log(dim)
        scaled = 1 - np.log(dataset["curve_separation"]) / np.log(dim)
        style.exact(axes, scaled, dataset["curve_phi"], series)
        style.measured(axes, part["time"] / own, part["phi"], part["stderr"], series, f"$D = {dim}$")
        style.measured(upper, part["time"] - own, part["phi"], part["stderr"], series)
        style.differences(lower, part["time"] - own, part["z"], series)
    upper.plot(-0.5 * np.log(dataset["curve_separation"]), dataset["curve_phi"], color=style.BLACK)
    style.critical(axes, 1, "$t = t_S = \\frac{1}{2}\\log D$", side="right", height=0.99)
    style.critical(axes, crossing, f"$\\phi = {crossing:.7f}$", along="y", height=0.995, side="above")
    style.critical(upper, 0)
    style.critical(upper, crossing, along="y")
    style.critical(lower, 0)
    style.residuals(lower, dataset["z"].values)
    axes.set_xlim(0.6, 1.6)
    axes.set_xlabel("$t\\,/\\,t_S$     $\\leftarrow$ generation")
    upper.set_xlim(-1.4, 2.0)
    lower.set_xlabel("$t - t_S$")
    for panel in (axes, upper):
        panel.set_ylim(0.48, 1.02)
        panel.set_ylabel("same class, probability $\\phi$")
    upper.tick_params(labelbottom=False)
    axes.legend(loc="lower left", title="dimension")
    style.letter(axes, "a", "two clones from one $x_t$")
    style.letter(upper, "b", "one curve")
    style.letter(lower, "c", "simulation less theory")
    figure.align_ylabels([upper, lower])
    return figure
