#pragma once

#include <cstdint>
#include <functional>

#include "models/learner.h"
#include "tools/metrics_file.h"
#include "tools/progress.h"
#include "tools/run_folder.h"

namespace atelier::tools {

/// How many iterations to ask for at a time, so that a request takes some 0.1 s whatever an iteration costs:
/// signals are answered and progress shown at that pace, and waiting for the device costs nothing beside it.
class RequestSize {
 public:
  [[nodiscard]] std::int64_t iterations() const { return iterations_; }
  void took(double seconds);

 private:
  std::int64_t iterations_ = 1;
};

/// Trains to the end of the run or until a signal arrives. In every request's wake, in this order: metrics
/// are kept, due samples written, and where a checkpoint is due (the learner's interval, the end, a signal)
/// the metrics reach the disk before it and `at_checkpoint` is called behind it: whatever ends the process,
/// the files hold at least what the checkpoint stands for. Returns true when the run is done, false when it
/// was interrupted. Throws what the learner and the files throw; the last checkpoint then stays.
[[nodiscard]] bool run_training(Learner& learner, const RunFolder& folder, MetricsFile& metrics,
                                Progress& progress, const std::function<void()>& at_checkpoint);

}  // namespace atelier::tools
