r"""Are the error bars of locations right? Several hundred locations against the truth

    z = (located - true)/stderr:  standard normal if location and error bar are right
    coverage: a share 2 Phi(k) - 1 of the intervals of half-width k standard errors holds the truth

Four locators, each on a problem with an exact answer and on fresh samples every time: the half point of clone curves
(phi = 3/4); the peak of the variance of the pathwise class entropy (Lambda = 1.345478); the critical temperature of the
Curie-Weiss model from a data collapse of sizes 128 to 4096; the same by adaptive location, which chooses its own sizes,
temperatures and samples and stops by itself. (a) All z against the normal law. (b) Coverage against promise, at six
levels; the bars are one binomial standard error. (c) z of each location, in order.

Source: the finite-size exponents of Curie-Weiss, Brezin & Zinn-Justin 1985; Binder 1981.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.optimize import brentq
from scipy.stats import norm

from figures import style, two_classes
from figures.curie_weiss import draw as sample
from figures.report import agreement, record, sealed
from physim.locate import adaptive, collapse, crossing, moments, peak

STEM = "location_calibration"
SIZES = (128, 256, 512, 1024, 2048, 4096)
METHODS = ("clones", "variance peak", "collapse", "adaptive")
SEED = 5


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """z-scores of many locations by four methods."""
    counts = (200, 200, 24, 8) if quick else (400, 400, 200, 200)
    makers = (_clones, _variance, _collapse, _adaptive)
    scores = [np.array([z for z in make(count) if np.isfinite(z)]) for make, count in zip(makers, counts, strict=True)]
    data = {f"z_{k}": (f"location_{k}", z) for k, z in enumerate(scores)}
    compared = [
        agreement(z, what=f"locations: {name}", errors="independent (fresh samples)")
        for name, z in zip(METHODS, scores, strict=True)
        if len(z) >= 20
    ]
    joined = np.concatenate(scores)
    parameters = {f"locations, {name}": len(z) for name, z in zip(METHODS, scores, strict=True)}
    parameters["inside 1 and 1.96 standard errors"] = (
        f"{np.mean(abs(joined) < 1):.3f}, {np.mean(abs(joined) < 1.96):.3f}"
    )
    return sealed(
        xr.Dataset(data), STEM, quick, parameters, compared, [record("exact samples", seed=SEED, count=sum(counts))]
    )


def _score(found, truth):
    return (float(found.value) - truth) / found.stderr if found.found else np.nan


def _clones(count):
    """phi of 4000 pairs at 15 separations, located where it is 3/4."""
    logs, generator = np.linspace(-2.5, 2.2, 15), np.random.Generator(np.random.Philox(SEED))
    phi = two_classes.same_class(np.exp(logs))
    truth = brentq(lambda u: float(two_classes.same_class(np.exp(u))) - 0.75, -2, 2)
    for _ in range(count):
        share = generator.binomial(4000, phi) / 4000
        yield _score(crossing(logs, share, np.sqrt(share * (1 - share) / 4000), 0.75), truth)


def _variance(count):
    """Variance of the class entropy of 2000 samples at 21 separations, located where it peaks."""
    logs, generator = np.linspace(-1.6, 2.2, 21), np.random.Generator(np.random.Philox(SEED + 1))
    lam, truth = np.exp(logs)[:, None], float(np.log(two_classes.variance_peak()[0]))
    for _ in range(count):
        h = two_classes.entropy_of(2 * lam + 2 * np.sqrt(lam) * generator.standard_normal((len(logs), 2000)))
        square = (h - h.mean(1, keepdims=True)) ** 2
        yield _score(peak(logs, square.mean(1), square.std(1) / np.sqrt(2000)), truth)


def _collapse(count):
    """T_c of Curie-Weiss by data collapse."""
    points = [(n, 1 + x / np.sqrt(n), 3200) for n in SIZES for x in np.linspace(-1.6, 1.6, 9)]
    for k in range(count):
        yield _score(collapse(moments(sample, points, (SEED, k))).transitions()[0], 1.0)


def _adaptive(count):
    """T_c of Curie-Weiss by adaptive location."""
    for k in range(count):
        options = {"sizes": (128, 512, 2048), "stderr": 2e-3, "budget": 3e9, "seed": (SEED, k)}
        yield _score(adaptive(sample, 0.6, 1.5, **options), 1.0)


@style.styled
def draw(dataset: xr.Dataset):
    """Three panels: histogram, coverage, z in order."""
    figure = style.sheet(style.TWO_COLUMNS, 4.4)
    upper, lower = figure.add_gridspec(2, 1)
    upper = upper.subgridspec(1, 2)
    left, right, below = figure.add_subplot(upper[0]), figure.add_subplot(upper[1]), figure.add_subplot(lower)
    scores = [dataset[f"z_{k}"].values for k in range(len(METHODS))]
    joined = np.concatenate(scores)
    edges = np.linspace(-4, 4, 25)
    left.hist(np.clip(joined, -3.99, 3.99), edges, density=True, color="#D5E3EE", edgecolor="white", linewidth=0.5)
    grid = np.linspace(-4, 4, 201)
    left.plot(grid, norm.pdf(grid), color=style.BLACK, label="normal law")
    left.set_xlabel("difference $z$ (std. errors)")
    left.set_ylabel("density of $z$")
    left.legend(loc="upper right")
    levels = np.array([0.3, 0.5, 0.683, 0.8, 0.9, 0.954])
    right.plot([0.2, 1], [0.2, 1], color=style.BLACK)
    start = 0
    for k, (z, series) in enumerate(zip(scores, style.SERIES, strict=True)):
        inside = np.mean(np.abs(z)[:, None] < norm.ppf((1 + levels) / 2), axis=0)
        where = levels + 0.008 * (k - 1.5)
        style.measured(right, where, inside, np.sqrt(levels * (1 - levels) / len(z)), series, METHODS[k])
        style.differences(below, start + np.arange(len(z)), z, series, markersize=2.4)
        start += len(z)
    right.set_xlabel("promised coverage $P$")
    right.set_ylabel("coverage found $\\hat P$")
    right.set_ylim(0.0, 1.25)
    right.legend(loc="lower right")
    style.residuals(below, joined)
    below.set_xlabel("location number $n$")
    for axes, mark, text in zip((left, right, below), "abc", ("all z-scores", "coverage", "one by one"), strict=True):
        style.letter(axes, mark, text)
    return figure
