r"""Langevin dynamics of the order parameter, with noise of size 1/N.

    dM = -L'(M) dt + sqrt(2/N) dW,      stationary density exp(-N L(M)),    L the landscape of `analytic.free_energy`

For an energy -J m^2/2 - h m this is the exact law of the Hubbard-Stratonovich field of N spins, M = m + g with g an
independent normal of variance v = 1/(N beta J):

    <m^2> = <M^2> - v,      <m^4> = <M^4> - 6 v <M^2> + 3 v^2          exactly, at every N

so that an ensemble of one coordinate measures the finite-N moments of the spins.  From a well a over a barrier b:

    Kramers:   tau = 2 pi exp(N [L(b) - L(a)]) / sqrt(L''(a) |L''(b)|)
    critical slowing down:  1/tau = L''(0) = beta J (1 - beta J K''(0))
"""

from __future__ import annotations

import sympy as sp

from analytic.dynamics import Dynamics, overdamped
from analytic.free_energy import landscape
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
