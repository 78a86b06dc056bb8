r"""Spontaneous symmetry breaking in generative diffusion

    U(x, t) = f x^2/2 - g2 log p_t(x),     dX = [-f X + g2 s(X, t)] ds + sqrt(g2) dW,   ds = -dt
    drift = 0:  (alpha^2 + 1) x = 2 alpha tanh(alpha x/(1 - alpha^2));     alpha_c = sqrt(sqrt(2) - 1)

Data are two points at x = -1 and x = +1 under the linear variance-preserving process (rate 0.1 to 20). (a)
The potential U of the reverse SDE, less its value at x = 0, in units of g2, at three times: its single
valley at x = 0 becomes a double one at alpha_c (theta_c in the source). Circles: the stable fixed points of
the drift. (b) Fixed points of the drift of the reverse SDE (stable: solid, unstable: dashed), solved from
the symbolic drift; the modes of the density p_t (dotted) part later in generation: the two conditions are
different objects. (c) 40 simulated reverse trajectories, coloured by the sign of their end, on the exact
density; the black lines are the stable fixed points of (b). Lines of critical values come from the exact
critical points. (d) Second and fourth moment of x over the whole ensemble against the exact ones; below,
their difference. Successive points are of one run: chi^2 uses their measured correlation.

Source: Raya & Ambrogioni 2023, Spontaneous symmetry breaking in generative diffusion models (2305.19693).
"""

from __future__ import annotations

import json

import numpy as np
import xarray as xr
from matplotlib.colors import PowerNorm
from scipy.optimize.elementwise import find_root

from analytic import Diffusion, SymmetricPair, critical_points, evaluate, vp_linear
from analytic import t as time
from figures import style
from figures.ensembles import against, correlation, ensemble
from figures.report import agreement, sealed
from physim import simulate
from physim.grids import Grid
from physim.kernels.scalars import compiled, log_snr_at
from physim.quadrature import expectations

STEM = "spontaneous_symmetry_breaking"
RATE_MIN, RATE_MAX = 0.1, 20
SNAPSHOTS = (0.38, None, 0.235)  # forward times; None is the critical one
RECORDED = (0.82, 0.7, 0.6, 0.52, 0.45, 0.39, 0.335, 0.29, 0.25, 0.21, 0.17, 0.13, 0.09)  # forward times
BUNDLE = 40
LAST = 0.005  # forward time at which the drawn trajectories stop
SEED = 20230519


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """Potential, fixed points, density, a bundle of trajectories, and moments of an ensemble."""
    process = vp_linear(RATE_MIN, RATE_MAX)
    diffusion = Diffusion(SymmetricPair(mean_norm=1), process)
    (x,) = diffusion.state
    observe = {"x2": x**2, "x4": x**4}
    critical = {}
    for point in critical_points(diffusion.model, process):
        if point.object in ("reverse_sde", "density"):
            critical[f"{point.object}_critical_time"] = float(evaluate(point.value))
            critical[f"{point.object}_critical_alpha"] = float(evaluate(process.alpha, {time: point.value}))
    count = trajectories or (20_000 if quick else 200_000)
    steps = 2500 if quick else 10_000
    moments, compared, facts = _moments(diffusion, observe, count, steps)
    data = _potential(diffusion, critical) | _branches(diffusion, critical) | _density(diffusion)
    bundle, bundle_facts = _bundle(diffusion, observe)
    data |= bundle | moments | {name: ((), value) for name, value in critical.items()}
    parameters = {
        "data": "two points, x_0 = -1 and +1, equal weights",
        "process": f"vp_linear, rate {RATE_MIN} to {RATE_MAX}",
        "critical point of the reverse SDE": _at(critical, "reverse_sde"),
        "p_t becomes bimodal": _at(critical, "density"),
        "trajectories": count,
        "steps": f"{steps}, equal in log-SNR, from t = 1 to {RECORDED[-1]}",
    }
    return sealed(xr.Dataset(data), STEM, quick, parameters, [compared], [facts, bundle_facts])


def _at(critical, name):
    return f"alpha = {critical[f'{name}_critical_alpha']:.6f}, t = {critical[f'{name}_critical_time']:.6f}"


def _potential(diffusion, critical):
    snapshots = np.array([critical["reverse_sde_critical_time"] if u is None else u for u in SNAPSHOTS])
    grid = np.linspace(-1.75, 1.75, 281)
    call = compiled([diffusion.potential("reverse_sde"), diffusion.process.g2], *diffusion.state, time)
    potential, strength = call(grid, snapshots[:, None])
    origin = call(0.0, snapshots)[0]
    return {
        "potential": (("snapshot", "position"), (potential - origin[:, None]) / strength),
        "snapshot": ("snapshot", snapshots),
        "position": ("position", grid),
    }


