"""The results of one run as JSON and as Markdown."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from benchmarks import studies
from benchmarks.contestants import CEILING, OURS


def summary(rows) -> list[dict]:
    """One record a contestant: best and median ns, its time over ours, and whether that is what was asked."""
    ours = next(row for row in rows if row.contestant.name == OURS)
    return [_record(row, ours.ns) for row in rows]


def _record(row, ours):
    c = row.contestant
    record = {"name": c.name, "cores": c.cores, "at_least": c.at_least, "at_most": c.at_most, "note": c.note}
    if row.skipped:
        return record | {"skipped": row.skipped}
    best = float(row.ns.min() / ours.min())
    reached = None
    if c.at_least is not None:
        reached = best >= c.at_least
    elif c.at_most is not None:
        reached = 1 / best <= c.at_most
    return record | {
        "trajectories": row.trajectories,
        "seconds": row.seconds,
        "ns_best": float(row.ns.min()),
        "ns_median": float(np.median(row.ns)),
        "ratio_best": best,
        "ratio_median": float(np.median(row.ns) / np.median(ours)),
        "reached": reached,
        "right": row.right,
        "worst_z": row.worst_z,
    }


def write(results: dict, folder) -> None:
    """benchmark.json, benchmark.md and benchmark.png."""
    from benchmarks.picture import draw

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "benchmark.json").write_text(json.dumps(results, indent=1) + "\n")
    (folder / "benchmark.md").write_text(markdown(results))
    draw(results).savefig(folder / "benchmark.png", dpi=160, metadata={"Software": None})


def number(value: float) -> str:
    """Three digits, without an exponent."""
    return f"{value:.3g}" if value < 1000 else f"{float(f'{value:.3g}'):,.0f}"


def markdown(results: dict) -> str:
    """The whole report."""
    parts = [_heading(results["machine"]), _table(results)]
    sections = (("scaling", _scaling), ("costs", _costs), ("products", _products), ("overhead", _others))
    parts += [make(results) for key, make in sections if results.get(key)]
    return "\n\n".join(parts) + "\n"


def _heading(machine):
    vectors = "AVX-512" if machine["avx512"] else "AVX2, no AVX-512" if machine["avx2"] else "neither AVX2 nor AVX-512"
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items() if version)
    lines = [
        "# Benchmark",
        "",
        "Reverse SDE of two points +-1 under the Ornstein-Uhlenbeck process, 400 Euler-Maruyama steps, float64, mean",
        "and variance at 8 times.  Nanoseconds per trajectory and step: the best round, and the median; one run.",
        "",
        f"{machine['processor']}, {machine['cores']} cores, {vectors}; load {machine['load_before']} before and"
        f" {machine['load_after']} after; {machine['date']}, commit {machine['commit']}.",
        "",
        f"Versions: {versions}.",
    ]
    if machine["load_before"] > 0.5 * machine["cores"]:
        lines += ["", "The machine was busy with other work: compare only the ratios, and with care."]
    if not machine["avx512"]:
        lines += ["", "This processor has no AVX-512: only the ratio to the C++ program is judged."]
    return "\n".join(lines)


def _table(results):
    names = ("contestant", "cores", "trajectories", "ns", "median", "time / ours", "of medians", "asked", "reached")
    lines = [f"| {' | '.join(names)} |", "|" + " --- |" * len(names)]
    for row in results["table"]:
        lines.append(_line(row, results["machine"]["avx512"]))
    wrong = [row["name"] for row in results["table"] if row.get("right") is False]
    verdict = "Every contestant's means and variances lie within five standard errors of the exact law of its steps."
    if wrong:
        verdict = f"WRONG statistics: {', '.join(wrong)}."
    notes = dict.fromkeys(row["note"] for row in results["table"] if row["note"])
    return "\n".join([*lines, "", verdict, *([f"Peers: {', '.join(notes)}."] if notes else [])])


def _line(row, avx512):
    name = f"**{row['name']}**" if row["name"] == OURS else row["name"]
    if "skipped" in row:
        return f"| {name} | {row['cores']} | - | - | - | - | - | {_asked(row)} | skipped: {row['skipped']} |"
    judged = avx512 or row["name"] in (CEILING,) or row["name"].startswith("C++")
    reached = {None: "", True: "yes", False: "no"}[row["reached"]] if judged else "not judged"
    cells = [
        name,
        row["cores"],
        f"{row['trajectories']:,}",
        *(number(row[key]) for key in ("ns_best", "ns_median", "ratio_best", "ratio_median")),
        _asked(row),
        reached,
    ]
    return "| " + " | ".join(map(str, cells)) + " |"


def _asked(row):
    if row["at_least"] is not None:
        return f"at least {row['at_least']:g}"
    if row["at_most"] is not None:
        ours_over_it = f": {1 / row['ratio_best']:.2f}" if "ratio_best" in row else ""
        return f"ours / it at most {row['at_most']:g}{ours_over_it}"
    return ""


def _scaling(results):
    names = list(results["scaling"][0]["ns"])
    lines = ["## Ensemble size (ns per trajectory and step)", "", f"| trajectories | {' | '.join(names)} |"]
    lines.append("|" + " --- |" * (len(names) + 1))
    for row in results["scaling"]:
        cells = [number(row["ns"][name]) for name in names]
        lines.append(f"| {row['trajectories']:,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _costs(results):
    lines = ["## Size of the state (ns per trajectory, step and unit)"]
    for study in results["costs"]:
        sizes, ns = study["sizes"], study["ns_per_unit"]
        rise = studies.flatness(study)
        asked = f"; asked at most {study['flat']:g}: {_yes(rise <= study['flat'])}" if study["flat"] else ""
        wrong = "" if all(right is not False for right in study["right"]) else " WRONG statistics."
        lines += [
            "",
            f"{study['kind']}, {study['name']}: dearest {study['unit']} over the first {rise:.2f}{asked}.{wrong}",
            "",
            f"| {study['unit']}s | {' | '.join(map(str, sizes))} |",
            "|" + " --- |" * (len(sizes) + 1),
            f"| ns | {' | '.join(map(number, ns))} |",
        ]
    return "\n".join(lines)


def _products(results):
    lines = [
        "## Many centres (matrix products, 10^9 multiplications and additions a second)",
        "",
        "| centres | dimensions | simulation | its two products alone, BLAS | fraction | asked | reached |",
        "|" + " --- |" * 7,
    ]
    for row in results["products"]:
        part = row["gflops"] / row["blas_gflops"]
        cells = (row["centres"], row["dim"], number(row["gflops"]), number(row["blas_gflops"]), f"{part:.2f}")
        lines.append(f"| {' | '.join(map(str, cells))} | at least 0.6 | {_yes(part >= 0.6)} |")
    return "\n".join(lines)


def _others(results):
    call, memory, first = results["overhead"], results["memory"], results["first_result"]
    lines = [
        "## A call, memory, first result",
        "",
        "| what | measured | asked | reached |",
        "| --- | --- | --- | --- |",
        f"| call with {call['trajectories']:,} trajectories: all, of which not the loop |"
        f" {call['call_ms']:.1f} ms, {call['overhead_ms']:.1f} ms | | |",
        f"| memory of {memory['trajectories']:,} trajectories x {memory['steps']:,} steps |"
        f" {memory['peak_gb']:.2f} GB in {memory['seconds']:.0f} s | under 1.5 GB | {_yes(memory['peak_gb'] < 1.5)} |",
        f"| first result of a process, empty module cache | {first['cold_s']:.2f} s | under 3 s |"
        f" {_yes(first['cold_s'] < 3)} |",
        f"| the same, warm module cache (imports: {first['imports_s']:.2f} s more) | {first['warm_s']:.2f} s |"
        f" under 0.4 s | {_yes(first['warm_s'] < 0.4)} |",
    ]
    return "\n".join(lines)


def _yes(condition):
    return "yes" if condition else "no"
