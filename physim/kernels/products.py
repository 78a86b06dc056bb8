"""The model-independent part of kernels for many centres: posteriors row by row, and what is measured of them."""

import numpy as np
from numba import njit

from physim.kernels.elementary import exp, log, wide_vectors
from physim.observables import mean_of


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
