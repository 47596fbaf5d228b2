// Matrices of independent values from the standard normal distribution, in each of the formats that are multiplied.
// Random, because what a GPU draws, and with it its clocks, depends on how many bits change.

typedef unsigned long long u64;

__device__ __forceinline__ u64 mixed(u64 x) {
    x += 0x9E3779B97F4A7C15ull;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
}

// Box and Muller's method.
__device__ __forceinline__ float normal(u64 place, u64 seed) {
    const u64 bits = mixed(mixed(seed) ^ place);
    const float radius = ((unsigned)(bits >> 40) + 1) * (1.0f / 16777217.0f);
    const float angle = (unsigned)(bits & 0xffffff) * (1.0f / 16777216.0f);
    return sqrtf(-2.0f * logf(radius)) * cospif(2.0f * angle);
}

__device__ __forceinline__ unsigned short as_bf16(float value) {
    const unsigned bits = __float_as_uint(value);
    return (unsigned short)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

__device__ __forceinline__ unsigned short as_fp16(float value) {
    unsigned short bits;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
    return bits;
}

// Four bits of exponent with a bias of 7, three of mantissa; the values here are far below its largest, 448.
__device__ __forceinline__ unsigned char as_fp8_e4m3(float value) {
    const unsigned sign = __float_as_uint(value) >> 31 << 7;
    const float size = fabsf(value);
    if (size < 0.015625f) {
        return (unsigned char)(sign | (unsigned)rintf(size * 512.0f));
    }
    // Rounded to three bits of mantissa, then from a bias of 127 to one of 7.
    const unsigned bits = __float_as_uint(size);
    const unsigned rounded = (bits + 0x7ffff + ((bits >> 20) & 1)) >> 20;
    return (unsigned char)(sign | (rounded - (120 << 3)));
}

#define DEFINE_RANDOM(name, type, convert)                                                                             \
    extern "C" __global__ void name(type *array, u64 length, u64 seed) {                                               \
        const u64 stride = (u64)gridDim.x * blockDim.x;                                                                \
        for (u64 i = (u64)blockIdx.x * blockDim.x + threadIdx.x; i < length; i += stride) {                            \
            array[i] = convert(normal(i, seed));                                                                       \
        }                                                                                                              \
    }

DEFINE_RANDOM(random_fp32, float, (float))
DEFINE_RANDOM(random_fp16, unsigned short, as_fp16)
DEFINE_RANDOM(random_bf16, unsigned short, as_bf16)
DEFINE_RANDOM(random_fp8_e4m3, unsigned char, as_fp8_e4m3)
