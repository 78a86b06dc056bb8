r"""The validation table: every claim of the founding paper, exact and simulated, over models and processes.

    A   the rate of conditional entropy production is set by the expected divergence of the score
        bandwidth, divergence, score, snr (four forms of dH[x_0|x_t]/dt), marginal_rate = dH[x_t]/dt
    B   the divergence is the branching of trajectories
        growth = int tr R ds, the log-volume of a bundle of paths on common noise
    C   decisions show in the pathwise conditional entropy
        class_entropy, class_variance = Var h, class_rate, same_class (two clones)
    D   the score filters: gain_square = E tr G^2, G = alpha^2 C/sigma^2; noise_square = E|noise of dh|^2 (identity 6)
    E   information is excess dissipation
        production, flow, point_production, free_energy

Each pair of a model and a process is one run of the reverse SDE with a seed of its own; at its last time every
quantity is an average over trajectories with a standard error, and an integral under p_t with an error bound.  Over
pairs the differences in standard errors of one quantity are independent and must be standard normal; all quantities of
a claim are judged by their joint covariance within each run.

Source: Stancevic & Ambrogioni 2026 (2508.19897).
"""

from __future__ import annotations

import numpy as np

CLAIMS = {
    "A": ("bandwidth", "divergence", "score", "snr", "marginal_rate"),
    "B": ("growth",),
    "C": ("class_entropy", "class_variance", "class_rate", "same_class"),
    "D": ("gain_square", "noise_square"),
    "E": ("production", "flow", "point_production", "free_energy"),
}
START = -6.0  # log-SNR at which runs start
LEVELS = (-1.0, 0.0, 1.0)  # log-SNR at which they end, by turns
STEPS = 300
RANK = 1e-6  # smallest eigenvalue of a correlation that counts as a direction of its own


def models() -> dict:
    """The models of the table, by name."""
    import analytic as an

    return {
        "pair in 7 dimensions": an.SymmetricPair(1.5, 0.3, 0.7, 7),
        "three components": an.GaussianMixture((-2, 0.5, 2), [0.1, 0.2, 0.05], (0.3, 0.3, 0.4)),
        "equal means in 6 dimensions": an.EqualMeans([1, 0.04], [0.3, 0.7], 6),
        "correlated pair": an.GaussianMixture(
            ((1, 0.5), (-1, 0)), [[[0.5, 0.2], [0.2, 0.3]], [[0.2, 0], [0, 0.4]]], (0.4, 0.6)
        ),
        "nested pairs": an.NestedPairs((2, 0.6), 0.05, 4),
        "linear manifold": an.LinearManifold(5, 2, 0.8, 0.01),
        "sphere in 5 dimensions": an.Hypersphere(5, 1.5),
    }


def processes() -> dict:
    """The processes of the table, by name."""
    import analytic as an

    made = (an.ornstein_uhlenbeck(), an.vp_linear(), an.vp_cosine(), an.edm(), an.flow_matching())
    return {process.name: process for process in made}


def validate(
    only_models=None, only_processes=None, *, trajectories: int = 20_000, seed: int = 0, progress: bool = False
):
    """Simulate every pair of a model and a process and compare each quantity of the claims with its exact value.

    Parameters
    ----------
    only_models, only_processes : names of `models()` and `processes()`; None for all.
    trajectories : of each run, at least 100.  seed : of the first run, one more for each other.

    Returns
    -------
    xarray.Dataset over `row` (claim, quantity, model, process as coordinates): value, stderr, exact, error (bound of
    the quadrature), z; over (`pair`, `quantity`, `other`): correlation of the estimates within a run.

    Raises
    ------
    ValueError for an unknown name, fewer than 100 trajectories or a seed that is none.

    Errors made: statistical as stated; a step bias of second order in 300 steps equal in log-SNR.
    """
    import xarray as xr

    from physim.checks import whole
    from physim.progress import Progress

    pairs = [(m, p) for m in _named(models(), only_models, "models") for p in _named(processes(), only_processes, "p")]
    whole("trajectories", trajectories, 100)
    whole("seed", seed, 0)
    names = [q for quantities in CLAIMS.values() for q in quantities]
    claim = {q: c for c, quantities in CLAIMS.items() for q in quantities}
    rows, correlations = [], np.full((len(pairs), len(names), len(names)), np.nan)
    with Progress(len(pairs), "validating", progress) as bar:
        for k, (model, process) in enumerate(pairs):
            found, matrix = _compare(
                models()[model], processes()[process], LEVELS[k % len(LEVELS)], trajectories, seed + k
            )
            place = [names.index(q) for q in found]
            correlations[k][np.ix_(place, place)] = matrix
            rows += [(claim[q], q, model, process, *numbers) for q, numbers in found.items()]
            bar.advance()
    columns = list(zip(*rows, strict=True))
    data: dict = {
        n: ("row", np.array(v, dtype=float))
        for n, v in zip(("value", "stderr", "exact", "error"), columns[4:], strict=True)
    }
    joint = np.hypot(data["stderr"][1], data["error"][1])
    data["z"] = "row", (data["value"][1] - data["exact"][1]) / joint
    data["correlation"] = ("pair", "quantity_name", "other"), correlations
    labels = {n: ("row", list(v)) for n, v in zip(("claim", "quantity", "model", "process"), columns[:4], strict=True)}
    places = {"quantity_name": names, "other": names, "pair": [f"{m}, {p}" for m, p in pairs]}
    return xr.Dataset(data, labels | places, {"trajectories": trajectories, "seed": seed})


