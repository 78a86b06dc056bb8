r"""The law of the order parameter of N sites as data of its own: y = sum_i phi(x_i)/sqrt(N), at t = 0 sqrt(N) phi.

y is a diffusion of a few coordinates under the same process (the noise of phi is isotropic: B has orthonormal columns,
patterns have balanced columns), so that its marginals are exact at any N.  For large N its law at t = 0 is a Gaussian
for each phase, mean sqrt(N) phi*, covariance kappa (1 - beta J kappa)^{-1}, kappa = Hess K(beta (J phi* + h)), K the
cumulant function of a site.  Two opposite phases are two classes of separation

    Lambda = N |phi*|^2 alpha^2/(sigma^2 + alpha^2 v),     v the variance along the direction of a phase,

q Potts phases are a simplex of classes with gamma = Lambda q/(q - 1), the phases of O(n) spins a sphere of radius
sqrt(N) m*, unstable at its centre from Lambda = n on.
"""

from __future__ import annotations

import sympy as sp

from analytic.evaluate import evaluate
from analytic.free_energy import checked
from analytic.mean_field.coupling import coupling
from analytic.mean_field.measures import Discrete
from analytic.models.base import checked_weights
from analytic.models.mixture import GaussianMixture, PointMixture
from analytic.symbols import alpha, conjugate, exact, magnetisation, sigma, sites


def phases(model, order) -> tuple:
    """The order phi* of every phase of broken symmetry, given its size m* in one of them.

    Returns
    -------
    tuple of numbers (one field) or of tuples: m* times the images of the model's direction under its symmetry.

    Raises
    ------
    ValueError where the phases are a continuum (O(n) with n >= 2).
    """
    frame, order = coupling(checked(model)), exact(order)
    found = [tuple(order * frame.basis.T * sp.Matrix(d)) for d in model.directions]
    return tuple(row[0] if len(row) == 1 else row for row in found)


def order_parameter(model, orders, size=sites, weights=None) -> GaussianMixture:
    """The law of y_0 = sqrt(N) phi for large N: the reduced dynamics is `Diffusion(this, process).reverse()`.

    Parameters
    ----------
    orders : phi* of every phase: one number, a sequence of numbers (one field) or of vectors (as `phases` gives them).
    size : N, a number or a symbol.  weights : of the phases, None for equal ones.

    Returns
    -------
    GaussianMixture of the phases, mean sqrt(N) phi* and covariance kappa (1 - beta J kappa)^{-1}; with one field
    also N - 1 further coordinates of variance kappa (of the first phase).

    Raises
    ------
    ValueError for an unstable phi* (a maximum or saddle of the free energy), or vectors of a wrong length.
    """
    frame = coupling(checked(model))
    count = len(frame.observables)
    points = [_vector(o, count) for o in (orders if isinstance(orders, list | tuple) else (orders,))]
    weights = checked_weights(weights, len(points))
    if count == 1:
        kappas = [sp.ImmutableMatrix([[_fluctuation(model, frame, p[0])]]) for p in points]
    else:
        kappas = [_fluctuations(model, frame, p) for p in points]
    covariances = [_spread(model, frame, kappa, p) for kappa, p in zip(kappas, points, strict=True)]
    means = tuple(tuple(sp.sqrt(exact(size)) * entry for entry in p) for p in points)
    if count > 1:
        return GaussianMixture(means, covariances, weights)
    return GaussianMixture(means, covariances, weights, rest_dim=exact(size) - 1, rest_variance=kappas[0][0, 0])


