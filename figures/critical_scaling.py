r"""Critical scaling: order parameter and susceptibility of two dynamics on one pair of functions

    P(m) ~ exp(-N [a (T/T_c - 1) m^2 + a_4 m^4 + ...]),    chi = N (<m^2> - <|m|>^2)
    z = N^{1/2} (T/T_c - 1),   zeta = a z/a_4^{1/2},   w = a_4^{1/4} N^{1/4} m:   density exp(-zeta w^2 - w^4)
    a_4^{1/4} N^{1/4} <|m|> = <|w|>,     (a_4/N)^{1/2} chi = <w^2> - <|w|>^2        functions of zeta alone

Heat bath: Glauber dynamics of N Ising spins, Curie-Weiss, a = 1/2, a_4 = 1/12 (zeta = 3^{1/2} z). Langevin: one
continuous order parameter m with noise 1/N in the Landau free energy r m^2/2 + m^4/4 + m^6/6, r = T/T_c - 1, a = 1/2,
a_4 = 1/4 (zeta = z). The amplitudes are the Landau coefficients of each model; nothing is fitted in (a), (b), (d).
(a) The order parameter and (b) its susceptibility. Black: the limit of large N; lines: every N exactly, by sums over
the magnetisation (spins) and quadrature of the stationary density (Langevin); points: simulations of independent
trajectories, open for the heat bath, filled for Langevin. The spins are started from their exact law, which the right
chain keeps; the Langevin steps are accepted or refused (MALA), so that no bias of the step is left. (c) What a fit that
knows neither T_c nor the exponents finds (collapse of U4, <|m|> and chi with a correction N^{-1/2}), less theory:
T_c, 1/nu = 1/2, beta/nu = 1/4, gamma/nu = 1/2, nu for the number of sites. (d) Simulation less exact values at that N:
<|m|> (large) and chi (small); each point is a run of its own, and the agreement uses the covariance of the two.

Source: Binder 1981; Brezin & Zinn-Justin 1985 (mean-field finite size).
"""

from __future__ import annotations

import json

import numpy as np
import sympy as sp
import xarray as xr

from analytic import CurieWeiss, Landau, order_langevin
from analytic.free_energy import landau, landscape
from analytic.symbols import magnetisation, sites
from figures import style
from figures.magnets import NAMES, blocks, exact_starts, glauber_moments, joint_moments
from figures.report import agreement, sealed
from physim import simulate
from physim.finite_size import scaling_functions, thermodynamics
from physim.kernels.scalars import compiled
from physim.locate import Moments, collapse

STEM = "critical_scaling"
DYNAMICS = ("heat bath", "Langevin")
SIZES = {"heat bath": (64, 256, 1024), "Langevin": (64, 512, 4096)}  # quick; else LARGER times as large
LARGER = {"heat bath": 4, "Langevin": 8}
SWEEPS = 8
ZETA = tuple(np.linspace(-2.4, 2.4, 9))  # of the points, shifted from size to size
STEP, LENGTH = 0.25, 9.0  # of the Langevin dynamics, length in units of N^{1/2}
RUNS = 64
EXPONENTS = {"$T_c$": 1.0, r"$1/\bar\nu$": 0.5, r"$\beta/\bar\nu$": 0.25, r"$\gamma/\bar\nu$": 0.5}
SEED = 19850101
REACH, WIDE = 4.2, 2.9  # of m in the quadrature, of zeta in the picture
tau = sp.Symbol("tau", real=True)  # T/T_c - 1
MODELS = {"heat bath": CurieWeiss(beta=1 / (1 + tau)), "Langevin": Landau(tau, 1, 1)}
NODES = np.polynomial.legendre.leggauss(400)
LEVEL = compiled(landscape(MODELS["Langevin"]), magnetisation, tau)


def amplitudes(model) -> tuple[float, float]:
    """(a, a_4) of a model whose second Landau coefficient vanishes at tau = 0."""
    coefficients = landau(model)
    return float(sp.diff(coefficients[1], tau).subs(tau, 0)), float(coefficients[3].subs(tau, 0))


