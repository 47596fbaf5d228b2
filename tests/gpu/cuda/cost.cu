// What single parts of CUPTI cost a launching thread, and how old the newest record is after a flush. One process
// measures one variant, since CUPTI cannot be undone; targets take turns.
//
//     cost LIBCUPTI VARIANT[,VARIANT…]      ns a launch, as JSON
//     cost LIBCUPTI external                external-correlation records by what else is collected
//     cost LIBCUPTI age MILLISECONDS        age of the newest record after each flush
//
// As a library that the driver loads (CUDA_INJECTION64_PATH) it does what COST_PARTS says by the CUPTI of COST_CUPTI.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <dlfcn.h>
#include <time.h>
#include <unistd.h>

#include <cuda.h>
#include <cuda_runtime.h>
#include <cupti.h>

#include "check.cuh"

static void* library = nullptr;
template <typename F> static F find(const char* name) { return reinterpret_cast<F>(dlsym(library, name)); }
#define CUPTI(name) find<decltype(&name)>(#name)

static std::atomic<uint64_t> newest{0}, kernels{0}, externals{0}, calls{0};
static decltype(&cuptiActivityGetNextRecord) next_record;
static bool look = false;

static uint64_t now() {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return uint64_t(time.tv_sec) * 1000000000u + uint64_t(time.tv_nsec);
}

static void CUPTIAPI requested(uint8_t** buffer, size_t* size, size_t* most) {
    *buffer = static_cast<uint8_t*>(std::aligned_alloc(8, 1 << 20));
    std::memset(*buffer, 0, 1 << 20);
    *size = 1 << 20;
    *most = 0;
}

static void CUPTIAPI completed(CUcontext, uint32_t, uint8_t* buffer, size_t, size_t valid) {
    CUpti_Activity* record = nullptr;
    while (look && valid && next_record(buffer, valid, &record) == CUPTI_SUCCESS) {
        if (record->kind == CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL) {
            uint64_t end;
            std::memcpy(&end, reinterpret_cast<char*>(record) + 24, 8);
            uint64_t old = newest.load();
            while (old < end && !newest.compare_exchange_weak(old, end)) {}
            ++kernels;
        } else if (record->kind == CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION) {
            ++externals;
        } else if (record->kind == CUPTI_ACTIVITY_KIND_DRIVER || record->kind == CUPTI_ACTIVITY_KIND_RUNTIME) {
            ++calls;
        }
    }
    std::free(buffer);
}

static void CUPTIAPI callback(void*, CUpti_CallbackDomain, CUpti_CallbackId, const void*) {}
static uint64_t CUPTIAPI stamp() { return now(); }

__global__ void small(float* x) { x[threadIdx.x] += 1.0f; }
extern "C" __global__ void direct(float* x) { x[threadIdx.x] += 1.0f; }

static CUpti_SubscriberHandle subscriber;

static void enable(int kind) {
    int status = CUPTI(cuptiActivityEnable)(static_cast<CUpti_ActivityKind>(kind));
    if (status) std::fprintf(stderr, "enable %d: %d\n", kind, status);
}

template <typename T> static void attribute(int name, T value) {
    size_t size = sizeof value;
    int status = CUPTI(cuptiActivitySetAttribute)(static_cast<CUpti_ActivityAttribute>(name), &size, &value);
    if (status) std::fprintf(stderr, "attribute %d: %d\n", name, status);
}

