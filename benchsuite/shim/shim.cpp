// The C++ side of the benchmarks: what tch does not offer of libtorch, behind a C interface.
//
//  * collectives: c10d's TCPStore and ProcessGroupGloo, issued without waiting; a callback tells when
//    each one is complete, on the thread that completed it;
//  * autograd: gradients that live in a given buffer, and a callback when a gradient is final;
//  * AdamW over lists of tensor views in one call;
//  * the operator observer: each libtorch operator as an NVTX range in the domain "torch".
//
// Every function that can fail returns null or non-zero and leaves the reason in pa_last_error().
// Tensors are `at::Tensor*`, the pointer type that tch uses. src/shim.rs is the only caller.

#include <dlfcn.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <ATen/ops/_fused_adamw.h>
#include <ATen/record_function.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

// NVTX's C interface, which the nvtx crate compiles into the same program. The structure is
// nvtxEventAttributes_v2 of NVTX 3, whose layout is fixed.
struct NvtxAttributes {
  uint16_t version = 3;
  uint16_t size = sizeof(NvtxAttributes);
  uint32_t category = 0;
  int32_t color_type = 0;
  uint32_t color = 0;
  int32_t payload_type = 0;
  int32_t reserved = 0;
  uint64_t payload = 0;
  int32_t message_type = 0;
  const void* message = nullptr;
};
static_assert(sizeof(NvtxAttributes) == 48, "the layout of nvtxEventAttributes_v2");
constexpr int32_t kMessageAscii = 1;
constexpr int32_t kMessageRegistered = 3;

extern "C" {
void* nvtxDomainCreateA(const char* name);
void* nvtxDomainRegisterStringA(void* domain, const char* text);
int nvtxDomainRangePushEx(void* domain, const NvtxAttributes* attributes);
int nvtxDomainRangePop(void* domain);
}

namespace {

thread_local std::string last_error;

// Keeps the first line: libtorch appends a C++ backtrace to its messages.
void remember(const char* what) {
  last_error.assign(what, strcspn(what, "\n"));
}

template <typename F>
auto guarded(F&& body) -> decltype(body()) {
  try {
    return body();
  } catch (const c10::Error& e) {
    remember(e.what_without_backtrace());
  } catch (const std::exception& e) {
    remember(e.what());
  } catch (...) {
    remember("an exception of unknown type");
  }
  return {};
}

struct Store {
  c10::intrusive_ptr<c10d::Store> store;
};
struct Group {
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo;
};

using Done = void (*)(void* context);

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

struct ReadyHook final : torch::autograd::PostAccumulateGradHook {
  using Ready = void (*)(void* context, size_t index);
  ReadyHook(Ready ready, void* context, size_t index) : ready(ready), context(context), index(index) {}
  void operator()(const torch::autograd::Variable&) override {
    ready(context, index);
  }
  Ready ready;
  void* context;
  size_t index;
};

// ---- the operator observer ----

void* ops_domain = nullptr;

// The text of one operator, cut short rather than grown: no allocation on the measured thread.
struct Text {
  char data[512];
  size_t size = 0;
  void put(char c) {
    if (size < sizeof(data) - 1) data[size++] = c;
  }
  void put(const char* s) {
    while (*s) put(*s++);
  }
  void put(int64_t n) {
    char digits[20];
    int count = 0;
    uint64_t rest = n < 0 ? 0 - static_cast<uint64_t>(n) : static_cast<uint64_t>(n);
    do {
      digits[count++] = static_cast<char>('0' + rest % 10);
      rest /= 10;
    } while (rest);
    if (n < 0) put('-');
    while (count) put(digits[--count]);
  }
};

// Calls visit(sizes) for each tensor argument, tensor lists flattened, and visit({}) for any other.
template <typename Visit>
void each_shape(const at::RecordFunction& fn, Visit&& visit) {
  auto shape = [&](const at::Tensor& t) {
    bool plain = t.defined() && !t.is_nested();
    visit(plain ? t.sizes() : at::IntArrayRef{});
  };
  for (const c10::IValue& value : fn.inputs()) {
    if (value.isTensor()) {
      shape(value.toTensor());
    } else if (value.isList() && value.isTensorList()) { // the second question alone is a call
      for (const c10::IValue& item : value.toListRef()) shape(item.toTensor());
    } else {
      visit(at::IntArrayRef{});
    }
  }
}

void format(const at::RecordFunction& fn, Text& text) {
  text.put(fn.name());
  bool first = true;
  each_shape(fn, [&](at::IntArrayRef sizes) {
    text.put(first ? ", sizes = [[" : ", [");
    first = false;
    for (size_t i = 0; i < sizes.size(); ++i) {
      if (i) text.put(", ");
      text.put(static_cast<int64_t>(sizes[i]));
    }
    text.put(']');
  });
  if (!first) text.put(']');
  text.data[text.size] = 0;
}

uint64_t mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15ull;
  return hash ^ (hash >> 29);
}

