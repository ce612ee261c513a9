#include "tools/training_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "tools/background_writer.h"
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

/// What goes to the disk together, in the order of the members.
struct Outgoing {
  std::int64_t iteration = 0;
  std::vector<GrayPicture> samples;
  std::vector<std::vector<double>> rows;
  std::optional<TensorFile> checkpoint;
};

void write(const Outgoing& outgoing, const RunFolder& folder, MetricsFile& metrics,
           const TrainingEvents& events) {
  for (const GrayPicture& picture : outgoing.samples) folder.write_sample(picture, outgoing.iteration);
  metrics.append(outgoing.rows);
  if (!outgoing.checkpoint) return;
  metrics.flush();
  folder.write_checkpoint(*outgoing.checkpoint);
  events.at_checkpoint(outgoing.iteration);
}

/// True where a warning stops the run.
bool tell_warnings(Learner& learner, const TrainingEvents& events) {
  bool stop = false;
  for (const std::string& warning : learner.take_warnings())
    stop = events.at_warning(learner.iteration(), warning) || stop;
  return stop;
}

}  // namespace

void RequestSize::took(double seconds) {
  constexpr double kShort = 0.05;
  constexpr double kLong = 0.2;
  constexpr std::int64_t kMost = std::int64_t{1} << 40;
  if (seconds < kShort) iterations_ = std::min(iterations_ * 2, kMost);
  if (seconds > kLong) iterations_ = std::max<std::int64_t>(iterations_ / 2, 1);
}

TrainingEnd run_training(Learner& learner, const RunFolder& folder, MetricsFile& metrics, Progress& progress,
                         const TrainingEvents& events) {
  using Clock = std::chrono::steady_clock;
  const std::int64_t end = learner.iterations();
  const std::vector<std::string> names = learner.metric_names();
  const std::size_t loss = loss_column(names);
  RequestSize size;
  BackgroundWriter writer;
  auto outgoing = std::make_shared<Outgoing>();
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

    outgoing->iteration = done;
    std::vector<std::vector<double>> rows = learner.take_metrics();
    if (loss != 0 && !rows.empty() && std::isfinite(rows.back()[loss]))
      progress.set_note(fmt::format("{} {:.4g}", names[loss], rows.back()[loss]));
    std::move(rows.begin(), rows.end(), std::back_inserter(outgoing->rows));
    if (is_multiple(done, learner.sample_interval())) outgoing->samples = learner.samples();
    const bool stopped = tell_warnings(learner, events);
    const bool interrupted = interruption_requested();
    if (done == end || interrupted || stopped || is_multiple(done, learner.checkpoint_interval()))
      outgoing->checkpoint = learner.checkpoint();
    if (outgoing->checkpoint || !outgoing->samples.empty()) {
      writer.give([given = std::exchange(outgoing, std::make_shared<Outgoing>()), &folder, &metrics,
                   &events] { write(*given, folder, metrics, events); });
    }
    writer.check();
    if (done == end) break;
    if (!interrupted && !stopped) continue;
    writer.finish();
    return interrupted ? TrainingEnd::interrupted : TrainingEnd::stopped;
  }
  writer.finish();
  return TrainingEnd::finished;
}

}  // namespace atelier::tools
