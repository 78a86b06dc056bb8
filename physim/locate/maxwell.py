r"""First-order transitions: the Maxwell point where two phases weigh the same.

    P(A; lambda) ~ sum_n w_n(lambda) delta(A - A_n),      P(q > q*; lambda_M) / P(q < q*; lambda_M) = ratio

q is the order parameter, q* the valley between its two peaks, w_n the weights of multi-histogram reweighting.  ratio is
1 for two single phases, q for a q-fold ordered phase against one disordered phase (equal weight of each phase).
Sources: Borgs & Kotecky 1990 (equal weights); Ferrenberg & Swendsen 1989.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from analytic.transition import Transition
from physim.reweighting import EFFECTIVE, OverlapError, reweighting

BINS = 60


def maxwell_point(conjugates, couplings, order=None, *, ratio: float = 1.0, valley=None, repetitions=40, seed=0):
    """The coupling of equal areas.

    Parameters
    ----------
    conjugates : K arrays of independent samples of A, in ensembles exp(lambda A).  couplings : the K lambda_k.
    order : K arrays of the order parameter; None takes A itself.
    ratio : weight of the upper phase over the lower.  valley : q*, or None to find it.
    repetitions, seed : of the bootstrap over samples.

    Returns
    -------
    Transition of kind "first-order" in "coupling"; status "unresolved" for disjoint histograms or a single peak, "none"
    where the areas are not equal in the range of the couplings.
    """
    arrays = [np.asarray(a, dtype=float) for a in conjugates]
    orders = arrays if order is None else [np.asarray(q, dtype=float) for q in order]
    known: dict = {"kind": "first-order", "object": "equal areas", "parameter": "coupling", "method": "reweighting"}
    low, high = float(np.min(couplings)), float(np.max(couplings))
    try:
        first = reweighting(arrays, couplings)
        reached = [c for c in np.linspace(low, high, 21) if _carried(first, c)]
        if len(reached) < 2:
            raise OverlapError(f"couplings: fewer than {EFFECTIVE} effective samples carry any coupling between them")
        cut = _valley(first, np.concatenate(orders), reached) if valley is None else float(valley)
        value = _equal(first, np.concatenate(orders) > cut, ratio, reached)
        generator = np.random.Generator(np.random.Philox(seed))
        values = []
        for _ in range(repetitions):
            picks = [generator.integers(0, len(a), len(a)) for a in arrays]
            again = reweighting([a[k] for a, k in zip(arrays, picks, strict=True)], couplings)
            upper = np.concatenate([q[k] > cut for q, k in zip(orders, picks, strict=True)])
            values.append(_equal(again, upper, ratio, reached))
    except OverlapError as error:
        return Transition(**known, status="unresolved", reason=str(error))
    except NoAnswer as error:
        return Transition(**known, status=error.status, reason=str(error))
    stderr = float(np.std(values, ddof=1))
    return Transition(
        **known, value=value, stderr=stderr, bracket=(low, high), status="estimated", others={"valley": cut}
    )


class NoAnswer(ArithmeticError):
    """Why there is no Maxwell point, and the status that goes with it."""

    def __init__(self, status, reason):
        super().__init__(reason)
        self.status = status


def _equal(joined, upper, ratio, reached):
    """The coupling of equal areas between the first and the last coupling within reach."""

    def excess(coupling):
        share = float(joined.weights(coupling)[upper].sum())
        return np.log(max(share, 1e-300)) - np.log(max(1 - share, 1e-300)) - np.log(ratio)

    low, high = reached[0], reached[-1]
    if excess(low) * excess(high) > 0:
        side = "upper" if excess(low) > 0 else "lower"
        raise NoAnswer("none", f"the {side} phase has the larger weight from {low:.6g} to {high:.6g}")
    return float(brentq(excess, low, high, xtol=1e-9 * (high - low)))


def _carried(joined, coupling):
    try:
        joined.weights(coupling)
    except OverlapError:
        return False
    return True


def _valley(joined, q, couplings):
    """The lowest bin between the two highest separate peaks, at the coupling where the two are most alike."""
    edges = np.linspace(q.min(), q.max(), BINS + 1)
    best, place = 0.0, None
    for coupling in couplings:
        weights = joined.weights(coupling)
        counts, _ = np.histogram(q, edges, weights=weights)
        counts = np.convolve(np.pad(counts, 2), np.ones(5) / 5, "valid")
        for k in range(2, BINS - 2):
            lower = min(counts[:k].max(), counts[k + 1 :].max())
            depth, noise = lower - counts[k], np.sqrt(lower * np.sum(weights**2) / 5)
            if depth > 5 * noise and counts[k] < 0.6 * lower and depth > best:
                best, place = depth, float((edges[k] + edges[k + 1]) / 2)
    if place is None:
        raise NoAnswer("unresolved", "the order parameter has a single peak at every coupling: no two phases are seen")
    return place
