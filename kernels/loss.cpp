#include "kernels/loss.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "kernels/loss_launch.h"
#include "runtime/error.h"

namespace atelier {
namespace {

template <class T>
std::string shape(MatrixView<T> view) {
  return fmt::format("[{}, {}]", view.rows, view.columns);
}

template <class T>
bool absent(MatrixView<T> view) {
  return view.data == nullptr || view.rows == 0 || view.columns == 0;
}

class Check {
 public:
  Check(const char* call, const Stream& stream) : call_(call), stream_(stream) {}

  template <class T>
  void extents(const char* name, MatrixView<T> view) const {
    if (view.rows < 0 || view.columns < 0)
      throw InvalidArgument(fmt::format("{} on {}: {} is {}; extents must not be negative", call_,
                                        stream_.device().name(), name, shape(view)));
    if (view.rows > 1 && view.stride < view.columns)
      throw InvalidArgument(fmt::format("{} on {}: {} {} has a stride of {}; at least {} is needed", call_,
                                        stream_.device().name(), name, shape(view), view.stride,
                                        view.columns));
  }

  /// `view` is empty or has the shape of `input`.
  template <class T>
  void alike(const char* name, MatrixView<T> view, const char* input_name,
             MatrixView<const float> input) const {
    extents(name, view);
    if (!absent(view) && (view.rows != input.rows || view.columns != input.columns))
      throw InvalidArgument(fmt::format("{} on {}: {} is {}; {} is {}, and both must have one shape", call_,
                                        stream_.device().name(), name, shape(view), input_name,
                                        shape(input)));
  }

  void scratch(VectorView<float> scratch, MatrixView<const float> input) const {
    const std::int64_t needed = loss_scratch(input.rows, input.columns);
    if (scratch.size < needed)
      throw InvalidArgument(fmt::format("{} on {}: scratch has {} floats; loss_scratch({}, {}) asks for {}",
                                        call_, stream_.device().name(), scratch.size, input.rows,
                                        input.columns, needed));
  }

 private:
  const char* call_;
  const Stream& stream_;
};

template <class T>
bool dense(MatrixView<T> view) {
  return view.data == nullptr || view.rows <= 1 || view.stride == view.columns;
}

template <class T>
MatrixView<T> as_one_row(MatrixView<T> view) {
  const std::int64_t size = view.rows * view.columns;
  return {view.data, 1, size, size};
}

template <class T>
MatrixView<T> or_null(MatrixView<T> view) {
  return absent(view) ? MatrixView<T>{} : view;
}

void run(Stream& stream, LossKind kind, const char* call_name, const char* input_name,
         MatrixView<const float> input, LossTarget target, MatrixView<float> probability, float* loss,
         MatrixView<float> gradient, VectorView<float> scratch) {
  const Check check(call_name, stream);
  check.extents(input_name, input);
  check.alike("target", target.values, input_name, input);
  check.alike("probability", probability, input_name, input);
  check.alike("gradient", gradient, input_name, input);
  if (loss != nullptr) check.scratch(scratch, input);

  LossCall call{input, or_null(target.values), target.constant, or_null(probability),
                loss,  or_null(gradient),      scratch};
  const bool something_elementwise = call.probability.data != nullptr || call.gradient.data != nullptr;
  if (loss == nullptr && !something_elementwise) return;
  if (dense(call.input) && dense(call.target) && dense(call.probability) && dense(call.gradient)) {
    call.input = as_one_row(call.input);
    call.target = as_one_row(call.target);
    call.probability = as_one_row(call.probability);
    call.gradient = as_one_row(call.gradient);
  }
  ATELIER_DISPATCH(stream, loss(stream, kind, call));
}

}  // namespace

void bce(Stream& stream, MatrixView<const float> probability, LossTarget target, float* loss,
         MatrixView<float> gradient, VectorView<float> scratch) {
  run(stream, LossKind::bce, "bce", "probability", probability, target, {}, loss, gradient, scratch);
}

void bce_of_sigmoid(Stream& stream, MatrixView<const float> probability, LossTarget target, float* loss,
                    MatrixView<float> logit_gradient, VectorView<float> scratch) {
  run(stream, LossKind::bce_of_sigmoid, "bce_of_sigmoid", "probability", probability, target, {}, loss,
      logit_gradient, scratch);
}

void sigmoid_bce(Stream& stream, MatrixView<const float> logits, LossTarget target,
                 MatrixView<float> probability, float* loss, MatrixView<float> logit_gradient,
                 VectorView<float> scratch) {
  run(stream, LossKind::sigmoid_bce, "sigmoid_bce", "logits", logits, target, probability, loss,
      logit_gradient, scratch);
}

void bce_with_logits(Stream& stream, MatrixView<const float> logits, LossTarget target, float* loss,
                     MatrixView<float> gradient, VectorView<float> scratch) {
  run(stream, LossKind::bce_with_logits, "bce_with_logits", "logits", logits, target, {}, loss, gradient,
      scratch);
}

void mse(Stream& stream, MatrixView<const float> output, LossTarget target, float* loss,
         MatrixView<float> gradient, VectorView<float> scratch) {
  run(stream, LossKind::mse, "mse", "output", output, target, {}, loss, gradient, scratch);
}

std::int64_t loss_scratch(std::int64_t batch, std::int64_t width) {
  const std::int64_t count = std::max<std::int64_t>(batch, 0) * std::max<std::int64_t>(width, 0);
  const std::int64_t blocks = std::min(count / kLossBlockElements + 1, kLossMostBlocks);
  const std::int64_t parts = count / (kLossPartElements / 2) + 1;
  return kFloatsPerPartialSum * std::max(blocks, parts);
}

}  // namespace atelier
