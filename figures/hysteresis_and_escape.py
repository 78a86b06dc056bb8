r"""Hysteresis and escape: the order parameter of N spins in a driven field, and over its barrier

    dM = -L'(M; h(t)) dt + sqrt(2/N) dW,   h(t) = -h_0 cos(2 pi t/P)
    escape from -m* to +m*:    T = N int dy exp(N L(y)) int dz exp(-N L(z))      (exact)
                               T = 2 pi exp(N [L(0) - L(m*)]) / sqrt(L''(m*) |L''(0)|)      (Kramers, barrier crossed)

(a) Mean magnetic order through a slow cycle of the field at T = J/1.4: ensembles of Langevin paths (points) on the
solution of the Fokker-Planck equation (lines); grey: the phases and the unstable branch between them, with the
spinodals where a phase ends (circles). Small systems escape before the spinodal is reached. (b) The slowest
relaxation rate of even functions, from the Fokker-Planck operator, falls towards the critical point and is rounded
there by N^{-1/2} (lines); dotted: its limit, 2 L''(0) above T_c and |L''(0)|, the rate of leaving the unstable state,
below. (c) Mean time from one phase to the other: exact integral
(line), Kramers' formula (dotted), Langevin paths (points). (d) Simulation less theory for (a) and (c). In (a) every
size is one run, and the agreement uses the correlation of its points; in (c) every N is a run of its own.

Source: Kramers 1940; Griffiths, Weng & Langer 1966 for the relaxation of metastable mean-field states.
"""

from __future__ import annotations

import json

import numpy as np
import sympy as sp
import xarray as xr
from scipy.optimize import brentq

from analytic import CurieWeiss, order_langevin, spinodals, t
from analytic.free_energy import landscape
from analytic.order_dynamics import kramers_time, relaxation_rate
from analytic.paths import first_time
from analytic.symbols import beta, magnetisation, sites
from figures import style
from figures.ensembles import correlation
from figures.report import agreement, sealed
from physim import simulate
from physim.fokker_planck import Line, evolve, generator, mean_first_passage, spectral_gap
from physim.kernels.scalars import compiled

STEM = "hysteresis_and_escape"
BETA = 1.4
SIZES = (40, 160, 640)
AMPLITUDE, PERIOD = 0.3, 80.0
RECORDED = 10  # times of the recorded half cycle
ESCAPES = (10, 20, 30, 40, 50)
STEP = 0.02
RATES = (100, 1000, 10_000)
SEED = 19400401
h0, P, h = sp.symbols("h0 P h", real=True)
m = magnetisation


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """Loops, relaxation rates and escape times, by theory and by ensembles."""
    count = trajectories or (4_000 if quick else 40_000)
    loops, z, matrix, facts = _loops(count)
    escape, z_escape, more = _escape(count)
    what = f"mean M, {RECORDED} times, N = {', '.join(map(str, SIZES))}"
    compared = [agreement(z, matrix, what=what, errors="of one run for each N")]
    data = loops | escape | _branches() | _rates()
    parameters = {
        "model": f"Curie-Weiss, J = 1, beta = {BETA:g}",
        "field": f"h0 = {AMPLITUDE:g}, period {PERIOD:g}",
        "trajectories at each point": count,
        "step": f"{STEP:g}, Euler-Maruyama",
        "escape, N": ", ".join(map(str, ESCAPES)) + f"; |z| up to {np.abs(z_escape).max():.2f}",
    }
    return sealed(xr.Dataset(data), STEM, quick, parameters, compared, facts + more)


def _driven():
    return order_langevin(CurieWeiss(field=-h0 * sp.cos(2 * sp.pi * t / P)))


