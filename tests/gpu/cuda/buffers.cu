// Writes CUPTI's activity buffers to a file as they come back, byte for byte, with the texts that their pointers name:
// material to test parsers of these records on, without a GPU. Compiled against the headers of the machine that it
// runs on; libcupti is opened at run time.
//
//     buffers LIBCUPTI node|graph OUT
//
// The file: 8 bytes "PACUPTI1", then chunks of { u32 tag, u32 zero, u64 length, `length` bytes }, little-endian.
//     1 facts     one JSON object: versions, the status of each cuptiActivityEnable, records dropped
//     2 buffer    u64 address at which it was, then its valid bytes
//     3 records   of the buffer before it: { u32 offset, u32 kind } each, as cuptiActivityGetNextRecord steps
//     4 text      u64 address, then the text that is there, without its end
// Texts are given for kernels (pointer at byte 104), markers (40 and 48) and memory (64).

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include <dlfcn.h>
#include <unistd.h>

#include <cuda.h>
#include <cuda_runtime.h>
#include <cupti.h>
#if __has_include(<nvtx3/nvToolsExt.h>)
#include <nvtx3/nvToolsExt.h>
#define HAS_NVTX 1
#endif

#include "check.cuh"

static void* library = nullptr;

template <typename F> static F find(const char* name) { return reinterpret_cast<F>(dlsym(library, name)); }
#define CUPTI(name) find<decltype(&name)>(#name)

static std::FILE* out = nullptr;
static std::mutex guard;
static std::set<uint64_t> told;
static int pipe_ends[2];
static const size_t BUFFER_BYTES = 64 * 1024;

static void chunk(uint32_t tag, const std::vector<char>& bytes) {
    const uint32_t head[2] = {tag, 0};
    const uint64_t length = bytes.size();
    std::fwrite(head, sizeof head, 1, out);
    std::fwrite(&length, sizeof length, 1, out);
    std::fwrite(bytes.data(), 1, bytes.size(), out);
}

template <typename T> static void append(std::vector<char>& bytes, T value) {
    const char* start = reinterpret_cast<const char*>(&value);
    bytes.insert(bytes.end(), start, start + sizeof value);
}

// The text at an address, read through a pipe: the kernel refuses what is not memory, so a wrong address is harmless.
static bool text_at(uint64_t address, std::string& text) {
    text.clear();
    while (text.size() < 4096) {
        char part[256];
        size_t wanted = 256 - address % 256; // never over the end of a page
        ssize_t got = write(pipe_ends[1], reinterpret_cast<const void*>(address), wanted);
        if (got <= 0) return false;
        got = read(pipe_ends[0], part, static_cast<size_t>(got));
        if (got <= 0) return false;
        for (ssize_t i = 0; i < got; ++i) {
            if (part[i] == 0) return true;
            text.push_back(part[i]);
        }
        address += static_cast<uint64_t>(got);
    }
    return true;
}

static void tell(const uint8_t* record, size_t room, size_t offset) {
    uint64_t address = 0;
    if (offset + sizeof address > room) return;
    std::memcpy(&address, record + offset, sizeof address);
    if (address == 0 || !told.insert(address).second) return;
    std::string text;
    if (!text_at(address, text)) return;
    std::vector<char> bytes;
    append(bytes, address);
    bytes.insert(bytes.end(), text.begin(), text.end());
    chunk(4, bytes);
}

static void CUPTIAPI requested(uint8_t** buffer, size_t* size, size_t* most) {
    *buffer = static_cast<uint8_t*>(std::calloc(1, BUFFER_BYTES));
    *size = *buffer ? BUFFER_BYTES : 0;
    *most = 0;
}

