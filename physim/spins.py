"""Numbers of Ising spins with a common field for the compiled reverse process, and exact draws of diffused spins.

Nodes M_j = j c/sqrt(N beta J) with c = 1.1: the trapezoidal rule has a relative error of exp(-2 pi^2/c^2) = 8e-8, the
same size as the weights that are dropped (`kernels.products.DROP`).  A draw of the spins: K of N up by the exact law
of the magnetisation, M = m + xi/sqrt(N beta J), then spins independent of each other given M
(Hubbard-Stratonovich backwards), each up with probability 1/(1 + exp(-2 beta (J M + h))).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SPACING = 1.1
TAIL = 10.0  # widths beyond the largest magnetisation
COLDEST = 17.0  # the field beta (J M + h) at which 1 - tanh is rounding


@dataclass(frozen=True, eq=False)
class SpinNumbers:
    """Nodes of the field and the law of the magnetisation of N spins at given beta J and beta h."""

    sites: int
    stiffness: float
    field: float

    def __post_init__(self):
        strongest = self.stiffness * (1 + TAIL * self.width) + abs(self.field)
        if strongest > COLDEST:
            raise ValueError(
                f"model: beta (J + |h|) reaches {strongest:.3g} on the nodes of {self.sites} spins; up to {COLDEST:g}"
                " can be resolved (raise the temperature or the number of spins)"
            )

    @property
    def width(self):
        """1/sqrt(N beta J)."""
        return 1 / np.sqrt(self.sites * self.stiffness)

    @property
    def arrays(self):
        """tanh of the field at the nodes, log prior of the nodes, factors between two logarithms, place of M = 0."""
        end = int(np.ceil((1 + TAIL * self.width) / (SPACING * self.width)))
        nodes = np.arange(-end, end + 1) * SPACING * self.width
        fields = self.stiffness * nodes + self.field
        log_cosh = np.abs(fields) + np.log1p(np.exp(-2 * np.abs(fields))) - np.log(2)
        prior = self.sites * (log_cosh - self.stiffness * nodes**2 / 2)
        smallest = 2 / (1 + np.exp(2 * np.abs(fields).max()))  # 1 - tanh
        group = int(np.clip(-290 / np.log10(smallest), 1, 64))
        return np.tanh(fields), prior - prior.max(), group, float(end)

    def draw(self, first, count, law, k0, k1, stream):
        """Exact states (1, count N) of x_t = alpha s + sigma eps; law = (1, alpha, sigma) as arrays."""
        from scipy.special import expit, gammaln, ndtr, softmax

        from physim.kernels import sampler

        n, alpha, sigma = self.sites, law[1][0, 0], law[2][0, 0, 0]
        normals, uniforms = sampler.noise(first * n, count * n, 1, k0, k1, stream)
        up = np.arange(n + 1)
        m = 2 * up / n - 1
        log_weight = n * (self.stiffness * m**2 / 2 + self.field * m) - gammaln(up + 1) - gammaln(n + 1 - up)
        chosen = np.searchsorted(np.cumsum(softmax(log_weight)), ndtr(normals[2, ::n]))
        common = m[np.minimum(chosen, n)] + self.width * normals[1, ::n]
        spins = np.where(uniforms.reshape(count, n) < expit(2 * (self.stiffness * common + self.field))[:, None], 1, -1)
        return alpha * spins.reshape(1, -1) + sigma * normals[:1]
