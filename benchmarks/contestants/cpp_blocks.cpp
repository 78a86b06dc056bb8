// The same arithmetic in blocks of trajectories that stay in the first-level cache, step outside, lanes inside, noise
// and drift in separate loops: the layout of our own kernels.
#include "random.hpp"
#include <omp.h>

static const int B = 512;
struct Block {
    alignas(64) double x[B], z[2][B];
    alignas(64) uint64_t a[B], b[B], c[B], d[B];
};

static void begin(Block &L, long first, uint64_t seed, const double *start) {
    for (int i = 0; i < B; i++) {
        uint64_t s = seed + 0xD1342543DE82EF95ull * (uint64_t)(first + i + 1);
        L.a[i] = splitmix(s), L.b[i] = splitmix(s), L.c[i] = splitmix(s), L.d[i] = splitmix(s);
        const double z = std::sqrt(-2 * std::log(uniform(splitmix(s)))) * std::cos(2 * M_PI * uniform(splitmix(s)));
        L.x[i] = (splitmix(s) >> 63 ? start[0] : -start[0]) + start[1] * z;
    }
}

static void two_steps(Block &L, const double *p) {
#pragma omp simd
    for (int i = 0; i < B; i++) {
        const double r = std::sqrt(-2 * std::log(uniform(xoshiro(L.a[i], L.b[i], L.c[i], L.d[i]))));
        const double angle = 2 * M_PI * uniform(xoshiro(L.a[i], L.b[i], L.c[i], L.d[i]));
        L.z[0][i] = r * std::cos(angle), L.z[1][i] = r * sine(angle);
    }
    for (int k = 0; k < 2; k++, p += 4)
#pragma omp simd
        for (int i = 0; i < B; i++) L.x[i] = p[0] * L.x[i] + p[1] * std::tanh(p[2] * L.x[i]) + p[3] * L.z[k][i];
}

extern "C" void integrate(long n, int steps, int every, const double *table, const double *start, uint64_t seed,
                          int cores, double *sums) {
    const int records = steps / every;
    omp_set_num_threads(cores);
#pragma omp parallel for schedule(dynamic, 8) reduction(+ : sums[ : 2 * records])
    for (long first = 0; first < n; first += B) {
        Block L;
        const int lanes = n - first < B ? n - first : B;
        begin(L, first, seed, start);
        for (int k = 0; k < steps; k += 2) {
            two_steps(L, table + 4 * k);
            if ((k + 2) % every) continue;
            double mean = 0, square = 0;
#pragma omp simd reduction(+ : mean, square)
            for (int i = 0; i < lanes; i++) mean += L.x[i], square += L.x[i] * L.x[i];
            const int record = (k + 2) / every - 1;
            sums[record] += mean, sums[records + record] += square;
        }
    }
}
