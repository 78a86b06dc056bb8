r"""Crossings of Binder cumulants of successive sizes, and where they drift to.

    U4(N, p) = U* + a (p - p_c) N^(1/nu) + b N^-w      =>      p_x(N, N') = p_c + c N^-(1/nu + w)

Curie-Weiss: 1/nu + w = 1/2 + 1/2 = 1.  The drift exponent is given or, from four crossings on, fitted.  Neighbouring
crossings share a size: their covariance is that of the fits, through the derivatives of each crossing by the values.
Sources: Binder 1981; Hasenbusch 2010 (corrections to crossings).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from analytic.transition import Transition
from physim.chains import EquilibrationError
from physim.locate.curves import crossing_and_slopes, doubted
from physim.locate.drift import extrapolated
from physim.locate.moment import Moments


def binder_crossings(data: Moments, *, drift: float | None = 1.0, parameter: str = "p"):
    """The crossings of successive sizes and their limit.

    Parameters
    ----------
    data : moments of at least three sizes at the same parameters for each pair of successive sizes.
    drift : exponent of N in the drift; None fits it (at least four crossings).

    Returns
    -------
    (limit, crossings): Transition of the critical point; tuple of the crossings' Transitions, one for each pair.  From
    chains that are not equilibrated: status "unresolved" and the sentence.
    """
    sizes = np.unique(data.size)
    known: dict = {"kind": "critical point", "object": "binder", "parameter": parameter}
    known["method"] = "crossings, extrapolated"
    if len(sizes) < 3 + (drift is None) * 2:
        reason = f"{len(sizes)} sizes given; {3 if drift else 5} are needed to extrapolate the drift of crossings"
        return Transition(**known, status="unresolved", reason=reason), ()
    try:
        curves = _curves(data, sizes)
    except EquilibrationError as error:
        return Transition(**known, status="unresolved", reason=str(error)), ()
    rows = [_pair(curves, one, two, parameter) for one, two in pairwise(sizes)]
    found = tuple(doubted(point, data.doubt) for point, _ in rows)
    if any(not c.found for c in found):
        bad = next(k for k, c in enumerate(found) if not c.found)
        reason = f"sizes {sizes[bad]:g} and {sizes[bad + 1]:g}: {found[bad].reason}"
        return Transition(**known, status=found[bad].status, reason=reason), found
    covariance = _covariance(curves, sizes, found, [slopes for _, slopes in rows])
    limit = extrapolated(sizes[:-1], found, drift, covariance=covariance, kind="critical point", object="binder")
    return limit, found


def _curves(data, sizes):
    """size -> {parameter: (cumulant, standard error)}."""
    value, stderr = data.observable("binder")
    out = {}
    for size in sizes:
        at = data.size == size
        out[size] = dict(zip(data.parameter[at], zip(value[at], stderr[at], strict=True), strict=True))
    return out


def _pair(curves, one, two, parameter):
    """Where the difference of two sizes vanishes, and its derivative by the difference at each shared parameter."""
    shared = sorted(curves[one].keys() & curves[two].keys())
    if len(shared) < 6:
        reason = f"sizes {one:g} and {two:g} share {len(shared)} parameters; at least 6 are needed"
        return Transition("crossing", "binder", parameter, status="unresolved", reason=reason), None
    (a, da), (b, db) = (np.array([curves[size][p] for p in shared]).T for size in (one, two))
    names = {"object": "binder", "parameter": parameter}
    found, slopes = crossing_and_slopes(np.array(shared), b - a, np.hypot(da, db), 0.0, **names)
    return found, None if slopes is None else dict(zip(shared, slopes, strict=True))


def _covariance(curves, sizes, found, slopes):
    """Of all crossings: neighbours have a size in common, whose cumulant moves them in opposite directions."""
    covariance = np.diag([c.stderr**2 for c in found])
    for k, size in enumerate(sizes[1:-1]):
        shared = slopes[k].keys() & slopes[k + 1].keys()
        common = -sum(slopes[k][p] * slopes[k + 1][p] * curves[size][p][1] ** 2 for p in shared)
        limit = 0.9 * found[k].stderr * found[k + 1].stderr
        covariance[k, k + 1] = covariance[k + 1, k] = np.clip(common, -limit, limit)
    return covariance