def summary(table) -> list[dict]:
    """For each quantity of a table: claim, points, largest |z|, chi^2/points and the p-value of chi^2."""
    from scipy.stats import chi2

    out = []
    for claim, quantities in CLAIMS.items():
        for name in quantities:
            z = table.z.values[table.quantity.values == name]
            if len(z):
                square = float(z @ z)
                found = {"points": len(z), "max_abs_z": float(np.abs(z).max()), "chi2_per_dof": square / len(z)}
                out.append({"claim": claim, "quantity": name, **found, "p_value": float(chi2.sf(square, len(z)))})
    return out


def independent(table, claims) -> np.ndarray:
    """The z of some claims turned into independent ones: along the eigenvectors of their correlation in each run.

    Quantities that are one number by an identity at each point (bandwidth and divergence) count once.
    """
    out = []
    label = [f"{m}, {p}" for m, p in zip(table.model.values, table.process.values, strict=True)]
    for pair in table["pair"].values:
        here = [i for i, name in enumerate(label) if name == pair and table.claim.values[i] in claims]
        names = [str(table.quantity.values[i]) for i in here]
        if not names:
            continue
        matrix = table.correlation.sel(pair=pair, quantity_name=names, other=names).values
        values, vectors = np.linalg.eigh(matrix)
        kept = values > RANK * values.max()
        out.append((vectors.T @ table.z.values[here])[kept] / np.sqrt(values[kept]))
    return np.concatenate(out) if out else np.empty(0)


def _named(known, wanted, argument):
    names = list(known) if wanted is None else list(wanted)
    strange = [n for n in names if n not in known]
    if strange or not names:
        what = {"p": "processes"}.get(argument, argument)
        raise ValueError(f"{what}: {strange[0] if strange else 'none'} is unknown; allowed are {', '.join(known)}")
    return names


def _observed(diffusion):
    """Integrands of every quantity but growth and class_variance."""
    from analytic import branching, information
    from physim.information import quantities

    known = quantities(diffusion)
    wanted = [q for group in CLAIMS.values() for q in group]
    observe = {q: known[q] for q in wanted if q in known}
    if not diffusion.model.radial:
        gain = branching.filter_gain(diffusion)
        observe["gain_square"] = (gain * gain).trace()
    if "class_entropy" in observe and not diffusion.model.radial:
        observe["noise_square"] = information.variance_law(information.Classes(diffusion))["noise_square"]
    return observe


def _compare(model, process, level, trajectories, seed):
    """{quantity: (value, stderr, exact, error)} at one time, and the correlation of the estimates."""
    from analytic import Diffusion, branching
    from physim.ensemble import simulate
    from physim.grids import uniform_log_snr
    from physim.kernels.scalars import times_at
    from physim.quadrature import expectations

    diffusion = Diffusion(model, process)
    start, stop = times_at(process, [START, level])
    observe = _observed(diffusion)
    forms = dict(observe)
    if "class_entropy" in forms:
        forms["square"] = forms["class_entropy"] ** 2
    found = expectations(diffusion, forms, [stop], None, 1e-9)
    exact = {q: float(found[q][0]) for q in forms}
    error = {q: float(found[f"{q}_error"][0]) for q in forms}
    if "class_entropy" in observe:
        mean = exact["class_entropy"]
        observe["class_variance"] = (forms["class_entropy"] - mean) ** 2
        exact["class_variance"] = exact["square"] - mean**2
        error["class_variance"] = error["square"] + 2 * mean * error["class_entropy"]
    if not model.radial:
        observe["growth"] = branching.growth_exponent(diffusion)
        exact["growth"], error["growth"] = _growth(diffusion, level)
    run = simulate(
        diffusion.reverse(),
        trajectories=trajectories,
        grid=uniform_log_snr(process, stop, start, STEPS),
        seed=seed,
        scheme="stochastic_heun",
        observe=observe,
        record=1,
        covariances=True,
        progress=False,
    ).isel(time=-1)
    value, stderr = ({q: float(run[f"{q}_mean{end}"]) for q in observe} for end in ("", "_stderr"))
    kept = [q for q in observe if stderr[q] > 1e-12 * max(abs(exact[q]), 1e-300)]
    return {q: (value[q], stderr[q], exact[q], error[q]) for q in kept}, _correlation(run, kept)


def _correlation(run, names):
    deviation = [np.sqrt(float(run[f"{q}_var"])) for q in names]
    matrix = np.eye(len(names))
    for j, a in enumerate(names):
        for k, b in enumerate(names[:j]):
            key = f"{a}_{b}_cov" if f"{a}_{b}_cov" in run else f"{b}_{a}_cov"
            matrix[j, k] = matrix[k, j] = float(run[key]) / (deviation[j] * deviation[k])
    return matrix


def _growth(diffusion, level):
    """int E tr R ds = int E tr R (sigma^2/g2) d log-SNR from START, by Gauss-Legendre; error: less half the nodes."""
    from analytic.branching import separation_rate
    from physim.kernels.scalars import schedule_at, times_at
    from physim.quadrature import expectations

    totals = []
    for count in (32, 16):
        nodes, weights = np.polynomial.legendre.leggauss(count)
        times = times_at(diffusion.process, START + (level - START) * (nodes + 1) / 2)
        rate = expectations(diffusion, {"rate": separation_rate(diffusion).trace()}, times, None, 1e-9).rate.values
        clock = [s[1] ** 2 / s[3] for s in (schedule_at(diffusion.process, u) for u in times)]
        totals.append((level - START) / 2 * float(weights @ (rate * clock)))
    return totals[0], abs(totals[0] - totals[1])
