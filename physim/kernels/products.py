"""The model-independent part of kernels for many centres or a common field: posteriors, and what is measured of them.

Ising spins in the field u = beta (J M + h) with y_i = alpha x_i/sigma^2, T = tanh u, tau_i = tanh y_i:

    sum_i log cosh(u + y_i) = N log cosh u + sum_i log cosh y_i + log prod_i (1 + T tau_i)
    E[s_i|M, x] = tanh(u + y_i) = (T + tau_i)/(1 + T tau_i)

so that a node of M costs one multiplication a site, and its part of the mean half a division.
"""

import numpy as np
from numba import njit

from physim.kernels.elementary import exp, log, tanh
from physim.kernels.intrinsics import fma, select, wide_vectors
from physim.observables import WIDTH, fold, mean_of

DROP = 17.0  # log-weights this far below the largest node do not count
REACH = 30.0  # nodes this far below it are looked at again in the next step
REFRESH = 8  # steps between two looks at all nodes


@njit(error_model="numpy", nogil=True)
def weights_of(logits, overlap, square, norms, log_weights, sums, scale):
    """logits <- exp(overlap logits + square norms + log_weights - top), unnormalised; scale[r] = 1/(sum of row r)."""
    wide_vectors()
    count = logits.shape[1]
    for r in range(logits.shape[0]):
        row, top = logits[r], -np.inf
        for k in range(count):
            row[k] = overlap * row[k] + (square * norms[k] + log_weights[k])
        for k in range(count):
            top = max(top, row[k])
        for k in range(count):
            row[k] = exp(row[k] - top)
        scale[r] = 1.0 / (mean_of(row, count, sums) * count)


@njit(error_model="numpy", nogil=True)
def statistics_of(x, row, scale, out):
    """out = entropy, largest probability, its place, sum of squares of p = scale row; and |x|^2/D."""
    entropy, top, place, square, norm = 0.0, 0.0, 0, 0.0, 0.0
    for k in range(row.shape[0]):
        p = row[k] * scale
        if p > 0.0:
            entropy -= p * log(p)
        square += p * p
        if p > top:
            top, place = p, k
    for i in range(x.shape[0]):
        norm += x[i] * x[i]
    out[0], out[1], out[2], out[3], out[4] = entropy, top, float(place), square, norm / x.shape[0]


@njit(error_model="numpy", nogil=True)
def load_rows(initial, first, count, x):
    """Rows of x from the flat states of some trajectories; the other rows are zero."""
    for r in range(x.shape[0]):
        for i in range(x.shape[1]):
            x[r, i] = initial[0, (first + r) * x.shape[1] + i] if r < count else 0.0


@njit(error_model="numpy", nogil=True)
def log_product(tau, slope, group, partial):
    """log prod_i (1 + slope tau_i), by WIDTH partial products whose logarithms are taken every `group` factors."""
    wide_vectors()
    count = tau.shape[0]
    whole, total = count - count % WIDTH, 0.0
    for j in range(WIDTH):
        partial[j] = 1.0
    for block in range(0, whole, WIDTH * group):
        for i in range(block, min(block + WIDTH * group, whole), WIDTH):
            for j in range(WIDTH):
                partial[j] *= fma(slope, tau[i + j], 1.0)
        for j in range(WIDTH):
            partial[j] = log(partial[j])
        total += fold(partial)
        for j in range(WIDTH):
            partial[j] = 1.0
    for i in range(whole, count):
        partial[i - whole] = fma(slope, tau[i], 1.0)
    for j in range(WIDTH):
        partial[j] = log(partial[j])
    return total + fold(partial)


@njit(error_model="numpy", nogil=True)
def field_posterior(tau, slopes, prior, group, refresh, action, active, kept, partial):
    """Nodes that count: kept[0] their slopes, kept[1] their probabilities, kept[2] their places; returns how many.

    action[j] = prior[j] + log prod_i (1 + slopes[j] tau_i); active[j] tells which nodes to look at.
    """
    count, top = slopes.shape[0], -np.inf
    for j in range(count):
        if refresh or active[j]:
            action[j] = prior[j] + log_product(tau, slopes[j], group, partial)
            top = max(top, action[j])
        else:
            action[j] = -np.inf
    found, total = 0, 0.0
    for j in range(count):
        near = action[max(j - 1, 0)], action[j], action[min(j + 1, count - 1)]
        active[j] = max(near[0], max(near[1], near[2])) > top - REACH
        if action[j] > top - DROP:
            kept[0, found], kept[1, found], kept[2, found] = slopes[j], exp(action[j] - top), float(j)
            total += kept[1, found]
            found += 1
    for k in range(found):
        kept[1, k] /= total
    if found % 2:  # a pair for the last one
        kept[0, found], kept[1, found], kept[2, found] = 0.0, 0.0, 0.0
    return found


@njit(error_model="numpy", nogil=True)
def spin_means(tau, kept, found, mean):
    """mean_i = sum_k p_k (T_k + tau_i)/(1 + T_k tau_i), two nodes a division."""
    wide_vectors()
    for i in range(tau.shape[0]):
        mean[i] = 0.0
    for k in range(0, found, 2):
        a, b, p, q = kept[0, k], kept[0, k + 1], kept[1, k], kept[1, k + 1]
        for i in range(tau.shape[0]):
            v = tau[i]
            below_a, below_b = fma(a, v, 1.0), fma(b, v, 1.0)
            above = fma(p * (a + v), below_b, q * (b + v) * below_a)
            mean[i] += above / (below_a * below_b)


@njit(error_model="numpy", nogil=True)
def tanh_of(x, coefficient, tau):
    """tau_i = tanh(coefficient x_i)."""
    wide_vectors()
    for i in range(tau.shape[0]):
        tau[i] = tanh(coefficient * x[i])


@njit(error_model="numpy", nogil=True)
def spin_statistics(x, mean, kept, found, middle, sums, scratch, out):
    """out = mean of x, of sign x, of the spins' means, of their squares; probability of the nodes above the middle."""
    wide_vectors()
    count = x.shape[0]
    for i in range(count):
        scratch[i] = select(x[i] > 0.0, 1.0, select(x[i] < 0.0, -1.0, 0.0))
    out[0], out[1], out[2] = mean_of(x, count, sums), mean_of(scratch, count, sums), mean_of(mean, count, sums)
    for i in range(count):
        scratch[i] = mean[i] * mean[i]
    out[3], out[4] = mean_of(scratch, count, sums), 0.0
    for k in range(found):
        out[4] += kept[1, k] * select(kept[2, k] > middle, 1.0, select(kept[2, k] < middle, 0.0, 0.5))
