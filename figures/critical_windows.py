r"""Critical windows: between which times is a class decided?

    TV(Lambda) = 2 Phi(sqrt(Lambda)) - 1 = E|P_1 - P_2|         (distance of the two classes at noise level Lambda)
    window of epsilon: from TV = 1 - epsilon (told apart) to TV = epsilon (not told apart)

Data are two Gaussian classes at +m and -m, |m|^2 = D, variance 1. (a) Total variation distance of the noised classes:
exact (line) and E|P_1 - P_2| over reverse trajectories under OU and EDM (points). (b) The window in Ornstein-Uhlenbeck
time less t_S = (1/2) log D, for three epsilon: its width does not grow with D. (c) Two levels of a hierarchy with ratio
of scales r: their windows (epsilon = 0.1, in log-SNR) overlap unless r is large. (d) Simulation less theory.

Points of one process come from one run: chi^2 uses their measured correlation.

Source: Li & Chen 2024, Critical windows (2403.01633).
"""

from __future__ import annotations

import numpy as np
import sympy as sp
import xarray as xr
from scipy.linalg import block_diag
from scipy.special import erf

from analytic import Classes, Diffusion, SymmetricPair, edm, ornstein_uhlenbeck, two_classes
from analytic import t as time
from figures import style
from figures.ensembles import against, correlation, ensemble, level_of_separation
from figures.report import agreement, sealed
from physim.kernels.scalars import compiled

STEM = "critical_windows"
PROCESSES = (ornstein_uhlenbeck, edm)
NAMES = {"ornstein_uhlenbeck": "VP (OU)", "edm": "EDM"}
NORM = 16.0
EPSILONS = (0.05, 0.1, 0.2)
FIRST, LAST = 0.01, 5.0  # values of Lambda
POINTS = 12
SEED = 20240303


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """Distances of the classes along reverse trajectories of two processes; windows against dimension and ratio."""
    count = trajectories or (10_000 if quick else 150_000)
    steps = 1500 if quick else 8000
    found = {name: np.empty((len(PROCESSES), POINTS)) for name in ("separation", "value", "stderr", "z", "step_bias")}
    correlations, runs = [], []
    for j, make in enumerate(PROCESSES):
        diffusion = Diffusion(SymmetricPair(NORM, 1, dim=int(NORM**2)), make())
        first, second = Classes(diffusion).posterior
        apart = sp.Abs(first - second)
        separation = FIRST * (LAST / FIRST) ** ((np.arange(POINTS) + j / 2) / POINTS)
        run = ensemble(
            diffusion.reverse(),
            diffusion.process,
            start=level_of_separation(FIRST / 2, NORM),
            at=level_of_separation(separation, NORM),
            steps=steps,
            trajectories=count,
            seed=SEED + 2 * j,
            observe={"tv": apart},
        )
        found["separation"][j] = separation
        for what, values in against(run, "tv", erf(np.sqrt(separation / 2))).items():
            found[what][j] = values
        call = compiled(apart, *diffusion.state, time)
        correlations.append(correlation(call(run["paths"].values[:, 0], run["time"].values[:, None])))
        runs.append(run.attrs["facts"])
    compared = agreement(
        found["z"],
        block_diag(*correlations),
        what="distance of two classes, 2 processes",
        errors="independent between processes, joint covariance within one",
        step_bias=found["step_bias"],
    )
    data = {name: (("process", "point"), values) for name, values in found.items()} | _windows()
    dataset = xr.Dataset(data).assign_coords(process=[make.__name__ for make in PROCESSES], epsilon=list(EPSILONS))
    width = (dataset["late"] - dataset["early"]).values[:, -1]
    parameters = {
        "data": f"two Gaussian classes at +m and -m, |m| = {NORM:g}, variance 1",
        "processes": ", ".join(dataset["process"].values.tolist()),
        "trajectories per process": count,
        "steps": f"{steps}, equal in log-SNR",
        "width of the window in OU time": ", ".join(
            f"{w:.4f} (epsilon {e:g})" for w, e in zip(width, EPSILONS, strict=True)
        ),
    }
    return sealed(dataset, STEM, quick, parameters, [compared], runs)


