"""Kernels of a fully connected network of Ising spins with stored patterns: patterns, sequential heat bath.

    h_i = (1/N) sum_j C_ij s_j,  C_ij = sum_mu xi_i^mu xi_j^mu (i != j), whole numbers
    s_i <- +1 with probability 1/(1 + exp(-2 beta h_i));  at T = 0 the sign of h_i, unchanged where h_i = 0

N h is kept in whole numbers and moved by a row of C when a spin turns, so that nothing depends on the order of sums and
a sweep costs N evaluations and N operations for each spin that turns.  Noise: trajectory = network, stream 0 for the
dynamics (call = draw/4, draw = sweep N + i), stream 1 for the patterns (128 bits a call).
"""

from __future__ import annotations

from functools import cache

from physim.kernels import module, source

SOURCE = '''@njit("void(int8[:, ::1], uint64, uint64, uint64)", {njit}, cache=True)
def draw_patterns(patterns, k0, k1, network):
    """Fill (P, N) with +1 and -1."""
    count, call = patterns.size, np.uint64(0)
    flat = patterns.reshape(count)
    for first in range(0, count, 128):
        words = bits2(k0, k1, np.uint64(1), network, call)
        call += np.uint64(1)
        for j in range(min(128, count - first)):
            word = words[0] if j < 64 else words[1]
            flat[first + j] = 2 * np.int8((word >> np.uint64(j & 63)) & np.uint64(1)) - 1


@njit(
    "int64(int16[:, ::1], int8[::1], int64[::1], int8[::1], float64, uint64, uint64, uint64, int64, float64[::1])",
    {njit}, cache=True
)
def heat_bath(couplings, spins, fields, pattern, beta, k0, k1, network, first, overlaps):
    """Sweep len(overlaps) times from sweep number `first` on; the overlap after each; spins turned in the last one.

    beta < 0 stands for T = 0.
    """
    sites, overlap, turned = spins.size, 0, 0
    for i in range(sites):
        overlap += pattern[i] * spins[i]
    draws = (0.5, 0.5, 0.5, 0.5)
    for sweep in range(overlaps.size):
        turned = 0
        for i in range(sites):
            if beta >= 0.0:
                draw = (first + sweep) * sites + i
                if i == 0 or draw & 3 == 0:
                    draws = uniforms4(k0, k1, np.uint64(0), network, np.uint64(draw >> 2))
                u = draws[draw & 3]
                new = 1 if u * (1.0 + exp(-2.0 * beta * fields[i] / sites)) < 1.0 else -1
            else:
                new = 1 if fields[i] > 0 else (-1 if fields[i] < 0 else spins[i])
            if new != spins[i]:
                spins[i] = new
                overlap += 2 * new * pattern[i]
                turned += 1
                step = 2 * new
                for j in range(sites):
                    fields[j] += step * couplings[i, j]
        overlaps[sweep] = overlap / sites
    return turned'''


@cache
def load():
    """The compiled module: `draw_patterns`, `heat_bath`."""
    text = SOURCE.replace("{njit}", source.NJIT)
    return module.load(module.complete(text, "A network of Ising spins with stored patterns."))
