r"""Special points of a branch, refined: folds, branch points, Hopf points, and their normal forms.

    fold                F = 0,  F_x v = 0,  |v| = 1                                 psi . F_p != 0
    symmetry breaking   F = 0 in Fix(Sigma),  an eigenvalue of F_x across it is zero (a regular root in p)
    simple branch point F + mu psi = 0,  F_x^T psi = 0,  psi . F_p = 0,  |psi| = 1   (mu = 0 at the root)
    normal form         0 = d (p - p_c) u + (a/2) u^2 + (c/6) u^3,
                        a = psi . F_xx v v,   c = psi . (F_xxx v v v + 3 F_xx v w),   F_x w = -(F_xx v v - psi a)

c < 0: supercritical pitchfork (the branches that appear are stable), c > 0: subcritical.  Residuals are made of exact
derivatives; differences enter the matrices of Newton only, so that roots are exact to rounding, and a, c to 1e-10.

Sources: Moore 1980 (branch points); Golubitsky & Schaeffer 1985 (Lyapunov-Schmidt); Kuznetsov 2004.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from physim.continuation.solve import newton
from physim.continuation.systems import System, fixed_space

SINGULAR = 1e-6
NEAR = 1e-4


@dataclass(frozen=True)
class Point:
    """A special point: kind, state x, parameter p, kernel (n, k), coefficients of the normal form, isotropy order."""

    kind: str
    x: np.ndarray
    p: float
    kernel: np.ndarray = field(repr=False)
    quadratic: float = np.nan
    cubic: float = np.nan
    isotropy: int = 1


def refined(system: System, x, p, width) -> Point | None:
    """The special point near (x, p), where an eigenvalue vanishes; None where nothing converges.

    width : how far p may move.
    """
    elements = system.isotropy(x, NEAR * system.scale)
    basis = fixed_space(elements)
    x = basis @ (basis.T @ x)
    _, J, _ = system.at(x, p)
    inner = np.linalg.svd(basis.T @ J @ basis)[1] if basis.shape[1] else np.array([np.inf])
    across = _complement(basis)
    outer = np.linalg.svd(across.T @ J @ across)[1] if across.shape[1] else np.array([np.inf])
    if outer[-1] <= inner[-1]:
        found = _breaking(system, x, p, basis, across, width)
    else:
        found = _inside(system, x, p, basis)
    if found is None or abs(found[1] - p) > width:
        return None
    return _described(system, found[0], found[1], elements)


def _complement(basis):
    n, r = basis.shape
    return np.linalg.qr(np.concatenate([basis, np.eye(n)], 1))[0][:, r:n]


def _breaking(system, x, p, basis, across, width):
    """Root in p of the eigenvalue nearest zero across the fixed space, by secants on the symmetric branch."""

    def critical(q, x):
        x = newton(system, x, q, basis)
        if x is None:
            return None
        values = np.linalg.eigvals(across.T @ system.at(x, q)[1] @ across)
        return x, float(np.real(values[np.argmin(np.abs(values))]))

    first, second = critical(p, x), critical(p + 1e-4 * width, x)
    if first is None or second is None:
        return None
    (x, a), (_, b) = first, second
    other, b_at = b, p + 1e-4 * width
    for _ in range(50):
        if a == 0 or a == other:
            break
        step = -a * (p - b_at) / (a - other)
        b_at, other = p, a
        p += step
        again = critical(p, x)
        if again is None:
            return None
        x, a = again
        if abs(step) <= 4e-16 * (abs(p) + width):
            break
    return x, p


def _inside(system, x, p, basis):
    """A fold, or a branch point, inside the fixed space."""
    _, J, P = system.at(x, p)
    left = basis @ np.linalg.svd((basis.T @ J @ basis).T)[2][-1]
    slope = np.linalg.norm(basis.T @ P[:, 0])
    if abs(left @ P[:, 0]) > 1e-3 * slope:
        return _solve(_fold(system, basis), np.concatenate([basis.T @ x, _null(basis.T @ J @ basis), [p]]), basis)
    start = np.concatenate([basis.T @ x, basis.T @ left, [p, 0.0]])
    return _solve(_branch(system, basis), start, basis)


def _null(matrix):
    return np.linalg.svd(matrix)[2][-1]


def _solve(function, z, basis):
    r, last = basis.shape[1], np.inf
    for _ in range(30):
        G, DG = function(z)
        if not np.all(np.isfinite(DG)):
            return None
        step = np.linalg.lstsq(DG, -G, rcond=None)[0]
        z, size = z + step, float(np.linalg.norm(step))
        if size < 1e-14 * (1 + np.linalg.norm(z)) or (size < 1e-9 and size >= last):
            return basis @ z[:r], float(z[2 * r])
        last = size
    return None


def fold_function(system: System, basis):
    """Equations of a fold in z = (y, v, p_1, ..), and their derivatives, for any number of parameters."""
    n_p, r = len(system.parameters), basis.shape[1]

    def function(z):
        y, v, p = z[:r], z[r : 2 * r], z[2 * r :]
        x, reach = basis @ y, 0.3 * system.scale
        F, J, P = system.at(x, p)
        A = basis.T @ J @ basis
        _, Jv, Pv = system.along(x, p, reach * (basis @ v), np.zeros(n_p))
        DG = np.zeros((2 * r + 1, 2 * r + n_p))
        DG[:r, :r], DG[:r, 2 * r :] = A, basis.T @ P
        DG[r : 2 * r, :r], DG[r : 2 * r, r : 2 * r] = basis.T @ Jv @ basis / reach, A
        DG[r : 2 * r, 2 * r :] = basis.T @ Pv / reach
        DG[2 * r, r : 2 * r] = 2 * v
        return np.concatenate([basis.T @ F, A @ v, [v @ v - 1]]), DG

    return function


_fold = fold_function


def _branch(system, basis):
    """Moore's equations in z = (y, psi, p, mu)."""
    r = basis.shape[1]

    def function(z):
        y, psi, p, mu = z[:r], z[r : 2 * r], z[2 * r : 2 * r + 1], z[-1]
        x, reach = basis @ y, 0.3 * system.scale
        F, J, P = system.at(x, p)
        A, left = basis.T @ J @ basis, basis @ psi
        hessian = np.empty((r, r))
        mixed = np.empty(r)
        for k in range(r):
            _, Jk, Pk = system.along(x, p, reach * basis[:, k], 0.0)
            hessian[:, k], mixed[k] = left @ Jk @ basis / reach, left @ Pk[:, 0] / reach
        q = 0.1 * max(abs(p[0]), 1e-3)
        _, Jp, Pp = system.along(x, p, np.zeros(len(x)), q)
        DG = np.zeros((2 * r + 2, 2 * r + 2))
        DG[:r, :r], DG[:r, r : 2 * r], DG[:r, 2 * r], DG[:r, -1] = A, mu * np.eye(r), basis.T @ P[:, 0], psi
        DG[r : 2 * r, :r], DG[r : 2 * r, r : 2 * r] = hessian, A.T
        DG[r : 2 * r, 2 * r] = left @ Jp @ basis / q
        DG[2 * r, :r], DG[2 * r, r : 2 * r], DG[2 * r, 2 * r] = mixed, basis.T @ P[:, 0], left @ Pp[:, 0] / q
        DG[-1, r : 2 * r] = 2 * psi
        return np.concatenate([basis.T @ F + mu * psi, A.T @ psi, [left @ P[:, 0], psi @ psi - 1]]), DG

    return function


