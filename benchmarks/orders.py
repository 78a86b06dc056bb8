"""`python -m benchmarks.orders [--quick] [--out DIR]`: the convergence study of every scheme as a table and a picture.

The physics is that of the figure `integrator_orders`; nothing is measured here.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np

from benchmarks import machine
from physim.schemes import SCHEMES

RESULTS = Path(__file__).parent / "results"
COLUMNS = ("scheme", "noise", "strong: stated", "measured", "weak: stated", "measured", "source")


def main(arguments=None) -> int:
    """Compute, write orders.md and orders.png; 1 when a measured order is five standard errors off."""
    from figures import integrator_orders

    parser = argparse.ArgumentParser(prog="python -m benchmarks.orders", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller ensembles, larger error bars; only printed")
    parser.add_argument("--out", type=Path, help=f"folder of the report (default {RESULTS.name}/ beside this file)")
    options = parser.parse_args(arguments)
    facts = machine.facts()
    dataset = integrator_orders.compute(options.quick)
    text = markdown(dataset, facts | {"load_after": round(os.getloadavg()[0], 2)})
    if options.out or not options.quick:
        folder = options.out or RESULTS
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "orders.md").write_text(text)
        integrator_orders.draw(dataset).savefig(folder / "orders.png", dpi=160, metadata={"Software": None})
    print(text)
    return int(worst(dataset) > 5)


def worst(dataset) -> float:
    """Largest deviation from what was stated, in standard errors."""
    values = [np.abs(dataset[name].values) for name in ("strong_z", "weak_z", "law_z")]
    return float(max(np.nanmax(v) for v in values if np.isfinite(v).any()))


def rows(dataset) -> list[tuple]:
    """One row a scheme and class of noise; exact schemes last."""
    table = []
    for i in range(dataset.sizes["case"]):
        case = dataset.isel(case=i)
        orders = [
            cell for kind in ("strong", "weak") for cell in (f"{float(case[f'{kind}_stated']):g}", _order(case, kind))
        ]
        table.append((str(case["name"].values), str(case["family"].values), *orders, str(case["source"].values)))
    for scheme in dict.fromkeys(dataset["law_scheme"].values.tolist()):
        z = dataset["law_z"].values[dataset["law_scheme"].values == scheme]
        note = f"largest of {len(z)} deviations {np.abs(z).max():.1f} std. errors"
        table.append((scheme, SCHEMES[scheme].noise, "exact", "-", "exact", note, SCHEMES[scheme].source))
    return table


def _order(case, kind):
    if not np.isfinite(case[f"{kind}_z"]):
        return "not resolved"
    order, stderr, coarsest = (float(case[f"{kind}_fit_{k}"]) for k in ("order", "stderr", "coarsest"))
    return f"{order:.3f} +- {stderr:.3f} (n >= {1 / coarsest:.0f})"


def markdown(dataset, facts) -> str:
    """The whole report."""
    known = json.loads(dataset.attrs["parameters"])
    z = np.concatenate([dataset["strong_z"].values, dataset["weak_z"].values])
    lines = [
        "# Orders of convergence",
        "",
        "Root mean square difference (strong) and difference of a mean (weak) of n and 2 n steps on one Brownian path,",
        f"n = {known['n']}; {known['trajectories per point']} trajectories per",
        "point. The order is that of the law A h^p (1 + B h), fitted for n from the value in brackets on; +- is one",
        "standard error. Not resolved: the law fits no four points, or the order is known to worse than 0.3.",
        "",
        f"| {' | '.join(COLUMNS)} |",
        "|" + " --- |" * len(COLUMNS),
        *(f"| {' | '.join(row)} |" for row in rows(dataset)),
        "",
        f"{np.isfinite(z).sum()} orders resolved, {np.isnan(z).sum()} not; largest deviation from a stated order"
        f" {np.nanmax(np.abs(z)):.1f} standard errors, of the exact laws {np.abs(dataset['law_z'].values).max():.1f}.",
        "",
        f"{facts['processor']}, {facts['cores']} cores; load {facts['load_before']} before and"
        f" {facts['load_after']} after; {facts['date']}, commit {facts['commit']}.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
