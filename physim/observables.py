"""Accumulators that live in the kernel, with four verbs: start, add, merge, finish.

Moments to order four of each observable at each recorded time, as (n, mean, M2, M3, M4) with M_k = sum (v - mean)^k.
Trajectories are grouped in cells of 256, each summed by itself; cells merge in a binary tree of fixed shape
(node k of level l covers the cells k 2^l to (k + 1) 2^l - 1), so the result does not depend on threads, blocks or
chunks.  A lane that is not finite at a recorded time is left out from then on, and n says so.

Source: Pebay 2008 (SAND2008-6212) for the merging formulas; the standard error of a variance from the fourth moment.
"""

import numpy as np
from numba import njit

from physim.kernels.elementary import select, wide_vectors

CELL = 256
WIDTH = 32
MOMENTS = 5


@njit(error_model="numpy", nogil=True)
def add_moments(values, alive, sums, out):
    """out = (n, mean, M2, M3, M4) of the living entries of one cell; `sums` is scratch of shape (4, WIDTH)."""
    wide_vectors()
    m = values.shape[0]
    whole = m - m % WIDTH
    for q in range(4):
        for j in range(WIDTH):
            sums[q, j] = 0.0
    s0, s1, s2, s3 = sums[0], sums[1], sums[2], sums[3]
    for i in range(0, whole, WIDTH):
        for j in range(WIDTH):
            s0[j] += alive[i + j]
            s1[j] += select(alive[i + j] > 0.0, values[i + j], 0.0)
    for i in range(whole, m):
        s0[i - whole] += alive[i]
        s1[i - whole] += select(alive[i] > 0.0, values[i], 0.0)
    n = fold(s0)
    mean = fold(s1) / max(n, 1.0)
    for j in range(WIDTH):
        s1[j] = 0.0
    for i in range(0, whole, WIDTH):
        for j in range(WIDTH):
            d = select(alive[i + j] > 0.0, values[i + j] - mean, 0.0)
            s1[j] += d * d
            s2[j] += d * d * d
            s3[j] += (d * d) * (d * d)
    for i in range(whole, m):
        d = select(alive[i] > 0.0, values[i] - mean, 0.0)
        s1[i - whole] += d * d
        s2[i - whole] += d * d * d
        s3[i - whole] += (d * d) * (d * d)
    out[0], out[1], out[2], out[3], out[4] = n, mean, fold(s1), fold(s2), fold(s3)


@njit(error_model="numpy", nogil=True)
def fold(sums):
    """The sum of WIDTH partial sums, in pairs; overwrites them."""
    half = WIDTH // 2
    while half > 0:
        for j in range(half):
            sums[j] += sums[j + half]
        half //= 2
    return sums[0]


@njit(error_model="numpy", nogil=True)
def merge_moments(a, b):
    """a <- the moments of a and b together, for arrays of shape (..., 5) flattened to (cells, 5)."""
    for i in range(a.shape[0]):
        na, nb = a[i, 0], b[i, 0]
        n = na + nb
        if nb > 0.0:
            delta = b[i, 1] - a[i, 1]
            part = delta / n
            m2a, m2b, m3a, m3b = a[i, 2], b[i, 2], a[i, 3], b[i, 3]
            square = delta * part * na * nb
            a[i, 4] = (
                a[i, 4]
                + b[i, 4]
                + square * part * part * (na * na - na * nb + nb * nb)
                + 6.0 * part * part * (na * na * m2b + nb * nb * m2a)
                + 4.0 * part * (na * m3b - nb * m3a)
            )
            a[i, 3] = m3a + m3b + square * part * (na - nb) + 3.0 * part * (na * m2b - nb * m2a)
            a[i, 2] = m2a + m2b + square
            a[i, 1] = a[i, 1] + part * nb
            a[i, 0] = n


@njit(error_model="numpy", nogil=True)
def copy_moments(source, target):
    """target <- source, entry by entry (numba compiles a slice assignment to seconds of string handling)."""
    for i in range(source.shape[0]):
        for q in range(MOMENTS):
            target[i, q] = source[i, q]


@njit(error_model="numpy", nogil=True)
def carry(tree, filled, node):
    """Put the next node into a binary counter of nodes: merge while the same level is filled."""
    level = 0
    while filled[level]:
        merge_moments(tree[level], node)
        copy_moments(tree[level], node)
        filled[level] = 0
        level += 1
    copy_moments(node, tree[level])
    filled[level] = 1


@njit(error_model="numpy", nogil=True)
def collapse(tree, filled, out):
    """out <- all nodes of a binary counter together: each larger (earlier) one merged with what follows it."""
    empty = True
    for level in range(tree.shape[0]):
        if filled[level]:
            if not empty:
                merge_moments(tree[level], out)
            copy_moments(tree[level], out)
            empty = False


def finish_moments(node):
    """(n, mean, stderr of the mean, variance, stderr of the variance) of moments of shape (..., 5).

    var = M2/(n-1);  se(mean)^2 = var/n;  se(var)^2 = (M4/n - var^2 (n-3)/(n-1))/n.  nan where n < 2.
    """
    n, mean, m2, m4 = node[..., 0], node[..., 1], node[..., 2], node[..., 4]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        variance = np.where(n > 1, m2 / (n - 1), np.nan)
        spread = np.maximum(m4 / n - variance**2 * (n - 3) / (n - 1), 0.0)
        return n, np.where(n > 0, mean, np.nan), np.sqrt(variance / n), variance, np.sqrt(spread / n)


def finish_rms(node):
    """(root mean square, its stderr) about zero, of moments of shape (..., 5); delta method on E[d^2]."""
    n, mean, m2, m3, m4 = (node[..., q] for q in range(MOMENTS))
    with np.errstate(divide="ignore", invalid="ignore"):
        second = m2 / n + mean**2
        fourth = m4 / n + 4 * mean * m3 / n + 6 * mean**2 * m2 / n + mean**4
        rms = np.sqrt(second)
        return rms, np.sqrt(np.maximum(fourth - second**2, 0.0) / n) / (2 * rms)