def _described(system, x, p, elements):
    """Kind and normal form of a singular point."""
    _, J, P = system.at(x, p)
    u, s, vt = np.linalg.svd(J)
    size = max(1, int(np.count_nonzero(s < SINGULAR * max(1.0, s[0]))))
    kernel, left = vt[-size:].T, u[:, -size:]
    quadratic, cubic = normal_form(system, x, p, kernel, left)
    nearby = system.at(x + system.scale * kernel[:, 0], p)[2]  # F_p itself may be rounding at the point
    push = np.linalg.norm(left.T @ P[:, 0]) / max(np.linalg.norm(P[:, 0]), np.linalg.norm(nearby[:, 0]), 1e-300)
    if push > 1e-5:
        kind = "saddle-node" if abs(quadratic) > 1e-6 else "cusp"
    elif abs(quadratic) > 1e-6 * max(1.0, abs(cubic)):
        kind = "transcritical"
    elif abs(cubic) < 1e-5:
        kind = "tricritical pitchfork"
    else:
        kind = f"{'super' if cubic < 0 else 'sub'}critical pitchfork"
    return Point(kind, x, p, kernel, quadratic, cubic, len(elements))


def normal_form(system: System, x, p, kernel, left):
    """(a, c) for |v| = 1, psi v = 1, in units of the scale; of a larger kernel the largest entry over its directions.

    Where psi v vanishes (two eigenvalues vanish together, no semisimple zero) psi has length one instead.
    """
    reach, size = system.scale, kernel.shape[1]
    zero = np.zeros(len(system.parameters))
    generator = np.random.Generator(np.random.Philox(2))
    directions = np.eye(1) if size == 1 else np.concatenate([np.eye(size), generator.standard_normal((24, size))])
    found = []
    for u in directions / np.linalg.norm(directions, axis=1, keepdims=True):
        v = kernel @ u
        overlap = float((left.T @ v) @ u)
        psi = v if size > 1 else left @ u / (overlap if abs(overlap) > 1e-6 else 1.0)
        _, J, _ = system.at(x, p)
        _, J1, _ = system.along(x, p, reach * v, zero)
        _, J2, _ = system.along(x, p, reach * v, zero, order=2)
        bend = J1 @ v / reach
        w = np.linalg.lstsq(J, -(bend - left @ (left.T @ bend)), rcond=SINGULAR)[0]
        found.append((psi @ bend * reach, psi @ (J2 @ v / reach**2 + 3 * J1 @ w / reach) * reach**2))
    worst = max(found, key=lambda pair: abs(pair[0]))
    return float(worst[0]), float(worst[1] if size == 1 else max((c for _, c in found), key=abs))
