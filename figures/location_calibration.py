r"""Are the error bars of locations right? Several hundred locations against the truth

    z = (located - true)/stderr:  standard normal if location and error bar are right
    coverage: a share 2 Phi(k) - 1 of the intervals of half-width k standard errors holds the truth

Eight locators, each on a problem with an exact answer and on fresh samples every time. Curves: the half point of clone
curves (phi = 3/4); the peak of the variance of the pathwise entropy (Lambda = 1.345478). Curie-Weiss: the critical
temperature, 1/nu-bar = 1/2 and beta/nu-bar = 1/4 from a data collapse of sizes 128 to 4096; the limit of crossings of
Binder cumulants of 32 to 256 spins; the critical temperature by adaptive location, which chooses its own sizes,
temperatures and samples and stops by itself; the peak of the specific heat of 256 spins, reweighted, against the exact
sum. First order: the coupling of equal areas, reweighted, of the three-state Potts model (480 sites) and of Blume-Capel
(120 sites, T/J = 1/4), against exact sums; in the limit N -> oo they are beta J = 4 log 2 and Delta/J = 0.476266.
(a) All z against the normal law. (b) Coverage of the intervals of one and of 1.96 standard errors, for each locator,
with one binomial standard error; the wanted 68 and 95 % are dashed. (c) z of each location, locator by locator.

Source: the finite-size exponents of Curie-Weiss, Brezin & Zinn-Justin 1985; Binder 1981; Borgs & Kotecky 1990.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import xarray as xr
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import norm

from analytic import BlumeCapel, CurieWeiss, Potts
from figures import style, two_classes
from figures.curie_weiss import draw as sample
from figures.magnets import Exact
from figures.report import agreement, record, sealed
from physim.locate import (
    Collapse,
    adaptive,
    binder_crossings,
    collapse,
    crossing,
    maxwell_point,
    moments,
    peak,
    specific_heat_peak,
)

STEM = "location_calibration"
SIZES = (128, 256, 512, 1024, 2048, 4096)
METHODS = (
    "clones",
    "variance peak",
    "collapse: $T_c$",
    "collapse: $1/\\bar\\nu$",
    "collapse: $\\beta/\\bar\\nu$",
    "Binder limit",
    "adaptive",
    "specific heat",
    "equal areas, Potts",
    "equal areas, Blume-Capel",
)
LEVELS = (1.0, 1.95996)
SEED = 5


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """z-scores of many locations by all locators."""
    few, some, many = (4, 24, 120) if quick else (200, 200, 400)
    collapses = np.array(list(_collapse(some))).reshape(-1, 3)
    scores = [
        *(_kept(make(many if quick else 1000)) for make in (_clones, _variance)),
        *collapses.T,
        _kept(_binder(some)),
        _kept(_adaptive(few)),
        *(_kept(make(many)) for make in (_heat, _potts, _blume_capel)),
    ]
    data = {f"z_{k}": (f"location_{k}", z) for k, z in enumerate(scores)}
    names = [name.replace("$", "").replace("\\bar\\nu", "nu-bar").replace("\\", "") for name in METHODS]
    compared = [
        agreement(z, what=f"locations: {name}", errors="independent (fresh samples)")
        for name, z in zip(names, scores, strict=True)
        if len(z) >= 20
    ]
    parameters = {
        f"{name}: locations, inside 1 and 1.96 standard errors": ", ".join(
            [str(len(z)), *(f"{np.mean(np.abs(z) < level):.3f}" for level in LEVELS)]
        )
        for name, z in zip(names, scores, strict=True)
    }
    facts = [record("exact samples", seed=SEED, count=sum(map(len, scores)))]
    return sealed(xr.Dataset(data), STEM, quick, parameters, compared, facts)


def _kept(scores):
    return np.array([z for z in scores if np.isfinite(z)])


def _score(found, truth):
    return (float(found.value) - truth) / found.stderr if found.found else np.nan


def _clones(count):
    """phi of 4000 pairs at 15 separations, located where it is 3/4."""
    logs, generator = np.linspace(-2.5, 2.0, 15), np.random.Generator(np.random.Philox(SEED))
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
    """T_c, 1/nu-bar and beta/nu-bar of Curie-Weiss by data collapse."""
    points = [(n, 1 + x / np.sqrt(n), 3200) for n in SIZES for x in np.linspace(-1.6, 1.6, 9)]
    for k in range(count):
        found = collapse(moments(sample, points, (SEED, k)))
        if isinstance(found, Collapse):
            yield (found.values - [1, 0.5, 0.25]) / found.stderr


def _binder(count):
    """Limit of the crossings of Curie-Weiss."""
    points = [(n, t, 12800) for n in (32, 64, 128, 256) for t in np.linspace(0.8, 1.2, 17)]
    for k in range(count):
        yield _score(binder_crossings(moments(sample, points, (SEED + 3, k)))[0], 1.0)


@cache
def _laws(model, size, couplings):
    """Exact laws of a model at several (beta, values)."""
    return [Exact(model, size, beta, dict(values)) for beta, values in couplings]


def _heat(count):
    """Peak of the specific heat of 256 Curie-Weiss spins from five temperatures."""
    betas, generator = np.linspace(1.0, 1.28, 5), np.random.Generator(np.random.Philox(SEED + 4))
    laws = _laws(CurieWeiss(), 256, tuple((b, ()) for b in betas))

    def negative(beta):
        energy = laws[2].states[0]
        weights = laws[2].reweighted((betas[2] - beta) * energy)
        return -(beta**2) * (weights @ energy**2 - (weights @ energy) ** 2)

    truth = minimize_scalar(negative, bounds=(1.0, 1.28), method="bounded", options={"xatol": 1e-9}).x
    for _ in range(count):
        yield _score(specific_heat_peak([law.draw(2000, generator)[0] for law in laws], betas, 256), truth)


def _potts(count):
    """Equal areas in beta of 480 sites of the three-state Potts model: three ordered phases against one."""
    betas, cut, generator = (2.75, 2.80, 2.85), 0.25, np.random.Generator(np.random.Philox(SEED + 5))
    laws = _laws(Potts(3), 480, tuple((b, ()) for b in betas))
    energy, upper = laws[1].states[0], laws[1].states[1] > cut
    truth = brentq(lambda b: laws[1].reweighted((betas[1] - b) * energy)[upper].sum() - 0.75, 2.6, 3.0)
    for _ in range(count):
        drawn = [law.draw(1500, generator) for law in laws]
        options = {"order": [d[1] for d in drawn], "ratio": 3.0, "valley": cut}
        yield _score(maxwell_point([-d[0] for d in drawn], betas, **options), truth)


def _blume_capel(count):
    """Equal areas in Delta of 120 sites of Blume-Capel at T/J = 1/4: two ordered phases against one."""
    model, beta, cut, generator = BlumeCapel(), 4.0, 0.503, np.random.Generator(np.random.Philox(SEED + 6))
    fields = (0.467, 0.473, 0.479)
    laws = _laws(model, 120, tuple((beta, ((model.crystal, d),)) for d in fields))
    squares, upper = laws[1].states[2], laws[1].states[1] > cut
    truth = brentq(lambda d: laws[1].reweighted(beta * (fields[1] - d) * squares)[upper].sum() - 2 / 3, 0.45, 0.5)
    for _ in range(count):
        drawn = [law.draw(4000, generator) for law in laws]
        options = {"order": [d[1] for d in drawn], "ratio": 2.0, "valley": cut}
        yield _score(maxwell_point([d[2] for d in drawn], [-beta * d for d in fields], **options), -beta * truth)


def _adaptive(count):
    """T_c of Curie-Weiss by adaptive location."""
    for k in range(count):
        options = {"sizes": (128, 512, 2048), "stderr": 2e-3, "budget": 3e9, "seed": (SEED, k)}
        yield _score(adaptive(sample, 0.6, 1.5, **options), 1.0)


@style.styled
def draw(dataset: xr.Dataset):
    """Three panels: histogram, coverage of each locator, z in order."""
    figure = style.sheet(style.TWO_COLUMNS, 5.2)
    upper, lower = figure.add_gridspec(2, 1, height_ratios=(1.15, 1))
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
    left.set_ylim(0, 0.52)
    places = np.arange(len(METHODS))[::-1]
    for level, series in zip(LEVELS, style.SERIES, strict=False):
        promised = 2 * norm.cdf(level) - 1
        inside = [np.mean(np.abs(z) < level) for z in scores]
        error = [np.sqrt(promised * (1 - promised) / len(z)) for z in scores]
        look = {"color": series["color"], "marker": series["marker"], "markerfacecolor": "white", "linestyle": "none"}
        right.errorbar(inside, places, xerr=error, elinewidth=0.9, markeredgewidth=0.9, zorder=4, **look)
        style.critical(right, promised)
    right.set_yticks(places, METHODS)
    right.set_ylabel("locator (its $z$ in c)")
    right.set_xlim(0.4, 1.04)
    right.set_xlabel("coverage found $\\hat P$")
    start, ends = 0, []
    for k, z in enumerate(scores):
        series = style.SERIES[k % len(style.SERIES)]
        style.differences(below, start + np.arange(len(z)), z, series, markersize=1.8, markeredgewidth=0.6)
        start += len(z)
        ends.append(start)
    style.residuals(below, joined)
    for end in ends[:-1]:
        below.axvline(end - 0.5, color=style.GREY, linewidth=0.5, zorder=1)
    below.set_xlim(-8, start + 8)
    below.set_xlabel("location number $n$, locators in the order of (b), from the top")
    titles = ("all z-scores", "coverage: 68 % and 95 %", "one by one")
    for axes, mark, text in zip((left, right, below), "abc", titles, strict=True):
        style.letter(axes, mark, text)
    return figure
