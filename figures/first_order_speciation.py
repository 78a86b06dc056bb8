r"""First-order speciation: with three or more classes the transition is a jump

    p_k proportional to exp(gamma p_k),   gamma = alpha^2 |m|^2 K/((K - 1) Gamma)        (fixed points of the score)
    p = (1 + (K-1) u)/K once, (1 - u)/K for the others:      gamma(u) = log[(1 + (K-1) u)/(1 - u)]/u
    saddle-node: minimum of gamma(u);   Maxwell: gamma = 2 (K-1) log(K-1)/(K-2);   spinodal: gamma = K

Data are K equidistant Gaussian classes (corners of a simplex): the fixed points are those of the mean-field Potts
model. (a) The order parameter u of the broken branch (solid: stable, dashed: unstable) appears at a finite value, long
before the symmetric point u = 0 loses stability at gamma = K. (b) Class entropy per log K. Lines: exact, by quadrature
of E log Z = int (exp(-e^v) - E exp(-e^v Z)) dv for any K; points: reverse SDE (K = 3) and exact draws of x_t. (c)
The scales against K: the entropy halves, and its rate peaks, on the scale of the saddle-node and of the Maxwell point,
about 2 log K, and not where the Jacobian at the symmetric point changes sign. (d) Simulation less theory.

Points of K = 3 come from one run: chi^2 uses their measured correlation; the others are independent.

Source: theory of the Potts model, Wu 1982 (Rev. Mod. Phys. 54, 235); Ambrogioni 2025 (Entropy 27, 291).
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.linalg import block_diag
from scipy.optimize import brentq, minimize_scalar
from scipy.special import softmax

from analytic import Classes, Diffusion, Simplex, ornstein_uhlenbeck
from analytic import t as time
from figures import style
from figures.ensembles import against, correlation, ensemble
from figures.report import agreement, sealed
from physim.kernels.scalars import compiled, log_snr_at

STEM = "first_order_speciation"
CLASSES = (3, 10, 100)
NORM = 6.0  # |m| of the simulated classes, variance 1 inside each
SCALES = (3, 4, 6, 10, 18, 32, 56, 100)
POINTS = 9
SEED = 20260707
DRAWN = {"dynamics": "exact draws of x_t", "observables": "class entropy", "scheme": "none", "grid": "one time each"}
NAMES = {
    "saddle": "saddle-node",
    "maxwell": "Maxwell point",
    "spinodal": "spinodal, $\\gamma = K$",
    "half": "entropy halved",
    "peak": "peak of its rate",
}


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """Branches, scales and class entropies for several numbers of classes."""
    count = trajectories or (10_000 if quick else 100_000)
    steps = 1200 if quick else 5000
    strength = np.array([_strengths(k) for k in CLASSES])
    found = {name: np.full((len(CLASSES), POINTS), np.nan) for name in ("value", "stderr", "z")}
    run = _three(strength[0], count, steps)
    exact = np.array([[entropy(g, k) for g in row] for row, k in zip(strength, CLASSES, strict=True)])
    first = against(run, "h", exact[0])
    for name in found:
        found[name][0] = first[name]
    facts = [run.attrs["facts"]]
    for j, classes in enumerate(CLASSES[1:], 1):
        for i, gamma in enumerate(strength[j]):
            seed = SEED + 100 * j + i
            h = _draws(gamma, classes, count, seed)
            found["value"][j, i], found["stderr"][j, i] = h.mean(), h.std(ddof=1) / np.sqrt(count)
        drawn = {
            "seed": SEED + 100 * j,
            "seeds": f"{SEED + 100 * j} and the {POINTS - 1} after it",
            "trajectories": count,
        }
        facts.append(drawn | DRAWN | {"parameters": {"K": classes}})
        found["z"][j] = (found["value"][j] - exact[j]) / found["stderr"][j]
    joint = _joint(run)
    compared = agreement(
        found["z"],
        block_diag(joint, np.eye((len(CLASSES) - 1) * POINTS)),
        what=f"class entropy of {', '.join(map(str, CLASSES))} classes",
        errors="joint covariance for K = 3 (reverse SDE), others independent (exact draws)",
        step_bias=first["step_bias"],
    )
    data = {name: (("classes", "point"), values) for name, values in found.items()}
    data |= {"strength": (("classes", "point"), strength)} | _curves() | _scales()
    dataset = xr.Dataset(data).assign_coords(classes=list(CLASSES))
    k3 = {name: float(dataset[name][0]) for name in ("saddle", "maxwell", "spinodal")}
    parameters = {
        "data": f"K Gaussian classes at the corners of a simplex, |m| = {NORM:g}, variance 1; OU process",
        "K": ", ".join(map(str, CLASSES)),
        "trajectories (K = 3) and draws per point": count,
        "steps": f"{steps}, equal in log-SNR",
        "K = 3: saddle-node, Maxwell, spinodal": ", ".join(f"{v:.6f}" for v in k3.values()),
    }
    return sealed(dataset, STEM, quick, parameters, [compared], facts)


def _strengths(classes):
    return np.linspace(0.35, 2.4, POINTS) * 2 * np.log(classes)


def branch(u, classes):
    """gamma of the fixed point with order parameter u."""
    return np.log((1 + (classes - 1) * u) / (1 - u)) / u


def entropy(gamma, classes):
    """H[c|x_t] of K equidistant classes, by quadrature."""
    z = np.linspace(-9, 9, 241)
    weight = np.exp(-(z**2) / 2) * (z[1] - z[0]) / np.sqrt(2 * np.pi)
    top = gamma + 9 * np.sqrt(gamma) + np.log(classes)
    v = np.linspace(-top - 26, 9 * np.sqrt(gamma) + 6, 1201)
    spread = np.exp(np.sqrt(gamma) * z)

    def laplace(shift):
        return np.maximum(np.exp(-np.exp(v + shift)[:, None] * spread) @ weight, 1e-300)

    rest = np.expm1(np.log(laplace(gamma)) + (classes - 1) * np.log(laplace(0.0)))
    return float(np.trapezoid(np.expm1(-np.exp(v)) - rest, v) - gamma)


def _three(strength, count, steps):
    """Reverse trajectories of three classes through the strengths: alpha^2 = gamma (K-1)/(K |m|^2)."""
    diffusion = Diffusion(Simplex(3, NORM, 1), ornstein_uhlenbeck())
    when = np.log(1.5 * NORM**2 / strength) / 2
    return ensemble(
        diffusion.reverse(),
        diffusion.process,
        start=log_snr_at(diffusion.process, [np.log(1.5 * NORM**2 / 0.05) / 2])[0],
        at=log_snr_at(diffusion.process, when),
        steps=steps,
        trajectories=count,
        seed=SEED,
        observe={"h": Classes(diffusion).entropy},
    )


def _joint(run):
    """Correlation of the points of the run."""
    diffusion = Diffusion(Simplex(3, NORM, 1), ornstein_uhlenbeck())
    call = compiled(Classes(diffusion).entropy, *diffusion.state, time)
    paths = run["paths"].values
    return correlation(call(paths[:, 0], paths[:, 1], run["time"].values[:, None]))


def _draws(gamma, classes, count, seed):
    """Class entropies of exact draws of x_t: log-odds of orthogonal means, true class 0."""
    rng = np.random.default_rng(seed)
    out = []
    for start in range(0, count, 20_000):
        logs = np.sqrt(gamma) * rng.standard_normal((min(20_000, count - start), classes))
        logs[:, 0] += gamma
        p = softmax(logs, axis=1)
        out.append(-np.sum(p * np.log(np.maximum(p, 1e-300)), axis=1))
    return np.concatenate(out)


def _curves():
    u = 1 - np.geomspace(0.999, 1e-11, 400)
    grid = np.linspace(0.05, 2.6, 60)
    curves = [[entropy(g * 2 * np.log(k), k) / np.log(k) for g in grid] for k in CLASSES]
    return {
        "branch_u": ("branch", u),
        "branch_gamma": (("classes", "branch"), [branch(u, k) for k in CLASSES]),
        "curve_scaled": ("curve", grid),
        "curve_entropy": (("classes", "curve"), curves),
    }


def _scales():
    """gamma of every landmark against K."""
    out = {name: [] for name in NAMES}
    for k in SCALES:
        low = minimize_scalar(
            lambda u, k=k: branch(u, k), bounds=(0.02, 1 - 1e-9), method="bounded", options={"xatol": 1e-12}
        )
        out["saddle"].append(float(low.fun))
        out["maxwell"].append(2 * (k - 1) * np.log(k - 1) / (k - 2))
        out["spinodal"].append(float(k))
        unit = 2 * np.log(k)
        out["half"].append(
            unit * brentq(lambda g, k=k, unit=unit: entropy(g * unit, k) - np.log(k) / 2, 0.05, 3, xtol=1e-8)
        )
        grid = np.linspace(0.2, 2.6, 49)
        rate = -np.gradient([entropy(g * unit, k) for g in grid], np.log(grid))
        best = np.argmax(rate)
        fit = np.polyfit(grid[best - 1 : best + 2], rate[best - 1 : best + 2], 2)
        out["peak"].append(-unit * fit[1] / (2 * fit[0]))
    return {"scale_classes": ("scale", list(SCALES))} | {name: ("scale", values) for name, values in out.items()}


@style.styled
def draw(dataset: xr.Dataset):
    """Four panels: branches, entropies, scales against K, residuals."""
    figure = style.sheet(style.TWO_COLUMNS, 5.0)
    panels = figure.subplots(2, 2)
    for k, series in enumerate(style.SERIES[: len(CLASSES)]):
        part = dataset.isel(classes=k)
        classes = int(part["classes"])
        unit, label = 2 * np.log(classes), f"$K = {classes}$"
        _draw_branch(panels[0, 0], part, series, unit, label)
        style.exact(panels[0, 1], dataset["curve_scaled"], part["curve_entropy"], series)
        size = np.log(classes)
        style.measured(
            panels[0, 1], part["strength"] / unit, part["value"] / size, part["stderr"] / size, series, label
        )
        style.differences(panels[1, 1], part["strength"] / unit, part["z"], series)
    _draw_scales(panels[1, 0], dataset)
    style.residuals(panels[1, 1], dataset["z"].values)
    panels[0, 0].set_ylabel("order parameter $u$")
    panels[0, 1].set_ylabel("class entropy $H/\\log K$")
    for axes in (panels[0, 0], panels[0, 1], panels[1, 1]):
        axes.set_xlabel("$\\gamma\\,/\\,2\\log K$     generation $\\rightarrow$")
        axes.set_xlim(0, 2.6)
    panels[0, 0].set_ylim(-0.03, 1.03)
    panels[0, 1].set_ylim(0, 1.02)
    panels[0, 0].legend(loc="center right")
    panels[0, 1].legend(loc="upper right")
    words = (
        "the broken branch appears at a jump",
        "entropy of the class",
        "scales of the transition",
        "simulation less theory",
    )
    for axes, mark, text in zip(panels.flat, "abcd", words, strict=True):
        style.letter(axes, mark, text)
    return figure


def _draw_branch(axes, part, series, unit, label):
    gamma, u = part["branch_gamma"].values / unit, part["branch_u"].values
    fold = int(np.argmin(gamma))
    axes.plot(gamma[fold:], u[fold:], color=series["color"], label=label)
    axes.plot(gamma[: fold + 1], u[: fold + 1], color=series["color"], linestyle=(0, (3, 1.5)), linewidth=0.9)
    axes.plot(gamma[fold], u[fold], color=series["color"], marker=series["marker"], markersize=4)
    axes.plot([0, int(part["classes"]) / unit], [0, 0], color=series["color"])


def _draw_scales(axes, dataset):
    looks = (
        style.SERIES[0],
        style.SERIES[1],
        style.SERIES[2],
        style.SERIES[3],
        {"color": style.BLACK, "linestyle": "-"},
    )
    for (name, text), series in zip(NAMES.items(), looks, strict=True):
        style.exact(axes, dataset["scale_classes"], dataset[name], series, text)
    axes.plot(
        dataset["scale_classes"],
        2 * np.log(dataset["scale_classes"]),
        color=style.GREY,
        linestyle=":",
        label="$2\\log K$",
    )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("number of classes $K$")
    axes.set_ylabel("strength $\\gamma$")
    axes.legend(loc="upper left", fontsize=6.2)
