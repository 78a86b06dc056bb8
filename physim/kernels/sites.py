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
from analytic.symbols import alpha, exact, sigma
from analytic.symbols import beta as BETA
from physim.kernels.scalars import compiled, schedule_at, summed

UNSEEN = 1e-300  # alpha of sites that nothing is known of


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
    """A `SiteDiffusion` at one time in numbers: functions of the fields M, the x of a site and its label.

    stiffness : beta J.  low, high : range of phi of a site, for each field.  coordinates : d of a site's numbers.
    labels : how many numbers the label of a site has.  alpha, sigma : of the process at that time.
    log_partition : (fields (n, k), sites (N, d + labels), weights (N)) -> (n, 1), sums over sites of z.
    means : (sites, fields, weights (n)) -> (N, d), sums over fields of E[d(s)|M, x].
    entries : called with one array for each field, coordinate and label, broadcasting: a tuple of the log-weights of
    every value (None unless the site is discrete, its `values`).
    """

    stiffness: float
    low: np.ndarray
    high: np.ndarray
    coordinates: int
    labels: int
    alpha: float
    sigma: float
    log_partition: Any
    means: Any
    entries: Any = None
    values: Any = None

    @property
    def fields(self) -> int:
        """How many fields M has."""
        return len(self.low)


def site_numbers(diffusion, time, parameters=None) -> SiteNumbers:
    """The numbers of `analytic.site_diffusion.SiteDiffusion` at a time; None where nothing is known of the sites.

    Raises ValueError for sites that are densities, a missing parameter, or a time outside the span.
    """
    from analytic.site_diffusion import SiteDiffusion

    if not isinstance(diffusion, SiteDiffusion):
        raise TypeError(f"diffusion: {type(diffusion).__name__} has no sites; Diffusion(CurieWeiss(...), process) has")
    model, process = diffusion.model, diffusion.process
    discrete = hasattr(model.measure, "values")
    if not discrete and len(diffusion.points) == 1:
        raise ValueError(f"model: the sites of {type(model).__name__} are neither discrete nor unit vectors")
    low, high = (float(end) for end in process.span)
    if time is not None and not low < time <= high:
        raise ValueError(f"time: {time!r} is not after {low:g} (no noise, x_t is the data) and up to {high:g}")
    exprs, lanes = diffusion.in_letters, (*diffusion.fields, *diffusion.points, *diffusion.labels)
    values = {str(k): float(v) for k, v in (parameters or {}).items()}
    free = sorted(set().union(*(e.free_symbols for e in exprs["log_partition"])) - {*lanes, alpha, sigma}, key=str)
    missing = [str(s) for s in free if str(s) not in values]
    if missing:
        raise ValueError(f"parameters: no value for {', '.join(missing)}; give parameters={{'{missing[0]}': ...}}")
    schedule = (0.0, 1.0) if time is None else schedule_at(process, time)[:2]
    seen = max(schedule[0], UNSEEN), schedule[1]  # not zero: the expressions stay those of any other time
    put = {s: exact(values[str(s)]) for s in free} | dict(zip((alpha, sigma), map(exact, seen), strict=True))
    exprs = {name: [e.subs(put) for e in rows] for name, rows in exprs.items()}
    fields, site = diffusion.fields, lanes[len(diffusion.fields) :]
    low, high = _field_range(diffusion)
    return SiteNumbers(
        stiffness=float(evaluate(model.beta * diffusion.coupling, values, 17)),
        low=low,
        high=high,
        coordinates=len(diffusion.points),
        labels=len(diffusion.labels),
        alpha=schedule[0],
        sigma=schedule[1],
        log_partition=summed(exprs["log_partition"], fields, site),
        means=summed(exprs["means"], site, fields),
        entries=compiled(exprs["entries"], *lanes) if discrete else None,
        values=np.array(_floats([v for (v,) in model.measure.values], {})) if discrete else None,
    )


def site_embedding(diffusion):
    """(values (K), coordinates d(s) (K, d)) of a discrete site; None for unit vectors."""
    measure = diffusion.model.measure
    if not hasattr(measure, "values"):
        return None
    rows = [_floats(measure.at(d), {}) for d in diffusion.model.coordinates]
    return np.array(_floats([v for (v,) in measure.values], {})), np.array(rows).T


def order_of(diffusion, values, labels=None):
    """phi = (1/N) sum_i phi(s_i) of configurations (..., N) of discrete values or (..., N, n) of unit vectors."""
    measure, observed, symbols = diffusion.model.measure, diffusion.frame.observables, diffusion.labels
    if not hasattr(measure, "values"):
        return np.asarray(values).mean(axis=-2)
    kinds, kind = np.zeros((1, 0)), np.zeros(np.shape(values)[-1], dtype=int)
    if symbols:
        kinds, kind = np.unique(np.atleast_2d(labels), axis=0, return_inverse=True)
    levels = np.array(_floats([v for (v,) in measure.values], {}))
    names = [str(s) for s in symbols]
    rows = [dict(zip(names, row, strict=True)) for row in kinds]
    table = np.array([[_floats(measure.at(g), row) for g in observed] for row in rows])  # (kinds, fields, values)
    sorting = np.argsort(levels)
    place = sorting[np.searchsorted(levels[sorting], values)]
    return np.stack([table[kind.ravel(), f, place].mean(axis=-1) for f in range(len(observed))], axis=-1)


def phase_directions(diffusion):
    """Unit vectors of the phases in the fields (phases, fields); None for a sphere of phases."""
    if len(diffusion.points) > 1 and not hasattr(diffusion.model.measure, "values"):
        return None
    found = diffusion.phases(1)
    rows = np.array([_floats(row if isinstance(row, tuple) else (row,), {}) for row in found])
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def external_fields(diffusion, parameters=None):
    """beta h of every field."""
    values = {str(k): float(v) for k, v in (parameters or {}).items()}
    return np.array(_floats([diffusion.model.beta * h for h in diffusion.frame.external], values))


def _field_range(diffusion):
    """The smallest and largest phi of a site in each field."""
    measure, observed = diffusion.model.measure, diffusion.frame.observables
    if not hasattr(measure, "values"):
        return -np.ones(len(observed)), np.ones(len(observed))
    law = diffusion.model.quenched
    columns = [{}] if law is None else [dict(zip(law.variables, p, strict=True)) for p in getattr(law, "values", ())]
    found = [[_floats([e.xreplace(c) for e in measure.at(g)], {}) for c in columns or [{}]] for g in observed]
    return np.array([np.min(g) for g in found]), np.array([np.max(g) for g in found])


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
