r"""A model of the data under a forward process: everything that follows from log p_t by differentiation.

    s = grad log p_t = <grad l>                      xhat = E[x_0|x] = (x + sigma^2 s)/alpha         (Tweedie)
    J = grad s                                       C = Cov[x_0|x] = (sigma^2/alpha^2)(I + sigma^2 J)
    b = (g2/2)(D/sigma^2 + div s) = (g2 alpha^2 / 2 sigma^4) tr C                            (local bandwidth)
    h = -sum_k p_k log p_k                                                                   (class entropy)
    U = f|x|^2/2 - c g2 log p_t,  c = 1: reverse SDE, c = 1/2: probability flow;  c g2 -> 1, f -> 0: density

<.> is the mean over the class posterior p_k(x).  Tweedie's formula is applied to each class and brought to lowest
terms there, so that xhat, C and b keep their relative accuracy as t -> 0 and far out in the tails, where the same
formulas applied to s and J would cancel.  Reverse family (churn c): dX = [-f X + (g2/2)(1 + c^2) s] ds + c g dW.

Sources: Stancevic & Ambrogioni 2026 (2508.19897); Song et al. 2021 (2011.13456); Efron 2011 for Tweedie's formula.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import sympy as sp

from analytic import symbols
from analytic.dynamics import Dynamics, Gradient, Reverse
from analytic.mean_field.base import MeanField
from analytic.models.base import Model, Normals
from analytic.processes import ForwardProcess
from analytic.site_diffusion import SiteDiffusion
from analytic.stable import logsumexp, softmax, softmax_covariance, softmax_mean, surprisal
from analytic.symbols import alpha, exact, f, g2, sigma

POTENTIALS = ("density", "reverse_sde", "probability_flow")


@dataclass(frozen=True)
class Diffusion:
    """p_t of a model under a process; every attribute is a SymPy expression in the state and t.

    Vectors are column matrices of length d = len(state) and matrices are d x d, in the coordinates of the model's
    state; `score_divergence`, `local_bandwidth` and `entropy_rate`-like traces include the model's rest dimensions.
    """

    model: Model
    process: ForwardProcess

    def __new__(cls, model=None, process=None):
        """A mean-field model has N sites: its diffusion is a `SiteDiffusion`."""
        return SiteDiffusion(model, process) if isinstance(model, MeanField) else super().__new__(cls)

    def __post_init__(self):
        if not isinstance(self.model, Model):
            raise TypeError(f"model: {self.model!r} is not an analytic model (a subclass of analytic.models.Model)")
        if not isinstance(self.process, ForwardProcess):
            raise TypeError(f"process: {self.process!r} is not a ForwardProcess; see analytic.processes")

    @property
    def state(self):
        """Symbols of the coordinates."""
        return self.model.state

    @cached_property
    def _components(self):
        return self.model.log_components(alpha, sigma)

    @cached_property
    def _log_density(self):
        return logsumexp(self._components)

    @cached_property
    def _gradients(self):
        return [[sp.diff(l, x) for x in self.state] for l in self._components]

    @cached_property
    def _score(self):
        return [sp.diff(self._log_density, x) for x in self.state]

    @cached_property
    def _jacobian(self):
        return sp.Matrix(len(self.state), len(self.state), lambda i, j: sp.diff(self._score[i], self.state[j]))

    def _tangential(self, function):
        """sum of (n - 1) function(r) over the radial coordinates."""
        return sp.Add(*((n - 1) * function(r) for r, n in self.model.radial.items()))

    def _over_rests(self, function):
        """sum of dim function(v) over the Gaussian blocks left out, v their variance at t = 0."""
        return sp.Add(*(dim * function(v) for dim, v in self.model.rests if dim != 0))

    def _put(self, expr):
        if isinstance(expr, sp.MatrixBase):
            return sp.ImmutableMatrix(expr.applyfunc(self.process.put_into))
        return self.process.put_into(expr)

    @cached_property
    def log_density(self):
        """log p_t(x), of the state's coordinates."""
        return self._put(self._log_density)

    @cached_property
    def log_components(self):
        """(l_1, ..., l_K), l_k = log(w_k p_t(x | k))."""
        return tuple(map(self._put, self._components))

    @cached_property
    def score(self):
        """s = grad log p_t, d x 1."""
        return self._put(sp.Matrix(self._score))

    @cached_property
    def score_jacobian(self):
        """grad s, d x d."""
        return self._put(self._jacobian)

    @cached_property
    def score_divergence(self):
        """div s over all D dimensions, those left out of the state included."""
        curved = self._tangential(lambda r: self._score[self.state.index(r)] / r)
        rest = self._over_rests(lambda v: 1 / (sigma**2 + alpha**2 * v))
        return self._put(self._jacobian.trace() + curved - rest)

    @cached_property
    def score_square(self):
        """E[|s|^2 | the state] over all D dimensions: those left out have their mean square, 1/variance each."""
        rest = self._over_rests(lambda v: 1 / (sigma**2 + alpha**2 * v))
        return self._put(sp.Add(*(s**2 for s in self._score)) + rest)

    @cached_property
    def posterior_mean(self):
        """xhat = E[x_0 | x_t = x], d x 1."""
        rows = []
        for i, x in enumerate(self.state):
            inner = [_lowest((x + sigma**2 * grad[i]) / alpha) for grad in self._gradients]
            rows.append(softmax_mean(self._components, inner))
        return self._put(sp.Matrix(rows))

    @cached_property
    def _posterior_covariance(self):
        d, ls = len(self.state), self._components

        def entry(i, j):
            inner = [
                _lowest((sigma**2 / alpha**2) * (int(i == j) + sigma**2 * sp.diff(grad[i], self.state[j])))
                for grad in self._gradients
            ]
            columns = [[grad[k] for grad in self._gradients] for k in (i, j)]
            return softmax_mean(ls, inner) + sigma**4 / alpha**2 * softmax_covariance(ls, *columns)

        upper = {(i, j): entry(i, j) for i in range(d) for j in range(i, d)}
        return sp.Matrix(d, d, lambda i, j: upper[min(i, j), max(i, j)])

    @cached_property
    def posterior_covariance(self):
        """C = Cov[x_0 | x_t = x], d x d."""
        return self._put(self._posterior_covariance)

    @cached_property
    def class_posterior(self):
        """(p_1, ..., p_K): probability of each class given x_t = x."""
        return tuple(self._put(softmax(k, self._components)) for k in range(len(self._components)))

    @cached_property
    def class_entropy(self):
        """h(x) = H[class | x_t = x] in nats."""
        ls = self._components
        return self._put(sp.Add(*(softmax(k, ls) * surprisal(k, ls) for k in range(len(ls)))))

    @cached_property
    def local_bandwidth(self):
        """b(x, t) = (g2 alpha^2 / 2 sigma^4) tr C >= 0 over all D dimensions, in nats per unit of t."""
        return self._put(g2 * alpha**2 / (2 * sigma**4) * self._total_variance)

    @cached_property
    def total_posterior_variance(self):
        """tr C over all D dimensions; its mean is the mmse."""
        return self._put(self._total_variance)

    @cached_property
    def _total_variance(self):
        def across(r):
            i = self.state.index(r)
            inner = [_lowest((sigma**2 / alpha**2) * (1 + sigma**2 * grad[i] / r)) for grad in self._gradients]
            return softmax_mean(self._components, inner)

        rest = self._over_rests(lambda v: sigma**2 * v / (sigma**2 + alpha**2 * v))
        return self._posterior_covariance.trace() + self._tangential(across) + rest

    def potential(self, kind: str = "density"):
        """The potential whose downhill force is the drift: "density", "reverse_sde" or "probability_flow".

        density: -log p_t, of which s is the force; reverse_sde and probability_flow: (f/2)|x|^2 - c g2 log p_t with
        c = 1 and 1/2.  Normalised only up to a function of time.  ValueError for another kind.
        """
        if kind not in POTENTIALS:
            raise ValueError(f"kind: {kind!r} is unknown; allowed are {', '.join(POTENTIALS)}")
        if kind == "density":
            return self._put(-self._log_density)
        strength = {"reverse_sde": sp.S.One, "probability_flow": sp.S.Half}[kind]
        square = sp.Add(*(x**2 for x in self.state))
        return self._put(f * square / 2 - strength * g2 * self._log_density)

    def _centrifugal(self, x):
        """(n - 1)/r for a radial coordinate, 0 for a plain one."""
        return (self.model.radial[x] - 1) / x if x in self.model.radial else sp.S.Zero

    def forward(self) -> Dynamics:
        """dX = f X dt + g dW, started from the data (a radial coordinate moves by its own Ito equation)."""
        drift = [self._put(f * x + g2 / 2 * self._centrifugal(x)) for x in self.state]
        return self._dynamics("forward", drift, sp.sqrt(self.process.g2), reverse=False)

    def reverse(self, churn=1) -> Dynamics:
        """dX = [-f X + (g2/2)(1 + churn^2) s] ds + churn g dW, ds = -dt, started from p_t; the marginals are p_t.

        Raises ValueError for a negative churn.
        """
        churn = exact(churn)
        if churn.is_negative:
            raise ValueError(f"churn: {churn} is negative; it must be zero or positive")
        drift = [
            self._put(-f * x + g2 * (1 + churn**2) / 2 * s + churn**2 * g2 / 2 * self._centrifugal(x))
            for x, s in zip(self.state, self._score, strict=True)
        ]
        name = "probability flow" if churn == 0 else "reverse"
        structure = None if self.model.radial else Reverse(self.process, tuple(self.posterior_mean), churn)
        return self._dynamics(name, drift, churn * sp.sqrt(self.process.g2), reverse=True, structure=structure)

    def probability_flow(self) -> Dynamics:
        """The ordinary differential equation of the reverse family (churn = 0)."""
        return self.reverse(churn=0)

    def langevin(self, at) -> Dynamics:
        """dX = s(X, at) dt + sqrt(2) dW: equilibrium dynamics whose stationary density is p_t at the time `at`."""
        time = exact(at)
        drift = [e.subs(symbols.t, time) + self._centrifugal(x) for x, e in zip(self.state, self.score, strict=True)]
        volume = sp.Add(*((n - 1) * sp.log(r) for r, n in self.model.radial.items()))
        structure = Gradient(-self.log_density.subs(symbols.t, time) - volume, sp.S.One)
        return Dynamics(
            self.state,
            tuple(drift),
            (sp.sqrt(2),),
            initial=self._law(time),
            structure=structure,
            name=f"langevin at {time}",
        )

    def _law(self, time=symbols.t) -> Normals:
        law = self.model.sampling(alpha, sigma)

        def put(e):
            return self._put(sp.sympify(e)).subs(symbols.t, time)

        covariances = tuple(sp.ImmutableMatrix(c.applyfunc(put)) for c in law.covariances)
        return Normals(law.weights, tuple(tuple(map(put, m)) for m in law.means), covariances, law.radial)

    def _dynamics(self, name, drift, noise, reverse, structure=None):
        return Dynamics(
            self.state,
            tuple(drift),
            (noise,),
            reverse=reverse,
            span=self.process.span,
            initial=self._law(),
            structure=structure,
            name=f"{name} of {type(self.model).__name__} under {self.process.name}",
        )

    def _repr_latex_(self):
        return rf"$\log p_t = {sp.latex(self.log_density)}$"


def _lowest(expr):
    """A rational function of alpha, sigma and x in lowest terms."""
    return sp.factor(sp.cancel(sp.together(expr)))
