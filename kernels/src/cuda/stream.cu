// The four STREAM kernels over arrays of doubles, two to a load, each thread striding over the grid.
// `pairs` is the length of each array in double2.

extern "C" __global__ void stream_copy(const double2 *__restrict__ a, double2 *__restrict__ c,
                                       unsigned long long pairs) {
    const unsigned long long stride = (unsigned long long)gridDim.x * blockDim.x;
    for (unsigned long long i = (unsigned long long)blockIdx.x * blockDim.x + threadIdx.x; i < pairs; i += stride) {
        c[i] = a[i];
    }
}

extern "C" __global__ void stream_scale(const double2 *__restrict__ c, double2 *__restrict__ b, double scalar,
                                        unsigned long long pairs) {
    const unsigned long long stride = (unsigned long long)gridDim.x * blockDim.x;
    for (unsigned long long i = (unsigned long long)blockIdx.x * blockDim.x + threadIdx.x; i < pairs; i += stride) {
        const double2 value = c[i];
        b[i] = make_double2(scalar * value.x, scalar * value.y);
    }
}

extern "C" __global__ void stream_add(const double2 *__restrict__ a, const double2 *__restrict__ b,
                                      double2 *__restrict__ c, unsigned long long pairs) {
    const unsigned long long stride = (unsigned long long)gridDim.x * blockDim.x;
    for (unsigned long long i = (unsigned long long)blockIdx.x * blockDim.x + threadIdx.x; i < pairs; i += stride) {
        const double2 left = a[i];
        const double2 right = b[i];
        c[i] = make_double2(left.x + right.x, left.y + right.y);
    }
}

extern "C" __global__ void stream_triad(const double2 *__restrict__ b, const double2 *__restrict__ c,
                                        double2 *__restrict__ a, double scalar, unsigned long long pairs) {
    const unsigned long long stride = (unsigned long long)gridDim.x * blockDim.x;
    for (unsigned long long i = (unsigned long long)blockIdx.x * blockDim.x + threadIdx.x; i < pairs; i += stride) {
        const double2 left = b[i];
        const double2 right = c[i];
        a[i] = make_double2(left.x + scalar * right.x, left.y + scalar * right.y);
    }
}

extern "C" __global__ void stream_fill(double2 *__restrict__ array, double value, unsigned long long pairs) {
    const unsigned long long stride = (unsigned long long)gridDim.x * blockDim.x;
    for (unsigned long long i = (unsigned long long)blockIdx.x * blockDim.x + threadIdx.x; i < pairs; i += stride) {
        array[i] = make_double2(value, value);
    }
}
