r"""Binder crossing and collapse at the critical point

    U4 = 1 - <m^4>/(3 <m^2>^2);     N -> oo at T_c:  U4 = 1 - Gamma(1/4)^4/(24 pi^2) = 0.2705201 for every N
    z = N^{1/2} (T/T_c - 1):   U4 = u(z),   N^{1/2} <m^2> = v(z),   moments of exp(-z y^2/2 - y^4/12)
    dM = -L'(M) dt + sqrt(2/N) dW,   M = m + g,  g normal of variance T/(N J)

Curie-Weiss of N = 64, 512 and 4096 spins. (a) The Binder cumulant crosses at T_c. (b) The same against z: one curve,
the scaling function (black). (c) The mean square of the order parameter, collapsed. Lines: exact sums over the
magnetisation. Points: Langevin dynamics of the order parameter with noise 1/N, whose stationary law is that of the
field M exactly, so that the moments of m follow at every N; the steps are accepted or refused (MALA), which leaves no
bias of the step. Squares at N = 64: Glauber dynamics of the spins. (d) Simulation less exact sums, for U4 and <m^2>;
each point is a run of its own, and the agreement uses the covariance of its two moments.

Source: Binder 1981; the scaling functions follow from the Landau coefficients of the model.
"""

from __future__ import annotations

import json

import numpy as np
import xarray as xr

from analytic import CurieWeiss, order_langevin
from analytic.order_dynamics import spin_moments
from analytic.symbols import beta, magnetisation, sites
from figures import style
from figures.magnets import binder, blocks, exact_starts, glauber_moments
from figures.report import agreement, sealed
from physim import simulate
from physim.finite_size import scaling_functions, thermodynamics
from physim.kernels.sites import landau_numbers

STEM = "binder_crossing"
SIZES = (64, 512, 4096)
SCALED = (-4.0, -2.5, -1.2, 0.0, 1.2, 2.5, 4.0)  # z of the points, shifted from size to size
GLAUBER = 64
STEP, LENGTH = 0.25, 9.0  # of the Langevin dynamics, length in units of N^{1/2}
SEED = 19810101


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """U4 and <m^2> for three sizes, by exact sums, Langevin and Glauber dynamics."""
    count = trajectories or (10_000 if quick else 100_000)
    rows, parts, facts = [], [], []
    for j, size in enumerate(SIZES):
        for k, z in enumerate(SCALED):
            temperature = 1 + (z + 0.2 * (j - 1)) / np.sqrt(size)
            point, fact = _langevin(size, temperature, count, SEED + 100 * j + 2 * k)
            rows.append({"size": size, "temperature": temperature, "chain": 0.0} | point)
            facts.append(fact)
    for k, z in enumerate(SCALED[1::2]):
        temperature = 1 + (z + 0.4) / np.sqrt(GLAUBER)
        point, fact = _glauber(temperature, count, SEED + 1000 + 2 * k)
        rows.append({"size": GLAUBER, "temperature": temperature, "chain": 1.0} | point)
        facts.append(fact)
    parts = [row.pop("covariance") for row in rows]
    data = {name: ("point", np.array([row[name] for row in rows], dtype=float)) for name in rows[0]}
    compared = agreement(
        np.stack([data["u_z"][1], data["m2_z"][1]], axis=1),
        blocks(parts),
        what=f"U4 and <m²> at {len(rows)} points",
        errors="a run for each point, joint covariance of the two",
    )
    parameters = {
        "model": "Curie-Weiss, J = 1, no field",
        "N": ", ".join(map(str, SIZES)),
        "trajectories at each point": count,
        "Langevin": f"MALA, step {STEP:g}, {LENGTH:g} N^(1/2) long",
        "Glauber": f"N = {GLAUBER}, 20 sweeps from the exact law",
        "U4 at the critical point": f"{float(scaling_functions(0.5, 1 / 12, 0.0)['binder']):.7f}",
    }
    return sealed(xr.Dataset(data | _lines()), STEM, quick, parameters, [compared], facts)


def _compared(mean, covariance, size, temperature):
    """U4, <m^2>, errors, differences in standard errors, covariance of the two; mean and covariance of (m2, m4)."""
    exact = thermodynamics(CurieWeiss(), size, 1 / temperature).isel(sites=0, beta=0)
    padded, spread = np.concatenate([[0.0], mean]), np.pad(covariance, ((1, 0), (1, 0)))
    value, stderr, slopes = binder(padded, spread)
    jacobian = np.array([slopes[1:], [1.0, 0.0]])
    joint = jacobian @ covariance @ jacobian.T
    return {
        "u": value,
        "u_stderr": stderr,
        "u_z": (value - float(exact.binder)) / stderr,
        "m2": mean[0],
        "m2_stderr": np.sqrt(joint[1, 1]),
        "m2_z": (mean[0] - float(exact.m2)) / np.sqrt(joint[1, 1]),
        "covariance": joint,
    }


