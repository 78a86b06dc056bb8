r"""Cost to accuracy: which integrator on which time grid reaches a weak error of 1e-3 first

    bias(n) = E[phi(X_n)] - E[phi],      bias(n) = - W(n) - W(2n) - ... - W(N) + R,     W(n) = E[phi(X_2n) - phi(X_n)]
    R = bias(2N) = - W(N)/(2^q - 1),     q the stated weak order
    cost = steps x (nanoseconds of one step, measured in this run)/(those of an Euler-Maruyama step)

n steps and 2 n share one Brownian path, so W is known far better than the means. Every pair starts from the exact law
at t = 0.9 and stops at t = 0.02; data are two Gaussian classes at +-1, variance 1/10, weights 0.7 and 0.3. Variance:
phi = (x - <x>)^2; weight: phi = posterior probability of the heavier class, whose exact mean is 0.7. (a, b) |bias|
against the number of drift evaluations, uniform grid. (c, d) |bias| against cost: Euler-Maruyama (open) and the
cheapest scheme (filled) on every grid. (e) How many times cheaper than Euler-Maruyama on the uniform grid a pair is
below 1e-3 in both; the line is 5. Curves that do not get there are continued with their stated order. Milstein's scheme
is Euler-Maruyama here, since the noise is additive.

The measured agreement compares the direct difference of every mean from its exact value (by quadrature) with the chain
of halvings; variance and weight of one run are correlated, runs are independent.
"""

from __future__ import annotations

import json
import time as clock

import numpy as np
import xarray as xr
from scipy.linalg import block_diag

from figures import convergence, style
from figures.integrator_orders import COLOURS, MIXTURE, OBSERVE, v
from figures.report import agreement, sealed
from physim import grids, simulate
from physim.quadrature import expectations
from physim.schemes import SCHEMES

STEM = "cost_to_accuracy"
SEED = 20261200
START, END, VARIANCE, LEVEL, TARGET = 0.9, 0.02, 0.1, 1e-3, 5
SIZES = tuple(4 << k for k in range(7))
FLOW = " (flow)"
REVERSE = ("euler_maruyama", "stochastic_heun", "sra1", "exponential_euler", "ancestral", "exponential_midpoint")
PAIRS = (*REVERSE, f"flow_heun{FLOW}", f"exponential_midpoint{FLOW}")
QUANTITIES = {"variance": "spread", "weight": "weight"}


