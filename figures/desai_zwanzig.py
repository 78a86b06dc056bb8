r"""Desai-Zwanzig: soft spins in a double well, coupled to their mean

    dx_i = [x_i - x_i^3 + theta (q - x_i)] dt + sqrt(2 T) dW_i,     q = (1/N) sum_i x_i
    critical:  theta E x^2 = T at q = 0;    theta = 1:  T_c = 4 (Gamma(3/4)/Gamma(1/4))^2 = 0.456947

(a) The order parameter at theta = 1: solution of the self-consistency as N tends to infinity (line), Langevin
dynamics of N = 400 sites (points), started from the exact law of N sites (dotted), which right dynamics keeps. (b) The
density of one site at T = 0.3: nonlinear Fokker-Planck equation (lines) at three times after a start at x = 0.4, and
histograms of the sites (points). (c) Its mean in time, at T below and above T_c. (d) Simulation less the exact law of N
sites for (a), less the nonlinear equation for (c), where 1000 sites stand for infinitely many (their mean differs by
O(1/N)). Every temperature is a run of its own; the agreement uses the correlation of the times of one run.

Source: Desai & Zwanzig 1978; Dawson 1983.
"""

from __future__ import annotations

import json

import numpy as np
import xarray as xr
from scipy.linalg import block_diag

from analytic import SoftSpins, critical_point, evaluate, site_langevin
from analytic import site_mean as average
from analytic.mean_field.base import site
from analytic.symbols import beta, magnetisation
from figures import style
from figures.ensembles import correlation
from figures.report import agreement, sealed
from physim import simulate
from physim.fokker_planck import Line, McKeanVlasov, stationary

STEM = "desai_zwanzig"
SITES, MANY = 400, 1000
TEMPERATURES = (0.2, 0.26, 0.32, 0.37, 0.41, 0.44, 0.47, 0.5, 0.54, 0.6)
RELAXING = (0.3, 0.6)
START = 0.4
STEP, LENGTH = 0.0025, 4.0
RECORDED = (0.5, 1.0, 2.0, 3.0, 4.5, 6.0, 8.0)
SNAPSHOTS = (0.5, 3.0, 8.0)
LINE = Line(-3.2, 3.2, 640)
SEED = 19780101


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """Order parameter against temperature, and relaxation of the density."""
    count = min(trajectories or 10**9, 64) if quick else 1024
    model = SoftSpins()
    critical = float(evaluate(1 / critical_point(model).at[beta]))
    rows, facts = {name: [] for name in ("m2", "m2_stderr", "m2_z")}, []
    for k, temperature in enumerate(TEMPERATURES):
        start = _exact_starts(temperature, count, SEED + 20 + k)
        run = _run(SITES, temperature, count, SEED + k, start, LENGTH, [LENGTH])
        exact = _exact_square(temperature)
        value, stderr = float(run.m2_mean[-1]), float(run.m2_mean_stderr[-1])
        for name, number in zip(rows, (value, stderr, (value - exact) / stderr), strict=True):
            rows[name].append(number)
        facts.append(json.loads(run.attrs["provenance"]))
    relaxed, z, parts, more = _relaxation(count)
    compared = agreement(
        np.concatenate([rows["m2_z"], *z]),
        block_diag(np.eye(len(TEMPERATURES)), *parts),
        what=f"<q²> at {len(TEMPERATURES)} temperatures, <q> at {len(RECORDED)} times of two runs",
        errors="independent runs, correlated times",
    )
    data = {name: ("temperature", np.array(v)) for name, v in rows.items()} | relaxed | _lines(model)
    data |= {"temperature": np.array(TEMPERATURES), "critical": ((), critical)}
    parameters = {
        "model": "soft spins, theta = 1",
        "critical temperature": f"{critical:.9f}",
        "sites": f"{SITES} in (a), {MANY} in (b) and (c)",
        "systems at each point": count,
        "step": f"{STEP:g}, Euler-Maruyama",
    }
    return sealed(xr.Dataset(data), STEM, quick, parameters, [compared], facts + more)


