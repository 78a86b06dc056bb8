r"""Every quantity of the information dynamics, exact and simulated side by side; and the same of a score function.

    bandwidth, divergence, score, snr      four estimators of dH[x_0|x_t]/dt
    marginal_entropy, marginal_rate        H[x_t], dH[x_t]/dt
    mutual_information                     I(x_0; x_t)
    production, flow, point_production     entropy production, flow to the bath, E_{x0} production started at x_0
    free_energy                            KL(p_t || N(0, I))
    class_entropy, class_variance          mean and variance of h_c(x) = H[c|x_t=x]
    class_rate, same_class                 dH[c|x_t]/dt, probability that two clones end in one class

The exact side is quadrature under p_t (averages over exact draws, with their error, beyond three coordinates); the
simulated side averages the same observables over trajectories of the reverse SDE.
"""

from __future__ import annotations

import numpy as np

from physim.checks import whole
from physim.ensemble import simulate
from physim.score_equations import schedule


def information_dynamics(
    diffusion, grid, *, trajectories, seed, partition=None, parameters=None, record=None, **options
):
    """Exact and simulated information dynamics of a diffusion along a grid.

    Parameters
    ----------
    diffusion : analytic Diffusion.  grid : as in `simulate`.  trajectories, seed : of the reverse SDE.
    partition : groups of component numbers (None: every component is a class).
    parameters, record, options : as in `simulate` (scheme, threads, ...).

    Returns
    -------
    xarray.Dataset over `time`: for each quantity of the module's list `name` and `name_stderr` (simulated),
    `name_exact` and `name_exact_error`, and `name_z`, their difference in joint standard errors (nan where nothing
    fluctuates); class quantities only where there are classes.  Provenance in attrs.

    Raises
    ------
    ValueError for a partition that is none, and as `simulate`.

    Errors made: statistical as stated, and the bias of the step (see step_bias of `simulate`).
    """
    observe = quantities(diffusion, partition)
    run = simulate(
        diffusion.reverse(),
        trajectories=trajectories,
        grid=grid,
        seed=seed,
        observe=observe,
        parameters=parameters,
        record=record,
        **options,
    )
    exact, error = _exact(diffusion, observe, run.time.values, parameters, trajectories, seed)
    found = {name: (run[f"{name}_mean"].values, run[f"{name}_mean_stderr"].values) for name in observe}
    if "class_entropy" in observe:
        found["class_variance"] = run["class_entropy_var"].values, run["class_entropy_var_stderr"].values
    return _side_by_side(found, exact, error, run)


def quantities(diffusion, partition=None) -> dict:
    """The integrands of every quantity (all but class_variance, the variance of class_entropy), by name."""
    from analytic import information, thermodynamics

    classes = information.Classes(diffusion, partition)
    out = dict(information.entropy_rates(diffusion))
    out |= {
        "marginal_entropy": information.marginal_entropy(diffusion),
        "marginal_rate": information.marginal_entropy_rates(diffusion)["score"],
        "mutual_information": information.mutual_information(diffusion),
        "production": thermodynamics.entropy_production(diffusion),
        "flow": thermodynamics.entropy_flow(diffusion),
        "point_production": thermodynamics.production_of_points(diffusion),
        "free_energy": thermodynamics.free_energy(diffusion),
    }
    if len(classes.partition) > 1:
        out |= {"class_entropy": classes.entropy, "class_rate": classes.bandwidth, "same_class": classes.same}
    return out


def _exact(diffusion, observe, times, parameters, samples, seed):
    """Values and errors by name, class_variance included: by quadrature, or over exact draws in many coordinates."""
    from physim import quadrature

    forms = dict(observe)
    if "class_entropy" in observe:
        forms["square"] = observe["class_entropy"] ** 2
    if len(diffusion.state) in quadrature.NODES:
        found, word = quadrature.expectations(diffusion, forms, times, parameters, 1e-9), "error"
    else:
        found = quadrature.sampled(diffusion, forms, times, parameters, samples=samples, seed=seed + 1)
        word = "stderr"
    values = {name: found[name].values for name in forms}
    errors = {name: found[f"{name}_{word}"].values for name in forms}
    if "square" in forms:
        mean, square = values["class_entropy"], values.pop("square")
        values["class_variance"] = square - mean**2
        errors["class_variance"] = errors.pop("square") + 2 * mean * errors["class_entropy"]
    return values, errors


def _side_by_side(found, exact, error, run):
    import xarray as xr

    data = {}
    for name, (value, stderr) in found.items():
        joint = np.hypot(stderr, error[name])
        scale = np.maximum(np.abs(exact[name]), 1e-300)
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.where(stderr > 1e-12 * scale, (value - exact[name]) / joint, np.nan)
        parts = {"": value, "_stderr": stderr, "_exact": exact[name], "_exact_error": error[name], "_z": z}
        data |= {f"{name}{suffix}": ("time", values) for suffix, values in parts.items()}
    return xr.Dataset(data, {"time": run.time}, run.attrs)


