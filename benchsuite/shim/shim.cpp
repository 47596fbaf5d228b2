// The C++ side of the benchmarks: what tch does not offer of libtorch, behind a C interface.
//
//  * collectives: c10d's TCPStore and ProcessGroupGloo, issued without waiting; a callback tells when
//    each one is complete, on the thread that completed it;
//  * autograd: gradients that live in a given buffer, functions whose two directions the caller computes, storages
//    that are given back and taken again;
//  * memory: an allocator that counts by what each block is for;
//  * AdamW over lists of tensor views in one call;
//  * the operator observer: each libtorch operator as an NVTX range in the domain "torch".
//
// Every function that can fail returns null or non-zero and leaves the reason in pa_last_error().
// Tensors are `at::Tensor*`, the pointer type that tch uses. src/shim.rs is the only caller.

#include <dlfcn.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ATen/Context.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/record_function.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
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

// ---- functions of the caller's own in autograd ----

using BridgeForward = at::Tensor* (*)(void* context, at::Tensor* const* inputs, size_t count);
using BridgeBackward = int (*)(
    void* context,
    at::Tensor* const* inputs,
    size_t count,
    const at::Tensor* gradient,
    at::Tensor** out,
    size_t wanted);

// Owns the caller's context as long as the graph does.
struct BridgeContext final : torch::CustomClassHolder {
  BridgeForward forward;
  BridgeBackward backward;
  Done free;
  void* context;
  BridgeContext(BridgeForward forward, BridgeBackward backward, Done free, void* context)
      : forward(forward), backward(backward), free(free), context(context) {}
  BridgeContext(const BridgeContext&) = delete;
  ~BridgeContext() override {
    free(context);
  }
};

std::vector<at::Tensor*> pointers(std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor*> out;
  out.reserve(tensors.size());
  for (at::Tensor& tensor : tensors) out.push_back(&tensor);
  return out;
}

struct BridgeFunction final : torch::autograd::Function<BridgeFunction> {
  static at::Tensor forward(
      torch::autograd::AutogradContext* ctx,
      at::TensorList inputs,
      const c10::intrusive_ptr<BridgeContext>& bridge,
      bool keep) {
    std::vector<at::Tensor> held = inputs.vec();
    if (keep) ctx->save_for_backward(held);
    ctx->saved_data["bridge"] =
        c10::IValue::make_capsule(c10::static_intrusive_pointer_cast<torch::CustomClassHolder>(bridge));
    ctx->saved_data["count"] = static_cast<int64_t>(held.size());
    auto raw = pointers(held);
    std::unique_ptr<at::Tensor> out(bridge->forward(bridge->context, raw.data(), raw.size()));
    TORCH_CHECK(out, "a function of this program has failed");
    return *out;
  }

  static torch::autograd::variable_list backward(
      torch::autograd::AutogradContext* ctx, torch::autograd::variable_list gradients) {
    auto bridge = c10::static_intrusive_pointer_cast<BridgeContext>(ctx->saved_data["bridge"].toCapsule());
    std::vector<at::Tensor> held = ctx->get_saved_variables();
    auto raw = pointers(held);
    size_t count = static_cast<size_t>(ctx->saved_data["count"].toInt());
    std::vector<at::Tensor*> out(count, nullptr);
    int ok = bridge->backward(bridge->context, raw.data(), raw.size(), &gradients[0], out.data(), count);
    torch::autograd::variable_list answer;
    for (at::Tensor* tensor : out) {
      std::unique_ptr<at::Tensor> owned(tensor);
      answer.push_back(owned ? *owned : at::Tensor());
    }
    TORCH_CHECK(ok, "a function of this program has failed in backward");
    answer.resize(count + 2); // the bridge and `keep` have no gradients
    return answer;
  }
};

// ---- memory by kind ----

constexpr int kKinds = 5;
thread_local int memory_kind = 0;

// Libtorch's own allocator, with what each block is for in front of it.
struct CountingAllocator final : at::Allocator {
  struct alignas(64) Header {
    size_t bytes;
    int kind;
  };
  std::atomic<int64_t> held[kKinds] = {};
  std::atomic<int64_t> peak[kKinds] = {};
  std::atomic<int64_t> total = 0;
  std::atomic<int64_t> total_peak = 0;

