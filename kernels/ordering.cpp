#include "kernels/ordering.h"

#include <fmt/format.h>

#include "kernels/ordering_launch.h"
#include "runtime/error.h"

namespace atelier {
namespace {

constexpr std::int64_t kSizeLimit = std::int64_t{1} << 31;

void check_size(const char* call, const Stream& stream, const char* name, std::int64_t size) {
  if (size < 0 || size >= kSizeLimit)
    throw InvalidArgument(fmt::format("{} on {}: {} has {} elements; 0 to 2^31 - 1 are possible", call,
                                      stream.device().name(), name, size));
}

template <class T>
void check_matrix(const char* call, const Stream& stream, const char* name, MatrixView<T> view) {
  check_size(call, stream, name, view.rows);
  check_size(call, stream, name, view.columns);
  if (view.rows > 1 && view.stride < view.columns)
    throw InvalidArgument(fmt::format("{} on {}: {} [{}, {}] has a stride of {}; at least {} is needed", call,
                                      stream.device().name(), name, view.rows, view.columns, view.stride,
                                      view.columns));
}

void check_not_capturing(const char* call, const Stream& stream) {
  if (stream.capturing())
    throw CaptureError(
        fmt::format("{} on {}: it allocates, so it cannot be recorded; call it between the "
                    "replays of a step",
                    call, stream.device().name()));
}

}  // namespace

void permutation(Stream& stream, PhiloxStream random, VectorView<std::int32_t> order) {
  check_size("permutation", stream, "order", order.size);
  check_not_capturing("permutation", stream);
  if (order.empty()) return;
  ATELIER_DISPATCH(stream, permutation(stream, random, order));
}

void sort_ascending(Stream& stream, VectorView<float> values) {
  check_size("sort_ascending", stream, "values", values.size);
  check_not_capturing("sort_ascending", stream);
  if (values.empty()) return;
  ATELIER_DISPATCH(stream, sort_ascending(stream, values));
}

void histogram(Stream& stream, VectorView<const std::uint8_t> values, VectorView<std::int64_t> counts) {
  check_size("histogram", stream, "values", values.size);
  check_size("histogram", stream, "counts", counts.size);
  check_not_capturing("histogram", stream);
  if (counts.empty()) return;
  ATELIER_DISPATCH(stream, histogram(stream, values, counts));
}

void largest_column(Stream& stream, MatrixView<const float> scores, VectorView<std::uint8_t> indices) {
  check_matrix("largest_column", stream, "scores", scores);
  if (scores.columns < 1 || scores.columns > 256)
    throw InvalidArgument(fmt::format("largest_column on {}: scores have {} columns; 1 to 256 are possible",
                                      stream.device().name(), scores.columns));
  if (indices.size != scores.rows)
    throw InvalidArgument(fmt::format("largest_column on {}: {} indices for {} rows; one each is needed",
                                      stream.device().name(), indices.size, scores.rows));
  check_not_capturing("largest_column", stream);
  if (indices.empty()) return;
  ATELIER_DISPATCH(stream, largest_column(stream, scores, indices));
}

void confusion_matrix(Stream& stream, VectorView<const std::uint8_t> truth,
                      VectorView<const std::uint8_t> predicted, MatrixView<std::int64_t> counts) {
  check_size("confusion_matrix", stream, "truth", truth.size);
  check_matrix("confusion_matrix", stream, "counts", counts);
  if (predicted.size != truth.size)
    throw InvalidArgument(
        fmt::format("confusion_matrix on {}: {} predictions for {} true labels; one each "
                    "is needed",
                    stream.device().name(), predicted.size, truth.size));
  check_not_capturing("confusion_matrix", stream);
  if (counts.rows == 0 || counts.columns == 0) return;
  ATELIER_DISPATCH(stream, confusion_matrix(stream, truth, predicted, counts));
}

}  // namespace atelier
