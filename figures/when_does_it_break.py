r"""When does it break? An atlas of critical times for two classes

    density       Lambda = 1 (equal weights);   2 sqrt(Lambda (Lambda - 1)) - 2 arccosh sqrt(Lambda) = |logit w|  (fold)
    reverse SDE   -f + g2 J = 0;      flow   -f + (g2/2) J = 0;      spectral   alpha^2 (|m|^2 + v) = 1
    information   I(c; x_t) = H(c)/2;   largest -dH/dlog(Lambda);   largest Var h

Data are two Gaussian classes at +-m with variance v = 0.3 inside each; Lambda = alpha^2 |m|^2/(sigma^2 + alpha^2 v).
(a) All definitions under the Ornstein-Uhlenbeck process, in its time less (1/2) log |m|^2: the drift of the reverse SDE
breaks first, well before the density, and the decision follows; the drift of the flow breaks only for |m|^2 + v < 1
(left of the dotted line) and is unstable at all times beyond. (b) The same under EDM, in sigma/|m|: with f = 0 density,
reverse SDE and flow coincide, the information does not move in Lambda. (c) Unequal weights w: the pitchfork unfolds to
a saddle-node, and density and information part: what is decided early needs no second mode. Points: where the simulated
class entropy has fallen to half, with its standard error. (d) Simulated mean and variance of h less theory.

Points of one weight come from one run: chi^2 uses their measured correlation.

Source: Raya & Ambrogioni 2023 (2305.19693); Biroli et al. 2024 (2402.18491); Stancevic & Ambrogioni 2026 (2508.19897).
"""

from __future__ import annotations

import numpy as np
import sympy as sp
import xarray as xr
from scipy.linalg import block_diag
from scipy.optimize import brentq, minimize_scalar

from analytic import Classes, Diffusion, SymmetricPair, critical_points, edm, ornstein_uhlenbeck, two_classes
from analytic import t as time
from figures import style
from figures.ensembles import against, correlation, ensemble, level_of_separation, squared_distance
from figures.report import agreement, sealed
from figures.two_classes import entropy_of
from physim.kernels.scalars import compiled

