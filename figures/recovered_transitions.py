r"""Every exact transition of the mean-field zoo, found again from samples of finite systems

    continuous    crossings of U4 = 1 - <R^4>/(3 <R^2>^2) of successive N, extrapolated as 1/N
    first order   coupling at which g ordered phases weigh g times the disordered one, extrapolated in 1/N
    oscillators   1/(N <r^2>) = 1 - K/K_c in the incoherent state, N -> oo

(a) Located less exact, in standard errors, independent locations for each transition; grey: two standard errors.
(b) The relative standard error of each. (c) Curie-Weiss in random fields +-1/3: U4 of the sizes (points, lines join
them); dashed: the exact T_c. (d) First order: points of equal weight less the exact coexistence, against 1/N; lines:
the extrapolation.

Samples: discrete sites from their exact law at finite N; XY and soft spins by exact draws through their field;
oscillators (N = 500) by their Langevin dynamics. Exact values: derived by `analytic`, in closed form or to 25 digits.

Source: Binder 1981; Borgs & Kotecky 1990; the models' own modules.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import sympy as sp
import xarray as xr

from analytic import (
    BlumeCapel,
    CurieWeiss,
    Hopfield,
    Kuramoto,
    Potts,
    PSpin,
    RandomField,
    SoftSpins,
    VectorSpins,
    coexistence,
    critical_point,
    evaluate,
    tricritical_point,
)
from figures import style
from figures.finite_samples import order_of_sites, plane_spins, soft_spins, states_of
from figures.report import agreement, record, sealed
from physim import simulate
from physim.locate import binder_crossings, maxwell_point, moments
from physim.locate.drift import extrapolated

STEM = "recovered_transitions"
SEED = 19811104
DELTA, FIELD = BlumeCapel().crystal, RandomField().strength
FIFTH, THIRD = sp.Rational(1, 5), sp.Rational(1, 3)
SIZES, LARGE = (32, 64, 128, 256), (128, 256, 512, 1024)
SHOWN = "random field"
OSCILLATORS = 500
WEIGHED = 12_800  # samples of each ensemble of a first-order transition: their error stays above the drift left out


@dataclass(frozen=True)
class Coexistence:
    """A first-order transition: beta and symbols at a control, the conjugate of `scale` x control, phases, valley.

    terms : powers of 1/N of the drift, what exact sums at these sizes need to extrapolate to 5e-5 of the control.
    """

    model: Any
    at: Any
    conjugate: Any
    phases: int
    valley: float
    terms: int = 2
    scale: float = 1.0


@dataclass(frozen=True)
class Case:
    """A transition: its exact value; (size, control, count, seed) -> samples of R, a Coexistence, or None."""

    exact: float
    draw: Any
    width: float = 0.16
    sizes: tuple = SIZES


def cases() -> dict:
    """Every transition by name; controls are temperatures, couplings or fields as the name says."""

    def temperature(model):
        return 1 / float(evaluate(critical_point(model).value))

    blume, random = tricritical_point(BlumeCapel()).at, tricritical_point(RandomField()).at
    coupling = [float(evaluate(coexistence(model).value)) for model in (PSpin(3), Potts(3))]
    crystal = float(evaluate(coexistence(BlumeCapel(beta=4), of=DELTA).value))

    def heated(model):
        return partial(order_of_sites, model, lambda t: (1 / t, ()))

    def at_third(model, symbol, inverse):
        return partial(order_of_sites, model, lambda value: (inverse, ((symbol, value),)))

    return {
        "Curie-Weiss $T_c$": Case(temperature(CurieWeiss()), heated(CurieWeiss())),
        "Blume-Capel $T_c$": Case(temperature(BlumeCapel(FIFTH)), heated(BlumeCapel(FIFTH)), sizes=SIZES[:3]),
        "Blume-Capel tricritical $\\Delta$": Case(
            float(evaluate(blume[DELTA])), at_third(BlumeCapel(), DELTA, 3.0), 0.05, SIZES[:3]
        ),
        f"{SHOWN} $T_c$": Case(temperature(RandomField(THIRD)), heated(RandomField(THIRD))),
        f"{SHOWN} tricritical $h_0$": Case(
            float(evaluate(random[FIELD])), at_third(RandomField(), FIELD, 1.5), 0.06, LARGE
        ),
        "XY $T_c$": Case(temperature(VectorSpins(2)), plane_spins, sizes=(16, 32, 64)),
        "Hopfield $T_c$": Case(temperature(Hopfield(2)), heated(Hopfield(2)), sizes=SIZES[:3]),
        "soft spins $T_c$": Case(temperature(SoftSpins()), soft_spins, sizes=(16, 32, 64)),
        "Kuramoto $K_c/D$": Case(float(Kuramoto(noise=1).critical_coupling), None),
        "3-spin $\\beta_c$": Case(coupling[0], _thermal(PSpin(3), 1, 0.5), 0.03, (48, 96, 192, 384)),
        "Potts $\\beta_c$": Case(coupling[1], _thermal(Potts(3), 3, 0.25, terms=1), 0.007, (960, 1440, 1920, 2400)),
        "Blume-Capel $\\Delta$, $T = 1/4$": Case(crystal, _blume_capel(), 0.005, (240, 480, 960, 1440)),
    }


def _thermal(model, phases, valley, terms=2):
    """Coexistence in beta: the conjugate is minus the energy."""
    return Coexistence(model, lambda b: (b, ()), lambda law, b: -law.sites * law.energy, phases, valley, terms)


def _blume_capel():
    """Coexistence in Delta at beta = 4: the conjugate of -4 Delta is sum s^2, energy -m^2/2 + Delta <s^2> a site."""

    def squares(law, crystal):
        return law.sites * (law.energy + law.ray**2 / 2) / crystal

    return Coexistence(BlumeCapel(), lambda d: (4.0, ((DELTA, d),)), squares, 2, 0.4, 2, -4.0)


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """Independent locations of every transition."""
    count, repeats, known = (12_800, 2, cases()) if quick else (25_600, 4, cases())
    value, stderr = np.empty((2, len(known), repeats))
    drift: dict = {"drift_size": [], "drift_value": [], "drift_stderr": [], "drift_limit": []}
    facts, curves = [], {}
    for i, (name, case) in enumerate(known.items()):
        for k in range(repeats):
            seed = SEED + 100 * i + k
            if case.draw is None:
                found, used = _oscillators(quick, seed)
            elif isinstance(case.draw, Coexistence):
                found, points, used = _first_order(case, min(count, WEIGHED), seed, quick)
                if k == 0:
                    _keep(drift, case, points, found)
            else:
                found, data, used = _continuous(case, count, seed)
                if k == 0 and name.startswith(f"{SHOWN} $T"):
                    curves = _curves(data)
            value[i, k], stderr[i, k] = found
            facts.append(record(f"samples for the {name}", seed=seed, count=used))
    exact = np.array([case.exact for case in known.values()])
    z = (value - exact[:, None]) / stderr
    compared = agreement(z, what=f"{len(known)} transitions, {repeats} locations each", errors="independent samples")
    dims = ("transition", "repeat")
    data = {"value": (dims, value), "stderr": (dims, stderr), "z": (dims, z), "exact": ("transition", exact)}
    data |= {key: (("first_order", "drift"), np.array(rows)) for key, rows in drift.items() if key != "drift_limit"}
    data["drift_limit"] = "first_order", drift["drift_limit"]
    data |= curves
    coordinates = {
        "transition": list(known),
        "first_order": [n for n, c in known.items() if isinstance(c.draw, Coexistence)],
    }
    parameters = {"samples": f"{count} at each point of a crossing or ensemble", "oscillators": OSCILLATORS}
    parameters |= {n: f"exact {c.exact:.10g}" for n, c in known.items()}
    return sealed(xr.Dataset(data, coordinates), STEM, quick, parameters, [compared], facts)


def _continuous(case, count, seed):
    span = np.linspace(1 - case.width, 1 + case.width, 13) * case.exact
    points = [(n, p, count) for n in case.sizes for p in span]
    data = moments(case.draw, points, seed)
    limit, _ = binder_crossings(data, parameter="control")
    if not limit.found:
        raise ArithmeticError(f"no crossing: {limit.reason}")
    return (float(limit.value), limit.stderr), data, int(data.samples.sum())


def _curves(data):
    u4, error = data.observable("binder")
    shape = len(np.unique(data.size)), -1
    rows = {"curve": u4, "curve_stderr": error, "curve_control": data.parameter}
    found = {name: (("curve_size", "point"), row.reshape(shape)) for name, row in rows.items()}
    return found | {"curve_size": np.unique(data.size)}


def _oscillators(quick, seed):
    """K_c from 1 - 1/(N <r^2>) = K/K_c at four couplings below it, by weighted least squares."""
    model, count = Kuramoto(noise=1), 256 if quick else 2048
    dynamics = model.langevin(OSCILLATORS)
    couplings = np.array([0.4, 0.7, 1.0, 1.2])
    c, s = model.order
    rows = []
    for k, coupling in enumerate(couplings):
        start = 2 * np.pi * np.random.Generator(np.random.Philox([seed, k])).random((count, OSCILLATORS))
        run = simulate(
            dynamics,
            trajectories=count,
            grid=np.linspace(0, 8, 801),
            seed=seed + 10 * k,
            parameters={"K": coupling},
            initial=start,
            observe={"square": OSCILLATORS * (c**2 + s**2)},
            record=1,
            progress=False,
        )
        mean, error = float(run.square_mean[-1]), float(run.square_mean_stderr[-1])
        rows.append((1 / mean, error / mean**2))
    y, e = np.array(rows).T
    weight = np.sum(couplings**2 / e**2)
    inverse = np.sum(couplings * (1 - y) / e**2) / weight
    return (1 / inverse, 1 / (inverse**2 * np.sqrt(weight))), count * len(couplings)


def _first_order(case, count, seed, quick):
    """Equal weights at three sizes by reweighting three ensembles each, extrapolated as 1/N."""
    points, two, sizes = [], case.draw, case.sizes[:3] if quick else case.sizes
    for j, size in enumerate(sizes):
        couplings = case.exact * (1 + case.width * case.sizes[0] / size * np.linspace(-1, 1, 3))
        drawn = [states_of(two.model, size, *two.at(c), count, (seed, j, k)) for k, c in enumerate(couplings)]
        conjugate = [two.conjugate(law, c)[at] for c, (law, at) in zip(couplings, drawn, strict=True)]
        order = [law.size[at] for law, at in drawn]
        options = {"ratio": float(two.phases), "valley": two.valley}
        points.append(maxwell_point(conjugate, two.scale * couplings, order, **options))
    limit = extrapolated(sizes, points, 1.0, terms=two.terms)
    if not limit.found:
        raise ArithmeticError(f"no point of equal weights: {limit.reason}")
    found = [(float(p.value) / two.scale, p.stderr / abs(two.scale)) for p in (*points, limit)]
    return found[-1], found[:-1], 3 * count * len(points)


def _keep(drift, case, points, found):
    drift["drift_size"].append(case.sizes[: len(points)])
    drift["drift_value"].append([v - case.exact for v, _ in points])
    drift["drift_stderr"].append([e for _, e in points])
    drift["drift_limit"].append(found[0] - case.exact)


@style.styled
def draw(dataset: xr.Dataset):
    """Four panels: differences, errors, one set of cumulants, first-order drifts."""
    figure = style.sheet(style.TWO_COLUMNS, 5.6)
    grid = figure.add_gridspec(2, 2, height_ratios=(1.25, 1))
    rows, errors = grid[0, :].subgridspec(1, 2, width_ratios=(2.2, 1))
    left = figure.add_subplot(rows)
    right = figure.add_subplot(errors, sharey=left)
    _draw_rows(left, right, dataset)
    _draw_cumulants(figure.add_subplot(grid[1, 0]), dataset)
    _draw_drifts(figure.add_subplot(grid[1, 1]), dataset)
    return figure


def _draw_rows(left, right, dataset):
    names = dataset["transition"].values.tolist()
    place = np.arange(len(names))[::-1]
    left.axvspan(-2, 2, color="#E9E9E9", zorder=0, linewidth=0)
    left.axvline(0, color=style.BLACK, linewidth=0.6, zorder=1)
    for k, series in zip(range(dataset.sizes["repeat"]), style.SERIES, strict=False):
        shift = place + 0.3 * (0.5 - (k + 0.5) / dataset.sizes["repeat"])
        z = dataset["z"].values[:, k]
        look = {"color": series["color"], "markerfacecolor": "white", "linestyle": "none"}
        left.errorbar(z, shift, xerr=1, marker=series["marker"], elinewidth=0.9, **look)
        relative = dataset["stderr"].values[:, k] / np.abs(dataset["exact"].values)
        right.plot(relative, shift, marker=series["marker"], **look)
    left.set_yticks(place, [f"{n} = {v:.6g}" for n, v in zip(names, dataset["exact"].values, strict=True)])
    reach = max(3.4, 1.2 * float(np.abs(dataset["z"]).max()) + 1)
    left.set_xlim(-reach, reach)
    left.set_ylabel("transition and exact value $p_c$")
    left.set_xlabel("located less exact, difference $z$ (std. errors)")
    right.set_xscale("log")
    right.set_xlabel("relative error $\\delta p/p_c$")
    right.set_ylabel("transition $p_c$")
    right.tick_params(labelleft=False)
    style.letter(left, "a", "every transition")
    style.letter(right, "b", "how sharp")


def _draw_cumulants(axes, dataset):
    for k, (size, series) in enumerate(zip(dataset["curve_size"].values, style.SERIES, strict=False)):
        part = dataset.isel(curve_size=k)
        axes.plot(part["curve_control"], part["curve"], color=series["color"], linewidth=0.7)
        label = f"$N = {size:g}$"
        style.measured(axes, part["curve_control"], part["curve"], part["curve_stderr"], series, label)
    at = [str(n) for n in dataset["transition"].values].index(f"{SHOWN} $T_c$")
    style.critical(axes, float(dataset["exact"][at]), "$T_c$", side="right")
    axes.set_xlabel("temperature $T/J$")
    axes.set_ylabel("Binder cumulant $U_4$")
    axes.legend(loc="lower left")
    style.letter(axes, "c", "Curie-Weiss in random fields")


def _draw_drifts(axes, dataset):
    for k, series in enumerate(style.SERIES[: dataset.sizes["first_order"]]):
        part = dataset.isel(first_order=k)
        scale = float(dataset["exact"].sel(transition=part["first_order"]))
        inverse, limit = 1 / part["drift_size"].values, float(part["drift_limit"]) / scale
        value, error = part["drift_value"].values / scale, part["drift_stderr"].values / scale
        powers = np.stack([inverse, inverse**2], axis=1) / error[:, None]
        bend = np.linalg.lstsq(powers, (value - limit) / error, rcond=None)[0]
        ends = np.linspace(0, inverse.max(), 50)
        style.exact(axes, ends, limit + bend[0] * ends + bend[1] * ends**2, series)
        style.measured(axes, inverse, value, error, series, str(part["first_order"].values))
    style.critical(axes, 0, along="y")
    axes.set_xlabel("inverse size $1/N$")
    axes.set_ylabel("equal weights less exact,\n$p/p_c - 1$")
    axes.legend(loc="best")
    style.letter(axes, "d", "first order: drift with the size")
