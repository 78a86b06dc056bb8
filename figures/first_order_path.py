r"""A first-order transition on the path of a sampler: the planted 3-spin model with side information

    x_t = alpha s_0 + sigma eps,  snr = alpha^2/sigma^2;     q = 2 psi'(h),  h = snr + (3/2) q^2/T^2
    psi(h) = E log 2 cosh(h + sqrt(h) z) - h/2  (Ising),   (h - log(1 + h))/2  (spherical)

(a) Ising spins: the overlap q of the denoised with the true configuration along the path, above, at and below the
tricritical temperature. Lines are fixed points of state evolution (dotted: unstable). Points are message passing on
instances after 30 iterations, started without information (open) and, below the tricritical temperature, at the planted
configuration (filled): between the spinodals (shaded) the two differ, and where the large overlap already is the
posterior (beyond the Maxwell point, dashed) a sampler that starts from noise stays behind. (b) The spinodals (solid),
between which both overlaps exist, and the Maxwell line (dashed), with the tricritical point (circle), which in this
plane is a critical end point, and on snr = 0 the dynamic (square) and Kauzmann (triangle) temperatures of the glass.
(c), (d) The same for spherical spins, where all but the Maxwell line is closed form. (e) Simulated less exact overlap
(state evolution after as many iterations) in standard errors, as the normal score of Student's t. Judged are the points
where state evolution settles to 1e-4 within 20 steps; the others (pale, in (a) and (c) only) are near a spinodal or the
tricritical point, where finite instances differ from the limit. Of the judged ones what is left of order 1/N is below
the error bars.

Source: Ghio, Dandi, Krzakala & Zdeborova 2023 (2308.14085). Couplings have the law of a Gaussian tensor of order three.
"""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr
from scipy import stats

from analytic import PlantedPSpin
from analytic.mean_field.planted_p_spin import h
from analytic.symbols import beta
from figures import style
from figures.report import agreement, record, sealed
from physim.experiments import message_passing
from physim.kernels.means import averaged

