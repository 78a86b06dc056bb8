r"""Limits of the Hopfield network's retrieval state at T > 0, from the states of `analytic.RetrievalPhase` in (a, v).

    T = E tanh u/a,   alpha = v (T - 1 + q)^2/q,   u ~ N(a, v);     y = a/sqrt(2 v)
    retrieval_limit          the largest alpha along the states of one T        T_M(alpha) read the other way
    retrieval_coexistence    free energy equal to that of the glass, a = 0      T_c(alpha) read the other way

The states of one temperature are a curve in y with one top: for large y the load vanishes and the overlap is that of a
single pattern.  As T -> 1, where a and v are small, alpha/(1 - T)^2 = (4/9) x/((1 + x)(x + 1/3)^2), x = 1/(2 y^2):
its largest value is at x = (sqrt(11/3) - 1)/4, so that T_M = 1 - 1.9540 sqrt(alpha).

Source: Amit, Gutfreund & Sompolinsky 1987.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from analytic.transition import Transition

COLDEST = 0.1  # the means over a site's field are exact to rounding above it
RATIOS = (1.3, 1.9), (1.9, 4.5)  # of y, around the top and around coexistence
SOURCE = "Amit, Gutfreund & Sompolinsky 1987"


def retrieval_limit(temperature: float) -> Transition:
    """The largest load alpha at which the retrieval state exists: a saddle-node; overlap m, q and T in `others`.

    At T = 0 the capacity.  Raises ValueError for a temperature that is neither 0 nor in [0.1, 1).
    """
    if _checked(temperature) == 0:
        load, overlap = map(float, _phase().capacity())
        return _transition("saddle-node", load, overlap, temperature)
    state = retrieval_state(temperature, _top(temperature))
    return _transition("saddle-node", state["load"], state["overlap"], temperature)


def retrieval_coexistence(temperature: float) -> Transition:
    """The load alpha below which the retrieval state and not the glass is the global minimum; first order.

    Raises ValueError for a temperature that is neither 0 nor in [0.1, 1).
    """
    from scipy import optimize

    if _checked(temperature) == 0:
        load, overlap = map(float, _phase().ground_coexistence())
        return _transition("first-order", load, overlap, temperature)

    def gap(y):
        state = retrieval_state(temperature, y)
        return state["free_energy"] - glass_state(temperature, state["load"])["free_energy"]

    y = optimize.brentq(gap, *RATIOS[1], xtol=1e-12)
    state = retrieval_state(temperature, y)
    return _transition("first-order", state["load"], state["overlap"], temperature)


def retrieval_overlap(load: float, temperature: float) -> float:
    """The overlap m of the retrieval state at a load and a temperature; ValueError beyond its limit."""
    from scipy import optimize

    limit = float(retrieval_limit(temperature).value)
    if not 0 < load < limit:
        raise ValueError(f"load: {load:g} given; the retrieval state at T = {temperature:g} exists below {limit:.7g}")
    if temperature == 0:
        return _ground(optimize.brentq(lambda y: _ground(y)[0] - load, 1.5112, 40, xtol=1e-13))[1]
    top = 2.0
    while retrieval_state(temperature, top)["load"] > load:
        top *= 1.5
    y = optimize.brentq(lambda y: retrieval_state(temperature, y)["load"] - load, _top(temperature), top, xtol=1e-12)
    return retrieval_state(temperature, y)["overlap"]


def _ground(ratio):
    """(alpha, m) at T = 0."""
    from analytic import evaluate
    from analytic.mean_field.retrieval import y

    return tuple(map(float, evaluate(list(_phase().load_curve), {y: ratio}, 15)))


@cache
def _phase():
    from analytic import RetrievalPhase

    return RetrievalPhase()


def _top(temperature):
    """y of the largest load."""
    from scipy import optimize

    def loss(y):
        return -retrieval_state(temperature, y)["load"]

    return optimize.minimize_scalar(loss, bounds=RATIOS[0], method="bounded", options={"xatol": 1e-8}).x


def retrieval_state(temperature: float, ratio: float) -> dict:
    """load, overlap, q and free_energy of the retrieval state at a temperature and y = a/sqrt(2 v)."""
    from scipy import optimize

    a = optimize.brentq(
        lambda x: _state(x, x**2 / (2 * ratio**2), 1.0)["overlap"] / x - temperature, 1e-3, 2 / temperature
    )
    return _state(a, a**2 / (2 * ratio**2), 1 / temperature)


def glass_state(temperature: float, load: float) -> dict:
    """The same of the glass at a load; ValueError above its temperature 1 + sqrt(alpha)."""
    from scipy import optimize

    if temperature >= 1 + np.sqrt(load):
        raise ValueError(f"temperature: {temperature:g} given; the glass exists below {1 + np.sqrt(load):.6g}")
    low = 1e-9
    if temperature < 1:  # the response is positive from q = 1 - T on
        low = optimize.brentq(lambda x: _state(0.0, x, 1 / temperature)["q"] - (1 - temperature), 1e-9, 1e4)
    high = 2 * low + 1
    while _state(0.0, high, 1 / temperature)["load"] < load:
        high *= 2
    v = optimize.brentq(lambda x: _state(0.0, x, 1 / temperature)["load"] - load, low, high, xtol=1e-13)
    return _state(0.0, v, 1 / temperature)


def _state(a, v, inverse):
    names, call = _numbers()
    return dict(zip(names, map(float, call(a, v, inverse)), strict=True))


@cache
def _numbers():
    """The states of the model as a function of (a, v, beta)."""
    from analytic.mean_field.retrieval import a, v
    from analytic.symbols import beta
    from physim.kernels.means import averaged

    states = _phase().states
    return tuple(states), averaged(list(states.values()), a, v, beta)


def _checked(temperature):
    if not (temperature == 0 or COLDEST <= temperature < 1):
        raise ValueError(f"temperature: {temperature!r} given; 0 or a number from {COLDEST:g} to 1 is needed")
    return temperature


def _transition(kind, load, overlap, temperature):
    others = {"m": overlap, "T": temperature}
    return Transition(kind, "retrieval", "alpha", load, status="numeric", method="root", source=SOURCE, others=others)
