#pragma once

#include <cstddef>
#include <memory>

#include "runtime/stream.h"

namespace atelier {

namespace detail {
class GraphState;
}

/// Recorded work, ready to be replayed as a whole: a CUDA graph on cuda, a recorded list of tasks on cpu and
/// simt. Made by Stream::end_capture. Addresses and values recorded are those of the capture; what must
/// change between replays (step count, learning rate, random counters) lives in device memory.
class Graph {
 public:
  explicit Graph(std::shared_ptr<detail::GraphState> state);
  ~Graph();
  Graph(Graph&&) noexcept;
  Graph& operator=(Graph&&) noexcept;

  [[nodiscard]] Device device() const;
  /// Number of recorded operations.
  [[nodiscard]] std::size_t size() const;
  /// Queues one replay on `stream` (same device, not capturing). Allocates nothing.
  void launch(Stream& stream) const;

 private:
  std::shared_ptr<detail::GraphState> state_;
};

}  // namespace atelier