def exact_order_parameter(model, size: int) -> GaussianMixture:
    """The law of y_0 = sqrt(N) m for a given N, exactly: N + 1 points (two-valued sites, one field, N to 64).

    Raises ValueError for a larger N (use physim.finite_size.Law) or other sites.
    """
    measure = model.measure
    if not isinstance(measure, Discrete) or len(measure.values) != 2 or len(model.order) > 1:
        raise ValueError(f"model: {type(model).__name__} has no two-valued sites; use order_parameter(...)")
    if not 1 <= size <= 64:
        raise ValueError(f"size: {size} given; 1 to 64 points are written out, more: physim.finite_size.Law")
    (high,), (low,) = measure.values
    logs, points = [], []
    for k in range(size + 1):
        m = sp.Rational(1, size) * (k * high + (size - k) * low)
        count = sp.Add(*(n * w for n, w in zip((k, size - k), measure.log_weights or (), strict=True)))
        energy = size * model.beta * model.energy.subs(magnetisation, m)
        logs.append(sp.log(sp.binomial(size, k)) + count - energy)
        points.append(sp.sqrt(size) * m)
    norm = sp.Add(*(sp.exp(l) for l in logs))
    if norm.free_symbols:
        raise ValueError(f"model: {', '.join(map(str, norm.free_symbols))} must be numbers for the exact law")
    return PointMixture(tuple(points), tuple(_rational(sp.N(sp.exp(l) / norm, 40)) for l in logs))


def separation(model, order, size=sites) -> sp.Expr:
    """Lambda as in the module's formula, of phases of order m*, in alpha and sigma."""
    frame, order = coupling(checked(model)), exact(order)
    kappa = frame.unit**2 * _ray_fluctuation(model, order)
    along = kappa / (1 - model.beta * frame.strength * kappa)
    return exact(size) * (frame.unit * order) ** 2 * alpha**2 / (sigma**2 + alpha**2 * along)


def _vector(order, count):
    entries = tuple(map(exact, order)) if isinstance(order, list | tuple) else (exact(order),)
    if len(entries) != count:
        raise ValueError(f"orders: {order} has {len(entries)} entries; this model has {count} fields, see phases(m)")
    return entries


def _spread(model, frame, kappa, order):
    """kappa (1 - beta J kappa)^{-1}, refused where it is not positive."""
    unit = sp.eye(kappa.shape[0])
    stability = (unit - model.beta * frame.strength * kappa).applyfunc(sp.simplify)
    numeric = not stability.free_symbols
    if numeric and not all(sp.re(e) > 0 for e in sp.Matrix(stability).evalf(20).eigenvals(multiple=True)):
        shown = order[0] if len(order) == 1 else tuple(sp.N(o, 6) for o in order)
        raise ValueError(f"orders: m = {shown} is unstable at beta = {model.beta}; give a minimum")
    if len(order) == 1:
        return kappa[0, 0] / stability[0, 0]
    spread = kappa * stability.inv()
    return sp.ImmutableMatrix((spread + spread.T) / 2)


def _fluctuation(model, frame, order):
    """kappa = K''(u*) of one field at the field of a phase; for Ising spins 1 - m^2."""
    slope = model.entropy_slope
    if slope is not None and len(model.measure.values) == 2 and model.quenched is None:
        return sp.simplify(1 / sp.diff(slope, magnetisation)).subs(magnetisation, order)
    return _ray_fluctuation(model, order)


def _ray_fluctuation(model, order):
    kappa = sp.diff(model.cumulant_function, conjugate, 2)
    return kappa.subs(conjugate, -model.beta * sp.diff(model.ray_energy, magnetisation).subs(magnetisation, order))


def _fluctuations(model, frame, order):
    """Hess K at u* = beta (J phi* + h), to 30 digits where it is a number."""
    u = sp.symbols(f"u1:{len(order) + 1}", real=True)
    tilt = sp.Add(*(c * g for c, g in zip(u, frame.observables, strict=True)))
    at = {c: model.beta * (frame.strength * o + h) for c, o, h in zip(u, order, frame.external, strict=True)}
    cumulant = model.quenched_mean(model.measure.log_integral(tilt))
    return sp.ImmutableMatrix(sp.hessian(cumulant, u).subs(at, simultaneous=True).applyfunc(_number))


def _number(expr):
    return expr if expr.free_symbols else _rational(sp.Float(evaluate(expr, digits=30), 30))


def _rational(number):
    return sp.Rational(str(number))
