r"""Hopfield networks: retrieval with few patterns, and its limits with many

    P fixed        m = tanh(m/T),  T_c = 1
    P = alpha N    m = E tanh u,  q = E tanh^2 u,  u ~ N(a, v),  T = m/a,  alpha = v (T - 1 + q)^2/q

(a) Two patterns on 128 spins: the squared overlaps against temperature by exact sums (line) and heat-bath dynamics
(points); dotted: a single pattern as N grows. (b) Many patterns: the retrieval state exists below T_M (solid) and is
the global minimum below T_c (dashed); the spin glass appears at T_g = 1 + sqrt(alpha); the circle is the capacity
0.137906 at T = 0. (c) The overlap of the retrieval state against load at three temperatures, replica-symmetric theory
(lines, to their ends at the limit of retrieval) and networks started at a pattern (points). Points at T = 0 and beyond
0.6 of the limit (pale) are drawn and not judged: replica symmetry is broken at T = 0, where networks retrieve beyond
0.138, and near the limit finite networks leave the state. (d) Simulated less exact overlap in standard errors over
independent networks, as the normal score of Student's t; exact at the load (P - 1)/N of the patterns that disturb.

Source: Amit, Gutfreund & Sompolinsky 1985, 1987.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy import optimize, stats

from analytic import Hopfield, RetrievalPhase
from analytic.mean_field.retrieval import load
from figures import style
from figures.report import agreement, record, sealed
from physim.experiments import few_patterns, retrieval
from physim.finite_size import thermodynamics
from physim.kernels.scalars import compiled
from physim.locate import retrieval_coexistence, retrieval_limit, retrieval_overlap

STEM = "hopfield"
SEED = 19850930
SITES = 128
TEMPERATURES = (0.4, 0.2, 0.0)
FRACTIONS = {  # of the limit of retrieval
    0.4: (0.12, 0.25, 0.4, 0.55, 0.7, 0.85, 0.95),
    0.2: (0.12, 0.25, 0.4, 0.55, 0.7, 0.85, 0.95),
    0.0: (0.5, 0.75, 0.9, 1.0, 1.05, 1.1, 1.2),
}
JUDGED = 0.6
FEW = np.linspace(0.3, 1.4, 12)


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """Exact sums and chains of few patterns; lines of the phase diagram, overlaps of networks with many."""
    count = trajectories // 4 if trajectories else (1500 if quick else 8000)
    networks = max(8, trajectories // 512) if trajectories else (16 if quick else 24)
    sites = 600 if trajectories else (1000 if quick else 3000)
    data, z_few, facts = _few(count)
    lines = _diagram(20 if quick else 40)
    many, z_many, more = _many(sites, networks, 20 if quick else 60)
    capacity = float(RetrievalPhase().capacity()[0])
    parameters = {
        "few patterns": f"2 patterns, N = {SITES}, {count} chains of 60 sweeps",
        "many patterns": f"N = {sites}, {networks} networks at each point",
        "capacity": f"{capacity:.7f}",
        "judged": f"T > 0, loads up to {JUDGED:g} of the limit of retrieval",
    }
    compared = agreement(
        np.concatenate([z_few, z_many]), what="overlaps of few and of many patterns", errors="independent"
    )
    return sealed(
        xr.Dataset(data | lines | many | {"capacity": ((), capacity)}),
        STEM,
        quick,
        parameters,
        [compared],
        facts + more,
    )


def _few(count):
    points = few_patterns(FEW, sites=SITES, trajectories=count, seed=SEED)
    warm = np.linspace(0.25, 1.45, 61)
    single = [optimize.brentq(lambda m, t=t: m - np.tanh(m / t), 0.05, 1) if t < 0.998 else 0.0 for t in warm]
    data = {f"few_{name}": ("few", points[name].values) for name in ("m2", "m2_stderr", "m2_z")}
    data |= {"few_temperature": ("few", FEW), "exact_temperature": ("warm", warm)}
    data["exact_m2"] = ("warm", thermodynamics(Hopfield(2), SITES, 1 / warm).m2.values[0])
    data["single_m2"] = ("warm", np.square(single))
    return data, points.m2_z.values, [record("heat bath, two patterns", seed=SEED, count=count)]


def _diagram(lines):
    warm = np.concatenate([[0.0], 0.1 + 0.895 * np.linspace(0, 1, lines) ** 1.3])
    alpha = np.linspace(0, 0.2, 101)
    glass = compiled(RetrievalPhase().glass_temperature, load)(np.maximum(alpha, 1e-12))
    limit, coexist = ([float(f(t).value) for t in warm] for f in (retrieval_limit, retrieval_coexistence))
    return {
        "line_temperature": ("line", np.append(warm, 1.0)),
        "limit": ("line", np.append(limit, 0.0)),
        "coexistence": ("line", np.append(coexist, 0.0)),
        "glass_load": ("glass", alpha),
        "glass": ("glass", glass),
    }


def _many(sites, networks, lines):
    data, judged_z, facts = {}, [], []
    for k, warm in enumerate(TEMPERATURES):
        limit = float(retrieval_limit(warm).value)
        fractions = np.array(FRACTIONS[warm])
        points = retrieval(fractions * limit, warm, sites=sites, networks=networks, seed=SEED + 1 + k)
        curve = limit * (1 - np.linspace(0, 1, lines + 1)[:-1] ** 2)
        curve[0] = limit * (1 - 1e-7)
        judged = (fractions <= JUDGED) & (warm > 0)
        score = np.full(len(fractions), np.nan)
        score[judged] = stats.norm.ppf(stats.t.cdf(points.overlap_z.values[judged], networks - 1))
        data |= {
            f"load_{k}": ("point", points["load"].values),
            f"overlap_{k}": ("point", points.overlap.values),
            f"overlap_stderr_{k}": ("point", points.overlap_stderr.values),
            f"z_{k}": ("point", score),
            f"curve_load_{k}": ("curve", curve),
            f"curve_overlap_{k}": ("curve", [retrieval_overlap(x, warm) for x in curve]),
        }
        judged_z += list(score[judged])
        facts.append(record(f"heat bath of a network, N = {sites}, T = {warm:g}", seed=SEED + 1 + k, count=networks))
    return data | {"temperature": ("temperature", list(TEMPERATURES))}, judged_z, facts


@style.styled
def draw(dataset: xr.Dataset):
    """Four panels: few patterns, phase diagram, overlap against load, residuals."""
    figure = style.sheet(style.TWO_COLUMNS, 5.2)
    panels = figure.subplots(2, 2)
    _draw_few(panels[0, 0], dataset)
    _draw_diagram(panels[0, 1], dataset)
    _draw_many(panels[1, 0], dataset)
    _draw_residuals(panels[1, 1], dataset)
    words = (
        "two patterns, 128 spins",
        "many patterns: phase diagram",
        "many patterns: overlap",
        "simulation less theory",
    )
    for axes, mark, text in zip(panels.flat, "abcd", words, strict=True):
        style.letter(axes, mark, text)
    return figure


def _draw_few(axes, dataset):
    axes.plot(
        dataset["exact_temperature"], dataset["single_m2"], color=style.GREY, linestyle=":", label=r"$N \to \infty$"
    )
    style.exact(axes, dataset["exact_temperature"], dataset["exact_m2"], style.SERIES[0], "exact sums")
    values = dataset["few_temperature"], dataset["few_m2"], dataset["few_m2_stderr"]
    style.measured(axes, *values, style.SERIES[0], "heat bath")
    style.critical(axes, 1.0, "$T_c$", height=0.6)
    axes.set_ylim(0, 1.03)
    axes.set_xlabel("temperature $T$")
    axes.set_ylabel(r"squared overlaps $\langle m_1^2 + m_2^2 \rangle$")
    axes.legend(loc="lower left")


def _draw_diagram(axes, dataset):
    warm = dataset["line_temperature"]
    axes.fill_betweenx(warm, 0, dataset["coexistence"], color="#E9E9E9", linewidth=0, zorder=0)
    style.exact(axes, dataset["glass_load"], dataset["glass"], style.SERIES[2], r"glass $T_g = 1 + \sqrt{\alpha}$")
    style.exact(axes, dataset["limit"], warm, style.SERIES[0], "retrieval exists, $T_M$")
    style.exact(axes, dataset["coexistence"], warm, style.SERIES[1], "retrieval is lowest, $T_c$")
    look = {"color": style.BLACK, "markersize": 4.5, "zorder": 5, "clip_on": False, "linestyle": "none"}
    value = float(dataset["capacity"])
    axes.plot(value, 0, "o", label=rf"capacity $\alpha_c = {value:.6f}$", **look)
    axes.set_xlim(0, 0.2)
    axes.set_ylim(0, 2.3)
    axes.set_xlabel(r"load $\alpha = P/N$")
    axes.set_ylabel("temperature $T$")
    axes.legend(loc="upper left")


def _draw_many(axes, dataset):
    for k, series in enumerate(style.SERIES[:3]):
        warm = float(dataset["temperature"][k])
        style.exact(axes, dataset[f"curve_load_{k}"], dataset[f"curve_overlap_{k}"], series, f"$T = {warm:g}$")
        judged = np.isfinite(dataset[f"z_{k}"].values)
        for chosen, alpha in ((judged, 1.0), (~judged, 0.4)):
            values = (dataset[f"{name}_{k}"].values[chosen] for name in ("load", "overlap", "overlap_stderr"))
            style.measured(axes, *values, series, alpha=alpha)
    style.critical(axes, float(dataset["capacity"]), r"$\alpha_c$", height=0.2)
    axes.set_xlabel(r"load $\alpha = P/N$")
    axes.set_ylabel("overlap $m$")
    axes.legend(loc="lower left")


def _draw_residuals(axes, dataset):
    few = {"color": style.BLACK, "marker": "v", "linestyle": "none"}
    style.differences(axes, dataset["few_temperature"], dataset["few_m2_z"], few, label="(a), at $T$")
    shown = [dataset["few_m2_z"].values]
    for k, series in enumerate(style.SERIES[:2]):
        x, z = 10 * dataset[f"load_{k}"].values, dataset[f"z_{k}"].values
        style.differences(axes, x, z, series, label=rf"(c), $T = {float(dataset['temperature'][k]):g}$, at $10\alpha$")
        shown.append(z)
    style.residuals(axes, np.concatenate(shown))
    axes.set_xlabel(r"temperature $T$, or ten times the load $\alpha$")
    axes.legend(loc="lower right", fontsize=6.2)
