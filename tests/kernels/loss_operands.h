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
#include "tests/kernels/placed_matrix.h"

namespace atelier::testing {

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

/// Random operands of a problem, on the host and in device memory, and a call of its loss.
struct LossOperands {
  LossOperands(Stream& stream, const LossProblem& given)
      : problem(given),
        count(given.batch * given.width),
        input(stream, given.batch, given.width, {given.offset, given.gap},
              std::numeric_limits<float>::quiet_NaN()),
        target(stream, given.batch, given.width, {given.offset, given.gap},
               std::numeric_limits<float>::quiet_NaN()),
        gradient(stream, given.batch, given.width,
                 {(given.offset + 1) % 4 * (given.offset > 0 ? 1 : 0), given.gap}, kCanary),
        probability(stream, given.batch, given.width, {given.offset, given.gap}, kCanary),
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
    for (PlacedMatrix* matrix : {&input, &target, &gradient, &probability}) matrix->to_device(stream);
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
  PlacedMatrix input;
  PlacedMatrix target;
  PlacedMatrix gradient;
  PlacedMatrix probability;
  Buffer<float> loss;
  Buffer<float> scratch;
};

}  // namespace atelier::testing
