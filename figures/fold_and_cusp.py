r"""Unequal weights: the pitchfork unfolds into a fold, and the peaks of information lie elsewhere

    two points +-m of weights w, 1 - w:   x = tanh(Lambda x + logit(w)/2)      (units of m)
    two modes  iff  2 sqrt(Lambda (Lambda - 1)) - 2 arccosh sqrt(Lambda) > |logit w|;     cusp at Lambda = 1, w = 1/2
    near the cusp:  |logit w| = (4/3) (Lambda - 1)^(3/2)

(a) The plane of separation and bias. Line: the exact fold curve; circles: the same by continuation in two parameters,
both ways from one fold; the diamond is the cusp it found. Numbers: how many modes the density has. Dashed and dotted:
where the class entropy falls fastest (per log Lambda) and where the variance of the pathwise entropy peaks. They cross
the fold curve: with w = 0.8 the variance peaks at 0.997, the rate at 1.586, the second mode appears at 2.221 only.
(b) Variance and rate along w = 0.8. (c) The cusp's power law, from continuation.

Source: Klinger et al. 2026; Kuznetsov 2004 for cusps; the curve follows from Gamma(Lambda) in closed form.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
import xarray as xr
from scipy.interpolate import CubicSpline

from analytic import Diffusion, SymmetricPair, variance_exploding
from figures import style
from figures.report import record, sealed
from physim.continuation import fold_curves, system

STEM = "fold_and_cusp"
WEIGHT = 0.8
LOGS = np.linspace(np.log(0.05), np.log(12), 261)
z = np.linspace(-11, 11, 2401)
NORMAL = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """The fold curve, exact and continued; peaks of rate and variance over the bias; curves at one weight."""
    w = sp.Symbol("w", real=True)
    subject = system(Diffusion(SymmetricPair(1, weight=w), variance_exploding()), ("t", "w"))
    (curve,) = fold_curves(subject, (0.22, 0.03), (1.5, 0.97))
    found = np.column_stack([1 / curve.parameters[:, 0], _logit(curve.parameters[:, 1])])
    exact = np.geomspace(1e-3, 4, 200)
    biases = np.linspace(0, 3, 9 if quick else 31)
    ridges = np.array([_ridges(bias) for bias in biases])
    entropy, variance = _entropy(np.exp(LOGS), _logit(WEIGHT))
    slope = CubicSpline(LOGS, entropy)
    fold = float(np.interp(_logit(WEIGHT), _bias(1 + exact), 1 + exact))
    data = {
        "continued": (("point", "place"), found),
        "cusp": ("place", [1 / curve.cusps[0, 0], _logit(curve.cusps[0, 1])]),
        "exact_separation": ("exact", 1 + exact),
        "exact_bias": ("exact", _bias(1 + exact)),
        "bias": biases,
        "rate_ridge": ("bias", ridges[:, 0]),
        "variance_ridge": ("bias", ridges[:, 1]),
        "separation": ("separation", np.exp(LOGS)),
        "rate": ("separation", -slope(LOGS, 1)),
        "variance": ("separation", variance),
        "fold": ((), fold),
        "peaks": ("peak", _ridges(_logit(WEIGHT))),
    }
    worst = np.max(np.abs(_bias(np.maximum(found[:, 0], 1)) - np.abs(found[:, 1])))
    parameters = {
        "data": "two points at +-1 of weights w and 1 - w under VE, Lambda = 1/t",
        "continuation against the closed form": f"largest difference in logit w {worst:.1e}",
        "cusp": f"Lambda = {float(data['cusp'][1][0]):.12f}, logit w = {abs(float(data['cusp'][1][1])):.1e}",
        f"w = {WEIGHT}": "fold {:.4f}, rate peak {:.5f}, variance peak {:.5f}".format(fold, *data["peaks"][1]),
    }
    return sealed(
        xr.Dataset(data),
        STEM,
        quick,
        parameters,
        [],
        [record("search for folds from random starts", seed=0, count=100)],
    )


def _logit(w):
    return np.log(w / (1 - w))


def _bias(separation):
    """|logit w| on the fold curve."""
    return 2 * np.sqrt(separation * (separation - 1)) - 2 * np.arccosh(np.sqrt(separation))


def _entropy(separation, bias):
    """Mean and variance of the class entropy; the log-odds are bias +- 2 Lambda + 2 sqrt(Lambda) z."""
    lam, w = np.asarray(separation)[:, None], 1 / (1 + np.exp(-bias))
    mean = square = 0.0
    for share, sign in ((w, 1), (1 - w, -1)):
        size = np.abs(bias + sign * 2 * lam + 2 * np.sqrt(lam) * z)
        h = np.log1p(np.exp(-size)) + size * np.exp(-size) / (1 + np.exp(-size))
        mean, square = mean + share * h @ NORMAL, square + share * h**2 @ NORMAL
    return mean, square - mean**2


def _ridges(bias):
    """Lambda where the entropy falls fastest per log Lambda and where its variance is largest."""
    entropy, variance = _entropy(np.exp(LOGS), bias)
    out = []
    for values in (-CubicSpline(LOGS, entropy)(LOGS, 1), variance):
        spline = CubicSpline(LOGS, values)
        roots = [r for r in spline.derivative().roots(extrapolate=False) if spline(r, 2) < 0]
        out.append(np.exp(max(roots, key=spline)))
    return out


@style.styled
def draw(dataset: xr.Dataset):
    """Three panels: the plane, one weight, the cusp."""
    figure = style.sheet(style.TWO_COLUMNS, 3.6)
    left, right = figure.add_gridspec(1, 2, width_ratios=(1.3, 1))
    right = right.subgridspec(2, 1)
    axes, upper, lower = figure.add_subplot(left), figure.add_subplot(right[0]), figure.add_subplot(right[1])
    _draw_plane(axes, dataset)
    _draw_slice(upper, dataset)
    _draw_cusp(lower, dataset)
    style.letter(axes, "a", "separation and bias")
    style.letter(upper, "b", f"along $w = {WEIGHT}$")
    style.letter(lower, "c", "the cusp's power law")
    return figure


def _draw_plane(axes, dataset):
    line = {"color": style.BLACK, "linestyle": "-"}
    for sign in (1, -1):
        style.exact(
            axes, dataset["exact_separation"], sign * dataset["exact_bias"], line, "fold, exact" if sign > 0 else None
        )
        for name, series, label in (
            ("rate_ridge", style.SERIES[1], "rate peak"),
            ("variance_ridge", style.SERIES[2], "variance peak"),
        ):
            style.exact(axes, dataset[name], sign * dataset["bias"], series, label if sign > 0 else None)
    style.differences(axes, *dataset["continued"].values[::4].T, style.SERIES[0], label="fold, continued", markersize=3)
    axes.plot(*dataset["cusp"].values, "D", color=style.VERMILLION, markersize=5, zorder=6, label="cusp")
    axes.text(2.2, 0, "2 modes", ha="center", va="center")
    axes.text(2.4, 2.9, "1 mode", ha="center", va="center")
    axes.set_xlim(0.5, 4.4)
    axes.set_ylim(-3.6, 3.6)
    axes.set_xlabel("class separation $\\Lambda$     generation $\\rightarrow$")
    axes.set_ylabel("bias $\\log\\,w/(1-w)$")
    axes.legend(loc="center right", handlelength=2)


def _draw_slice(axes, dataset):
    peaks = dataset["peaks"].values
    for name, series, factor, label in (
        ("rate", style.SERIES[1], 1, "rate"),
        ("variance", style.SERIES[2], 4, "4 x variance"),
    ):
        style.exact(axes, dataset["separation"], factor * dataset[name], series, label)
    style.critical(axes, float(dataset["fold"]), "fold", side="right", height=0.98)
    for where, series in zip(peaks, style.SERIES[1:3], strict=True):
        axes.axvline(where, color=series["color"], linewidth=0.6, linestyle=(0, (1, 1.5)))
    axes.set_xscale("log")
    axes.set_xlim(0.1, 12)
    axes.set_ylim(0, 0.31)
    axes.set_xlabel("class separation $\\Lambda$")
    axes.set_ylabel("class entropy:\n$-dH/d\\log\\Lambda$, Var $h$")
    axes.legend(loc="upper left")


def _draw_cusp(axes, dataset):
    found = dataset["continued"].values
    found = found[(found[:, 1] > 0) & (found[:, 0] > 1.01)]
    distance = np.geomspace(0.01, 3.5, 100)
    style.exact(axes, distance, 4 / 3 * distance**1.5, style.SERIES[3], "$(4/3)(\\Lambda-1)^{3/2}$")
    style.exact(axes, distance, _bias(1 + distance), {"color": style.BLACK, "linestyle": "-"}, "exact")
    style.differences(axes, found[::2, 0] - 1, found[::2, 1], style.SERIES[0], markersize=3)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("distance $\\Lambda - 1$")
    axes.set_ylabel("bias $\\log\\,w/(1-w)$")
    axes.legend(loc="upper left")
