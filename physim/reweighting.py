r"""Single- and multi-histogram reweighting of ensembles exp(coupling * A), with a check of overlap that refuses.

    p_k(x) = Omega(x) exp(lambda_k . A(x) - log Z_k)           k = 1 .. K ensembles, N_k independent samples each
    log Z(lambda) = log sum_n exp(lambda . A_n) / sum_k N_k exp(lambda_k . A_n - log Z_k)        (all samples n)

With K = 1 this is the single-histogram formula; with more it is the histogram method without bins (WHAM in the limit
of narrow bins, MBAR).  The log Z_k minimise a convex function and are found by Newton's method.  For temperatures,
lambda = beta and A = -E; for a field, lambda = beta h and A = M; both at once are vectors.

Neighbouring ensembles must share at least 3 % of their samples (overlap matrix), and an ensemble asked for must be
carried by at least 50 effective samples: otherwise OverlapError, never a number.

Sources: Ferrenberg & Swendsen 1988, 1989; Shirts & Chodera 2008 (0801.1426); Klimovich, Shirts & Mobley 2015 (3 %).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np
from scipy.special import logsumexp

OVERLAP = 0.03
EFFECTIVE = 50


class OverlapError(ArithmeticError):
    """The samples do not reach the ensemble that is asked for."""


@dataclass(frozen=True)
class Reweighting:
    """Samples of several ensembles joined into one; made by `reweighting`.

    conjugate : A of all samples (n, p); couplings : (K, p); counts : (K,); log_z : (K,), the first one zero.
    """

    conjugate: np.ndarray = field(repr=False)
    couplings: np.ndarray
    counts: np.ndarray
    log_z: np.ndarray

    def weights(self, coupling) -> np.ndarray:
        """Normalised weight of every sample in the ensemble of a coupling; OverlapError when too few carry it."""
        coupling = np.atleast_1d(np.asarray(coupling, dtype=float))
        log_weights = self.conjugate @ coupling - self._log_mixture
        weights = np.exp(log_weights - logsumexp(log_weights))
        effective = 1 / np.sum(weights**2)
        if effective < EFFECTIVE:
            where = ", ".join(f"{c:.6g}" for c in coupling)
            raise OverlapError(
                f"coupling: {where} is out of reach of the samples: {effective:.1f} effective samples carry it,"
                f" at least {EFFECTIVE} are needed"
            )
        return weights

    def mean(self, values, coupling) -> float:
        """Mean of an observable, given at all samples, in the ensemble of a coupling."""
        return float(self.weights(coupling) @ np.asarray(values, dtype=float))

    @cached_property
    def _log_mixture(self):
        return _log_mixture(self.conjugate, self.couplings, self.counts, self.log_z)


def reweighting(samples, couplings) -> Reweighting:
    """Join independent samples of K ensembles.

    Parameters
    ----------
    samples : K arrays of the conjugate variable A, (n_k,) or (n_k, p).
    couplings : K numbers lambda_k, or K vectors of length p.

    Raises
    ------
    ValueError for lengths that differ or fewer than 50 samples in an ensemble; OverlapError for disjoint histograms.
    """
    arrays = [np.asarray(a, dtype=float).reshape(len(a), -1) for a in samples]
    couplings = np.asarray(couplings, dtype=float).reshape(len(couplings), -1)
    if len(arrays) != len(couplings) or not arrays:
        raise ValueError(f"couplings: {len(couplings)} given for {len(arrays)} sets of samples; one each is needed")
    if any(a.shape[1] != couplings.shape[1] for a in arrays):
        raise ValueError(f"samples: each needs {couplings.shape[1]} conjugate variables, one for each coupling")
    counts = np.array([len(a) for a in arrays], dtype=float)
    if counts.min() < EFFECTIVE:
        raise ValueError(f"samples: {counts.min():.0f} in an ensemble; at least {EFFECTIVE} are needed")
    pooled = np.concatenate(arrays)
    if not np.all(np.isfinite(pooled)):
        raise ValueError("samples: values must be finite")
    log_z = _solved(pooled, couplings, counts)
    _check_overlap(pooled, couplings, counts, log_z)
    return Reweighting(pooled, couplings, counts, log_z)


def _log_mixture(pooled, couplings, counts, log_z):
    return logsumexp(pooled @ couplings.T - log_z + np.log(counts), axis=1)


def _responsibilities(pooled, couplings, counts, log_z):
    logs = pooled @ couplings.T - log_z + np.log(counts)
    return np.exp(logs - logsumexp(logs, axis=1, keepdims=True))


def _solved(pooled, couplings, counts, steps=100):
    """log Z_k by Newton on the convex likelihood, halved until it falls; the first is zero."""
    log_z = _started(pooled, couplings, counts)
    value = np.inf
    for _ in range(steps):
        p = _responsibilities(pooled, couplings, counts, log_z)
        gradient = (counts - p.sum(0))[1:]
        if np.max(np.abs(gradient), initial=0) < 1e-9 * counts.sum():
            return log_z
        hessian = (np.diag(p.sum(0)) - p.T @ p)[1:, 1:]
        step = np.linalg.lstsq(hessian, gradient, rcond=1e-14)[0]
        length = 1.0
        while True:
            trial = log_z - length * np.concatenate([[0], step])
            after = _log_mixture(pooled, couplings, counts, trial).sum() + counts @ trial
            if after <= value + 1e-12 * abs(value) or length < 1e-4 or not np.isfinite(value):
                break
            length /= 2
        log_z, value = trial, after
    raise OverlapError("samples: the histograms are disjoint, their relative weights cannot be found")


def _started(pooled, couplings, counts):
    """log Z_k by thermodynamic integration of the means along the ensembles in the given order."""
    edges = np.concatenate([[0], np.cumsum(counts)]).astype(int)
    means = np.array([pooled[a:b].mean(0) for a, b in pairwise(edges)])
    slopes = np.sum((means[1:] + means[:-1]) / 2 * np.diff(couplings, axis=0), axis=1)
    return np.concatenate([[0], np.cumsum(slopes)])


def _check_overlap(pooled, couplings, counts, log_z):
    """Refuse ensembles that fall into groups whose overlap matrix is below the threshold between them."""
    p = _responsibilities(pooled, couplings, counts, log_z)
    overlap = p.T @ p / counts
    linked = np.minimum(overlap, overlap.T) >= OVERLAP
    reached = np.zeros(len(counts), dtype=bool)
    reached[0] = True
    for _ in counts:
        reached |= linked[reached].any(0)
    if not reached.all():
        apart = int(np.flatnonzero(~reached)[0])
        best = float(np.minimum(overlap, overlap.T)[np.ix_(reached, ~reached)].max())
        where = ", ".join(f"{c:.6g}" for c in couplings[apart])
        raise OverlapError(
            f"samples: the histogram at {where} overlaps {best:.1%} with the others, {OVERLAP:.0%} are needed;"
            " put an ensemble between them"
        )