static void CUPTIAPI completed(CUcontext, uint32_t, uint8_t* buffer, size_t, size_t valid) {
    std::lock_guard<std::mutex> lock(guard);
    if (buffer && valid > 0) {
        std::vector<char> bytes;
        append(bytes, reinterpret_cast<uint64_t>(buffer));
        bytes.insert(bytes.end(), buffer, buffer + valid);
        chunk(2, bytes);
        auto next = CUPTI(cuptiActivityGetNextRecord);
        std::vector<char> records;
        CUpti_Activity* record = nullptr;
        std::vector<std::pair<size_t, uint32_t>> found;
        while (next && next(buffer, valid, &record) == CUPTI_SUCCESS) {
            size_t offset = static_cast<size_t>(reinterpret_cast<uint8_t*>(record) - buffer);
            uint32_t kind = static_cast<uint32_t>(record->kind);
            append(records, static_cast<uint32_t>(offset));
            append(records, kind);
            found.emplace_back(offset, kind);
        }
        chunk(3, records);
        for (auto [offset, kind] : found) {
            const uint8_t* at = buffer + offset;
            size_t room = valid - offset;
            if (kind == CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL) tell(at, room, 104);
            if (kind == CUPTI_ACTIVITY_KIND_MARKER) tell(at, room, 40), tell(at, room, 48);
            if (kind == CUPTI_ACTIVITY_KIND_MEMORY2) tell(at, room, 64);
        }
    }
    std::free(buffer);
}

__global__ void plain(float* x) { x[threadIdx.x] += 1.0f; }

