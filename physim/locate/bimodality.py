r"""Is a histogram of one piece?  Hartigan's dip and the number of modes.

    dip = min over unimodal F of max_x |F_n(x) - F(x)|        0 <= dip <= 1/4;  two equal point masses: 1/4
    modes: maxima of a Gaussian kernel density;  critical width h_k: the smallest with at most k modes

The p-value of the dip is that of uniform samples of the same size, the least favourable unimodal law.
Sources: Hartigan & Hartigan 1985; Silverman 1981 (critical width).
"""

from __future__ import annotations

import numpy as np

FEWEST = 20


def dip(samples, repetitions: int = 200, seed: int = 0) -> tuple[float, float]:
    """(dip, p-value) of at least 20 samples; the p-value has the resolution 1/(repetitions + 1)."""
    x = _checked(samples)
    if len(x) > 2000:  # quantiles: the dip of 2000 of them differs by less than 1/2000
        x = x[np.linspace(0, len(x) - 1, 2000).round().astype(int)]
    value = _dip(x)
    generator = np.random.Generator(np.random.Philox(seed))
    null = [_dip(np.sort(generator.random(len(x)))) for _ in range(repetitions)]
    return value, (1 + np.count_nonzero(np.array(null) >= value)) / (repetitions + 1)


def modes(samples, width: float | None = None) -> int:
    """Maxima of a Gaussian kernel density; width None takes Silverman's 0.9 min(std, IQR/1.34) n^-1/5."""
    x = _checked(samples)
    if width is None:
        spread = min(x.std(), np.subtract(*np.percentile(x, [75, 25])) / 1.34) or x.std()
        width = 0.9 * spread * len(x) ** -0.2
    if not width > 0:
        raise ValueError(f"width: {width} given; a positive number is needed")
    edges = np.linspace(x[0] - 4 * width, x[-1] + 4 * width, 2049)
    counts, _ = np.histogram(x, edges)
    step = edges[1] - edges[0]
    reach = int(np.ceil(6 * width / step))
    kernel = np.exp(-((np.arange(-reach, reach + 1) * step / width) ** 2) / 2)
    density = np.convolve(counts, kernel, "same")
    density = density[density > 1e-9 * density.max()]
    signs = np.sign(np.diff(density))
    signs = signs[signs != 0]
    return int(np.count_nonzero((signs[:-1] > 0) & (signs[1:] < 0)))


def _checked(samples):
    x = np.sort(np.asarray(samples, dtype=float).ravel())
    if len(x) < FEWEST or not np.all(np.isfinite(x)):
        raise ValueError(f"samples: {len(x)} given; at least {FEWEST} finite ones are needed")
    return x


def _dip(x):
    """Half the largest gap between the empirical law and the nearest unimodal one.

    For each candidate mode the law is the greatest convex minorant before it and the least concave majorant after; the
    interval that holds the mode shrinks until the two touch.
    """
    n = len(x)
    low, high, best = 0, n - 1, 1.0 / n
    while True:
        minorant, majorant = _hull(x, low, high, 1), _hull(x, low, high, -1)
        at = np.union1d(minorant, majorant)
        lower = np.interp(x[at], x[minorant], minorant.astype(float))
        upper = np.interp(x[at], x[majorant], majorant.astype(float) + 1)
        gaps = upper - lower
        k = int(np.argmax(gaps))
        if gaps[k] / n <= best:
            break
        left = minorant[minorant <= at[k]].max()
        right = majorant[majorant >= at[k]].min()
        left, right = min(left, right), max(left, right)
        inside = np.arange(low, left + 1)
        below = np.interp(x[inside], x[minorant], minorant.astype(float))
        best = max(best, float(np.max(inside + 1 - below)) / n) if len(inside) else best
        inside = np.arange(right, high + 1)
        above = np.interp(x[inside], x[majorant], majorant.astype(float) + 1)
        best = max(best, float(np.max(above - inside)) / n) if len(inside) else best
        if (left, right) == (low, high) or left >= right:
            break
        low, high = left, right
    return best / 2


def _hull(x, low, high, sign):
    """Indices of the greatest convex minorant (sign 1) or least concave majorant (-1) of the points (x_i, i)."""
    kept: list[int] = []
    for i in range(low, high + 1):
        while len(kept) > 1:
            a, b = kept[-2], kept[-1]
            if sign * ((b - a) * (x[i] - x[a]) - (i - a) * (x[b] - x[a])) < 0:
                break
            kept.pop()
        kept.append(i)
    return np.array(kept)
