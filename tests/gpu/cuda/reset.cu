// Kernels, the reset of their device, more kernels: what was launched before the reset must not be lost with it.

#include <cstdio>
#include <cstdlib>

#include "check.cuh"

extern "C" __global__ void before(float* x) { x[threadIdx.x] += 1.0f; }
extern "C" __global__ void after(float* x) { x[threadIdx.x] -= 1.0f; }

int main() {
    const int count = 300;
    float* x = nullptr;
    CHECK(cudaMalloc(&x, 4096));
    for (int i = 0; i < count; ++i) before<<<1, 64>>>(x);
    CHECK(cudaDeviceSynchronize());
    CHECK(cudaDeviceReset());
    CHECK(cudaMalloc(&x, 4096));
    for (int i = 0; i < count; ++i) after<<<1, 64>>>(x);
    CHECK(cudaDeviceSynchronize());
    std::printf("{\"count\": %d}\n", count);
    return 0;
}