// What a variant is made of; unknown words are errors.
static bool apply(const std::string& word) {
    if (word == "plain") return true;
    if (word == "subscribe") return CUPTI(cuptiSubscribe)(&subscriber, callback, nullptr) == 0;
    if (word == "stamps") return CUPTI(cuptiActivityRegisterTimestampCallback)(stamp) == 0;
    if (word == "zeroed") return attribute(5, uint8_t(1)), true;
    if (word == "large") return attribute(0, size_t(32 << 20)), true;
    if (word == "small") return attribute(0, size_t(800000)), true;
    if (word == "pinned") return attribute(8, uint8_t(1)), true;
    if (word == "shared") return attribute(9, uint8_t(0)), true;
    if (word == "early") return attribute(6, size_t(12)), true;
    if (word == "read") return look = true;
    if (word == "buffers") return CUPTI(cuptiActivityRegisterCallbacks)(requested, completed) == 0;
    if (word == "reset") return CUPTI(cuptiEnableCallback)(1, subscriber, CUPTI_CB_DOMAIN_RUNTIME_API, 164) == 0;
    if (word == "launches") {
        for (int call : {307, 652, 442, 653})
            CUPTI(cuptiEnableCallback)(1, subscriber, CUPTI_CB_DOMAIN_DRIVER_API, call);
        return true;
    }
    if (word == "threads") return CUPTI(cuptiSetThreadIdType)(CUPTI_ACTIVITY_THREAD_ID_TYPE_SYSTEM) == 0;
    if (word == "kernels") return enable(10), true;
    if (word == "copies") return enable(1), enable(22), enable(2), true;
    if (word == "waits") return enable(38), true;
    if (word == "overhead") return enable(17), true;
    if (word == "memory") return enable(49), enable(50), true;
    if (word == "places") return enable(9), enable(37), true;
    if (word.rfind("kind", 0) == 0) return enable(std::atoi(word.c_str() + 4)), true;
    // Functions that wait or record events, as agent/inject/src/cupti/waits.rs has them.
    if (word == "watch_runtime") {
        for (int call : {126, 165, 131, 239, 137, 147, 247, 135, 242, 370, 371})
            CUPTI(cuptiEnableCallback)(1, subscriber, CUPTI_CB_DOMAIN_RUNTIME_API, call);
        return true;
    }
    if (word == "watch_driver") {
        for (int call : {17, 800, 126, 440, 121, 295, 436, 119, 441, 587, 588})
            CUPTI(cuptiEnableCallback)(1, subscriber, CUPTI_CB_DOMAIN_DRIVER_API, call);
        return true;
    }
    if (word == "external") return enable(39), true;
    if (word == "runtime") return enable(5), true;
    if (word == "driver") return enable(4), true;
    if (word == "flush" || word == "rarely") {
        std::thread([often = word == "flush"] {
            for (;;) {
                usleep(often ? 80000 : 2000000);
                CUPTI(cuptiActivityFlushAll)(0);
            }
        }).detach();
        return true;
    }
    return false;
}

static void words(const std::string& text) {
    size_t at = 0;
    while (at <= text.size()) {
        size_t end = std::min(text.find(',', at), text.size());
        if (!apply(text.substr(at, end - at))) {
            std::fprintf(stderr, "%s: did not work\n", text.substr(at, end - at).c_str());
            std::exit(2);
        }
        at = end + 1;
    }
}

static double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

static void measure(const char* variant) {
    float* x = nullptr;
    CHECK(cudaMalloc(&x, 4096));
    const int batch = 500, batches = 60;
    std::vector<double> launch, whole;
    for (int round = 0; round < batches + 10; ++round) {
        uint64_t begun = now();
        for (int i = 0; i < batch; ++i) small<<<1, 32>>>(x);
        uint64_t launched = now();
        CHECK(cudaDeviceSynchronize());
        uint64_t done = now();
        if (round < 10) continue;
        launch.push_back(double(launched - begun) / batch);
        whole.push_back(double(done - begun) / batch);
    }
    std::printf("{\"variant\": \"%s\", \"launch_ns\": %.1f, \"whole_ns\": %.1f}\n", variant, median(launch), median(whole));
}

