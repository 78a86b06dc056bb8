// Noise of the C++ contestants.
// xoshiro256+ (Blackman & Vigna 2018), one generator a trajectory, seeded by splitmix64; uniforms inside (0, 1).
#include <cmath>
#include <cstdint>

static inline uint64_t splitmix(uint64_t &s) {
    uint64_t z = (s += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

static inline uint64_t xoshiro(uint64_t &a, uint64_t &b, uint64_t &c, uint64_t &d) {
    const uint64_t result = a + d, t = b << 17;
    c ^= a, d ^= b, b ^= c, a ^= d, c ^= t;
    d = (d << 45) | (d >> 19);
    return result;
}

static inline double uniform(uint64_t u) { return ((double)(int64_t)(u >> 11) + 0.5) * 0x1p-53; }

// g++ turns the sine and cosine of one angle into a scalar sincos and gives up vectorising the loop; a shifted cosine
// keeps it in libmvec.
static inline double sine(double angle) {
#ifdef PLAIN_SINE
    return std::sin(angle);
#else
    return std::cos(angle - M_PI / 2);
#endif
}