STEM = "first_order_path"
SEED = 20230827
WARM, COLD = {"ising": 0.85, "spherical": 0.80}, {"ising": 0.70, "spherical": 0.62}
PLACES = {  # snr of the points without information at three temperatures, and of those from the planted start
    "ising": (
        (0.05, 0.12, 0.2, 0.35, 0.5),
        (0.05, 0.1, 0.2, 0.35, 0.5),
        (0.02, 0.05, 0.08, 0.1, 0.16, 0.25, 0.35, 0.5),
        (0.1, 0.115, 0.16, 0.25, 0.35, 0.5),
    ),
    "spherical": (
        (0.05, 0.1, 0.2, 0.35, 0.5),
        (0.03, 0.08, 0.2, 0.35, 0.5),
        (0.02, 0.035, 0.05, 0.065, 0.12, 0.2, 0.35, 0.5),
        (0.05, 0.065, 0.12, 0.2, 0.35, 0.5),
    ),
}
ITERATIONS, STEPS = 30, 20  # of message passing; of state evolution, what is judged
LARGEST = 0.55


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """Curves and lines from the free entropy, overlaps of instances on three paths of each model."""
    instances = max(8, trajectories // 512) if trajectories else (16 if quick else 24)
    sites = 1000 if trajectories else (2000 if quick else 4000)
    data, z, facts, parameters = {}, [], [], {}
    for k, spins in enumerate(("ising", "spherical")):
        model = PlantedPSpin(3, spins)
        tri = model.tricritical_point()
        special = [float(p.value) for p in (tri, model.dynamic_temperature(), model.kauzmann_temperature())]
        temperatures = WARM[spins], special[0], COLD[spins]
        data |= _curves(model, spins, temperatures) | _diagram(model, spins, special, 2 if quick else 8)
        data[f"{spins}_special"] = ("special", special)
        data[f"{spins}_special_snr"] = ("special", [float(tri.others["snr"]), 0.0, 0.0])
        points, found, fact = _points(model, spins, temperatures, sites, instances, SEED + 10 * k, 2 if quick else 1)
        data, z, facts = data | points, z + found, facts + fact
        parameters[f"T tricritical, dynamic, Kauzmann, {spins}"] = ", ".join(f"{t:.7f}" for t in special)
    parameters |= {"sites": sites, "instances at each point": instances, "iterations": ITERATIONS}
    parameters["judged"] = f"points where state evolution settles within {STEPS} steps"
    compared = agreement(z, what="overlap of message passing", errors="independent (an instance for each point)")
    return sealed(xr.Dataset(data), STEM, quick, parameters, [compared], facts)


def _curves(model, spins, temperatures):
    """snr, overlap and slope of the fixed points along h at three temperatures."""
    call = averaged([model.fixed_points[name] for name in ("snr", "overlap", "slope")], h, beta)
    field = np.geomspace(1e-3, 12, 500)
    rows = np.stack([np.stack(call(field, 1 / t)) for t in temperatures])
    names = ("snr", "overlap", "slope")
    return {f"{spins}_curve_{name}": (("temperature", "field"), rows[:, k]) for k, name in enumerate(names)} | {
        f"{spins}_temperature": ("temperature", list(temperatures))
    }


def _diagram(model, spins, special, lines):
    """Both spinodals as curves in h, T^2 = W'(h); the Maxwell line at some temperatures down to the Kauzmann one."""
    import sympy as sp

    at = float(model._fold_end[0])
    field = np.concatenate([np.geomspace(1e-2, at, 120)[:-1], np.geomspace(at, 12, 120)])
    coupling, square = averaged([model.coupling, sp.diff(model.coupling, h)], h)(field)
    place = field - coupling / square
    warm = special[2] + (special[0] - special[2]) * np.linspace(0, 1, lines + 2)[1:-1]
    level = [float(model.path(t).named("maxwell").value) for t in warm]
    return {
        f"{spins}_spinodal_snr": ("place", place),
        f"{spins}_spinodal_temperature": ("place", np.sqrt(square)),
        f"{spins}_maxwell_snr": ("line", [0.0, *level, float(model.tricritical_point().others["snr"])]),
        f"{spins}_maxwell_temperature": ("line", [special[2], *warm, special[0]]),
        f"{spins}_path": ("kind", [float(p.value) for p in model.path(COLD[spins])]),
    }


def _points(model, spins, temperatures, sites, instances, seed, every):
    """Overlaps on the three paths: two without information, the coldest from both starts."""
    *blind, planted = (places[-1::-every][::-1] for places in PLACES[spins])
    warm = np.repeat(temperatures, [len(places) for places in blind])
    known = {"sites": sites, "instances": instances, "iterations": ITERATIONS}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # compared after as many iterations, converged or not
        parts = (
            message_passing(model, warm, np.concatenate(blind), seed=seed, starts="uninformed", **known),
            message_passing(model, temperatures[2], planted, seed=seed + 1, starts="planted", **known),
        )
    joined = {}
    for name in ("temperature", "snr", "overlap", "overlap_stderr", "overlap_exact", "overlap_z", "converged"):
        key = f"{spins}_point_temperature" if name == "temperature" else f"{spins}_{name}"
        joined[key] = (f"{spins}_point", np.concatenate([part[name].values.ravel() for part in parts]))
    judged = np.concatenate([part["steps_exact"].values.ravel() for part in parts]) <= STEPS
    joined[f"{spins}_judged"] = (f"{spins}_point", judged.astype(int))
    joined[f"{spins}_planted"] = (f"{spins}_point", np.repeat([0, 1], [len(warm), len(planted)]))
    facts = [
        record(
            f"message passing, {spins} 3-spin, N = {sites}, {part.point.size} points", seed=seed + k, count=instances
        )
        for k, part in enumerate(parts)
    ]
    scores = stats.norm.ppf(stats.t.cdf(joined[f"{spins}_overlap_z"][1], instances - 1))
    joined[f"{spins}_overlap_z"] = (f"{spins}_point", scores)
    return joined, list(scores[judged]), facts


@style.styled
def draw(dataset: xr.Dataset):
    """Five panels: overlaps and diagram of either model, residuals."""
    figure = style.sheet(style.TWO_COLUMNS, 7.2)
    grid = figure.add_gridspec(3, 2, height_ratios=[1, 1, 0.62])
    last = figure.add_subplot(grid[2, :])
    for row, (spins, words) in enumerate((("ising", "Ising spins"), ("spherical", "spherical spins"))):
        left, right = figure.add_subplot(grid[row, 0]), figure.add_subplot(grid[row, 1])
        _draw_overlap(left, dataset, spins)
        _draw_diagram(right, dataset, spins)
        style.letter(left, "ac"[row], f"{words}: overlap along the path")
        style.letter(right, "bd"[row], f"{words}: phase diagram")
    _draw_residuals(last, dataset)
    style.letter(last, "e", "message passing less state evolution")
    return figure


def _draw_overlap(axes, dataset, spins):
    lower, maxwell, upper = dataset[f"{spins}_path"].values
    axes.axvspan(lower, upper, color="#E9E9E9", linewidth=0, zorder=0)
    axes.axvline(maxwell, color=style.GREY, linewidth=0.7, linestyle=(0, (4, 2)), zorder=1)
    warm = dataset[f"{spins}_temperature"].values
    for k, series in enumerate(style.SERIES[:3]):
        snr, q, slope = (dataset[f"{spins}_curve_{name}"].values[k] for name in ("snr", "overlap", "slope"))
        folds = np.flatnonzero(np.diff(slope > 1)) + 1 if k == 2 else np.array([], dtype=int)
        text = f"$T = {warm[k]:.2f}$" if k != 1 else rf"$T_\mathrm{{tri}} = {warm[k]:.4f}$"
        for j, part in enumerate(np.split(np.arange(len(q)), folds)):
            part = np.append(part, part[-1] + 1) if part[-1] + 1 < len(q) else part
            line = ":" if j == 1 else series["linestyle"]
            axes.plot(snr[part], q[part], color=series["color"], linestyle=line, label=text if j == 0 else None)
        mine = np.isclose(dataset[f"{spins}_point_temperature"].values, warm[k])
        for planted in (0, 1):
            for judged, alpha in ((1, 1.0), (0, 0.4)):
                chosen = mine & (dataset[f"{spins}_planted"].values == planted)
                chosen &= dataset[f"{spins}_judged"].values == judged
                values = (dataset[f"{spins}_{name}"].values[chosen] for name in ("snr", "overlap", "overlap_stderr"))
                look = {"markerfacecolor": series["color"] if planted else "white", "alpha": alpha}
                style.measured(axes, *values, series, **look)
    axes.set_xlim(0, LARGEST)
    axes.set_ylim(-0.02, 1)
    axes.set_xlabel(r"side information $\mathrm{snr} = \alpha^2/\sigma^2$     generation $\rightarrow$")
    axes.set_ylabel("overlap $q$")
    axes.legend(loc="lower right")


def _draw_diagram(axes, dataset, spins):
    snr, warm = dataset[f"{spins}_spinodal_snr"].values, dataset[f"{spins}_spinodal_temperature"].values
    top = int(np.argmax(warm))
    levels = np.linspace(warm[top] - 0.2, warm[top], 200)
    upper = np.interp(levels, warm[: top + 1], snr[: top + 1])
    lower = np.interp(levels, warm[top:][::-1], snr[top:][::-1])
    axes.fill_betweenx(levels, np.maximum(lower, 0), upper, color="#E9E9E9", linewidth=0, zorder=0)
    for part, text, colour in (
        (slice(None, top + 1), "small overlap ends", style.BLUE),
        (slice(top, None), "large overlap appears", style.GREEN),
    ):
        axes.plot(snr[part], warm[part], color=colour, label=text)
    line = dataset[f"{spins}_maxwell_snr"], dataset[f"{spins}_maxwell_temperature"]
    axes.plot(*line, color=style.VERMILLION, linestyle=style.SERIES[1]["linestyle"], label="Maxwell")
    places = dataset[f"{spins}_special_snr"].values, dataset[f"{spins}_special"].values
    names = zip("os^", (r"tricritical, $T", r"dynamic, $T_\mathrm{d}", r"Kauzmann, $T_\mathrm{K}"), strict=True)
    for x, y, (marker, name) in zip(*places, names, strict=True):
        look = {"color": style.BLACK, "markersize": 4.5, "zorder": 5, "clip_on": False, "linestyle": "none"}
        axes.plot(x, y, marker=marker, label=f"{name} = {y:.4f}$", **look)
    axes.set_xlim(0, 0.3)
    axes.set_ylim(places[1][2] - 0.04, places[1][0] + 0.015)
    axes.set_xlabel(r"side information $\mathrm{snr}$")
    axes.set_ylabel("temperature $T$")
    axes.legend(loc="lower right")


def _draw_residuals(axes, dataset):
    shown = []
    for spins, series in zip(("ising", "spherical"), style.SERIES, strict=False):
        judged = dataset[f"{spins}_judged"].values == 1
        x, z = dataset[f"{spins}_overlap_exact"].values[judged], dataset[f"{spins}_overlap_z"].values[judged]
        style.differences(axes, x, z, series, label=f"{spins} spins".replace("ising", "Ising"))
        shown.append(z)
    style.residuals(axes, np.concatenate(shown))
    axes.set_xlim(0, 1)
    axes.set_xlabel("exact overlap $q$")
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
