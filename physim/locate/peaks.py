r"""Finite-size pseudo-critical points: where the response of N sites is largest.

    c(beta) = beta^2 kappa_2/N,   kappa_k = k-th cumulant of E:      c'(beta) = 0  <=>  2 kappa_2 - beta kappa_3 = 0
    chi(p) = N (<m^2> - <|m|>^2)

The specific heat is reweighted from all ensembles at once: its peak is a root of cumulants, with the error of
`Reweighting.stderr`.  A local polynomial through values of single ensembles (`specific_heat`, `curves.peak`) is biased
by about one standard error where the peak is as lopsided as that of Curie-Weiss, whose other side is a plateau.  What
the peaks drift to with N, and how (`drift.extrapolated`): at a continuous mean-field transition with a jump of c
(Curie-Weiss, Blume-Capel above the tricritical point) to beta_c, as N^(-1/2); at a first-order one to beta_c, as 1/N,
since there the phases weigh alike to within 1/N (for the three-state Potts model not yet at 2880 sites).

Sources: Ferrenberg & Landau 1991; Challa, Landau & Binder 1986 (first order).
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from analytic.transition import Transition
from physim.chains import EquilibrationError, checked, inefficiency, sampled
from physim.locate.curves import doubted, peak
from physim.locate.moment import Moments
from physim.reweighting import OverlapError, reweighting


def susceptibility_peak(data: Moments, size=None, *, parameter: str = "p") -> Transition:
    """Where N (<m^2> - <|m|>^2) of one size is largest; `size` None where the data have only one."""
    sizes = np.unique(data.size)
    if size is None and len(sizes) > 1:
        raise ValueError(f"size: None given, but the data have {', '.join(f'{n:g}' for n in sizes)}; choose one")
    size = sizes[0] if size is None else size
    if size not in sizes:
        raise ValueError(f"size: {size} is not in the data; they have {', '.join(f'{n:g}' for n in sizes)}")
    known: dict = {"kind": "peak", "object": "susceptibility", "parameter": parameter, "method": "local polynomial"}
    try:
        values, stderr = data.observable("susceptibility")
    except EquilibrationError as error:
        return Transition(**known, status="unresolved", reason=str(error))
    at = data.size == size
    found = peak(data.parameter[at], values[at], stderr[at], object="susceptibility", parameter=parameter)
    return doubted(found, data.doubt)


def specific_heat(energies, beta: float, sites: int) -> tuple[float, float]:
    """(c, standard error) = beta^2 Var(E)/N of samples of the total energy, independent or chains.

    EquilibrationError for unusable chains.  The error made is O(1/n).
    """
    drawn = sampled(energies, what="energies")
    checked(drawn, {"energy": drawn.values}, f"beta = {beta:.6g}")
    energy = drawn.flat
    square = (energy - energy.mean()) ** 2
    count = energy.size / inefficiency(drawn, energy)
    scale = beta**2 / sites
    error = np.sqrt(square.var() * inefficiency(drawn, square) / energy.size)
    return float(scale * square.mean() / (1 - 1 / count)), float(scale * error)


def specific_heat_peak(energies, betas, sites: int) -> Transition:
    """Where the specific heat of N sites is largest.

    Parameters
    ----------
    energies : K sets of samples of the total energy, one per ensemble: (n,) independent or chains as in
        `physim.chains`.  betas : their K inverse temperatures.  sites : N.

    Returns
    -------
    Transition of kind "peak" in "beta"; others: `height`, the specific heat there.  Status "none" for a maximum at an
    end of the range, "unresolved" for disjoint histograms or chains that are not equilibrated, with a sentence.

    Raises
    ------
    ValueError for sites or betas that are not positive.
    """
    known: dict = {"kind": "peak", "object": "specific heat", "parameter": "beta", "method": "reweighting"}
    if not (sites >= 1 and np.all(np.asarray(betas, dtype=float) > 0)):
        raise ValueError(f"sites, betas: {sites}, {betas} given; positive numbers are needed")
    try:
        return _reweighted(known, energies, betas, sites)
    except (EquilibrationError, OverlapError) as error:
        return Transition(**known, status="unresolved", reason=str(error))


def _reweighted(known, energies, betas, sites):
    joined = reweighting([-e if hasattr(e, "dims") else -np.asarray(e, dtype=float) for e in energies], betas)
    scale = np.abs(joined.conjugate).max()
    action = joined.conjugate[:, 0] / scale

    def cumulants(beta):
        weights = joined.weights(beta)
        mean = weights @ action
        rest = action - mean
        square = rest * rest
        return mean, float(weights @ square), float(weights @ (square * rest))

    def slope(beta):
        _, second, third = cumulants(beta)
        return 2 * second + beta * scale * third

    grid = joined.reached()
    heights = [b**2 * cumulants(b)[1] for b in grid]
    top = int(np.argmax(heights))
    if top in (0, len(grid) - 1) or slope(grid[top - 1]) <= 0 or slope(grid[top + 1]) >= 0:
        where = f"between {grid[0]:.6g} and {grid[-1]:.6g}"
        return Transition(**known, status="none", reason=f"the specific heat has no maximum {where}, but at their ends")
    value = float(brentq(slope, grid[top - 1], grid[top + 1], xtol=1e-10 * grid[top]))
    mean, second, _ = cumulants(value)

    def equations(theta):
        rest = action - theta[1]
        square = rest * rest
        return np.stack([2 * square + theta[0] * scale * square * rest, rest])

    stderr = float(joined.stderr(equations, [value, mean])[0])
    bracket = (float(grid[top - 1]), float(grid[top + 1]))
    others = {"height": float(value**2 * second * scale**2 / sites)}
    found = Transition(**known, value=value, stderr=stderr, bracket=bracket, status="estimated", others=others)
    return doubted(found, joined.doubt)
