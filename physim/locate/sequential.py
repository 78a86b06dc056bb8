r"""Adaptive location: sizes, points and samples chosen one after the other until the error asked for is reached.

    1. scan    the Binder cumulant of the two smallest sizes over the range, zoomed in until its fall is seen
    2. fit     U4(N, p) = sum_i a_i x^i + N^-w sum_j b_j x^j,  x = (p - p_c) N^(1/nu)          (data collapse)
    3. choose  the (N, x) whose next samples reduce var(p_c) most for their cost: with M the information matrix of the
               fit, g the gradient of U4 there, s^2 its variance per sample and n = cost/N samples,
                   gain = (c . M^-1 g)^2 n / (s^2 + n g . M^-1 g),      c the direction of p_c
    4. repeat 2 and 3, spending a quarter of what was spent, until stderr(p_c) is reached or the budget is

The end is reached when two fits in a row and one in a narrower window agree.  The cost of a sample is its size.
Source: Chaloner & Verdinelli 1995 (c-optimal design).
"""

from __future__ import annotations

import numpy as np

from analytic.transition import Transition
from physim.chains import EquilibrationError
from physim.locate.collapses import OMEGA, Collapse, collapse, columns
from physim.locate.moment import RUNS, joined, moments

SCAN, ZOOMS, FALL = 10, 5, 0.2
PICKS, SETTLED = 4, 0.06  # SETTLED: error of 1/nu below which the fit is linear enough for its error bars
DEGREES, SHARE = (4, 2, -1), 0.375  # polynomials, and the half-width of their window in units of fall/slope
NARROW, AGREES = 0.7, 1.5  # the end needs a fit in a narrower window that agrees within 1.5 standard errors
POOR, LOOSE = 0.02, 0.15  # p-value of a fit and error of 1/nu beyond which nothing is chosen by it


def adaptive(draw, low: float, high: float, *, sizes, stderr: float, budget: float, seed: int = 0, parameter="p"):
    """Critical parameter of a continuous transition to an asked standard error.

    Parameters
    ----------
    draw : (size, parameter, count, seed) -> samples of the order parameter: independent (count,), or an ensemble of
        chains (`physim.chains`) of the same number everywhere; chains that are not equilibrated end the search.
    low, high : range of the parameter.  sizes : at least 3 sizes.
    stderr : wanted standard error.  budget : largest cost, in samples times size.
    seed : whole number, or several.  parameter : its name.

    Returns
    -------
    Transition of the critical point; others: cost, points, 1/nu, limit ("target", "budget").  Without a crossing in
    the range, or a fit within the budget: status "none" or "unresolved" with a sentence.

    Raises
    ------
    ValueError for an empty range, fewer than 3 sizes, or a standard error or budget that is not positive.
    """
    sizes = np.unique(np.asarray(sizes, dtype=int))
    if not low < high:
        raise ValueError(f"low, high: {low:g} to {high:g} is no range; low < high is needed")
    if len(sizes) < 3:
        raise ValueError(f"sizes: {len(sizes)} given; corrections to scaling need at least 3 different ones")
    if not stderr > 0 or not budget > 0:
        raise ValueError(f"stderr, budget: {stderr:g}, {budget:g} given; both must be positive")
    run = _Run(draw, sizes, float(stderr), float(budget), seed, parameter)
    try:
        stopped = run.scan(low, high)
        return stopped if stopped is not None else run.refine()
    except EquilibrationError as error:
        return run.without("unresolved", str(error))


def _between(grid, share):
    """Where a fall (or rise) passes 80 % and 20 %, between the points of the grid."""
    falling = share[0] > share[-1]
    steps = np.minimum.accumulate(share if falling else share[::-1])
    place = np.interp([0.2, 0.8], steps[::-1] + 1e-12 * np.arange(len(steps)), (grid if falling else grid[::-1])[::-1])
    return tuple(sorted(place))