def exact(dynamics: str, size: int, distance: float) -> np.ndarray:
    """<|m|>, <m^2>, <m^4> at T/T_c - 1: sums over the magnetisation, or quadrature of exp(-N L(m))."""
    if dynamics == "heat bath":
        found = thermodynamics(CurieWeiss(), size, 1 / (1 + distance)).isel(sites=0, beta=0)
        return np.array([float(found[name]) for name in NAMES])
    m = (1 + NODES[0]) * REACH / 2
    level = size * LEVEL(m, distance)
    kept = m[level < level.min() + 60].max()
    m = (1 + NODES[0]) * min(1.05 * kept, REACH) / 2
    level = size * LEVEL(m, distance)
    weight = NODES[1] * np.exp(level.min() - level)
    return np.array([weight @ m**k for k in (1, 2, 4)]) / weight.sum()


def scaled(dynamics: str, size: int, mean) -> np.ndarray:
    """a_4^{1/4} N^{1/4} <|m|> and (a_4/N)^{1/2} chi from the moments."""
    quartic = amplitudes(MODELS[dynamics])[1]
    return np.array([(quartic * size) ** 0.25 * mean[0], (quartic * size) ** 0.5 * (mean[1] - mean[0] ** 2)])


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """Moments of both dynamics at every size and temperature, exact and simulated; exponents by collapse."""
    count = RUNS * ((trajectories or (10_240 if quick else 40_960)) // RUNS)
    sizes = {d: tuple(n * (1 if quick else LARGER[d]) for n in some) for d, some in SIZES.items()}
    shape = (len(DYNAMICS), len(sizes["Langevin"]), len(ZETA))
    found = {name: np.empty((*shape, 2)) for name in ("value", "stderr", "z")}
    places, parts, facts = np.empty(shape), [], []
    fits, fit_errors, words = np.empty((len(DYNAMICS), len(EXPONENTS))), np.empty((len(DYNAMICS), len(EXPONENTS))), {}
    for i, dynamics in enumerate(DYNAMICS):
        slope, quartic = amplitudes(MODELS[dynamics])
        means = []
        for j, size in enumerate(sizes[dynamics]):
            for k, zeta in enumerate(ZETA):
                places[i, j, k] = zeta + 0.2 * (j - 1)
                distance = places[i, j, k] * np.sqrt(quartic / size) / slope
                run = _glauber if dynamics == "heat bath" else _langevin
                mean, covariance, batches, fact = run(size, distance, count, SEED + 1000 * i + 100 * j + 2 * k)
                point = _compared(dynamics, size, mean, covariance, exact(dynamics, size, distance))
                for name, values in zip(found, point, strict=False):
                    found[name][i, j, k] = values
                parts.append(point[-1])
                means.append((size, 1 + distance, batches))
                facts.append(fact)
        fits[i], fit_errors[i], words[f"collapse, {dynamics}"] = _fitted(means, count)
    compared = agreement(
        found["z"],
        blocks(parts),
        what=f"<|m|> and chi at {len(parts)} points of two dynamics",
        errors="a run for each point, joint covariance of the two",
    )
    data = {name: (("dynamics", "size", "point", "quantity"), values) for name, values in found.items()}
    data |= {"zeta": (("dynamics", "size", "point"), places), "sites": (("dynamics", "size"), list(sizes.values()))}
    data |= _lines(sizes)
    data |= {"exponent": (("dynamics", "name"), fits), "exponent_stderr": (("dynamics", "name"), fit_errors)}
    dataset = xr.Dataset(data, {"dynamics": list(DYNAMICS), "quantity": ["abs", "chi"], "name": list(EXPONENTS)})
    parameters = {
        "heat bath": f"Curie-Weiss spins, N = {', '.join(map(str, sizes['heat bath']))}, {SWEEPS} sweeps",
        "Langevin": f"Landau r, u = v = 1, N = {', '.join(map(str, sizes['Langevin']))}; MALA, step {STEP:g}, "
        f"{LENGTH:g} N^(1/2) long",
        "amplitudes a, a_4": "; ".join(f"{d}: {a:.6g}, {q:.6g}" for d, (a, q) in _amplitudes().items()),
        "N^(1/4) <|m|> at T_c": "; ".join(
            f"{d}: {float(scaling_functions(1.0, 1.0, 0.0)['abs']) / q**0.25:.7f}"
            for d, (_, q) in _amplitudes().items()
        ),
        "trajectories at each point": count,
    }
    return sealed(dataset, STEM, quick, parameters | words, [compared], facts)


def _amplitudes():
    return {dynamics: amplitudes(model) for dynamics, model in MODELS.items()}


def _compared(dynamics, size, mean, covariance, known):
    """Scaled <|m|> and chi, their errors, differences from the exact ones in errors; covariance of the two."""
    jacobian = np.array([[1.0, 0.0, 0.0], [-2 * mean[0], 1.0, 0.0]]) * scaled(dynamics, size, [1.0, 2.0])[:, None]
    joint = jacobian @ covariance @ jacobian.T
    value, stderr = scaled(dynamics, size, mean), np.sqrt(np.diag(joint))
    return value, stderr, (value - scaled(dynamics, size, known)) / stderr, joint


def _glauber(size, distance, count, seed):
    inverse = 1 / (1 + distance)
    start = exact_starts(CurieWeiss(), size, inverse, count, seed + 1)
    extra = {"sweeps": SWEEPS, "trajectories": count, "seed": seed, "start": start, "batches": RUNS}
    mean, covariance, fact, run = glauber_moments(CurieWeiss(), size, inverse, **extra)
    return mean, covariance, _batches(run), fact


def _langevin(size, distance, count, seed):
    steps = int(LENGTH * np.sqrt(size) / STEP)
    m = magnetisation
    run = simulate(
        order_langevin(MODELS["Langevin"]),
        trajectories=count,
        grid=np.linspace(0, steps * STEP, steps + 1),
        seed=seed,
        scheme="mala",
        parameters={tau: distance, sites: size},
        initial=np.resize([1.0, -1.0], (count, 1)) * size**-0.25,
        observe={"abs": sp.Abs(m), "m2": m**2, "m4": m**4},
        covariances=True,
        batches=RUNS,
        record=1,
        progress=False,
    )
    return *joint_moments(run, count), _batches(run), json.loads(run.attrs["provenance"])


def _batches(run):
    """Means of every batch, (RUNS, 3)."""
    return np.stack([run[f"{name}_batch_mean"].values[:, -1] for name in NAMES], axis=-1)


def _fitted(means, count):
    """T_c, 1/nu, beta/nu, gamma/nu with errors, and the quality of the fit in words."""
    size, parameter, batches = (np.array(column, dtype=float) for column in zip(*means, strict=True))
    data = Moments(size, parameter, batches, np.full(len(size), count))
    fit = collapse(data, observables=("binder", "abs", "susceptibility"), start=(1.0, 0.5))
    values = fit.values * [1, 1, 1, -1]
    return values, fit.stderr, f"{fit.status}, chi^2/dof = {fit.chi2:.1f}/{fit.dof}, p = {fit.p_value:.3f}"


def _lines(sizes):
    zeta = np.linspace(-WIDE, WIDE, 30)
    limit = scaling_functions(1.0, 1.0, zeta)
    rows = np.empty((len(DYNAMICS), len(sizes["Langevin"]), len(zeta), 2))
    for i, dynamics in enumerate(DYNAMICS):
        slope, quartic = amplitudes(MODELS[dynamics])
        for j, size in enumerate(sizes[dynamics]):
            far = zeta * np.sqrt(quartic / size) / slope
            rows[i, j] = [scaled(dynamics, size, exact(dynamics, size, d)) for d in far]
    both = np.stack([limit["abs"], limit["m2"] - limit["abs"] ** 2], axis=-1)
    return {
        "curve_zeta": ("curve", zeta),
        "curve": (("dynamics", "size", "curve", "quantity"), rows),
        "limit": (("curve", "quantity"), both),
        "limit_at_critical": ((), float(scaling_functions(1.0, 1.0, 0.0)["abs"])),
    }


@style.styled
def draw(dataset: xr.Dataset):
    """Four panels: two collapses, exponents, residuals."""
    figure = style.sheet(style.TWO_COLUMNS, 5.6)
    panels = figure.subplots(2, 2)
    for q, (axes, name) in enumerate(zip(panels[0], (r"$a_4^{1/4} N^{1/4} \langle |m| \rangle$", None), strict=True)):
        part = dataset.isel(quantity=q)
        axes.plot(dataset["curve_zeta"], part["limit"], color=style.BLACK, label=r"$N \to \infty$", zorder=3)
        _draw_points(axes, part)
        axes.set_xlabel(r"scaled temperature $\zeta = a\,a_4^{-1/2} N^{1/2} (T/T_c - 1)$")
        axes.set_ylabel(f"order parameter {name}" if name else r"susceptibility $(a_4/N)^{1/2} \chi$")
        axes.set_xlim(-WIDE, WIDE)
        axes.set_ylim(0, None)
        style.critical(axes, 0, "$T_c$", side="left" if name else "right")
        style.letter(axes, "ab"[q], ("order parameter", "susceptibility")[q])
    at_critical = float(dataset["limit_at_critical"])
    style.critical(panels[0, 0], at_critical, f"{at_critical:.4f}", along="y", height=0.16, side="above")
    panels[0, 0].legend(loc="upper right", handlelength=1.5)
    _draw_exponents(panels[1, 0], dataset)
    _draw_residuals(panels[1, 1], dataset)
    return figure


def _sets(dataset):
    """Every size of both dynamics: part, series and marker face."""
    for i, dynamics in enumerate(DYNAMICS):
        for j, size in enumerate(dataset["sites"][i].values):
            series = {**style.SERIES[j], "linestyle": style.SERIES[i]["linestyle"]}
            face = {"markerfacecolor": "white" if i == 0 else series["color"]}
            yield dataset.isel(dynamics=i, size=j), series, face, f"{dynamics}, $N = {size}$"


def _draw_points(axes, dataset):
    for part, series, face, text in _sets(dataset):
        style.exact(axes, dataset["curve_zeta"], part["curve"], series, linewidth=0.7)
        style.measured(axes, part["zeta"], part["value"], part["stderr"], series, text, **face)


def _draw_exponents(axes, dataset):
    place = np.arange(len(EXPONENTS))
    for i, dynamics in enumerate(DYNAMICS):
        series, shift = style.SERIES[i], 0.16 * (i - 0.5)
        difference = dataset["exponent"][i] - np.array(list(EXPONENTS.values()))
        face = "white" if i == 0 else series["color"]
        style.measured(
            axes, place + shift, difference, dataset["exponent_stderr"][i], series, dynamics, markerfacecolor=face
        )
    axes.axhline(0, color=style.BLACK, linewidth=0.7, zorder=1)
    known = ("1", "1/2", "1/4", "1/2")
    axes.set_xticks(place, [f"{name} $= {value}$" for name, value in zip(EXPONENTS, known, strict=True)])
    reach = 1.4 * float((np.abs(dataset["exponent"] - list(EXPONENTS.values())) + dataset["exponent_stderr"]).max())
    axes.set_ylim(-reach, reach)
    axes.set_xlim(-0.5, len(EXPONENTS) - 0.5)
    axes.set_xlabel(r"critical point and exponents ($\bar\nu$ for $N$)")
    axes.set_ylabel("fitted less exact $\\Delta$")
    axes.legend(loc="upper left")
    style.letter(axes, "c", "a fit that knows no exponents")


def _draw_residuals(axes, dataset):
    for part, series, face, _ in _sets(dataset):
        style.differences(axes, part["zeta"], part["z"][:, 0], series, **face)
        style.differences(axes, part["zeta"], part["z"][:, 1], series, markersize=1.7, **face)
    style.residuals(axes, dataset["z"].values)
    axes.set_xlim(-WIDE, WIDE)
    axes.set_xlabel(r"scaled temperature $\zeta$")
    style.letter(axes, "d", "simulation less exact")
