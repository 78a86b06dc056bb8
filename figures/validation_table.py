r"""The validation table: every claim of the theory, exact and simulated, over models and processes

    z = (simulated - exact)/stderr,       one run of the reverse SDE for each pair of a model and a process
    A  bandwidth = divergence = score = snr = dH[x_0|x_t]/dt, marginal_rate        B  growth = int tr R ds
    C  class_entropy, class_variance = Var h, class_rate, same_class               D  gain_square, noise_square
    E  production, flow, point_production, free_energy

(a) Every comparison: one column for each quantity, one point for each pair; symbols tell the claims apart. Grey: two
standard errors. (b) What is compared: simulated against exact sizes over the whole table; line: equality. (c) All
differences along the independent directions of each run (the quantities of one run are
correlated), ordered, against the quantiles of a standard normal; grey: 95 % of such samples at each quantile.

Source: Stancevic & Ambrogioni 2026 (2508.19897) for the claims; physim.validation for what each quantity is.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy import stats

from figures import style
from figures.report import agreement, record, sealed
from physim.validation import CLAIMS, independent, models, processes, validate

STEM = "validation_table"
SEED = 20260328
QUICK = ("pair in 7 dimensions", "three components")
GROUPS = {"A": "A", "B and D": "BD", "C": "C", "E": "E"}
SERIES = dict(zip(CLAIMS, (*style.SERIES, {"color": style.ORANGE, "linestyle": "-", "marker": "v"}), strict=True))


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """The table and the differences of all claims along independent directions."""
    count = trajectories or (4_000 if quick else 40_000)
    chosen = QUICK if quick else tuple(models()), tuple(processes())
    table = validate(*chosen, trajectories=count, seed=SEED)
    apart = {name: independent(table, claims) for name, claims in GROUPS.items()}
    compared = [
        agreement(
            z,
            what=f"claim{'s' if len(name) > 1 else ''} {name}: {', '.join(q for c in GROUPS[name] for q in CLAIMS[c])}",
            errors="independent runs; the quantities of a run along the eigenvectors of their correlation",
        )
        for name, z in apart.items()
    ]
    together = independent(table, tuple(CLAIMS))
    data = table.drop_vars(["correlation", "quantity_name", "other", "pair"])
    data["whitened"] = "direction", np.sort(together)
    facts = [
        record(f"reverse SDE of {m} under {p}", seed=SEED + k, count=count)
        for k, (m, p) in enumerate((m, p) for m in chosen[0] for p in chosen[1])
    ]
    parameters = {
        "models": ", ".join(chosen[0]),
        "processes": ", ".join(chosen[1]),
        "trajectories per pair": count,
        "Kolmogorov-Smirnov p-value of all directions": f"{stats.kstest(together, 'norm').pvalue:.3f}",
    }
    return sealed(data, STEM, quick, parameters, compared, facts)


@style.styled
def draw(dataset: xr.Dataset):
    """Three panels: every comparison, the values behind them, quantiles of all differences."""
    figure = style.sheet(style.TWO_COLUMNS, 5.4)
    grid = figure.add_gridspec(2, 2, height_ratios=(1.25, 1))
    left, values, right = (figure.add_subplot(place) for place in (grid[0, :], grid[1, 0], grid[1, 1]))
    names = [q for quantities in CLAIMS.values() for q in quantities if q in dataset["quantity"].values]
    for claim, series in SERIES.items():
        here = dataset["claim"].values == claim
        column = np.array([names.index(q) for q in dataset["quantity"].values[here]], dtype=float)
        z = dataset["z"].values[here]
        for place in np.unique(column):
            column[column == place] += np.linspace(-0.3, 0.3, np.count_nonzero(column == place))
        style.differences(left, column, z, series, label=f"claim {claim}", markersize=2.6)
    style.residuals(left, dataset["z"].values)
    left.set_xticks(range(len(names)), [n.replace("_", " ") for n in names], rotation=55, ha="right")
    left.set_xlabel("quantity $q$")
    left.legend(loc="upper center", ncols=5, bbox_to_anchor=(0.5, 1.0), columnspacing=0.9, handletextpad=0.1)
    low, high = left.get_ylim()
    left.set_ylim(low, high * 1.25)
    style.letter(left, "a", "every comparison")
    _sizes(values, dataset)
    _quantiles(right, dataset["whitened"].values)
    style.letter(values, "b", "simulated against exact")
    style.letter(right, "c", "all differences together")
    return figure


def _sizes(axes, dataset):
    ends = [0.7 * np.abs(dataset["exact"]).min(), 1.4 * np.abs(dataset["exact"]).max()]
    axes.plot(ends, ends, color=style.BLACK, linewidth=0.8, zorder=1)
    for claim, series in SERIES.items():
        here = dataset["claim"].values == claim
        exact, value, stderr = (dataset[n].values[here] for n in ("exact", "value", "stderr"))
        style.measured(axes, np.abs(exact), np.abs(value), stderr, series, markersize=2.4)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("exact size $|q|$ (nats, per unit of $t$ for rates)")
    axes.set_ylabel("simulated size $|\\hat q|$")


def _quantiles(axes, z):
    n = len(z)
    rank = np.arange(1, n + 1)
    expected = stats.norm.ppf((rank - 0.5) / n)
    band = stats.norm.ppf(stats.beta.ppf([[0.025], [0.975]], rank, n + 1 - rank))
    axes.fill_between(expected, *band, color="#E0E0E0", linewidth=0, zorder=0)
    axes.plot(expected, expected, color=style.BLACK, linewidth=0.8)
    style.differences(axes, expected, z, style.SERIES[0], markersize=2.4)
    axes.set_xlabel("quantile of a standard normal $\\xi$")
    axes.set_ylabel("difference $z$ (std. errors)")
