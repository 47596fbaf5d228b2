// Patterns of words over device memory, each thread striding over the grid. `kind` and `constant` are those of
// kernels/src/pattern.rs: 0 the constant, 1 the word's number, 2 bits that look like chance.

__device__ unsigned long long pattern_word(unsigned int kind, unsigned long long constant, unsigned long long number) {
    if (kind == 0) {
        return constant;
    }
    if (kind == 1) {
        return number;
    }
    unsigned long long bits = number + 0x9e3779b97f4a7c15ull;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9ull;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebull;
    return bits ^ (bits >> 31);
}

extern "C" __global__ void pattern_write(unsigned long long *words, unsigned long long length, unsigned int kind,
                                         unsigned long long constant) {
    const unsigned long long stride = (unsigned long long)gridDim.x * blockDim.x;
    for (unsigned long long i = (unsigned long long)blockIdx.x * blockDim.x + threadIdx.x; i < length; i += stride) {
        words[i] = pattern_word(kind, constant, i);
    }
}

// `faults`: how many words were wrong, whether one of them is told, its number, what it held.
extern "C" __global__ void pattern_check(unsigned long long *words, unsigned long long length, unsigned int kind,
                                         unsigned long long constant, unsigned long long mask,
                                         unsigned long long *faults) {
    const unsigned long long stride = (unsigned long long)gridDim.x * blockDim.x;
    for (unsigned long long i = (unsigned long long)blockIdx.x * blockDim.x + threadIdx.x; i < length; i += stride) {
        const unsigned long long expected = pattern_word(kind, constant, i) ^ mask;
        const unsigned long long found = words[i];
        if (found != expected) {
            atomicAdd(&faults[0], 1ull);
            if (atomicExch(&faults[1], 1ull) == 0) {
                faults[2] = i;
                faults[3] = found;
            }
        }
        words[i] = ~expected;
    }
}
