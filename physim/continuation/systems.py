r"""What is continued: a vector field F(x; p) with exact derivatives, its symmetries and its scale.

    F(g x; p) = g F(x; p)  for g in a finite group of orthogonal matrices     =>     branches come in orbits g x
    isotropy of x: Sigma = {g : g x = x},  fixed space Fix(Sigma) = {y : g y = y for all g in Sigma},  invariant

On a branch everything is solved inside Fix(Sigma): bifurcations that break the symmetry are regular points there, so
that they are found to full precision, from whichever side.  Symmetries are looked for among the permutations of equal
classes (as orthogonal matrices) and the signed permutations of up to four coordinates, each checked at random points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import permutations, product

import numpy as np

FIRST = np.array([4 / 5, -1 / 5, 4 / 105, -1 / 280])  # central differences of order eight
SECOND = np.array([8 / 5, -1 / 5, 8 / 315, -1 / 560])


@dataclass(frozen=True)
class System:
    """A field with parameters, made by `system`.

    evaluate : (x (n, L), p (k, L)) -> F, dF/dx, dF/dp.  state, parameters : names.  group : (G, n, n) orthogonal
    matrices, the identity first.  scale : typical size of the state, by which steps are measured.
    """

    evaluate: Callable = field(repr=False)
    state: tuple
    parameters: tuple
    group: np.ndarray = field(repr=False)
    scale: float
    gradient: bool = False

    @property
    def dim(self):
        """Number of coordinates."""
        return len(self.state)

    def at(self, x, p):
        """F (n,), dF/dx (n, n), dF/dp (n, k) at one point."""
        F, J, P = self.evaluate(np.asarray(x, float)[:, None], np.atleast_1d(np.asarray(p, float))[:, None])
        return F[:, 0], J[:, :, 0], P[:, :, 0]

    def along(self, x, p, dx, dp, order: int = 1):
        """Derivative of (F, dF/dx, dF/dp) along (dx, dp), by differences of order eight of the exact ones.

        The direction should be of the size that the field changes on; the step is 2 % of it (error about 1e-13).
        """
        h, coefficients = 0.02, (FIRST, SECOND)[order - 1]
        steps = h * np.array([1, 2, 3, 4, -1, -2, -3, -4] + [0] * (order == 2))
        points = np.asarray(x)[:, None] + np.outer(dx, steps)
        values = np.atleast_1d(p)[:, None] + np.outer(np.atleast_1d(dp), steps)
        weights = np.concatenate([coefficients, -coefficients if order == 1 else coefficients]) / h**order
        if order == 2:
            weights = np.append(weights, -2 * coefficients.sum() / h**2)
        return tuple(part @ weights for part in self.evaluate(points, values))

    def fixed(self, **values) -> System:
        """The system with some parameters fixed (nothing is compiled again); its symmetries are looked for anew.

        ValueError for a name that is no parameter, or when none would be left.
        """
        unknown = set(values) - set(self.parameters)
        left = tuple(name for name in self.parameters if name not in values)
        if unknown or not left:
            what = ", ".join(sorted(unknown or values))
            raise ValueError(f"values: {what} given; fix some, not all, of the parameters {', '.join(self.parameters)}")

        def evaluate(x, p):
            rows = iter(p)
            full = [np.full(p.shape[1], values[n]) if n in values else next(rows) for n in self.parameters]
            F, J, P = self.evaluate(x, np.array(full))
            return F, J, P[:, [n not in values for n in self.parameters]]

        candidates = [*self.group, *_signed_permutations(self.dim)]
        group = _verified(evaluate, candidates, self.scale, len(left))
        return replace(self, evaluate=evaluate, parameters=left, group=group)

    def isotropy(self, x, tolerance):
        """Elements of the group that keep x, (m, n, n)."""
        moved = np.linalg.norm(self.group @ x - x, axis=1)
        return self.group[moved <= tolerance]

    def orbit(self, x, tolerance=1e-6):
        """All distinct images of x under the group, (m, n)."""
        return distinct(self.group @ x, tolerance * self.scale)


def fixed_space(elements) -> np.ndarray:
    """Orthonormal basis (n, r) of the vectors that every element keeps."""
    values, vectors = np.linalg.eigh(elements.mean(0) / 2 + elements.mean(0).T / 2)
    return vectors[:, values > 0.5]


def distinct(points, tolerance) -> np.ndarray:
    """The points without repetitions, in their order."""
    kept: list[np.ndarray] = []
    for point in points:
        if not kept or np.min(np.linalg.norm(np.array(kept) - point, axis=1)) > tolerance:
            kept.append(point)
    return np.array(kept)


def system(
    subject, parameters, values=None, *, state=None, kind: str = "density", scale: float | None = None
) -> System:
    """A system from a Diffusion, a Dynamics, or expressions.

    Parameters
    ----------
    subject : `Diffusion` (its fixed points in the potential `kind`), `Dynamics` (of its drift), or n expressions with
        `state`, their n symbols.
    parameters : names (or symbols) of the parameters that will vary, e.g. "t" or ("t", "w");
        a Diffusion also knows "log_snr" in place of "t", the better one over many decades.
    values : dict from name to number for the other symbols.
    kind : "density", "reverse_sde" or "probability_flow", for a Diffusion.
    scale : typical size of the state; None takes the spread of the data, or 1.

    Raises
    ------
    ValueError for a symbol without a value, a parameter given twice, or an unknown kind.
    """
    from physim.kernels import field as kernels

    names = tuple(str(p) for p in (parameters if isinstance(parameters, list | tuple) else (parameters,)))
    values = {str(k): v for k, v in (values or {}).items()}
    if not names or set(names) & set(values):
        raise ValueError(f"parameters: {', '.join(names) or 'none'} given; names that have no fixed value are needed")
    is_diffusion = hasattr(subject, "posterior_mean")
    if is_diffusion:
        state, drift = subject.state, kernels.diffusion_drift(subject, kind)
        drift = kernels.in_log_snr(drift, subject.process) if "log_snr" in names else drift
    elif hasattr(subject, "drift"):
        state, drift = subject.state, subject.drift
    else:
        drift = list(subject) if isinstance(subject, list | tuple) else [subject]
        if state is None:
            raise ValueError("state: missing; expressions need the symbols of their coordinates")
        state = tuple(state) if isinstance(state, list | tuple) else (state,)
    drift = kernels.substituted(drift, values)
    evaluate = kernels.field(drift, state, kernels.symbols_of(drift, names))
    candidates = [np.eye(len(state))]
    if is_diffusion:
        found = _data(subject, values)
        if found is not None:
            candidates += _class_symmetries(*found)
            spread = np.sqrt(np.max(np.sum((found[1] - found[0] @ found[1]) ** 2, 1)))
            scale = scale or float(spread) or 1.0
    candidates += _signed_permutations(len(state))
    scale = scale or 1.0
    names_of_state = tuple(str(s) for s in state)
    gradient = is_diffusion or getattr(getattr(subject, "structure", None), "kind", "") == "gradient"
    group = _verified(evaluate, candidates, scale, len(names))
    return System(evaluate, names_of_state, names, group, float(scale), gradient)


def _data(diffusion, values):
    from physim.kernels.field import data_means

    try:
        return data_means(diffusion, values)
    except ValueError:  # symbols left that vary
        return None


def _class_symmetries(weights, means, spreads):
    """Orthogonal matrices that permute classes of equal weight and covariance and leave their arrangement as it is."""
    count, gram = len(means), means @ means.T
    if count > 8 or np.linalg.matrix_rank(means, tol=1e-9) < means.shape[1]:
        return []
    found: list[tuple] = []

    def extend(chosen):
        k = len(chosen)
        if k == count:
            found.append(tuple(chosen))
            return
        for j in set(range(count)) - set(chosen):
            row = gram[j, [*chosen, j]]
            if abs(weights[j] - weights[k]) < 1e-12 and np.allclose(row, gram[k, : k + 1], atol=1e-10):
                extend([*chosen, j])

    extend([])
    inverse = np.linalg.pinv(means.T)
    matrices = [means[list(p)].T @ inverse for p in found]
    pairs = [(m, p) for m, p in zip(matrices, found, strict=True)]
    return [m for m, p in pairs if all(np.allclose(m @ spreads[k] @ m.T, spreads[j]) for k, j in enumerate(p))]


def _signed_permutations(dim):
    if dim > 4:
        return []
    signs = list(product((1.0, -1.0), repeat=dim))
    return [np.diag(s)[:, list(p)] for p in permutations(range(dim)) for s in signs]


def _verified(evaluate, candidates, scale, count):
    """The candidates under which the field is equivariant at random points and parameters, without repetitions."""
    generator = np.random.Generator(np.random.Philox(1))
    x = scale * generator.standard_normal((candidates[0].shape[0], 6))
    p = generator.uniform(0.3, 0.9, (count, 6))
    with np.errstate(all="ignore"):
        F = evaluate(x, p)[0]
        keep = [
            g for g in candidates if np.allclose(evaluate(g @ x, p)[0], g @ F, rtol=1e-9, atol=1e-11, equal_nan=False)
        ]
    return distinct(np.array([np.eye(len(x)), *keep]).reshape(-1, len(x) ** 2), 1e-6).reshape(-1, len(x), len(x))
