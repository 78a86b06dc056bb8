r"""A quadratic energy in as few fields as possible, q = q_0 + B phi with orthonormal columns B:

    e(q) = c - h . phi - (J/2) |phi|^2,        phi(s) = B^T (g(s) - q_0) of one site

Where all values g(s) of a site lie in a plane (the fractions of Potts colours sum to one), phi are coordinates of that
plane, the first along the ray of the broken symmetry; elsewhere phi = q.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from analytic.mean_field.base import MeanField
from analytic.symbols import magnetisation


@dataclass(frozen=True)
class Coupling:
    """The fields phi of a quadratic energy: strength J > 0, external fields h, and phi of one site as functions of it.

    unit : length of one unit of the model's order parameter m along the first field, phi = (unit m, 0, ...).
    """

    strength: sp.Expr
    external: tuple
    observables: tuple
    basis: sp.ImmutableMatrix
    unit: sp.Expr


def coupling(model: MeanField) -> Coupling:
    """The fields of a model.

    Raises
    ------
    ValueError unless the energy is -(J/2)|phi|^2 - h . phi + constant with J > 0.
    """
    name = type(model).__name__
    if model.measure is None or magnetisation in getattr(model.measure, "log_weight", sp.S.Zero).free_symbols:
        raise ValueError(f"model: {name} has no measure of a single site; no exact score")
    origin, basis = _frame(model)
    phi = sp.symbols(f"phi1:{basis.shape[1] + 1}", real=True)
    put = dict(zip(model.order, origin + basis * sp.Matrix(phi), strict=True))
    energy = sp.expand(sp.sympify(model.energy).subs(put, simultaneous=True))
    hessian = sp.hessian(energy, phi).applyfunc(sp.simplify)
    strength = -hessian[0, 0]
    if hessian != -strength * sp.eye(len(phi)) or hessian.free_symbols & set(phi) or not _positive(strength):
        raise ValueError(
            f"model: {name} has energy {model.energy}; -J m^2/2 - h m with J > 0 is needed (J alike in all directions)"
        )
    at_zero = dict.fromkeys(phi, 0)
    external = tuple(sp.simplify(-sp.diff(energy, f).subs(at_zero)) for f in phi)
    sites = basis.T * (sp.Matrix(model.observables) - origin)
    direction = basis.T * sp.Matrix(model.ray[1])
    return Coupling(strength, external, tuple(sites), basis, sp.sqrt(direction.dot(direction)))


def _positive(strength):
    if strength.is_number:
        return bool(strength > 0)
    return strength.is_positive or sp.N(strength.subs(dict.fromkeys(strength.free_symbols, 1))) > 0


def _frame(model):
    """(q_0, B): where the values of a site span less than all orders, the plane they span; else q itself."""
    count = len(model.order)
    whole = sp.zeros(count, 1), sp.ImmutableMatrix.eye(count)
    if count == 1 or model.quenched is not None or not hasattr(model.measure, "values"):
        return whole
    values = [sp.Matrix(row) for row in zip(*(model.measure.at(g) for g in model.observables), strict=True)]
    start, direction = (sp.Matrix(part) for part in model.ray)
    basis: list = []
    for vector in [direction, *(v - start for v in values)]:
        left = sp.simplify(vector - sum((b * b.dot(vector) for b in basis), sp.zeros(count, 1)))
        if any(entry != 0 for entry in left):
            basis.append(left / sp.sqrt(left.dot(left)))
    if len(basis) == count:
        return whole
    return start, sp.ImmutableMatrix(sp.Matrix.hstack(*basis).applyfunc(sp.simplify))
