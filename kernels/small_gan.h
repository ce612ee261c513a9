#pragma once

#include <array>
#include <cstdint>

#include "kernels/counter.h"
#include "kernels/philox.h"
#include "runtime/stream.h"
#include "runtime/view.h"

// Many little GANs at once: one GAN a thread on cuda and simt, one a vector lane on cpu, its weights in
// registers for as long as a call runs. A GAN here is the one of the 1010 pattern:
//
//   discriminator D   4 inputs, 3 hidden, 1 output        generator G   4 noise, 4 hidden, 4 outputs
//   no biases, a sigmoid after both layers of both, mean squared error, plain SGD, batch 1
//
// One iteration t (of 0, 1, …), in this order:
//   1. a step of D on the real pattern, target 1
//   2. a step of D on G(z1), target 0
//   3. a step of G on D(G(z2)), target 1, through D as steps 1 and 2 left it; D stays as it is
//
// Every GAN of a call is a pure function of its own column of weights, its seed and the numbers below: the
// same to the bit alone and among thousands, for any place among them, any way to cut a run into calls and
// any number of threads, on one device (on cpu: one instruction set). NaN and infinity stay in their own
// GAN. Calls queue work, allocate nothing, can be captured, and return. They throw InvalidArgument when
// shapes do not fit.