def _windows():
    """Edges in OU time less t_S against the dimension; edges in log-SNR of two levels against their ratio."""
    dims = np.geomspace(8, 1e6, 13)
    edges = [
        [two_classes.critical_window(dim**0.5, 1, ornstein_uhlenbeck(), epsilon) for dim in dims]
        for epsilon in EPSILONS
    ]
    early, late = (np.array([[float(w[k]) for w in row] for row in edges]) - np.log(dims) / 2 for k in (0, 1))
    ratio = np.geomspace(1, 60, 40)
    open_at, closed_at = (float(two_classes.separation_at(tv)) for tv in (0.1, 0.9))
    return {
        "dimension": ("dims", dims),
        "early": (("epsilon", "dims"), early),
        "late": (("epsilon", "dims"), late),
        "ratio": ("ratios", ratio),
        "coarse": (("edge", "ratios"), [np.log(lam) + 0 * ratio for lam in (open_at, closed_at)]),
        "fine": (("edge", "ratios"), [np.log(lam) + 2 * np.log(ratio) for lam in (open_at, closed_at)]),
    }


@style.styled
def draw(dataset: xr.Dataset):
    """Four panels: distance, windows against D, two levels, residuals."""
    figure = style.sheet(style.TWO_COLUMNS, 4.6)
    panels = figure.subplots(2, 2)
    lam = np.geomspace(FIRST / 2, 1.6 * LAST, 200)
    panels[0, 0].plot(lam, erf(np.sqrt(lam / 2)), color=style.BLACK)
    for k, series in enumerate(style.SERIES[: len(PROCESSES)]):
        part = dataset.isel(process=k)
        name = NAMES[str(part["process"].values)]
        style.measured(panels[0, 0], part["separation"], part["value"], part["stderr"], series, name)
        style.differences(panels[1, 1], part["separation"], part["z"], series)
    for axes in (panels[0, 0], panels[1, 1]):
        axes.set_xscale("log")
        axes.set_xlabel("class separation $\\Lambda$     generation $\\rightarrow$")
    panels[0, 0].set_ylim(0, 1.03)
    panels[0, 0].set_ylabel("total variation E$|P_1 - P_2|$")
    panels[0, 0].legend(loc="upper left")
    style.residuals(panels[1, 1], dataset["z"].values)
    for k, (epsilon, series) in enumerate(zip(EPSILONS, style.SERIES, strict=False)):
        style.exact(panels[0, 1], dataset["dimension"], dataset["early"][k], series, f"$\\epsilon = {epsilon:g}$")
        style.exact(panels[0, 1], dataset["dimension"], dataset["late"][k], series)
    style.critical(panels[0, 1], 0, "$t_S$", along="y", height=0.98, side="above")
    panels[0, 1].set_xscale("log")
    panels[0, 1].set_xlabel("dimension $D = |m|^2$")
    panels[0, 1].set_ylabel("edges of the window, $t - t_S$")
    panels[0, 1].legend(loc="center right", bbox_to_anchor=(1, 0.42))
    for name, series, text in (("coarse", style.SERIES[0], "coarse level"), ("fine", style.SERIES[1], "fine level")):
        low, high = dataset[name].values
        panels[1, 0].fill_between(
            dataset["ratio"], low, high, color=series["color"], alpha=0.25, linewidth=0, label=text
        )
    panels[1, 0].set_xscale("log")
    panels[1, 0].set_xlabel("ratio of scales $|m_1|/|m_2|$")
    panels[1, 0].set_ylabel("log-SNR $+\\ 2\\log|m_1|$")
    panels[1, 0].legend(loc="upper left")
    words = (
        "distance of the noised classes",
        "windows do not widen with $D$",
        "two levels overlap",
        "simulation less theory",
    )
    for axes, mark, text in zip(panels.flat, "abcd", words, strict=True):
        style.letter(axes, mark, text)
    return figure
