r"""Nested decisions: entropies of the levels add, and their peaks merge

    p_0 = four classes at +-m_1 +-m_2, m_1 . m_2 = 0, |m_1|/|m_2| = ratio;     Lambda_l = |m_l|^2 SNR
    H = H(Lambda_1) + H(Lambda_2),     Var h = V(Lambda_1) + V(Lambda_2)       (independent signs given x_t)

(a) Class entropy of the coarse decision (sign along m_1), of the fine one and of both, against the log-SNR, for a ratio
of 4: lines are exact, points are averages over reverse trajectories of the four-class mixture in the plane under EDM,
the levels being two partitions of the same four classes (points of a level end where it is decided, Lambda > 9).
(b) Variance of the pathwise entropy of both levels. (c) Positions of the maxima of the total variance and of the total
entropy rate per log-SNR against the ratio: below a critical ratio the two decisions show as one peak. (d) Simulation
less theory.

All points come from one run: chi^2 uses their measured correlation.

Source: universal functions of two classes (analytic.two_classes); Sclocchi, Favero & Wyart 2024 (2402.16991) for
hierarchies in diffusion.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.interpolate import CubicSpline

from analytic import Classes, Diffusion, NestedPairs, edm
from analytic import t as time
from analytic.models.partitions import level_partition
from figures import style, two_classes
from figures.ensembles import against, correlation, ensemble, squared_distance
from figures.report import agreement, sealed
from physim.kernels.scalars import compiled

STEM = "nested_decisions"
NORMS = (4.0, 1.0)
FIRST, LAST = -6.0, 3.0  # log-SNR
POINTS = 13
DECIDED = 9.0  # Lambda beyond which the entropy of a level comes from rare trajectories
SEED = 20260615
KINDS = {"coarse": level_partition(2, 1), "fine": level_partition(2, 2), "both": None}
QUANTITIES = ("coarse_mean", "fine_mean", "both_mean", "both_var")


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """Entropies of two levels along reverse trajectories; positions of the peaks against the ratio of scales."""
    count = trajectories or (10_000 if quick else 150_000)
    steps = 1500 if quick else 8000
    diffusion = Diffusion(NestedPairs(NORMS), edm())
    observe = {name: Classes(diffusion, partition).entropy for name, partition in KINDS.items()}
    at = np.linspace(FIRST + 0.5, LAST - 0.5, POINTS)
    run = ensemble(
        diffusion.reverse(),
        diffusion.process,
        start=FIRST - 1,
        at=at,
        steps=steps,
        trajectories=count,
        seed=SEED,
        observe=observe,
    )
    data: dict = {"level": ("point", at)}
    truth = totals(at, NORMS)
    for name in QUANTITIES:
        kind, what = name.split("_")
        undecided = np.exp(at) * NORMS[kind != "coarse"] ** 2 < DECIDED
        for key, values in against(run, kind, truth[name], what).items():
            data[f"{name}_{key}"] = ("point", np.where(undecided, values, np.nan))
    paths = run["paths"].values
    h = compiled(list(observe.values()), *diffusion.state, time)(paths[:, 0], paths[:, 1], run["time"].values[:, None])
    independent = ("coarse_mean", "fine_mean", "both_var")
    z, bias = (np.concatenate([data[f"{name}_{key}"][1] for name in independent]) for key in ("z", "step_bias"))
    kept = np.isfinite(z)
    contributions = np.concatenate([h[0], h[1], squared_distance(h[2])])[kept]
    compared = agreement(
        z[kept],
        correlation(contributions),
        what="mean entropy of two levels, variance of both",
        errors="of one run, joint covariance",
        step_bias=bias[kept],
    )
    grid = np.linspace(FIRST, LAST, 181)
    data |= {f"{name}_curve": ("curve", values) for name, values in totals(grid, NORMS).items()}
    data |= {"curve_level": ("curve", grid)} | _peaks()
    dataset = xr.Dataset(data)
    parameters = {
        "data": f"four points at +-m_1 +-m_2, |m_1| = {NORMS[0]:g}, |m_2| = {NORMS[1]:g}",
        "process": "edm",
        "trajectories": count,
        "steps": f"{steps}, equal in log-SNR",
        "two peaks of the variance beyond the ratio": f"{float(dataset['variance_split']):.4f}",
        "two peaks of the rate beyond the ratio": f"{float(dataset['rate_split']):.4f}",
    }
    return sealed(dataset, STEM, quick, parameters, [compared], [run.attrs["facts"]])


def totals(level, norms):
    """Exact means and variance of the level entropies at some log-SNR."""
    lam = [np.exp(level) * m**2 for m in norms]
    coarse, fine = (two_classes.class_entropy(u) for u in lam)
    variance = sum(two_classes.entropy_variance(u) for u in lam)
    return {"coarse_mean": coarse, "fine_mean": fine, "both_mean": coarse + fine, "both_var": variance}


def _profile(kind, level):
    lam = np.exp(level)
    return two_classes.entropy_variance(lam) if kind == "variance" else lam * two_classes.mmse(lam) / 2


def _peaks():
    """Maxima of the sum of two profiles a distance 2 log(ratio) apart, and the ratio at which one becomes two."""
    ratios = np.geomspace(1.2, 9, 60)
    out = {"ratio": ("ratio_index", ratios)}
    for kind in ("variance", "rate"):
        grid = np.linspace(-9, 9, 721)
        profile = CubicSpline(grid, _profile(kind, grid))
        tops = [_maxima(profile, ratio) for ratio in ratios]
        out[f"{kind}_peaks"] = (("which", "ratio_index"), np.array([(u[0], u[-1]) for u in tops]).T)
        low, high = 1.5, 6.0
        while high - low > 1e-7:
            middle = (low + high) / 2
            low, high = (low, middle) if len(_maxima(profile, middle)) > 1 else (middle, high)
        out[f"{kind}_split"] = ((), low)
    return out


def _maxima(profile, ratio):
    """Where profile(s + log ratio) + profile(s - log ratio) is largest, first to last."""
    s, shift = np.linspace(-4.5, 4.5, 18_001), np.log(ratio)
    total = profile(s + shift) + profile(s - shift)
    return s[np.flatnonzero((total[1:-1] > total[:-2]) & (total[1:-1] >= total[2:])) + 1]


@style.styled
def draw(dataset: xr.Dataset):
    """Four panels: means, variance, positions of the peaks, residuals."""
    figure = style.sheet(style.TWO_COLUMNS, 4.8)
    panels = figure.subplots(2, 2)
    level, curve = dataset["level"], dataset["curve_level"]
    labels = ("coarse: sign along $m_1$", "fine: sign along $m_2$", "both")
    for name, series, text in zip(QUANTITIES[:3], style.SERIES, labels, strict=False):
        style.exact(panels[0, 0], curve, dataset[f"{name}_curve"], series)
        style.measured(panels[0, 0], level, dataset[f"{name}_value"], dataset[f"{name}_stderr"], series, text)
        style.differences(panels[1, 1], level, dataset[f"{name}_z"], series)
    last = style.SERIES[3]
    style.exact(panels[0, 1], curve, dataset["both_var_curve"], last)
    style.measured(panels[0, 1], level, dataset["both_var_value"], dataset["both_var_stderr"], last)
    style.differences(panels[1, 1], level, dataset["both_var_z"], last)
    style.residuals(panels[1, 1], np.stack([dataset[f"{name}_z"] for name in QUANTITIES]))
    _draw_peaks(panels[1, 0], dataset)
    panels[0, 0].set_ylabel("class entropy $H$ (nats)")
    panels[0, 0].legend(loc="upper right")
    panels[0, 1].set_ylabel("variance of $h$, both levels (nats$^2$)")
    panels[0, 1].set_ylim(bottom=0)
    for axes in (panels[0, 0], panels[0, 1], panels[1, 1]):
        axes.set_xlim(FIRST, LAST)
        axes.set_xlabel("log-SNR  $-2\\log\\sigma$     generation $\\rightarrow$")
    words = ("two levels of one hierarchy", "two peaks, ratio 4", "where the peaks merge", "simulation less theory")
    for axes, mark, text in zip(panels.flat, "abcd", words, strict=True):
        style.letter(axes, mark, text)
    return figure


def _draw_peaks(axes, dataset):
    for kind, series, text in (("variance", style.SERIES[0], "variance"), ("rate", style.SERIES[1], "entropy rate")):
        for which in (0, 1):
            label = f"peak of the {text}" if which else None
            style.exact(axes, dataset["ratio"], dataset[f"{kind}_peaks"][which], series, label)
        split = float(dataset[f"{kind}_split"])
        side = "left" if kind == "variance" else "right"
        style.critical(axes, split, f"{split:.3f}", side=side, height=0.06)
    axes.set_xlabel("ratio of scales $|m_1|/|m_2|$")
    axes.set_ylabel("log-SNR from the middle, $\\log(\\Lambda_1\\Lambda_2)/2$")
    axes.legend(loc="center right", bbox_to_anchor=(1, 0.45))
