r"""Orders of convergence of every integrator: n steps against 2 n on one Brownian path

    strong   S(h) = (E|X_2n - X_n|^2)^(1/2)        =  A h^p (1 + B h + ...),     h = 1/n, the final time fixed
    weak     W(h) = E[phi(X_2n)] - E[phi(X_n)]     =  A h^q (1 + B h + ...)

Both runs see one Brownian path, so the small difference is measured without the large common noise. Points: S and |W|
with one standard error; every point has a seed of its own. Full lines: the law with its fitted order, over the range
of the fit; dashed lines: the stated order, whose height and bend alone are fitted there. The range
starts two halvings below the longest, from the finest step up, that the law fits (chi^2 probability above 0.05);
coarser points are shown and not used. Where fewer than four points fit, or the order is known to worse than 0.3, no
judgement is made and the table says so.

(a, b) Additive noise: reverse process of an unequal Gaussian mixture from t = 0.5 to 0.1, steps equal in log-SNR;
phi = (x - <x>)^2. (c, d) Multiplicative noise, dX = -X/2 dt + X/2 dW, in the convention named; phi = x. (e, f)
Probability flow of the same mixture from random starts (phi as in b), and Langevin dynamics of x^2/2 - 2 log cosh x at
temperature 1/2, underdamped (baoab) and overdamped (ula), phi = x. (g) Fitted less stated order in
standard errors; strong and weak orders of one scheme share their runs. (h) Exact schemes have no order: mean and
second moment less the exact ones, at four steps of exact_ou (closed form) and mala (quadrature of the stationary
density), and at four couplings of glauber (enumeration).

Source: Kloeden & Platen 1992 for strong and weak orders; each scheme names its own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import sympy as sp
import xarray as xr
from scipy.special import gammaln

from analytic import Diffusion, Dynamics, SymmetricPair, heat_bath, overdamped, underdamped, vp_linear
from analytic.stable import logcosh
from figures import convergence, style
from figures.report import agreement, sealed
from physim import grids, simulate
from physim.kernels.scalars import compiled
from physim.schemes import SCHEMES

STEM = "integrator_orders"
SEED = 20261100
SIZES = tuple(4 << k for k in range(8))  # n; quick: all but the last
START, END, WEIGHT = 0.5, 0.1, sp.Rational(7, 10)
VARIANCE = 0.5  # within a class: wide, since paths that change class spoil the strong error at any usable step
SPINS = 40
BLURRED = ("stochastic_heun", "exponential_midpoint")  # weak order 2, strong order 1: W sinks in the noise
x = sp.Symbol("x", real=True)
v, beta = sp.symbols("v beta", positive=True)
up, down = sp.symbols("up down", real=True)

MIXTURE = Diffusion(SymmetricPair(1, v, WEIGHT), vp_linear())
OBSERVE = {  # shared with cost_to_accuracy: one compiled kernel a scheme
    "x": MIXTURE.state[0],
    "spread": (MIXTURE.state[0] - (2 * WEIGHT - 1) * MIXTURE.process.alpha) ** 2,
    "weight": MIXTURE.class_posterior[0],
}
WELL = x**2 / 2 - 2 * logcosh(x)


@dataclass(frozen=True)
class Case:
    """A scheme on a problem: the first observable gives the strong error, phi the weak one; effort times the paths."""

    scheme: str
    family: str
    dynamics: Any
    observe: dict = field(hash=False)
    phi: str
    initial: tuple | None = None
    effort: int = 1

    @property
    def name(self):
        """Scheme, with the convention where it matters."""
        return self.scheme + (f" ({self.dynamics.convention[:5]})" if self.family == "multiplicative" else "")

    @property
    def stated(self):
        """(strong, weak) order as the scheme states it."""
        return SCHEMES[self.scheme].orders(self.dynamics.noise_class)

    @property
    def parameters(self):
        """Numbers for the symbols of the problem."""
        return {v: VARIANCE} if self.initial is None else {}

    def grid(self, steps):
        """Steps of the problem."""
        return (
            log_snr_steps(steps)
            if self.initial is None
            else grids.uniform(0, 4 if self.family == "Langevin" else 1, steps)
        )


@cache
def log_snr_steps(steps):
    """The grid of the mixture."""
    return grids.uniform_log_snr(MIXTURE.process, END, START, steps)


def cases() -> list[Case]:
    """Every scheme with an order, on every class of noise that it treats."""
    noisy = "euler_maruyama milstein stochastic_heun sra1 exponential_euler ancestral exponential_midpoint"
    smooth = "euler_maruyama exponential_euler flow_heun sra1 exponential_midpoint"
    motions = {c: Dynamics(x, -x / 2, x / 2, convention=c) for c in ("ito", "stratonovich")}
    kicked = underdamped(WELL, x, 1, sp.Rational(1, 2))
    both = {"ito": ("euler_maruyama", "milstein"), "stratonovich": ("milstein", "stochastic_heun")}
    return [
        *(
            Case(s, "additive", MIXTURE.reverse(), OBSERVE, "spread", effort=8 if s in BLURRED else 1)
            for s in noisy.split()
        ),
        *(Case(s, "multiplicative", motions[c], {"x": x}, "x", (1.0,)) for c in both for s in both[c]),
        *(Case(s, "flow", MIXTURE.probability_flow(), OBSERVE, "spread") for s in smooth.split()),
        Case("baoab", "Langevin", kicked, {"x": x}, "x", (1.0, 0.0)),
        Case("ula", "Langevin", overdamped(WELL, x, sp.Rational(1, 2)), {"x": x}, "x", (1.0,)),
    ]


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """Differences at every step, fitted orders, and the exact schemes."""
    count = trajectories or (20_000 if quick else 400_000)
    sizes, chosen, runs = SIZES[: -1 if quick else None], cases(), []
    values = np.empty((len(chosen), len(sizes), 4))
    for i, case in enumerate(chosen):
        for j, n in enumerate(sizes):
            values[i, j], facts = _difference(case, n, count * case.effort, SEED + 100 * i + j)
            runs.append(facts)
    found = {k: (("case", "size"), values[..., q]) for q, k in enumerate(("strong", "strong_stderr", "weak"))}
    found["weak_stderr"] = (("case", "size"), values[..., 3])
    h, z = 1 / np.array(sizes), []
    for q, kind in enumerate(("strong", "weak")):
        stated = np.array([case.stated[q] for case in chosen])
        fits = [convergence.fit(h, *values[i, :, 2 * q : 2 * q + 2].T, p) for i, p in enumerate(stated)]
        for what in ("order", "stderr", "amplitude", "bend", "asymptote", "asymptote_bend", "coarsest", "points"):
            found[f"{kind}_fit_{what}"] = ("case", [float(getattr(f, what)) for f in fits])
        found[f"{kind}_stated"] = ("case", stated)
        z.append([(f.order - p) / f.stderr if f.resolved else np.nan for f, p in zip(fits, stated, strict=True)])
        found[f"{kind}_z"] = ("case", z[-1])
    law, facts = _exact_laws(count)
    runs += facts
    z = np.ravel(z)
    judged = [
        agreement(z[np.isfinite(z)], what=f"fitted orders, {np.isnan(z).sum()} not resolved", errors="nearly so"),
        agreement(law["law_z"][1], what="mean and second moment of exact schemes", errors="independent"),
    ]
    names = {"name": [c.name for c in chosen], "family": [c.family for c in chosen]}
    names |= {"scheme": [c.scheme for c in chosen], "source": [SCHEMES[c.scheme].source for c in chosen]}
    dataset = xr.Dataset(found | law | {k: ("case", v) for k, v in names.items()} | {"n": ("size", list(sizes))})
    parameters = {
        "mixture": f"two Gaussians at +-1, variance {VARIANCE}, weights 0.7 and 0.3, {MIXTURE.process.name}",
        "trajectories per point": f"{count:,} ({8 * count:,} of {' and '.join(BLURRED)} with additive noise)",
        "n": ", ".join(map(str, sizes)),
    }
    return sealed(dataset, STEM, quick, parameters, judged, runs)


def _difference(case, n, count, seed):
    """(S, stderr, W, stderr) of n steps against 2 n, and the facts of the run."""
    run = simulate(
        case.dynamics, trajectories=count, grid=case.grid(2 * n), seed=seed, scheme=case.scheme, progress=False,
        observe=case.observe, initial=case.initial, record=1, step_bias=True, parameters=case.parameters,
    ).isel(time=-1)  # fmt: skip
    first, gain = next(iter(case.observe)), 1 - 2.0 ** case.stated[1]  # the reported bias is W/gain
    weak, error = float(run[f"{case.phi}_mean_bias"]) * gain, float(run[f"{case.phi}_mean_bias_stderr"]) * -gain
    facts = json.loads(run.attrs["provenance"])
    return (float(run[f"{first}_step_rms"]), float(run[f"{first}_step_rms_stderr"]), weak, error), facts


def exact_problems():
    """(scheme, dynamics, initial, observables, [(abscissa, grid, parameters, exact values)]) of every exact scheme."""
    line = np.linspace(-8, 8, 4001)
    density = np.exp(-2 * compiled([WELL], x)(line)[0])
    second = float(line**2 @ density / density.sum())
    steps = (0.25, 0.5, 1.0, 2.0)
    moved = [(h, [0.0, h], {}, (2 * np.exp(-h), (1 - np.exp(-2 * h)) / 2)) for h in steps]
    settled = [(h, grids.uniform(0, 64 * h, 64), {}, (0.0, second)) for h in (0.5, 0.75, 1.0, 1.25)]
    square = 2 * np.arange(SPINS + 1) - SPINS
    states = gammaln(SPINS + 1) - gammaln(np.arange(SPINS + 1) + 1) - gammaln(SPINS - np.arange(SPINS + 1) + 1)
    enumerated = []
    for b in (0.2, 0.4, 0.6, 0.8):
        weight = np.exp(states - states.max() + b * square**2 / (2 * SPINS))
        enumerated.append((b, [0.0, 40.0], {beta: b}, (0.0, float(square**2 @ weight / weight.sum() / SPINS))))
    relaxing = Dynamics(x, -x, 1)
    centred = (x - 2 * sp.exp(-relaxing.time)) ** 2
    spins = heat_bath(-beta * (up - down) ** 2 / (2 * SPINS), (up, down), SPINS)
    moments = {"first": up - down, "second": (up - down) ** 2 / SPINS}
    half = (SPINS / 2, SPINS / 2)
    return [
        ("exact_ou", relaxing, (2.0,), {"first": x, "second": centred}, moved),
        ("mala", overdamped(WELL, x, sp.Rational(1, 2)), (0.0,), {"first": x, "second": x**2}, settled),
        ("glauber", spins, half, moments, enumerated),
    ]


def _exact_laws(count):
    """Deviations of the exact schemes in standard errors (first and second moment are uncorrelated)."""
    rows, facts = [], []
    for i, (scheme, dynamics, initial, observe, points) in enumerate(exact_problems()):
        for j, (where, grid, parameters, exact) in enumerate(points):
            run = simulate(
                dynamics, trajectories=count, grid=grid, seed=SEED + 50_000 + 100 * i + j, scheme=scheme,
                progress=False, initial=initial, observe=observe, record=1, parameters=parameters,
            )  # fmt: skip
            facts.append(json.loads(run.attrs["provenance"]))
            for moment, value in zip(observe, exact, strict=True):
                deviation = (float(run[f"{moment}_mean"][-1]) - value) / float(run[f"{moment}_mean_stderr"][-1])
                rows.append((scheme, moment, where, deviation))
    names = ("law_scheme", "law_moment", "law_where", "law_z")
    return {name: ("law", list(column)) for name, column in zip(names, zip(*rows, strict=True), strict=True)}, facts


PANELS = (("additive",), ("multiplicative",), ("flow", "Langevin"))
WORDS = ("additive noise", "multiplicative noise", "probability flow; Langevin")


@style.styled
def draw(dataset: xr.Dataset):
    """Strong errors on the left, weak ones on the right, judgement at the foot."""
    figure = style.sheet(style.TWO_COLUMNS, 10.4)
    panels = figure.subplots(4, 2, height_ratios=(1.35, 1, 1.35, 0.75))
    for row, (families, words) in enumerate(zip(PANELS, WORDS, strict=True)):
        for column, kind in enumerate(("strong", "weak")):
            axes = panels[row, column]
            _draw_errors(axes, dataset.isel(case=np.isin(dataset["family"], families)), kind)
            style.letter(axes, "abcdef"[2 * row + column], f"{words}: {kind} error")
    _draw_judgement(panels[3, 0], dataset)
    _draw_laws(panels[3, 1], dataset)
    return figure


COLOURS = (style.BLUE, style.VERMILLION, style.GREEN, style.PURPLE, style.ORANGE, style.SKY, style.BLACK)


def _draw_errors(axes, part, kind):
    h = 1 / part["n"].values
    drawn = []
    for k in range(part.sizes["case"]):
        case = part.isel(case=k)
        series = {"color": COLOURS[k], "marker": "os^DvP*"[k]}
        size, error, fit = np.abs(case[kind].values), case[f"{kind}_stderr"].values, f"{kind}_fit_"
        p, se, stated = (float(case[key]) for key in (f"{fit}order", f"{fit}stderr", f"{kind}_stated"))
        known = f"{p:.3f} $\\pm$ {se:.3f}" if np.isfinite(case[f"{kind}_z"]) else "not resolved"
        text = f"{str(case['name'].values).replace('_', ' ')}: {known} ({stated:g})"
        style.measured(axes, h, size, error, series, text, markersize=3.6)
        drawn.append(size)
        fine = np.geomspace(h[-1], case[f"{fit}coarsest"], 60)
        for order, height, bend, look in (
            (p, "amplitude", "bend", {"linestyle": "-", "linewidth": 0.9}),
            (stated, "asymptote", "asymptote_bend", {"linestyle": (0, (3, 2)), "linewidth": 0.7}),
        ):
            curve = convergence.law(fine, float(case[fit + height]), order, float(case[fit + bend]))
            axes.plot(fine, np.abs(curve), color=COLOURS[k], zorder=2, **look)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", nonpositive="clip")
    axes.set_ylim(0.4 * max(np.min(drawn), 1e-9), 12 * np.max(drawn) ** 1.2 / np.min(drawn) ** 0.2)
    axes.set_xlabel("step $h = 1/n$")
    axes.set_ylabel("strong error $S(h)$" if kind == "strong" else "weak error $|W(h)|$")
    axes.legend(fontsize=5.6, loc="upper left", handlelength=1, borderaxespad=0.1, labelspacing=0.2)


def _draw_judgement(axes, dataset):
    place = np.arange(dataset.sizes["case"])
    for kind, series, shift in zip(("strong", "weak"), style.SERIES, (-0.15, 0.15), strict=False):
        z = dataset[f"{kind}_z"].values
        style.differences(axes, (place + shift)[np.isfinite(z)], z[np.isfinite(z)], series, label=kind)
    style.residuals(axes, dataset[["strong_z", "weak_z"]].to_array())
    axes.set_xticks(place, [str(s).replace("_", " ") for s in dataset["name"].values], rotation=90, fontsize=5.5)
    axes.set_ylabel("fitted less stated\norder $z$ (std. errors)")
    axes.set_xlabel("scheme, in the order of the panels, $p$ and $q$")
    axes.legend(loc="upper right", ncols=2, handlelength=1)
    style.letter(axes, "g", "orders")


def _draw_laws(axes, dataset):
    for scheme, series in zip(np.unique(dataset["law_scheme"]), style.SERIES, strict=False):
        for moment, face in (("first", "white"), ("second", series["color"])):
            chosen = (dataset["law_scheme"] == scheme) & (dataset["law_moment"] == moment)
            some = dataset.isel(law=chosen.values)
            label = str(scheme).replace("_", " ") if moment == "second" else None
            style.differences(axes, some["law_where"], some["law_z"], series, markerfacecolor=face, label=label)
    style.residuals(axes, dataset["law_z"].values)
    axes.set_xlabel("step $h$;  glauber: coupling $\\beta$")
    axes.legend(loc="upper right", ncols=3, handlelength=1)
    style.letter(axes, "h", "exact schemes: mean (open), second moment")
