r"""Samples as locators take them: independent ones, or an ensemble of Markov chains that is checked before it is used.

    independent     array (n,)
    chains          array (chains, steps), or a DataArray with a dimension `chain` (or `trajectory`) and one other;
                    its coordinate `start`, where it has one, says where each chain started

Every locator that averages over samples comes through here: chains go through `statistics.autocorrelation`, and those
that are unusable raise EquilibrationError, which locators answer with status "unresolved" and the sentence.  Standard
errors of what is let through count effective samples: n/g with the inefficiency g = 2 tau (1 for independent ones).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from physim.statistics import autocorrelation, integrated_time

CHAINS = ("chain", "trajectory")


class EquilibrationError(ArithmeticError):
    """The chains do not represent their ensemble (yet): no average over them is given."""


@dataclass(frozen=True)
class Sampled:
    """values : (n,) or (chains, steps), with the vectors of samples last where they have some; starts; is it chains."""

    values: np.ndarray
    chained: bool = False
    starts: np.ndarray | None = None

    @property
    def flat(self) -> np.ndarray:
        """All samples in one row, chain after chain."""
        return self.values.reshape(-1, *self.values.shape[2:]) if self.chained else self.values

    def like(self, values) -> np.ndarray:
        """Other values of the same samples, (n,) or (chains, steps)."""
        return np.asarray(values).reshape(self.values.shape[: 1 + self.chained])


def sampled(values, *, entries: int = 0, what: str = "samples") -> Sampled:
    """Samples as a user gives them.

    Parameters
    ----------
    values : see the module.  entries : 0 for numbers, 1 for vectors as samples (one axis more, the last).
    what : name of the argument, for errors.

    Raises
    ------
    ValueError for other dimensions, a single chain in time, or values that are not finite.
    """
    starts = None
    if hasattr(values, "dims"):
        names = tuple(values.dims)
        chain = next((name for name in names if name in CHAINS), None)
        if len(names) > 1 and chain is None:
            raise ValueError(f"{what}: dimensions {', '.join(names)} given; one called {' or '.join(CHAINS)} is needed")
        if "time" in names and chain is None:
            raise ValueError(f"{what}: one chain over time given; one chain cannot tell whether it is in equilibrium")
        if chain is not None:
            starts = values.coords["start"].values if "start" in values.coords else None
            values = values.transpose(chain, ...)
    array = np.asarray(values, dtype=float)
    if entries and array.ndim == 1:
        array = array[:, None]
    if array.ndim - entries not in (1, 2):
        raise ValueError(f"{what}: shape {array.shape} given; (n,) independent samples or (chains, steps) are needed")
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{what}: values must be finite")
    return Sampled(array, array.ndim - entries == 2, starts)


def checked(samples: Sampled, series: dict, where: str = "") -> str:
    """Refuse samples whose chains are not equilibrated in one of several observables.

    Parameters
    ----------
    series : dict from name to values of the samples, (n,) or (chains, steps).  where : for the sentence.

    Returns
    -------
    "" when all are reliable (independent samples always are), else the sentence of the first tentative one.

    Raises
    ------
    EquilibrationError where one is unusable; ValueError as `autocorrelation`.
    """
    if not samples.chained:
        return ""
    place, doubt = f" at {where}" if where else "", ""
    for name, values in series.items():
        values = samples.like(values)
        if np.ptp(values) == 0:
            raise EquilibrationError(f"{name}{place}: the chains never move")
        found = autocorrelation(values, samples.starts)
        if found.status == "unusable":
            raise EquilibrationError(f"{name}{place}: {found.reason}")
        if found.status == "tentative" and not doubt:
            doubt = f"{name}{place}: {found.reason}"
    return doubt


def inefficiency(samples: Sampled, values) -> float:
    """g = 2 tau of values of checked samples: the variance of their mean is g Var/n."""
    return 2 * integrated_time(samples.like(values)) if samples.chained else 1.0


def run_means(samples: Sampled, series, runs: int) -> np.ndarray:
    """Means (runs, observables) of independent runs, whose spread/sqrt(runs) is the standard error of the whole.

    Independent samples are split into `runs` equal runs.  Chains are joined into groups, or cut into blocks, and the
    means of those are stretched about their average until their spread is what g Var/n asks for: blocks of one chain
    hang together, by g/steps for blocks longer than tau.
    """
    if not samples.chained:
        return np.stack([np.asarray(s).reshape(runs, -1).mean(1) for s in series], -1)
    count, steps = samples.values.shape
    groups, blocks = min(count, runs), min(max(1, runs // count), steps)
    kept = count // groups * groups
    out = []
    for values in map(samples.like, series):
        rows = values[:kept].reshape(groups, kept // groups, steps).mean(1)
        means = rows[:, : steps // blocks * blocks].reshape(groups * blocks, -1).mean(1)
        wanted = inefficiency(samples, values) * values.var() / values.size
        found = means.var(ddof=1) / len(means)
        out.append(values.mean() + (means - means.mean()) * np.sqrt(wanted / found if found > 0 else 1.0))
    return np.stack(out, -1)
