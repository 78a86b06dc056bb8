r"""What a model of the data states, once: the log-density of x_t = alpha x_0 + sigma eps, class by class.

    p_t(x) = sum_k exp(l_k(x; alpha, sigma)),      l_k = log w_k + log p_t(x | class k)

Everything else (score, posterior, entropies, potentials) is derived from the l_k in `analytic.diffusion`.
A model with one class states one l.  Two exact reductions keep the coordinates few in any dimension:

- directions in which all classes are the same Gaussian are left out of the state: `rests` lists blocks of them, each
  (dimension, variance at t = 0), and they add closed forms;
- a block of n coordinates that the l_k see only through its norm r = |y| is stated by the *radial* coordinate r.
  l_k stays the density over R^n.  Derived quantities follow from

      grad l = l'(r) y/r,      eigenvalues of the Hessian: l'' (once), l'/r (n - 1 times),
      measure S_n r^(n-1) dr,  S_n = 2 pi^(n/2)/Gamma(n/2),     Ito: dr = [drift + (b^2/2)(n - 1)/r] dt + b dW
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
    def rests(self) -> tuple:
        """(dimension, variance at t = 0) of every Gaussian block left out of the state."""
        return ((self.rest_dim, self.rest_variance),)

    @property
    def radial(self) -> dict:
        """Radial coordinates of the state, each with the dimension n of the block whose norm it is."""
        return {}

    @property
    def dim(self):
        """Dimension of the data: coordinates, radial blocks and the coordinates left out."""
        radial = sum(self.radial.values()) - len(self.radial)
        return len(self.state) + radial + sum(dim for dim, _ in self.rests)


@dataclass(frozen=True)
class Normals:
    """A mixture of normals to draw from: weights (K), means (K x d), covariances (K of d x d), as expressions.

    radial : for each coordinate the dimension n of the block whose norm it is (0: the coordinate itself), or () for
    none.  Coordinate i is then the norm of N(m_i e_1, S_ii I_n); its covariances with the others are zero.
    """

    weights: tuple
    means: tuple
    covariances: tuple
    radial: tuple = ()


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


def checked_dimension(value, name="dim", least=1):
    """A dimension as an exact number or symbol; ValueError unless a whole number of at least `least`."""
    value = exact(value)
    if value.is_number and not (value.is_integer and value >= least):
        raise ValueError(f"{name}: {value} is not a whole number of at least {least}")
    return value


def checked_positive(value, name):
    """A positive number or symbol; ValueError otherwise."""
    value = exact(value)
    if value.is_number and not value > 0:
        raise ValueError(f"{name}: {value} is not positive")
    return value
