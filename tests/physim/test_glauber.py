"""Heat-bath chains of occupation numbers against the exact transition matrix and enumeration of configurations."""

from itertools import product

import numpy as np
import pytest
import sympy as sp
from scipy.special import softmax

import analytic as an
import physim
from tests.checks import agree

N = 6
up, down, hole = sp.symbols("up down hole", real=True)
beta, field, spins, delta = sp.symbols("beta h N Delta", real=True)
ISING = an.heat_bath(-beta * (up - down) ** 2 / (2 * spins) - field * (up - down), (up, down), spins)
SPIN_ONE = an.heat_bath(-beta * (up - down) ** 2 / (2 * spins) + delta * (up + down), (up, hole, down), spins)


def chain(energy, values, count):
    """All occupations of N spins with some values, and the matrix of one heat-bath choice, site by site."""
    states = [s for s in product(range(count + 1), repeat=values) if sum(s) == count]
    matrix = np.zeros((len(states), len(states)))
    for i, n in enumerate(states):
        for a in range(values):
            if n[a] == 0:
                continue
            rest = [k - (b == a) for b, k in enumerate(n)]
            moves = [tuple(k + (b == c) for b, k in enumerate(rest)) for c in range(values)]
            p = softmax([-energy(*m) for m in moves])
            for move, pb in zip(moves, p, strict=True):
                matrix[i, states.index(move)] += n[a] / count * pb
    return states, matrix


def ising_energy(b, h):
    return lambda u, d: -b * (u - d) ** 2 / (2 * N) - h * (u - d)


def test_the_whole_path_of_the_ising_chain():
    """The distribution of the magnetisation after 0, 2, 4, ... choices is the power of the exact matrix."""
    states, matrix = chain(ising_energy(1.4, 0.05), 2, N)
    edges = np.arange(-N - 1, N + 2, 2.0)
    run = physim.simulate(
        ISING,
        trajectories=200_000,
        grid=np.arange(10) / 3,  # steps of two choices
        seed=6,
        scheme="glauber",
        parameters={"beta": 1.4, "h": 0.05, "N": N},
        initial=np.array([5.0, 1.0]),
        observe={"M": up - down, "total": up + down},
        histograms={"M": edges},
    )
    p = np.zeros(len(states))
    p[states.index((5, 1))] = 1
    order = np.argsort([u - d for u, d in states])
    for k in range(10):
        agree(run.M_density[k] * 2, run.M_density_stderr[k] * 2, p[order])
        p = p @ matrix @ matrix
    assert np.all(run.total_var == 0)


def test_stationary_averages_of_spin_one_by_enumeration():
    """Blume-Capel with six spins: after 20 sweeps, moments over the 3^6 configurations."""
    b, d = 1.1, 0.4
    configurations = np.array(list(product((1, 0, -1), repeat=N)))
    total, squares = configurations.sum(axis=1), (configurations**2).sum(axis=1)
    weight = softmax(b * total**2 / (2 * N) - d * squares)
    run = physim.simulate(
        SPIN_ONE,
        trajectories=100_000,
        grid=np.linspace(0, 20, 21),
        seed=1,
        scheme="glauber",
        parameters={"beta": b, "Delta": d, "N": N},
        initial=np.array([6.0, 0.0, 0.0]),
        observe={"M2": (up - down) ** 2, "Q": up + down, "M4": (up - down) ** 4},
        record=2,
    )
    for name, exact in (("M2", total**2), ("Q", squares), ("M4", total**4)):
        agree(run[f"{name}_mean"][-1:], run[f"{name}_mean_stderr"][-1:], np.sum(weight * exact))


def test_magnetisation_at_a_thousand_spins():
    """Disordered phase, long after the start: <M^2>/N by the exact sum over magnetisations."""
    from scipy.special import gammaln

    k = np.arange(1001)
    weight = softmax(0.5 * (2 * k - 1000) ** 2 / 2000 - gammaln(k + 1) - gammaln(1001 - k))
    request = {"parameters": {"beta": 0.5, "h": 0, "N": 1000}, "initial": np.array([500.0, 500.0])}
    run = physim.simulate(
        ISING,
        trajectories=4_000,
        grid=[0, 12.0],
        seed=2,
        scheme="glauber",
        observe={"chi": (up - down) ** 2 / spins},
        **request,
    )
    agree(run.chi_mean[-1:], run.chi_mean_stderr[-1:], np.sum(weight * (2 * k - 1000) ** 2) / 1000)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"scheme": "euler_maruyama"}, "integrates differential equations, not the jumps of a heat bath; use glauber"),
        ({"grid": [0, 0.1]}, "grid: equal steps of a whole number of choices, k/6 sweeps, are needed"),
        ({"grid": [0, 1, 3]}, "grid: equal steps of a whole number of choices"),
        ({"initial": np.array([4.0, 1.0])}, "initial: occupation numbers must be whole, not negative, and sum to 6"),
        ({"parameters": {"beta": 1, "h": 0, "N": 6.5}}, "parameters: 6.5 spins; a whole number is needed"),
        ({"step_bias": True, "grid": [0, 1, 2]}, "step_bias: a heat bath is an exact chain"),
    ],
)
def test_refusals(options, sentence):
    request = {"scheme": "glauber", "grid": [0, 1], "initial": np.array([3.0, 3.0]), "trajectories": 4, "seed": 1}
    with pytest.raises(ValueError, match=sentence):
        physim.simulate(ISING, **(request | {"parameters": {"beta": 1, "h": 0, "N": 6}} | options))


def test_other_dynamics_have_no_heat_bath():
    x = sp.Symbol("x", real=True)
    with pytest.raises(ValueError, match=r"scheme: glauber needs a dynamics made by heat_bath\(\.\.\.\); use euler"):
        physim.simulate(an.Dynamics(x, -x, 1), trajectories=4, grid=[0, 1], seed=1, scheme="glauber", initial=[0.0])
    with pytest.raises(ValueError, match="occupations: 1 given; a spin has at least two values"):
        an.heat_bath(up, (up,), 3)
