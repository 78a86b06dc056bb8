"""Numbers of a mean-field model for NumPy: levels of a discrete site, its energy as a function of the order.

The bridge for `physim.finite_size` and `physim.spin_scores`: expressions come in, arrays and functions go out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from analytic.evaluate import callable_of, evaluate
from analytic.free_energy import checked, landau
from analytic.symbols import beta as BETA
from analytic.symbols import exact
from physim.kernels.scalars import compiled


@dataclass(frozen=True)
class Levels:
    """Sites of one quenched label: their share of all sites, and for each value of the site

    log_weight (values), site_energy = -d log_weight/d beta (values), order (orders, values), ray (values).
    """

    share: float
    log_weight: np.ndarray
    site_energy: np.ndarray
    order: np.ndarray
    ray: np.ndarray


@dataclass(frozen=True)
class System:
    """A mean-field model of discrete sites in numbers, at one beta: groups of sites and e(q), q (orders, ...)."""

    name: str
    beta: float
    groups: tuple
    energy: Any
    origin: np.ndarray
    direction: np.ndarray
    multiple: int

    def distance(self, order):
        """|q - q_0|/|d|: the size of the order, whatever its direction."""
        shift = order - self.origin.reshape(-1, *(1,) * (order.ndim - 1))
        return np.sqrt((shift**2).sum(axis=0) / (self.direction**2).sum())


def system(model, beta: float, parameters=None) -> System:
    """The numbers of a model at one inverse temperature.

    Raises
    ------
    ValueError for a beta that is not positive, a model whose sites are not discrete, or a missing parameter.
    """
    name = type(checked(model)).__name__
    if isinstance(beta, str) or not 0 < float(beta) < np.inf:
        raise ValueError(f"beta: {beta!r} is not a positive number; beta = 1/T is an inverse temperature")
    law = model.quenched
    if not hasattr(model.measure, "values") or (law is not None and not hasattr(law, "values")):
        raise ValueError(f"model: the sites of {name} are not discrete; sums over occupations need discrete values")
    values = {str(k): float(v) for k, v in (parameters or {}).items()} | {"beta": float(beta)}
    columns = [((), sp.S.Zero)] if law is None else list(zip(law.values, law.log_weights, strict=True))
    groups = []
    for label, log_share in columns:
        put = {} if law is None else dict(zip(law.variables, label, strict=True))
        logs = [sp.sympify(w).xreplace(put) for w in model.measure.log_weights]
        order = [[g.xreplace(put) for g in model.measure.at(observable)] for observable in model.observables]
        ray = [g.xreplace(put) for g in model.measure.at(model.ray_observable)]
        heat = [-sp.diff(w, BETA) for w in logs]
        number = [np.array(_floats(row, values)) for row in (logs, heat, ray)]
        groups.append(
            Levels(
                share=float(sp.exp(log_share)),
                log_weight=number[0],
                site_energy=number[1],
                order=np.array([_floats(row, values) for row in order]),
                ray=number[2],
            )
        )
    origin, direction = (np.array(_floats(row, values)) for row in model.ray)
    return System(name, float(beta), tuple(groups), _energy(model, values), origin, direction, int(model.size_multiple))


def _floats(exprs, values):
    return [float(evaluate(sp.sympify(e), values, 17)) for e in exprs]


def _energy(model, values):
    """e(q) as a function of an array (orders, ...): polynomials through NumPy, the rest compiled."""
    free = sorted(sp.sympify(model.energy).free_symbols - set(model.order), key=str)
    missing = [str(s) for s in free if str(s) not in values]
    if missing:
        raise ValueError(f"parameters: no value for {', '.join(missing)}; give parameters={{'{missing[0]}': ...}}")
    expr = model.energy.subs({s: sp.Float(values[str(s)], 17) for s in free})
    if expr.is_polynomial(*model.order):
        call = sp.lambdify(model.order, expr, "numpy")
    else:
        call = compiled(expr, *model.order)
    return lambda order: call(*order)


def landau_numbers(model, beta: float, parameters=None) -> np.ndarray:
    """(a_1, ..., a_6) of `analytic.free_energy.landau` as floats."""
    values = {str(k): float(v) for k, v in (parameters or {}).items()} | {"beta": float(beta)}
    return np.array(_floats(landau(model), values))


def function_of_order(expr, symbol, values=None):
    """An expression of one symbol as a scalar function of floats (mpmath at 15 digits)."""
    expr = sp.sympify(expr).subs({k: sp.sympify(v) for k, v in (values or {}).items()})
    call = callable_of(expr, (symbol,))
    return np.vectorize(lambda u: float(call(u)), otypes=[float])


@dataclass(frozen=True)
class SiteNumbers:
    """A `SiteDiffusion` at one time in numbers: beta J, the range of a site, and functions of (M, x).

    stiffness = beta J.  low, high : range of a site.  alpha, sigma : of the process at that time.
    log_partition(M, x), mean(M, x) : z and E[s|M, x], broadcasting.
    """

    stiffness: float
    low: float
    high: float
    alpha: float
    sigma: float
    log_partition: Any
    mean: Any


def site_numbers(diffusion, time: float, parameters=None) -> SiteNumbers:
    """The numbers of `analytic.site_diffusion.SiteDiffusion` at a forward time.

    Raises ValueError for sites that are not discrete, a missing parameter, or a time outside the span.
    """
    from analytic.site_diffusion import SiteDiffusion, auxiliary, point
    from analytic.symbols import t

    if not isinstance(diffusion, SiteDiffusion):
        raise TypeError(f"diffusion: {type(diffusion).__name__} has no sites; Diffusion(CurieWeiss(...), process) has")
    measure, process = diffusion.model.measure, diffusion.process
    if not hasattr(measure, "values"):
        raise ValueError(f"model: the sites of {type(diffusion.model).__name__} are not discrete")
    low, high = (float(end) for end in process.span)
    if not low < time <= high:
        raise ValueError(f"time: {time!r} is not after {low:g} (no noise, x_t is the data) and up to {high:g}")
    values = {str(k): float(v) for k, v in (parameters or {}).items()} | {"t": float(time)}
    exprs = (diffusion.site_log_partition, diffusion.site_mean)
    free = sorted(set().union(*(e.free_symbols for e in exprs)) - {auxiliary, point, t}, key=str)
    missing = [str(s) for s in free if str(s) not in values]
    if missing:
        raise ValueError(f"parameters: no value for {', '.join(missing)}; give parameters={{'{missing[0]}': ...}}")
    put = {s: exact(values[str(s)]) for s in (*free, t)}
    parts = [compiled(e.subs(put), auxiliary, point) for e in exprs]
    stiffness = float(evaluate(diffusion.model.beta * diffusion.coupling, values, 17))
    points = [float(v) for (v,) in measure.values]
    alpha, sigma = (float(evaluate(e, values, 17)) for e in (process.alpha, process.sigma))
    return SiteNumbers(stiffness, min(points), max(points), alpha, sigma, *parts)


def site_potential(model, beta: float, parameters=None):
    """U(x, q) of one site (`MeanField.site_potential`) as a function of arrays.

    Raises ValueError for sites that are no densities on a line, several order parameters, or a missing parameter.
    """
    from analytic.mean_field.base import site

    name = type(checked(model)).__name__
    if hasattr(model.measure, "values") or len(model.order) != 1 or model.quenched is not None:
        raise ValueError(f"model: the sites of {name} do not move on a line in one mean; SoftSpins do")
    if not 0 < float(beta) < np.inf:
        raise ValueError(f"beta: {beta!r} is not a positive number; beta = 1/T is an inverse temperature")
    values = {str(k): float(v) for k, v in (parameters or {}).items()} | {"beta": float(beta)}
    expr = model.site_potential
    free = expr.free_symbols - {site, *model.order}
    missing = sorted(str(s) for s in free if str(s) not in values)
    if missing:
        raise ValueError(f"parameters: no value for {', '.join(missing)}; give parameters={{'{missing[0]}': ...}}")
    return sp.lambdify((site, *model.order), expr.subs({s: values[str(s)] for s in free}), "numpy")