def _branches(diffusion, critical):
    """The positive zeros of the reverse drift and of the score, at times that crowd before the critical one."""
    forces = {"reverse_sde": diffusion.reverse().drift[0], "density": diffusion.score[0]}
    out = {}
    for name, expr in forces.items():
        times = critical[f"{name}_critical_time"] * (1 - np.linspace(0.004, 0.985**0.5, 160) ** 2)
        call = compiled([expr, diffusion.process.alpha], *diffusion.state, time)
        found = find_root(lambda x, t, call=call: call(x, t)[0], (1e-5 + 0 * times, 2 + 0 * times), args=(times,))
        alpha = call(found.x, times)[1]
        out |= {
            f"{name}_branch": (f"{name}_index", np.append(0.0, np.where(found.success, found.x, np.nan))),
            f"{name}_branch_time": (f"{name}_index", np.append(critical[f"{name}_critical_time"], times)),
            f"{name}_branch_alpha": (f"{name}_index", np.append(critical[f"{name}_critical_alpha"], alpha)),
        }
    return out


def _density(diffusion):
    times, grid = np.linspace(LAST, 1.0, 400), np.linspace(-3, 3, 361)
    log_density = compiled(diffusion.log_density, *diffusion.state, time)(grid, times[:, None])
    return {
        "density": (("density_time", "density_position"), np.exp(log_density)),
        "density_time": times,
        "density_position": grid,
    }


def _bundle(diffusion, observe):
    times = np.union1d(np.linspace(LAST, 1, 1601), np.geomspace(LAST, 0.05, 400))
    known = {"trajectories": BUNDLE, "keep_paths": BUNDLE, "record": 500, "progress": False}
    run = simulate(diffusion.reverse(), grid=Grid(times), seed=SEED + 5, observe=observe, **known)
    paths = {"paths": (("path_time", "path"), run["paths"].values[:, 0]), "path_time": run["time"].values}
    return paths, json.loads(run.attrs["provenance"])


def _moments(diffusion, observe, count, steps):
    """Simulated and exact moments at recorded times, and their agreement with the joint error of all points."""
    start, *at = log_snr_at(diffusion.process, np.array([1.0, *RECORDED]))
    run = ensemble(
        diffusion.reverse(),
        diffusion.process,
        start=start,
        at=at,
        steps=steps,
        trajectories=count,
        seed=SEED,
        observe=observe,
    )
    exact = expectations(diffusion, observe, run["time"].values)
    curve_time = np.linspace(RECORDED[-1], 1.0, 80)
    curve = expectations(diffusion, observe, curve_time)
    out = {"moment_time": run["time"].values, "curve_time": curve_time}
    for name in observe:
        out[f"{name}_exact"] = ("curve_time", curve[name].values)
        for what, values in against(run, name, exact[name].values).items():
            out[f"{name}_{what}"] = ("moment_time", values)
    paths = run["paths"].values[:, 0]
    found = agreement(
        [out[f"{name}_z"][1] for name in observe],
        correlation(paths**2, paths**4),
        what=f"E[x²] and E[x⁴] at {len(at)} times",
        errors="of one run, joint covariance",
        step_bias=[out[f"{name}_step_bias"][1] for name in observe],
    )
    return out, found, run.attrs["facts"]


@style.styled
def draw(dataset: xr.Dataset):
    """Four panels: potential, fixed points, trajectories on the density, moments with residuals."""
    figure = style.sheet(style.TWO_COLUMNS, 5.3)
    rows = figure.add_gridspec(2, 1, height_ratios=(1, 1.12))
    top = rows[0].subgridspec(1, 2)
    bottom = rows[1].subgridspec(1, 2, width_ratios=(1.55, 1))
    right = bottom[1].subgridspec(2, 1, height_ratios=(1.7, 1))
    _draw_potential(figure.add_subplot(top[0]), dataset)
    _draw_branches(figure.add_subplot(top[1]), dataset)
    _draw_trajectories(figure.add_subplot(bottom[0]), dataset)
    upper = figure.add_subplot(right[0])
    _draw_moments(upper, figure.add_subplot(right[1], sharex=upper), dataset)
    return figure


def _draw_potential(axes, dataset):
    critical, branch = float(dataset["reverse_sde_critical_time"]), dataset["reverse_sde_branch"].values
    looks = (("before", style.SERIES[0]), ("critical", style.SERIES[2]), ("after", style.SERIES[1]))
    for k, (word, series) in enumerate(looks):
        when = float(dataset["snapshot"][k])
        style.exact(axes, dataset["position"], dataset["potential"][k], series, rf"{word}: $t = {when:.3f}$")
        well = np.interp(-when, -dataset["reverse_sde_branch_time"].values, branch) if when < critical else 0.0
        depth = np.interp(well, dataset["position"], dataset["potential"][k])
        axes.plot([-well, well], [depth, depth], "o", color=series["color"], markersize=4, zorder=5)
    axes.set_xlim(-1.75, 1.75)
    axes.set_ylim(1.25 * float(dataset["potential"].min()), 0.8)
    axes.set_xlabel("position $x$")
    axes.set_ylabel("potential $[U(x,t) - U(0,t)]\\,/\\,g^2$")
    axes.legend(loc="upper center")
    style.letter(axes, "a", "potential of the reverse SDE")


