r"""Single- and multi-histogram reweighting of ensembles exp(coupling * A), with a check of overlap that refuses.

    p_k(x) = Omega(x) exp(lambda_k . A(x) - log Z_k)           k = 1 .. K ensembles, N_k independent samples each
    w_n(lambda) ~ o_n exp(lambda . A_n) / sum_k N_k exp(lambda_k . A_n - log Z_k)      Z(lambda) = sum_n w_n

With K = 1 this is the single-histogram formula; with more it is the histogram method without bins (WHAM in the limit
of narrow bins, MBAR).  The log Z_k minimise a convex function and are found by Newton's method.  For temperatures,
lambda = beta and A = -E; for a field, lambda = beta h and A = M; both at once are vectors.

Neighbouring ensembles must share at least 3 % of their samples (overlap matrix), and an ensemble asked for must be
carried by at least 50 effective samples: otherwise OverlapError, never a number.

Chains (`physim.chains`) are checked first; N_k then counts effective samples, N_k = n_k/g_k, and o_n = 1/g_k (else 1).

Errors: a place theta = (lambda, ...) with sum_n w_n(lambda) h(A_n, ...; theta) = 0 (`Reweighting.stderr`) moves with
each sample by its influence psi_n, which includes what the sample does to the log Z_k:

    psi_n = -J^-1 [w_n h_n + B H^-1 o_n (P_n - 1_k)],   J = d(sum w h)/d theta,  B = sum_n w_n h_n P_n,
    H = sum_n o_n (diag P_n - P_n P_n^T)                stderr^2 = sum_k n_k g_k(psi) Var_k(psi)

with P_nk the probability that sample n is of ensemble k, and g_k(psi) from the autocorrelation of psi itself.

Sources: Ferrenberg & Swendsen 1988, 1989; Shirts & Chodera 2008 (0801.1426); Klimovich, Shirts & Mobley 2015 (3 %);
Huber 1981 (influence functions of estimating equations).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np

from physim.chains import checked, inefficiency, sampled

OVERLAP = 0.03
EFFECTIVE = 50


class OverlapError(ArithmeticError):
    """The samples do not reach the ensemble that is asked for."""


@dataclass(frozen=True)
class Reweighting:
    """Samples of several ensembles joined into one; made by `reweighting`.

    conjugate : A of all samples (n, p); couplings : (K, p); counts : effective samples (K,); log_z : (K,), the first
    one zero; parts : the samples of each ensemble as they came; share : o_n (n,); doubt : a sentence where chains were
    tentative, else "".
    """

    conjugate: np.ndarray = field(repr=False)
    couplings: np.ndarray
    counts: np.ndarray
    log_z: np.ndarray
    parts: tuple = field(repr=False)
    share: np.ndarray = field(repr=False)
    doubt: str = ""

    def weights(self, coupling) -> np.ndarray:
        """Normalised weight of every sample in the ensemble of a coupling; OverlapError when too few carry it."""
        coupling = np.atleast_1d(np.asarray(coupling, dtype=float))
        weights = self._weights(coupling)
        effective = 1 / np.sum(weights**2 / self.share)
        if effective < EFFECTIVE:
            where = ", ".join(f"{c:.6g}" for c in coupling)
            raise OverlapError(
                f"coupling: {where} is out of reach of the samples: {effective:.1f} effective samples carry it,"
                f" at least {EFFECTIVE} are needed"
            )
        return weights

    def carries(self, coupling) -> bool:
        """True where enough samples carry the ensemble of a coupling."""
        return bool(1 / np.sum(self._weights(np.atleast_1d(coupling)) ** 2 / self.share) >= EFFECTIVE)

    def reached(self, count: int = 21) -> np.ndarray:
        """Those of `count` couplings between the smallest and the largest (one number each) that samples carry.

        OverlapError when fewer than two are.
        """
        low, high = float(self.couplings.min()), float(self.couplings.max())
        carried = [c for c in np.linspace(low, high, count) if self.carries(c)]
        if len(carried) < 2:
            raise OverlapError(f"couplings: fewer than {EFFECTIVE} effective samples carry any coupling between them")
        return np.array(carried)

    def mean(self, values, coupling) -> float:
        """Mean of an observable, given at all samples, in the ensemble of a coupling."""
        return float(self.weights(coupling) @ np.asarray(values, dtype=float))

    def stderr(self, equations, place) -> np.ndarray:
        """Standard errors (m,) of a place theta that solves m equations sum_n w_n(theta_0) h_n(theta) = 0.

        Parameters
        ----------
        equations : theta (m,) -> h (m, n), at all samples.  place : the solution; its first entry is the coupling.

        The error made is O(1/n); J is a central difference of relative step 1e-5.
        """
        place = np.atleast_1d(np.asarray(place, dtype=float))

        def terms(theta):
            return self._weights(theta[:1]) * np.atleast_2d(equations(theta))

        steps = np.diag(1e-5 * np.maximum(np.abs(place), 1e-3))
        slopes = [(terms(place + s) - terms(place - s)).sum(1) / (2 * s.sum()) for s in steps]
        now = terms(place)
        if len(self.counts) > 1:
            members = _responsibilities(self.conjugate, self.couplings, self.counts, self.log_z)
            scored = (members - self._own)[:, 1:] * self.share[:, None]
            hessian = _curvature(members, self.share)[1:, 1:]
            now = now + now @ members[:, 1:] @ np.linalg.solve(hessian, scored.T)
        influence = -np.linalg.solve(np.stack(slopes, 1), now)
        edges = np.cumsum([0, *(len(p.flat) for p in self.parts)])
        variance = np.zeros(len(place))
        for part, psi in zip(self.parts, np.split(influence, edges[1:-1], axis=1), strict=True):
            variance += [row.size * row.var() * inefficiency(part, row) for row in psi]
        return np.sqrt(variance)

    def _weights(self, coupling):
        logs = self.conjugate @ coupling - self._log_mixture + np.log(self.share)
        return np.exp(logs - _log_sum(logs))

    @property
    def _own(self):
        """1 where a sample is of an ensemble, (n, K)."""
        return np.repeat(np.eye(len(self.parts)), [len(p.flat) for p in self.parts], axis=0)

    @cached_property
    def _log_mixture(self):
        return _log_mixture(self.conjugate, self.couplings, self.counts, self.log_z)


def reweighting(samples, couplings) -> Reweighting:
    """Join samples of K ensembles.

    Parameters
    ----------
    samples : K sets of samples of the conjugate variable A, independent (n_k,) or chains (chains, steps) as in
        `physim.chains`; with vectors as couplings (n_k, p) or (chains, steps, p).
    couplings : K numbers lambda_k, or K vectors of length p.

    Raises
    ------
    ValueError for lengths that differ or fewer than 50 samples in an ensemble; OverlapError for disjoint histograms;
    EquilibrationError for chains that are unusable.
    """
    couplings = np.asarray(couplings, dtype=float)
    if len(samples) != len(couplings) or not len(couplings):
        raise ValueError(f"couplings: {len(couplings)} given for {len(samples)} sets of samples; one each is needed")
    vectors, couplings = couplings.ndim - 1, couplings.reshape(len(couplings), -1)
    parts = tuple(sampled(_column(a, vectors), entries=vectors) for a in samples)
    arrays = [p.flat.reshape(len(p.flat), -1) for p in parts]
    if any(a.shape[1] != couplings.shape[1] for a in arrays):
        raise ValueError(f"samples: each needs {couplings.shape[1]} conjugate variables, one for each coupling")
    doubt, factors = "", []
    for part, flat, coupling in zip(parts, arrays, couplings, strict=True):
        where = "coupling " + ", ".join(f"{c:.6g}" for c in coupling)
        columns = {f"A_{i + 1}" if vectors else "A": column for i, column in enumerate(flat.T)}
        doubt = doubt or checked(part, columns, where)
        factors.append(max(inefficiency(part, column) for column in flat.T))
    counts = np.array([len(a) / g for a, g in zip(arrays, factors, strict=True)])
    if counts.min() < EFFECTIVE:
        raise ValueError(f"samples: {counts.min():.0f} in an ensemble; at least {EFFECTIVE} are needed")
    pooled, share = np.concatenate(arrays), np.repeat(1 / np.array(factors), [len(a) for a in arrays])
    log_z = _solved(pooled, couplings, counts, share, _started([a.mean(0) for a in arrays], couplings))
    _check_overlap(pooled, couplings, counts, log_z, share)
    return Reweighting(pooled, couplings, counts, log_z, parts, share, doubt)


def _column(samples, vectors):
    """Numbers kept as one column (n, 1) are independent samples."""
    flat = not vectors and not hasattr(samples, "dims") and np.ndim(samples) == 2 and np.shape(samples)[1] == 1
    return np.ravel(samples) if flat else samples


def _log_mixture(pooled, couplings, counts, log_z):
    return _log_sum(pooled @ couplings.T - log_z + np.log(counts))


def _responsibilities(pooled, couplings, counts, log_z):
    logs = pooled @ couplings.T - log_z + np.log(counts)
    return np.exp(logs - _log_sum(logs)[:, None])


def _log_sum(logs):
    """log of the sum of exponentials over the last axis."""
    top = logs.max(-1)
    return top + np.log(np.exp(logs - top[..., None]).sum(-1))


def _curvature(members, share):
    weighted = members * share[:, None]
    return np.diag(weighted.sum(0)) - weighted.T @ members


def _solved(pooled, couplings, counts, share, log_z, steps=100):
    """log Z_k by Newton on the convex likelihood, halved until it falls; the first is zero."""
    value = np.inf
    for _ in range(steps):
        p = _responsibilities(pooled, couplings, counts, log_z)
        gradient = (counts - share @ p)[1:]
        if np.max(np.abs(gradient), initial=0) < 1e-9 * counts.sum():
            return log_z
        hessian = _curvature(p, share)[1:, 1:]
        step = np.linalg.lstsq(hessian, gradient, rcond=1e-14)[0]
        length = 1.0
        while True:
            trial = log_z - length * np.concatenate([[0], step])
            after = share @ _log_mixture(pooled, couplings, counts, trial) + counts @ trial
            if after <= value + 1e-12 * abs(value) or length < 1e-4 or not np.isfinite(value):
                break
            length /= 2
        log_z, value = trial, after
    raise OverlapError("samples: the histograms are disjoint, their relative weights cannot be found")


def _started(means, couplings):
    """log Z_k by thermodynamic integration of the means along the ensembles in the given order."""
    slopes = [(a + b) / 2 @ step for (a, b), step in zip(pairwise(means), np.diff(couplings, axis=0), strict=True)]
    return np.concatenate([[0], np.cumsum(slopes)])


def _check_overlap(pooled, couplings, counts, log_z, share):
    """Refuse ensembles that fall into groups whose overlap matrix is below the threshold between them."""
    p = _responsibilities(pooled, couplings, counts, log_z)
    overlap = (p * share[:, None]).T @ p / counts
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
