#include "tools/training_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "tools/interruption.h"

namespace atelier::tools {
namespace {

/// The first multiple of `interval` behind `iteration`; beyond every run where the interval is 0.
std::int64_t next_multiple(std::int64_t iteration, std::int64_t interval) {
  if (interval <= 0) return std::numeric_limits<std::int64_t>::max();
  return (iteration / interval + 1) * interval;
}

bool is_multiple(std::int64_t iteration, std::int64_t interval) {
  return interval > 0 && iteration % interval == 0;
}

/// The first column that holds a loss or an error; 0, which is the iteration, where there is none.
std::size_t loss_column(const std::vector<std::string>& names) {
  for (std::size_t i = 1; i < names.size(); ++i)
    if (names[i].find("loss") != std::string::npos || names[i].find("error") != std::string::npos) return i;
  return 0;
}

}  // namespace

void RequestSize::took(double seconds) {
  constexpr double kShort = 0.05;
  constexpr double kLong = 0.2;
  constexpr std::int64_t kMost = std::int64_t{1} << 40;
  if (seconds < kShort) iterations_ = std::min(iterations_ * 2, kMost);
  if (seconds > kLong) iterations_ = std::max<std::int64_t>(iterations_ / 2, 1);
}

bool run_training(Learner& learner, const RunFolder& folder, MetricsFile& metrics, Progress& progress,
                  const std::function<void()>& at_checkpoint) {
  using Clock = std::chrono::steady_clock;
  const std::int64_t end = learner.iterations();
  const std::vector<std::string> names = learner.metric_names();
  const std::size_t loss = loss_column(names);
  RequestSize size;
  for (std::int64_t done = learner.iteration(); done < end;) {
    const std::int64_t asked = size.iterations();
    const std::int64_t stop =
        std::min({end, next_multiple(done, learner.checkpoint_interval()),
                  next_multiple(done, learner.sample_interval()), done + std::min(asked, end - done)});
    const Clock::time_point start = Clock::now();
    learner.train(stop - done);
    // A request that was cut short says nothing about the size of whole ones, unless it was long.
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (stop - done == asked || seconds > 0.2) size.took(seconds);
    progress.add((stop - done) * learner.samples_per_iteration());
    done = stop;

    const std::vector<std::vector<double>> rows = learner.take_metrics();
    if (loss != 0 && !rows.empty() && std::isfinite(rows.back()[loss]))
      progress.set_note(fmt::format("{} {:.4g}", names[loss], rows.back()[loss]));
    metrics.append(rows);
    if (is_multiple(done, learner.sample_interval()))
      for (const GrayPicture& picture : learner.samples()) folder.write_sample(picture, done);
    const bool interrupted = interruption_requested();
    if (done == end || interrupted || is_multiple(done, learner.checkpoint_interval())) {
      metrics.flush();
      folder.write_checkpoint(learner.checkpoint());
      at_checkpoint();
    }
    if (interrupted && done < end) return false;
  }
  return true;
}

}  // namespace atelier::tools
