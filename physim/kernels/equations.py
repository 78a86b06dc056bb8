"""What a scheme sees of a dynamics (`Equations`) and of the noise of one step (`Noise`), as expressions."""

from __future__ import annotations

from dataclasses import dataclass, field

import sympy as sp

from analytic import stable


@dataclass(frozen=True)
class Noise:
    """The normals of one step: W(dt) and Z = int_0^dt W ds per coordinate, the standard normals, or uniforms."""

    standard: list
    second: list
    w: list
    z: list
    uniform: list = field(default_factory=list)


def brownian(standard, second, dt, sqrt=sp.sqrt) -> Noise:
    """Noise of a step of length dt: W = sqrt(dt) xi_1, Z = dt^(3/2) (xi_1 / 2 + xi_2 / (2 sqrt 3))."""
    root = sqrt(dt)
    z = [dt * root * (a / 2 + b / (2 * sqrt(3))) for a, b in zip(standard, second, strict=True)]
    return Noise(standard, second, [root * a for a in standard], z)


def joined(first: Noise, last: Noise, dt_last, dt) -> Noise:
    """Noise of two successive steps as that of one: W = W_1 + W_2, Z = Z_1 + Z_2 + dt_2 W_1."""
    w = [a + b for a, b in zip(first.w, last.w, strict=True)]
    z = [a + b + dt_last * c for a, b, c in zip(first.z, last.z, first.w, strict=True)]
    standard = [a / sp.sqrt(dt) for a in w]
    second = [2 * sp.sqrt(3) * (a / (dt * sp.sqrt(dt)) - b / 2) for a, b in zip(z, standard, strict=True)]
    return Noise(standard, second, w, z)


@dataclass(frozen=True)
class Point:
    """A point of the schedule: time, alpha, sigma and level = log(alpha/sigma)."""

    time: sp.Expr
    alpha: sp.Expr
    sigma: sp.Expr
    level: sp.Expr


class Equations:
    """Drift, noise and structure of a dynamics at any state and time; `let` names intermediate values."""

    exp, sqrt, expm1 = (staticmethod(function) for function in (sp.exp, sp.sqrt, stable.expm1))

    def __init__(self, dynamics, rename):
        self._rename = rename
        self._state = [rename[s] for s in dynamics.state]
        self._time = rename[dynamics.time]
        self._drift = [e.xreplace(rename) for e in dynamics.drift]
        self._noise = [e.xreplace(rename) for e in dynamics.noise]
        self.convention = dynamics.convention
        self.stages: list[tuple[sp.Symbol, sp.Expr]] = []
        structure = dynamics.structure
        self.reverse = Reverse(self, structure) if structure is not None and structure.kind == "reverse" else None
        self.underdamped = Underdamped(self, structure) if structure is not None else None
        self.gradient = Gradient(self, structure) if structure is not None else None
        self.heat_bath = HeatBath(self, structure) if structure is not None else None

    def drift(self, x, time):
        """a(x, time), a list."""
        return self.at(self._drift, x, time)

    def noise(self, x, time):
        """b(x, time), a list."""
        return self.at(self._noise, x, time)

    def noise_slope(self, x, time):
        """db_i/dx_i, a list."""
        return self.at([sp.diff(b, s) for b, s in zip(self._noise, self._state, strict=True)], x, time)

    @property
    def linear(self):
        """(k_i, m_i) of a_i = k_i x_i + m_i."""
        zero = dict.fromkeys(self._state, sp.S.Zero)
        return [(sp.diff(a, s), a.xreplace(zero)) for a, s in zip(self._drift, self._state, strict=True)]

    def let(self, values):
        """Symbols for intermediate values."""
        names = [sp.Symbol(f"y{len(self.stages) + i}", real=True) for i in range(len(values))]
        self.stages += list(zip(names, map(sp.sympify, values), strict=True))
        return names

    def at(self, exprs, x, time):
        """Expressions of the dynamics at another state and time."""
        here = dict(zip(self._state, x, strict=True)) | {self._time: time}
        return [e.xreplace({k: v for k, v in here.items() if k != v}) for e in exprs]

    def own(self, expr):
        """An expression of the model in the kernel's letters."""
        return sp.sympify(expr).xreplace(self._rename)

    @staticmethod
    def where(condition, a, b):
        """a where the condition holds, else b."""
        return sp.Piecewise((a, condition), (b, True))

    @staticmethod
    def normal_cdf(z):
        """The distribution function of a standard normal."""
        return sp.erfc(-z / sp.sqrt(2)) / 2


class Reverse:
    """The structure of the reverse family: schedule and posterior mean."""

    def __init__(self, equations, structure):
        self.equations, self.process = equations, structure.process
        self.churn = equations.own(structure.churn)
        self._mean = [equations.own(e) for e in structure.mean]

    def mean(self, x, time):
        """xhat(x, time), a list."""
        return self.equations.at(self._mean, x, time)

    def at(self, time) -> Point:
        """The schedule at a time."""
        p = self.process
        return Point(time, *(self._in(e, time) for e in (p.alpha, p.sigma, p.log_snr / 2)))

    def between(self, t, t_next) -> Point:
        """The schedule half-way in log-SNR where the process can say so in closed form, else half-way in time."""
        closed = self.process.time_of_snr
        if closed is None:
            return self.at((t + t_next) / 2)
        ratio = sp.sqrt(self._in(self.process.snr, t) * self._in(self.process.snr, t_next))
        return self.at(self.equations.own(closed).subs(sp.Symbol("R", positive=True), ratio))

    def _in(self, expr, time):
        own = self.equations.own(expr)
        return own.xreplace({self.equations._time: time})


class Underdamped:
    """The structure of underdamped Langevin dynamics: force, friction, temperature."""

    def __init__(self, equations, structure):
        self.equations = equations
        self.friction = equations.own(getattr(structure, "friction", 0))
        self.temperature = equations.own(getattr(structure, "temperature", 1))
        self._force = [equations.own(e) for e in getattr(structure, "force", ())]

    def force(self, q, time):
        """-dU/dq at positions q."""
        return self.equations.at(self._force, [*q, *[sp.S.Zero] * len(q)], time)


class Gradient:
    """The structure of overdamped Langevin dynamics: potential and temperature."""

    def __init__(self, equations, structure):
        self.equations = equations
        self.temperature = equations.own(getattr(structure, "temperature", 1))
        self._potential = equations.own(getattr(structure, "potential", 0))

    def potential(self, x):
        """U(x)."""
        return self.equations.at([self._potential], x, self.equations._time)[0]


class HeatBath:
    """The structure of Glauber dynamics: energy of the occupation numbers, number of spins."""

    def __init__(self, equations, structure):
        self.equations = equations
        self.spins = equations.own(getattr(structure, "spins", 1))
        self._energy = equations.own(getattr(structure, "energy", 0))

    def probabilities(self, rest):
        """Of every value for one more spin beside the rest: softmax of -E(rest + e_b), large common parts expanded."""
        state = self.equations._state
        energies = [self._energy.xreplace({state[b]: state[b] + 1}) for b in range(len(state))]
        gains = [sp.expand(energies[0] - e) for e in energies]
        logits = self.equations.at(gains, rest, self.equations._time)
        return [stable.softmax(b, logits) for b in range(len(state))]
