r"""The score is a nonlinear filter

    grad s = (G - I)/sigma^2,    G = alpha^2 Cov[x_0|x_t]/sigma^2,    gain_i: eigenvalues of G
    a fluctuation along eigenvector i relaxes at the rate  f + (1 - gain_i) g2/sigma^2   under the reverse SDE
    sum_i gain_i = (2 sigma^2/g2) b  is the local bandwidth

Data are four points at +-m_1 +-m_2, |m_1| = 3, |m_2| = 0.8, under EDM: the posterior covariance is diagonal along m_1
and m_2. A gain of 0 is a direction in which the filter knows the answer and suppresses every fluctuation; above 1
fluctuations grow: the paths branch. (a) Mean gain along the two directions: lines by quadrature, points over reverse
trajectories; dotted: the gain at the symmetric point x = 0, which passes 1 where the density becomes bimodal. (b) Its
spread over paths: the filter is nonlinear, its gain is a random variable, most so during the decision. (c) Mean
relaxation rate of a fluctuation in units of that with x_0 known (f = 0), dotted at x = 0: below zero it grows. (d)
Simulation less theory (open: mean, filled: variance).

All points come from one run: chi^2 uses their measured correlation.

Source: Stancevic & Ambrogioni 2026 (2508.19897), claim D.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
import xarray as xr

from analytic import Diffusion, NestedPairs, SymmetricPair, branching, edm
from analytic import t as time
from figures import style
from figures.ensembles import against, correlation, ensemble, squared_distance, times_of
from figures.report import agreement, sealed
from physim.kernels.scalars import compiled
from physim.quadrature import expectations

STEM = "score_as_filter"
NORMS = (3.0, 0.8)
FIRST, LAST = -5.0, 3.5  # log-SNR
POINTS = 12
DECIDED = 9.0  # Lambda = SNR |m|^2 beyond which a gain comes from rare trajectories
SEED = 20260818
NAMES = ("first", "second")


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """Gains along both directions: moments over reverse trajectories and by quadrature, and their value at x = 0."""
    count = trajectories or (10_000 if quick else 150_000)
    steps = 1500 if quick else 8000
    diffusion = Diffusion(NestedPairs(NORMS), edm())
    gain = branching.filter_gain(diffusion)
    observe = {"first": gain[0, 0], "second": gain[1, 1]}
    at = np.linspace(FIRST + 0.6, LAST - 0.8, POINTS)
    run = ensemble(
        diffusion.reverse(),
        diffusion.process,
        start=FIRST - 1,
        at=at,
        steps=steps,
        trajectories=count,
        seed=SEED,
        observe=observe,
    )
    level = np.linspace(FIRST, LAST, 120)
    curve, exact = _alone(times_of(diffusion.process, level)), _alone(run["time"].values)
    data: dict = {"level": ("point", at), "curve_level": ("curve", level)}
    call = compiled(list(observe.values()), *diffusion.state, time)
    paths = run["paths"].values
    values = call(paths[:, 0], paths[:, 1], run["time"].values[:, None])
    z, bias, influences = [], [], []
    for name, norm, inner in zip(NAMES, NORMS, values, strict=True):
        data[f"{name}_origin"] = ("curve", np.exp(level) * norm**2)
        kept = np.exp(at) * norm**2 < DECIDED
        for kind, influence in (("mean", inner), ("var", squared_distance(inner))):
            data[f"{name}_{kind}_curve"] = ("curve", curve[name][kind])
            for what, found in against(run, name, exact[name][kind], kind).items():
                data[f"{name}_{kind}_{what}"] = ("point", np.where(kept, found, np.nan))
            z.append(data[f"{name}_{kind}_z"][1][kept])
            bias.append(data[f"{name}_{kind}_step_bias"][1][kept])
            influences.append(influence[kept])
    compared = agreement(
        np.concatenate(z),
        correlation(*influences),
        what="mean and variance of two gains",
        errors="of one run, joint covariance",
        step_bias=np.concatenate(bias),
    )
    parameters = {
        "data": f"four points at +-m_1 +-m_2, |m_1| = {NORMS[0]:g}, |m_2| = {NORMS[1]:g}",
        "process": "edm",
        "trajectories": count,
        "steps": f"{steps}, equal in log-SNR",
    }
    return sealed(xr.Dataset(data), STEM, quick, parameters, [compared], [run.attrs["facts"]])


def _alone(times):
    """Mean and variance of each gain: the directions are independent, so those of two classes on a line."""
    m = sp.Symbol("m", positive=True)
    line = Diffusion(SymmetricPair(m), edm())
    gain = branching.filter_gain(line)[0, 0]
    found = {}
    for name, norm in zip(NAMES, NORMS, strict=True):
        still_open = norm**2 / times**2 < 60  # beyond, both are below 1e-10
        mean, square = np.zeros(len(times)), np.zeros(len(times))
        e = expectations(line, {"gain": gain, "square": gain**2}, times[still_open], {m: norm})
        mean[still_open], square[still_open] = e["gain"].values, e["square"].values
        found[name] = {"mean": mean, "var": square - mean**2}
    return found


@style.styled
def draw(dataset: xr.Dataset):
    """Four panels: mean gains, their variance, relaxation rates, residuals."""
    figure = style.sheet(style.TWO_COLUMNS, 4.8)
    panels = figure.subplots(2, 2)
    level, curve = dataset["level"], dataset["curve_level"]
    for name, series, text in zip(NAMES, style.SERIES, ("along $m_1$", "along $m_2$"), strict=False):
        for axes, kind in zip(panels[0], ("mean", "var"), strict=True):
            style.exact(axes, curve, dataset[f"{name}_{kind}_curve"], series)
            points = dataset[f"{name}_{kind}_value"], dataset[f"{name}_{kind}_stderr"]
            style.measured(axes, level, *points, series, text)
        panels[0, 0].plot(curve, dataset[f"{name}_origin"], color=series["color"], linestyle=":", linewidth=1)
        style.exact(panels[1, 0], curve, 1 - dataset[f"{name}_mean_curve"], series, f"{text}, mean")
        panels[1, 0].plot(curve, 1 - dataset[f"{name}_origin"], color=series["color"], linestyle=":", linewidth=1)
        style.differences(panels[1, 1], level, dataset[f"{name}_mean_z"], series)
        style.differences(panels[1, 1], level, dataset[f"{name}_var_z"], series, markerfacecolor=series["color"])
    style.residuals(panels[1, 1], np.stack([dataset[f"{n}_{k}_z"] for n in NAMES for k in ("mean", "var")]))
    style.critical(panels[0, 0], 1, "gain 1: fluctuations grow", along="y", height=0.99, side="above")
    style.critical(panels[1, 0], 0, along="y")
    panels[0, 0].set_ylim(0, 1.6)
    panels[0, 0].set_ylabel("mean gain $\\alpha^2 c_i/\\sigma^2$")
    panels[0, 1].set_ylabel("variance of the gain $\\alpha^2 c_i/\\sigma^2$")
    panels[1, 0].set_ylim(-0.6, 1.1)
    panels[1, 0].set_ylabel("relaxation rate, in units of $g^2/\\sigma^2$")
    panels[0, 1].legend(loc="upper left")
    panels[1, 0].legend(loc="lower left")
    words = ("gain of the filter", "its spread over paths", "relaxation of fluctuations", "simulation less theory")
    for axes, mark, text in zip(panels.flat, "abcd", words, strict=True):
        axes.set_xlim(FIRST, LAST)
        axes.set_xlabel("log-SNR  $-2\\log\\sigma$     generation $\\rightarrow$")
        style.letter(axes, mark, text)
    return figure
