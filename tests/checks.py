"""The one place where statistical tests get their tolerance.

A comparison of an estimate with a truth is judged by z = (estimate - truth)/stderr.  `agree` allows |z| <= 5 for each
of m comparisons, whose false-alarm rate is 5.7e-7 m for normal errors; with fixed seeds a test that passes once passes
always.  `calibrated` asks in addition that independent z be standard normal (Kolmogorov-Smirnov p > 1e-4).
"""

import numpy as np
from scipy import stats

LIMIT = 5.0


def agree(estimate, stderr, truth, bias=0.0):
    """Every estimate lies within LIMIT standard errors (plus a stated bias) of the truth."""
    estimate, stderr, truth = np.broadcast_arrays(estimate, stderr, truth)
    assert np.all(stderr > 0), "a standard error is zero"
    assert np.all(stderr <= 0.2 * np.maximum(np.abs(truth), 1)), "a standard error too large to test anything"
    z = (np.abs(estimate - truth) - bias) / stderr
    worst = np.unravel_index(np.argmax(z), z.shape)
    assert z.max() <= LIMIT, (
        f"{estimate[worst]} +- {stderr[worst]} against {truth[worst]} at {worst}: z = {z[worst]:.1f}"
    )


def calibrated(z):
    """Independent z-scores are standard normal: neither too large nor too small."""
    p = stats.kstest(np.ravel(z), "norm").pvalue
    assert p > 1e-4, f"z-scores are not standard normal: p = {p:.1e}, std = {np.std(z):.2f}"
