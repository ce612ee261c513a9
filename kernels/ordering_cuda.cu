// Compiled by nvcc only: on simt, ordering_host.cpp does this work.
#include <thrust/system/cuda/execution_policy.h>
#include <thrust/system_error.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "kernels/ordering_algorithms.h"
#include "kernels/ordering_launch.h"
#include "runtime/buffer.h"
#include "runtime/kernel.cuh"

namespace atelier::cuda {
namespace {

// Thrust's temporary memory out of the stream's: under its limit, and released in its order.
class TemporaryMemory {
 public:
  using value_type = char;
  explicit TemporaryMemory(Stream& stream) : stream_(stream) {}

  char* allocate(std::ptrdiff_t bytes) {
    auto block = atelier::detail::allocate(stream_, static_cast<std::size_t>(bytes),
                                           atelier::detail::MemorySpace::device, "ordering");
    char* const data = static_cast<char*>(block->data());
    blocks_[data] = std::move(block);
    return data;
  }
  void deallocate(char* data, std::size_t) { blocks_.erase(data); }

 private:
  Stream& stream_;
  std::map<char*, std::unique_ptr<atelier::detail::Block>> blocks_;
};

// Runs `work` with a policy that queues on the stream and does not wait.
template <class Work>
void run(const char* name, Stream& stream, Work work) {
  const detail::CurrentDevice current(stream.device().index());
  TemporaryMemory memory(stream);
  try {
    work(thrust::cuda::par_nosync(memory).on(static_cast<cudaStream_t>(stream.native())));
  } catch (const thrust::system_error& error) {
    throw ExecutionError("'" + std::string(name) + "' failed on " + stream.device().name() + ": " +
                         error.what());
  }
}

}  // namespace

void permutation(Stream& stream, PhiloxStream random, VectorView<std::int32_t> order) {
  const Buffer<std::uint64_t> keys(stream, order.size, "permutation keys");
  run("permutation", stream,
      [&](const auto& policy) { make_permutation(policy, random, keys.data(), order); });
}

void sort_ascending(Stream& stream, VectorView<float> values) {
  const Buffer<std::uint32_t> keys(stream, values.size, "sort keys");
  run("sort_ascending", stream, [&](const auto& policy) { sort_floats(policy, values, keys.data()); });
}

void histogram(Stream& stream, VectorView<const std::uint8_t> values, VectorView<std::int64_t> counts) {
  const Buffer<std::uint8_t> keys(stream, values.size, "histogram keys");
  run("histogram", stream, [&](const auto& policy) { count_values(policy, values, keys.data(), counts); });
}

void largest_column(Stream& stream, MatrixView<const float> scores, VectorView<std::uint8_t> indices) {
  run("largest_column", stream, [&](const auto& policy) { find_largest(policy, scores, indices); });
}

void confusion_matrix(Stream& stream, VectorView<const std::uint8_t> truth,
                      VectorView<const std::uint8_t> predicted, MatrixView<std::int64_t> counts) {
  const Buffer<std::uint16_t> keys(stream, truth.size, "confusion keys");
  run("confusion_matrix", stream,
      [&](const auto& policy) { count_pairs(policy, truth, predicted, keys.data(), counts); });
}

}  // namespace atelier::cuda
