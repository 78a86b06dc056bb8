"""Exact draws from mixtures of normals, from the counter noise."""

from __future__ import annotations

from functools import cache

import numpy as np

from physim.kernels import module


@cache
def _library():
    return module.load(module.complete(_CALL, "Draws of initial states and of one call of the counter."))


_CALL = """@njit(
    "void(float64[:, ::1], uint64, uint64, uint64, uint64, uint64)", error_model="numpy", nogil=True, cache=True
)
def normals_of_call(out, k0, k1, stream, first, call):
    \"\"\"The four normals of each number at one call.\"\"\"
    fill_normals(out, k0, k1, stream, first, call)


DRAW = draw"""


def noise(first: int, count: int, calls: int, k0, k1, stream: int):
    """Normals (4 calls, count) and uniforms (count) of the trajectories first, first + 1, ..."""
    normals, uniforms = np.empty((calls, 4, count)), np.empty(count)
    _library().draw(normals, uniforms, np.uint64(k0), np.uint64(k1), np.uint64(stream), np.uint64(first))
    return normals.reshape(4 * calls, count), uniforms


def normals_of_call(first: int, count: int, call: int, seed: int, stream: int) -> np.ndarray:
    """The four normals (4, count) of one call of the counter, numbers first, first + 1, ...: those of the kernels."""
    out = np.empty((4, count))
    keys = np.uint64(seed & 0xFFFFFFFF), np.uint64(seed >> 32), np.uint64(stream)
    _library().normals_of_call(out, *keys, np.uint64(first), np.uint64(call))
    return out


def normals(law, first: int, count: int, k0, k1, stream: int, radial=()) -> np.ndarray:
    """States (d, count) from weights (K), means (K, d), lower factors (K, d, d); only sums and products, in order.

    radial : for each coordinate the dimension n of the block whose norm it is (0: a plain coordinate), or () for none:
    r = sqrt(y^2 + s^2 chi^2_{n-1}) with y the normal draw of the coordinate and s its deviation.
    """
    weights, means, factors = law
    dim = means.shape[1]
    z, u = noise(first, count, (dim + len(radial) + 3) // 4, k0, k1, stream)
    k = np.minimum(np.searchsorted(np.cumsum(weights), u, side="right"), len(weights) - 1)
    states = np.empty((dim, count))
    for i in range(dim):
        states[i] = means[k, i]
        for j in range(dim):
            if np.any(factors[:, i, j]):
                states[i] += factors[k, i, j] * z[j]
    for i, n in enumerate(radial):
        if n == 1:
            states[i] = np.abs(states[i])
        elif n > 1:
            states[i] = np.sqrt(states[i] ** 2 + factors[k, i, i] ** 2 * _chi_squared(z[dim + i], n - 1))
    return states


def _chi_squared(z, dof):
    """Chi-squared numbers of some degrees of freedom from standard normals, by the inverse distribution function."""
    from scipy import special

    low = special.gammaincinv(dof / 2, special.ndtr(np.minimum(z, 0)))
    high = special.gammainccinv(dof / 2, special.ndtr(-np.maximum(z, 0)))
    return 2 * np.where(z < 0, low, high)
