// Memory bandwidth by working set: the same bytes are gone over `passes` times by the same threads, 16 bytes at a time.
// All loads go past the first-level cache (`.cg`), so that small working sets show the second level.
// `length` is that of each array in uint4; every kernel leaves what the host can check.

typedef unsigned long long u64;

__device__ __forceinline__ uint4 load(const uint4 *from) {
    uint4 value;
    asm volatile("ld.global.cg.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(value.x), "=r"(value.y), "=r"(value.z), "=r"(value.w)
                 : "l"(from));
    return value;
}

__device__ __forceinline__ void store(uint4 *to, uint4 value) {
    asm volatile("st.global.cg.v4.u32 [%0], {%1, %2, %3, %4};" ::"l"(to), "r"(value.x), "r"(value.y), "r"(value.z),
                 "r"(value.w)
                 : "memory");
}

// Four loads are on their way before the first is needed.
#define UNROLL 4

#define FOR_EACH_GROUP(i, stride, length)                                                                              \
    const u64 stride = (u64)gridDim.x * blockDim.x;                                                                    \
    for (u64 i = (u64)blockIdx.x * blockDim.x + threadIdx.x; i < length; i += stride * UNROLL)

// Words that look random, from their place alone.
__device__ __forceinline__ unsigned mixed(u64 place) {
    u64 x = place * 0x9E3779B97F4A7C15ull;
    x ^= x >> 32;
    x *= 0xD6E8FEB86659FD93ull;
    x ^= x >> 32;
    return (unsigned)x;
}

extern "C" __global__ void bandwidth_fill(uint4 *array, u64 length) {
    const u64 stride = (u64)gridDim.x * blockDim.x;
    for (u64 i = (u64)blockIdx.x * blockDim.x + threadIdx.x; i < length; i += stride) {
        array[i] = make_uint4(mixed(4 * i), mixed(4 * i + 1), mixed(4 * i + 2), mixed(4 * i + 3));
    }
}

// The exclusive or of all that was read, in `sums[0]`; an odd number of passes leaves that of one.
extern "C" __global__ void bandwidth_read(const uint4 *array, unsigned *sums, u64 length, unsigned passes) {
    uint4 sum = make_uint4(0, 0, 0, 0);
    for (unsigned pass = 0; pass < passes; ++pass) {
        FOR_EACH_GROUP(i, stride, length) {
            uint4 values[UNROLL];
#pragma unroll
            for (int part = 0; part < UNROLL; ++part) {
                const u64 place = i + part * stride;
                values[part] = place < length ? load(array + place) : make_uint4(0, 0, 0, 0);
            }
#pragma unroll
            for (int part = 0; part < UNROLL; ++part) {
                sum.x ^= values[part].x;
                sum.y ^= values[part].y;
                sum.z ^= values[part].z;
                sum.w ^= values[part].w;
            }
        }
    }
    unsigned folded = sum.x ^ sum.y ^ sum.z ^ sum.w;
    for (int distance = 16; distance > 0; distance /= 2) {
        folded ^= __shfl_xor_sync(0xffffffffu, folded, distance);
    }
    if (threadIdx.x % 32 == 0) {
        atomicXor(sums, folded);
    }
}

extern "C" __global__ void bandwidth_write(uint4 *array, unsigned word, u64 length, unsigned passes) {
    for (unsigned pass = 0; pass < passes; ++pass) {
        // Each pass writes something else; the last writes `word`.
        const unsigned value = word + (passes - 1 - pass);
        FOR_EACH_GROUP(i, stride, length) {
#pragma unroll
            for (int part = 0; part < UNROLL; ++part) {
                const u64 place = i + part * stride;
                if (place < length) {
                    store(array + place, make_uint4(value, value, value, value));
                }
            }
        }
    }
}

extern "C" __global__ void bandwidth_copy(const uint4 *from, uint4 *to, u64 length, unsigned passes) {
    for (unsigned pass = 0; pass < passes; ++pass) {
        FOR_EACH_GROUP(i, stride, length) {
            uint4 values[UNROLL];
#pragma unroll
            for (int part = 0; part < UNROLL; ++part) {
                const u64 place = i + part * stride;
                values[part] = place < length ? load(from + place) : make_uint4(0, 0, 0, 0);
            }
#pragma unroll
            for (int part = 0; part < UNROLL; ++part) {
                const u64 place = i + part * stride;
                if (place < length) {
                    store(to + place, values[part]);
                }
            }
        }
    }
}

// a = b + factor * c over unsigned integers, which wrap alike on every device.
extern "C" __global__ void bandwidth_triad(const uint4 *b, const uint4 *c, uint4 *a, unsigned factor, u64 length,
                                           unsigned passes) {
    for (unsigned pass = 0; pass < passes; ++pass) {
        FOR_EACH_GROUP(i, stride, length) {
            uint4 left[UNROLL], right[UNROLL];
#pragma unroll
            for (int part = 0; part < UNROLL; ++part) {
                const u64 place = i + part * stride;
                const uint4 zero = make_uint4(0, 0, 0, 0);
                left[part] = place < length ? load(b + place) : zero;
                right[part] = place < length ? load(c + place) : zero;
            }
#pragma unroll
            for (int part = 0; part < UNROLL; ++part) {
                const u64 place = i + part * stride;
                if (place < length) {
                    store(a + place, make_uint4(left[part].x + factor * right[part].x,
                                                left[part].y + factor * right[part].y,
                                                left[part].z + factor * right[part].z,
                                                left[part].w + factor * right[part].w));
                }
            }
        }
    }
}