template <typename T, int N> __global__ void templated(T* x) {
    extern __shared__ char raw[];
    T* part = reinterpret_cast<T*>(raw);
    part[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    for (int i = 0; i < N; ++i) x[threadIdx.x] += part[(threadIdx.x + i) % blockDim.x];
}

namespace {
__global__ void hidden(double* x) { x[blockIdx.x] *= 2.0; }
} // namespace

static void work() {
    const size_t bytes = 1 << 20;
    char *device = nullptr, *other = nullptr, *pinned = nullptr;
    std::vector<char> pageable(bytes, 1);
    CHECK(cudaMalloc(&device, bytes));
    CHECK(cudaMalloc(&other, bytes));
    CHECK(cudaMallocHost(&pinned, bytes));
    cudaStream_t stream;
    CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    cudaEvent_t event;
    CHECK(cudaEventCreate(&event));
    auto push = CUPTI(cuptiActivityPushExternalCorrelationId);
    auto pop = CUPTI(cuptiActivityPopExternalCorrelationId);
    for (int round = 0; round < 20; ++round) {
#ifdef HAS_NVTX
        nvtxRangePushA("round");
        nvtxMarkA("a mark");
#endif
        CHECK(cudaMemcpy(device, pageable.data(), bytes, cudaMemcpyHostToDevice));
        CHECK(cudaMemcpyAsync(device, pinned, bytes / 2, cudaMemcpyHostToDevice, stream));
        CHECK(cudaMemcpyAsync(other, device, bytes, cudaMemcpyDeviceToDevice, stream));
        CHECK(cudaMemsetAsync(other, round, bytes / 4, stream));
        if (push) push(CUPTI_EXTERNAL_CORRELATION_KIND_CUSTOM2, 1000 + round);
        plain<<<1, 64, 0, stream>>>(reinterpret_cast<float*>(device));
        uint64_t last = 0;
        if (pop) pop(CUPTI_EXTERNAL_CORRELATION_KIND_CUSTOM2, &last);
        templated<int, 3><<<dim3(2, 3, 4), dim3(32, 2, 1), 1024, stream>>>(reinterpret_cast<int*>(device));
        hidden<<<8, 1>>>(reinterpret_cast<double*>(other));
        CHECK(cudaEventRecord(event, stream));
        CHECK(cudaEventSynchronize(event));
        CHECK(cudaMemcpyAsync(pinned, other, bytes, cudaMemcpyDeviceToHost, stream));
        CHECK(cudaStreamSynchronize(stream));
        void* pooled = nullptr;
        CHECK(cudaMallocAsync(&pooled, 1 << 16, stream));
        CHECK(cudaFreeAsync(pooled, stream));
#ifdef HAS_NVTX
        nvtxRangePop();
#endif
    }
    cudaGraph_t graph;
    CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
    for (int node = 0; node < 10; ++node) plain<<<1, 64, 0, stream>>>(reinterpret_cast<float*>(device));
    CHECK(cudaMemsetAsync(other, 0, bytes, stream));
    CHECK(cudaStreamEndCapture(stream, &graph));
    cudaGraphExec_t runnable;
    CHECK(cudaGraphInstantiate(&runnable, graph, 0));
    for (int replay = 0; replay < 10; ++replay) CHECK(cudaGraphLaunch(runnable, stream));
    CHECK(cudaDeviceSynchronize());
    CHECK(cudaFree(device));
    CHECK(cudaFree(other));
    CHECK(cudaFreeHost(pinned));
    CHECK(cudaDeviceSynchronize());
}

int main(int count, char** words) {
    if (count != 4) {
        std::fprintf(stderr, "buffers LIBCUPTI node|graph OUT\n");
        return 2;
    }
    library = dlopen(words[1], RTLD_NOW | RTLD_GLOBAL);
    if (!library || pipe(pipe_ends) != 0) {
        std::fprintf(stderr, "%s\n", library ? "no pipe" : dlerror());
        return 1;
    }
    out = std::fopen(words[3], "wb");
    if (!out) {
        std::perror(words[3]);
        return 1;
    }
    std::fwrite("PACUPTI1", 8, 1, out);
    auto enable = CUPTI(cuptiActivityEnable);
    auto callbacks = CUPTI(cuptiActivityRegisterCallbacks);
    auto flush = CUPTI(cuptiActivityFlushAll);
    auto dropped_of = CUPTI(cuptiActivityGetNumDroppedRecords);
    auto version_of = CUPTI(cuptiGetVersion);
    if (!enable || !callbacks || !flush || !dropped_of || !version_of) {
        std::fprintf(stderr, "%s lacks a function\n", words[1]);
        return 1;
    }
    uint32_t version = 0;
    version_of(&version);
    std::string facts = "{\"mode\": \"" + std::string(words[2]) + "\", \"cupti_version\": " + std::to_string(version)
        + ", \"header_version\": " + std::to_string(CUPTI_API_VERSION)
        + ", \"register_callbacks\": " + std::to_string(callbacks(requested, completed)) + ", \"enabled\": {";
    std::vector<int> kinds = {CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL, CUPTI_ACTIVITY_KIND_MEMCPY,
                              CUPTI_ACTIVITY_KIND_MEMCPY2, CUPTI_ACTIVITY_KIND_MEMSET,
                              CUPTI_ACTIVITY_KIND_MEMORY2, CUPTI_ACTIVITY_KIND_MEMORY_POOL,
                              CUPTI_ACTIVITY_KIND_RUNTIME, CUPTI_ACTIVITY_KIND_DRIVER,
                              CUPTI_ACTIVITY_KIND_SYNCHRONIZATION, CUPTI_ACTIVITY_KIND_OVERHEAD,
                              CUPTI_ACTIVITY_KIND_MARKER, CUPTI_ACTIVITY_KIND_MARKER_DATA,
                              CUPTI_ACTIVITY_KIND_DEVICE, CUPTI_ACTIVITY_KIND_CONTEXT,
                              CUPTI_ACTIVITY_KIND_STREAM, CUPTI_ACTIVITY_KIND_CUDA_EVENT,
                              CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION};
    if (std::strcmp(words[2], "graph") == 0) kinds.push_back(CUPTI_ACTIVITY_KIND_GRAPH_TRACE);
    bool first = true;
    for (int kind : kinds) {
        int status = enable(static_cast<CUpti_ActivityKind>(kind));
        facts += (first ? "\"" : ", \"") + std::to_string(kind) + "\": " + std::to_string(status);
        first = false;
    }
    work();
    flush(CUPTI_ACTIVITY_FLAG_FLUSH_FORCED);
    size_t dropped = 0;
    dropped_of(nullptr, 0, &dropped);
    int driver = 0, runtime = 0, device_version = 0;
    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    cudaDeviceGetAttribute(&device_version, cudaDevAttrComputeCapabilityMajor, 0);
    facts += "}, \"dropped\": " + std::to_string(dropped) + ", \"driver\": " + std::to_string(driver)
        + ", \"runtime\": " + std::to_string(runtime) + ", \"compute_major\": " + std::to_string(device_version) + "}";
    std::lock_guard<std::mutex> lock(guard);
    chunk(1, std::vector<char>(facts.begin(), facts.end()));
    std::fclose(out);
    std::printf("%s\n", facts.c_str());
    // CUPTI may call back once more at exit: the file is closed, so leave at once.
    std::fflush(stdout);
    _exit(0);
}
