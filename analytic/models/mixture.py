r"""Mixtures of points and of Gaussians.

    p_0 = sum_k w_k N(m_k, S_k)     =>     l_k = log w_k - (1/2) (x - alpha m_k)^T G_k^{-1} (x - alpha m_k)
                                                - (1/2) log det(2 pi G_k),      G_k = sigma^2 I + alpha^2 S_k

K isotropic components of one variance in D dimensions differ only in the span of their means; `reduced()` keeps
those K - 1 coordinates (about the first mean) and counts the others as rest, exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp

from analytic.models.base import Model, Normals, checked_weights
from analytic.symbols import coordinates, exact


@dataclass(frozen=True)
class GaussianMixture(Model):
    """Mixture of K Gaussians in d dimensions.

    Parameters
    ----------
    means : K sequences of d numbers or symbols (plain numbers when d = 1).
    covariances : for each component a variance (isotropic) or a d x d matrix; one of either serves them all.
    weights : K positive numbers of sum one, or None for uniform.
    rest_dim, rest_variance : further dimensions in which every component is N(0, rest_variance).

    Raises
    ------
    ValueError for a negative variance, an unsymmetric or indefinite matrix, or weights that do not sum to one.
    """

    means: tuple
    covariances: Any
    weights: tuple | None = None
    rest_dim: sp.Expr = sp.S.Zero
    rest_variance: sp.Expr = sp.S.Zero

    def __post_init__(self):
        put = object.__setattr__
        means = tuple(_vector(m) for m in self.means)
        if not means:
            raise ValueError("means: empty; at least one component is needed")
        if len({len(m) for m in means}) != 1:
            raise ValueError(f"means: lengths {sorted({len(m) for m in means})} differ; all must have one dimension")
        put(self, "means", means)
        put(self, "covariances", _covariances(self.covariances, len(means), len(means[0])))
        put(self, "weights", checked_weights(self.weights, len(means)))
        put(self, "rest_dim", exact(self.rest_dim))
        put(self, "rest_variance", checked_variance(self.rest_variance, "rest_variance"))

    @property
    def state(self):
        """Coordinates (x,) or (x1, ..., xd)."""
        return coordinates(len(self.means[0]))

    def log_components(self, alpha, sigma):
        """l_k(x) as in the module's formula."""
        x = sp.Matrix(self.state)
        return tuple(
            sp.log(w) + _log_normal(x - alpha * sp.Matrix(m), _broadened(c, alpha, sigma))
            for w, m, c in zip(self.weights, self.means, self.covariances, strict=True)
        )

    def sampling(self, alpha, sigma):
        """Weights, alpha m_k and G_k."""
        return Normals(
            self.weights,
            tuple(tuple(alpha * m for m in mean) for mean in self.means),
            tuple(_broadened(c, alpha, sigma) for c in self.covariances),
        )

    def reduced(self):
        """The same mixture in the span of its means: K - 1 coordinates (at least one) and a Gaussian rest.

        Raises ValueError unless all components share one isotropic covariance.
        """
        first, dim = self.covariances[0], len(self.means[0])
        if any(c != first for c in self.covariances) or first != first[0, 0] * sp.eye(dim):
            raise ValueError("covariances: only components of one shared isotropic variance reduce exactly")
        spans = [sp.Matrix(m) for m in self.means]
        basis: list[sp.Matrix] = []
        for vector in spans:
            left = sp.simplify(vector - sum((b * b.dot(vector) for b in basis), sp.zeros(dim, 1)))
            if any(entry != 0 for entry in left):
                basis.append(sp.simplify(left / sp.sqrt(left.dot(left))))
        basis = basis or [sp.eye(dim)[:, 0]]
        means = [[sp.simplify(b.dot(m)) for b in basis] for m in spans]
        rest = self.rest_dim + dim - len(basis)
        return GaussianMixture(
            tuple(means), (first[0, 0],) * len(means), self.weights, rest_dim=rest, rest_variance=first[0, 0]
        )


def PointMixture(points, weights=None) -> GaussianMixture:
    """Data concentrated on K points: the Gaussian mixture of zero variance.

    Parameters
    ----------
    points : K sequences of d numbers or symbols (plain numbers when d = 1).
    weights : K positive numbers of sum one, or None for uniform.
    """
    return GaussianMixture(points, 0, weights)


def checked_variance(value, name):
    """A variance as an exact number or symbol; ValueError when negative."""
    value = exact(value)
    if value.is_negative:
        raise ValueError(f"{name}: {value} is negative; a variance must be zero or positive")
    return value


def _vector(entry):
    if isinstance(entry, sp.MatrixBase):
        return tuple(map(exact, entry))
    return tuple(map(exact, entry)) if hasattr(entry, "__iter__") else (exact(entry),)


def _covariances(given, count, dim):
    many = isinstance(given, list | tuple) or (hasattr(given, "ndim") and given.ndim in (1, 3))
    entries = list(given) if many else [given] * count
    if len(entries) != count:
        raise ValueError(f"covariances: {len(entries)} given for {count} components; one each, or one for all")
    return tuple(_covariance(entry, dim) for entry in entries)


def _covariance(entry, dim):
    if not (isinstance(entry, sp.MatrixBase) or hasattr(entry, "__iter__")):
        return sp.ImmutableMatrix(checked_variance(entry, "covariances") * sp.eye(dim))
    matrix = sp.ImmutableMatrix(entry).applyfunc(exact)
    if matrix.shape != (dim, dim) or matrix != matrix.T:
        raise ValueError(f"covariances: a symmetric {dim} x {dim} matrix is needed, not shape {matrix.shape}")
    if not matrix.free_symbols and matrix.is_positive_semidefinite is False:
        raise ValueError(f"covariances: {matrix.tolist()} has a negative eigenvalue; it must be positive semidefinite")
    return matrix


def _broadened(covariance, alpha, sigma):
    return covariance * alpha**2 + sigma**2 * sp.eye(covariance.shape[0])


def _log_normal(y, covariance):
    """log N(y; 0, covariance), left centred: (x - alpha m) is never multiplied out."""
    dim = covariance.shape[0]
    if covariance.is_diagonal():
        squares = sp.Add(*(y[i] ** 2 / covariance[i, i] / 2 for i in range(dim)))
        logs = sp.Add(*(sp.log(2 * sp.pi * covariance[i, i]) / 2 for i in range(dim)))
        return -squares - logs
    inverse = covariance.inv().applyfunc(lambda entry: sp.factor(sp.cancel(entry)))
    determinant = sp.factor(covariance.det())
    return -(y.T * inverse * y)[0] / 2 - sp.log((2 * sp.pi) ** dim * determinant) / 2
