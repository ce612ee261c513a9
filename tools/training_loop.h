#pragma once

#include <cstdint>
#include <functional>
#include <string>

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

/// What the caller of run_training is told.
struct TrainingEvents {
  /// A checkpoint of this iteration is on the disk, with everything before it. Called on the writing thread.
  std::function<void(std::int64_t iteration)> at_checkpoint = [](std::int64_t) {};
  /// A sign that the run goes wrong (Learner::take_warnings), after this iteration. True: the run stops here.
  std::function<bool(std::int64_t iteration, const std::string& warning)> at_warning =
      [](std::int64_t, const std::string&) { return false; };
};

enum class TrainingEnd : std::uint8_t { finished, interrupted, stopped };

/// Trains to the end of the run, until a signal arrives, or until at_warning stops it. In every request's
/// wake due samples and, where a checkpoint is due (the learner's interval, the end, a signal, a stop), the
/// state are taken; another thread writes them while training goes on, in this order: samples, metrics, and
/// behind those that have reached the disk the checkpoint. Whatever ends the process, the files hold at least
/// what the checkpoint stands for. Returns when everything is written. Throws what the learner and the files
/// throw; the last checkpoint then stays.
[[nodiscard]] TrainingEnd run_training(Learner& learner, const RunFolder& folder, MetricsFile& metrics,
                                       Progress& progress, const TrainingEvents& events = {});

}  // namespace atelier::tools
