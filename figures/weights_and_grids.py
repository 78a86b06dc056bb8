r"""Weights and grids: uniform steps lose the weight of a class or its width, dilated grids keep both

    x_t = (1 - t) x_0 + t eps,    Euler steps of the probability flow;    d = 10^4
    uniform:  t_i = i/n       dilated:  half of the steps on either side of a knot,  t = 1 - 5 d^{-1/2}  or  5 d^{-1/2}
    VP: the initial spread, one, is the width of a class;     VE: it is the distance of the classes

(a, b) Two Gaussian classes at +-d^{1/2}, variance 1, weights 0.7 and 0.3. (c, d) The order parameter sum_i s_i/N^{1/2}
of N = d Curie-Weiss spins at beta J = 1.4 in a field of order 1/N, which gives the two phases weights 0.8 and 0.2: two
Gaussians, the law of large N; the exact sums over the magnetisation differ by less than 2e-3. VP takes these data as
they are, VE divided by d^{1/2}. Left: relative error of the weight of the heavier class, the mean of its posterior
probability; right: of its width, the variance about its own mean; zero is exact. Points: ensembles; lines: the map of n
Euler steps, integrated over its starting points without noise. Uniform VP steps miss the decision, at alpha m = sigma,
and give the heavier class too much; uniform VE steps miss the scale alpha v^{1/2} = sigma on which a class gets its
width, and leave it a point. Dilated grids of either kind and steps equal in log-SNR (VE scale) keep both from some tens
of steps on. Entropic steps (equal parts of H[x_0|x_t], VE scale) do not: the entropy of continuous data falls without
end as t goes to 0, and most steps go to scales below the width. (e) Where the steps are: part of the steps taken
against the ratio of signal to noise (entropic: those of Curie-Weiss). (f) Ensembles less lines, where each class and
the width rest on more than 50 trajectories; weight (large) and width (small). Each point is a run of its own, and the
agreement uses the covariance of the two.

Source: Aranguri, Biroli, Mezard & Vanden-Eijnden 2025 (2501.00988).
"""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import sympy as sp
import xarray as xr
from matplotlib.lines import Line2D
from scipy.optimize import brentq

from analytic import CurieWeiss, Diffusion, flow_matching, t
from analytic.models import GaussianMixture
from figures import style
from figures.magnets import blocks
from figures.report import agreement, sealed
from physim import grids, simulate
from physim.finite_size import Law
from physim.kernels.scalars import compiled
from physim.quadrature import expectations

STEM = "weights_and_grids"
DIMENSION, BETA, HEAVIER = 10_000, 1.4, 0.8
KAPPA = 5.0
START, END = 1 - 1e-4, 1e-4
SIZES = tuple(4 << k for k in range(7))
DATA = ("Gaussian classes", "Curie-Weiss")
LOST = ("weight", "width")
FILLED = 50  # trajectories in the lighter class and behind the width, for a point to enter the agreement
SEED = 20250100
m1, m2 = sp.symbols("m1 m2", real=True)
v1, v2, w = sp.symbols("v1 v2 w", positive=True)
FLOW = Diffusion(GaussianMixture((m1, -m2), (v1, v2), (w, 1 - w)), flow_matching())
_Y = FLOW.state[0] - FLOW.process.alpha * m1
OBSERVE = {name: FLOW.class_posterior[0] * _Y**k for k, name in enumerate(("weight", "shift", "square"))}
LETTERS = (FLOW.state[0], t, m1, m2, v1, v2, w)


