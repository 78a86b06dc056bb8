r"""Potts, XY and Hopfield data: three symmetries broken by a diffusion, with exact scores of N sites

    Potts (3 colours): one of three phases;   Hopfield (2 patterns): one of four;   XY: an angle
    Lambda = N |phi*|^2 alpha^2/(sigma^2 + alpha^2 v)        phi* order of a phase, v its variance along that direction

(a) Clones of one x_t: probability to share a phase (XY: mean cosine of their angle). Points: exact draws of the data
given x_t at three N (symbols grow with N). Lines, N -> oo: E sum_k P_k^2 of x = sqrt(Lambda) u_k + eps, u_k the corners
of a triangle, of a square, a circle; finite N tends to them as alpha -> 0. Dashed: Lambda = 2, where the centre of a
circle of phases and (gamma = 3 Lambda/2 = 3) of three Potts phases turns unstable. (b) Decision time against N:
spectral time (1/2) log(N <|phi|^2>) from the integral over the field (lines), ordered phase and transition of XY and
Hopfield; dotted: slopes 1/2 and 1/4; clones at Lambda = 2, carried along the curve (points). (c) Reverse SDE with the
exact finite-N score of every site, N = 12: N E|phi(x_t)|^2 along the path (points), alpha^2 N <|phi|^2> + k sigma^2 in
the k = 2 fields (lines). (d) Simulation less theory: clones less returns of the data, an identity at every N, and (c).

Points of (c) come from one run for each model: chi^2 uses their measured correlation.
Source: Ambrogioni 2025 (Entropy 27, 291) for the symmetries; Biroli & Mezard 2023 (2306.03518) for the slopes.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
import xarray as xr
from scipy.linalg import block_diag
from scipy.optimize import brentq

from analytic import (
    Diffusion,
    Hopfield,
    Hypersphere,
    PointMixture,
    Potts,
    Simplex,
    VectorSpins,
    edm,
    information,
    ornstein_uhlenbeck,
)
from analytic.bessel import bessel_ratio
from analytic.free_energy import self_consistency
from analytic.symbols import magnetisation, t
from figures import style
from figures.ensembles import correlation
from figures.report import agreement, record, sealed
from physim import generate, noised, quadrature
from physim.experiments import spin_clones
from physim.grids import uniform_log_snr
from physim.kernels.scalars import compiled
from physim.kernels.sites import site_numbers
from physim.spin_samples import balanced_labels, data_samples, embedded
from physim.spin_scores import field_posterior, scores

STEM = "broken_symmetries"
B = sp.Symbol("b", positive=True)
MODELS = {  # model, beta of the ordered phase, beta of a continuous transition
    "potts": (Potts(3, beta=B), 3.2, None),
    "hopfield": (Hopfield(2, beta=B), 1.5, 1.0),
    "xy": (VectorSpins(2, beta=B), 3.0, 2.0),
}
LABELS = {"potts": "Potts, 3 colours", "hopfield": "Hopfield, 2 patterns", "xy": "XY"}
LAMBDAS = (0.5, 1.0, 2.0, 6.0)
SITES = 12
TARGET = 2.0  # of Lambda in (b)
CLONES = 4
SEED = 20250291


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """Clone curves of three models at two sizes, decision times, and a reverse run of each with its exact score."""
    count, walkers = (60, 80) if quick else (400, 500)
    count, walkers = (min(trajectories or n, n) for n in (count, walkers))
    sizes = (24, 72) if quick else (32, 96, 256)
    shape = (len(MODELS), len(sizes), len(LAMBDAS))
    found = {name: np.empty(shape) for name in ("time", "same", "stderr", "theory", "identity_z")}
    decided = {name: np.empty(shape[:2]) for name in ("decision_time", "decision_stderr")}
    facts, runs = [], []
    for i, (name, (model, beta, _)) in enumerate(MODELS.items()):
        diffusion, curve = Diffusion(model, ornstein_uhlenbeck()), limit_curve(name)
        separation = _separation(diffusion, model, beta)
        for j, size in enumerate(sizes):
            times = [_time_of(separation, size, lam) for lam in LAMBDAS]
            seed = SEED + 100 * i + j
            run = spin_clones(
                diffusion, size, times, trajectories=count, clones=CLONES, seed=seed, parameters={"b": beta}
            )
            theory = curve(LAMBDAS)
            values = times, run.same, run.same_stderr, theory, run.z
            for key, row in zip(found, values, strict=True):
                found[key][i, j] = row
            middle = LAMBDAS.index(TARGET)
            slope = (curve([1.05 * TARGET]) - curve([TARGET / 1.05]))[0] / (2 * np.log(1.05)) * -2  # per unit of t
            decided["decision_time"][i, j] = times[middle] - (float(run.same[middle]) - theory[middle]) / slope
            decided["decision_stderr"][i, j] = float(run.same_stderr[middle]) / abs(slope)
            what = f"exact draws of {name} sites given x_t"
            facts.append(
                record(what, seed=seed, count=count * CLONES * len(times), parameters={"beta": beta, "N": size})
            )
        runs.append(_reverse(diffusion, model, beta, walkers, 24 if quick else 48, SEED + 50 + i))
        facts.append(record(f"reverse SDE of {name} sites, exact score", seed=SEED + 50 + i, count=walkers))
    path = {name: np.array([run[name] for run in runs]) for name in ("value", "error", "path_z")}
    compared = [
        agreement(
            found["identity_z"], what="clones less returns of the data, three models, N = " + ", ".join(map(str, sizes))
        ),
        agreement(
            path["path_z"],
            block_diag(*(run["correlation"] for run in runs)),
            what=f"order along reverse SDEs with exact site scores, N = {SITES}",
            errors="independent between models, joint covariance within one",
        ),
    ]
    dims = ("model", "size", "lambda")
    data = {key: (dims, values) for key, values in found.items()}
    data |= {key: (("model", "size"), values) for key, values in decided.items()}
    data["square"] = "model", [run["square"] for run in runs]
    data |= {key: (("model", "path_time"), values) for key, values in path.items()} | _curves() | _spectral(quick)
    coordinates = {"model": list(MODELS), "size": list(sizes), "lambda": list(LAMBDAS), "path_time": runs[0]["time"]}
    parameters = {
        "data": ", ".join(f"{LABELS[name]} at beta = {beta:g}" for name, (_, beta, _) in MODELS.items()),
        "process": "ornstein_uhlenbeck",
        "N": f"{', '.join(map(str, sizes))}; reverse SDE {SITES}",
        "x_t at each point": count,
        "clones of each": CLONES,
        "reverse trajectories": walkers,
    }
    return sealed(xr.Dataset(data, coordinates), STEM, quick, parameters, compared, facts)


def limit_curve(name):
    """The N -> oo overlap of two clones as a function of Lambda, by quadrature."""
    if name == "xy":
        diffusion = Diffusion(Hypersphere(2), edm())
        form = bessel_ratio(0, diffusion.state[0] / t**2) ** 2
    else:
        square = PointMixture([(1, 0), (-1, 0), (0, 1), (0, -1)])
        diffusion = Diffusion(Simplex(3) if name == "potts" else square, edm())
        form = information.Classes(diffusion).same
    return lambda lambdas: (
        quadrature.expectations(diffusion, {"same": form}, 1 / np.sqrt(np.atleast_1d(lambdas)), None, 1e-8).same.values
    )


def _order(model, beta):
    """m* of the ordered phase."""
    condition = self_consistency(model)
    call = compiled(condition.lhs - condition.rhs, magnetisation, B)
    return brentq(lambda m: float(call(m, beta)), 0.3, 1 - 1e-12)


def _separation(diffusion, model, beta):
    """Lambda(N, t)."""
    size = sp.Symbol("n", positive=True)
    call = compiled(diffusion.separation(sp.Rational(repr(_order(model, beta))), size), size, t, B)
    return lambda n, time: float(call(n, time, beta))


def _time_of(separation, size, level):
    return brentq(lambda time: separation(size, time) - level, 0.02, 12)


def _reverse(diffusion, model, beta, walkers, steps, seed):
    """N |phi(x_t)|^2 along the reverse SDE of every site, against its exact mean."""
    values = {"b": beta}
    labels = balanced_labels(model, SITES) if diffusion.labels else None
    grid = uniform_log_snr(diffusion.process, 0.1, 3.0, steps)
    data = embedded(diffusion, data_samples(diffusion, SITES, walkers, seed, values, labels))
    project = _projection(diffusion, model, labels)

    def score(x, time):
        return scores(diffusion, x, time, values, labels=labels)

    run = generate(
        score,
        diffusion.process,
        grid=grid,
        initial=noised(data, diffusion.process, grid.times[-1], seed + 1),
        seed=seed + 2,
        scheme="exponential_midpoint",
        observe={"order": lambda x, time: SITES * (project(x) ** 2).sum(axis=-1)},
        record=8,
        keep_paths=walkers,
    )
    alpha2 = np.exp(-2 * run.time.values)
    square, fourth = order_moments(diffusion, SITES, beta, labels)
    noise, square, fourth = 1 - alpha2, SITES * square, SITES**2 * fourth
    exact = alpha2 * square + 2 * noise
    error = np.sqrt((alpha2**2 * fourth + 8 * alpha2 * noise * square + 8 * noise**2 - exact**2) / walkers)
    rows = np.array([SITES * (project(x) ** 2).sum(axis=-1) for x in run.paths.values])
    found = {"time": run.time.values, "value": run.order_mean.values, "error": error, "square": square}
    return found | {"path_z": (run.order_mean.values - exact) / error, "correlation": correlation(rows)}


def _projection(diffusion, model, labels):
    """phi(x), the fields' linear functions of the sites' coordinates."""
    if labels is not None:
        return lambda x: x @ labels / SITES
    basis = np.array(diffusion.frame.basis.tolist(), dtype=float)
    return lambda x: x.mean(axis=-2) @ basis


def order_moments(diffusion, size, beta, labels=None):
    """<|phi|^2> and <|phi|^4> of N sites, exactly: M = phi + g/sqrt(N beta J) under the law of the field without x."""
    numbers = site_numbers(diffusion, None, {"b": beta})
    if labels is None and diffusion.labels:
        labels = balanced_labels(diffusion.model, size)
    labels = np.empty((size, 0)) if labels is None else labels
    nodes, weights = field_posterior(numbers, np.zeros((size, numbers.coordinates)), labels=labels)
    lengths, spread, k = (nodes**2).sum(axis=1), 1 / (size * numbers.stiffness), numbers.fields
    square = float(weights @ lengths) - k * spread
    return square, float(weights @ lengths**2) - 2 * (k + 2) * spread * square - k * (k + 2) * spread**2


def _curves():
    lambdas = np.geomspace(0.2, 12, 40)
    return {"curve": (("model", "curve_lambda"), [limit_curve(n)(lambdas) for n in MODELS]), "curve_lambda": lambdas}


def _spectral(quick):
    sizes = 2 ** np.arange(4, 8 if quick else 11)
    rows = np.full((2, len(MODELS), len(sizes)), np.nan)
    for i, (model, ordered, critical) in enumerate(MODELS.values()):
        diffusion = Diffusion(model, ornstein_uhlenbeck())
        for k, beta in enumerate((ordered, critical)):
            if beta is not None:
                rows[k, i] = [np.log(n * order_moments(diffusion, int(n), beta)[0]) / 2 for n in sizes]
    return {"spectral": (("phase", "model", "spectral_size"), rows), "spectral_size": sizes}


@style.styled
def draw(dataset: xr.Dataset):
    """Four panels: clone curves, decision times, reverse paths, residuals."""
    figure = style.sheet(style.TWO_COLUMNS, 5.0)
    panels = figure.subplots(2, 2)
    (clones, times), (path, rest) = panels
    _draw_clones(clones, dataset)
    _draw_times(times, dataset)
    _draw_paths(path, dataset)
    _draw_rest(rest, dataset)
    words = ("clones of one $x_t$", "decision times", "reverse SDE, exact site scores", "simulation less theory")
    for axes, mark, text in zip(panels.flat, "abcd", words, strict=True):
        style.letter(axes, mark, text)
    return figure


def _each(dataset):
    for k, (name, series) in enumerate(zip(MODELS, style.SERIES, strict=False)):
        yield k, dataset.isel(model=k), series, LABELS[name]


def _draw_clones(axes, dataset):
    for _, part, series, label in _each(dataset):
        style.exact(axes, dataset["curve_lambda"], part["curve"], series, label)
        for j in range(dataset.sizes["size"]):
            at = part.isel(size=j)
            shift = dataset["lambda"] * 1.05 ** (j - 1)
            style.measured(axes, shift, at["same"], at["stderr"], series, markersize=2.2 + 1.0 * j)
    style.critical(axes, 2.0, "$\\Lambda = 2$", height=0.99)
    axes.set_xscale("log")
    axes.set_ylim(0, 1.12)
    axes.set_xlabel("separation of the phases $\\Lambda$     generation $\\rightarrow$")
    axes.set_ylabel("overlap of two clones $\\phi$")
    axes.legend(loc="upper left", bbox_to_anchor=(0, 0.92))


def _draw_times(axes, dataset):
    sizes = dataset["spectral_size"].values
    for _, part, series, label in _each(dataset):
        style.exact(axes, sizes, part["spectral"][0], {**series, "linestyle": "-"}, f"{label}, ordered")
        if np.isfinite(part["spectral"][1]).all():
            style.exact(axes, sizes, part["spectral"][1], {**series, "linestyle": "--"}, f"{label}, $T_c$")
        style.measured(axes, dataset["size"], part["decision_time"], part["decision_stderr"], series)
    for slope, low, text in ((0.5, 1.9, "slope 1/2"), (0.25, 0.15, "slope 1/4")):
        axes.plot(sizes, low + slope * np.log(sizes / sizes[0]), color=style.GREY, linestyle=":", linewidth=1.0)
        axes.text(sizes[-1], low + slope * np.log(sizes[-1] / sizes[0]), text, fontsize=7, ha="right", va="bottom")
    axes.set_xscale("log", base=2)
    axes.set_xlabel("number of sites $N$")
    axes.set_ylabel("decision time $t$ (forward)")
    axes.legend(loc="upper left", fontsize=6)


def _draw_paths(axes, dataset):
    grid = np.linspace(float(dataset["path_time"].min()), float(dataset["path_time"].max()), 100)
    for _, part, series, label in _each(dataset):
        style.exact(axes, grid, np.exp(-2 * grid) * (float(part["square"]) - 2) + 2, series, label)
        style.measured(axes, dataset["path_time"], part["value"], part["error"], series)
    axes.invert_xaxis()
    axes.set_xlabel("forward time $t$     generation $\\rightarrow$")
    axes.set_ylabel("order $N\\,\\mathrm{E}|\\varphi(x_t)|^2$")
    axes.legend(loc="upper left")


def _draw_rest(axes, dataset):
    groups = (("clones less returns", dataset["identity_z"]), ("reverse SDE", dataset["path_z"]))
    for place, (_, values) in enumerate(groups):
        for k, series in enumerate(style.SERIES[: len(MODELS)]):
            z = np.ravel(values.isel(model=k))
            style.differences(axes, place + 0.25 * (k - 1) + 0.08 * np.linspace(-1, 1, len(z)), z, series)
    style.residuals(axes, np.concatenate([np.ravel(values) for _, values in groups]))
    axes.set_xticks(range(len(groups)), [name for name, _ in groups])
    axes.set_xlabel("what the $z$ compare")
