"""Accumulators that live in the kernel, with four verbs: start, add, merge, finish.

A node has one row per recorded time.  A row holds, for each observable, (n, mean, M2, M3, M4, min, max) with
M_k = sum (v - mean)^k, and, where covariances are asked for, for each pair of observables (M11, M21, M12, M22) with
M_jk = sum (u - mean)^j (v - mean)^k.  Trajectories are grouped in cells of 256, each summed by itself; cells merge in
a binary tree of fixed shape (node k of level l covers the cells k 2^l to (k + 1) 2^l - 1), so the result does not
depend on threads, blocks or chunks.  A lane that is not finite at a recorded time is left out from then on, and n says
so.  Histograms are whole numbers, whose sums have no order.

Source: Pebay 2008 (SAND2008-6212) for the merging formulas; the standard error of a variance from the fourth moment,
of a covariance from M22.
"""

import numpy as np
from numba import njit

from physim.kernels.intrinsics import select, wide_vectors

CELL = 256
SITE_CELL = 16  # of trajectories with many sites
DENSE_CELL = 64  # of trajectories among many centres
WIDTH = 32
MOMENTS = 7
PAIR = 4


@njit(error_model="numpy", nogil=True)
def add_moments(values, alive, sums, out):
    """out = the moments of the living entries of one cell; `sums` is scratch of shape (4, WIDTH)."""
    wide_vectors()
    m = values.shape[0]
    whole = m - m % WIDTH
    s0, s1, s2, s3 = sums[0], sums[1], sums[2], sums[3]
    for j in range(WIDTH):
        s0[j], s1[j], s2[j], s3[j] = 0.0, 0.0, np.inf, -np.inf
    for i in range(0, whole, WIDTH):
        for j in range(WIDTH):
            v = values[i + j]
            s0[j] += alive[i + j]
            s1[j] += select(alive[i + j] > 0.0, v, 0.0)
            s2[j] = select((alive[i + j] > 0.0) & (v < s2[j]), v, s2[j])
            s3[j] = select((alive[i + j] > 0.0) & (v > s3[j]), v, s3[j])
    for i in range(whole, m):
        s0[i - whole] += alive[i]
        s1[i - whole] += select(alive[i] > 0.0, values[i], 0.0)
        s2[i - whole] = select((alive[i] > 0.0) & (values[i] < s2[i - whole]), values[i], s2[i - whole])
        s3[i - whole] = select((alive[i] > 0.0) & (values[i] > s3[i - whole]), values[i], s3[i - whole])
    low, high = np.inf, -np.inf
    for j in range(WIDTH):
        low, high = min(low, s2[j]), max(high, s3[j])
    out[5], out[6] = low, high
    n = fold(s0)
    mean = fold(s1) / max(n, 1.0)
    for j in range(WIDTH):
        s1[j], s2[j], s3[j] = 0.0, 0.0, 0.0
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
def add_pairs(values, low, high, alive, out):
    """The pair sums of one cell (lanes low to high) behind its moments in the row `out`."""
    count = values.shape[0]
    at = count * MOMENTS
    for k in range(1, count):
        for j in range(k):
            a, b = out[j * MOMENTS + 1], out[k * MOMENTS + 1]
            s11, s21, s12, s22 = 0.0, 0.0, 0.0, 0.0
            for i in range(low, high):
                u = select(alive[i] > 0.0, values[j, i] - a, 0.0)
                v = select(alive[i] > 0.0, values[k, i] - b, 0.0)
                s11 += u * v
                s21 += u * u * v
                s12 += u * v * v
                s22 += (u * v) * (u * v)
            out[at], out[at + 1], out[at + 2], out[at + 3] = s11, s21, s12, s22
            at += PAIR


@njit(error_model="numpy", nogil=True)
def add_histograms(values, lanes, alive, edges, layout, counts):
    """Count the living lanes; a row of `layout` is (column, first edge, edges, column or -1, first edge, edges, place).

    Bin 0 lies below the first edge, bin k between edges k - 1 and k (the last one closed), the last bin above.
    """
    for h in range(layout.shape[0]):
        a, b = layout[h, 0], layout[h, 3]
        for i in range(lanes):
            if alive[i] > 0.0:
                place = bin_of(values[a, i], edges, layout[h, 1], layout[h, 2])
                if b >= 0:
                    inner = bin_of(values[b, i], edges, layout[h, 4], layout[h, 5])
                    place = place * (layout[h, 5] + 1) + inner
                counts[layout[h, 6] + place] += 1


