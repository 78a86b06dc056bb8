r"""Single paths decide: the pathwise entropy, its compensator and the martingale that is left

    dh = -b ds + noise . dW,    b = (g2/2) sum_c P_c |s_c - s|^2,    noise = -g sum_c P_c log P_c (s_c - s)
    M = h + int b ds:     E M = E h(start),     Var M = Var h(start) + int E|noise|^2 ds

Data are two points at -1 and +1 under the variance-exploding process; h is the entropy of the class (of the decision
not yet made) along one generated path, b its local bandwidth, a function of the divergence of the score at the path.
(a) h along eight reverse paths: it falls on average, but single paths also take decisions back; thick: the mean. (b) b
along the same paths: a decision is a burst of bandwidth. (c) The compensated entropy M: its mean stays where it began
(points with standard errors; line: exact). (d) Its variance grows by the noise of the filter alone; for comparison the
variance of h, which peaks and vanishes. (e) Simulation less theory.

All points come from one run: chi^2 of the means of M uses the covariance of a martingale, Cov(M_s, M_t) = Var M_s.

Source: Stancevic & Ambrogioni 2026 (2508.19897).
"""

from __future__ import annotations

import json

import numpy as np
import xarray as xr
from scipy.interpolate import CubicSpline

from analytic import Classes, Diffusion, PointMixture, information, path_integral, variance_exploding
from analytic import t as time
from figures import style
from figures.ensembles import against, ensemble, log_snr_grid, times_of
from figures.report import agreement, sealed
from physim import simulate
from physim.kernels.scalars import compiled, log_snr_at
from physim.quadrature import expectations

STEM = "single_path_decisions"
FIRST, LAST = -4.0, 2.6  # log-SNR
POINTS = 20
BUNDLE = 8
SEED = 20260808


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """A bundle of paths, and the moments of h and of the compensated entropy."""
    count = trajectories or (10_000 if quick else 100_000)
    steps = 2000 if quick else 10_000
    diffusion = Diffusion(PointMixture([-1, 1]), variance_exploding())
    classes = Classes(diffusion)
    unit = diffusion.process.sigma**2 / diffusion.process.g2  # |dt/dlogSNR|
    observe = {"h": classes.entropy, "m": classes.entropy + path_integral(classes.bandwidth)}
    at = np.linspace(FIRST + 0.5, LAST, POINTS)
    known = {"start": FIRST, "at": at, "steps": steps, "trajectories": count, "seed": SEED}
    run = ensemble(diffusion.reverse(), diffusion.process, observe=observe, keep=False, **known)
    law = information.variance_law(classes)
    forms = {"h": law["h"], "hh": law["h"] ** 2, "noise": unit * law["noise_square"]}
    level = np.linspace(FIRST, LAST, 133)
    e = expectations(diffusion, forms, times_of(diffusion.process, level))
    variance = e["hh"].values - e["h"].values ** 2
    grown = variance[0] + CubicSpline(level, e["noise"].values).antiderivative()(level)
    truth = {
        "h_mean": CubicSpline(level, e["h"].values)(at),
        "h_var": CubicSpline(level, variance)(at),
        "m_mean": np.full(POINTS, float(e["h"][0])),
        "m_var": CubicSpline(level, grown)(at),
    }
    data: dict = {"level": ("point", at), "curve_level": ("curve", level)}
    data |= {"h_curve": ("curve", e["h"].values), "h_var_curve": ("curve", variance), "m_var_curve": ("curve", grown)}
    for name, exact in truth.items():
        for what, values in against(run, name[0], exact, name[2:]).items():
            data[f"{name}_{what}"] = ("point", values)
    ratio = truth["m_var"][:, None] / truth["m_var"]
    compared = agreement(
        data["m_mean_z"][1],
        np.sqrt(np.minimum(ratio, 1 / ratio)),
        what="mean of the compensated entropy",
        errors="of one run, exact covariance of a martingale",
        step_bias=data["m_mean_step_bias"][1],
    )
    paths, facts = _bundle(diffusion, classes, unit)
    parameters = {
        "data": "two points, x_0 = -1 and +1, equal weights",
        "process": "variance_exploding",
        "trajectories": count,
        "steps": f"{steps}, equal in log-SNR",
        "E M, exact": f"{float(e['h'][0]):.6f} nats",
    }
    return sealed(xr.Dataset(data | paths), STEM, quick, parameters, [compared], [run.attrs["facts"], facts])


