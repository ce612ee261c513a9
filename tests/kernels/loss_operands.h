#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "kernels/loss.h"
#include "runtime/buffer.h"
#include "runtime/stream.h"
#include "tests/kernels/loss_reference.h"

namespace atelier::testing {

/// What lies around results, and must still lie there afterwards.
inline constexpr float kLossCanary = 7654321.0F;

/// A loss at one shape and place in memory.
struct LossProblem {
  Loss loss = Loss::bce;
  std::int64_t batch = 1;
  std::int64_t width = 1;
  bool one_target = false;  // a constant instead of a matrix
  float constant = 1.0F;
  bool in_place = false;
  std::int64_t offset = 0;
  std::int64_t gap = 0;
  std::uint32_t seed = 1;

  [[nodiscard]] std::string text() const {
    return loss_name(loss) + " [" + std::to_string(batch) + ", " + std::to_string(width) + "]" +
           (one_target ? ", one target" : "") + (in_place ? ", in place" : "") + ", offset " +
           std::to_string(offset) + ", gap " + std::to_string(gap);
  }
};

/// Rows of `width` floats with `gap` between, the first `offset` floats into a buffer that is otherwise
/// filled.
struct LossMatrix {
  LossMatrix(Stream& stream, const LossProblem& problem, std::int64_t offset, float filler)
      : first(offset),
        host(static_cast<std::size_t>(offset + problem.batch * (problem.width + problem.gap) + 4), filler),
        buffer(stream, static_cast<std::int64_t>(host.size())),
        view{buffer.data() + offset, problem.batch, problem.width, problem.width + problem.gap} {}

  [[nodiscard]] std::size_t index(std::int64_t i) const {
    return static_cast<std::size_t>(first + i / view.columns * view.stride + i % view.columns);
  }
  float& operator[](std::int64_t i) { return host[index(i)]; }
  [[nodiscard]] bool inside(std::size_t place) const {
    const std::int64_t at = static_cast<std::int64_t>(place) - first;
    return at >= 0 && at < view.rows * view.stride && at % view.stride < view.columns;
  }
  void up(Stream& stream) { upload<float>(stream, buffer.view(), host); }
  void down(Stream& stream) { host = download<float>(stream, buffer.view()); }

  std::int64_t first;
  std::vector<float> host;
  Buffer<float> buffer;
  MatrixView<float> view;
};

/// Random operands of a problem, on the host and in device memory, and a call of its loss.
struct LossOperands {
  LossOperands(Stream& stream, const LossProblem& given)
      : problem(given),
        count(given.batch * given.width),
        input(stream, given, given.offset, std::numeric_limits<float>::quiet_NaN()),
        target(stream, given, given.offset, std::numeric_limits<float>::quiet_NaN()),
        gradient(stream, given, (given.offset + 1) % 4 * (given.offset > 0 ? 1 : 0), kLossCanary),
        probability(stream, given, given.offset, kLossCanary),
        loss(stream, 1),
        scratch(stream, loss_scratch(given.batch, given.width) + 1) {
    std::mt19937 generator(given.seed);
    std::uniform_real_distribution<float> unit(0.0F, 1.0F);
    const bool probabilities = given.loss == Loss::bce || given.loss == Loss::bce_of_sigmoid;
    for (std::int64_t i = 0; i < count; ++i) {
      input[i] =
          probabilities ? std::clamp(unit(generator), 1e-6F, 0.999999F) : 12.0F * unit(generator) - 6.0F;
      const float t = unit(generator);
      target[i] = t < 0.3F ? 0.0F : t > 0.7F ? 1.0F : t;
    }
  }

  void up(Stream& stream) {
    for (LossMatrix* matrix : {&input, &target, &gradient, &probability}) matrix->up(stream);
    fill_bytes(stream, scratch.data(), 0xFF, static_cast<std::size_t>(scratch.size()) * sizeof(float));
  }

  // Scratch memory begins 4 bytes into its buffer.
  void run(Stream& stream, bool loss_wanted = true, bool gradient_wanted = true) {
    LossTarget to{problem.one_target ? MatrixView<const float>{} : target.view, problem.constant};
    float* const sum = loss_wanted ? loss.data() : nullptr;
    const MatrixView<float> where =
        gradient_wanted ? (problem.in_place ? input.view : gradient.view) : MatrixView<float>{};
    const VectorView<float> room = scratch.view().part(1, scratch.size() - 1);
    switch (problem.loss) {
      case Loss::bce:
        return bce(stream, input.view, to, sum, where, room);
      case Loss::bce_of_sigmoid:
        return bce_of_sigmoid(stream, input.view, to, sum, where, room);
      case Loss::sigmoid_bce:
        return sigmoid_bce(stream, input.view, to, probability.view, sum, where, room);
      case Loss::bce_with_logits:
        return bce_with_logits(stream, input.view, to, sum, where, room);
      case Loss::mse:
        return mse(stream, input.view, to, sum, where, room);
    }
  }

  [[nodiscard]] float target_of(std::int64_t i) { return problem.one_target ? problem.constant : target[i]; }

  LossProblem problem;
  std::int64_t count;
  LossMatrix input;
  LossMatrix target;
  LossMatrix gradient;
  LossMatrix probability;
  Buffer<float> loss;
  Buffer<float> scratch;
};

}  // namespace atelier::testing