@njit(error_model="numpy", nogil=True)
def bin_of(v, edges, first, count):
    """How many of the sorted edges are at most v; the last edge belongs to the bin below it."""
    if v == edges[first + count - 1]:
        return count - 1
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if edges[first + middle] <= v:
            low = middle + 1
        else:
            high = middle
    return low


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
def mean_of(values, count, sums):
    """The mean of the first entries, by WIDTH partial sums; `sums` is scratch of that length."""
    wide_vectors()
    whole = count - count % WIDTH
    for j in range(WIDTH):
        sums[j] = 0.0
    for i in range(0, whole, WIDTH):
        for j in range(WIDTH):
            sums[j] += values[i + j]
    for i in range(whole, count):
        sums[i - whole] += values[i]
    return fold(sums) / count


@njit(error_model="numpy", nogil=True)
def merge_moments(a, b):
    """a <- the moments of a and b together, two slices of MOMENTS numbers."""
    na, nb = a[0], b[0]
    n = na + nb
    if nb > 0.0:
        delta = b[1] - a[1]
        part = delta / n
        m2a, m2b, m3a, m3b = a[2], b[2], a[3], b[3]
        square = delta * part * na * nb
        a[4] = (
            a[4]
            + b[4]
            + square * part * part * (na * na - na * nb + nb * nb)
            + 6.0 * part * part * (na * na * m2b + nb * nb * m2a)
            + 4.0 * part * (na * m3b - nb * m3a)
        )
        a[3] = m3a + m3b + square * part * (na - nb) + 3.0 * part * (na * m2b - nb * m2a)
        a[2] = m2a + m2b + square
        a[1] = a[1] + part * nb
        a[0] = n
        a[5], a[6] = min(a[5], b[5]), max(a[6], b[6])


@njit(error_model="numpy", nogil=True)
def shifted_pair(row, at, j, k, mean_j, mean_k):
    """(M11, M21, M12, M22) of the observables j and k of one row about other means."""
    a, b = row[j * MOMENTS + 1] - mean_j, row[k * MOMENTS + 1] - mean_k
    n, m20, m02 = row[j * MOMENTS], row[j * MOMENTS + 2], row[k * MOMENTS + 2]
    m11, m21, m12, m22 = row[at], row[at + 1], row[at + 2], row[at + 3]
    return (
        m11 + n * a * b,
        m21 + b * m20 + 2.0 * a * m11 + n * a * a * b,
        m12 + a * m02 + 2.0 * b * m11 + n * a * b * b,
        m22 + 2.0 * b * m21 + 2.0 * a * m12 + b * b * m20 + a * a * m02 + 4.0 * a * b * m11 + n * (a * b) * (a * b),
    )


@njit(error_model="numpy", nogil=True)
def merge_pairs(a, b, count):
    """The pair sums of a <- those of a and b together; before their moments merge."""
    at = count * MOMENTS
    for k in range(1, count):
        for j in range(k):
            na, nb = a[j * MOMENTS], b[j * MOMENTS]
            if nb > 0.0:
                mean_j = (na * a[j * MOMENTS + 1] + nb * b[j * MOMENTS + 1]) / (na + nb)
                mean_k = (na * a[k * MOMENTS + 1] + nb * b[k * MOMENTS + 1]) / (na + nb)
                p0, p1, p2, p3 = shifted_pair(a, at, j, k, mean_j, mean_k)
                q0, q1, q2, q3 = shifted_pair(b, at, j, k, mean_j, mean_k)
                a[at], a[at + 1], a[at + 2], a[at + 3] = p0 + q0, p1 + q1, p2 + q2, p3 + q3
            at += PAIR


@njit(error_model="numpy", nogil=True)
def merge_nodes(a, b, count):
    """a <- a and b together, nodes of `count` observables."""
    for row in range(a.shape[0]):
        if a.shape[1] > count * MOMENTS:
            merge_pairs(a[row], b[row], count)
        for k in range(count):
            merge_moments(a[row, k * MOMENTS : (k + 1) * MOMENTS], b[row, k * MOMENTS : (k + 1) * MOMENTS])


@njit(error_model="numpy", nogil=True)
def copy_node(source, target):
    """target <- source, entry by entry (numba compiles a slice assignment to seconds of string handling)."""
    for i in range(source.shape[0]):
        for q in range(source.shape[1]):
            target[i, q] = source[i, q]


@njit(error_model="numpy", nogil=True)
def carry(tree, filled, node, count):
    """Put the next node into a binary counter of nodes: merge while the same level is filled."""
    level = 0
    while filled[level]:
        merge_nodes(tree[level], node, count)
        copy_node(tree[level], node)
        filled[level] = 0
        level += 1
    copy_node(node, tree[level])
    filled[level] = 1


@njit(error_model="numpy", nogil=True)
def collapse(tree, filled, out, count):
    """out <- all nodes of a binary counter together: each larger (earlier) one merged with what follows it."""
    empty = True
    for level in range(tree.shape[0]):
        if filled[level]:
            if not empty:
                merge_nodes(tree[level], out, count)
            copy_node(tree[level], out)
            empty = False