class _Run:
    """What was measured so far and what it cost."""

    def __init__(self, draw, sizes, target, budget, seed, parameter):
        self.draw, self.sizes, self.target, self.budget, self.seed = draw, sizes, target, budget, seed
        self.parts: list = []
        self.cost, self.known = 0.0, {"kind": "critical point", "object": "binder", "parameter": parameter}
        self.known["method"] = "adaptive collapse"
        self.start, self.window, self.count = (0.0, 0.5), (1.0, 1.0), 8 * RUNS
        self.drop = 0.0

    def measure(self, points):
        """Add measurements (size, parameter, count); counts become whole runs."""
        points = [(int(n), float(p), max(RUNS, int(c) // RUNS * RUNS)) for n, p, c in points]
        part = moments(self.draw, points, (*np.atleast_1d(self.seed).tolist(), len(self.parts)))
        self.parts.append(part)
        self.cost += float(part.size @ part.samples)
        if part.refusal:
            raise EquilibrationError(part.refusal)
        return part

    def without(self, status, reason):
        """An answer without a value."""
        return Transition(**self.known, status=status, reason=f"{reason}; cost {self.cost:.3g}", others=self.facts())

    def facts(self, **more):
        """Cost and what goes with it."""
        return {"cost": self.cost, "points": sum(len(p.size) for p in self.parts), **more}

    def scan(self, low, high):
        """Find the interval in which the cumulant of each size falls; None, or an answer without a value."""
        intervals = []
        for size in self.sizes:
            found = self.fall(size, low, high)
            if isinstance(found, Transition) and intervals:  # the interval of the size before was off: look wider
                found = self.fall(size, *(intervals[-1][0] + s * 4 * intervals[-1][1] for s in (-1, 1)))
            if isinstance(found, Transition):
                return found
            intervals.append(found)
            centre, half = found
            low, high = max(low, centre - 2 * half), min(high, centre + 2 * half)
        logs = np.polyfit(np.log(self.sizes), np.log([half for _, half in intervals]), 1)
        self.start = (float(intervals[-1][0]), float(np.clip(-logs[0], 0.25, 1.0)))
        middle = len(self.sizes) // 2
        self.window = (float(self.sizes[middle]), 0.8 * float(intervals[middle][1]))
        return None

    def fall(self, size, low, high):
        """(centre, half-width) of the interval between 80 % and 20 % of the fall, zoomed in until 4 steps show it."""
        for zoom in range(ZOOMS):
            grid = np.linspace(low, high, SCAN)
            values = self.measure([(size, p, 16 * RUNS) for p in grid]).observable("binder")[0]
            if zoom == 0 and np.ptp(values) < FALL:
                near = f"stays near {values.mean():.3g} from {low:.6g} to {high:.6g}"
                return self.without("none", f"the cumulant of size {size} {near}")
            share, self.drop = (values - values.min()) / np.ptp(values), max(self.drop, float(np.ptp(values)))
            calm = np.convolve(np.pad(share, 1, "edge"), np.ones(3) / 3, "valid")  # one noisy step is no fall
            first = last = int(np.argmin(np.abs(calm - 0.5)))
            while first > 0 and 0.2 < calm[first] < 0.8:
                first -= 1
            while last < SCAN - 1 and 0.2 < calm[last] < 0.8:
                last += 1
            ends = _between(grid, calm)
            low, high = grid[max(first - (last - first < 4), 0)], grid[min(last + (last - first < 4), SCAN - 1)]
            if last - first >= 4:
                return (ends[0] + ends[1]) / 2, (ends[1] - ends[0]) / 2
        return self.without("unresolved", f"the fall of the cumulant of size {size} is too narrow for the scan")

    def around(self):
        """Equal counts on seven points of the window of every size, twice as many at each call."""
        p_c, inverse = self.start
        for_size = [(n, self.window[1] * (self.window[0] / n) ** inverse) for n in map(float, self.sizes)]
        self.measure([(n, p_c + u * half, self.count) for n, half in for_size for u in np.linspace(-0.95, 0.95, 7)])
        self.count *= 2

    def refine(self):
        """Fit, choose, measure until the target or the budget."""
        before = None  # p_c of the last fit that reached the target: a second one must confirm it, no lucky stop
        while True:
            options = {"start": self.start, "window": self.window, "degrees": DEGREES, "smooth": True}
            options["observables"] = ("binder",)
            fit = collapse(joined(self.parts), **options)
            good = isinstance(fit, Collapse) and fit.p_value > POOR
            reached = good and fit.stderr[0] <= self.target and fit.stderr[1] < SETTLED
            if reached and before is not None and abs(fit.values[0] - before) < fit.stderr[0]:
                inner = collapse(
                    joined(self.parts), **(options | {"window": (self.window[0], NARROW * self.window[1])})
                )
                gap = (inner.values - fit.values)[:2] / inner.stderr[:2] if isinstance(inner, Collapse) else np.zeros(2)
                if np.all(np.abs(gap) < AGREES):
                    return self.answer(fit, "target")
                good, reached, self.window = False, False, (self.window[0], self.window[1] / 0.8 * NARROW)
            before = float(fit.values[0]) if reached else None
            if self.cost >= self.budget:
                return self.answer(fit, "budget")
            if good and fit.stderr[1] < LOOSE and fit.stderr[0] < self.window[1] / 3:
                self.start = tuple(map(float, fit.values[:2]))
                self.choose(fit)
            else:
                if isinstance(fit, Collapse) and not good:
                    self.window = (self.window[0], 0.8 * self.window[1])
                self.around()

    def answer(self, fit, limit):
        """The record of a fit, or why there is none."""
        if not isinstance(fit, Collapse):
            return self.without("unresolved", fit.reason)
        if limit == "budget" and not (fit.p_value > POOR and fit.stderr[1] < LOOSE):
            return self.without("unresolved", f"the budget of {self.budget:.3g} is spent and no collapse fits the data")
        if fit.values[1] < 3 * fit.stderr[1]:
            return self.without("none", "the fall of the cumulant does not sharpen with size: a crossover")
        facts = self.facts(limit=limit) | {"1/nu": float(fit.values[1]), "1/nu stderr": float(fit.stderr[1])}
        value, error = float(fit.values[0]), float(fit.stderr[0])
        reason = fit.reason or (f"the budget of {self.budget:.3g} is spent" if limit == "budget" else "")
        status = "tentative" if reason else "estimated"
        bracket = (value - 3 * error, value + 3 * error)
        return Transition(
            **self.known, value=value, stderr=error, bracket=bracket, status=status, reason=reason, others=facts
        )

    def choose(self, fit):
        """Spend a quarter of the cost so far where it helps most."""
        data = joined(self.parts)
        p_c, inverse = fit.values[:2]
        x = (data.parameter - p_c) * (data.size / self.window[0]) ** inverse / self.window[1]
        y, e = data.observable("binder")
        near = (np.abs(x) <= 1) & (e > 0)
        size, x, y, e = data.size[near], x[near], y[near], e[near]
        shape = np.polynomial.Polynomial.fit(x, np.log(e**2 * data.samples[near]), 2)
        coefficients = np.linalg.lstsq(columns(size, x, OMEGA, DEGREES) / e[:, None], y / e, rcond=None)[0]
        rows = self.gradients(size, x, inverse, coefficients) / e[:, None]
        matrix = rows.T @ rows
        n, u = (g.ravel() for g in np.meshgrid(self.sizes.astype(float), np.linspace(-0.95, 0.95, 9), indexing="ij"))
        options = self.gradients(n, u, inverse, coefficients)
        spend = 0.25 * self.cost / PICKS
        counts, variance = np.maximum(spend / n, RUNS), np.exp(shape(u))
        picked = []
        for _ in range(PICKS):
            inner = np.linalg.solve(matrix + 1e-12 * np.diag(np.diag(matrix)), options.T).T
            gain = inner[:, 0] ** 2 * counts / (variance + counts * np.sum(options * inner, 1))
            best = int(np.argmax(gain / (counts * n)))
            half = self.window[1] * (self.window[0] / n[best]) ** inverse
            picked.append((n[best], p_c + u[best] * half, counts[best]))
            matrix = matrix + np.outer(options[best], options[best]) * counts[best] / variance[best]
        self.measure(picked)
        slope = abs(sum(b * self.window[0] ** (-k * OMEGA) for k, b in enumerate(coefficients[[1, DEGREES[0] + 2]])))
        wanted = SHARE * self.drop * self.window[1] / max(slope, 1e-9)
        self.window = (self.window[0], float(np.clip(wanted, self.window[1] / 1.5, 1.5 * self.window[1])))

    def gradients(self, size, x, inverse, coefficients):
        """dU4/d(p_c, 1/nu, coefficients) at sizes and scaled distances."""
        step = 1e-5
        ahead, behind = (columns(size, x + s, OMEGA, DEGREES) @ coefficients for s in (step, -step))
        slope = (ahead - behind) / (2 * step)
        ratio = size / self.window[0]
        parts = [-slope * ratio**inverse / self.window[1], slope * x * np.log(ratio)]
        return np.concatenate([np.stack(parts, 1), columns(size, x, OMEGA, DEGREES)], 1)
