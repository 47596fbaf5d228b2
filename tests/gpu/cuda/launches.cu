// A plain CUDA program with the runtime linked statically: no torch, and nothing that brings libcupti along.
// Launches known numbers of kernels of known shapes on two streams and prints what it did as JSON.

#include <cstdio>
#include <cstdlib>

#include "check.cuh"

extern "C" __global__ void alpha(float* x) { x[threadIdx.x] += 1.0f; }

extern "C" __global__ void beta(float* x) {
    extern __shared__ float part[];
    part[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    x[threadIdx.x] = part[blockDim.x - 1 - threadIdx.x];
}

namespace inner {
template <typename T> __global__ void gamma_of(T* x) { x[threadIdx.x] *= T(2); }
} // namespace inner

int main() {
    const int alphas = 1000, betas = 500, gammas = 250;
    float* x = nullptr;
    CHECK(cudaMalloc(&x, 4096));
    CHECK(cudaMemset(x, 0, 4096));
    cudaStream_t one, two;
    CHECK(cudaStreamCreate(&one));
    CHECK(cudaStreamCreate(&two));
    for (int i = 0; i < alphas; ++i) alpha<<<3, 64, 0, one>>>(x);
    for (int i = 0; i < betas; ++i) beta<<<dim3(2, 5), 128, 128 * sizeof(float), two>>>(x);
    for (int i = 0; i < gammas; ++i) inner::gamma_of<float><<<1, 32>>>(x);
    CHECK(cudaGetLastError());
    CHECK(cudaDeviceSynchronize());
    int driver = 0, runtime = 0;
    CHECK(cudaDriverGetVersion(&driver));
    CHECK(cudaRuntimeGetVersion(&runtime));
    std::printf("{\"alpha\": %d, \"beta\": %d, \"gamma_of\": %d, \"driver\": %d, \"runtime\": %d}\n", alphas, betas,
                gammas, driver, runtime);
    return 0;
}
