#include "models/learners/step_loop.h"

#include <algorithm>

#include "runtime/error.h"

namespace atelier::detail {
namespace {

constexpr std::int64_t kUnrolled = 16;

}  // namespace

StepLoop::StepLoop(Stream& stream, std::int64_t losses, std::int64_t rows)
    : stream_(&stream), history_(stream, losses, rows) {}

void StepLoop::capture(const std::function<void(Stream&)>& step) {
  const auto record = [&](std::int64_t iterations) {
    stream_->begin_capture();
    for (std::int64_t i = 0; i < iterations; ++i) {
      step(*stream_);
      history_.finish(*stream_);
    }
    return stream_->end_capture();
  };
  one_.emplace(record(1));
  many_.emplace(record(kUnrolled));
}

std::vector<float> StepLoop::run(std::int64_t count) {
  if (!one_) throw Error("StepLoop: no step was captured");
  std::vector<float> losses;
  while (count > 0) {
    const std::int64_t block = std::min(count, history_.rows());
    std::int64_t left = block;
    for (; left >= kUnrolled; left -= kUnrolled) many_->launch(*stream_);
    for (; left > 0; --left) one_->launch(*stream_);
    const std::vector<float> part = history_.take(*stream_, iteration_ + block, block);
    losses.insert(losses.end(), part.begin(), part.end());
    iteration_ += block;
    count -= block;
  }
  return losses;
}

void StepLoop::set_iteration(std::int64_t iteration) {
  history_.set_iteration(*stream_, iteration);
  iteration_ = iteration;
}

}  // namespace atelier::detail