def _loops(count):
    grid = np.linspace(0, PERIOD, int(PERIOD / STEP) + 1)
    times = PERIOD * (np.arange(RECORDED) + 1) / (2 * RECORDED) + 0.1 * PERIOD
    times = STEP * np.rint(times / STEP)
    potential = compiled(landscape(CurieWeiss(field=h)), m, beta, h)
    curve = np.linspace(0, PERIOD, 801)
    line = Line(-1.9, 1.9, 700)
    start = -_phase(BETA)
    rows, out, z, parts, facts = [], {}, [], [], []
    for k, size in enumerate(SIZES):
        run = simulate(
            _driven(),
            trajectories=count,
            grid=grid,
            seed=SEED + k,
            parameters={beta: BETA, sites: size, h0: AMPLITUDE, P: PERIOD},
            initial=np.array([start]),
            record=times,
            keep_paths=count,
            progress=False,
        )
        p = evolve(
            line,
            line.normal(start, 0.008),
            lambda time, mean: potential(line.centres, BETA, -AMPLITUDE * np.cos(2 * np.pi * time / PERIOD)),
            1 / size,
            curve,
        )
        rows.append(p @ line.centres)
        exact = np.interp(times, curve, rows[-1])
        value, stderr = run["m_mean"].values, run["m_mean_stderr"].values
        z.append((value - exact) / stderr)
        parts.append(correlation(run["paths"].values[:, 0]))
        facts.append(json.loads(run.attrs["provenance"]))
        out |= {
            f"loop_{size}": ("loop", value),
            f"loop_{size}_stderr": ("loop", stderr),
            f"loop_{size}_z": ("loop", z[-1]),
        }
    from scipy.linalg import block_diag

    field = -AMPLITUDE * np.cos(2 * np.pi * np.array([*times]) / PERIOD)
    out |= {"loop_field": ("loop", field), "curve_m": (("size", "curve"), np.array(rows)), "size": list(SIZES)}
    out["curve_field"] = ("curve", -AMPLITUDE * np.cos(2 * np.pi * curve / PERIOD))
    return out, np.concatenate(z), block_diag(*parts), facts


def _phase(b):
    return brentq(lambda x: np.tanh(b * x) - x, 1e-6, 1) if b > 1 else 0.0


def _branches():
    grid = np.linspace(-0.999, 0.999, 401)
    field = np.arctanh(grid) / BETA - grid
    ends = spinodals(CurieWeiss(field=h), of=h)
    at = {beta: BETA}
    return {
        "branch": ("branch_index", grid),
        "branch_field": ("branch_index", field),
        "spinodal": ("end", np.array([float(sp.N(p.order.subs(at))) for p in ends])),
        "spinodal_field": ("end", np.array([float(sp.re(sp.N(p.at[h].subs(at)))) for p in ends])),
    }


def _rates():
    temperature = np.linspace(0.8, 1.25, 46)
    potential = compiled(landscape(CurieWeiss()), m, beta)
    slope = compiled(relaxation_rate(CurieWeiss(), m), m, beta)
    rows = []
    for size in RATES:
        reach = 1.2 if size < 1000 else 1.0
        line = Line(0.0, reach, 1500)  # even functions: a closed end at m = 0
        gaps = [spectral_gap(generator(line, potential(line.centres, 1 / x), 1 / size)) for x in temperature]
        rows.append(gaps)
    limit = [float(slope(0.0, 1 / x)) * (2 if x >= 1 else -1) for x in temperature]
    return {
        "gap": (("rate_size", "temperature"), np.array(rows)),
        "gap_limit": ("temperature", np.array(limit)),
        "temperature": temperature,
        "rate_size": list(RATES),
    }


def _escape(count):
    potential = compiled(landscape(CurieWeiss()), m, beta)
    well = _phase(BETA)
    well_, size_ = sp.symbols("w n", positive=True)
    kramers = compiled(kramers_time(CurieWeiss(), well_, 0, size_), beta, well_, size_)
    dense = np.linspace(ESCAPES[0], ESCAPES[-1], 26)

    def exact(size):
        return float(mean_first_passage(lambda x: potential(x, BETA), 1 / size, -well, well, -2.2))

    value, stderr, facts = [], [], []
    beyond = m - sp.Symbol("w", real=True)
    for k, size in enumerate(ESCAPES):
        horizon = 14 * exact(size)
        steps = int(horizon / STEP)
        run = simulate(
            order_langevin(CurieWeiss()),
            trajectories=min(count, 1000),
            grid=np.linspace(0, horizon, steps + 1),
            seed=SEED + 100 + k,
            parameters={beta: BETA, sites: size, "w": well},
            initial=np.array([-well]),
            observe={"time": first_time(beyond)},
            record=1,
            progress=False,
        )
        value.append(float(run["time_mean"][-1]))
        stderr.append(float(run["time_mean_stderr"][-1]))
        facts.append(json.loads(run.attrs["provenance"]))
    theory = np.array([exact(size) for size in ESCAPES])
    z = (np.array(value) - theory) / np.array(stderr)
    data = {
        "escape": ("escape_size", np.array(value)),
        "escape_stderr": ("escape_size", np.array(stderr)),
        "escape_z": ("escape_size", z),
        "escape_size": np.array(ESCAPES, dtype=float),
        "passage": ("dense", np.array([exact(size) for size in dense])),
        "kramers": ("dense", kramers(BETA, well, dense)),
        "dense": dense,
    }
    return data, z, facts


