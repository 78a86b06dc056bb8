r"""Semantic partitions: each distinction has its own time

    h_c(x) = H[c|x_t=x],   dH[c|x_t]/dt = E b_c,   b_c = (g2/2) sum_c P_c |s_c - s|^2      for any partition into c
    H[fine] = H[coarse] + E H[fine | coarse]

Data are four points in the plane under EDM: a close pair on the left, one point above, one far to the right. The same
trajectories answer different questions: which of the four; left pair or not; right or not; lower left or not. (a) The
four points and the entropy h of the finest partition at sigma = 0.8. (b) Entropy of each partition and (c) its rate per
unit of log-SNR: lines are exact quadrature under p_t, points averages over reverse trajectories (they end where less
than 0.02 nats are left: rare trajectories). Each question has its own time; none is open when the finest is closed. (d)
Simulation less theory (open: entropy, filled: rate).

All points come from one run: chi^2 uses their measured correlation.

Source: Handke et al. 2025 (entropy rates per semantic partition); Stancevic & Ambrogioni 2026 (2508.19897).
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from analytic import Classes, Diffusion, PointMixture, edm
from analytic import t as time
from figures import style
from figures.ensembles import against, correlation, ensemble, times_of
from figures.report import agreement, sealed
from physim.kernels.scalars import compiled
from physim.quadrature import expectations

STEM = "semantic_partitions"
PLACES = ((-1.6, -0.35), (-1.6, 0.35), (-0.2, 1.6), (2.6, -0.4))
PARTITIONS = {
    "all": (None, "which of the four"),
    "pair": (((0, 1), (2, 3)), "left pair or not"),
    "right": (((0, 1, 2), (3,)), "right or not"),
    "inside": (((0,), (1, 2, 3)), "lower left or not"),
}
FIRST, LAST = -4.5, 3.6  # log-SNR
POINTS = 11
LEFT = 0.02  # nats below which an average comes from rare trajectories
SNAPSHOT = 0.8  # sigma of the map
SEED = 20260821


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """Entropies and rates of four partitions along one ensemble, and by quadrature."""
    count = trajectories or (10_000 if quick else 150_000)
    steps = 1500 if quick else 8000
    diffusion = Diffusion(PointMixture(PLACES), edm())
    unit = diffusion.process.sigma**2 / diffusion.process.g2  # |dt/dlogSNR|
    observe = {}
    for name, (partition, _) in PARTITIONS.items():
        classes = Classes(diffusion, partition)
        observe |= {f"{name}_h": classes.entropy, f"{name}_rate": unit * classes.bandwidth}
    at = np.linspace(FIRST + 0.5, LAST - 1.6, POINTS)
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
    level = np.linspace(FIRST, LAST - 1.0, 28 if quick else 90)
    curve = expectations(diffusion, observe, times_of(diffusion.process, level), tolerance=1e-7)
    exact = expectations(diffusion, observe, run["time"].values, tolerance=1e-7)
    data: dict = {"level": ("point", at), "curve_level": ("curve", level)}
    for name in observe:
        data[f"{name}_curve"] = ("curve", curve[name].values)
        still_open = exact[f"{name.split('_')[0]}_h"].values > LEFT
        for what, values in against(run, name, exact[name].values).items():
            data[f"{name}_{what}"] = ("point", np.where(still_open, values, np.nan))
    used = [f"{name}_h" for name in PARTITIONS]
    call = compiled(list(observe.values()), *diffusion.state, time)
    paths = run["paths"].values
    values = dict(zip(observe, call(paths[:, 0], paths[:, 1], run["time"].values[:, None]), strict=True))
    z, bias = (np.concatenate([data[f"{name}_{key}"][1] for name in used]) for key in ("z", "step_bias"))
    kept = np.isfinite(z)
    compared = agreement(
        z[kept],
        correlation(np.concatenate([values[name] for name in used])[kept]),
        what="entropy of four partitions",
        errors="of one run, joint covariance",
        step_bias=bias[kept],
    )
    x, y = np.linspace(-3.4, 4.4, 157), np.linspace(-2.4, 3.0, 109)
    data["map"] = (("map_y", "map_x"), call(x, y[:, None], SNAPSHOT)[0])
    dataset = xr.Dataset(data).assign_coords(map_x=x, map_y=y)
    parameters = {
        "data": f"four points at {PLACES}, equal weights",
        "process": "edm",
        "trajectories": count,
        "steps": f"{steps}, equal in log-SNR",
    }
    return sealed(dataset, STEM, quick, parameters, [compared], [run.attrs["facts"]])


@style.styled
def draw(dataset: xr.Dataset):
    """Four panels: map, entropies, rates, residuals."""
    figure = style.sheet(style.TWO_COLUMNS, 4.8)
    panels = figure.subplots(2, 2)
    _draw_map(panels[0, 0], dataset)
    for (name, (_, text)), series in zip(PARTITIONS.items(), style.SERIES, strict=True):
        for axes, kind in ((panels[0, 1], "h"), (panels[1, 0], "rate")):
            style.exact(axes, dataset["curve_level"], dataset[f"{name}_{kind}_curve"], series)
            points = dataset[f"{name}_{kind}_value"], dataset[f"{name}_{kind}_stderr"]
            style.measured(axes, dataset["level"], *points, series, text)
        style.differences(panels[1, 1], dataset["level"], dataset[f"{name}_h_z"], series)
        style.differences(
            panels[1, 1], dataset["level"], dataset[f"{name}_rate_z"], series, markerfacecolor=series["color"]
        )
    style.residuals(panels[1, 1], np.stack([dataset[f"{n}_{k}_z"] for n in PARTITIONS for k in ("h", "rate")]))
    panels[0, 1].set_ylabel("class entropy $H$ (nats)")
    panels[0, 1].legend(loc="upper right")
    panels[1, 0].set_ylabel("rate $-$d$H$/d log SNR (nats)")
    panels[1, 0].set_ylim(bottom=0)
    for axes in (panels[0, 1], panels[1, 0], panels[1, 1]):
        axes.set_xlim(FIRST, LAST - 1.0)
        axes.set_xlabel("log-SNR  $-2\\log\\sigma$     generation $\\rightarrow$")
    words = (
        "what is still open at $\\sigma = 0.8$",
        "entropy of each question",
        "each has its own time",
        "simulation less theory",
    )
    for axes, mark, text in zip(panels.flat, "abcd", words, strict=True):
        style.letter(axes, mark, text)
    return figure


def _draw_map(axes, dataset):
    x, y = dataset["map_x"].values, dataset["map_y"].values
    extent = (x[0], x[-1], y[0], y[-1])
    axes.imshow(dataset["map"], origin="lower", extent=extent, cmap="Greys", vmin=0, vmax=1.6, aspect="auto", zorder=0)
    axes.contour(x, y, dataset["map"], levels=[0.3, 0.6, 0.9], colors=style.GREY, linewidths=0.6)
    for place in PLACES:
        axes.plot(*place, marker="o", color=style.VERMILLION, markersize=4.5)
    axes.set_xlabel("position $x_1$")
    axes.set_ylabel("position $x_2$,   grey: $h$ of the four")