def information_of_score(score, process, data, times, *, seed, probes: int = 1, step: float = 1e-3):
    """Three estimates of dH[x_0|x_t]/dt and the entropy production of a score function, from samples of the data.

    x_t = alpha x_0 + sigma eps is drawn from the forward process.  For the true score the three agree; for a trained
    one their differences are its error: snr - score = (g2/2) E|s - s_true|^2, divergence - score has mean zero only
    if E[s . (s - s_true)] = E[div s + s . s_true] does.

    Parameters
    ----------
    score : callable (x, t) -> s of shape (n, D) for x of shape (n, D) and a float t: grad log p_t, e.g. a network.
    process : analytic ForwardProcess.  data : array (n, D) of samples x_0.  times : forward times.
    seed : whole number.  probes : random directions per sample of the Hutchinson estimate of div s.
    step : of its central difference along a direction, in units of sigma.

    Returns
    -------
    xarray.Dataset over `time`: divergence, score, snr, production, each with `_stderr`, and score_norm = E|s|^2.

    Raises
    ------
    ValueError when data or the score's values have the wrong shape or are not finite.
    """
    import xarray as xr

    data = np.asarray(data, dtype=float)
    if data.ndim != 2 or len(data) < 2 or not np.all(np.isfinite(data)):
        raise ValueError(f"data: shape {data.shape} given; finite samples (n, D) with n >= 2 are needed")
    whole("probes", probes, 1)
    rng = np.random.default_rng(seed)
    times = np.atleast_1d(np.asarray(times, dtype=float))
    rows = [_of_score(score, schedule(process, u), data, float(u), rng, probes, step) for u in times]
    out = {}
    for name in rows[0]:
        out[name] = ("time", [row[name].mean() for row in rows])
        out[f"{name}_stderr"] = ("time", [row[name].std(ddof=1) / np.sqrt(len(data)) for row in rows])
    return xr.Dataset(out, {"time": times})


def estimators_of_score(score, process, *, seed, probes: int = 1, step: float = 1e-3) -> dict:
    """The same estimates, without the data's: functions to observe while `generate` runs with the score.

    Returns
    -------
    dict from divergence, score, production and score_norm to callables (x, t) -> (n,), whose means over generated x_t
    are the rates of the generated ensemble; for a wrong score they differ from those of the data.
    """
    whole("probes", probes, 1)
    rng = np.random.default_rng(seed)
    last: dict = {}

    def estimate(name, x, time):
        if last.get("x") is not x or last["time"] != time:
            found = _estimates(score, schedule(process, time), x.reshape(len(x), -1), time, rng, probes, step)
            last.update(x=x, time=time, found=found)
        return last["found"][name]

    names = ("divergence", "score", "production", "score_norm")
    return {name: (lambda x, t, name=name: estimate(name, x, t)) for name in names}


def _of_score(score, known, data, time, rng, probes, step):
    """Contributions of every sample to each estimate at one time."""
    alpha, sigma, _, g2 = known
    x = alpha * data + sigma * rng.standard_normal(data.shape)
    error = np.sum(((x + sigma**2 * _values(score, x, time)) / alpha - data) ** 2, axis=1)
    return _estimates(score, known, x, time, rng, probes, step) | {"snr": g2 * alpha**2 / (2 * sigma**4) * error}


def _estimates(score, known, x, time, rng, probes, step):
    """What a score says by itself at states x (n, D)."""
    _, sigma, f, g2 = known
    s, divergence, dim = _values(score, x, time), np.zeros(len(x)), x.shape[1]
    for _ in range(probes):
        direction = rng.choice([-1.0, 1.0], size=x.shape)
        ahead, behind = (_values(score, x + k * step * sigma * direction, time) for k in (1, -1))
        divergence += np.sum(direction * (ahead - behind), axis=1) / (2 * step * sigma) / probes
    square, velocity = np.sum(s**2, axis=1), f * x - g2 / 2 * s
    return {
        "divergence": g2 / 2 * (dim / sigma**2 + divergence),
        "score": g2 / 2 * (dim / sigma**2 - square),
        "production": 2 / g2 * np.sum(velocity**2, axis=1),
        "score_norm": square,
    }


def _values(score, x, time):
    """The score's values at a batch, checked."""
    s = np.asarray(score(x, time), dtype=float)
    if s.shape != x.shape:
        raise ValueError(f"score: returned shape {s.shape} for a batch of shape {x.shape}; the same shape is needed")
    bad = ~np.all(np.isfinite(s), axis=1)
    if bad.any():
        raise ValueError(
            f"score: {np.count_nonzero(bad)} of {len(s)} values at t = {time:g} are not finite, the first at x = "
            f"{np.array2string(x[np.argmax(bad)][:4], precision=4)}; check the score there or narrow the times"
        )
    return s