STEM = "when_does_it_break"
VARIANCE = sp.Rational(3, 10)
WEIGHTS = (0.5, 0.65, 0.8, 0.9)
NORM = 6.0  # |m| of the simulated classes, variance 1 inside each
POINTS = 8
SEED = 20260909
SQUARES = np.geomspace(0.2, 1000, 90)  # |m|^2
NAMES = {
    "reverse_sde": "reverse-SDE drift",
    "density": "density (bimodal)",
    "probability_flow": "flow drift",
    "spectral": "spectral",
    "half": "information half",
    "variance": "variance peak",
    "rate": "rate peak",
}
m, w = sp.Symbol("m", positive=True), sp.Symbol("w", positive=True)


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """The atlas over |m|^2 and weight; class entropies of reverse trajectories for several weights."""
    count = trajectories or (10_000 if quick else 150_000)
    steps = 1000 if quick else 6000
    diffusion = Diffusion(SymmetricPair(m, 1, w), ornstein_uhlenbeck())
    h = Classes(diffusion).entropy
    names = [f"{kind}_{what}" for kind in ("mean", "var") for what in ("value", "stderr", "z", "step_bias")]
    found = {name: np.empty((len(WEIGHTS), POINTS)) for name in ("separation", *names)}
    half, correlations, runs = np.empty((3, len(WEIGHTS))), [], []
    for j, weight in enumerate(WEIGHTS):
        middle = landmarks(weight)["half"]
        separation = middle * np.geomspace(0.12, 6, POINTS)
        separation[POINTS // 2] = middle
        given = {m: NORM, w: weight}
        run = ensemble(
            diffusion.reverse(),
            diffusion.process,
            start=level_of_separation(0.02, NORM),
            at=level_of_separation(separation, NORM),
            steps=steps,
            trajectories=count,
            seed=SEED + 2 * j,
            observe={"h": h},
            parameters=given,
        )
        truth = np.array([moments(lam, weight) for lam in separation])
        found["separation"][j] = separation
        for k, kind in enumerate(("mean", "var")):
            for what, values in against(run, "h", truth[:, k], kind).items():
                found[f"{kind}_{what}"][j] = values
        at = POINTS // 2
        slope = truth[at, 2]
        half[:, j] = (
            middle,
            found["mean_z"][j, at] * found["mean_stderr"][j, at] / slope,
            found["mean_stderr"][j, at] / slope,
        )
        call = compiled(h, *diffusion.state, time, m, w)
        values = call(run["paths"].values[:, 0], run["time"].values[:, None], NORM, weight)
        correlations.append(correlation(values, squared_distance(values)))
        runs.append(run.attrs["facts"])
    compared = agreement(
        np.concatenate([found["mean_z"], found["var_z"]], axis=-1),
        block_diag(*correlations),
        what=f"mean and variance of h, {len(WEIGHTS)} weights",
        errors="independent between weights, joint covariance within one",
        step_bias=np.concatenate([found["mean_step_bias"], found["var_step_bias"]], axis=-1),
    )
    data = {name: (("weight", "point"), values) for name, values in found.items()} | _atlas() | _by_weight()
    data |= {"half_value": ("weight", half[0] + half[1]), "half_stderr": ("weight", half[2])}
    dataset = xr.Dataset(data).assign_coords(weight=list(WEIGHTS))
    known = landmarks(0.8)
    parameters = {
        "data": f"two Gaussian classes at +-m, variance {float(VARIANCE)} (a, b) and 1 (c, d: |m| = {NORM:g})",
        "processes": "ornstein_uhlenbeck, edm",
        "weights": ", ".join(map(str, WEIGHTS)),
        "trajectories per weight": count,
        "steps": f"{steps}, equal in log-SNR",
        "weight 0.8: fold, rate peak, variance peak (Lambda)": ", ".join(
            f"{known[k]:.6f}" for k in ("fold", "rate", "variance")
        ),
    }
    return sealed(dataset, STEM, quick, parameters, [compared], runs)


def moments(separation, weight):
    """(E h, Var h, -dH/dLambda) of two classes with a weight, by the trapezoidal rule."""
    z = np.linspace(-11, 11, 1401)
    density = np.exp(-(z**2) / 2) * (z[1] - z[0]) / np.sqrt(2 * np.pi)
    bias = np.log(weight / (1 - weight))
    sides = [
        (share, sign * 2 * separation + bias + 2 * np.sqrt(separation) * z)
        for share, sign in ((weight, 1), (1 - weight, -1))
    ]
    mean = sum(share * entropy_of(odds) @ density for share, odds in sides)
    second = sum(share * (entropy_of(odds) - mean) ** 2 @ density for share, odds in sides)
    wrong = sum(share * (1 / np.cosh(odds / 2) ** 2) @ density / 2 for share, odds in sides)
    return float(mean), float(second), float(wrong)


def landmarks(weight):
    """Lambda of every landmark of two classes with a weight."""
    prior, bias = float(entropy_of(np.log(weight / (1 - weight)))), abs(np.log(weight / (1 - weight)))
    tight = {"bounds": (0.2, 6), "method": "bounded", "options": {"xatol": 1e-9}}

    def gap(lam):
        return 2 * np.sqrt(lam * (lam - 1)) - 2 * np.arccosh(np.sqrt(lam)) - bias

    return {
        "fold": 1.0 if bias == 0 else brentq(gap, 1 + 1e-12, 50),
        "half": brentq(lambda lam: moments(lam, weight)[0] - prior / 2, 0.05, 10),
        "rate": minimize_scalar(lambda lam: -lam * moments(lam, weight)[2], **tight).x,
        "variance": minimize_scalar(lambda lam: -moments(lam, weight)[1], **tight).x,
    }


def _by_weight():
    weights = np.linspace(0.5, 0.95, 19)
    rows = [landmarks(weight) for weight in weights]
    out = {f"{name}_by_weight": ("weights", [row[name] for row in rows]) for name in rows[0]}
    return out | {"weights": weights}


def _atlas():
    """Times (OU) and noise levels (EDM) of every definition against |m|^2."""
    out = {"square": ("square_index", SQUARES)}
    known = two_classes.landmarks()
    lam = {"half": known["half_entropy"], "variance": known["variance_peak"], "rate": known["rate_peak_log_sigma"]}
    for process in (ornstein_uhlenbeck(), edm()):
        points = {p.object: p.value for p in critical_points(SymmetricPair(m, VARIANCE), process)}
        for name in NAMES:
            if name in lam:
                noise = SQUARES / lam[name] - float(VARIANCE)  # sigma^2/alpha^2
                when = np.where(noise > 0, np.log1p(np.maximum(noise, 0)) / 2, np.nan)
                when = when if process.name == "ornstein_uhlenbeck" else np.sqrt(np.where(noise > 0, noise, np.nan))
            else:
                when = _real(points[name], np.sqrt(SQUARES))
            out[f"{process.name}_{name}"] = ("square_index", when)
    return out


def _real(expr, norms):
    """An expression of m at many values, nan where it is not a positive real number."""
    if expr is None:
        return np.full(len(norms), np.nan)
    values = np.asarray(sp.lambdify(m, expr, "numpy")(norms.astype(complex)) + 0j * norms)
    return np.where((abs(values.imag) < 1e-12) & (values.real > 0), values.real, np.nan)


@style.styled
def draw(dataset: xr.Dataset):
    """Four panels: atlas in OU time, in EDM noise, against the weight, residuals."""
    figure = style.sheet(style.TWO_COLUMNS, 5.4)
    panels = figure.subplots(2, 2)
    looks = dict(zip(NAMES, _looks(), strict=True))
    square = dataset["square"].values
    for name, text in NAMES.items():
        style.exact(panels[0, 0], square, dataset[f"ornstein_uhlenbeck_{name}"] - np.log(square) / 2, looks[name], text)
        style.exact(panels[0, 1], square, dataset[f"edm_{name}"] / np.sqrt(square), looks[name], text)
    panels[0, 0].axvline(1 - float(VARIANCE), color=style.GREY, linestyle=":", linewidth=0.9)
    panels[0, 0].set_ylim(-0.35, 1.3)
    panels[0, 0].set_ylabel("forward time $t - \\frac{1}{2}\\log|m|^2$")
    panels[0, 1].set_ylim(0, 1.15)
    panels[0, 1].set_ylabel("noise $\\sigma/|m|$ (EDM)")
    for axes in panels[0]:
        axes.set_xscale("log")
        axes.set_xlim(SQUARES[0], SQUARES[-1])
        axes.set_xlabel("squared distance of the classes $|m|^2$")
    panels[0, 0].legend(loc="upper right", ncols=2, fontsize=6.2)
    _draw_weights(panels[1, 0], dataset, looks)
    for k, series in enumerate(style.SERIES):
        part = dataset.isel(weight=k)
        style.differences(
            panels[1, 1], part["separation"], part["mean_z"], series, label=f"$w = {float(part['weight'])}$"
        )
        style.differences(panels[1, 1], part["separation"], part["var_z"], series, markerfacecolor=series["color"])
    style.residuals(panels[1, 1], np.stack([dataset["mean_z"], dataset["var_z"]]))
    panels[1, 1].set_xscale("log")
    panels[1, 1].set_xlim(0.08, 12)
    panels[1, 1].set_xticks([0.1, 1, 10], labels=["0.1", "1", "10"])
    panels[1, 1].xaxis.set_minor_formatter("")
    panels[1, 1].legend(loc="lower left", ncols=4, handlelength=0.6, columnspacing=0.8)
    panels[1, 1].set_xlabel("class separation $\\Lambda$     (open: mean, filled: variance)")
    words = ("OU process", "EDM: three definitions are one", "unequal weights", "simulation less theory")
    for axes, mark, text in zip(panels.flat, "abcd", words, strict=True):
        style.letter(axes, mark, text)
    return figure


def _looks():
    dashes = ("-", (0, (5, 1.2)), (0, (5, 1.2, 1.2, 1.2)), (0, (1.4, 1.0)), "-", (0, (5, 1.2)), (0, (1.4, 1.0)))
    colors = (style.BLUE, style.BLACK, style.SKY, style.GREY, style.GREEN, style.PURPLE, style.VERMILLION)
    return [{"color": c, "linestyle": d, "marker": "o"} for c, d in zip(colors, dashes, strict=True)]


def _draw_weights(axes, dataset, looks):
    fold = looks["density"]
    style.exact(axes, dataset["weights"], dataset["fold_by_weight"], fold, "density: fold")
    for name in ("half", "variance", "rate"):
        style.exact(axes, dataset["weights"], dataset[f"{name}_by_weight"], looks[name], NAMES[name])
    style.measured(axes, dataset["weight"], dataset["half_value"], dataset["half_stderr"], looks["half"])
    axes.set_xlim(0.49, 0.95)
    axes.set_ylim(0.4, 4)
    axes.set_xlabel("weight $w$ of one class")
    axes.set_ylabel("class separation $\\Lambda$")
    axes.legend(loc="upper left")
