r"""Entropic time: where to put few steps

    entropic: equal parts of H[x_0|x_t];      rescaled: equal parts of int (sigma/alpha) dH
    Gaussian data of deviation c under EDM: the rescaled clock is c arctan(sigma/c)
    error of N steps: KL(p_end || q_N), q_N the law of the ancestral sampler

Data are three Gaussians in one dimension, one apart and two close together, under EDM from sigma = 20 to 0.05. One step
of the ancestral sampler has a Gaussian kernel, so q_N is known exactly by transfer matrices and the error has no noise.
(a) The grids of 16 steps in log sigma. (b) Entropy rate per unit of log sigma: what the entropic grid follows. (c) KL
against the number of steps for uniform, log-SNR, EDM (rho = 7), entropic and rescaled entropic grids (lines). (d) The
mean of the surprise -log p_end(x) of simulated samples of the same sampler less its exact mean under q_N: the matrices
and the sampler agree.

Every point of (d) is a run of its own seed.

Source: Stancevic, Handke & Ambrogioni 2025, Entropic time schedulers (2504.13612); Karras et al. 2022 (2206.00364).
"""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import xarray as xr

from analytic import Diffusion, GaussianMixture, edm
from analytic import t as time
from figures import style
from figures.report import agreement, sealed
from physim import grids, simulate
from physim.kernels.scalars import compiled
from physim.quadrature import expectations

STEM = "entropic_grids"
MEANS, VARIANCE, WEIGHTS = (-2.0, 1.3, 2.1), 0.01, (0.5, 0.25, 0.25)
HIGH, LOW = 20.0, 0.05
COUNTS = (6, 9, 14, 22, 34, 50)
SIMULATED = (6, 9, 14, 22)
NODES = 601
REACH = 9.0  # of the matrices, in deviations
SEED = 20250414
RULES = {
    "uniform": "uniform in $\\sigma$",
    "log_snr": "log-SNR",
    "edm": "EDM, $\\rho = 7$",
    "entropic": "entropic",
    "rescaled": "rescaled entropic",
}


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """KL of five grids for several numbers of steps; simulated surprise of the same samplers."""
    count = trajectories or (10_000 if quick else 100_000)
    diffusion = Diffusion(GaussianMixture(MEANS, VARIANCE, WEIGHTS), edm())
    call = compiled([diffusion.log_density, diffusion.posterior_mean[0]], *diffusion.state, time)
    surprise = -diffusion.log_density
    kl = np.empty((len(RULES), len(COUNTS)))
    found = {name: np.empty((len(RULES), len(SIMULATED))) for name in ("value", "stderr", "z")}
    runs = []
    for i, rule in enumerate(RULES):
        for j, steps in enumerate(COUNTS):
            grid = grid_of(rule, diffusion, steps)
            kl[i, j], exact = divergence(call, grid.times[::-1])
            if steps not in SIMULATED:
                continue
            known = {"trajectories": count, "seed": SEED + 10 * i + j, "record": 1, "progress": False}
            run = simulate(diffusion.reverse(), grid=grid, scheme="ancestral", observe={"s": surprise}, **known)
            value, stderr = float(run["s_mean"][-1]), float(run["s_mean_stderr"][-1])
            found["value"][i, j], found["stderr"][i, j], found["z"][i, j] = value, stderr, (value - exact) / stderr
            runs.append(json.loads(run.attrs["provenance"]))
    compared = agreement(
        found["z"],
        what=f"mean surprise of {len(RULES)} grids, {len(SIMULATED)} numbers of steps",
        errors="independent",
        step_bias=np.zeros(found["z"].size),  # q_N is the law of the steps themselves
    )
    data = {"kl": (("rule", "steps"), kl)} | {k: (("rule", "few"), v) for k, v in found.items()}
    data |= {f"grid_{rule}": ("mark", grid_of(rule, diffusion, 16).times) for rule in RULES} | _rate(diffusion)
    dataset = xr.Dataset(data).assign_coords(rule=list(RULES), steps=list(COUNTS), few=list(SIMULATED))
    best = {rule: float(kl[i, COUNTS.index(22)]) for i, rule in enumerate(RULES)}
    parameters = {
        "data": f"Gaussian mixture, means {MEANS}, variance {VARIANCE}, weights {WEIGHTS}",
        "process": f"edm, sigma from {HIGH:g} to {LOW:g}, ancestral sampler",
        "KL with 22 steps": ", ".join(f"{rule} {value:.2e}" for rule, value in best.items()),
        "trajectories per point": count,
        "nodes of the transfer matrices": NODES,
    }
    return sealed(dataset, STEM, quick, parameters, [compared], runs)