def _bundle(diffusion, classes, unit):
    """h and b (per unit of log-SNR) along a few paths."""
    grid = log_snr_grid(diffusion.process, FIRST, LAST, 6000)
    known = {"grid": grid, "trajectories": BUNDLE, "keep_paths": BUNDLE, "record": 600, "progress": False}
    run = simulate(diffusion.reverse(), seed=SEED + 7, observe={"h": classes.entropy}, **known)
    call = compiled([classes.entropy, unit * classes.bandwidth], *diffusion.state, time)
    h, b = call(run["paths"].values[:, 0], run["time"].values[:, None])
    out = {"path_h": (("path_point", "path"), h), "path_b": (("path_point", "path"), b)}
    out["path_level"] = ("path_point", log_snr_at(diffusion.process, run["time"].values))
    return out, json.loads(run.attrs["provenance"])


@style.styled
def draw(dataset: xr.Dataset):
    """Five panels: paths of h, of b, mean and variance of the compensated entropy, residuals."""
    figure = style.sheet(style.TWO_COLUMNS, 5.6)
    left, right = figure.add_gridspec(1, 2)
    left, right = left.subgridspec(2, 1), right.subgridspec(3, 1, height_ratios=(1, 1.4, 1))
    level, curve = dataset["level"], dataset["curve_level"]
    colors = (
        style.BLUE,
        style.VERMILLION,
        style.GREEN,
        style.PURPLE,
        style.ORANGE,
        style.SKY,
        style.GREY,
        style.YELLOW,
    )
    paths = [figure.add_subplot(cell) for cell in left]
    for axes, name in zip(paths, ("path_h", "path_b"), strict=True):
        for k in range(BUNDLE):
            axes.plot(dataset["path_level"], dataset[name][:, k], color=colors[k], linewidth=0.7)
    paths[0].plot(curve, dataset["h_curve"], color=style.BLACK, linewidth=2, label="mean, exact")
    paths[0].set_ylabel("class entropy $h$ (nats)")
    paths[0].legend(loc="lower left")
    paths[1].set_ylabel("bandwidth $b$ per unit of log-SNR")
    first, second, third = (figure.add_subplot(cell) for cell in right)
    first.axhline(float(dataset["h_curve"][0]), color=style.BLACK, linewidth=1.2)
    style.measured(first, level, dataset["m_mean_value"], dataset["m_mean_stderr"], style.SERIES[0])
    first.set_ylabel("mean of $M$ (nats)")
    for name, series, text in (("m", style.SERIES[0], "$M = h + \\int b$"), ("h", style.SERIES[1], "$h$")):
        style.exact(second, curve, dataset[f"{name}_var_curve"], series)
        style.measured(second, level, dataset[f"{name}_var_value"], dataset[f"{name}_var_stderr"], series, text)
        for kind, face in (("mean", "white"), ("var", series["color"])):
            style.differences(third, level, dataset[f"{name}_{kind}_z"], series, markerfacecolor=face)
    second.set_ylabel("variance (nats$^2$)")
    second.legend(loc="upper left")
    style.residuals(third, np.stack([dataset[f"{n}_z"] for n in ("m_mean", "m_var", "h_mean", "h_var")]))
    words = (
        "entropy along single paths",
        "bandwidth along the same paths",
        "nothing is left on average",
        "noise of the filter",
    )
    for axes, mark, text in zip(
        (*paths, first, second, third), "abcde", (*words, "simulation less theory"), strict=True
    ):
        axes.set_xlim(FIRST, LAST + 0.1)
        axes.set_xlabel("log-SNR  $-\\log t$     generation $\\rightarrow$")
        style.letter(axes, mark, text)
    return figure
