// The part of gloo's context that c10d's ProcessGroupGloo.hpp mentions by name.
// The wheel carries the compiled library without gloo's headers; the shim only ever holds these
// types behind pointers that libtorch_cpu.so created, so their layout does not matter here.
#pragma once
#include <chrono>

namespace gloo {
namespace transport {
class UnboundBuffer;
}
class Context {
 public:
  void setTimeout(std::chrono::milliseconds timeout);
};
} // namespace gloo
