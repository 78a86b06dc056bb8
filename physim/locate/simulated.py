r"""Where a diffusion decides, from simulated trajectories alone, beside what is exact.

    clones             phi = P(two clones of x_t end in one class) passes halfway between chance and certainty,
                       (1 + sum_c w_c^2)/2; for two equal classes also 0.7752, which is Lambda = 1
    entropy_rate       peak of |dH[c|x_t]/d log-SNR| = E b_c |dt/d log-SNR|, b_c the class bandwidth
    entropy_variance   peak of Var H[c|x_t]

The clones of each start are independent of those of the others.  The two peaks come from one ensemble of the reverse
SDE, whose values at neighbouring times hang together: the standard error is a jackknife over 40 independent groups of
trajectories, in each of which the whole curve is left out.

Sources: Biroli, Bonnaire, de Bortoli & Mezard 2024 (2402.18491); Stancevic & Ambrogioni 2026 (2508.19897).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from analytic.evaluate import evaluate
from analytic.transition import Transition, Transitions
from physim.locate.curves import crossing, peak

GROUPS, RECORDS, STEPS = 40, 140, 560
TOP = 0.8  # share of the height that a peak is fitted to: times hang together, more of them add bias and little else
STARTS, REACH = 15, 2.5
LENIENT = 0.3
FEWEST = 2000
UNIT = 0.7752002  # phi at Lambda = 1


def simulated_landmarks(diffusion, values=None, *, low=-6.0, high=6.0, trajectories=20_000, seed=0, threads=None):
    """Clone half point, Lambda = 1, and the peaks of the class entropy's rate and variance, simulated.

    Parameters
    ----------
    diffusion : analytic Diffusion with at least two components.  values : dict from name to number for its symbols.
    low, high : range of the log-SNR.  trajectories : of the ensemble and pairs of clones at each of 15 starts, at least
        2000; rounded up to a multiple of 40.  seed, threads : as in `simulate`.

    Returns
    -------
    Transitions in log_snr, others: `t`, and `exact` where quadrature knows the place.  Status and sentence where there
    is none in the range.

    Raises
    ------
    ValueError for fewer trajectories, an empty range, one class, or missing values.

    Errors made: statistical as stated; the step (560 of equal log-SNR over the range) moves the places by less than
    1e-2; the cubic spline through exact values by less than 1e-3.
    """
    if not low < high:
        raise ValueError(f"low, high: {low:g} to {high:g} is no range of the log-SNR; low < high is needed")
    classes = checked(diffusion, trajectories)
    count = -(-trajectories // GROUPS) * GROUPS
    options = {"parameters": values, "seed": seed, "threads": threads, "progress": False}
    curves = _Curves(diffusion, classes, low, high, count, options)
    rows = [curves.peak(name) for name in ("entropy_rate", "entropy_variance")]
    return Transitions([*_clones(diffusion, curves, count, options), *rows])


def checked(diffusion, trajectories):
    """The classes of a diffusion; ValueError for one class, or too few trajectories."""
    from analytic.information import Classes

    if trajectories < FEWEST:
        raise ValueError(f"trajectories: {trajectories} given; at least {FEWEST} are needed to locate anything")
    classes = Classes(diffusion, None)
    if len(classes.partition) < 2:
        raise ValueError(f"model: {type(diffusion.model).__name__} has one class here; nothing is decided")
    return classes


class _Curves:
    """One ensemble of the reverse SDE over the range, in independent groups."""

    def __init__(self, diffusion, classes, low, high, count, options):
        from physim.ensemble import simulate
        from physim.grids import uniform_log_snr
        from physim.kernels.scalars import schedule_at, times_at

        self.process, self.values, self.priors = diffusion.process, options["parameters"], classes.prior
        ends = sorted(float(times_at(diffusion.process, [u])[0]) for u in (low, high))
        observe = {"h": classes.entropy, "b": classes.bandwidth, "same": classes.same}
        grid = uniform_log_snr(diffusion.process, *ends, STEPS)
        run = simulate(
            diffusion.reverse(),
            trajectories=count,
            grid=grid,
            observe=observe,
            record=STEPS // (STEPS // RECORDS),
            batches=GROUPS,
            **options,
        )
        time = run.time.values
        alpha, sigma, _, g2 = np.array([schedule_at(diffusion.process, float(u)) for u in time]).T
        self.levels = 2 * np.log(alpha / sigma)
        stretch = sigma**2 / g2  # |dt/d log-SNR|
        self.groups = {
            "entropy_rate": run["b_batch_mean"].values * stretch,
            "entropy_variance": run["h_batch_var"].values,
        }
        self.same = run["same_mean"].values
        exact = _expected(diffusion, observe, time, self.values)
        self.exact = (
            {}
            if exact is None
            else {
                "entropy_rate": exact["b"] * stretch,
                "entropy_variance": exact["square"] - exact["h"] ** 2,
            }
        )

    def peak(self, name) -> Transition:
        """The peak of all groups together; its error from leaving out one group after the other."""
        rows = self.groups[name]
        count = len(rows)
        error = rows.std(0, ddof=1) / np.sqrt(count)
        inside = error > 1e-9 * error.max()

        def located(curve):  # whether the top is sharp enough is for the jackknife to say: LENIENT
            known = {"object": name, "parameter": "log_snr", "share": TOP}
            return peak(self.levels[inside], curve[inside], LENIENT * error[inside], **known)

        found = located(rows.mean(0))
        if not found.found:
            return replace(found, method="trajectories")
        left = [located((rows.sum(0) - row) / (count - 1)) for row in rows]
        places = np.array([p.value for p in left if p.found])
        stderr = float(np.sqrt((count - 1) * places.var())) if len(places) == count else np.inf
        if not stderr < (found.bracket[1] - found.bracket[0]) / 4:
            reason = "the peak moves too far with single groups of trajectories; take more of them"
            return Transition("peak", name, "log_snr", status="unresolved", method="trajectories", reason=reason)
        found = replace(found, stderr=stderr, status="estimated", reason="", method="trajectories")
        return self.placed(found, self.top(name))

    def top(self, name):
        """Where the exact curve is largest, or None."""
        from scipy.interpolate import CubicSpline

        if name not in self.exact:
            return None
        spline = CubicSpline(self.levels, self.exact[name])
        roots = [r for r in spline.derivative().roots(extrapolate=False) if spline(r, 2) < 0]
        return float(max(roots, key=spline)) if roots else None

    def placed(self, found, exact):
        """The same with its forward time, and the exact place, beside it."""
        from physim.kernels.scalars import times_at

        if not found.found:
            return found
        others = {"t": float(times_at(self.process, [found.value])[0])}
        return replace(found, others=others | ({} if exact is None else {"exact": exact}))


def _expected(diffusion, observe, times, values):
    """Exact means by quadrature, or None in too many coordinates."""
    from physim import quadrature

    if len(diffusion.state) not in quadrature.NODES:
        return None
    forms = {name: 1 + form for name, form in observe.items()} | {"square": 1 + observe["h"] ** 2}
    found = quadrature.expectations(diffusion, forms, times, values, 1e-9)
    return {name: found[name].values - 1 for name in forms}


def _clones(diffusion, curves, count, options):
    """Crossings of the clone curve."""
    from scipy.interpolate import CubicSpline

    from physim.experiments import clones
    from physim.kernels.scalars import times_at

    chance = [float(evaluate(w, options["parameters"], 15)) for w in curves.priors]
    levels = {"clone_half_point": (1 + sum(w**2 for w in chance)) / 2}
    if len(chance) == 2 and abs(chance[0] - 0.5) < 1e-12:
        levels["unit_separation"] = UNIT
    middle = curves.levels[int(np.argmin(np.abs(curves.same - levels["clone_half_point"])))]
    low, high = max(curves.levels[0] + 0.1, middle - REACH), min(curves.levels[-1] - 0.1, middle + REACH)
    places = np.linspace(low, high, STARTS)
    starts = [float(u) for u in times_at(curves.process, places)]
    until = float(times_at(curves.process, [curves.levels[-1]])[0])
    run = clones(diffusion, starts, until=until, trajectories=count, **(options | {"seed": options["seed"] + 1}))
    exact, rows = CubicSpline(places, run.same_exact.values), []
    for name, level in levels.items():
        found = crossing(places, run.same.values, run.same_stderr.values, level, object=name, parameter="log_snr")
        roots = (r for r in exact.solve(level, extrapolate=False))
        rows.append(curves.placed(replace(found, method=f"clones at {level:.4g}"), next(roots, None)))
    return [replace(row, others={k: float(v) for k, v in row.others.items()}) for row in rows]
