"""Time grids: an increasing array of forward times; a reverse dynamics walks it downwards.

uniform           t_i = start + i (stop - start)/steps
dilated           two uniform pieces that meet at a knot, a given share of the steps in the first
uniform_log_snr   log-SNR(t_i) equally spaced
edm_rho, cosine   (sigma/alpha)^(1/rho), arctan(sigma/alpha) equally spaced
entropic          H[x_0|x_t] equally spaced, the entropy production of generation shared out evenly
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Grid:
    """Increasing forward times and the name of the rule that made them."""

    times: np.ndarray
    name: str = "custom"

    def __post_init__(self):
        times = np.ascontiguousarray(self.times, dtype=np.float64)
        if times.ndim != 1 or len(times) < 2:
            raise ValueError(f"grid: an array of at least 2 times is needed, not shape {times.shape}")
        if not np.all(np.isfinite(times)):
            raise ValueError(f"grid: times must be finite, entry {int(np.argmin(np.isfinite(times)))} is not")
        if np.all(np.diff(times) < 0):
            times = times[::-1].copy()
        if not np.all(np.diff(times) > 0):
            raise ValueError("grid: times must be strictly increasing or strictly decreasing")
        times.flags.writeable = False
        object.__setattr__(self, "times", times)

    @property
    def steps(self) -> int:
        """Number of steps, one less than the number of times."""
        return len(self.times) - 1

    def __repr__(self):
        return f"Grid({self.name}, {self.steps} steps, t = {self.times[0]:.6g} ... {self.times[-1]:.6g})"


def uniform(start: float, stop: float, steps: int) -> Grid:
    """`steps` equal steps of forward time between two times."""
    _check(start, stop, steps)
    return Grid(np.linspace(start, stop, steps + 1), "uniform")


def dilated(start: float, stop: float, steps: int, knot: float, share: float = 0.5) -> Grid:
    """t_i = T(i/steps), T linear from (0, start) to (share, knot) and from there to (1, stop).

    Two classes at a distance of d^(1/2) widths, x_t = (1 - t) x_0 + t s eps: what a uniform grid steps over lies within
    k d^(-1/2) of the noise, t = 1, where s is the width of a class ("variance preserving"), and of the data, t = 0,
    where s is the distance of the classes ("variance exploding"); with the knot there a share of the steps is spent on
    it at any d.

    Parameters
    ----------
    start, stop : forward times.  steps : number of steps.  knot : a time between them, a point of the grid where
    share * steps is whole.  share : of the steps between start and knot, between 0 and 1.

    Source: after Aranguri, Biroli, Mezard & Vanden-Eijnden 2025 (2501.00988).
    """
    _check(start, stop, steps)
    if not min(start, stop) < knot < max(start, stop):
        raise ValueError(f"knot: {knot!r} is not between the ends {start!r} and {stop!r}")
    if not 0 < share < 1:
        raise ValueError(f"share: {share!r} is not between 0 and 1")
    done = np.arange(steps + 1) / steps
    times = np.interp(done, [0.0, share, 1.0], [start, knot, stop])
    return Grid(times, f"dilated(knot {knot:g}, share {share:g})")


def uniform_log_snr(process, start: float, stop: float, steps: int) -> Grid:
    """`steps` steps between two forward times, equal in the log-SNR of a process.

    Both times must lie inside the span of the process, where its log-SNR is finite.
    """
    return _spaced(process, start, stop, steps, "uniform_log_snr", lambda level: level, lambda u: u)


def edm_rho(process, start: float, stop: float, steps: int, rho: float = 7.0) -> Grid:
    """(sigma/alpha)^(1/rho) equally spaced: the grid of Karras et al. 2022 (2206.00364), equation 5, for any process.

    rho = 1 is uniform in the noise-to-signal ratio, large rho tends to `uniform_log_snr`.  ValueError unless rho > 0.
    """
    if not rho > 0:
        raise ValueError(f"rho: {rho!r} is not positive")
    return _spaced(
        process,
        start,
        stop,
        steps,
        f"edm_rho({rho:g})",
        lambda level: np.exp(-level / (2 * rho)),
        lambda u: -2 * rho * np.log(u),
    )


def cosine(process, start: float, stop: float, steps: int) -> Grid:
    """arctan(sigma/alpha) equally spaced: uniform time of the cosine schedule, for any process.

    Source: Nichol & Dhariwal 2021 (2102.09672).
    """
    return _spaced(
        process,
        start,
        stop,
        steps,
        "cosine",
        lambda level: np.arctan(np.exp(-level / 2)),
        lambda u: -2 * np.log(np.tan(u)),
    )


def entropic(diffusion, start: float, stop: float, steps: int, parameters=None, rescaled: bool = False) -> Grid:
    """Equal parts of the conditional entropy H[x_0|x_t] (rescaled: of int (sigma/alpha) dH) between two times.

    The rate dH/dt is the mean of the local bandwidth, by quadrature at 129 times equal in log-SNR; its integral is
    inverted by a monotone cubic.  For Gaussian data of deviation c the rescaled clock is c arctan(sigma/(alpha c)).

    Parameters
    ----------
    diffusion : analytic Diffusion with at most three coordinates.  start, stop : forward times inside its span.
    steps : number of steps.  parameters : dict from symbol (or name) to number.

    Source: Stancevic, Handke & Ambrogioni 2025 (2504.13612).
    """
    from scipy.interpolate import CubicSpline, PchipInterpolator

    from physim.quadrature import expectations

    process = diffusion.process
    fine = uniform_log_snr(process, start, stop, 128)
    _check(start, stop, steps)
    rate = diffusion.local_bandwidth
    if rescaled:
        rate = rate * process.sigma / process.alpha
    per_level = rate * process.sigma**2 / process.g2  # dt/|d log-SNR|
    found = expectations(diffusion, {"rate": per_level}, fine.times, parameters, tolerance=1e-9).rate.values
    depth = np.linspace(0, 1, len(fine.times))
    clock = CubicSpline(depth, found).antiderivative()(depth)
    marks = PchipInterpolator(clock, depth)(np.linspace(clock[0], clock[-1], steps + 1))
    times = np.array(CubicSpline(depth, fine.times)(marks))
    times[0], times[-1] = fine.times[0], fine.times[-1]
    return Grid(times, "rescaled entropic" if rescaled else "entropic")


def _spaced(process, start, stop, steps, name, forth, back):
    """Times at which forth(log-SNR) is equally spaced; `back` undoes `forth`."""
    from physim.kernels.scalars import log_snr_at, times_at

    _check(start, stop, steps)
    low, high = (float(end) for end in process.span)
    if min(start, stop) < low or max(start, stop) > high:
        raise ValueError(f"start, stop: {start:g} ... {stop:g} leaves the span {low:g} ... {high:g} of {process.name}")
    levels = log_snr_at(process, np.array([start, stop], dtype=float))
    if not np.all(np.isfinite(levels)):
        raise ValueError(f"start, stop: the log-SNR is not finite at {start:g} or {stop:g}; stay inside the span")
    marks = np.linspace(*forth(levels), steps + 1)
    times = times_at(process, back(marks))
    times[0], times[-1] = start, stop
    return Grid(times, name)


def _check(start, stop, steps):
    if not (isinstance(steps, int | np.integer) and steps >= 1):
        raise ValueError(f"steps: {steps!r} is not a positive whole number")
    if not (np.isfinite(start) and np.isfinite(stop) and start != stop):
        raise ValueError(f"start, stop: {start!r} and {stop!r} must be finite and differ")