def _draw_branches(axes, dataset):
    color, dashed = style.SERIES[1]["color"], (0, (3, 1.5))
    critical, later = float(dataset["reverse_sde_critical_alpha"]), float(dataset["density_critical_alpha"])
    axes.plot([0, critical], [0, 0], color=color, linewidth=1.6, label="reverse SDE, stable")
    axes.plot([critical, 1], [0, 0], color=color, linestyle=dashed, label="reverse SDE, unstable")
    modes = {"color": style.SERIES[0]["color"], "linestyle": ":", "linewidth": 1.3}
    for sign in (1, -1):
        axes.plot(dataset["reverse_sde_branch_alpha"], sign * dataset["reverse_sde_branch"], color=color, linewidth=1.6)
        label = rf"modes of $p_t$, $\alpha > {later:.4f}$" if sign > 0 else None
        axes.plot(dataset["density_branch_alpha"], sign * dataset["density_branch"], label=label, **modes)
    style.critical(axes, critical, rf"reverse SDE: $\alpha_c = {critical:.6f}$", height=0.99)
    style.critical(axes, later)
    axes.set_xlim(0, 1)
    axes.set_ylim(-1.3, 1.3)
    axes.set_xlabel(r"signal amplitude $\alpha = \theta(t)$")
    axes.set_ylabel("fixed point $x^*$")
    axes.legend(loc="lower left", handlelength=2)
    style.letter(axes, "b", "fixed points of the drift")


def _draw_trajectories(axes, dataset):
    density, position = dataset["density"].values.T, dataset["density_position"].values
    extent = (1 - LAST, 0, position[0], position[-1])
    look = {"cmap": "Greys", "norm": PowerNorm(0.6, 0, 1.2), "origin": "lower", "aspect": "auto", "zorder": 0}
    picture = axes.imshow(density, extent=extent, interpolation="bilinear", **look)
    paths, when = dataset["paths"].values, 1 - dataset["path_time"].values
    for path in paths.T:
        color = style.VERMILLION if path[-1] > 0 else style.BLUE
        axes.plot(when, path, color=color, linewidth=0.45, alpha=0.7, zorder=2, rasterized=True)
    for sign in (1, -1):
        branch = 1 - dataset["reverse_sde_branch_time"], sign * dataset["reverse_sde_branch"]
        axes.plot(*branch, color="white", linewidth=2.2, zorder=3)
        axes.plot(*branch, color="black", linewidth=1.0, zorder=3)
    critical = 1 - float(dataset["reverse_sde_critical_time"])
    style.critical(axes, critical, f"$1 - t_c = {critical:.6f}$", height=0.985)
    axes.set_xlim(0, 1)
    axes.set_ylim(-3, 3)
    axes.set_xlabel("generative time $1 - t$")
    axes.set_ylabel("position $x$")
    bar = axes.figure.colorbar(picture, ax=axes, pad=0.015, fraction=0.045, aspect=28, extend="max")
    bar.set_label("density $p_t(x)$")
    bar.set_ticks([0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2])
    bar.outline.set_linewidth(0.5)
    style.letter(axes, "c", f"{paths.shape[1]} generated trajectories on the exact density")


def _draw_moments(upper, lower, dataset):
    when = 1 - dataset["moment_time"].values
    for name, series, text in (("x2", style.SERIES[0], "E$[x^2]$"), ("x4", style.SERIES[1], "E$[x^4]$")):
        style.exact(upper, 1 - dataset["curve_time"], dataset[f"{name}_exact"], series)
        style.measured(upper, when, dataset[f"{name}_value"], dataset[f"{name}_stderr"], series, text)
        style.differences(lower, when, dataset[f"{name}_z"], series)
    for axes in (upper, lower):
        style.critical(axes, 1 - float(dataset["reverse_sde_critical_time"]))
    style.residuals(lower, np.stack([dataset["x2_z"], dataset["x4_z"]]))
    upper.set_ylim(0.7, 3.3)
    upper.set_ylabel("moment of $x$")
    upper.tick_params(labelbottom=False)
    upper.legend(loc="lower left", bbox_to_anchor=(0, 0.12))
    lower.set_xlim(0, 1)
    lower.set_xlabel("generative time $1 - t$")
    style.letter(upper, "d", "moments")
    lower.figure.align_ylabels([upper, lower])
