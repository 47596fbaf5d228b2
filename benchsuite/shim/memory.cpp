// An allocator that counts by what each block is for.

#include <atomic>
#include <cstdint>
#include <utility>

#include <c10/core/CPUAllocator.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/alloc_cpu.h>

#include "common.h"

namespace {

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

// Never destroyed: blocks are given back, and others taken, until the very end of the process.
CountingAllocator& counting = *new CountingAllocator;

void CountingAllocator::give_back(void* data) {
  if (!data) return;
  auto* header = static_cast<Header*>(data) - 1;
  counting.held[header->kind].fetch_sub(header->bytes, std::memory_order_relaxed);
  counting.total.fetch_sub(header->bytes, std::memory_order_relaxed);
  c10::free_cpu(header);
}

} // namespace

extern "C" {

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

// The most that libtorch's allocator of a GPU has given out (or, reserved, taken from the driver) since the
// last reset; below zero when it does not tell.
int64_t pa_device_peak_bytes(int device, int reserved) {
  int64_t bytes = -1;
  guarded([&] {
    auto stats = c10::getDeviceAllocator(at::kCUDA)->getDeviceStats(static_cast<c10::DeviceIndex>(device));
    auto all = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
    bytes = (reserved ? stats.reserved_bytes : stats.allocated_bytes)[all].peak;
    return 1;
  });
  return bytes;
}

void pa_device_reset_peak(int device) {
  guarded([&] {
    c10::getDeviceAllocator(at::kCUDA)->resetPeakStats(static_cast<c10::DeviceIndex>(device));
    return 1;
  });
}

} // extern "C"
