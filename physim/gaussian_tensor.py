r"""A symmetric Gaussian tensor of order three in many dimensions, drawn only along the directions it is asked for.

    H(s) = W(s, s, s)/(sqrt(2) N),   W the symmetrised tensor of N^3 standard normals
    E[H(s) H(s')] = (N/2) q^3,   q = s . s'/N            gradient(m) = 3 W(., m, m)/(sqrt(2) N)

The law of W does not change under rotations.  In an orthonormal basis e_1 .. e_n of the vectors asked for so far, all
that is known of W are the n (n+1)/2 vectors F_ab = W(., e_a, e_b); a further direction adds n + 1 of them, whose
components along e_1 .. e_n follow by symmetry and whose others are fresh normals of variance 1/6 (three different
indices), 1/3 (two equal) or 1.  What is returned has exactly the law of a stored tensor, at a cost of N n^2 instead
of N^3: message passing of t steps meets t + 1 directions.
"""

from __future__ import annotations

import numpy as np

NEW = 1e-9  # a rest shorter than this part of a vector is rounding, no direction


class GaussianTensor:
    """W of the module, in `size` dimensions, from a NumPy generator."""

    def __init__(self, size: int, generator):
        self.size, self._draw = size, generator.standard_normal
        self._basis = np.empty((8, size))
        self._known = np.empty((36, size))  # F_ab, a <= b, at b (b+1)/2 + a
        self.rank = 0

    def gradient(self, m) -> np.ndarray:
        """dH/ds at m, (size)."""
        parts = self._components(np.asarray(m, dtype=float))
        n = len(parts)
        low, high = _pairs(n)
        weights = np.where(low == high, 1.0, 2.0) * parts[low] * parts[high]
        return 3 / (np.sqrt(2) * self.size) * (weights @ self._known[: len(weights)])

    def energy(self, m) -> float:
        """H(m)."""
        return float(m @ self.gradient(m)) / 3

    def _components(self, m):
        """Components of m in the basis, extended by what is new in m; projected twice against rounding."""
        basis, rest, parts = self._basis[: self.rank], m, np.zeros(self.rank)
        for _ in range(2):
            more = basis @ rest
            parts, rest = parts + more, rest - more @ basis
        length = np.linalg.norm(rest)
        if self.rank == self.size or length <= NEW * np.linalg.norm(m):
            return parts
        self._extend(rest / length)
        return np.append(parts, length)

    def _extend(self, new):
        """Add a direction: F_bn for b = 1 .. n, from symmetry where W is known, fresh normals elsewhere."""
        n = self.rank
        self._basis = _grown(self._basis, n + 1)
        self._known = _grown(self._known, (n + 1) * (n + 2) // 2)
        basis, first = self._basis[:n], n * (n + 1) // 2
        low, high = _pairs(n)
        shared = np.empty((n + 1, n))  # W_abn, then W_ann in the last row
        shared[low, high] = shared[high, low] = self._known[:first] @ new
        fresh = self._draw((n + 1, self.size))
        fresh -= (fresh @ basis.T) @ basis
        along = fresh @ new
        rows = np.sqrt(1 / 6) * (fresh - np.outer(along, new)) + np.sqrt(1 / 3) * np.outer(along, new)
        rows[n] = np.sqrt(1 / 3) * (fresh[n] - along[n] * new) + along[n] * new
        shared[n] = rows[:n] @ new
        self._known[first : first + n + 1] = rows + shared @ basis
        self._basis[n] = new
        self.rank = n + 1


def _pairs(n):
    """a <= b in the order of storage."""
    high = np.repeat(np.arange(n), np.arange(1, n + 1))
    return np.arange(n * (n + 1) // 2) - high * (high + 1) // 2, high


def _grown(rows, count):
    """Room for at least `count` rows."""
    if count <= len(rows):
        return rows
    larger = np.empty((3 * count // 2, rows.shape[1]))
    larger[: len(rows)] = rows
    return larger
