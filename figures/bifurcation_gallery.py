r"""Six ways to lose stability, one panel each

    0 = e q + d q u + (a/2) u^2 + (c/6) u^3 + (k/120) u^5       q: distance of the parameter l from its critical value
    saddle-node: e, a    transcritical: d, a    pitchfork: d, c (c < 0 super-, c > 0 subcritical)    tricritical: d, k
    Hopf: dz = (l + i) z - z |z|^2,  radius sqrt(l)

Solid lines are stable branches and dashed lines unstable ones, followed by pseudo-arclength; filled diamonds are the
special points that were met on the way. Open circles are fixed points found by a search that knows nothing of the
branches (deflated Newton from random starts); in (f) they are radii of integrated paths and the line is sqrt(l).
The coefficients in the panels come from the symbolic Lyapunov-Schmidt reduction of the same drift.

Source: Golubitsky & Schaeffer 1985; the subcritical branch turns at l = -1/4.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
import xarray as xr
from scipy.integrate import solve_ivp

from analytic import bifurcations
from figures import style
from figures.report import record, sealed
from physim.continuation import diagram, equilibria, system

STEM = "bifurcation_gallery"
LIMITS = (-1.0, 1.0)
PROBES = np.linspace(-0.9, 0.9, 13)
x, y, l = sp.symbols("x y l", real=True)
h, a, b, e = sp.symbols("h a b e", real=True)
DRIFT = h * l + (1 - h) * l * x + a * x**2 + b * x**3 + e * x**5
PANELS = {
    "saddle-node": {"h": 1, "a": -1, "b": 0, "e": 0},
    "transcritical": {"h": 0, "a": -1, "b": 0, "e": 0},
    "supercritical pitchfork": {"h": 0, "a": 0, "b": -1, "e": 0},
    "subcritical pitchfork": {"h": 0, "a": 0, "b": 1, "e": -1},
    "tricritical pitchfork": {"h": 0, "a": 0, "b": 0, "e": -1},
}


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """Branches, special points and independent fixed points of five drifts of one variable, and a Hopf point."""
    general = system(DRIFT, ("l", "h", "a", "b", "e"), state=x)
    data, parameters = {}, {}
    for k, (kind, values) in enumerate(PANELS.items()):
        fixed = general.fixed(**values)
        drawn = diagram(fixed, *LIMITS)
        rows = [image for branch in drawn.branches for image in _images(branch)]
        joined = np.concatenate([np.vstack([row, np.full((1, 3), np.nan)]) for row in rows])
        data[f"branch_{k}"] = ((f"point_{k}", "what"), joined)
        special = [(p.p, image) for p in drawn.points for image in fixed.orbit(p.x)[:, 0]]
        data[f"special_{k}"] = ((f"special_{k}", "place"), np.array(special))
        found = [(p, z) for p in PROBES for x0 in equilibria(fixed, p, 60) for z in fixed.orbit(x0)[:, 0]]
        data[f"found_{k}"] = ((f"found_{k}", "place"), np.array(found))
        data[f"distance_{k}"] = ((), max(np.min(np.abs(drawn.at(p)[0][:, 0] - z)) for p, z in found))
        exact = DRIFT.subs({s: values[s.name] for s in (h, a, b, e)})
        (form,) = bifurcations(exact, x, l, [sp.sqrt(l)] if kind == "saddle-node" else None)
        parameters[kind] = ", ".join(f"{n} = {form.others[n]}" for n in "edack" if n in form.others)
    radius = np.array([_radius(p) for p in PROBES])
    data |= {"hopf_found": ("probe", radius), "probe": PROBES}
    (hopf,) = bifurcations([l * x - y - x * (x**2 + y**2), x + l * y - y * (x**2 + y**2)], (x, y), l)
    facts = ", ".join(f"{name} {value}" for name, value in hopf.others.items())
    parameters["Hopf"] = f"{hopf.kind} at l = {hopf.value}, {facts}"
    worst = max(float(data[f"distance_{k}"][1]) for k in range(len(PANELS)))
    parameters["largest distance of a searched fixed point from a branch"] = f"{worst:.1e}"
    return sealed(
        xr.Dataset(data),
        STEM,
        quick,
        parameters,
        [],
        [record("search for fixed points from random starts", seed=0, count=60)],
    )


def _images(branch):
    """(parameter, x, unstable) of a branch and of its mirror image."""
    rows = np.column_stack([branch.parameter, branch.x[:, 0], branch.unstable])
    return [rows] if branch.images == 1 else [rows, rows * [1, -1, 1]]


def _radius(p):
    """Radius that a path of the Hopf normal form has in the end."""

    def moving(s, z):
        square = z[0] ** 2 + z[1] ** 2
        return [p * z[0] - z[1] - z[0] * square, z[0] + p * z[1] - z[1] * square]

    return float(np.linalg.norm(solve_ivp(moving, (0, 200), [0.5, 0.2], rtol=1e-8, atol=1e-10).y[:, -1]))


@style.styled
def draw(dataset: xr.Dataset):
    """Six panels, one for each kind."""
    figure = style.sheet(style.TWO_COLUMNS, 4.4)
    panels = figure.subplots(2, 3)
    words = ("saddle-node", "transcritical", "supercritical", "subcritical", "tricritical", "Hopf")
    for k in range(len(PANELS)):
        axes = panels.flat[k]
        _draw_branches(axes, dataset[f"branch_{k}"].values)
        style.differences(axes, *dataset[f"found_{k}"].values.T, style.SERIES[0], markersize=2.6)
        axes.plot(*dataset[f"special_{k}"].values.T, "D", color=style.VERMILLION, markersize=4, zorder=6)
        axes.set_ylim(-1.45, 1.45)
        axes.set_ylabel("fixed point $x$")
    axes = panels.flat[-1]
    grid = np.linspace(0, 1, 101)
    axes.plot([-1, 0], [0, 0], color=style.BLACK)
    axes.plot([0, 1], [0, 0], color=style.BLACK, linestyle=(0, (4, 2)))
    style.exact(axes, grid, np.sqrt(grid), {"color": style.BLACK, "linestyle": "-"})
    style.differences(axes, dataset["probe"], dataset["hopf_found"], style.SERIES[0], markersize=2.6)
    axes.plot(0, 0, "D", color=style.VERMILLION, markersize=4, zorder=6)
    axes.set_ylim(-0.1, 1.2)
    axes.set_ylabel("radius $|z|$")
    for axes, mark, text in zip(panels.flat, "abcdef", words, strict=True):
        axes.set_xlim(-1.03, 1.03)
        axes.set_xlabel("parameter $l$")
        style.letter(axes, mark, text)
    return figure


def _draw_branches(axes, rows):
    """Solid where stable, dashed where not; a point belongs to both where they meet."""
    stable = rows[:, 2] == 0
    for mask, line in ((stable, "-"), (rows[:, 2] > 0, (0, (4, 2)))):
        wide = mask | np.roll(mask, 1) | np.roll(mask, -1) if line == "-" else mask
        shown = np.where(wide[:, None], rows[:, :2], np.nan)
        axes.plot(*shown.T, color=style.BLACK, linestyle=line)