namespace atelier {

inline constexpr int kSmallGanPattern = 4;  // numbers of a pattern: D's inputs and G's outputs
inline constexpr int kSmallGanNoise = 4;    // G's inputs
inline constexpr int kSmallGanHiddenOfD = 3;
inline constexpr int kSmallGanHiddenOfG = 4;

/// Weights of a GAN, each a row of the fleet's matrix [kSmallGanWeights, gans] (a column is a GAN), in the
/// order of the two networks' state_dicts, row-major: D "0.weight" [3, 4] at row 0, D "2.weight" [1, 3] at
/// 12, G "0.weight" [4, 4] at 15, G "2.weight" [4, 4] at 31.
inline constexpr int kSmallGanWeights = 47;
inline constexpr int kSmallGanWeightsOfD = 15;

/// Streams of a seed's random numbers. D and G are the first_stream of Network: modules 0 and 2 take streams
/// 0 and 4 after it. Row n of the others is elements 4 n to 4 n + 3; row t is drawn in iteration t.
inline constexpr std::uint64_t kSmallGanStreamOfD = 0;
inline constexpr std::uint64_t kSmallGanStreamOfG = 16;
inline constexpr std::uint64_t kSmallGanRealStream = 32;
inline constexpr std::uint64_t kSmallGanFakeNoiseStream = 33;       // z1
inline constexpr std::uint64_t kSmallGanGeneratorNoiseStream = 34;  // z2
inline constexpr std::uint64_t kSmallGanJudgeNoiseStream = 35;      // small_gan_outputs

/// Patterns whose number i is uniform in [low[i], high[i]].
struct PatternRange {
  std::array<float, kSmallGanPattern> low;
  std::array<float, kSmallGanPattern> high;
};
/// 1010: (U(0.8, 1), U(0, 0.2), U(0.8, 1), U(0, 0.2)), and its opposite.
inline constexpr PatternRange kPattern1010{{0.8F, 0.0F, 0.8F, 0.0F}, {1.0F, 0.2F, 1.0F, 0.2F}};
inline constexpr PatternRange kPattern0101{{0.0F, 0.8F, 0.0F, 0.8F}, {0.2F, 1.0F, 0.2F, 1.0F}};
/// What G's outputs are compared with for a plot: no part of the training.
inline constexpr std::array<float, kSmallGanPattern> kPattern1010Centre{0.9F, 0.0F, 0.9F, 0.0F};

/// destination(r, i) = low[i] + (high[i] - low[i]) u(4 (first_row + r) + i), computed as fill_uniform does,
/// to the bit: what train_small_gans draws as real patterns where `random` is {seed, kSmallGanRealStream} and
/// first_row the first iteration. destination has 4 columns, any number of rows, any stride. Throws
/// InvalidArgument also for a range that fill_uniform refuses.
void fill_patterns(Stream& stream, MatrixView<float> destination, PhiloxStream random,
                   DeviceCounter first_row, const PatternRange& range);

/// Weights as Network draws them: U(-1/2, 1/2) for layers of 4 inputs, U(-1/sqrt 3, 1/sqrt 3) for D's second
/// layer; bit-equal to Network(stream, D, seed, kSmallGanStreamOfD) and G likewise, on every device.
/// weights [kSmallGanWeights, gans], seeds [gans].
void initialise_small_gans(Stream& stream, MatrixView<float> weights, VectorView<const std::uint64_t> seeds);

/// Inputs that take the place of the drawn ones, the same for every GAN; [iterations, 4] each, row 0 for the
/// call's first iteration. All three or none.
struct SmallGanInputs {
  MatrixView<const float> real;
  MatrixView<const float> fake_noise;       // z1
  MatrixView<const float> generator_noise;  // z2
};

/// Which number of a record is which.
inline constexpr int kSmallGanLossReal = 0;       // D's, step 1
inline constexpr int kSmallGanLossFake = 1;       // D's, step 2
inline constexpr int kSmallGanLossGenerator = 2;  // G's, step 3: (D(G(z2)) - 1)^2
/// Mean of (G(z2) - kPattern1010Centre)^2 before G's update: the article's plot.
inline constexpr int kSmallGanPatternError = 3;
inline constexpr int kSmallGanLosses = 4;  // numbers in a record

/// Records of the GANs first_gan, first_gan + 1, … of the fleet, `gans` of them, in iterations t that are a
/// multiple of `stride`: values(r, kind * gans + g) for the r-th such iteration of the call. `values` has
/// small_gan_records(…) rows or more and kSmallGanLosses * gans columns; gans 0: nothing is recorded.
struct SmallGanRecords {
  MatrixView<float> values;
  std::int64_t first_gan = 0;
  std::int64_t gans = 0;
  std::int64_t stride = 1;
};
/// Multiples of `stride` in [first_iteration, first_iteration + iterations).
[[nodiscard]] std::int64_t small_gan_records(std::uint64_t first_iteration, std::int64_t iterations,
                                             std::int64_t stride);

/// What a call of train_small_gans does.
struct SmallGanTraining {
  std::uint64_t first_iteration = 0;
  std::int64_t iterations = 0;
  float learning_rate = 0.01F;
  PatternRange real = kPattern1010;
  SmallGanInputs inputs;  // empty: drawn, with the streams above
  SmallGanRecords records;
};

/// Runs iterations first_iteration, first_iteration + 1, … of every GAN. weights [kSmallGanWeights, gans] are
/// read and overwritten; seeds [gans] (empty where inputs are given). fp32; sigmoids to 2.5e-7. One launch:
/// on a GPU an iteration lasts about a microsecond however many GANs there are, up to some tens of thousands,
/// so that 100,000 iterations a call are a good bound where a display's watchdog must not be waited for.
/// Throws InvalidArgument also for a count or stride out of range and a learning rate that is not finite.
void train_small_gans(Stream& stream, MatrixView<float> weights, VectorView<const std::uint64_t> seeds,
                      const SmallGanTraining& training);

/// G's outputs, averaged: mean(i, k) = mean over rows n of [0, draws) of output i of GAN k for the noise
/// U(0, 1)^4 of row n of {seeds[k], kSmallGanJudgeNoiseStream}. mean [4, gans], draws >= 1.
void small_gan_outputs(Stream& stream, MatrixView<const float> weights, VectorView<const std::uint64_t> seeds,
                       std::int64_t draws, MatrixView<float> mean);

}  // namespace atelier