  static void raise(std::atomic<int64_t>& peak, int64_t now) {
    int64_t before = peak.load(std::memory_order_relaxed);
    while (now > before && !peak.compare_exchange_weak(before, now, std::memory_order_relaxed)) {
    }
  }
  static void give_back(void* data);

  at::DataPtr allocate(size_t bytes) override {
    if (!bytes) return {nullptr, nullptr, &give_back, at::Device(at::kCPU)};
    auto* header = static_cast<Header*>(c10::alloc_cpu(bytes + sizeof(Header)));
    *header = {bytes, memory_kind};
    auto now = held[memory_kind].fetch_add(bytes, std::memory_order_relaxed) + static_cast<int64_t>(bytes);
    raise(peak[memory_kind], now);
    raise(total_peak, total.fetch_add(bytes, std::memory_order_relaxed) + static_cast<int64_t>(bytes));
    void* data = header + 1;
    return {data, data, &give_back, at::Device(at::kCPU)};
  }
  at::DeleterFnPtr raw_deleter() const override {
    return &give_back;
  }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }
};

CountingAllocator counting;

void CountingAllocator::give_back(void* data) {
  if (!data) return;
  auto* header = static_cast<Header*>(data) - 1;
  counting.held[header->kind].fetch_sub(header->bytes, std::memory_order_relaxed);
  counting.total.fetch_sub(header->bytes, std::memory_order_relaxed);
  c10::free_cpu(header);
}

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

// ---- autograd ----

int pa_set_grad(at::Tensor* parameter, at::Tensor* gradient) {
  return guarded([&] {
    parameter->mutable_grad() = gradient ? *gradient : at::Tensor();
    return 1;
  });
}

int pa_backward(at::Tensor* const* outputs, at::Tensor* const* gradients, size_t count) {
  return guarded([&] {
    torch::autograd::variable_list with;
    for (size_t i = 0; i < count; ++i) with.push_back(gradients[i] ? *gradients[i] : at::Tensor());
    torch::autograd::backward(list(outputs, count), with);
    return 1;
  });
}

// Always takes the context over, also when it fails.
at::Tensor* pa_bridge(
    at::Tensor* const* inputs,
    size_t count,
    int keep,
    BridgeForward forward,
    BridgeBackward backward,
    Done free,
    void* context) {
  auto bridge = c10::make_intrusive<BridgeContext>(forward, backward, free, context);
  return guarded([&] {
    auto tensors = list(inputs, count);
    return new at::Tensor(BridgeFunction::apply(at::TensorList(tensors), bridge, keep != 0));
  });
}

int pa_storage_release(at::Tensor* tensor) {
  return guarded([&] {
    auto* storage = tensor->storage().unsafeGetStorageImpl();
    storage->set_data_ptr_noswap(storage->allocator()->allocate(0));
    return 1;
  });
}

// The number of bytes has stayed with the storage.
int pa_storage_restore(at::Tensor* tensor) {
  return guarded([&] {
    auto* storage = tensor->storage().unsafeGetStorageImpl();
    storage->set_data_ptr_noswap(storage->allocator()->allocate(storage->nbytes()));
    return 1;
  });
}

// ---- memory ----

int pa_count_memory() {
  return guarded([&] {
    c10::SetCPUAllocator(&counting, 255);
    return 1;
  });
}

int pa_memory_kind(int kind) {
  return std::exchange(memory_kind, kind >= 0 && kind < kKinds ? kind : 0);
}

int64_t pa_memory_bytes(int kind, int peak) {
  if (kind < 0) return peak ? counting.total_peak : counting.total;
  return peak ? counting.peak[kind] : counting.held[kind];
}

void pa_memory_reset_peak() {
  for (int kind = 0; kind < kKinds; ++kind) counting.peak[kind] = counting.held[kind].load();
  counting.total_peak = counting.total.load();
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

int pa_allow_tf32() {
  return guarded([&] {
    at::globalContext().setFloat32MatmulPrecision("high");
    return 1;
  });
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
