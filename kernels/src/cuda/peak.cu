// Fused multiply-adds and nothing else: eight independent chains a thread, each x = x * x - c, which stays within
// [-c, c] and never settles, so that operands change as those of a program do. The host follows some of the chains.

#define CHAINS 8
#define STEPS 64

#define DEFINE_PEAK(name, type, fused)                                                                                 \
    extern "C" __global__ void name(type *results, type start, type difference, type c, unsigned rounds) {             \
        const unsigned thread = blockIdx.x * blockDim.x + threadIdx.x;                                                 \
        type x[CHAINS];                                                                                                \
        _Pragma("unroll") for (int chain = 0; chain < CHAINS; ++chain) {                                               \
            x[chain] = fused((type)(thread * CHAINS + chain), difference, start);                                      \
        }                                                                                                              \
        for (unsigned round = 0; round < rounds; ++round) {                                                            \
            _Pragma("unroll") for (int step = 0; step < STEPS; ++step) {                                               \
                _Pragma("unroll") for (int chain = 0; chain < CHAINS; ++chain) {                                       \
                    x[chain] = fused(x[chain], x[chain], -c);                                                          \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
        _Pragma("unroll") for (int chain = 0; chain < CHAINS; ++chain) {                                               \
            results[thread * CHAINS + chain] = x[chain];                                                               \
        }                                                                                                              \
    }

DEFINE_PEAK(peak_fp32, float, __fmaf_rn)
DEFINE_PEAK(peak_fp64, double, __fma_rn)