def _run(size, temperature, count, seed, start, length, record, **options):
    steps = round(length / STEP)
    return simulate(
        site_langevin(SoftSpins(), size),
        trajectories=count,
        grid=np.linspace(0, length, steps + 1),
        seed=seed,
        parameters={beta: 1 / temperature},
        initial=start,
        observe={"m": magnetisation, "m2": magnetisation**2, "square": average(site**2)},
        record=np.array(record),
        progress=False,
        **options,
    )


def _field_law(temperature):
    """Values of M and their probabilities, exp(-N L(M)), L = M^2/(2T) - log int exp(-V/T + M x/T) dx."""
    field = np.linspace(-2, 2, 1601)
    weight = np.exp(-(LINE.centres**4) / (4 * temperature))
    cumulant = np.log(np.exp(np.multiply.outer(field, LINE.centres) / temperature) @ weight)
    action = SITES * (field**2 / (2 * temperature) - cumulant)
    p = np.exp(action.min() - action)
    return field, p / p.sum()


def _exact_square(temperature):
    """<q^2> of N sites: that of M less its width T/N."""
    field, p = _field_law(temperature)
    return float(p @ field**2) - temperature / SITES


def _exact_starts(temperature, count, seed):
    """Equilibrium states of N sites, (count, N, 1): a field M of its law, then independent sites in it."""
    generator = np.random.Generator(np.random.Philox(seed))
    field, p = _field_law(temperature)
    states = np.empty((count, SITES, 1))
    for row, chosen in zip(states, generator.choice(field, size=count, p=p), strict=True):
        sites_ = stationary(LINE.centres**4 / 4 - chosen * LINE.centres, temperature)
        cells = np.searchsorted(np.cumsum(sites_), generator.random(SITES)).clip(0, LINE.cells - 1)
        row[:, 0] = LINE.centres[cells] + LINE.width * (generator.random(SITES) - 0.5)
    return states


def _relaxation(count):
    out, z, parts, facts = {}, [], [], []
    times = np.linspace(0, RECORDED[-1], 401)
    for k, temperature in enumerate(RELAXING):
        run = _run(MANY, temperature, count, SEED + 50 + k, np.array([START]), RECORDED[-1], RECORDED, keep_paths=count)
        equation = McKeanVlasov(SoftSpins(), 1 / temperature, LINE)
        p = equation.evolve(LINE.normal(START, 0.012), times)
        mean = p @ LINE.centres
        exact = np.interp(RECORDED, times, mean)
        value, stderr = run["m_mean"].values, run["m_mean_stderr"].values
        z.append((value - exact) / stderr)
        parts.append(correlation(run["paths"].values[:, 0].mean(axis=-1)))
        out |= {f"mean_{k}": ("recorded", value), f"mean_{k}_stderr": ("recorded", stderr)}
        out |= {f"mean_{k}_z": ("recorded", z[-1]), f"mean_{k}_exact": ("time", mean)}
        facts.append(json.loads(run.attrs["provenance"]))
        if k == 0:
            out |= _densities(run, p, times, count)
    return out | {"time": times, "recorded": np.array(RECORDED)}, z, parts, facts


def _densities(run, p, times, count):
    edges = np.linspace(-2.2, 2.2, 23)
    rows, errors, exact = [], [], []
    for when in SNAPSHOTS:
        sites_ = run["paths"].values[RECORDED.index(when), 0]
        per_system = np.array([np.histogram(row, edges)[0] for row in sites_]) / (MANY * (edges[1] - edges[0]))
        rows.append(per_system.mean(axis=0))
        errors.append(per_system.std(axis=0, ddof=1) / np.sqrt(count))
        exact.append(p[np.argmin(np.abs(times - when))] / LINE.width)
    return {
        "density": (("snapshot", "bin"), np.array(rows)),
        "density_stderr": (("snapshot", "bin"), np.array(errors)),
        "density_exact": (("snapshot", "cell"), np.array(exact)),
        "bin": (edges[1:] + edges[:-1]) / 2,
        "cell": LINE.centres,
        "snapshot": np.array(SNAPSHOTS),
    }


