#pragma once

#include <cstdint>

#include "kernels/dispatch.h"
#include "kernels/small_gan.h"

namespace atelier {

/// A pattern's ranges as a kernel takes them: low[i] and the rounded high[i] - low[i].
struct PatternSpan {
  float low[kSmallGanPattern];
  float span[kSmallGanPattern];
};

/// Arguments of train_small_gans, checked: at least one GAN and one iteration; records.stride >= 1.
struct SmallGanCall {
  MatrixView<float> weights;
  VectorView<const std::uint64_t> seeds;  // empty where inputs are given
  std::uint64_t first_iteration = 0;
  std::int64_t iterations = 0;
  float learning_rate = 0.0F;
  PatternSpan real{};
  float centre[kSmallGanPattern] = {};  // kPattern1010Centre, where device code can read it
  SmallGanInputs inputs;
  SmallGanRecords records;
};

/// Half-widths of the initial weights, first and second layer: 1 / sqrt(inputs), computed on the host, as
/// Network does.
struct SmallGanBounds {
  float discriminator[2];
  float generator[2];
};
[[nodiscard]] SmallGanBounds small_gan_bounds();

}  // namespace atelier

// Each backend's half of kernels/small_gan.h. Shapes are checked and nothing is empty.
ATELIER_DECLARE_BACKENDS(void fill_patterns(Stream& stream, MatrixView<float> destination,
                                            PhiloxStream random, DeviceCounter first_row,
                                            const PatternSpan& range);
                         void initialise_small_gans(Stream& stream, MatrixView<float> weights,
                                                    VectorView<const std::uint64_t> seeds);
                         void train_small_gans(Stream& stream, const SmallGanCall& call);
                         void small_gan_outputs(Stream& stream, MatrixView<const float> weights,
                                                VectorView<const std::uint64_t> seeds, std::int64_t draws,
                                                MatrixView<float> mean))
