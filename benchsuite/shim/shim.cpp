// The C++ side of the benchmarks: what tch does not offer of libtorch, behind a C interface.
//
//  * here: c10d's TCPStore and ProcessGroupGloo, issued without waiting; a callback tells when each one is complete, on
//    the thread that completed it; devices;
//  * autograd.cpp: gradients that live in a given buffer, functions whose two directions the caller computes, storages
//    that are given back and taken again, AdamW over lists of tensor views in one call;
//  * memory.cpp: an allocator that counts by what each block is for;
//  * operators.cpp: each libtorch operator as an NVTX range in the domain "torch".
//
// Every function that can fail returns null or non-zero and leaves the reason in pa_last_error().
// Tensors are `at::Tensor*`, the pointer type that tch uses. src/shim is the only caller.

#include <dlfcn.h>

#include <cstdint>
#include <memory>

#include <ATen/Context.h>
#include <torch/headeronly/version.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "common.h"

namespace {

struct Store {
  c10::intrusive_ptr<c10d::Store> store;
};
struct Group {
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo;
};

struct Pending {
  c10::intrusive_ptr<c10d::Work> work;
  // Set where the work tells nobody when it is complete: then the end is when it was waited for.
  Done late_done = nullptr;
  void* context = nullptr;

  explicit Pending(c10::intrusive_ptr<c10d::Work> work) : work(std::move(work)) {}
  Pending(const Pending&) = delete;
  ~Pending() {
    finish();
  }
  void finish() {
    if (late_done) late_done(context);
    late_done = nullptr;
  }
};

// Arranges for `done` to run once when the collective is complete, in success or failure. From here
// on the context belongs to the callback; before it the caller still owns it.
Pending* track(c10::intrusive_ptr<c10d::Work> work, Done done, void* context) {
  auto pending = std::make_unique<Pending>(std::move(work));
  c10::intrusive_ptr<c10::ivalue::Future> future;
  try {
    future = pending->work->getFuture();
  } catch (const c10::Error&) {
    // Gloo's reduce-scatter has no future.
  }
  if (future) {
    future->addCallback([done, context](c10::ivalue::Future&) { done(context); });
  } else {
    pending->late_done = done;
    pending->context = context;
  }
  return pending.release();
}

std::vector<uint8_t> bytes(const uint8_t* data, size_t size) {
  return {data, data + size};
}

} // namespace

