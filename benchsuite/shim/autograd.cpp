// Autograd from outside, and the optimizer.

#include <memory>

#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_sgd.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/variable.h>

#include "common.h"

namespace {

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

} // namespace

extern "C" {

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

int pa_sgd(
    at::Tensor* const* parameters,
    at::Tensor* const* gradients,
    at::Tensor* const* momenta,
    size_t count,
    double lr,
    double momentum,
    double weight_decay) {
  return guarded([&] {
    at::_fused_sgd_(
        list(parameters, count),
        list(gradients, count),
        list(momenta, count),
        weight_decay,
        momentum,
        lr,
        /*dampening=*/0.0,
        /*nesterov=*/false,
        /*maximize=*/false,
        // A momentum of zero gives what the first step would.
        /*is_first_step=*/false);
    return 1;
  });
}

} // extern "C"
