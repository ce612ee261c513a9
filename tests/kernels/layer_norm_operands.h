#pragma once

#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "kernels/layer_norm.h"
#include "runtime/buffer.h"
#include "runtime/stream.h"
#include "tests/kernels/placed_matrix.h"

namespace atelier::testing {

/// A layer normalisation of one shape, place in memory and distribution of inputs.
struct LayerNormProblem {
  std::int64_t rows = 1;
  std::int64_t columns = 1;
  bool affine = true;
  bool in_place = false;
  bool accumulate = false;
  std::int64_t offset = 0;
  std::int64_t gap = 0;
  double mean = 0;
  double deviation = 1;
  double epsilon = 1e-5;
  std::uint32_t seed = 1;

  [[nodiscard]] std::string text() const {
    return std::string("[").append(std::to_string(rows)) + ", " + std::to_string(columns) + "]" +
           (affine ? "" : ", plain") + (in_place ? ", in place" : "") + (accumulate ? ", accumulate" : "") +
           ", offset " + std::to_string(offset) + ", gap " + std::to_string(gap) + ", mean " +
           std::to_string(mean) + ", deviation " + std::to_string(deviation);
  }
};

/// Random operands of a problem, on the host and in device memory, and the calls.
struct LayerNormOperands {
  LayerNormOperands(Stream& stream, const LayerNormProblem& given)
      : problem(given),
        x(stream, given.rows, given.columns, {given.offset, given.gap},
          std::numeric_limits<float>::quiet_NaN()),
        y(stream, given.rows, given.columns, {given.offset, given.gap}, kCanary),
        dy(stream, given.rows, given.columns, {given.offset, given.gap},
           std::numeric_limits<float>::quiet_NaN()),
        dx(stream, given.rows, given.columns, {given.offset, given.gap}, kCanary),
        vectors(stream, 4, given.columns, {given.offset, 0}, std::numeric_limits<float>::quiet_NaN()),
        statistics(stream, 2, given.rows, {given.offset, 0}, kCanary),
        scratch(stream, layer_norm_backward_scratch(given.rows, given.columns) + 1) {
    std::mt19937 generator(given.seed);
    std::normal_distribution<double> normal;
    for (std::int64_t r = 0; r < given.rows; ++r)
      for (std::int64_t c = 0; c < given.columns; ++c) {
        x.at(r, c) = static_cast<float>(given.mean + given.deviation * normal(generator));
        dy.at(r, c) = static_cast<float>(normal(generator));
      }
    for (std::int64_t c = 0; c < given.columns; ++c) {
      vectors.at(0, c) = static_cast<float>(1 + 0.3 * normal(generator));
      vectors.at(1, c) = static_cast<float>(normal(generator));
      vectors.at(2, c) = vectors.at(3, c) = given.accumulate ? 3.0F : std::numeric_limits<float>::quiet_NaN();
    }
  }

  void up(Stream& stream) {
    for (PlacedMatrix* matrix : {&x, &y, &dy, &dx, &vectors, &statistics}) matrix->to_device(stream);
    fill_bytes(stream, scratch.data(), 0xFF, static_cast<std::size_t>(scratch.size()) * sizeof(float));
  }
  [[nodiscard]] VectorView<const float> gamma() const {
    return problem.affine ? vectors.view.row(0) : VectorView<float>{};
  }

  void forward(Stream& stream, bool in_place) {
    layer_norm_forward(stream, x.view, gamma(), problem.affine ? vectors.view.row(1) : VectorView<float>{},
                       problem.epsilon, in_place ? x.view : y.view, statistics.view.row(0),
                       statistics.view.row(1));
  }
  void backward(Stream& stream, bool input = true, bool gamma_wanted = true, bool beta = true) {
    const MatrixView<float> where = problem.in_place ? dy.view : dx.view;
    layer_norm_backward(
        stream, x.view, gamma(), statistics.view.row(0), statistics.view.row(1), dy.view,
        {input ? where : MatrixView<float>{}, gamma_wanted ? vectors.view.row(2) : VectorView<float>{},
         beta ? vectors.view.row(3) : VectorView<float>{}, problem.accumulate},
        scratch.view().part(1, scratch.size() - 1));
  }

  LayerNormProblem problem;
  PlacedMatrix x;
  PlacedMatrix y;
  PlacedMatrix dy;
  PlacedMatrix dx;
  PlacedMatrix vectors;  // gamma, beta, and their gradients
  PlacedMatrix statistics;
  Buffer<float> scratch;
};

}  // namespace atelier::testing
