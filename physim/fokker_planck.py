r"""One-dimensional Fokker-Planck equations by finite volumes: exact densities to judge ensembles by.

    dp/dt = d/dx (U' p) + D d^2p/dx^2
    flux between cells i, i+1:   (D/h) [B(w) p_i - B(-w) p_{i+1}],  w = (U_{i+1} - U_i)/D,  B(w) = w/(e^w - 1)

(Scharfetter & Gummel 1969; Chang & Cooper 1970.)  exp(-U/D) is stationary exactly, p stays positive, the error is
h^2.  Steps are Crank-Nicolson, after two of half the size that are fully implicit.  McKean-Vlasov: U depends on the
mean of x under p itself, taken half a step ahead by extrapolation.

    mean first passage  T(x) = (1/D) int_x^b dy exp(U(y)/D) int_{-oo}^y dz exp(-U(z)/D)        target b > x
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass(frozen=True)
class Line:
    """Cells of equal width on [low, high], closed at both ends; `centres` and `width`."""

    low: float
    high: float
    cells: int = 800

    def __post_init__(self):
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"low, high: {self.low!r}, {self.high!r}; finite and increasing ends are needed")
        if self.cells < 8:
            raise ValueError(f"cells: {self.cells} given; at least 8 are needed")

    @property
    def width(self):
        """h."""
        return (self.high - self.low) / self.cells

    @property
    def centres(self):
        """Middle of every cell, (cells)."""
        return self.low + (np.arange(self.cells) + 0.5) * self.width

    def normal(self, mean, deviation):
        """A normal density on the cells, of sum 1."""
        p = np.exp(-((self.centres - mean) ** 2) / (2 * deviation**2))
        return p / p.sum()


def generator(line: Line, potential, diffusion: float):
    """The tridiagonal generator (3, cells) in the layout of scipy.linalg.solve_banded, from U at the centres."""
    w = np.diff(potential) / diffusion
    rate = diffusion / line.width**2
    up, down = rate * bernoulli(w), rate * bernoulli(-w)  # i -> i+1 and back
    bands = np.zeros((3, line.cells))
    bands[0, 1:], bands[2, :-1] = down, up
    bands[1, :-1] -= up
    bands[1, 1:] -= down
    return bands


def bernoulli(w):
    """w/(e^w - 1), 1 at w = 0."""
    w = np.asarray(w, dtype=float)
    small = np.abs(w) < 1e-5
    safe = np.where(small, 1.0, w)
    with np.errstate(over="ignore"):
        return np.where(small, 1 - w / 2 + w * w / 12, safe / np.expm1(safe))


def stationary(potential, diffusion: float):
    """exp(-U/D) on the cells, of sum 1."""
    p = np.exp(-(potential - potential.min()) / diffusion)
    return p / p.sum()


def spectral_gap(bands) -> float:
    """The slowest decay rate of a generator: the eigenvalue nearest to zero that is not zero.

    Detailed balance makes the matrix similar to a symmetric tridiagonal one with off-diagonal sqrt(up down).
    """
    from scipy.linalg import eigh_tridiagonal

    side = np.sqrt(bands[0, 1:] * bands[2, :-1])
    count = len(side)
    found = eigh_tridiagonal(bands[1], side, eigvals_only=True, select="i", select_range=(count - 1, count))
    return float(-found[0])


def evolve(line: Line, density, potential, diffusion: float, times, nonlinear: bool = False):
    """The density at every time, from the first.

    Parameters
    ----------
    density : (cells) at times[0], sum 1.  potential : function (t, mean) -> U at the centres.
    diffusion : D > 0.  times : increasing; each interval is one step, so choose them fine enough (error step^2).
    nonlinear : whether U depends on the mean of x.

    Returns
    -------
    array (times, cells).
    """
    from scipy.linalg import solve_banded

    times = np.asarray(times, dtype=float)
    out = np.empty((len(times), line.cells))
    out[0] = density
    mean = before = float(out[0] @ line.centres)
    for k, (start, stop) in enumerate(pairwise(times)):
        step, p = stop - start, out[k]
        ahead = mean + (mean - before) / 2 if nonlinear and k else mean
        bands = generator(line, potential((start + stop) / 2, ahead), diffusion)
        for weight, part in [(1.0, step / 2)] * 2 if k == 0 else [(0.5, step)]:
            right = p + (1 - weight) * part * apply(bands, p)
            left = -weight * part * bands
            left[1] += 1
            p = solve_banded((1, 1), left, right)
        out[k + 1] = p
        before, mean = mean, float(p @ line.centres)
    return out


def apply(bands, p):
    """The generator times a vector."""
    out = bands[1] * p
    out[:-1] += bands[0, 1:] * p[1:]
    out[1:] += bands[2, :-1] * p[:-1]
    return out


def mean_first_passage(potential, diffusion: float, start, target: float, far: float, nodes: int = 20_001):
    """Mean time to reach `target` from `start`, by the double integral above.

    Parameters
    ----------
    potential : function of an array x.  diffusion : D.  start : x (number or array) between far and target.
    far : where the line is closed on the other side: -oo in effect, as long as exp(-U/D) is small there.

    Returns
    -------
    array like start; cumulative trapezoidal sums in log space, error (target - far)^2/nodes^2.

    Raises
    ------
    ValueError when start is not between far and target.
    """
    start = np.asarray(start, dtype=float)
    inside = (start - far) * (target - start) >= 0
    if not np.all(inside):
        raise ValueError(f"start: {start[~inside][0] if start.ndim else start} is not between {far} and {target}")
    x = np.linspace(far, target, nodes)
    u = potential(x) / diffusion
    step = abs(x[1] - x[0])
    low, high = u.min(), u.max()
    mass = _cumulative(np.exp(low - u), step)
    outer = np.exp(u - high) * mass
    total = _cumulative(outer[::-1], step)[::-1]
    order = np.argsort(x)
    return np.exp(high - low) / diffusion * np.interp(start, x[order], total[order])


def _cumulative(values, step):
    return np.concatenate([[0.0], np.cumsum((values[1:] + values[:-1]) / 2 * step)])


class McKeanVlasov:
    """N -> oo soft spins: the nonlinear Fokker-Planck equation of one site in the mean of all.

    Parameters
    ----------
    model : a MeanField of density sites coupled through their mean (SoftSpins).  beta : 1/T.
    line : cells.  parameters : dict from symbol (or name) to number.
    """

    def __init__(self, model, beta: float, line: Line, parameters=None):
        from physim.kernels.sites import site_potential

        self.line, self.temperature = line, 1 / beta
        call = site_potential(model, beta, parameters)
        self.potential = lambda mean: call(line.centres, mean)

    def response(self, mean: float) -> float:
        """The stationary mean of a site when the order parameter is held at `mean`."""
        return float(stationary(self.potential(mean), self.temperature) @ self.line.centres)

    def order(self) -> float:
        """The positive stable solution of response(m) = m, or 0 where there is none."""
        from scipy.optimize import brentq

        small = 1e-6
        if self.response(small) <= small:
            return 0.0
        return brentq(lambda m: self.response(m) - m, small, self.line.high)

    def stability(self) -> float:
        """d response/d mean at m = 0; one at the critical point."""
        p = stationary(self.potential(0.0), self.temperature)
        step = 1e-4
        slope = (self.potential(step) - self.potential(-step)) / (2 * step)
        return float(-(p @ (slope * self.line.centres) - (p @ slope) * (p @ self.line.centres)) / self.temperature)

    def evolve(self, density, times):
        """The density at every time (times, cells); each interval of `times` is one step."""
        return evolve(self.line, density, lambda _, mean: self.potential(mean), self.temperature, times, nonlinear=True)