def _lines(model):
    grid = np.linspace(0.15, 0.65, 101)
    order = [McKeanVlasov(model, 1 / x, LINE).order() for x in grid]
    return {
        "limit": ("curve", np.array(order) ** 2),
        "finite": ("curve", np.array([_exact_square(x) for x in grid])),
        "curve": grid,
    }


@style.styled
def draw(dataset: xr.Dataset):
    """Four panels: order parameter, densities, relaxation, residuals."""
    figure = style.sheet(style.TWO_COLUMNS, 4.9)
    grid = figure.add_gridspec(2, 2)
    first, second, third, last = (figure.add_subplot(grid[i, j]) for i in (0, 1) for j in (0, 1))
    _draw_order(first, dataset)
    _draw_densities(second, dataset)
    for k, series in zip(range(len(RELAXING)), style.SERIES, strict=False):
        style.exact(third, dataset["time"], dataset[f"mean_{k}_exact"], series)
        points = dataset[f"mean_{k}"], dataset[f"mean_{k}_stderr"]
        style.measured(third, dataset["recorded"], *points, series, f"$T = {RELAXING[k]:g}$")
        style.differences(
            last, dataset["recorded"], dataset[f"mean_{k}_z"], series, label=f"(c), $T = {RELAXING[k]:g}$"
        )
    third.set_xlabel("time $t$")
    third.set_ylabel(r"mean $\langle q \rangle$")
    third.set_ylim(0, 1.05)
    third.legend(loc="upper left")
    style.letter(third, "c", "relaxation on both sides of $T_c$")
    black = {"color": style.BLACK, "marker": "v"}
    style.differences(last, 10 * dataset["temperature"], dataset["m2_z"], black, label="(a), against $10\\,T$")
    every = [dataset["m2_z"].values, *(dataset[f"mean_{k}_z"].values for k in range(len(RELAXING)))]
    style.residuals(last, np.concatenate(every))
    last.set_xlabel("time $t$")
    last.legend(loc="lower left", ncols=3, handlelength=1, columnspacing=0.8)
    style.letter(last, "d", "simulation less theory")
    return figure


def _draw_order(axes, dataset):
    style.exact(axes, dataset["curve"], dataset["limit"], style.SERIES[1], r"$N \to \infty$")
    axes.plot(dataset["curve"], dataset["finite"], color=style.BLACK, linestyle=":", label=f"exact, $N = {SITES}$")
    points = dataset["m2"], dataset["m2_stderr"]
    style.measured(axes, dataset["temperature"], *points, style.SERIES[0], "Langevin dynamics")
    critical = float(dataset["critical"])
    style.critical(axes, critical, f"$T_c = {critical:.6f}$", side="right", height=0.55)
    axes.set_xlim(0.15, 0.65)
    axes.set_ylim(0, 1)
    axes.set_xlabel("temperature $T$")
    axes.set_ylabel(r"order $\langle q^2 \rangle$")
    axes.legend(loc="upper right")
    style.letter(axes, "a", r"$\theta = 1$")


def _draw_densities(axes, dataset):
    for k, series in zip(range(len(SNAPSHOTS)), style.SERIES, strict=False):
        style.exact(axes, dataset["cell"], dataset["density_exact"][k], series)
        points = dataset["density"][k], dataset["density_stderr"][k]
        style.measured(axes, dataset["bin"], *points, series, f"$t = {SNAPSHOTS[k]:g}$", markersize=2.6)
    axes.set_xlim(-2.3, 2.3)
    axes.set_ylim(0, 1.05 * float(dataset["density_exact"].max()))
    axes.set_xlabel("position $x$")
    axes.set_ylabel("density $p(x, t)$")
    axes.legend(loc="upper left")
    style.letter(axes, "b", f"one site at $T = {RELAXING[0]:g}$")
