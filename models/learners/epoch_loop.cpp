#include "models/learners/epoch_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "kernels/ordering.h"
#include "models/learners/factories.h"
#include "runtime/error.h"

namespace atelier::detail {
namespace {

constexpr std::int64_t kUnrolled = 16;

ArenaPlan plan_of(const DataSet& data, std::int64_t samples) {
  ArenaPlan plan;
  (void)plan.reserve<std::uint8_t>(samples * data.pixels_per_image(), "pixels");
  (void)plan.reserve<std::uint8_t>(data.labels.empty() ? 0 : samples, "labels");
  return plan;
}

std::int64_t iterations_per_epoch(const EpochPlan& plan) {
  if (plan.samples < 1 || plan.batch < 1 || plan.epochs < 1)
    throw InvalidArgument(fmt::format("training: {} samples, batch {}, {} epochs; each must be 1 or more",
                                      plan.samples, plan.batch, plan.epochs));
  const std::int64_t iterations = plan.samples / plan.batch + (plan.samples % plan.batch > 0 ? 1 : 0);
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  if (plan.samples > kMost || plan.batch > kMost || iterations * plan.batch > kMost ||
      plan.epochs > std::numeric_limits<std::int64_t>::max() / iterations)
    throw InvalidArgument(
        fmt::format("training: {} samples in batches of {}, {} epochs are too many; an epoch has "
                    "less than 2^31 rows",
                    plan.samples, plan.batch, plan.epochs));
  return iterations;
}

}  // namespace

void require_pictures(const TrainingConfig& config, const DataSet& train, const DataSet& test) {
  if (train.count < 1)
    throw InvalidArgument(fmt::format("{}: there are no pictures to learn from", config.preset));
  if (test.count > 0 && (test.width != train.width || test.height != train.height))
    throw InvalidArgument(
        fmt::format("{}: its pictures are {} x {}, those of {} are {} x {}; one size is due", test.name,
                    test.width, test.height, train.name, train.width, train.height));
}

DeviceData::DeviceData(Stream& stream, const DataSet& data, std::int64_t samples, const std::string& label)
    : arena_(stream, plan_of(data, samples), label) {
  ArenaPlan plan;
  const std::int64_t pixels = data.pixels_per_image();
  pixels_ = arena_.matrix(plan.reserve<std::uint8_t>(samples * pixels), samples, pixels);
  labels_ = arena_.view(plan.reserve<std::uint8_t>(data.labels.empty() ? 0 : samples));
  upload<std::uint8_t>(stream, {pixels_.data, samples * pixels},
                       std::span(data.pixels).first(static_cast<std::size_t>(samples * pixels)));
  upload<std::uint8_t>(stream, labels_, std::span(data.labels).first(static_cast<std::size_t>(labels_.size)));
  stream.synchronize();
}

EpochLoop::EpochLoop(Stream& stream, const EpochPlan& plan, std::int64_t losses)
    : stream_(&stream),
      plan_(plan),
      per_epoch_(detail::iterations_per_epoch(plan)),
      history_(stream, losses, kHistoryRows) {
  const std::int64_t rows = per_epoch_ * plan.batch;
  if (!plan.shuffle && rows == plan.samples) return;  // file order: BatchOrder wraps by itself
  ArenaPlan room;
  const auto slot = room.reserve<std::int32_t>(rows, "order");
  arena_.emplace(stream, room, "order of samples");
  order_ = arena_->view(slot);
  std::vector<std::int32_t> order(static_cast<std::size_t>(rows),
                                  0);  // what lies behind the samples is unused
  std::iota(order.begin(), order.begin() + plan.samples, 0);
  upload<std::int32_t>(stream, order_, order);
}

BatchOrder EpochLoop::order() const {
  return {order_, history_.counter(static_cast<std::uint64_t>(plan_.batch))};
}

void EpochLoop::capture(const std::function<void(Stream&, std::int64_t)>& step) {
  const auto record = [&](std::int64_t batch, std::int64_t iterations) {
    stream_->begin_capture();
    for (std::int64_t i = 0; i < iterations; ++i) {
      step(*stream_, batch);
      history_.finish(*stream_);
    }
    return stream_->end_capture();
  };
  if (plan_.samples >= plan_.batch) {
    one_.emplace(record(plan_.batch, 1));
    many_.emplace(record(plan_.batch, kUnrolled));
  }
  if (const std::int64_t rest = plan_.samples % plan_.batch; rest > 0) rest_.emplace(record(rest, 1));
}

void EpochLoop::arrange(std::int64_t epoch) {
  if (!plan_.shuffle || arranged_ == epoch) return;
  permutation(*stream_, {plan_.seed, kFirstOrderStream + static_cast<std::uint64_t>(epoch)},
              order_.part(0, plan_.samples));
  arranged_ = epoch;
}

std::int64_t EpochLoop::begin_block(std::int64_t count) {
  const std::int64_t block = std::max<std::int64_t>(
      0, std::min({count, per_epoch_ - iteration_ % per_epoch_, kHistoryRows, iterations() - iteration_}));
  if (block > 0) arrange(iteration_ / per_epoch_);
  return block;
}

std::vector<float> EpochLoop::run(std::int64_t count) {
  const std::int64_t block = begin_block(count);
  if (block == 0) return {};
  const std::int64_t in_epoch = iteration_ % per_epoch_;
  std::int64_t whole = std::min(block, plan_.samples / plan_.batch - in_epoch);
  const std::int64_t short_ones = block - whole;
  for (; whole >= kUnrolled; whole -= kUnrolled) many_->launch(*stream_);
  for (; whole > 0; --whole) one_->launch(*stream_);
  if (short_ones > 0) rest_->launch(*stream_);
  std::vector<float> losses = history_.take(*stream_, iteration_ + block, block);
  iteration_ += block;
  return losses;
}

void EpochLoop::set_iteration(std::int64_t iteration) {
  history_.set_iteration(*stream_, iteration);
  iteration_ = iteration;
}

}  // namespace atelier::detail