static void external() {
    look = true;
    words("subscribe,stamps,buffers,kernels,external");
    float* x = nullptr;
    CHECK(cudaMalloc(&x, 4096));
    auto launch = reinterpret_cast<decltype(&cuLaunchKernelEx)>(dlsym(dlopen("libcuda.so.1", RTLD_NOW), "cuLaunchKernelEx"));
    CUfunction function = nullptr;
    cudaFunction_t entry = nullptr;
    CHECK(cudaGetFuncBySymbol(&entry, reinterpret_cast<const void*>(direct)));
    function = reinterpret_cast<CUfunction>(entry);
    auto round = [&](const char* name) {
        uint64_t before[3] = {kernels, externals, calls};
        for (uint64_t i = 0; i < 20; ++i) {
            uint64_t last;
            CUPTI(cuptiActivityPushExternalCorrelationId)(CUPTI_EXTERNAL_CORRELATION_KIND_CUSTOM2, 100 + i);
            void* arguments[] = {&x};
            CUlaunchConfig config = {};
            config.gridDimX = config.gridDimY = config.gridDimZ = 1;
            config.blockDimX = 32, config.blockDimY = config.blockDimZ = 1;
            if (launch(&config, function, arguments, nullptr)) std::exit(3);
            CUPTI(cuptiActivityPopExternalCorrelationId)(CUPTI_EXTERNAL_CORRELATION_KIND_CUSTOM2, &last);
            small<<<1, 32>>>(x);
        }
        CHECK(cudaDeviceSynchronize());
        usleep(300000);
        CUPTI(cuptiActivityFlushAll)(1);
        std::printf("{\"external\": \"%s\", \"kernels\": %llu, \"externals\": %llu, \"calls\": %llu}\n", name,
                    (unsigned long long)(kernels - before[0]), (unsigned long long)(externals - before[1]),
                    (unsigned long long)(calls - before[2]));
    };
    round("kernels alone");
    std::printf("{\"enable_driver_api\": %d}\n", int(CUPTI(cuptiActivityEnableDriverApi)(652, 1)));
    round("and cuLaunchKernelEx");
    enable(4);
    round("and all driver calls");
}

static void age(int milliseconds) {
    look = true;
    words("subscribe,stamps,zeroed,buffers,kernels");
    std::atomic<bool> stop{false};
    float* x = nullptr;
    CHECK(cudaMalloc(&x, 4096));
    std::thread load([&] {
        while (!stop) {
            for (int i = 0; i < 20; ++i) small<<<1, 32>>>(x);
            CHECK(cudaDeviceSynchronize());
            usleep(1000);
        }
    });
    usleep(200000);
    std::vector<double> ages, again, costs, before;
    for (int i = 0; i < 1500 / milliseconds; ++i) {
        usleep(unsigned(milliseconds) * 1000);
        uint64_t begun = now();
        before.push_back(double(begun - newest.load()) / 1e6);
        CUPTI(cuptiActivityFlushAll)(0);
        uint64_t done = now();
        ages.push_back(double(done - newest.load()) / 1e6);
        costs.push_back(double(done - begun) / 1e6);
        usleep(5000);
        again.push_back(double(now() - newest.load()) / 1e6);
    }
    stop = true;
    load.join();
    std::printf("{\"age_period_ms\": %d, \"before_ms\": %.2f, \"after_ms\": %.2f, \"after_worst_ms\": %.2f, \"5ms_later_ms\": %.2f, \"flush_ms\": %.3f, \"kernels\": %llu}\n",
                milliseconds, median(before), median(ages), *std::max_element(ages.begin(), ages.end()), median(again), median(costs), (unsigned long long)kernels.load());
}

extern "C" __attribute__((visibility("default"))) int InitializeInjection() {
    const char* cupti = std::getenv("COST_CUPTI");
    const char* parts = std::getenv("COST_PARTS");
    if (!cupti || !parts || library) return 1;
    library = dlopen(cupti, RTLD_NOW | RTLD_GLOBAL);
    if (!library) {
        std::fprintf(stderr, "cost: %s\n", dlerror());
        return 1;
    }
    next_record = CUPTI(cuptiActivityGetNextRecord);
    words(parts);
    return 1;
}

int main(int count, char** arguments) {
    if (count < 3 || !(library = dlopen(arguments[1], RTLD_NOW | RTLD_GLOBAL))) {
        std::fprintf(stderr, "cost LIBCUPTI VARIANT: %s\n", count < 3 ? "missing" : dlerror());
        return 2;
    }
    next_record = CUPTI(cuptiActivityGetNextRecord);
    std::string variant = arguments[2];
    if (variant == "external") {
        external();
    } else if (variant == "age") {
        age(std::atoi(arguments[3]));
    } else {
        words(variant);
        measure(arguments[2]);
    }
    std::fflush(stdout);
    _exit(0);
}
