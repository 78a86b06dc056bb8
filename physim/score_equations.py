"""What a scheme sees of a score function: the protocol of `physim.schemes.base` over NumPy arrays."""

from __future__ import annotations

from functools import lru_cache

import numpy as np


@lru_cache(maxsize=4096)
def schedule(process, time):
    """(alpha, sigma, f, g2) of a process at a time."""
    from physim.kernels.scalars import schedule_at

    return schedule_at(process, float(time))


class ScoreEquations:
    """What a scheme sees of a score function: the protocol of `physim.schemes.base` over arrays.

    The whole batch is one coordinate, of shape (n, ...); lanes that are not finite are not shown to the score.
    """

    exp, sqrt, expm1 = (staticmethod(function) for function in (np.exp, np.sqrt, np.expm1))

    def __init__(self, score, process, churn):
        self.function, self.process, self.churn, self.reverse = score, process, churn, self

    def drift(self, x, time):
        """-f x + (g^2/2)(1 + c^2) s."""
        _, _, f, g2 = schedule(self.process, time)
        return [-f * x[0] + g2 / 2 * (1 + self.churn**2) * self.score(x[0], time)]

    def noise(self, x, time):
        """c g."""
        return [self.churn * np.sqrt(schedule(self.process, time)[3])]

    def mean(self, x, time):
        """xhat = (x + sigma^2 s)/alpha."""
        alpha, sigma, _, _ = schedule(self.process, time)
        return [(x[0] + sigma**2 * self.score(x[0], time)) / alpha]

    def at(self, time):
        """The schedule at a time."""
        from physim.kernels.equations import Point

        alpha, sigma, _, _ = schedule(self.process, time)
        return Point(time, alpha, sigma, np.log(alpha / sigma))

    def between(self, t, t_next):
        """The schedule half-way in log-SNR."""
        from physim.kernels.scalars import log_snr_at, times_at

        return self.at(float(times_at(self.process, [log_snr_at(self.process, [t, t_next]).mean()])[0]))

    @staticmethod
    def let(values):
        """Intermediate values are values here."""
        return values

    def score(self, x, time):
        """The values of the score where x is finite, nan elsewhere."""
        axes = tuple(range(1, x.ndim))
        finite = np.isfinite(x).all(axis=axes)
        out = np.full(x.shape, np.nan)
        if finite.any():
            found = np.asarray(self.function(x[finite], float(time)), dtype=float)
            if found.shape != x[finite].shape:
                raise ValueError(
                    f"score: returned shape {found.shape} for a batch of shape {x[finite].shape}; the same is needed"
                )
            out[finite] = found
        return out
