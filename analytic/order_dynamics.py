r"""Dynamics of mean-field models: Langevin on the order parameter with noise 1/N, Glauber on discrete sites, Langevin
on soft ones.

    dM = -L'(M) dt + sqrt(2/N) dW,      stationary density exp(-N L(M)),    L the landscape of `analytic.free_energy`

For an energy -J m^2/2 - h m this is the exact law of the Hubbard-Stratonovich field of N spins, M = m + g with g an
independent normal of variance v = 1/(N beta J):

    <m^2> = <M^2> - v,      <m^4> = <M^4> - 6 v <M^2> + 3 v^2          exactly, at every N

so that an ensemble of one coordinate measures the finite-N moments of the spins.  From a well a over a barrier b:

    Kramers:   tau = 2 pi exp(N [L(b) - L(a)]) / sqrt(L''(a) |L''(b)|)
    critical slowing down:  1/tau = L''(0) = beta J (1 - beta J K''(0))

Glauber: `glauber(model, N)` is the heat bath of the occupation numbers n_a with
E = beta N e(q(n)) - sum_a n_a log w_a.  Soft sites: dx_i = site_drift(x_i, q) dt + sqrt(2/beta) dW_i.
"""

from __future__ import annotations

import sympy as sp

from analytic.dynamics import Dynamics, heat_bath, overdamped
from analytic.free_energy import checked, landscape
from analytic.mean_field.base import site
from analytic.symbols import exact, magnetisation, sites


def order_langevin(model, size=sites) -> Dynamics:
    """dM = -L'(M) dt + sqrt(2/N) dW; a field that depends on t drives a hysteresis loop.

    Parameters
    ----------
    model : a MeanField.  size : N, a number or a symbol.

    Raises
    ------
    ValueError for a size that is not positive.
    """
    size = exact(size)
    if size.is_number and not size > 0:
        raise ValueError(f"size: {size} is not positive; it is the number of sites N")
    return overdamped(landscape(model), magnetisation, 1 / size)


def kramers_time(model, well, barrier, size=sites) -> sp.Expr:
    """Kramers' mean escape time from the well to the barrier top and over it, without its 1/N corrections.

    Parameters
    ----------
    well, barrier : M at the minimum and at the maximum of L.
    """
    surface = landscape(model)
    curvature = sp.diff(surface, magnetisation, 2)
    at = [{magnetisation: exact(place)} for place in (well, barrier)]
    height = surface.subs(at[1]) - surface.subs(at[0])
    product = -curvature.subs(at[0]) * curvature.subs(at[1])
    return 2 * sp.pi * sp.exp(exact(size) * height) / sp.sqrt(product)


def relaxation_rate(model, at=0) -> sp.Expr:
    """L''(M): the rate at which a small displacement decays as N -> oo; zero at a critical point."""
    return sp.diff(landscape(model), magnetisation, 2).subs(magnetisation, exact(at))


def spin_moments(second, fourth, model, size=sites) -> tuple:
    """(<m^2>, <m^4>) of the spins from <M^2> and <M^4> of the field (module's formula)."""
    coupling = -sp.diff(model.energy, magnetisation, 2)
    variance = 1 / (exact(size) * model.beta * coupling)
    return second - variance, fourth - 6 * variance * second + 3 * variance**2


def occupation_numbers(model) -> tuple:
    """Symbols n_1 .. n_K of the occupation numbers of a discrete model, in the order of its values."""
    measure = checked(model).measure
    if not hasattr(measure, "values") or model.quenched is not None:
        raise ValueError(f"model: {type(model).__name__} has no discrete sites of one kind to count")
    return sp.symbols(f"n1:{len(measure.values) + 1}", real=True)


def order_of_occupations(model, size=sites) -> dict:
    """The order parameters q_k = sum_a n_a g_k(a)/N, and m on the ray, as functions of the occupation numbers."""
    numbers, measure = occupation_numbers(model), model.measure
    observed = {q: measure.at(g) for q, g in zip(model.order, model.observables, strict=True)}
    observed |= {magnetisation: measure.at(model.ray_observable)}
    return {q: sp.Add(*(n * g for n, g in zip(numbers, row, strict=True))) / exact(size) for q, row in observed.items()}


def glauber(model, size=sites) -> Dynamics:
    """Heat-bath dynamics of N discrete sites as a chain of their occupation numbers (scheme "glauber").

    Raises
    ------
    ValueError for sites that are not discrete or differ by quenched labels.
    """
    numbers, size = occupation_numbers(model), exact(size)
    energy = model.beta * size * model.energy.subs(order_of_occupations(model, size), simultaneous=True)
    weights = sp.Add(*(n * w for n, w in zip(numbers, model.measure.log_weights, strict=True)))
    return heat_bath(sp.expand(energy) - weights, numbers, size)


def site_langevin(model, size: int) -> Dynamics:
    """dx_i = site_drift(x_i, q) dt + sqrt(2/beta) dW_i of N soft sites, coupled through their order parameters.

    Raises
    ------
    ValueError for sites that are discrete or differ by quenched labels.
    """
    if hasattr(checked(model).measure, "values") or model.quenched is not None or model.measure is None:
        name = type(model).__name__
        raise ValueError(f"model: the sites of {name} are no soft spins; glauber(model) moves discrete ones")
    order = dict(zip(model.order, model.observables, strict=True))
    noise = sp.sqrt(2 / model.beta)
    name = f"Langevin of {type(model).__name__}"
    return Dynamics((site,), (model.site_drift,), (noise,), sites=size, order=order, name=name)
