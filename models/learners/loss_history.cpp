#include "models/learners/loss_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "runtime/buffer.h"
#include "runtime/error.h"

namespace atelier::detail {
namespace {

ArenaPlan plan_of(std::int64_t losses, std::int64_t rows) {
  if (losses < 0 || rows < 1)
    throw InvalidArgument(
        fmt::format("LossHistory: {} losses of {} iterations; at least 0 and 1 are needed", losses, rows));
  ArenaPlan plan;
  (void)plan.reserve<std::uint64_t>(1, "iteration");
  (void)plan.reserve<float>(losses, "losses");
  (void)plan.reserve<float>(losses * rows, "history");
  return plan;
}

}  // namespace

LossHistory::LossHistory(Stream& stream, std::int64_t losses, std::int64_t rows)
    : arena_(stream, plan_of(losses, rows), "loss history") {
  ArenaPlan plan;
  counter_ = arena_.view(plan.reserve<std::uint64_t>(1));
  losses_ = arena_.view(plan.reserve<float>(losses));
  history_ = arena_.matrix(plan.reserve<float>(losses * rows), rows, losses);
  fill_bytes(stream, arena_.all().data, 0, static_cast<std::size_t>(arena_.all().size));
}

float* LossHistory::loss(std::int64_t index) const {
  if (index < 0 || index >= losses_.size)
    throw InvalidArgument(fmt::format("LossHistory: there is no loss {} of {}", index, losses_.size));
  return losses_.data + index;
}

DeviceCounter LossHistory::counter(std::uint64_t scale, std::uint64_t offset) const {
  return {counter_.data, scale, offset};
}

void LossHistory::finish(Stream& stream) const {
  finish_iteration(stream, counter_.data, losses_, history_);
}

std::vector<float> LossHistory::take(Stream& stream, std::int64_t finished, std::int64_t count) {
  if (count < 0 || count > history_.rows || count > finished)
    throw InvalidArgument(fmt::format("LossHistory: {} iterations of {} asked for; the last {} are kept",
                                      count, finished, history_.rows));
  std::vector<float> losses(static_cast<std::size_t>(count * history_.columns));
  const std::int64_t first = (finished - count) % history_.rows;
  const std::int64_t before_wrap = std::min(count, history_.rows - first);
  const auto part = [&](std::int64_t row, std::int64_t rows) {
    return VectorView<const float>{history_.row(row).data, rows * history_.columns};
  };
  const std::span<float> all(losses);
  const auto cut = static_cast<std::size_t>(before_wrap * history_.columns);
  download<float>(stream, all.first(cut), part(first, before_wrap));
  if (count > before_wrap) download<float>(stream, all.subspan(cut), part(0, count - before_wrap));
  return losses;
}

void LossHistory::set_iteration(Stream& stream, std::int64_t iteration) {
  const auto value = static_cast<std::uint64_t>(iteration);
  upload<std::uint64_t>(stream, counter_, std::span(&value, 1));
}

}  // namespace atelier::detail
