r"""Pseudo-arclength: a curve of zeros of a function of one more variable than equations.

    G(z) = 0,   G: R^(m+1) -> R^m        predictor z + h t,  corrector Newton on  [DG; t^T] dz = -[G; 0]
    t(z): the unit vector of DG t = 0 that goes on in the same direction

The step h follows the turning of the tangent and the work of the corrector.  z is measured in units that make both
coordinates and parameter of order one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

TURN = 0.96  # smallest cosine between successive tangents
NEWTON = 8


def tangent(DG, before) -> np.ndarray:
    """The unit null vector of DG (m, m + 1) that makes an acute angle with `before`."""
    t = np.linalg.svd(DG)[2][-1]
    return t if t @ before >= 0 else -t


def corrected(function: Callable, z, t, tolerance: float = 1e-13):
    """The zero of G in the plane through z at right angles to t; (z, DG), or None."""
    start, last = z, np.inf
    for _ in range(NEWTON):
        G, DG = function(z)
        if not np.all(np.isfinite(DG)):
            return None
        bordered = np.concatenate([DG, t[None]])
        step = np.linalg.lstsq(bordered, -np.append(G, t @ (z - start)), rcond=None)[0]
        z, size = z + step, float(np.linalg.norm(step))
        if size < tolerance or (size < 1e-10 and size >= last):
            return z, function(z)[1]
        last = size
    return None


def traced(function, z, t, inside, step=0.01, longest=0.03, shortest=1e-7, most=3000):
    """Points z and tangents t of the curve from z in the direction t, as a generator.

    inside : z -> None inside the limits, else the (index, value) of the limit that was passed; the last point then
    lies on it.  Ends after `most` points, or where steps below `shortest` do not help.
    """
    yield z, t
    h = step
    for _ in range(most):
        guess = corrected(function, z + h * t, t)
        if guess is not None:
            new, DG = guess
            onward = tangent(DG, t)
            turn = onward @ t
        if guess is None or turn < TURN or np.linalg.norm(new - z) > 2 * h:
            h /= 2
            if h < shortest:
                return
            continue
        limit = inside(new)
        if limit is not None:
            end = _ended(function, z, new, *limit)
            if end is not None:
                yield end[0], tangent(end[1], t)
            return
        z, t = new, onward
        yield z, t
        h = min(longest, h * (1.5 if turn > 0.995 else 1.0))


def _ended(function, a, b, index, value):
    """The point of the curve between a and b whose coordinate `index` has the value of a limit."""
    axis = np.zeros(len(a))
    axis[index] = 1.0
    share = (value - a[index]) / (b[index] - a[index])
    return corrected(function, a + share * (b - a), axis)