@style.styled
def draw(dataset: xr.Dataset):
    """Four panels: loops, relaxation rates, escape times, residuals."""
    figure = style.sheet(style.TWO_COLUMNS, 4.9)
    grid = figure.add_gridspec(2, 2)
    axes = [figure.add_subplot(grid[i, j]) for i in (0, 1) for j in (0, 1)]
    _draw_loops(axes[0], dataset)
    _draw_rates(axes[1], dataset)
    _draw_escape(axes[2], dataset)
    _draw_residuals(axes[3], dataset)
    return figure


def _draw_loops(axes, dataset):
    order, field = dataset["branch"].values, dataset["branch_field"].values
    inner = np.abs(order) < np.abs(dataset["spinodal"].values).max()
    stable, unstable = (np.where(keep, order, np.nan) for keep in (~inner, inner))
    axes.plot(field, stable, color=style.GREY, linewidth=0.8)
    axes.plot(field, unstable, color=style.GREY, linewidth=0.8, linestyle=(0, (3, 1.5)))
    axes.plot(dataset["spinodal_field"], dataset["spinodal"], "o", color=style.GREY, markersize=4)
    for k, (size, series) in enumerate(zip(SIZES, style.SERIES, strict=False)):
        style.exact(axes, dataset["curve_field"], dataset["curve_m"][k], series)
        points = dataset[f"loop_{size}"], dataset[f"loop_{size}_stderr"]
        style.measured(axes, dataset["loop_field"], *points, series, f"$N = {size}$")
    axes.set_xlim(-1.1 * AMPLITUDE, 1.1 * AMPLITUDE)
    axes.set_ylim(-1.1, 1.1)
    axes.set_xlabel("field $h/J$")
    axes.set_ylabel("mean order $\\langle M \\rangle$")
    axes.legend(loc="lower right")
    style.letter(axes, "a", "hysteresis")


def _draw_rates(axes, dataset):
    for k, series in zip(range(len(RATES)), style.SERIES, strict=False):
        style.exact(axes, dataset["temperature"], dataset["gap"][k], series, f"$N = 10^{int(np.log10(RATES[k]))}$")
    axes.plot(dataset["temperature"], dataset["gap_limit"], color=style.BLACK, linestyle=":", label=r"$N \to \infty$")
    style.critical(axes, 1)
    axes.set_ylim(0, 0.6)
    axes.set_xlabel("temperature $T/T_c$")
    axes.set_ylabel("relaxation rate $\\lambda$")
    axes.legend(loc="upper center")
    style.letter(axes, "b", "critical slowing down")


def _draw_escape(axes, dataset):
    style.exact(axes, dataset["dense"], dataset["passage"], style.SERIES[1], "exact integral")
    axes.plot(dataset["dense"], dataset["kramers"], color=style.BLACK, linestyle=":", label="Kramers")
    points = dataset["escape"], dataset["escape_stderr"]
    style.measured(axes, dataset["escape_size"], *points, style.SERIES[0], "Langevin paths")
    axes.set_yscale("log")
    axes.set_xlabel("number of spins $N$")
    axes.set_ylabel("escape time $T$")
    axes.legend(loc="upper left")
    style.letter(axes, "c", "from one phase to the other")


def _draw_residuals(axes, dataset):
    for k, (size, series) in enumerate(zip(SIZES, style.SERIES, strict=False)):
        z = dataset[f"loop_{size}_z"].values
        style.differences(axes, np.arange(len(z)) + 0.2 * k, z, series, label=f"(a), $N = {size}$")
    z = dataset["escape_z"].values
    place = RECORDED + 1 + np.arange(len(z))
    style.differences(axes, place, z, {"color": style.BLACK, "marker": "v"}, label="(c)")
    every = [dataset[f"loop_{size}_z"].values for size in SIZES]
    style.residuals(axes, np.concatenate([*every, z]))
    axes.set_xlabel("point $i$")
    axes.legend(loc="lower left", ncols=4, handlelength=1, columnspacing=0.8)
    style.letter(axes, "d", "simulation less theory")