def _langevin(size, temperature, count, seed):
    model, m = CurieWeiss(), magnetisation
    steps = int(LENGTH * np.sqrt(size) / STEP)
    run = simulate(
        order_langevin(model),
        trajectories=count,
        grid=np.linspace(0, steps * STEP, steps + 1),
        seed=seed,
        scheme="mala",
        parameters={beta: 1 / temperature, sites: size},
        initial=np.resize([1.0, -1.0], (count, 1)) * size**-0.25,
        observe={"m2": m**2, "m4": m**4},
        covariances=True,
        record=1,
        progress=False,
    )
    name = next(n for n in ("m2_m4_cov", "m4_m2_cov") if n in run)
    cross = float(run[name][-1]) / count
    covariance = np.array([[float(run.m2_mean_stderr[-1]) ** 2, cross], [cross, float(run.m4_mean_stderr[-1]) ** 2]])
    values = [float(run.m2_mean[-1]), float(run.m4_mean[-1])]
    mean = np.array([float(v.subs(beta, 1 / temperature)) for v in spin_moments(*values, model, size)])
    slope = np.array([[1.0, 0.0], [-6 * temperature / size, 1.0]])
    covariance = slope @ covariance @ slope.T
    return _compared(mean, covariance, size, temperature), json.loads(run.attrs["provenance"])


def _glauber(temperature, count, seed):
    start = exact_starts(CurieWeiss(), GLAUBER, 1 / temperature, count, seed + 1)
    extra = {"sweeps": 20, "trajectories": count, "seed": seed, "start": start}
    mean, covariance, fact, _ = glauber_moments(CurieWeiss(), GLAUBER, 1 / temperature, **extra)
    return _compared(mean[1:], covariance[1:, 1:], GLAUBER, temperature), fact


def _lines():
    scaled = np.linspace(-4.6, 4.6, 47)
    out = {"scaled": scaled}
    for name in ("binder", "m2"):
        rows = [thermodynamics(CurieWeiss(), size, 1 / (1 + scaled / np.sqrt(size)))[name].values[0] for size in SIZES]
        out[f"{name}_exact"] = (("line", "scaled"), np.array(rows))
    quartic = landau_numbers(CurieWeiss(), 1.0)[3]
    limit = scaling_functions(0.5, quartic, scaled)
    return out | {"binder_limit": ("scaled", limit["binder"]), "m2_limit": ("scaled", limit["m2"])}


@style.styled
def draw(dataset: xr.Dataset):
    """Four panels: crossing, collapse of U4, collapse of <m^2>, residuals."""
    figure = style.sheet(style.TWO_COLUMNS, 4.9)
    grid = figure.add_gridspec(2, 2)
    axes = [figure.add_subplot(grid[i, j]) for i in (0, 1) for j in (0, 1)]
    scaled = dataset["scaled"].values
    for j, (size, series) in enumerate(zip(SIZES, style.SERIES, strict=False)):
        part = dataset.isel(point=np.flatnonzero((dataset["size"] == size) & (dataset["chain"] == 0)))
        z = np.sqrt(size) * (part["temperature"] - 1)
        style.exact(axes[0], 1 + scaled / np.sqrt(size), dataset["binder_exact"][j], series)
        style.measured(axes[0], part["temperature"], part["u"], part["u_stderr"], series, f"$N = {size}$")
        style.exact(axes[1], scaled, dataset["binder_exact"][j], series, linewidth=0.8)
        style.measured(axes[1], z, part["u"], part["u_stderr"], series)
        style.exact(axes[2], scaled, np.sqrt(size) * dataset["m2_exact"][j], series, linewidth=0.8)
        style.measured(axes[2], z, np.sqrt(size) * part["m2"], np.sqrt(size) * part["m2_stderr"], series)
        style.differences(axes[3], z, part["u_z"], series)
        style.differences(axes[3], z, part["m2_z"], series, markersize=2)
    _draw_glauber(axes, dataset)
    axes[1].plot(scaled, dataset["binder_limit"], color=style.BLACK, label=r"$N \to \infty$")
    axes[2].plot(scaled, dataset["m2_limit"], color=style.BLACK, label=r"$N \to \infty$")
    crossing = float(np.interp(0, scaled, dataset["binder_limit"]))
    style.critical(axes[0], crossing, f"$U_4 = {crossing:.4f}$", along="y", height=0.99, side="above")
    style.critical(axes[0], 1, "$T_c$", side="right")
    style.residuals(axes[3], np.stack([dataset["u_z"], dataset["m2_z"]]))
    _name(axes)
    return figure


def _draw_glauber(axes, dataset):
    part = dataset.isel(point=np.flatnonzero(dataset["chain"] == 1))
    series = {"color": style.BLACK, "marker": "s"}
    z = np.sqrt(GLAUBER) * (part["temperature"] - 1)
    style.measured(axes[0], part["temperature"], part["u"], part["u_stderr"], series, f"Glauber, $N = {GLAUBER}$")
    style.measured(axes[1], z, part["u"], part["u_stderr"], series)
    root = np.sqrt(GLAUBER)
    style.measured(axes[2], z, root * part["m2"], root * part["m2_stderr"], series)
    style.differences(axes[3], z, part["u_z"], series)
    style.differences(axes[3], z, part["m2_z"], series, markersize=2)


def _name(axes):
    axes[0].set_xlim(0.4, 1.6)
    axes[0].set_xlabel("temperature $T/T_c$")
    axes[0].set_ylabel("Binder cumulant $U_4$")
    axes[0].legend(loc="lower left", title="points: simulated")
    for panel in axes[1:]:
        panel.set_xlabel("$z = N^{1/2} (T/T_c - 1)$")
        panel.set_xlim(-4.7, 4.7)
    axes[1].set_ylabel("Binder cumulant $U_4$")
    axes[1].legend(loc="lower left")
    axes[2].set_ylabel(r"$N^{1/2} \langle m^2 \rangle$")
    axes[2].legend(loc="lower left")
    for panel, text, words in zip(
        axes, "abcd", ("crossing", "collapse", "order parameter", "simulation less exact"), strict=True
    ):
        style.letter(panel, text, words)
