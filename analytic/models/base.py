r"""What a model of the data states, once: the log-density of x_t = alpha x_0 + sigma eps, class by class.

    p_t(x) = sum_k exp(l_k(x; alpha, sigma)),      l_k = log w_k + log p_t(x | class k)

Everything else (score, posterior, entropies, potentials) is derived from the l_k in `analytic.diffusion`.
A model with one class states one l.  Directions in which all classes are the same isotropic Gaussian may be left
out of the state: they are counted in `rest_dim`, with variance `rest_variance` at t = 0, and add closed forms.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import sympy as sp

from analytic.symbols import exact


class Model(ABC):
    """A distribution of data p_0(x_0)."""

    @property
    @abstractmethod
    def state(self) -> tuple[sp.Symbol, ...]:
        """The coordinates that the classes differ in."""

    @abstractmethod
    def log_components(self, alpha, sigma) -> tuple[sp.Expr, ...]:
        """l_k(x) = log(w_k p_t(x | k)) for every class k, as expressions in `state`, alpha and sigma."""

    @abstractmethod
    def sampling(self, alpha, sigma) -> Normals:
        """How to draw x_t exactly."""

    rest_dim = sp.S.Zero
    rest_variance = sp.S.Zero

    @property
    def dim(self):
        """Dimension of the data, the coordinates left out included."""
        return len(self.state) + self.rest_dim


@dataclass(frozen=True)
class Normals:
    """A mixture of normals to draw from: weights (K), means (K x d), covariances (K of d x d), as expressions."""

    weights: tuple
    means: tuple
    covariances: tuple


def checked_weights(weights, count):
    """Weights as exact numbers; None is uniform.  ValueError unless positive and of sum one."""
    if weights is None:
        return (sp.Rational(1, count),) * count
    weights = tuple(map(exact, weights))
    if len(weights) != count:
        raise ValueError(f"weights: {len(weights)} given for {count} components; one each is needed")
    for w in weights:
        if w.is_number and not 0 < w < 1 and count > 1:
            raise ValueError(f"weights: {w} is not between 0 and 1")
    total = sp.simplify(sp.Add(*weights))
    if total.is_number and abs(total - 1) > sp.Rational(1, 10**12):
        raise ValueError(f"weights: they sum to {float(total):.12g}; they must sum to 1")
    if total.is_number and total != 1:
        return tuple(w / total for w in weights)
    return weights
