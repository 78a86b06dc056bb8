"""The parts of a block loop that do not depend on the model: noise in, observables out.

Compiled once and linked into every kernel (`kernels/library.py`).  A block is a few hundred trajectories that stay in
the first-level cache: time runs in the outer loop, lanes in the inner one, the normals of a few steps are drawn in one
pass.
"""

import numpy as np
from numba import njit

from physim.kernels.intrinsics import bits_of, select, wide_vectors
from physim.kernels.philox import fill_bits, fill_normals, uniform52, uniforms4
from physim.kernels.single import normals_f
from physim.observables import CELL, MOMENTS, add_moments, add_pairs


@njit(error_model="numpy", nogil=True)
def vector(n):
    """Scratch of n numbers that begins with a cache line."""
    room = np.empty(n + 8)
    first = (64 - room.ctypes.data % 64) // 8
    return room[first : first + n]


@njit(error_model="numpy", nogil=True)
def matrix(m, n):
    """Scratch of m rows; with n a multiple of 8 every row begins with a cache line."""
    return vector(m * n).reshape((m, n))


@njit(error_model="numpy", nogil=True)
def cube(k, m, n):
    """Scratch of k matrices."""
    return vector(k * m * n).reshape((k, m, n))


@njit(error_model="numpy", nogil=True)
def lane_vector(n):
    """`vector` in the precision of the lanes."""
    room = np.empty(n + 16, np.float64)
    first = (64 - room.ctypes.data % 64) // room.itemsize
    return room[first : first + n]


@njit(error_model="numpy", nogil=True)
def lane_matrix(m, n):
    """`matrix` in the precision of the lanes."""
    return lane_vector(m * n).reshape((m, n))


@njit(error_model="numpy", nogil=True)
def lane_cube(k, m, n):
    """`cube` in the precision of the lanes."""
    return lane_vector(k * m * n).reshape((k, m, n))


@njit(error_model="numpy", nogil=True)
def rows_of(calls):
    """A cube as a matrix of its rows, the same memory."""
    return calls.reshape((calls.shape[0] * calls.shape[1], calls.shape[2]))


@njit(error_model="numpy", nogil=True)
def flags(n):
    """n flags, all down."""
    out = np.empty(n, np.uint8)
    for i in range(n):
        out[i] = 0
    return out


@njit(error_model="numpy", nogil=True)
def begin(initial, start, lanes, state, alive):
    """Load the states of a block; every lane is alive."""
    for k in range(state.shape[0]):
        for i in range(lanes):
            state[k, i] = initial[k, start + i]
    for i in range(lanes):
        alive[i] = 1.0


@njit(error_model="numpy", nogil=True)
def load_sites(initial, first, count, state):
    """Load the states of `count` sites."""
    for k in range(state.shape[0]):
        for i in range(count):
            state[k, i] = initial[k, first + i]


@njit(error_model="numpy", nogil=True)
def keep(state, start, lanes, kept):
    """Store the states of a block, as far as `kept` has room for its trajectories."""
    for k in range(state.shape[0]):
        for i in range(start, min(start + lanes, kept.shape[1])):
            kept[k, i] = state[k, i - start]


@njit(error_model="numpy", nogil=True)
def fill_noise(z, k0, k1, stream, first, call):
    """Normals of len(z) successive calls, z of shape (calls, 4, block); whole blocks, so that rows stay contiguous."""
    for c in range(z.shape[0]):
        fill_normals(z[c], k0, k1, stream, first, call + np.uint64(c))


@njit(error_model="numpy", nogil=True)
def fill_uniforms(z, k0, k1, stream, first, call):
    """Uniforms of len(z) successive calls, z of shape (calls, 4, block)."""
    for c in range(z.shape[0]):
        uniform_rows(z[c], k0, k1, stream, first, call + np.uint64(c))


@njit(error_model="numpy", nogil=True)
def uniform_rows(out, k0, k1, stream, first, call):
    """Write `uniforms4` of the trajectories first, first + 1, ... into the four rows of out."""
    wide_vectors()
    for i in range(out.shape[1]):
        u0, u1, u2, u3 = uniforms4(k0, k1, stream, first + np.uint64(i), call)
        out[0, i], out[1, i], out[2, i], out[3, i] = u0, u1, u2, u3


@njit(error_model="numpy", nogil=True)
def fill_noise_f(z, k0, k1, stream, first, call):
    """Normals of len(z) successive calls, z of shape (calls, 4, block), in float32."""
    bits = matrix(4, z.shape[2])
    words = bits.view(np.float32)
    for c in range(z.shape[0]):
        fill_bits(bits, k0, k1, stream, first, call + np.uint64(c))
        normals_f(words, z[c])


@njit(error_model="numpy", nogil=True)
def keep_living(values, lanes, alive):
    """alive[i] becomes 0 where any of the values of lane i is not finite."""
    wide_vectors()
    for k in range(values.shape[0]):
        row = values[k]
        for i in range(lanes):
            alive[i] = select(row[i] - row[i] == 0.0, alive[i], 0.0)


@njit(error_model="numpy", nogil=True)
def add_cells(values, lanes, alive, sums, cells, record):
    """Moments of every observable over every cell of a block, and of pairs where the node has room for them."""
    count = values.shape[0]
    for c in range((lanes + CELL - 1) // CELL):
        low, high = c * CELL, min((c + 1) * CELL, lanes)
        row = cells[c, record]
        for k in range(count):
            add_moments(values[k, low:high], alive[low:high], sums, row[k * MOMENTS : (k + 1) * MOMENTS])
        if row.shape[0] > count * MOMENTS:
            add_pairs(values, low, high, alive, row)


@njit(
    "void(float64[:, :, ::1], float64[::1], uint64, uint64, uint64, uint64)",
    error_model="numpy",
    nogil=True,
    cache=True,
)
def draw(normals, uniforms, k0, k1, stream, first):
    """Standard normals (calls, 4, n lanes) and one uniform a lane for the trajectories first, first + 1, ...

    Call 0 gives the uniform, calls 1, 2, ... the normals.
    """
    bits = matrix(4, uniforms.shape[0])
    fill_bits(bits, k0, k1, stream, first, np.uint64(0))
    for i in range(uniforms.shape[0]):
        uniforms[i] = uniform52(bits_of(bits[0, i]))
    fill_noise(normals, k0, k1, stream, first, np.uint64(1))
