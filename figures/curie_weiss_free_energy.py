r"""Curie-Weiss: the free energy through its pitchfork

    L(m) = beta J m^2/2 - log 2 cosh(beta (J m + h)),      m = tanh(beta (J m + h)),      T_c = J
    spinodals:  m_s = sqrt(1 - T/J),   h_s = T artanh(m_s) - J m_s          I(m) = beta e(m) + I_0(m) - min

(a) The landscape whose minima are the phases, at zero field, above, at and below T_c; circles: its minima. (b) The
order parameter: stable (solid) and unstable (dashed) solutions of the self-consistency as N tends to infinity; <|m|> of
N = 64 spins, exact sum (dotted) and Glauber dynamics (points). (c) The cusp: between the two spinodal lines a
metastable phase exists; they meet at T_c as |h| = (2/3) J (1 - T/J)^{3/2} (dotted). (d) Minus the logarithm of the
probability of m, per spin, of the same spins at T = 0.75 J: the exact law of 64 spins (line), its limit, the rate
function (dotted), and the histogram of the dynamics (points). Every temperature is a run of its own; the
agreement uses the measured covariance of <|m|> and <m^2>.

Source: the model is textbook; all lines follow from the one stated Hamiltonian by differentiation.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
import xarray as xr
from scipy.optimize.elementwise import find_root

from analytic import CurieWeiss, spinodals
from analytic.free_energy import landscape, rate_function, self_consistency
from analytic.order_dynamics import order_of_occupations
from analytic.symbols import beta, magnetisation
from figures import style
from figures.magnets import blocks, glauber_moments, starts
from figures.report import agreement, sealed
from physim.finite_size import Law, thermodynamics
from physim.kernels.scalars import compiled

STEM = "curie_weiss_free_energy"
SPINS = 64
SNAPSHOTS = (1.3, 1.0, 0.75)  # temperatures
TEMPERATURES = (0.55, 0.65, 0.75, 0.85, 0.92, 0.98, 1.04, 1.1, 1.2, 1.35, 1.5, 1.7)
SHOWN = 0.75
SWEEPS = 80
SEED = 19070101
h = sp.Symbol("h", real=True)


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """Landscapes, branches, the cusp, and Glauber ensembles of 64 spins at twelve temperatures."""
    count = trajectories or (8_000 if quick else 100_000)
    points, compared, facts = _chains(count)
    data = _landscapes() | _branches() | _cusp() | points | _laws()
    parameters = {
        "model": "Curie-Weiss, H = -(J/2N)(sum s)^2 - h sum s, J = 1",
        "spins": SPINS,
        "temperatures": ", ".join(f"{t:g}" for t in TEMPERATURES),
        "trajectories at each temperature": count,
        "dynamics": f"Glauber (heat bath), {SWEEPS} sweeps from m = +1 and m = -1",
    }
    return sealed(xr.Dataset(data), STEM, quick, parameters, [compared], facts)


def _landscapes():
    grid = np.linspace(-1.35, 1.35, 271)
    call = compiled(landscape(CurieWeiss()), magnetisation, beta)
    values = np.array([call(grid, 1 / t) - call(0.0, 1 / t) for t in SNAPSHOTS])
    return {"landscape": (("snapshot", "position"), values), "position": grid, "snapshot": np.array(SNAPSHOTS)}


def _branches():
    temperature = 1 - np.linspace(0, 0.75**0.5, 120)[1:] ** 2
    residual = compiled(self_consistency(CurieWeiss()).rhs - magnetisation, magnetisation, beta)
    found = find_root(
        lambda m, b: residual(m, b), (1e-4 + 0 * temperature, 1 + 0 * temperature), args=(1 / temperature,)
    )
    exact_temperature = np.linspace(0.45, 1.8, 109)
    exact = thermodynamics(CurieWeiss(), SPINS, 1 / exact_temperature)
    return {
        "branch": ("branch_index", np.append(0.0, found.x)),
        "branch_temperature": ("branch_index", np.append(1.0, temperature)),
        "curve_abs": ("curve", exact["abs"].values[0]),
        "curve_temperature": ("curve", exact_temperature),
    }


def _cusp():
    grid = 1 - np.linspace(0, 1, 160)[1:-1] ** 2 * 0.9
    upper = next(p for p in spinodals(CurieWeiss(field=h), of=h) if sp.N(p.at[h].subs(beta, 2)) > 0)
    values = compiled(upper.at[h], beta)(1 / grid)
    return {"cusp_field": ("cusp", values), "cusp_temperature": ("cusp", grid)}


def _laws():
    law = Law(CurieWeiss(), SPINS, 1 / SHOWN)
    order = np.argsort(law.ray)
    grid = np.linspace(-0.995, 0.995, 399)
    rate = compiled(rate_function(CurieWeiss()).value, magnetisation, beta)(grid, 1 / SHOWN)
    return {
        "law": ("value", -np.log(law.probability[order]) / SPINS),
        "value": law.ray[order],
        "rate": ("rate_index", rate - rate.min()),
        "rate_position": ("rate_index", grid),
    }


def _chains(count):
    model = CurieWeiss()
    m = order_of_occupations(model)[magnetisation]
    edges = (np.arange(SPINS + 2) - 0.5) * 2 / SPINS - 1
    found = {name: np.empty(len(TEMPERATURES)) for name in ("abs", "abs_stderr", "abs_z", "m2_z")}
    parts, facts, histogram = [], [], {}
    for k, temperature in enumerate(TEMPERATURES):
        extra = {"sweeps": SWEEPS, "trajectories": count, "seed": SEED + k, "start": starts(model, SPINS, count)}
        mean, covariance, fact, run = glauber_moments(
            model, SPINS, 1 / temperature, **extra, also={"m": m}, histograms={"m": edges}
        )
        exact = thermodynamics(model, SPINS, 1 / temperature).isel(sites=0, beta=0)
        stderr = np.sqrt(np.diag(covariance))
        found["abs"][k], found["abs_stderr"][k] = mean[0], stderr[0]
        found["abs_z"][k], found["m2_z"][k] = ((mean - [float(exact[n]) for n in ("abs", "m2", "m4")]) / stderr)[:2]
        parts.append(covariance[:2, :2])
        facts.append(fact)
        if temperature == SHOWN:
            density, spread = (run[f"m_density{s}"].values[-1] * 2 / SPINS for s in ("", "_stderr"))
            with np.errstate(divide="ignore", invalid="ignore"):
                seen = density * count >= 8
                histogram["histogram"] = ("value", np.where(seen, -np.log(density) / SPINS, np.nan))
                histogram["histogram_stderr"] = ("value", np.where(seen, spread / density / SPINS, np.nan))
    compared = agreement(
        np.stack([found["abs_z"], found["m2_z"]], axis=1),
        blocks(parts),
        what=f"<|m|> and <m²> at {len(TEMPERATURES)} temperatures",
        errors="a run for each temperature, joint covariance of the two",
    )
    points = {name: ("temperature", values) for name, values in found.items()}
    return points | histogram | {"temperature": np.array(TEMPERATURES)}, compared, facts


@style.styled
def draw(dataset: xr.Dataset):
    """Four panels: landscapes, order parameter, cusp, law of m."""
    figure = style.sheet(style.TWO_COLUMNS, 4.9)
    grid = figure.add_gridspec(2, 2)
    _draw_landscapes(figure.add_subplot(grid[0, 0]), dataset)
    _draw_branches(figure.add_subplot(grid[0, 1]), dataset)
    _draw_cusp(figure.add_subplot(grid[1, 0]), dataset)
    _draw_law(figure.add_subplot(grid[1, 1]), dataset)
    return figure


def _draw_landscapes(axes, dataset):
    words = ("above", "critical", "below")
    for k, (word, series) in enumerate(zip(words, (style.SERIES[0], style.SERIES[2], style.SERIES[1]), strict=True)):
        part = dataset["landscape"][k]
        style.exact(axes, dataset["position"], part, series, rf"{word}: $T = {float(dataset['snapshot'][k]):g}\,J$")
        low = int(np.argmin(part.values))
        for place in {low, len(part) - 1 - low}:
            axes.plot(dataset["position"][place], part[place], "o", color=series["color"], markersize=4, zorder=5)
    axes.set_ylim(1.3 * float(dataset["landscape"].min()), 0.16)
    axes.set_xlim(-1.35, 1.35)
    axes.set_xlabel("magnetisation $m$")
    axes.set_ylabel(r"landscape $L(m) - L(0)$")
    axes.legend(loc="upper center", ncols=1)
    style.letter(axes, "a", "free energy at zero field")


def _draw_branches(axes, dataset):
    color = style.SERIES[1]["color"]
    for sign in (1, -1):
        label = r"$N \to \infty$, stable" if sign > 0 else None
        axes.plot(dataset["branch_temperature"], sign * dataset["branch"], color=color, linewidth=1.6, label=label)
    axes.plot([1, 1.8], [0, 0], color=color, linewidth=1.6)
    axes.plot([0.25, 1], [0, 0], color=color, linestyle=(0, (3, 1.5)), label="unstable")
    look = {"color": style.BLACK, "linestyle": ":", "linewidth": 1.3}
    axes.plot(
        dataset["curve_temperature"], dataset["curve_abs"], label=rf"$\langle|m|\rangle$, exact, $N = {SPINS}$", **look
    )
    style.measured(
        axes, dataset["temperature"], dataset["abs"], dataset["abs_stderr"], style.SERIES[0], "Glauber dynamics"
    )
    style.critical(axes, 1, "$T_c = J$", side="right", height=0.99)
    axes.set_xlim(0.25, 1.8)
    axes.set_ylim(-1.05, 1.05)
    axes.set_xlabel("temperature $T/J$")
    axes.set_ylabel("magnetisation $m$")
    axes.legend(loc="lower right")
    style.letter(axes, "b", "pitchfork")


def _draw_cusp(axes, dataset):
    temperature, field = dataset["cusp_temperature"].values, np.abs(dataset["cusp_field"].values)
    axes.fill_between(temperature, -field, field, color="#E9E9E9", linewidth=0, zorder=0)
    near = 2 / 3 * (1 - temperature) ** 1.5
    for sign in (1, -1):
        style.exact(axes, temperature, sign * field, style.SERIES[1], "spinodals $\\pm h_s(T)$" if sign > 0 else None)
        label = r"$\frac{2}{3} J (1 - T/J)^{3/2}$" if sign > 0 else None
        axes.plot(temperature, sign * near, color=style.BLACK, linestyle=":", linewidth=1.1, label=label)
    axes.plot([0.1, 1], [0, 0], color=style.SERIES[0]["color"], linewidth=1.6, label="coexistence, $h = 0$")
    axes.plot([1], [0], "o", color=style.BLACK, markersize=4.5, zorder=5, label="critical point")
    axes.text(0.3, 0.16, "two phases", fontsize=7, ha="center")
    axes.text(1.1, 0.3, "one phase", fontsize=7)
    axes.set_xlim(0.1, 1.4)
    axes.set_xlabel("temperature $T/J$")
    axes.set_ylabel("field $h/J$")
    axes.legend(loc="lower right")
    style.letter(axes, "c", "with a field: the cusp")


def _draw_law(axes, dataset):
    axes.plot(dataset["rate_position"], dataset["rate"], color=style.BLACK, linestyle=":", label="rate function $I(m)$")
    style.exact(axes, dataset["value"], dataset["law"], style.SERIES[1], rf"exact, $N = {SPINS}$")
    points = dataset["histogram"], dataset["histogram_stderr"]
    style.measured(axes, dataset["value"], *points, style.SERIES[0], "Glauber dynamics", markersize=2.4)
    axes.set_xlim(-1, 1)
    axes.set_ylim(0, 0.24)
    axes.set_xlabel("magnetisation $m$")
    axes.set_ylabel(r"$-\frac{1}{N}\log P(m)$")
    axes.legend(loc="upper center")
    style.letter(axes, "d", rf"law of $m$ at $T = {SHOWN:g}\,J$")
