r"""Speciation of Curie-Weiss data: the time of the decision grows as 0, 1/4 or 1/2 times log N

    P(s) ~ exp((beta J/2N)(sum s)^2),   x_t = alpha s + sigma eps,   Ornstein-Uhlenbeck;   odd N, sign m is the class
    spectral:   alpha^2 N <m^2> = 1,   t_S = (1/2) log(N <m^2>):   N <m^2> = 1/(1 - beta J),  1.1708 N^{1/2},  N m*^2
    clones:     phi(t) = P(two clones of x_t agree in sign m) = 0.7752

(a) The spectral time, from exact sums over the magnetisation (lines), and the time at which two clones agree with
probability 0.7752 (points; dashed: theory), in the disordered phase, at the transition and in the ordered phase.
Dotted: slopes 0, 1/4 and 1/2. (b) phi against the time less its slope times log N: each temperature has one curve.
Theory: given all of x the posterior of m is that of one Gaussian channel for sqrt(N) m of signal-to-noise ratio
R = 1/E[sech^2(alpha x_i/sigma^2)] - 1 (local asymptotics for large N; the sum of the x_i alone gives alpha^2/sigma^2),
with the exact law of m at that N before it. (c) Simulation less theory. The clones
are exact draws of all N spins given x_t, through the Hubbard-Stratonovich integral of the exact score: what a perfect
reverse SDE generates. Every point has its own x_t, seed and clones.

Source: Biroli & Mezard 2023 (2306.03518) for the ordered phase.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
import xarray as xr

from analytic import CurieWeiss, Diffusion, ornstein_uhlenbeck
from figures import style
from figures.report import agreement, record, sealed
from figures.two_classes import same_class
from physim.experiments import spin_clones
from physim.finite_size import Law, thermodynamics

STEM = "curie_weiss_speciation"
PHASES = {"disordered": (0.5, 0.0), "critical": (1.0, 0.25), "ordered": (1.4, 0.5)}  # beta J, slope
SIZES = (63, 255, 1023)
OFFSETS = (-0.6, 0.0, 0.6)  # times about the theoretical one
CLONES = 6
SEED = 20230606
B = sp.Symbol("b", positive=True)
TARGET = float(same_class(1.0))
Z = np.linspace(-12.0, 12.0, 2049)  # trapezoidal nodes of a standard normal
WEIGHT = np.exp(-(Z**2) / 2) * (Z[1] - Z[0]) / np.sqrt(2 * np.pi)


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """Spectral times from exact sums, clone probabilities from theory and from posterior samples."""
    count = min(trajectories, 200) if trajectories else (200 if quick else 4000)
    sizes = SIZES if quick else (*SIZES, 4095)
    diffusion = Diffusion(CurieWeiss(beta=B), ornstein_uhlenbeck())
    shape = (len(PHASES), len(sizes), len(OFFSETS))
    found = {name: np.full(shape, np.nan) for name in ("time", "phi", "stderr", "theory", "z")}
    crossing = {name: np.empty(shape[:2]) for name in ("clone_time", "clone_stderr", "clone_theory")}
    facts = []
    for i, (beta, _) in enumerate(PHASES.values()):
        for j, size in enumerate(sizes):
            theory = _theory(beta, size)
            middle = _crossing(theory)
            step = 1e-3
            slope = (theory(middle + step) - theory(middle - step)) / (2 * step)
            for k, offset in enumerate(OFFSETS):
                seed = SEED + 1000 * i + 100 * j + 2 * k
                time = middle + offset * _stretch(middle)
                known = {"trajectories": count, "clones": CLONES, "seed": seed, "parameters": {"b": beta}}
                run = spin_clones(diffusion, size, time, **known)
                phi, stderr = float(run.same[0]), float(run.same_stderr[0])
                values = (time, phi, stderr, theory(time), (phi - theory(time)) / stderr)
                for name, value in zip(found, values, strict=True):
                    found[name][i, j, k] = value
                what = {"beta": beta, "N": size, "t": time, "clones": CLONES}
                facts.append(record("exact draws of spins given x_t", seed=seed, count=count, parameters=what))
            centre = len(OFFSETS) // 2
            crossing["clone_theory"][i, j] = middle
            crossing["clone_time"][i, j] = middle - (found["phi"][i, j, centre] - TARGET) / slope
            crossing["clone_stderr"][i, j] = found["stderr"][i, j, centre] / abs(slope)
    compared = agreement(
        found["z"],
        what=f"phi at {len(OFFSETS)} times, N = {', '.join(map(str, sizes))}, three temperatures",
        errors="independent (own data, noise and clones)",
    )
    data = {name: (("phase", "size", "offset"), values) for name, values in found.items()}
    data |= {name: (("phase", "size"), values) for name, values in crossing.items()} | _spectral() | _curves(sizes[-1])
    dataset = xr.Dataset(data, {"phase": list(PHASES), "size": list(sizes)})
    parameters = {
        "data": "Curie-Weiss spins, J = 1, beta = " + ", ".join(f"{b:g}" for b, _ in PHASES.values()),
        "process": "ornstein_uhlenbeck",
        "N": ", ".join(map(str, sizes)),
        "x_t at each point": count,
        "clones of each": CLONES,
        "phi at the decision": f"{TARGET:.7f}",
    }
    return sealed(dataset, STEM, quick, parameters, [compared], facts)


def _theory(beta, size):
    """phi as a function of the time: the exact law of m seen through the Gaussian channel of all sites."""
    law = Law(CurieWeiss(), size, beta)
    kept = law.probability > 1e-14
    centres, weights = np.sqrt(size) * law.ray[kept], law.probability[kept]

    def phi(time):
        noise = 1 / np.sqrt(_snr(time))
        y = np.linspace(0, centres.max() + 9 * noise, 401)
        mass = weights * np.exp(-((y[:, None] - centres) ** 2) / (2 * noise**2))
        up, down = mass[:, centres > 0].sum(axis=1), mass[:, centres < 0].sum(axis=1)
        agree = (up**2 + down**2) / np.maximum(up + down, 1e-300)
        return float(np.trapezoid(agree, y) / np.trapezoid(up + down, y))

    return phi


def _snr(time):
    """R: sites at m = 0 seen through x_i, E over s_i = 1 (the integrand is even)."""
    alpha, noise = np.exp(-time), -np.expm1(-2 * time)
    argument = np.clip(alpha * (alpha + np.sqrt(noise) * Z) / noise, -300, 300)
    return 1 / (WEIGHT @ np.cosh(argument) ** -2) - 1


def _stretch(middle):
    """Offsets stay at positive times."""
    return min(1.0, middle / 1.2)


def _crossing(theory):
    from scipy.optimize import brentq

    return brentq(lambda time: theory(time) - TARGET, 0.02, 12.0)


def _spectral():
    sizes = np.unique(np.round(np.geomspace(15, 1e6, 25)).astype(int))
    rows = [np.log(sizes * thermodynamics(CurieWeiss(), sizes, b).m2.values[:, 0]) / 2 for b, _ in PHASES.values()]
    return {"spectral_time": (("phase", "spectral_size"), np.array(rows)), "spectral_size": sizes}


def _curves(size):
    grid = np.linspace(-1.1, 1.1, 31)
    rows, offsets = np.empty((2, len(PHASES), len(grid)))
    for i, (beta, _) in enumerate(PHASES.values()):
        theory = _theory(beta, size)
        middle = _crossing(theory)
        offsets[i] = grid * _stretch(middle)
        rows[i] = [theory(middle + d) for d in offsets[i]]
    return {"curve_phi": (("phase", "curve"), rows), "curve_offset": (("phase", "curve"), offsets)}


@style.styled
def draw(dataset: xr.Dataset):
    """Three panels: decision times, collapsed clone curves, residuals."""
    figure = style.sheet(style.TWO_COLUMNS, 3.6)
    left, right = figure.add_gridspec(1, 2, width_ratios=(1.15, 1))
    right = right.subgridspec(2, 1, height_ratios=(2, 1))
    axes, upper = figure.add_subplot(left), figure.add_subplot(right[0])
    lower = figure.add_subplot(right[1], sharex=upper)
    _draw_times(axes, dataset)
    _draw_curves(upper, lower, dataset)
    figure.align_ylabels([upper, lower])
    return figure


LABELS = {"disordered": r"$T = 2\,T_c$", "critical": "$T = T_c$", "ordered": r"$T = 0.714\,T_c$"}


def _draw_times(axes, dataset):
    sizes = dataset["spectral_size"].values
    for k, (phase, series) in enumerate(zip(PHASES, style.SERIES, strict=False)):
        slope = PHASES[phase][1]
        style.exact(axes, sizes, dataset["spectral_time"][k], {**series, "linestyle": "-"}, LABELS[phase])
        last = float(dataset["spectral_time"][k, -1])
        guide = last + slope * np.log(sizes / sizes[-1])
        axes.plot(sizes, guide, color=style.GREY, linestyle=":", linewidth=1.0, zorder=2)
        axes.text(sizes[-1], last + 0.13, f"slope {('0', '1/4', '1/2')[k]}", ha="right", va="bottom", fontsize=7)
        axes.plot(
            dataset["size"], dataset["clone_theory"][k], color=series["color"], linestyle=(0, (3, 1.5)), linewidth=0.9
        )
        style.measured(axes, dataset["size"], dataset["clone_time"][k], dataset["clone_stderr"][k], series)
    axes.set_xscale("log")
    axes.set_ylim(-0.1, 7.4)
    axes.set_xlabel("number of spins $N$")
    axes.set_ylabel("decision time $t_S$ (forward)")
    axes.legend(loc="upper left")
    style.letter(axes, "a", "spectral (lines) and clones (points)")


def _draw_curves(upper, lower, dataset):
    for k, (phase, series) in enumerate(zip(PHASES, style.SERIES, strict=False)):
        shift = dataset["clone_theory"][k].values
        style.exact(upper, dataset["curve_offset"][k], dataset["curve_phi"][k], series, LABELS[phase])
        for j in range(len(shift)):
            part = dataset.isel(phase=k, size=j)
            offset = part["time"] - shift[j]
            style.measured(upper, offset, part["phi"], part["stderr"], series, markersize=2.2 + 0.8 * j)
            style.differences(lower, offset, part["z"], series, markersize=2.2 + 0.8 * j)
    style.critical(upper, TARGET, f"$\\phi = {TARGET:.4f}$", along="y", height=0.99, side="above")
    style.residuals(lower, dataset["z"].values)
    upper.set_ylim(0.48, 1.02)
    upper.set_ylabel("same class, probability $\\phi$")
    upper.tick_params(labelbottom=False)
    upper.legend(loc="lower left")
    lower.set_xlabel("$t - t_\\phi(N)$     $\\leftarrow$ generation")
    style.letter(upper, "b", "clones (symbols grow with $N$)")
    style.letter(lower, "c", "simulation less theory")
