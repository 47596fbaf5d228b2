// What all files of the shim share: failures as a text, callbacks, lists of tensors.

#pragma once

#include <cstring>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

// The reason of the last failure on this thread.
inline thread_local std::string last_error;

// Keeps the first line: libtorch appends a C++ backtrace to its messages.
inline void remember(const char* what) {
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

// Called once when something is complete, or not needed any more.
using Done = void (*)(void* context);

inline std::vector<at::Tensor> list(at::Tensor* const* tensors, size_t count) {
  std::vector<at::Tensor> out;
  out.reserve(count);
  for (size_t i = 0; i < count; ++i) out.push_back(*tensors[i]);
  return out;
}