uint64_t fingerprint(const at::RecordFunction& fn) {
  uint64_t hash = 1;
  const char* name = fn.name();
  size_t left = strlen(name);
  uint64_t chunk;
  for (; left >= sizeof(chunk); left -= sizeof(chunk), name += sizeof(chunk)) {
    memcpy(&chunk, name, sizeof(chunk));
    hash = mix(hash, chunk);
  }
  chunk = left;
  while (left) chunk = chunk << 8 | static_cast<uint8_t>(name[--left]);
  hash = mix(hash, chunk);
  each_shape(fn, [&](at::IntArrayRef sizes) {
    hash = mix(hash, sizes.size() + 0x5bd1e995);
    for (int64_t size : sizes) hash = mix(hash, static_cast<uint64_t>(size));
  });
  return hash | 1; // never the empty mark
}

// A training step repeats the same few hundred texts: each is formatted and registered once per
// thread, and every later operator passes the handle. 64 bits of hash stand for the text.
struct Known {
  struct Slot {
    uint64_t hash;
    void* handle;
  };
  static constexpr size_t kSlots = 4096;
  Slot slots[kSlots];
  size_t used;
};
thread_local Known known;

// The first operator with its text, or one of too many: shapes that change all the time must not fill the table until
// every look-up is a long walk.
[[gnu::noinline, gnu::cold]] void describe(
    const at::RecordFunction& fn, Known& known, Known::Slot& slot, uint64_t hash, NvtxAttributes& attributes) {
  thread_local Text text;
  text.size = 0;
  format(fn, text);
  if (!slot.hash && known.used < Known::kSlots * 3 / 4) {
    slot = {hash, nvtxDomainRegisterStringA(ops_domain, text.data)};
    known.used++;
  }
  attributes.message_type = slot.handle ? kMessageRegistered : kMessageAscii;
  attributes.message = slot.handle ? slot.handle : text.data;
}

std::unique_ptr<at::ObserverContext> op_begins(const at::RecordFunction& fn) {
  NvtxAttributes attributes;
  uint64_t hash = fingerprint(fn);
  Known& known = ::known; // the thread's address is looked up once
  Known::Slot* slot = &known.slots[hash >> 52];
  while (slot->hash && slot->hash != hash) {
    slot = slot + 1 == known.slots + Known::kSlots ? known.slots : slot + 1;
  }
  attributes.message_type = kMessageRegistered;
  attributes.message = slot->handle;
  if (!slot->handle) describe(fn, known, *slot, hash, attributes);
  nvtxDomainRangePushEx(ops_domain, &attributes);
  return nullptr;
}

void op_ends(const at::RecordFunction&, at::ObserverContext*) {
  nvtxDomainRangePop(ops_domain);
}

std::vector<at::Tensor> list(at::Tensor* const* tensors, size_t count) {
  std::vector<at::Tensor> out;
  out.reserve(count);
  for (size_t i = 0; i < count; ++i) out.push_back(*tensors[i]);
  return out;
}

} // namespace

extern "C" {

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

// ---- autograd ----

int pa_set_grad(at::Tensor* parameter, at::Tensor* gradient) {
  return guarded([&] {
    parameter->mutable_grad() = *gradient;
    return 1;
  });
}

int pa_on_gradient(at::Tensor* parameter, ReadyHook::Ready ready, void* context, size_t index) {
  return guarded([&] {
    torch::autograd::impl::set_post_acc_grad_hooks(
        *parameter, std::make_unique<ReadyHook>(ready, context, index));
    return 1;
  });
}

// ---- the optimizer ----

int pa_adamw(
    at::Tensor* const* parameters,
    at::Tensor* const* gradients,
    at::Tensor* const* first_moments,
    at::Tensor* const* second_moments,
    size_t count,
    at::Tensor* step,
    double lr,
    double beta1,
    double beta2,
    double weight_decay,
    double eps) {
  return guarded([&] {
    std::vector<at::Tensor> steps(count, *step);
    at::_fused_adamw_(
        list(parameters, count),
        list(gradients, count),
        list(first_moments, count),
        list(second_moments, count),
        {},
        steps,
        lr,
        beta1,
        beta2,
        weight_decay,
        eps,
        /*amsgrad=*/false,
        /*maximize=*/false);
    return 1;
  });
}

// ---- devices and operators ----

// The program links only the CPU half of libtorch; this brings in the CUDA half where there is one.
int pa_open_cuda(const char* path) {
  if (dlopen(path, RTLD_NOW | RTLD_GLOBAL)) return 1;
  remember(dlerror());
  return 0;
}

int pa_observe_operators() {
  return guarded([&] {
    ops_domain = nvtxDomainCreateA("torch");
    at::addGlobalCallback(at::RecordFunctionCallback(op_begins, op_ends)
                              .needsInputs(true)
                              .scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION}));
    return 1;
  });
}

} // extern "C"
