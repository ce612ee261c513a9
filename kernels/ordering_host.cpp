// Thrust's sequential system: one thread, so that the setting of cpu_threads() holds. Radix sorts in linear
// time make it quick enough for what happens between epochs; permutations have a sort of their own.
#include <thrust/system/cpp/execution_policy.h>

#include <cstdint>

#include "kernels/ordering_algorithms.h"
#include "kernels/ordering_launch.h"
#include "kernels/permutation_cpu.h"
#include "runtime/buffer.h"
#if defined(ATELIER_WITH_SIMT)
#include "runtime/simt/memory.h"
#endif

namespace atelier {
namespace {

// The checker of the simt device wants to know what others than kernels have written.
template <class T>
void note_written([[maybe_unused]] Device device, [[maybe_unused]] VectorView<T> view) {
#if defined(ATELIER_WITH_SIMT)
  if (device.kind() == DeviceKind::simt)
    simt::mark_written(view.data, static_cast<std::size_t>(view.size) * sizeof(T));
#endif
}

// Buffers of keys are released in the stream's order: after the task that uses them.

void host_permutation(Stream& stream, PhiloxStream random, VectorView<std::int32_t> order) {
  const Buffer<std::uint64_t> room(stream, cpu::permutation_room(order.size), "permutation keys");
  stream.enqueue("permutation", [device = stream.device(), random, order, room = room.view()] {
    cpu::sort_permutation(random, room, order);
    note_written(device, order);
  });
}

void host_sort_ascending(Stream& stream, VectorView<float> values) {
  const Buffer<std::uint32_t> keys(stream, values.size, "sort keys");
  stream.enqueue("sort_ascending", [device = stream.device(), values, keys = keys.data()] {
    sort_floats(thrust::cpp::par, values, keys);
    note_written(device, values);
  });
}

void host_histogram(Stream& stream, VectorView<const std::uint8_t> values, VectorView<std::int64_t> counts) {
  const Buffer<std::uint8_t> keys(stream, values.size, "histogram keys");
  stream.enqueue("histogram", [device = stream.device(), values, counts, keys = keys.data()] {
    count_values(thrust::cpp::par, values, keys, counts);
    note_written(device, counts);
  });
}

void host_largest_column(Stream& stream, MatrixView<const float> scores, VectorView<std::uint8_t> indices) {
  stream.enqueue("largest_column", [device = stream.device(), scores, indices] {
    find_largest(thrust::cpp::par, scores, indices);
    note_written(device, indices);
  });
}

void host_confusion_matrix(Stream& stream, VectorView<const std::uint8_t> truth,
                           VectorView<const std::uint8_t> predicted, MatrixView<std::int64_t> counts) {
  const Buffer<std::uint16_t> keys(stream, truth.size, "confusion keys");
  stream.enqueue("confusion_matrix",
                 [device = stream.device(), truth, predicted, counts, keys = keys.data()] {
                   count_pairs(thrust::cpp::par, truth, predicted, keys, counts);
                   for (std::int64_t row = 0; row < counts.rows; ++row) note_written(device, counts.row(row));
                 });
}

}  // namespace

#define ATELIER_DEFINE_HOST_ORDERING(backend)                                                              \
  namespace backend {                                                                                      \
  void permutation(Stream& stream, PhiloxStream random, VectorView<std::int32_t> order) {                  \
    host_permutation(stream, random, order);                                                               \
  }                                                                                                        \
  void sort_ascending(Stream& stream, VectorView<float> values) {                                          \
    host_sort_ascending(stream, values);                                                                   \
  }                                                                                                        \
  void histogram(Stream& stream, VectorView<const std::uint8_t> values, VectorView<std::int64_t> counts) { \
    host_histogram(stream, values, counts);                                                                \
  }                                                                                                        \
  void largest_column(Stream& stream, MatrixView<const float> scores, VectorView<std::uint8_t> indices) {  \
    host_largest_column(stream, scores, indices);                                                          \
  }                                                                                                        \
  void confusion_matrix(Stream& stream, VectorView<const std::uint8_t> truth,                              \
                        VectorView<const std::uint8_t> predicted, MatrixView<std::int64_t> counts) {       \
    host_confusion_matrix(stream, truth, predicted, counts);                                               \
  }                                                                                                        \
  }
ATELIER_DEFINE_HOST_ORDERING(cpu)
#if defined(ATELIER_WITH_SIMT)
ATELIER_DEFINE_HOST_ORDERING(simt)
#endif
#undef ATELIER_DEFINE_HOST_ORDERING

}  // namespace atelier