def time_grids() -> dict:
    """Name -> grid of n steps between the two times."""
    process = MIXTURE.process
    return {
        "uniform": lambda n: grids.uniform(END, START, n),
        "log-SNR": lambda n: grids.uniform_log_snr(process, END, START, n),
        "EDM rho": lambda n: grids.edm_rho(process, END, START, n),
        "cosine": lambda n: grids.cosine(process, END, START, n),
    }


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """Bias of variance and weight for every pair at every number of steps; costs."""
    count = trajectories or (5_000 if quick else 100_000)  # at the finest step; up to eight times more at coarser ones
    exact, rho = _exact()
    shape = (len(PAIRS), len(time_grids()), len(QUANTITIES), len(SIZES))
    w, se, direct, direct_se = np.empty((4, *shape))
    runs = []
    for i, pair in enumerate(PAIRS):
        for j, make in enumerate(time_grids().values()):
            for k, n in enumerate(SIZES):
                many = count * min(8, SIZES[-1] // n)
                run, facts = _halved(pair, make(2 * n), many, SEED + 10_000 * i + 100 * j + k)
                runs.append(facts)
                gain = 1 - 2.0 ** _weak(pair)
                for q, name in enumerate(QUANTITIES.values()):
                    w[i, j, q, k] = float(run[f"{name}_mean_bias"]) * gain
                    se[i, j, q, k] = float(run[f"{name}_mean_bias_stderr"]) * -gain
                    direct[i, j, q, k] = float(run[f"{name}_mean"]) - exact[q]
                    direct_se[i, j, q, k] = float(run[f"{name}_mean_stderr"])
    bias, error = chained(w, se, np.array([_weak(p) for p in PAIRS])[:, None, None])
    z = (direct - bias[..., 1:]) / np.hypot(direct_se, error[..., 1:])
    pairs = np.moveaxis(z, 2, -1).ravel()
    compared = agreement(
        pairs,
        block_diag(*[[[1, rho], [rho, 1]]] * (pairs.size // 2)),
        what="direct bias against the chain of halvings",
        errors="joint for variance and weight of a run, independent otherwise",
    )
    steps = np.array([*SIZES, 2 * SIZES[-1]])
    needed = np.array([[[_needed(steps, b, _weak(p)) for b in g] for g in f] for p, f in zip(PAIRS, bias, strict=True)])
    ns = step_nanoseconds(20_000 if quick else 200_000)
    cost = needed * (ns / ns[0])[:, None, None]
    gain, gain_error = _gain(cost, _needed_error(steps, needed, error))
    dims = ("pair", "grid", "quantity")
    dataset = xr.Dataset(
        {
            "bias": ((*dims, "steps"), bias),
            "stderr": ((*dims, "steps"), error),
            "needed": (dims, needed),
            "cost": (dims, cost),
            "ns": ("pair", ns),
            "evaluations": ("pair", [SCHEMES[p.removesuffix(FLOW)].evaluations for p in PAIRS]),
            "gain": (("pair", "grid"), gain),
            "gain_stderr": (("pair", "grid"), gain_error),
        },
        {"pair": list(PAIRS), "grid": list(time_grids()), "quantity": list(QUANTITIES), "steps": steps},
    )
    best = dataset["gain"].argmax(("pair", "grid"))
    parameters = {
        "best pair": f"{PAIRS[int(best['pair'])]}, {list(time_grids())[int(best['grid'])]} grid",
        "times cheaper": " +- ".join(f"{float(dataset[k][best]):.2f}" for k in ("gain", "gain_stderr")),
        "Euler-Maruyama steps on the uniform grid": ", ".join(f"{s:.0f}" for s in needed[0, 0]),
        "nanoseconds per step": ", ".join(f"{p} {t:.2f}" for p, t in zip(PAIRS, ns, strict=True)),
        "trajectories per point": f"{count} to {8 * count}",
    }
    return sealed(dataset, STEM, quick, parameters, [compared], runs)


def _weak(pair):
    scheme = SCHEMES[pair.removesuffix(FLOW)]
    return scheme.orders("none" if pair.endswith(FLOW) else "additive")[1]


def _dynamics(pair):
    return MIXTURE.probability_flow() if pair.endswith(FLOW) else MIXTURE.reverse()


def _run(pair, grid, count, seed, **how):
    return simulate(
        _dynamics(pair), trajectories=count, grid=grid, seed=seed, scheme=pair.removesuffix(FLOW), observe=OBSERVE,
        parameters={v: VARIANCE}, record=1, progress=False, **how,
    ).isel(time=-1)  # fmt: skip


def _halved(pair, grid, count, seed):
    run = _run(pair, grid, count, seed, step_bias=True)
    return run, json.loads(run.attrs["provenance"])


def _exact():
    """Exact means of the quantities at the end, and their correlation over p_t."""
    a, b = (OBSERVE[name] for name in QUANTITIES.values())
    known = {"a": a, "b": b, "aa": a * a, "bb": b * b, "ab": a * b}
    mean = {k: float(e[0]) for k, e in expectations(MIXTURE, known, [END], {v: VARIANCE}).items() if "_" not in k}
    spread = np.sqrt((mean["aa"] - mean["a"] ** 2) * (mean["bb"] - mean["b"] ** 2))
    return (mean["a"], mean["b"]), (mean["ab"] - mean["a"] * mean["b"]) / spread


def chained(w, stderr, weak):
    """(bias, stderr) at n = SIZES and at twice the last, from independent differences w(n) on the last axis."""
    rest = 1 / (2.0**weak - 1)
    tail = np.cumsum(w[..., ::-1], axis=-1)[..., ::-1]
    bias = np.concatenate([-tail, np.zeros_like(tail[..., :1])], axis=-1) - (w[..., -1] * rest)[..., None]
    square = np.cumsum(stderr[..., :-1][..., ::-1] ** 2, axis=-1)[..., ::-1]
    last = stderr[..., -1]
    square = np.concatenate([square, np.zeros_like(square[..., :1])], axis=-1) + ((last * (1 + rest)) ** 2)[..., None]
    return bias, np.sqrt(np.concatenate([square, ((last * rest) ** 2)[..., None]], axis=-1))


def _needed(steps, bias, weak):
    """Steps beyond which |bias| stays below LEVEL, continued with the stated order where it does not get there."""
    found = convergence.crossing(steps, bias, LEVEL)
    return steps[-1] * (abs(bias[-1]) / LEVEL) ** (1 / weak) if np.isnan(found) else found


def _needed_error(steps, needed, error):
    """Relative error of the steps needed: that of the bias there over its slope, q LEVEL for weak order q."""
    relative = np.empty_like(needed)
    for place in np.ndindex(needed.shape):
        relative[place] = np.interp(needed[place], steps, error[place]) / (LEVEL * _weak(PAIRS[place[0]]))
    return relative


def _gain(cost, relative):
    """(gain, stderr): Euler's cost on the uniform grid over that of each pair, for the dearer of the quantities."""
    worst = cost.argmax(axis=2)[..., None]
    dear, spread = (np.take_along_axis(values, worst, axis=2)[..., 0] for values in (cost, relative))
    gain = dear[0, 0] / dear
    return gain, gain * np.hypot(spread, spread[0, 0]) * (gain != 1)


def step_nanoseconds(count, rounds=3):
    """Nanoseconds of one step of every pair on plain runs, the best of several rounds in turn."""
    best, grid = np.full(len(PAIRS), np.inf), time_grids()["log-SNR"](128)
    for r in range(rounds + 1):
        for i, pair in enumerate(PAIRS):
            many = 1024 if r == 0 else count  # the first round compiles
            started = clock.perf_counter()
            _run(pair, grid, many, r)
            if r:
                best[i] = min(best[i], (clock.perf_counter() - started) / many / grid.steps * 1e9)
    return best


@style.styled
def draw(dataset: xr.Dataset):
    """Error against evaluations and cost, the gain of every pair."""
    figure = style.sheet(style.TWO_COLUMNS, 8.2)
    grid = figure.add_gridspec(3, 2)
    panels = np.array([[figure.add_subplot(grid[i, q]) for q in (0, 1)] for i in (0, 1)])
    last = figure.add_subplot(grid[2, :])
    best = int(dataset["gain"].max("grid").argmax("pair"))
    for q, name in enumerate(QUANTITIES):
        _draw_schemes(panels[0, q], dataset.isel(quantity=q))
        style.letter(panels[0, q], "ab"[q], f"{name}, uniform grid")
        _draw_grids(panels[1, q], dataset.isel(quantity=q), best)
        style.letter(panels[1, q], "cd"[q], f"{name}: {_words(PAIRS[0])} and {_words(dataset['pair'].values[best])}")
        for axes in panels[:, q]:
            axes.set_ylabel(f"error of the {name} $|$bias$|$")
    panels[0, 0].legend(fontsize=5.8, loc="lower left", handlelength=1, labelspacing=0.2)
    panels[1, 0].legend(fontsize=5.8, loc="lower left", handlelength=1, labelspacing=0.2)
    _draw_gain(last, dataset)
    style.letter(last, "e", "times cheaper than Euler-Maruyama on the uniform grid")
    return figure


def _words(pair):
    return str(pair).replace("_", " ")


def _curve(axes, cost, part, series, label, **options):
    size = np.abs(part["bias"].values)
    axes.plot(cost, size, color=series["color"], linewidth=0.7, zorder=2)
    style.measured(axes, cost, size, part["stderr"].values, series, label, markersize=3.4, **options)


def _logs(axes, values):
    axes.set_xscale("log")
    axes.set_yscale("log", nonpositive="clip")
    axes.set_ylim(0.5 * np.min(values), 3 * np.max(values))
    style.critical(axes, LEVEL, "$10^{-3}$", along="y", side="above", height=0.99)


def _draw_schemes(axes, part):
    for k, pair in enumerate(part["pair"].values):
        series = {"color": [*COLOURS, style.GREY][k], "marker": "os^DvP*X"[k]}
        one = part.isel(pair=k, grid=0)
        _curve(axes, one["steps"] * int(one["evaluations"]), one, series, _words(pair))
    _logs(axes, np.abs(part["bias"].isel(grid=0)))
    axes.set_xlabel("drift evaluations $n \\times$ evaluations per step")


def _draw_grids(axes, part, best):
    for k, face in ((0, "white"), (best, None)):
        for j, name in enumerate(part["grid"].values):
            series = style.SERIES[j]
            one = part.isel(pair=k, grid=j)
            cost = one["steps"] * float(one["ns"] / part["ns"][0])
            look = {"markerfacecolor": face or series["color"]}
            _curve(axes, cost, one, series, str(name) if k == best else None, **look)
    _logs(axes, np.abs(part["bias"].isel(pair=[0, best])))
    axes.set_xlabel("cost $n \\times$ ns per step / ns per Euler step")


def _draw_gain(axes, dataset):
    place = np.arange(dataset.sizes["pair"])
    for j, name in enumerate(dataset["grid"].values):
        part = dataset.isel(grid=j)
        style.measured(axes, place + 0.16 * (j - 1.5), part["gain"], part["gain_stderr"], style.SERIES[j], str(name))
    axes.set_yscale("log", nonpositive="clip")
    axes.set_ylim(0.3 * float(dataset["gain"].min()), 2 * float(dataset["gain"].max()))
    style.critical(axes, TARGET, "5 times", along="y", side="above", height=0.17)
    axes.set_xticks(place, [_words(p) for p in dataset["pair"].values], rotation=35, ha="right", fontsize=5.8)
    axes.set_xlabel("scheme, with $c = 1$ or flow, $c = 0$")
    axes.set_ylabel("cost of Euler, uniform / cost  $C_0/C$")
    axes.legend(fontsize=5.8, ncols=2, loc="lower right", handlelength=1)