def time_grids(parameters) -> dict:
    """Name -> (is the data VE-scaled, grid of n steps)."""
    process, near = FLOW.process, KAPPA / DIMENSION**0.5
    whole = grids.entropic(FLOW, END, START, SIZES[-1], scaled(parameters, True)).times
    return {
        "VP, uniform": (False, lambda n: grids.uniform(END, START, n)),
        "VE, uniform": (True, lambda n: grids.uniform(END, START, n)),
        "VP, dilated": (False, lambda n: grids.dilated(END, START, n, 1 - near)),
        "VE, dilated": (True, lambda n: grids.dilated(END, START, n, near)),
        "log-SNR": (True, lambda n: grids.uniform_log_snr(process, END, START, n)),
        "entropic": (True, lambda n: grids.Grid(whole[:: SIZES[-1] // n], "entropic")),
    }


GRIDS = ("VP, uniform", "VE, uniform", "VP, dilated", "VE, dilated", "log-SNR", "entropic")


def scaled(parameters, exploding: bool) -> dict:
    """The data as they are (VP) or divided by d^{1/2} (VE)."""
    power = {"m1": 0.5, "m2": 0.5, "v1": 1, "v2": 1, "w": 0}
    return {k: x / DIMENSION ** power[k] if exploding else x for k, x in parameters.items()}


def data_sets() -> dict:
    """Name -> parameters of the two Gaussians, and what the exact sums of N spins say in words."""
    root = DIMENSION**0.5
    pair = {"m1": root, "m2": root, "v1": 1.0, "v2": 1.0, "w": 0.7}
    order = brentq(lambda m: np.tanh(BETA * m) - m, 0.1, 1)
    field = np.log(HEAVIER / (1 - HEAVIER)) / (2 * BETA * DIMENSION * order)
    model = CurieWeiss(field=sp.Float(field), beta=sp.Rational(str(BETA)))
    up, down = (brentq(lambda m: np.tanh(BETA * (m + field)) - m, *ends) for ends in ((0.5, 1), (-1, -0.5)))
    law = Law(model, DIMENSION, BETA)
    heavy = law.ray > 0
    weight = float(law.probability[heavy].sum())
    phases = Diffusion(model, FLOW.process).order_parameter((sp.Float(up), sp.Float(down)), DIMENSION)
    spread = [float(c[0, 0]) for c in phases.covariances]
    spins = {"m1": root * up, "m2": -root * down, "v1": spread[0], "v2": spread[1], "w": weight}
    exact = law.probability[heavy] / weight
    mean = exact @ law.ray[heavy]
    width = DIMENSION * float(exact @ (law.ray[heavy] - mean) ** 2)
    words = f"weight {weight:.6f}, width {width:.5f} exactly, {spread[0]:.5f} for large N, field {field:.3g}"
    return {DATA[0]: (pair, ""), DATA[1]: (spins, words)}


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """Errors of weight and width for every data set, grid and number of steps, simulated and without noise."""
    count = trajectories or (20_000 if quick else 400_000)
    shape = (len(DATA), len(GRIDS), len(SIZES), len(LOST))
    found = {name: np.full(shape, np.nan) for name in ("loss", "stderr", "line", "z")}
    taken, parts, facts, words = np.empty((len(GRIDS), SIZES[-1] + 1)), [], [], {}
    for i, (name, (parameters, said)) in enumerate(data_sets().items()):
        words |= {name: said or ", ".join(f"{k} = {x:g}" for k, x in parameters.items())}
        for j, (exploding, make) in enumerate(time_grids(parameters).values()):
            given = scaled(parameters, exploding)
            known = expectations(FLOW, OBSERVE, [END], given).isel(time=0)
            exact = _modes([float(known[k]) for k in OBSERVE])[0]
            for k, n in enumerate(SIZES):
                run = _run(make(n), given, count, SEED + 1000 * i + 100 * j + k)
                facts.append(json.loads(run.attrs["provenance"]))
                value, joint = _modes(*_moments(run, count))
                *mean, fourth = euler_map(make(n).times[::-1], given)
                line = _modes(mean)[0]
                stderr = np.sqrt(np.diag(joint))
                found["loss"][i, j, k], found["stderr"][i, j, k] = value / exact - 1, stderr / exact
                found["line"][i, j, k] = line / exact - 1
                if count * min(1 - line[0], mean[2] ** 2 / fourth) > FILLED:
                    found["z"][i, j, k] = (value - line) / stderr
                    parts.append(joint)
            taken[j] = np.log10((1 - make(SIZES[-1]).times) / make(SIZES[-1]).times) + (0 if exploding else 2)
    compared = agreement(
        found["z"][np.isfinite(found["z"])],
        blocks(parts),
        what=f"weight and width of {len(parts)} ensembles against the map of Euler steps",
        errors="a run for each point, joint covariance of the two",
    )
    data = {name: (("data", "grid", "steps", "lost"), values) for name, values in found.items()}
    data["ratio"] = (("grid", "place"), taken)
    dataset = xr.Dataset(data, {"data": list(DATA), "grid": list(GRIDS), "steps": list(SIZES), "lost": list(LOST)})
    parameters = {
        "process": "flow_matching, Euler-Maruyama scheme without noise",
        "t": f"{START:g} to {END:g}",
        "knot": f"{KAPPA:g} d^(-1/2) from either end, d = {DIMENSION}",
        "trajectories at each point": count,
    }
    return sealed(dataset, STEM, quick, parameters | words, [compared], facts)


def _run(grid, given, count, seed):
    return simulate(
        FLOW.probability_flow(), trajectories=count, grid=grid, parameters=given, seed=seed, observe=OBSERVE,
        covariances=True, record=1, progress=False,
    ).isel(time=-1)  # fmt: skip


def _moments(run, count):
    """Means of the three observables and the covariance of the means."""
    names = list(OBSERVE)
    covariance = np.diag([float(run[f"{name}_mean_stderr"]) ** 2 for name in names])
    for i, a in enumerate(names):
        for j, b in enumerate(names[:i]):
            key = next(n for n in (f"{a}_{b}_cov", f"{b}_{a}_cov") if n in run)
            covariance[i, j] = covariance[j, i] = float(run[key]) / count
    return [float(run[f"{name}_mean"]) for name in names], covariance


def _modes(mean, covariance=None):
    """(weight, variance about its own mean) of the heavier mode from its weighted moments; their covariance."""
    weight, shift, square = mean
    centre = shift / weight
    value = np.array([weight, square / weight - centre**2])
    if covariance is None:
        return value, None
    slope = np.array([[1.0, 0.0, 0.0], [(2 * centre**2 - square / weight) / weight, -2 * centre / weight, 1 / weight]])
    return value, slope @ covariance @ slope.T


def euler_map(times, given, nodes=4001, reach=9.0, passes=4) -> list[float]:
    """Means of the observables, and of the last one squared, after Euler steps of the flow along falling times.

    Trapezoidal rule over the starting points, weighted by the exact density at the first time; after the first pass
    they are put where the observables of their ends vary, since the boundary between the classes is steep.
    """
    numbers = [given[str(s)] for s in LETTERS[2:]]
    flow, density = FLOW.probability_flow(), compiled(FLOW.log_density, *LETTERS)
    drift, observed = compiled(flow.drift[0], *LETTERS), compiled((*OBSERVE.values(), OBSERVE["square"] ** 2), *LETTERS)
    alpha = 1 - times[0]
    ends = [
        s * (alpha * m + reach * np.hypot(times[0], alpha * v**0.5))
        for s, m, v in zip((-1, 1), *_pairs(given), strict=True)
    ]
    start = np.linspace(*ends, nodes)
    for _ in range(passes):
        x = start
        for now, after in pairwise(times):
            x = x + drift(x, now, *numbers) * (now - after)
        values = np.array(observed(x, times[-1], *numbers)) * np.exp(density(start, times[0], *numbers))
        parts = (values[:, 1:] + values[:, :-1]) / 2 * np.diff(start)
        swing = np.abs(np.diff(values)) * np.diff(start) ** 0.5
        share = (swing / np.maximum(swing.sum(axis=1, keepdims=True), 1e-300)).sum(axis=0) + 2 / nodes
        clock = np.concatenate([[0.0], np.cumsum(share)])
        start = np.interp(np.linspace(0, clock[-1], nodes), clock, start)
    return [float(total) for total in parts.sum(axis=1)]


def _pairs(given):
    return (given["m2"], given["m1"]), (given["v2"], given["v1"])


@style.styled
def draw(dataset: xr.Dataset):
    """Weight and width for both data sets, the places of the steps, residuals."""
    figure = style.sheet(style.TWO_COLUMNS, 7.6)
    panels = figure.subplots(3, 2)
    for i, name in enumerate(DATA):
        for q, lost in enumerate(LOST):
            axes = panels[i, q]
            _draw_loss(axes, dataset.isel(data=i, lost=q))
            axes.set_ylabel(f"relative error $\\varepsilon$ of the {lost}")
            style.letter(axes, "abcd"[2 * i + q], f"{name}: {lost}")
    looks = [
        Line2D([], [], color=c, linestyle=l, marker=k, label=g, markerfacecolor="white") for g, c, l, k in _looks()
    ]
    figure.legend(handles=looks, loc="outside upper center", ncols=6)
    _draw_places(panels[2, 0], dataset)
    _draw_residuals(panels[2, 1], dataset)
    return figure


def _looks():
    """Name, colour, line and marker of every grid."""
    solid, dashed = "-", (0, (4, 1.2))
    colours = (style.BLUE, style.VERMILLION, style.BLUE, style.VERMILLION, style.GREEN, style.PURPLE)
    return list(zip(GRIDS, colours, (solid, solid, dashed, dashed, solid, solid), "osv^DP", strict=True))


def _draw_loss(axes, part):
    for j, (_, colour, line, marker) in enumerate(_looks()):
        one, series = part.isel(grid=j), {"color": colour, "marker": marker}
        axes.plot(one["steps"], one["line"], color=colour, linestyle=line, linewidth=0.9, zorder=2)
        style.measured(axes, one["steps"], one["loss"], one["stderr"], series)
    axes.axhline(0, color=style.BLACK, linewidth=0.7, zorder=1)
    axes.set_xscale("log", base=2)
    axes.set_yscale("symlog", linthresh=0.01)
    low, high = float((part["loss"] - part["stderr"]).min()), float(max(part["line"].max(), part["loss"].max()))
    axes.set_ylim(min(1.5 * low, -0.02), 2 * high)
    axes.set_yticks([v for v in (-1, -0.1, -0.01, 0, 0.01, 0.1, 1, 10, 100) if 1.5 * low < v < 2 * high])
    axes.set_xlabel("steps $n$")


def _draw_places(axes, dataset):
    done = np.linspace(1, 0, dataset.sizes["place"])
    for j, (_, colour, line, _) in enumerate(_looks()):
        axes.plot(dataset["ratio"][j], done, color=colour, linestyle=line)
    style.critical(axes, 0, "classes", side="left")
    style.critical(axes, 2, "width", side="right", height=0.2)
    axes.set_xlim(-2.2, 4.2)
    axes.set_xlabel(r"signal to noise $\log_{10}(\alpha m/\sigma)$     generation $\rightarrow$")
    axes.set_ylabel("part of the steps taken $i/n$")
    style.letter(axes, "e", "where the steps are")


def _draw_residuals(axes, dataset):
    place = np.arange(len(SIZES))
    for i in range(len(DATA)):
        for j, (_, colour, _, marker) in enumerate(_looks()):
            for q, size in enumerate((3.2, 1.7)):
                z = dataset["z"].values[i, j, :, q]
                shift = 2.0 ** (place + 2 + 0.12 * (j - 2.5) + 0.06 * i)
                face = {"markerfacecolor": "white" if i == 0 else colour, "markersize": size}
                style.differences(axes, shift, z, {"color": colour, "marker": marker}, **face)
    style.residuals(axes, dataset["z"].values)
    axes.set_xscale("log", base=2)
    axes.set_xlabel("steps $n$")
    style.letter(axes, "f", "ensembles less lines (filled: Curie-Weiss)")
