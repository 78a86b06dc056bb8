r"""Phase diagrams of the mean-field zoo: continuous lines, tricritical points, first-order lines

    Blume-Capel    2 J/T = exp(Delta/T) + 2  continuous;  tricritical T = J/3, Delta = (2/3) J log 2
    random field   T = J E sech^2(h_i/T)     continuous;  tricritical T = 2J/3 for +-h_0, none for Gaussian h_i
    Potts          Maxwell  J/T = 2 (q-1) log(q-1)/(q-2),  jump (q-2)/(q-1);  spinodal of the symmetric phase J/T = q

(a) Blume-Capel and (b) Curie-Weiss in a random field: continuous transitions (solid), Maxwell lines where the two
phases have one free energy (dashed) between the two spinodals (shaded), tricritical points (circles). (c) Potts: the
temperature of the transition between the two spinodals, in units of J/q, for q = 3 to 8; for q = 2 the three coincide.
(d) The mean squared order of 60 sites through a continuous (Blume-Capel, T = J/2) and two first-order transitions
(Blume-Capel, T = J/4; Potts, q = 3): exact sums (lines) and Glauber dynamics (points) started from the exact law, which
a right chain keeps; g is Delta/J, or (J/T - 2)/2 for Potts. Every point is a run of its own.

Source: Blume 1966; Capel 1966; Aharony 1978; Wu 1982. Every point here comes from the stated Hamiltonian.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
import xarray as xr

from analytic import BlumeCapel, Potts, RandomField, coexistence, critical_point, evaluate, spinodals, tricritical_point
from analytic.mean_field.base import label
from analytic.symbols import beta
from figures import style
from figures.magnets import exact_starts, glauber_moments
from figures.report import agreement, sealed
from physim.finite_size import thermodynamics
from physim.kernels.scalars import compiled

STEM = "mean_field_zoo"
SITES = 60
SWEEPS = 20
SEED = 19660101
DELTA, FIELD = BlumeCapel().crystal, RandomField().strength
PATHS = {  # name: (model, beta at the control g, range of g); for Blume-Capel g is Delta/J
    "continuous": (BlumeCapel(), lambda g: 2.0, (0.15, 0.75)),
    "first_order": (BlumeCapel(), lambda g: 4.0, (0.40, 0.56)),
    "potts": (Potts(3), lambda g: 2 + 2 * g, (0.1, 0.75)),
}
POINTS = 7


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """Lines of the three diagrams and Glauber ensembles along three paths."""
    count = trajectories or (8_000 if quick else 60_000)
    lines = 4 if quick else 24
    points, compared, facts = _paths(count)
    data = _blume_capel(lines) | _random_field(lines) | _potts() | points
    parameters = {
        "models": "Blume-Capel, random-field Curie-Weiss, Potts; J = 1",
        "tricritical, Blume-Capel": f"T = {data['bc_tri_temperature'][1]:.7f}, Delta = {data['bc_tri'][1]:.7f}",
        "tricritical, random field": f"T = {data['rf_tri_temperature'][1]:.7f}, h0 = {data['rf_tri'][1]:.7f}",
        "sites": SITES,
        "trajectories at each point": count,
        "dynamics": f"Glauber (heat bath), {SWEEPS} sweeps from the exact law",
    }
    return sealed(xr.Dataset(data), STEM, quick, parameters, [compared], facts)


def _blume_capel(lines):
    tri = tricritical_point(BlumeCapel()).at
    low, place = (float(evaluate(e)) for e in (1 / tri[beta], tri[DELTA]))
    temperature = np.linspace(low, 0.6666, 120)
    line = compiled(critical_point(BlumeCapel(), of=DELTA).at[DELTA], beta)(1 / temperature)
    cold = low - (low - 0.03) * np.linspace(0, 1, lines + 1)[1:] ** 2
    maxwell, upper, lower = _first_order(BlumeCapel(), DELTA, cold)
    return {
        "bc_line": ("bc_index", line),
        "bc_temperature": ("bc_index", temperature),
        "bc_maxwell": ("bc_cold", np.append(place, maxwell)),
        "bc_upper": ("bc_cold", np.append(place, upper)),
        "bc_lower": ("bc_cold", np.append(place, lower)),
        "bc_cold_temperature": ("bc_cold", np.append(low, cold)),
        "bc_tri": ((), place),
        "bc_tri_temperature": ((), low),
    }


def _first_order(model, control, temperatures):
    """Maxwell value of a control, and the two spinodals, at every temperature; nan where a jump is too small."""
    found = np.full((3, len(temperatures)), np.nan)
    for k, t in enumerate(temperatures):
        at = {beta: float(1 / t)}
        try:
            ends = [float(evaluate(p.at[control], digits=15)) for p in spinodals(model, of=control, values=at)]
            maxwell = float(coexistence(model, of=control, values=at).at[control])
        except ValueError:
            continue
        found[: 1 + len(ends), k] = maxwell, *ends
    return found


def _random_field(lines):
    tri = tricritical_point(RandomField()).at
    low, place = (float(evaluate(e)) for e in (1 / tri[beta], tri[FIELD]))
    x = np.linspace(0, 6, 241)[1:]  # beta h_0
    product = sp.Symbol("P", positive=True)
    kappa = RandomField().cumulants[1].subs(FIELD, product / beta)
    temperature = np.append(1.0, compiled(kappa, product)(x))
    field = np.append(0.0, x * temperature[1:])
    continuous = temperature >= low
    wide = np.geomspace(0.25, 12, 18)
    gauss = RandomField(law="gaussian").cumulants[1].subs(FIELD, product / beta)
    z = np.linspace(-9, 9, 2401)
    values = np.trapezoid(compiled(gauss.function, label, product)(z, wide[:, None]), z)
    end = float(np.sqrt(2 / np.pi))  # h_0 where T = 0: x E sech^2(x z) -> 2 phi(0)
    cold = low - (low - 0.05) * np.linspace(0, 1, lines + 1)[1:]
    maxwell, upper, lower = _first_order(RandomField(), FIELD, cold)
    return {
        "rf_line": ("rf_index", field[continuous]),
        "rf_temperature": ("rf_index", temperature[continuous]),
        "rf_gauss": ("rf_gauss_index", np.concatenate([[0.0], wide * values, [end]])),
        "rf_gauss_temperature": ("rf_gauss_index", np.concatenate([[1.0], values, [0.0]])),
        "rf_maxwell": ("rf_cold", np.append(place, maxwell)),
        "rf_upper": ("rf_cold", np.append(place, upper)),
        "rf_lower": ("rf_cold", np.append(place, lower)),
        "rf_cold_temperature": ("rf_cold", np.append(low, cold)),
        "rf_tri": ((), place),
        "rf_tri_temperature": ((), low),
    }


def _potts():
    colours = np.arange(3, 9)
    rows = np.empty((3, len(colours)))
    for k, q in enumerate(colours):
        ordered, symmetric = spinodals(Potts(int(q)))
        maxwell = coexistence(Potts(int(q)))
        rows[:, k] = [int(q) / float(evaluate(p.at[beta])) for p in (maxwell, ordered, symmetric)]
    names = ("potts_maxwell", "potts_ordered", "potts_symmetric")
    return {name: ("colours", row) for name, row in zip(names, rows, strict=True)} | {"colours": colours}


def _paths(count):
    out, z, facts = {}, [], []
    for j, (name, (model, inverse, (low, high))) in enumerate(PATHS.items()):
        controls, curve = np.linspace(low, high, POINTS), np.linspace(low, high, 60)
        exact = [_exact(model, inverse, g) for g in curve]
        value, stderr = np.empty(POINTS), np.empty(POINTS)
        for k, g in enumerate(controls):
            seed, at = SEED + 100 * j + 2 * k, _values(model, g)
            start = exact_starts(model, SITES, inverse(g), count, seed + 1, at)
            extra = {"sweeps": SWEEPS, "trajectories": count, "seed": seed, "start": start, "values": at}
            mean, covariance, fact, _ = glauber_moments(model, SITES, inverse(g), **extra)
            value[k], stderr[k] = mean[1], np.sqrt(covariance[1, 1])
            z.append((value[k] - _exact(model, inverse, g)) / stderr[k])
            facts.append(fact)
        out |= {f"{name}_value": ("point", value), f"{name}_stderr": ("point", stderr)}
        out |= {f"{name}_control": ("point", controls), f"{name}_exact": ("curve", np.array(exact))}
        out[f"{name}_curve"] = ("curve", curve)
    compared = agreement(z, what=f"<m²> at {POINTS} points of three paths", errors="independent (a seed for each)")
    return out, compared, facts


def _values(model, g):
    return {DELTA: float(g)} if isinstance(model, BlumeCapel) else {}


def _exact(model, inverse, g):
    return float(thermodynamics(model, SITES, inverse(g), _values(model, g)).m2[0, 0])


@style.styled
def draw(dataset: xr.Dataset):
    """Four panels: three phase diagrams, order along three paths."""
    figure = style.sheet(style.TWO_COLUMNS, 4.9)
    grid = figure.add_gridspec(2, 2)
    first, second = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[0, 1])
    _draw_diagram(first, dataset, "bc", (0, 0.6), 0.72)
    first.set_xlabel(r"crystal field $\Delta/J$")
    first.text(0.12, 0.25, "ferromagnet", fontsize=7)
    first.text(0.43, 0.6, "paramagnet", fontsize=7)
    style.letter(first, "a", "Blume-Capel")
    _draw_diagram(second, dataset, "rf", (0, 0.9), 1.05)
    gauss = dataset["rf_gauss"], dataset["rf_gauss_temperature"]
    second.plot(*gauss, color=style.GREEN, linestyle=style.SERIES[2]["linestyle"], label="Gaussian fields")
    second.set_xlabel("strength of the fields $h_0/J$")
    second.legend(loc="lower left")
    style.letter(second, "b", r"random fields ($\pm h_0$ unless stated)")
    _draw_potts(figure.add_subplot(grid[1, 0]), dataset)
    _draw_paths(figure.add_subplot(grid[1, 1]), dataset)
    return figure


def _draw_diagram(axes, dataset, key, across, top):
    cold = dataset[f"{key}_cold_temperature"].values
    upper, lower = dataset[f"{key}_upper"].values, dataset[f"{key}_lower"].values
    known = np.isfinite(upper) & np.isfinite(lower)
    axes.fill_betweenx(cold[known], lower[known], upper[known], color="#E9E9E9", linewidth=0, zorder=0)
    line = dataset[f"{key}_line"], dataset[f"{key}_temperature"]
    axes.plot(*line, color=style.BLUE, linewidth=1.5, label="continuous")
    known = np.isfinite(dataset[f"{key}_maxwell"].values)
    maxwell = dataset[f"{key}_maxwell"].values[known], cold[known]
    axes.plot(*maxwell, color=style.VERMILLION, linestyle=style.SERIES[1]["linestyle"], label="first order (Maxwell)")
    tri = float(dataset[f"{key}_tri"]), float(dataset[f"{key}_tri_temperature"])
    axes.plot(*tri, "o", color=style.BLACK, markersize=4.5, zorder=5, label="tricritical")
    axes.set_xlim(*across)
    axes.set_ylim(0, top)
    axes.set_ylabel("temperature $T/J$")
    axes.legend(loc="lower left")


def _draw_potts(axes, dataset):
    looks = (("ordered", style.SERIES[2], "spinodal, ordered phase"), ("maxwell", style.SERIES[1], "Maxwell"))
    for key, series, text in (*looks, ("symmetric", style.SERIES[0], "spinodal, symmetric phase")):
        style.exact(axes, dataset["colours"], dataset[f"potts_{key}"], series, text, marker=series["marker"])
    axes.set_xticks(dataset["colours"].values)
    axes.set_xlabel("number of colours $q$")
    axes.set_ylabel("temperature $q T/J$")
    axes.legend(loc="upper left")
    style.letter(axes, "c", "Potts")


def _draw_paths(axes, dataset):
    texts = ("Blume-Capel, $T = J/2$", "Blume-Capel, $T = J/4$", "Potts, $q = 3$")
    for name, text, series in zip(PATHS, texts, style.SERIES, strict=False):
        style.exact(axes, dataset[f"{name}_curve"], dataset[f"{name}_exact"], series)
        values = dataset[f"{name}_value"], dataset[f"{name}_stderr"]
        style.measured(axes, dataset[f"{name}_control"], *values, series, text)
    axes.set_ylim(0, 1)
    axes.set_xlabel("control $g$")
    axes.set_ylabel(r"order $\langle m^2 \rangle$")
    axes.legend(loc="upper right")
    style.letter(axes, "d", f"{SITES} sites: exact and Glauber")
