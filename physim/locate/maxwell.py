r"""First-order transitions: the Maxwell point where two phases weigh the same.

    P(A; lambda) ~ sum_n w_n(lambda) delta(A - A_n),      P(q > q*; lambda_M) / P(q < q*; lambda_M) = ratio

q is the order parameter, q* the valley between its two peaks, w_n the weights of multi-histogram reweighting.  ratio is
1 for two single phases, g for g ordered phases together against one disordered phase (equal weight of each phase).
The point drifts as 1/N to coexistence where the fluctuations about the phases differ, as in mean field
(`drift.extrapolated` with drift 1).

The standard error is that of the root of sum_n w_n(lambda) (1[q_n > q*] - ratio/(1 + ratio)), by influence functions
(`Reweighting.stderr`).  A valley that is looked for lies anywhere within (q_1, q_2), where the histogram is within two
standard errors of its lowest: a spread |lambda_M(q_1) - lambda_M(q_2)|/sqrt(12) is added in square, and the answer is
tentative where it is the larger part (phases that still overlap have no sharp point of equal weight).
Sources: Borgs & Kotecky 1990 (equal weights); Ferrenberg & Swendsen 1989.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from analytic.transition import Transition
from physim.chains import EquilibrationError, checked, sampled
from physim.locate.curves import doubted
from physim.reweighting import OverlapError, reweighting

BINS = 60


def maxwell_point(conjugates, couplings, order=None, *, ratio: float = 1.0, valley=None) -> Transition:
    """The coupling of equal areas.

    Parameters
    ----------
    conjugates : K sets of samples of A in ensembles exp(lambda A): (n,) independent, or chains as in `physim.chains`.
    couplings : the K lambda_k.
    order : K sets of the order parameter, like `conjugates`; None takes A itself.
    ratio : weight of the upper phase over the lower.  valley : q*, or None to find it.

    Returns
    -------
    Transition of kind "first-order" in "coupling"; status "unresolved" for disjoint histograms, a single peak or chains
    that are not equilibrated, "none" where the areas are not equal in the range of the couplings.

    Raises
    ------
    ValueError for a ratio that is not positive, or an order parameter that is not given for every sample.
    """
    if not ratio > 0:
        raise ValueError(f"ratio: {ratio} given; a positive number is needed")
    known: dict = {"kind": "first-order", "object": "equal areas", "parameter": "coupling", "method": "reweighting"}
    low, high = float(np.min(couplings)), float(np.max(couplings))
    try:
        joined = reweighting(conjugates, couplings)
        q, doubt = _orders(joined, order, couplings)
        reached = joined.reached()
        cut, *ends = _valley(joined, q, reached) if valley is None else (float(valley),)
        value = _equal(joined, q > cut, ratio, reached)
        spread = np.ptp([_equal(joined, q > end, ratio, reached) for end in ends] or [0.0]) / np.sqrt(12)
    except (OverlapError, EquilibrationError) as error:
        return Transition(**known, status="unresolved", reason=str(error))
    except NoAnswer as error:
        return Transition(**known, status=error.status, reason=str(error))
    stderr = float(joined.stderr(lambda _: ((q > cut) - ratio / (1 + ratio))[None], [value])[0])
    if spread > stderr:
        doubt = doubt or f"the phases overlap: the answer depends on the valley, taken at {cut:.4g}, by {spread:.2g}"
    fields = {"value": value, "stderr": float(np.hypot(stderr, spread)), "bracket": (low, high), "status": "estimated"}
    return doubted(Transition(**known, **fields, others={"valley": cut}), doubt)


class NoAnswer(ArithmeticError):
    """Why there is no Maxwell point, and the status that goes with it."""

    def __init__(self, status, reason):
        super().__init__(reason)
        self.status = status


def _orders(joined, order, couplings):
    """The order parameter of all samples in one row, and what is doubtful about its chains."""
    if order is None:
        return joined.conjugate[:, 0], joined.doubt
    if len(order) != len(joined.parts):
        raise ValueError(f"order: {len(order)} sets given for {len(joined.parts)} ensembles; one each is needed")
    rows, doubt = [], joined.doubt
    for given, part, coupling in zip(order, joined.parts, couplings, strict=True):
        drawn = sampled(given, what="order")
        if drawn.values.shape != part.values.shape:
            raise ValueError(f"order: shape {drawn.values.shape} given for samples of shape {part.values.shape}")
        doubt = doubt or checked(part, {"order parameter": drawn.values}, f"coupling {coupling:.6g}")
        rows.append(drawn.flat)
    return np.concatenate(rows), doubt


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


def _valley(joined, q, couplings):
    """(q*, q_1, q_2): the lowest bin between two peaks where they are most alike, and the range that is as low."""
    edges = np.linspace(q.min(), q.max(), BINS + 1)
    best, place = 0.0, None
    for coupling in couplings:
        weights = joined.weights(coupling)
        counts, _ = np.histogram(q, edges, weights=weights)
        counts = np.convolve(np.pad(counts, 2), np.ones(5) / 5, "valid")
        for k in range(2, BINS - 2):
            lower = min(counts[:k].max(), counts[k + 1 :].max())
            noise = np.sqrt(lower * np.sum(weights**2 / joined.share) / 5)
            depth = lower - counts[k]
            if depth > 5 * noise and counts[k] < 0.6 * lower and depth > best:
                best, place = depth, (k, counts, 2 * noise)
    if place is None:
        raise NoAnswer("unresolved", "the order parameter has a single peak at every coupling: no two phases are seen")
    k, counts, noise = place
    first, last = k, k
    while first > 0 and counts[first - 1] <= counts[k] + noise:
        first -= 1
    while last < BINS - 1 and counts[last + 1] <= counts[k] + noise:
        last += 1
    middle = (edges[:-1] + edges[1:]) / 2
    return float(middle[k]), float(edges[first]), float(edges[last + 1])
