#include "kernels/gather.h"

#include <fmt/format.h>

#include <cmath>

#include "kernels/gather_launch.h"
#include "runtime/error.h"

namespace atelier {
namespace {

template <class T>
void check_matrix(const char* call, const Stream& stream, const char* name, MatrixView<T> view) {
  if (view.rows < 0 || view.columns < 0)
    throw InvalidArgument(fmt::format("{} on {}: {} is [{}, {}]; extents must not be negative", call,
                                      stream.device().name(), name, view.rows, view.columns));
  if (view.rows > 1 && view.stride < view.columns)
    throw InvalidArgument(fmt::format("{} on {}: {} [{}, {}] has a stride of {}; at least {} is needed", call,
                                      stream.device().name(), name, view.rows, view.columns, view.stride,
                                      view.columns));
}

void check_sizes(const char* call, const Stream& stream, std::int64_t rows, std::int64_t order,
                 std::int64_t batch) {
  if (rows < 0 || order < 0 || batch < 0)
    throw InvalidArgument(
        fmt::format("{} on {}: {} rows, an order of {} and a batch of {}; none may be "
                    "negative",
                    call, stream.device().name(), rows, order, batch));
  if (rows == 0 && batch > 0)
    throw InvalidArgument(
        fmt::format("{} on {}: a batch of {} from data without rows; at least one is needed", call,
                    stream.device().name(), batch));
}

}  // namespace

void gather_rows(Stream& stream, MatrixView<const std::uint8_t> data, BatchOrder order, float divisor,
                 MatrixView<float> output) {
  check_matrix("gather_rows", stream, "data", data);
  check_matrix("gather_rows", stream, "output", output);
  check_sizes("gather_rows", stream, data.rows, order.order.size, output.rows);
  if (output.columns != data.columns)
    throw InvalidArgument(
        fmt::format("gather_rows on {}: output has {} columns, the data {}; they must agree",
                    stream.device().name(), output.columns, data.columns));
  if (!std::isfinite(divisor) || divisor == 0.0F)
    throw InvalidArgument(fmt::format("gather_rows on {}: divisor is {}; it must be finite and not 0",
                                      stream.device().name(), divisor));
  if (output.rows == 0 || output.columns == 0) return;
  ATELIER_DISPATCH(stream, gather_rows(stream, data, order, divisor, output));
}

void gather_one_hot(Stream& stream, VectorView<const std::uint8_t> labels, BatchOrder order, float off,
                    float on, MatrixView<float> output) {
  check_matrix("gather_one_hot", stream, "output", output);
  check_sizes("gather_one_hot", stream, labels.size, order.order.size, output.rows);
  if (output.rows == 0 || output.columns == 0) return;
  ATELIER_DISPATCH(stream, gather_one_hot(stream, labels, order, off, on, output));
}

void gather_labels(Stream& stream, VectorView<const std::uint8_t> labels, BatchOrder order,
                   VectorView<std::uint8_t> output) {
  check_sizes("gather_labels", stream, labels.size, order.order.size, output.size);
  if (output.empty()) return;
  ATELIER_DISPATCH(stream, gather_labels(stream, labels, order, output));
}

}  // namespace atelier