extern "C" {

// Of the libtorch whose headers this was built with.
const char* pa_torch_version() {
  return TORCH_VERSION;
}

const char* pa_last_error() {
  return last_error.c_str();
}

// ---- the store ----

// Libtorch's own socket warnings would come before the one line in which the program says the same.
void pa_quiet() {
  FLAGS_caffe2_log_level = 3;
}

Store* pa_store_new(const char* host, uint16_t port, int is_server, int64_t timeout_ms) {
  return guarded([&]() -> Store* {
    c10d::TCPStoreOptions options;
    options.port = port;
    options.isServer = is_server != 0;
    options.waitWorkers = false;
    options.timeout = std::chrono::milliseconds(timeout_ms);
    return new Store{c10::make_intrusive<c10d::TCPStore>(host, options)};
  });
}

void pa_store_free(Store* store) {
  delete store;
}

int pa_store_set(Store* store, const char* key, const uint8_t* data, size_t size) {
  return guarded([&] {
    store->store->set(key, bytes(data, size));
    return 1;
  });
}

// Waits for the key, at most the store's time-out, and hands its value to `take`.
int pa_store_get(Store* store, const char* key, void (*take)(void*, const uint8_t*, size_t), void* context) {
  return guarded([&] {
    auto value = store->store->get(key);
    take(context, value.data(), value.size());
    return 1;
  });
}

int pa_store_delete(Store* store, const char* key) {
  return guarded([&] {
    store->store->deleteKey(key);
    return 1;
  });
}

// ---- the process group ----

Group* pa_group_new(Store* store, const char* name, int rank, int size, const char* host, int64_t timeout_ms) {
  return guarded([&]() -> Group* {
    auto options = c10d::ProcessGroupGloo::Options::create(std::chrono::milliseconds(timeout_ms));
    options->devices.push_back(
        *host ? c10d::ProcessGroupGloo::createDeviceForHostname(host)
              : c10d::ProcessGroupGloo::createDefaultDevice());
    auto scope = c10::make_intrusive<c10d::PrefixStore>(name, store->store);
    return new Group{c10::make_intrusive<c10d::ProcessGroupGloo>(scope, rank, size, options)};
  });
}

void pa_group_free(Group* group) {
  delete group;
}

Pending* pa_all_reduce(Group* group, at::Tensor* tensor, Done done, void* context) {
  return guarded([&] {
    std::vector<at::Tensor> tensors{*tensor};
    return track(group->gloo->allreduce(tensors), done, context);
  });
}

Pending* pa_reduce_scatter(Group* group, at::Tensor* out, at::Tensor* in, Done done, void* context) {
  return guarded([&] { return track(group->gloo->_reduce_scatter_base(*out, *in), done, context); });
}

Pending* pa_all_gather(Group* group, at::Tensor* out, at::Tensor* in, Done done, void* context) {
  return guarded([&] { return track(group->gloo->_allgather_base(*out, *in), done, context); });
}

Pending* pa_broadcast(Group* group, at::Tensor* tensor, int root, Done done, void* context) {
  return guarded([&] {
    std::vector<at::Tensor> tensors{*tensor};
    c10d::BroadcastOptions options;
    options.rootRank = root;
    return track(group->gloo->broadcast(tensors, options), done, context);
  });
}

Pending* pa_send(Group* group, at::Tensor* tensor, int to, Done done, void* context) {
  return guarded([&] {
    std::vector<at::Tensor> tensors{*tensor};
    return track(group->gloo->send(tensors, to, 0), done, context);
  });
}

Pending* pa_receive(Group* group, at::Tensor* tensor, int from, Done done, void* context) {
  return guarded([&] {
    std::vector<at::Tensor> tensors{*tensor};
    return track(group->gloo->recv(tensors, from, 0), done, context);
  });
}

Pending* pa_barrier(Group* group, Done done, void* context) {
  return guarded([&] { return track(group->gloo->barrier(), done, context); });
}

int pa_wait(Pending* pending) {
  return guarded([&] {
    struct Finish {
      Pending* pending;
      ~Finish() {
        pending->finish();
      }
    } finish{pending};
    pending->work->wait();
    return 1;
  });
}

void pa_pending_free(Pending* pending) {
  delete pending;
}

// ---- devices ----

// The program links only the CPU half of libtorch; this brings in the CUDA half where there is one.
int pa_open_cuda(const char* path) {
  if (dlopen(path, RTLD_NOW | RTLD_GLOBAL)) return 1;
  remember(dlerror());
  return 0;
}

// Through the CUDA runtime that libtorch_cuda has brought along; 0 on failure.
int pa_compute_capability() {
  using GetDevice = int (*)(int*);
  using GetAttribute = int (*)(int*, int, int);
  auto device = reinterpret_cast<GetDevice>(dlsym(RTLD_DEFAULT, "cudaGetDevice"));
  auto attribute = reinterpret_cast<GetAttribute>(dlsym(RTLD_DEFAULT, "cudaDeviceGetAttribute"));
  int at = 0, major = 0, minor = 0;
  constexpr int kMajor = 75, kMinor = 76; // cudaDevAttrComputeCapability…
  if (!device || !attribute || device(&at) || attribute(&major, kMajor, at) || attribute(&minor, kMinor, at)) {
    remember("CUDA's runtime does not answer");
    return 0;
  }
  return 10 * major + minor;
}

// Bytes that the current device has free, by the same runtime; 0 on failure.
int64_t pa_free_device_memory() {
  using GetMemory = int (*)(size_t*, size_t*);
  auto memory = reinterpret_cast<GetMemory>(dlsym(RTLD_DEFAULT, "cudaMemGetInfo"));
  size_t free = 0, total = 0;
  return memory && !memory(&free, &total) ? static_cast<int64_t>(free) : 0;
}

int pa_set_tf32(int allowed) {
  return guarded([&] {
    at::globalContext().setFloat32MatmulPrecision(allowed ? "high" : "highest");
    // cuDNN rounds unless it is told otherwise.
    at::globalContext().setAllowTF32CuDNN(allowed != 0);
    return 1;
  });
}

} // extern "C"
