r"""Standard errors, bootstrap over independent runs, and autocorrelation of ensembles of chains.

    rho(s) = <(x_{c,u} - mu)(x_{c,u+s} - mu)> / <(x - mu)^2>        mu, <.>: over all chains c and times u together
    tau = 1/2 + sum_{s >= 1} rho(s), summed up to the first s >= 5 tau      stderr(mean)^2 = var(chain means)/chains

The mean mu is that of the ensemble: with each chain's own mean, a chain that sits in one of two wells looks perfectly
equilibrated; about mu, chains that disagree have a tau as long as themselves.  A single chain cannot tell and is
refused.  Three answers: "reliable" (4 chains of 50 tau), "tentative" (10 tau), "unusable" (shorter; two wells with too
few hops between them; a drift over the run; chains, or groups of chains by their start, that disagree).

Drift and disagreement are those of a two-way analysis of variance of block means y_cb, block b of chain c, of 5 tau:

    noise = sum_cb (y_cb - y_c - y_b + y)^2/((chains - 1)(blocks - 1))
    F_drift = chains var_b(y_b)/noise,    F_chains = blocks var_c(y_c)/noise,    F_starts: the same between the groups

each refused where its F has a p-value below 1e-5.

Sources: Sokal 1997 (functional integration, the window); Efron 1979 (bootstrap); Fisher 1925 (analysis of variance);
Gelman & Rubin 1992 (overdispersed starts).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import fdtrc

ENOUGH, SOME = 50, 10  # lengths of a chain in units of tau
WINDOW = 5
HOPS = 20
ASHMAN = 2.5  # separation of two wells in units of their root-mean-square widths
ALARM = 1e-5  # p-value below which chains disagree or drift
BLOCK, MOST = 5, 16  # a block in units of tau; blocks of a chain


def mean_error(samples, axis: int = 0):
    """(mean, standard error) of independent samples along an axis; ValueError for fewer than two."""
    samples = np.asarray(samples, dtype=float)
    count = samples.shape[axis]
    if count < 2:
        raise ValueError(f"samples: {count} given; a standard error needs at least 2 independent ones")
    return samples.mean(axis), samples.std(axis, ddof=1) / np.sqrt(count)


def error_of(function, samples):
    """(value, standard error) of a function of means: the delta method on independent samples.

    Parameters
    ----------
    function : takes the mean of each row and returns a number, e.g. lambda m2, m4: 1 - m4/(3 m2^2).
    samples : array (rows, count) of independent, jointly drawn samples.

    The gradient is a central difference of relative step 1e-5 (error 1e-10); the error made is O(1/count).
    """
    samples = np.atleast_2d(np.asarray(samples, dtype=float))
    means = samples.mean(1)
    covariance = np.atleast_2d(np.cov(samples)) / samples.shape[1]
    gradient = np.empty(len(means))
    for k, spread in enumerate(1e-5 * np.maximum(np.abs(means), 1e-12)):
        step = np.zeros(len(means))
        step[k] = spread
        gradient[k] = (function(*(means + step)) - function(*(means - step))) / (2 * spread)
    return float(function(*means)), float(np.sqrt(gradient @ covariance @ gradient))


def bootstrap(statistic, *runs, repetitions: int = 200, seed: int = 0):
    """Values of a statistic on resampled runs, array (repetitions, ...): its spread is the standard error.

    Parameters
    ----------
    statistic : takes as many arrays as there are `runs` and returns a number or an array.
    runs : arrays whose first axis counts independent runs; each is resampled by itself.
    repetitions : at least 20.  seed : whole number.

    Raises
    ------
    ValueError for fewer than 20 repetitions or a group of fewer than 4 runs.
    """
    if repetitions < 20:
        raise ValueError(f"repetitions: {repetitions} given; at least 20 are needed for a standard error")
    runs = tuple(map(np.asarray, runs))
    for run in runs:
        if len(run) < 4:
            raise ValueError(f"runs: {len(run)} independent runs in a group; at least 4 are needed to resample them")
    generator = np.random.Generator(np.random.Philox(seed))

    def again():
        return statistic(*(run[generator.integers(0, len(run), len(run))] for run in runs))

    return np.array([again() for _ in range(repetitions)])


@dataclass(frozen=True)
class Autocorrelation:
    """Autocorrelation of an ensemble of chains.

    time : integrated autocorrelation time tau in steps, with its stderr (jackknife over chains); effective : number
    of independent samples; mean, mean_stderr : of the observable, from the chain means; wells : 1 or 2; hops :
    between two wells, all chains together; status : "reliable", "tentative" or "unusable"; reason : why.
    """

    time: float
    stderr: float
    effective: float
    mean: float
    mean_stderr: float
    wells: int
    hops: int
    status: str
    reason: str


def autocorrelation(chains, starts=None) -> Autocorrelation:
    """Integrated autocorrelation time of an ensemble of chains, and whether to believe it.

    Parameters
    ----------
    chains : array (chains, steps): at least 2 chains of one observable, at least 16 steps each.
    starts : (chains,) labels of where each chain started, e.g. "ordered" and "disordered", or None.  Groups of
        chains that disagree are unusable however long they are.

    Raises
    ------
    ValueError for a single chain, short chains, values that are not finite or that never change, or labels of another
    number than the chains.
    """
    chains = _checked(chains)
    count, steps = chains.shape
    covariances = _covariances(chains - chains.mean())
    time = _integrated(covariances.mean(0))
    leave = [_integrated(np.delete(covariances, k, 0).mean(0)) for k in range(count)]
    stderr = float(np.sqrt((count - 1) * np.var(leave)))
    mean, mean_stderr = mean_error(chains.mean(1))
    wells, hops = _wells(chains)
    status, reason = _judged(chains, time, wells, hops, _apart(chains, starts))
    effective = count * steps / (2 * time)
    return Autocorrelation(time, stderr, effective, float(mean), float(mean_stderr), wells, hops, status, reason)


def integrated_time(chains) -> float:
    """tau of chains (chains, steps) that were found equilibrated before; 1/2 where the values never change."""
    chains = np.asarray(chains, dtype=float)
    centred = chains - chains.mean()
    if np.abs(centred).max() < 1e-12 * np.abs(chains).max():
        return 0.5
    return _integrated(_covariances(centred).mean(0))


def _checked(chains):
    chains = np.asarray(chains, dtype=float)
    if chains.ndim != 2 or len(chains) < 2:
        shape = f"shape {chains.shape}"
        raise ValueError(f"chains: {shape} given; (chains, steps) with at least 2 is needed: one chain cannot tell")
    if chains.shape[1] < 16:
        raise ValueError(f"chains: {chains.shape[1]} steps given; at least 16 are needed")
    if not np.all(np.isfinite(chains)):
        raise ValueError("chains: values must be finite")
    if np.ptp(chains) == 0:
        raise ValueError("chains: the values never change; nothing is correlated")
    return chains


def _covariances(centred):
    """C(s) of every chain about the common mean, by FFT: (chains, steps)."""
    steps = centred.shape[1]
    size = 1 << (2 * steps - 1).bit_length()
    power = np.abs(np.fft.rfft(centred, size)) ** 2
    return np.fft.irfft(power, size)[:, :steps] / (steps - np.arange(steps))


def _integrated(covariance):
    rho = covariance / covariance[0]
    taus = 0.5 + np.cumsum(rho[1:])
    closed = np.flatnonzero(np.arange(1, len(rho)) >= WINDOW * taus)
    return float(max(taus[closed[0]] if len(closed) else np.max(taus), 0.5))


def _wells(chains):
    """(1, 0), or (2, hops) where the pooled values split into two groups far apart for their widths."""
    values = np.sort(chains.ravel())[:: max(1, chains.size // 4096)]
    left = np.arange(1, len(values))
    sums = np.cumsum(values)[:-1]
    means = sums / left, (values.sum() - sums) / (len(values) - left)
    between = left * (len(values) - left) * (means[1] - means[0]) ** 2
    cut = int(np.argmax(between))
    low, high = values[: cut + 1], values[cut + 1 :]
    width = np.sqrt((np.var(low) + np.var(high)) / 2)
    if min(len(low), len(high)) < 0.01 * len(values) or high.mean() - low.mean() < 2 * ASHMAN * width:
        return 1, 0
    upper = chains > (low.mean() + high.mean()) / 2
    inside = np.abs(chains - np.where(upper, high.mean(), low.mean())) < (high.mean() - low.mean()) / 4
    return 2, sum(int(np.count_nonzero(np.diff(u[i].astype(int)))) for u, i in zip(upper, inside, strict=True))


def _judged(chains, time, wells, hops, apart):
    count, steps = chains.shape
    if wells == 2 and hops < HOPS:
        return "unusable", f"two wells with {hops} hops between them in {count} chains; at least {HOPS} are needed"
    if apart:
        return "unusable", apart
    if steps < SOME * time:
        why = "too short, or apart from each other"
        return "unusable", f"chains of {steps} steps for tau = {time:.3g}, {why}; at least {SOME} tau are needed"
    if steps < ENOUGH * time or count < 4:
        return "tentative", f"{count} chains of {steps / time:.0f} tau; 4 of {ENOUGH} tau would be reliable"
    return "reliable", f"{count} chains of {steps / time:.0f} tau that agree"


def _apart(chains, starts):
    """Why the chains are not equilibrated, by the analysis of variance of the module; "" where nothing is seen."""
    count, steps = chains.shape
    blocks = int(np.clip(steps // (BLOCK * _integrated(_covariances(_centred(chains)).mean(0))), 2, MOST))
    y = chains[:, : steps // blocks * blocks].reshape(count, blocks, -1).mean(2)
    by_chain, by_block = y.mean(1), y.mean(0)
    dof = (count - 1) * (blocks - 1)
    noise = np.sum((y - by_chain[:, None] - by_block + y.mean()) ** 2) / dof

    def alarm(square, free):
        return square > 0 and (noise <= 0 or fdtrc(free, dof, square / noise) < ALARM)

    if starts is not None:
        groups = _grouped(starts, count)
        means = {name: float(by_chain[at].mean()) for name, at in groups.items()}
        between = sum(at.sum() * (means[name] - by_chain.mean()) ** 2 for name, at in groups.items())
        if len(groups) > 1 and alarm(blocks * between / (len(groups) - 1), len(groups) - 1):
            named = ", ".join(f"{name}: {mean:.4g}" for name, mean in means.items())
            return f"chains from different starts disagree ({named}): they have not forgotten where they started"
    if alarm(count * np.var(by_block, ddof=1), blocks - 1):
        return f"the chains drift over the run, from {by_block[0]:.4g} to {by_block[-1]:.4g}: leave out the beginning"
    if alarm(blocks * np.var(by_chain, ddof=1), count - 1):
        return f"the chains disagree, their means reach from {by_chain.min():.4g} to {by_chain.max():.4g}"
    return ""


def _centred(chains):
    """Chains about their own means, or about the common one where a chain never changes."""
    own = chains - chains.mean(1, keepdims=True)
    return own if np.ptp(own) > 0 else chains - chains.mean()


def _grouped(starts, count):
    starts = np.asarray(starts)
    if starts.shape != (count,):
        raise ValueError(f"starts: shape {starts.shape} given for {count} chains; one label each is needed")
    return {str(name): starts == name for name in np.unique(starts)}
