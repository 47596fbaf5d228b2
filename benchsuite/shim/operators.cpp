// The operator observer: each libtorch operator as an NVTX range in the domain "torch".

#include <cstdint>
#include <memory>
#include <string_view>

#include <ATen/record_function.h>

#include "common.h"

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

void* ops_domain = nullptr;

// The text of one operator, cut short rather than grown: no allocation on the measured thread.
struct Text {
  char data[768];
  size_t size = 0;
  void put(char c) {
    if (size < sizeof(data) - 1) data[size++] = c;
  }
  void put(const char* s) {
    while (*s) put(*s++);
  }
  void put(std::string_view s) {
    for (char c : s) put(c);
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

// Calls visit(sizes, type) for each tensor argument, tensor lists flattened, and visit({}, none) for any other.
template <typename Visit>
void each_input(const at::RecordFunction& fn, Visit&& visit) {
  auto tensor = [&](const at::Tensor& t) {
    bool plain = t.defined() && !t.is_nested();
    visit(plain ? t.sizes() : at::IntArrayRef{}, t.defined() ? t.dtype() : caffe2::TypeMeta());
  };
  for (const c10::IValue& value : fn.inputs()) {
    if (value.isTensor()) {
      tensor(value.toTensor());
    } else if (value.isList() && value.isTensorList()) { // the second question alone is a call
      for (const c10::IValue& item : value.toListRef()) tensor(item.toTensor());
    } else {
      visit(at::IntArrayRef{}, caffe2::TypeMeta());
    }
  }
}

void format(const at::RecordFunction& fn, Text& text) {
  text.put(fn.name());
  bool first = true;
  each_input(fn, [&](at::IntArrayRef sizes, caffe2::TypeMeta) {
    text.put(first ? ", sizes = [[" : ", [");
    first = false;
    for (size_t i = 0; i < sizes.size(); ++i) {
      if (i) text.put(", ");
      text.put(static_cast<int64_t>(sizes[i]));
    }
    text.put(']');
  });
  if (!first) text.put(']');
  // As the profiler of PyTorch names them: float, c10::BFloat16, of no tensor nothing.
  bool any = !first;
  first = true;
  each_input(fn, [&](at::IntArrayRef, caffe2::TypeMeta type) {
    text.put(first ? ", types = [\"" : ", \"");
    first = false;
    if (type != caffe2::TypeMeta()) text.put(type.name());
    text.put('"');
  });
  if (any) text.put(']');
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
  each_input(fn, [&](at::IntArrayRef sizes, caffe2::TypeMeta type) {
    uint64_t kind = type.isScalarType() ? static_cast<uint64_t>(type.toScalarType()) : 255;
    hash = mix(hash, (kind << 32) + sizes.size() + 0x5bd1e995);
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

} // namespace

extern "C" {

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