def grid_of(rule, diffusion, steps):
    """A grid of forward times (sigma) by its rule."""
    if rule == "uniform":
        return grids.uniform(LOW, HIGH, steps)
    if rule == "log_snr":
        return grids.uniform_log_snr(diffusion.process, LOW, HIGH, steps)
    if rule == "edm":
        return grids.edm_rho(diffusion.process, LOW, HIGH, steps)
    return grids.entropic(diffusion, LOW, HIGH, steps, rescaled=rule == "rescaled")


def divergence(call, sigmas):
    """KL(p_end || q_N) of the ancestral sampler through falling sigmas, and the mean of -log p_end under q_N.

    x' = xhat + (s'/s)^2 (x - xhat) + sqrt(s'^2 (s^2 - s'^2))/s xi, started from p at the first sigma.
    """
    unit = np.linspace(-1, 1, NODES)
    x = unit * _half_width(sigmas[0])
    q = np.exp(call(x, sigmas[0])[0])
    for high, low in pairwise(sigmas):
        mean = call(x, high)[1]
        centre, spread = mean + (low / high) ** 2 * (x - mean), low * np.sqrt(1 - (low / high) ** 2)
        y = unit * _half_width(low)
        kernel = np.exp(-((y[:, None] - centre) ** 2) / (2 * spread**2)) / (np.sqrt(2 * np.pi) * spread)
        x, q = y, kernel @ q * (x[1] - x[0])
    log_p = call(x, sigmas[-1])[0]
    p, step = np.exp(log_p), x[1] - x[0]
    return float(np.sum(p * (log_p - np.log(np.maximum(q, 1e-300)))) * step), float(np.sum(q * -log_p) * step)


def _half_width(sigma):
    return 2.5 + REACH * np.sqrt(sigma**2 + VARIANCE)


def _rate(diffusion):
    """Entropy rate per unit of log sigma."""
    sigma = np.geomspace(LOW, HIGH, 120)
    rate = diffusion.local_bandwidth * time
    return {"curve_sigma": ("curve", sigma), "rate": ("curve", expectations(diffusion, {"b": rate}, sigma)["b"].values)}


@style.styled
def draw(dataset: xr.Dataset):
    """Four panels: grids, rate, KL, residuals."""
    figure = style.sheet(style.TWO_COLUMNS, 4.6)
    left, right = figure.add_gridspec(1, 2)
    left, right = left.subgridspec(2, 1), right.subgridspec(2, 1, height_ratios=(1.8, 1))
    above = figure.add_subplot(left[0])
    below, main, lower = (
        figure.add_subplot(left[1], sharex=above),
        figure.add_subplot(right[0]),
        figure.add_subplot(right[1]),
    )
    looks = (*style.SERIES, {"color": style.ORANGE, "linestyle": "-", "marker": "v"})
    for k, (rule, text) in enumerate(RULES.items()):
        series, part = looks[k], dataset.isel(rule=k)
        times = dataset[f"grid_{rule}"]
        above.plot(times, np.full(len(times), -k), color=series["color"], marker="|", linestyle="none", markersize=8)
        style.exact(main, dataset["steps"], part["kl"], series, text)
        main.plot(dataset["steps"], part["kl"], color=series["color"], marker=series["marker"], linestyle="none")
        style.differences(lower, dataset["few"], part["z"], series)
    above.set_yticks([-k for k in range(len(RULES))], labels=["uniform", "log-SNR", "EDM", "entropic", "rescaled"])
    above.set_ylim(-4.6, 0.6)
    above.set_ylabel("rule of the $N = 16$ steps")
    below.plot(dataset["curve_sigma"], dataset["rate"], color=style.BLACK)
    below.set_xscale("log")
    below.set_ylim(bottom=0)
    below.set_xlabel("noise $\\sigma$     $\\leftarrow$ generation")
    below.set_ylabel("entropy rate d$H$/d log $\\sigma$ (nats)")
    main.set_xscale("log")
    main.set_yscale("log")
    main.set_ylabel("KL$(p\\,||\\,q_N)$ at the end (nats)")
    main.legend(loc="lower left")
    style.residuals(lower, dataset["z"].values)
    for axes, ticks in ((main, (6, 10, 20, 40)), (lower, (6, 9, 14, 22))):
        axes.set_xscale("log")
        axes.set_xticks(ticks, labels=list(map(str, ticks)))
        axes.xaxis.set_minor_formatter("")
        axes.set_xlabel("number of steps $N$")
    words = ("where the steps are", "what the entropic grid follows", "error of few steps", "simulation less theory")
    for axes, mark, text in zip((above, below, main, lower), "abcd", words, strict=True):
        style.letter(axes, mark, text)
    return figure
