r"""U-turns on hierarchical data: the class is lost at once, details bit by bit

    random hierarchy: v = 32 symbols, m = 8 strings of s = 2 for each, L levels; every message p on the right symbol:
    F(p) = [p^s + f (m-1)/(m v-1) (1-p^s)]/[p^s + f (1-p^s)],  f = (m v-1)/(v^s-1);      p* = (m-1)/(v-m)
    U-turn: x_0 -> noise on the leaves -> exact draw from p(x_0|x_t);    P(latent unchanged) = E sum_a P(a|x_t)^2
    ultrametric tree of Gaussian classes: P(ancestor unchanged) = E sum_c P_c(x_t)^2

(a) The mean-field map and its fixed points (filled: stable) with a transition (m = 8) and without (m = 20: noise always
wins). (b) The epsilon process, beliefs blurred alike at all leaves: probability that a latent is unchanged, from exact
posterior draws of whole trees (points) and in mean field (lines); the class falls at the noise at which leaves are
believed with p*, details of lower levels change smoothly. Mean field averages over the grammar (annealed), the points
are of one. (c) Gaussian noise on one-hot leaves: points are U-turns; thin lines join E sum_a P(a|x_t)^2 of the same
strings, another estimate of the same number (Bayes). The beliefs now differ from leaf to leaf: mean field (dotted, for
the class) is wrong, density evolution of the messages (black, for the class; simulated, from pools instead of trees) is
right. (d) The class at growing depth, by density evolution (lines) and by U-turns (points), becomes a step at the
critical noise, here estimated at 32 levels. (e) Four Gaussian classes on a tree, |m_1| = 4, |m_2| = 1, under OU:
points are reverse-SDE U-turns, lines quadrature in three coordinates. (f) Differences: U-turns less Bayes in (b: less
the belief in the truth) and (c), class of (d) less density evolution, (e) less quadrature.

Levels of one string share its noise: chi^2 of (b) and (c) uses the measured correlation of the levels.

Source: Sclocchi, Favero & Wyart 2025 (2402.16991); Cagnetta, Petrini, Tomasini, Favero & Wyart 2024 (2307.02129).
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from analytic import Classes, Diffusion, RandomHierarchy, UltrametricTree, edm, ornstein_uhlenbeck
from analytic.models.partitions import coarse_partition
from analytic.random_hierarchy import one_hot_confidence
from figures import style
from figures.ensembles import times_of
from figures.report import agreement, record, sealed
from physim import experiments, hierarchy, quadrature
from physim.hierarchy import Grammar

STEM = "u_turn_hierarchy"
VOCABULARY, SYNONYMS, LEVELS, DEEP = 32, 8, 8, 32
SHOWN = (0, 3, 6, 8)
DEPTHS = (4, 6, 8)
EPSILON = np.array([0.25, 0.45, 0.55, 0.62, 0.67, 0.7, 0.73, 0.76, 0.8, 0.85, 0.91, 0.98])
NOISE = np.array([-0.6, 0.1, 0.6, 1.0, 1.3, 1.55, 1.75, 1.95, 2.15, 2.35, 2.65, 3.1])  # log-SNR of the leaves
BRANCHING, NORMS, END = (2, 2), (4, 1), 4.5
FIRST, LAST = -4.8, 2.0  # log-SNR of the Gaussian classes
RARE = 10  # changes that must be expected for a difference to be judged
SEED = 20260402


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """U-turns on strings under two kinds of noise and on Gaussian classes, with what is exactly known of each."""
    count = trajectories or (10_000 if quick else 100_000)
    strings, population = (count // 50, 1 << 13) if quick else (count // 32, 1 << 14)
    deep = hierarchy.draw(RandomHierarchy(VOCABULARY, SYNONYMS, 2, DEEP), SEED)
    model, grammar = RandomHierarchy(VOCABULARY, SYNONYMS, 2, LEVELS), Grammar(deep.rules[:LEVELS], SEED)
    data, runs = _maps(model), []
    blurred = experiments.u_turn_hierarchy(grammar, "epsilon", EPSILON, trajectories=strings, seed=SEED + 1)
    sigma = np.exp(-NOISE / 2)
    noisy = experiments.u_turn_hierarchy(grammar, edm(), sigma, trajectories=strings, seed=SEED + 2)
    for name, found in (("blurred", blurred), ("noisy", noisy)):
        runs.append(record(f"U-turns on strings, {name}", seed=SEED + 1 + (name == "noisy"), count=strings))
        for key in ("kept", "kept_stderr", "overlap", "kept_z"):
            data[f"{name}_{key}"] = (("turn", "level"), found[key].values)
    compared = [_joint(blurred, noisy)]
    classes, found, facts = _depths(deep, sigma, noisy, strings, 2 * population)
    data, runs = data | found, runs + facts
    critical = hierarchy.critical_turn(deep, edm(), 0.33, 0.43, population=population, seed=SEED + 40)
    data |= _lines(model, deep, population) | {"critical": ((), critical.others["log_snr"])}
    runs += [record("density evolution", seed=SEED + k, count=population) for k in (40, 41)]
    found, facts = _tree(count, *((10, 300) if quick else (17, 1200)))
    data, runs = data | found, runs + facts
    z = np.concatenate([classes.ravel(), found["tree_z"][1].ravel()])
    what = "classes: at three depths against density evolution, of a Gaussian tree against quadrature"
    compared.append(agreement(z[np.isfinite(z)], what=what))
    point = model.transition
    parameters = {
        "random hierarchy": f"v = {VOCABULARY}, m = {SYNONYMS}, s = 2, one grammar; L = {LEVELS} where not stated",
        "strings per point": strings,
        "p*": f"{point.value}, epsilon = {float(point.others['epsilon']):.4f}",
        "Gaussian leaves": f"class lost at log-SNR = {critical.others['log_snr']:.3f} (t = {critical.text()} of edm), "
        f"mean field {float(data['critical_mean_field'][1]):.3f}",
        "messages in the pools": population,
        "tree": f"branching {BRANCHING}, norms {NORMS}, ornstein_uhlenbeck, {count} U-turns per point",
    }
    coordinates = {"epsilon": ("turn", EPSILON), "noise": ("turn", NOISE)}
    return sealed(xr.Dataset(data, coordinates), STEM, quick, parameters, compared, runs)


def _maps(model):
    """F with and without a transition, and the mean-field lines of the epsilon process."""
    p = np.linspace(1 / VOCABULARY, 1, 200)
    epsilon = np.linspace(0.2, 1, 161)
    profiles = [model.profile(float(model.confidence("epsilon", e))) for e in epsilon]
    other = RandomHierarchy(VOCABULARY, 20)
    return {
        "p": ("belief", p),
        "map": (("which", "belief"), np.array([[float(m.upward(x)) for x in p] for m in (model, other)])),
        "unstable": ((), float(model.transition.value)),
        "critical_epsilon": ((), float(model.transition.others["epsilon"])),
        "epsilon_line": ("blur", epsilon),
        "blurred_line": (("blur", "level"), profiles),
        "critical_mean_field": ((), model.critical_time(edm()).others["log_snr"]),
    }


def _joint(*experiments_):
    """z of the shown levels of all turns with their measured correlation."""
    z, blocks = [], []
    for found in experiments_:
        for k in range(found.sizes["turn"]):
            row = found.kept_z.values[k, SHOWN]
            kept = np.flatnonzero(np.isfinite(row))
            z.append(row[kept])
            blocks.append(found.correlation.values[k][np.ix_(SHOWN, SHOWN)][np.ix_(kept, kept)])
    correlation, start = np.zeros((sum(map(len, z)),) * 2), 0
    for block in blocks:
        correlation[start : start + len(block), start : start + len(block)] = block
        start += len(block)
    return agreement(
        np.concatenate(z),
        correlation,
        what=f"unchanged latents less their posterior probability, levels {SHOWN}, two kinds of noise",
        errors="levels of one turn joint, turns independent",
    )


def _depths(deep, sigma, noisy, strings, population):
    """The class of trees of several depths under Gaussian noise against density evolution at the same noise."""
    kept, stderr, facts = np.empty((len(DEPTHS), len(sigma))), np.empty((len(DEPTHS), len(sigma))), []
    seen = np.empty((len(DEPTHS), len(sigma)), dtype=bool)
    for j, depth in enumerate(DEPTHS):
        found = noisy
        if depth != LEVELS:
            grammar, seed = Grammar(deep.rules[:depth], SEED), SEED + 10 + j
            found = experiments.u_turn_hierarchy(grammar, edm(), sigma, trajectories=strings, seed=seed)
            facts.append(record(f"U-turns on strings of {depth} levels", seed=seed, count=strings))
        kept[j], stderr[j] = found.kept.values[:, depth], found.kept_stderr.values[:, depth]
        seen[j] = np.isfinite(found.kept_z.values[:, depth])
    grammar, pools = Grammar(deep.rules[: max(DEPTHS)], SEED), []
    for k, turn in enumerate(sigma):
        pools.append(hierarchy.density_evolution(grammar, edm(), [turn], population=population, seed=SEED + 20 + k))
        facts.append(record("density evolution", seed=SEED + 20 + k, count=population))
    exact, error = (np.array([d[name].values[0, DEPTHS] for d in pools]).T for name in ("truth", "truth_stderr"))
    z = np.where(seen, (kept - exact) / np.hypot(stderr, error), np.nan)
    dims = ("depth", "turn")
    data = {"class_kept": (dims, kept), "class_stderr": (dims, stderr), "class_z": (dims, z)}
    return z, data, facts


def _lines(model, deep, population):
    """The class by density evolution at every depth, and in mean field, against the log-SNR."""
    ends, steep = (NOISE[0] - 0.1, NOISE[-1] + 0.1), np.linspace(1.1, 2.75, 15 if population < 1 << 14 else 45)
    level = np.concatenate([np.linspace(ends[0], 1.0, 4), steep, np.linspace(2.9, ends[1], 2)])
    evolved = hierarchy.density_evolution(deep, edm(), np.exp(-level / 2), population=population, seed=SEED + 41)
    mean_field = [model.profile(one_hot_confidence(float(np.exp(u)), VOCABULARY))[-1] for u in level]
    return {
        "noise_line": ("curve", level),
        "evolved": (("curve", "depths"), evolved.truth.values),
        "noisy_line": ("curve", mean_field),
    }


def _tree(count, points, steps):
    """Reverse-SDE U-turns of both levels of the tree of Gaussian classes, and the exact values."""
    diffusion = Diffusion(UltrametricTree(BRANCHING, NORMS), ornstein_uhlenbeck())
    level = np.linspace(FIRST, LAST, points)
    turns, until = times_of(diffusion.process, level), float(times_of(diffusion.process, [END])[0])
    partitions = [coarse_partition(BRANCHING, level) for level in (1, 2)]
    forms = {f"same{k}": Classes(diffusion, partition).same for k, partition in enumerate(partitions)}
    exact = quadrature.expectations(diffusion, forms, turns, tolerance=1e-4)
    facts, shape = [], (2, len(turns))
    value, stderr = np.empty(shape), np.empty(shape)
    for k, partition in enumerate(partitions):
        known = {"until": until, "trajectories": count, "steps": steps, "partition": partition}
        found = experiments.u_turn(diffusion, turns, seed=SEED + 60 + 20 * k, **known)
        value[k], stderr[k] = found.kept.values, found.kept_stderr.values
        facts.append(record("U-turns by the reverse SDE", seed=SEED + 60 + 20 * k, count=count))
    true = np.stack([exact[name].values for name in forms])
    dims = ("which_level", "tree")
    data = {"tree_kept": (dims, value), "tree_stderr": (dims, stderr), "tree_exact": (dims, true)}
    rare = count * (1 - true) < RARE
    z = np.divide(value - true, stderr, out=np.full(shape, np.nan), where=~rare)
    return data | {"tree_z": (dims, z), "tree_noise": ("tree", level)}, facts


@style.styled
def draw(dataset: xr.Dataset):
    """Six panels: map, two kinds of noise, depth, Gaussian tree, residuals."""
    figure = style.sheet(style.TWO_COLUMNS, 7.0)
    panels = figure.subplots(3, 2)
    _draw_map(panels[0, 0], dataset)
    _draw_blurred(panels[0, 1], dataset)
    _draw_noisy(panels[1, 0], dataset)
    _draw_depths(panels[1, 1], dataset)
    _draw_tree(panels[2, 0], dataset)
    _draw_residuals(panels[2, 1], dataset)
    words = (
        "belief of a parent, mean field",
        "beliefs blurred alike, $L = 8$",
        "Gaussian noise, $L = 8$",
        "the class becomes a step",
        "Gaussian classes on a tree",
        "simulation less theory",
    )
    for axes, mark, text in zip(panels.flat, "abcdef", words, strict=True):
        style.letter(axes, mark, text)
    return figure


def _draw_map(axes, dataset):
    p, unstable = dataset["p"].values, float(dataset["unstable"])
    axes.plot([0, 1], [0, 1], color=style.GREY, linewidth=0.7)
    for line, series, text in zip(dataset["map"].values, style.SERIES, ("$m = 8$", "$m = 20$"), strict=False):
        style.exact(axes, p, line, series, text)
    chance = 1 / VOCABULARY
    for x, y, look, stable in ((chance, chance, 0, True), (1, 1, 0, True), (unstable, unstable, 0, False)):
        face = style.SERIES[look]["color"] if stable else "white"
        axes.plot(x, y, "o", color=style.SERIES[look]["color"], markerfacecolor=face, markersize=5, zorder=5)
    axes.plot(1, 1, "s", color=style.SERIES[1]["color"], markerfacecolor="none", markersize=8, zorder=5)
    style.critical(axes, unstable, "$p^* = 7/24$", side="right", height=0.12)
    axes.set_xlim(-0.03, 1.05)
    axes.set_ylim(-0.03, 1.06)
    axes.set_xlabel("belief in a child $p$")
    axes.set_ylabel("belief in the parent $F(p)$")
    axes.legend(loc="upper left", title="synonyms")


def _levels():
    names = {0: "leaves, $l = 0$", LEVELS: f"class, $l = {LEVELS}$"}
    return [(k, series, names.get(k, f"$l = {k}$")) for k, series in zip(SHOWN, style.SERIES, strict=True)]


def _draw_blurred(axes, dataset):
    for level, series, text in _levels():
        style.exact(axes, dataset["epsilon_line"], dataset["blurred_line"][:, level], series)
        points = dataset["blurred_kept"][:, level], dataset["blurred_kept_stderr"][:, level]
        style.measured(axes, dataset["epsilon"], *points, series, text)
    style.critical(axes, float(dataset["critical_epsilon"]), "$p = p^*$", side="right", height=0.99)
    axes.set_xlabel("noise $\\epsilon$")
    axes.set_xlim(0.2, 1)
    axes.set_ylim(0, 1.04)
    axes.set_ylabel("unchanged, probability $P_l$")
    axes.legend(loc="lower left")


def _draw_noisy(axes, dataset):
    order = np.argsort(dataset["noise"].values)
    for level, series, _ in _levels():
        thin = {"linewidth": 0.7}
        style.exact(axes, dataset["noise"][order], dataset["noisy_overlap"][order, level], series, **thin)
        points = dataset["noisy_kept"][:, level], dataset["noisy_kept_stderr"][:, level]
        style.measured(axes, dataset["noise"], *points, series)
    line = dataset["noise_line"]
    axes.plot(line, dataset["evolved"][:, LEVELS], color=style.BLACK, zorder=2)
    axes.plot(line, dataset["noisy_line"], ":", color=style.GREY, zorder=2)
    style.critical(axes, float(dataset["critical_mean_field"]), "$p = p^*$", height=0.99)
    style.critical(axes, float(dataset["critical"]), "class lost", side="right", height=0.13)
    axes.text(1.15, 0.72, "class,\nmean field", ha="right", color=style.GREY, fontsize=7)
    axes.text(2.1, 0.42, "class, density\nevolution", fontsize=7)
    axes.set_ylim(0, 1.04)
    axes.set_ylabel("unchanged, probability $P_l$")
    _log_snr(axes, line)


def _log_snr(axes, line):
    axes.set_xlim(float(line[0]), float(line[-1]))
    axes.set_xlabel("log-SNR  $-2\\log\\sigma$     generation $\\rightarrow$")


def _draw_depths(axes, dataset):
    line = dataset["noise_line"]
    for j, depth in enumerate((*DEPTHS, DEEP)):
        series = style.SERIES[j]
        style.exact(axes, line, dataset["evolved"][:, depth], series, None if depth in DEPTHS else f"$L = {depth}$")
        if depth in DEPTHS:
            points = dataset["class_kept"][j], dataset["class_stderr"][j]
            style.measured(axes, dataset["noise"], *points, series, f"$L = {depth}$")
    style.critical(axes, float(dataset["critical"]), "class lost", side="right", height=0.13)
    axes.set_ylim(0, 1.04)
    axes.set_ylabel("class unchanged, probability $P_L$")
    handles, labels = axes.get_legend_handles_labels()
    axes.legend([*handles[1:], handles[0]], [*labels[1:], labels[0]], loc="upper left", title="depth")
    _log_snr(axes, line)


def _draw_tree(axes, dataset):
    for k, text in enumerate(("ancestor, 2 groups", "leaf, 4 classes")):
        series = style.SERIES[k]
        style.exact(axes, dataset["tree_noise"], dataset["tree_exact"][k], series)
        style.measured(axes, dataset["tree_noise"], dataset["tree_kept"][k], dataset["tree_stderr"][k], series, text)
    axes.set_ylim(0.2, 1.04)
    axes.set_xlabel("log-SNR  $\\log(\\alpha^2/\\sigma^2)$     generation $\\rightarrow$")
    axes.set_ylabel("unchanged, probability $\\phi$")
    axes.legend(loc="lower right")


def _draw_residuals(axes, dataset):
    groups = (
        (dataset["blurred_kept"][:, list(SHOWN)], dataset["blurred_kept_z"][:, list(SHOWN)], "panel b"),
        (dataset["noisy_kept"][:, list(SHOWN)], dataset["noisy_kept_z"][:, list(SHOWN)], "panel c"),
        (dataset["class_kept"], dataset["class_z"], "panel d"),
        (dataset["tree_kept"], dataset["tree_z"], "panel e"),
    )
    for (kept, z, text), series in zip(groups, style.SERIES, strict=True):
        style.differences(axes, kept.values.ravel(), z.values.ravel(), series, label=text)
    style.residuals(axes, np.concatenate([z.values.ravel() for _, z, _ in groups]))
    axes.set_ylim(axes.get_ylim()[0], axes.get_ylim()[1] * 1.35)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("unchanged, probability $P$")
    axes.legend(loc="upper center", ncols=4, handletextpad=0.1, columnspacing=0.8)
