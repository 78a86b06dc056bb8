// Structure of arrays over all trajectories, one `parallel for simd` for every two steps (Box-Muller gives two normals).
#include "random.hpp"
#include <vector>
#include <omp.h>

extern "C" void integrate(long n, int steps, int every, const double *table, const double *start, uint64_t seed,
                          int cores, double *sums) {
    std::vector<double> x(n);
    std::vector<uint64_t> a(n), b(n), c(n), d(n);
    const int records = steps / every;
    omp_set_num_threads(cores);
#pragma omp parallel for schedule(static)
    for (long i = 0; i < n; i++) {
        uint64_t s = seed + 0xD1342543DE82EF95ull * (uint64_t)(i + 1);
        a[i] = splitmix(s), b[i] = splitmix(s), c[i] = splitmix(s), d[i] = splitmix(s);
        const double z = std::sqrt(-2 * std::log(uniform(splitmix(s)))) * std::cos(2 * M_PI * uniform(splitmix(s)));
        x[i] = (splitmix(s) >> 63 ? start[0] : -start[0]) + start[1] * z;
    }
    for (int k = 0; k < steps; k += 2) {
        const double *p = table + 4 * k, *q = p + 4;
#pragma omp parallel for simd schedule(static)
        for (long i = 0; i < n; i++) {
            const double r = std::sqrt(-2 * std::log(uniform(xoshiro(a[i], b[i], c[i], d[i]))));
            const double angle = 2 * M_PI * uniform(xoshiro(a[i], b[i], c[i], d[i]));
            double y = x[i];
            y = p[0] * y + p[1] * std::tanh(p[2] * y) + p[3] * r * std::cos(angle);
            y = q[0] * y + q[1] * std::tanh(q[2] * y) + q[3] * r * sine(angle);
            x[i] = y;
        }
        if ((k + 2) % every == 0) {
            double mean = 0, square = 0;
#pragma omp parallel for simd schedule(static) reduction(+ : mean, square)
            for (long i = 0; i < n; i++) mean += x[i], square += x[i] * x[i];
            const int record = (k + 2) / every - 1;
            sums[record] += mean, sums[records + record] += square;
        }
    }
}
