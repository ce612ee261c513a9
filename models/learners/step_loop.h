#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "models/learners/loss_history.h"
#include "runtime/graph.h"
#include "runtime/stream.h"

namespace atelier::detail {

/// A training loop without host work between iterations: a step is captured once and replayed; losses come
/// back in blocks. A learner owns one and tells it what a step is.
class StepLoop {
 public:
  /// `losses` numbers an iteration. The stream must outlive the loop. Throws OutOfMemory.
  StepLoop(Stream& stream, std::int64_t losses, std::int64_t rows = 1024);

  /// For the step: where it writes its losses, and counters that it reads (LossHistory).
  [[nodiscard]] float* loss(std::int64_t index) const { return history_.loss(index); }
  [[nodiscard]] DeviceCounter counter(std::uint64_t scale = 1, std::uint64_t offset = 0) const {
    return history_.counter(scale, offset);
  }

  /// Records the work of one iteration; the end of the iteration is added. `step` is called several times (a
  /// replay may hold several iterations) and must not allocate or wait.
  void capture(const std::function<void(Stream&)>& step);

  /// Runs `count` iterations and waits. Returns their losses, oldest first, row-major [count, losses].
  /// Throws what the work threw; Error before capture().
  std::vector<float> run(std::int64_t count);

  /// Iterations done, and setting them when a run is restored.
  [[nodiscard]] std::int64_t iteration() const { return iteration_; }
  void set_iteration(std::int64_t iteration);

 private:
  Stream* stream_;
  LossHistory history_;
  std::optional<Graph> one_;   // of one iteration
  std::optional<Graph> many_;  // of several: fewer launches
  std::int64_t iteration_ = 0;
};

}  // namespace atelier::detail
