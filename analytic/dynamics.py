r"""A stochastic differential equation as a record.

    dX = a(X, t) ds + b(X, t) dW,     ds = dt  (forward)   or   ds = -dt  (reverse: generation, t falls)

The time that appears in a and b is always forward process time.  The noise is diagonal: coordinate i has its own
Wiener process with amplitude b_i.  The convention (Ito or Stratonovich) is part of the record.

An exchangeable system of N sites is stated by its single site: the state is that of one site, and the drift and the
noise may contain order parameters q_k = (1/N) sum_i g_k(x_i), which all sites share.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from analytic.symbols import exact, t

CONVENTIONS = ("ito", "stratonovich")
COPIES = ("independent", "common", "antithetic")


@dataclass(frozen=True)
class Reverse:
    """Structure of the reverse family: the process, the posterior mean E[x_0|x] by coordinate, the churn."""

    process: object
    mean: tuple
    churn: sp.Expr
    kind: str = "reverse"

    def copies(self, renamings):
        """The structure of several replicas."""
        return replace(self, mean=tuple(e.xreplace(r) for r in renamings for e in self.mean))


@dataclass(frozen=True)
class Gradient:
    """Structure of overdamped Langevin dynamics, dx = -grad U dt + sqrt(2 T) dW."""

    potential: sp.Expr
    temperature: sp.Expr
    kind: str = "gradient"

    def copies(self, renamings):
        """The structure of several replicas."""
        return replace(self, potential=sp.Add(*(self.potential.xreplace(r) for r in renamings)))


@dataclass(frozen=True)
class Underdamped:
    """Structure of underdamped Langevin dynamics, dx = p dt, dp = (F - friction p) dt + sqrt(2 friction T) dW."""

    force: tuple
    friction: sp.Expr
    temperature: sp.Expr
    kind: str = "underdamped"

    def copies(self, renamings):
        """Replicas of positions and momenta would not be (positions, momenta) any more."""
        raise ValueError("count: replicas of underdamped dynamics are not supported; run it twice with two streams")


@dataclass(frozen=True)
class HeatBath:
    """Structure of Glauber dynamics: weights exp(-energy) of the occupation numbers, the number of spins."""

    energy: sp.Expr
    spins: sp.Expr
    kind: str = "heat_bath"

    def copies(self, renamings):
        """Replicas of occupation numbers would not be occupation numbers any more."""
        raise ValueError("count: replicas of a heat bath are not supported; run it twice with two streams")


def heat_bath(energy, occupations, spins) -> Dynamics:
    r"""Glauber dynamics of N exchangeable spins with A values, as an exact Markov chain of their occupation numbers.

    A spin chosen at random (value a with probability n_a/N) takes the value b with probability proportional to
    exp[-E(n - e_a + e_b)].  A configuration of single spins has weight exp(-E(n)); time is counted in sweeps, N
    choices each.

    Parameters
    ----------
    energy : E = beta H minus the logarithm of the single-spin weights, an expression in the occupation numbers.
    occupations : A symbols n_a, with n_1 + ... + n_A = N.  spins : N, a number or a symbol.

    Source: Glauber 1963; Levin, Luczak & Peres 2010 (0712.0790) for the mean-field chain.
    """
    state = tuple(occupations)
    if len(state) < 2:
        raise ValueError(f"occupations: {len(state)} given; a spin has at least two values")
    structure = HeatBath(exact(energy), _positive(spins, "spins"))
    return Dynamics(state, (sp.S.Zero,) * len(state), structure=structure, name="heat bath")


def overdamped(potential, state, temperature=1) -> Dynamics:
    """dx = -grad U dt + sqrt(2 T) dW, whose stationary density is exp(-U/T).

    Parameters
    ----------
    potential : U, an expression in the state.  state : symbols.  temperature : T > 0, number or symbol.
    """
    state = tuple(state) if isinstance(state, list | tuple) else (state,)
    temperature = _positive(temperature, "temperature")
    drift = tuple(-sp.diff(exact(potential), x) for x in state)
    structure = Gradient(exact(potential), temperature)
    return Dynamics(state, drift, (sp.sqrt(2 * temperature),), structure=structure, name="overdamped Langevin")


def underdamped(potential, positions, friction=1, temperature=1) -> Dynamics:
    """dx = p dt, dp = (-grad U - friction p) dt + sqrt(2 friction T) dW; stationary exp(-(U + |p|^2/2)/T).

    The state is (positions, momenta); momenta are named p_<position>.
    """
    positions = tuple(positions) if isinstance(positions, list | tuple) else (positions,)
    friction, temperature = _positive(friction, "friction"), _positive(temperature, "temperature")
    momenta = tuple(sp.Symbol(f"p_{x.name}", real=True) for x in positions)
    force = tuple(-sp.diff(exact(potential), x) for x in positions)
    drift = momenta + tuple(f - friction * p for f, p in zip(force, momenta, strict=True))
    noise = (sp.S.Zero,) * len(positions) + (sp.sqrt(2 * friction * temperature),) * len(positions)
    structure = Underdamped(force, friction, temperature)
    return Dynamics(positions + momenta, drift, noise, structure=structure, name="underdamped Langevin")


def _positive(value, name):
    value = exact(value)
    if value.is_number and not value > 0:
        raise ValueError(f"{name}: {value} is not positive")
    return value


@dataclass(frozen=True)
class Dynamics:
    """State, drift and noise of an SDE, from your own SymPy expressions or from `Diffusion`.

    Parameters
    ----------
    state : symbols of the d coordinates.
    drift : d expressions a_i per unit of |time|.
    noise : d amplitudes b_i (a single one serves all; 0 for an ordinary differential equation).
    time : the symbol of forward time.
    reverse : True when time runs from the end of the span to its start.
    convention : "ito" or "stratonovich".
    span : (start, end) of forward time that the expressions are valid in.
    initial : a `models.base.Normals` in the time symbol, the law of the state at the starting time, or None.
    structure : what structured integrators need to know (`Reverse`, `Gradient`, `Underdamped`), or None.
    replicas : the state is this many copies of one system, which start from one draw of `initial` (see `copies`).
    drivers : (k, sign) of each coordinate: it is driven by sign x the k-th Wiener process; () gives each its own.
    sites : N, the number of exchangeable sites; None for a system without sites.
    order : dict from the symbol q_k to g_k, an expression of one site's state, the time and parameters.
    mixture : numbers that a dense mixture of centres is made of (see `physim.DenseMixture`), or None.
    name : a word for tables and provenance.

    Raises
    ------
    ValueError when lengths differ or the convention is unknown.
    """

    state: tuple
    drift: tuple
    noise: tuple = (0,)
    time: sp.Symbol = t
    reverse: bool = False
    convention: str = "ito"
    span: tuple = (-sp.oo, sp.oo)
    initial: Any = None
    structure: Any = None
    replicas: int = 1
    drivers: tuple = ()
    sites: int | None = None
    order: Any = ()
    mixture: Any = None
    name: str = "dynamics"

    def __post_init__(self):
        put = object.__setattr__
        for field in ("state", "drift", "noise"):
            value = getattr(self, field)
            value = tuple(value) if isinstance(value, list | tuple | sp.MatrixBase | sp.Tuple) else (value,)
            put(self, field, tuple(map(exact, value)))
        dim = len(self.state)
        if len(self.noise) == 1:
            put(self, "noise", self.noise * dim)
        for field in ("drift", "noise"):
            if len(getattr(self, field)) != dim:
                raise ValueError(
                    f"{field}: {len(getattr(self, field))} entries for {dim} coordinates; one each is needed"
                )
        if self.convention not in CONVENTIONS:
            raise ValueError(f"convention: {self.convention!r} is unknown; allowed are {', '.join(CONVENTIONS)}")
        self._check_sites()
        put(self, "drivers", tuple(self.drivers) or tuple((k, 1) for k in range(dim)))
        if len(self.drivers) != dim:
            raise ValueError(f"drivers: {len(self.drivers)} entries for {dim} coordinates; one each is needed")

    def _check_sites(self):
        order = tuple((q, exact(g)) for q, g in dict(self.order).items())
        object.__setattr__(self, "order", order)
        if self.sites is None and order:
            raise ValueError("sites: None given together with order parameters; give the number of sites")
        if self.sites is not None and (isinstance(self.sites, bool) or int(self.sites) != self.sites or self.sites < 1):
            raise ValueError(f"sites: {self.sites!r} given; a whole number from 1 is needed")
        names = {q for q, _ in order}
        if any(g.free_symbols & names for _, g in order):
            raise ValueError("order: an order parameter is the mean of an expression without order parameters")

    @property
    def parameters(self) -> tuple[sp.Symbol, ...]:
        """Symbols that need a number before a simulation."""
        entries = [*self.drift, *self.noise, *(g for _, g in self.order)]
        if isinstance(self.structure, HeatBath):
            entries += [self.structure.energy, self.structure.spins]
        if self.initial is not None:
            entries += [*self.initial.weights, *(m for row in self.initial.means for m in row)]
            entries += [entry for c in self.initial.covariances for entry in c]
        known = {*self.state, self.time, *(q for q, _ in self.order)}
        free = set().union(*(e.free_symbols for e in entries)) - known
        return tuple(sorted(free, key=lambda s: s.name))

    @property
    def noise_class(self) -> str:
        """ "none", "additive" (free of the state), "diagonal" (b_i of x_i alone) or "general"."""
        if all(b == 0 for b in self.noise):
            return "none"
        inside = [b.free_symbols & set(self.state) for b in self.noise]
        shared = {q for q, _ in self.order}
        if any(b.free_symbols & shared for b in self.noise):
            return "general"
        if not any(inside):
            return "additive"
        return "diagonal" if all(found <= {x} for found, x in zip(inside, self.state, strict=True)) else "general"

    def to(self, convention: str) -> Dynamics:
        """The same process written in the other convention: a_Strat = a_Ito - (1/2) b_i db_i/dx_i.

        ValueError for an unknown convention.
        """
        if convention not in CONVENTIONS:
            raise ValueError(f"convention: {convention!r} is unknown; allowed are {', '.join(CONVENTIONS)}")
        if convention == self.convention:
            return self
        sign = -1 if convention == "stratonovich" else 1
        terms = [b * sp.diff(b, x) / 2 for b, x in zip(self.noise, self.state, strict=True)]
        drift = tuple(a + sign * term for a, term in zip(self.drift, terms, strict=True))
        return replace(self, drift=drift, convention=convention)

    def copies(self, count: int, noise: str = "independent") -> Dynamics:
        """`count` replicas of the state that start from one point, (x, x__2, ...).

        noise : "independent" (the clone experiment is `reverse().copies(2)`), "common" (all replicas feel one noise:
        branching), or "antithetic" (two replicas, opposite noise: the mean of an observable over the pair has less
        variance, and the pair is one independent sample).

        ValueError for another word, more than two antithetic replicas, or a dynamics that has replicas already.
        """
        if noise not in COPIES:
            raise ValueError(f"noise: {noise!r} is unknown; allowed are {', '.join(COPIES)}")
        if noise == "antithetic" and count != 2:
            raise ValueError(f"count: {count} antithetic replicas asked for; they come in twos")
        if self.sites is not None:
            raise ValueError("count: replicas of exchangeable sites are not supported; run it twice with two streams")
        if self.replicas != 1:
            raise ValueError(f"count: this dynamics has {self.replicas} replicas already; copy the single one")
        blocks = [self.state]
        for k in range(2, count + 1):
            blocks.append(tuple(sp.Symbol(f"{s.name}__{k}", real=True) for s in self.state))
        rename = [dict(zip(self.state, block, strict=True)) for block in blocks]
        return replace(
            self,
            state=tuple(s for block in blocks for s in block),
            drift=tuple(e.xreplace(r) for r in rename for e in self.drift),
            noise=tuple(e.xreplace(r) for r in rename for e in self.noise),
            structure=None if self.structure is None else self.structure.copies(rename),
            replicas=count,
            drivers=tuple(
                (driver + k * len(self.state) * (noise == "independent"), sign * (-1) ** (k * (noise == "antithetic")))
                for k in range(count)
                for driver, sign in self.drivers
            ),
            name=f"{count} replicas of {self.name}",
        )

    def _repr_latex_(self):
        step = r"(-\mathrm{d}t)" if self.reverse else r"\mathrm{d}t"
        lines = [
            rf"\mathrm{{d}}{sp.latex(x)} &= \left[{sp.latex(a)}\right] {step} + {sp.latex(b)}\,\mathrm{{d}}W"
            for x, a, b in zip(self.state, self.drift, self.noise, strict=True)
        ]
        return r"$\begin{aligned}" + r"\\".join(lines) + r"\end{aligned}$"
