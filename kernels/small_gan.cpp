#include "kernels/small_gan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/small_gan_launch.h"
#include "runtime/error.h"

namespace atelier {
namespace {

// Counts beyond this one are mistakes: iterations, rows and draws are loops of one thread.
constexpr std::int64_t kMostIterations = std::int64_t{1} << 40;

PatternSpan spans(const char* call, const Stream& stream, const PatternRange& range) {
  PatternSpan result{};
  for (std::size_t i = 0; i < kSmallGanPattern; ++i) {
    const float span = range.high[i] - range.low[i];
    if (!std::isfinite(range.low[i]) || !std::isfinite(range.high[i]) || !std::isfinite(span) || span < 0.0F)
      throw InvalidArgument(
          fmt::format("{} on {}: the range of number {} is {} to {}; both ends and their difference must be "
                      "finite, the lower end first",
                      call, stream.device().name(), i, range.low[i], range.high[i]));
    result.low[i] = range.low[i];
    result.span[i] = span;
  }
  return result;
}

template <class T>
void require_shape(const char* call, const Stream& stream, const char* what, MatrixView<T> view,
                   std::int64_t rows, std::int64_t columns) {
  if (view.rows == rows && view.columns == columns && (rows <= 1 || view.stride >= columns)) return;
  throw InvalidArgument(fmt::format("{} on {}: {} is {} x {} with stride {}; it must be {} x {}", call,
                                    stream.device().name(), what, view.rows, view.columns, view.stride, rows,
                                    columns));
}

// Weights of any number of GANs, and a seed for each.
void require_fleet(const char* call, const Stream& stream, MatrixView<const float> weights,
                   VectorView<const std::uint64_t> seeds, bool seeded) {
  require_shape(call, stream, "the weights' matrix", weights, kSmallGanWeights,
                weights.columns < 0 ? 0 : weights.columns);
  if (seeded && seeds.size != weights.columns)
    throw InvalidArgument(fmt::format("{} on {}: {} seeds for {} GANs; each GAN needs one", call,
                                      stream.device().name(), seeds.size, weights.columns));
}

void require_count(const char* call, const Stream& stream, const char* what, std::int64_t count,
                   std::int64_t least) {
  if (count >= least && count <= kMostIterations) return;
  throw InvalidArgument(fmt::format("{} on {}: {} is {}; it must be from {} to 2^40", call,
                                    stream.device().name(), what, count, least));
}

bool require_inputs(const Stream& stream, const SmallGanInputs& inputs, std::int64_t iterations) {
  constexpr const char* kCall = "train_small_gans";
  if (inputs.real.data == nullptr && inputs.fake_noise.data == nullptr &&
      inputs.generator_noise.data == nullptr)
    return false;
  require_shape(kCall, stream, "inputs.real", inputs.real, iterations, kSmallGanPattern);
  require_shape(kCall, stream, "inputs.fake_noise", inputs.fake_noise, iterations, kSmallGanNoise);
  require_shape(kCall, stream, "inputs.generator_noise", inputs.generator_noise, iterations, kSmallGanNoise);
  return true;
}

void require_records(const Stream& stream, const SmallGanTraining& training, std::int64_t gans) {
  const SmallGanRecords& records = training.records;
  require_count("train_small_gans", stream, "records.stride", records.stride, 1);
  if (records.gans == 0) return;
  if (records.first_gan < 0 || records.gans < 0 || records.first_gan > gans - records.gans)
    throw InvalidArgument(fmt::format("train_small_gans on {}: records of GANs {} to {} of a fleet of {}",
                                      stream.device().name(), records.first_gan,
                                      records.first_gan + records.gans - 1, gans));
  const std::int64_t rows = small_gan_records(training.first_iteration, training.iterations, records.stride);
  if (records.values.rows < rows || records.values.columns != kSmallGanLosses * records.gans ||
      records.values.stride < records.values.columns)
    throw InvalidArgument(
        fmt::format("train_small_gans on {}: records.values is {} x {} with stride {}; {} x {} is needed",
                    stream.device().name(), records.values.rows, records.values.columns,
                    records.values.stride, rows, kSmallGanLosses * records.gans));
}

float bound_of(int inputs) {
  return static_cast<float>(1.0 / std::sqrt(static_cast<double>(inputs)));
}

}  // namespace

SmallGanBounds small_gan_bounds() {
  return {{bound_of(kSmallGanPattern), bound_of(kSmallGanHiddenOfD)},
          {bound_of(kSmallGanNoise), bound_of(kSmallGanHiddenOfG)}};
}

std::int64_t small_gan_records(std::uint64_t first_iteration, std::int64_t iterations, std::int64_t stride) {
  if (iterations <= 0 || stride <= 0) return 0;
  const auto step = static_cast<std::uint64_t>(stride);
  const std::uint64_t skipped = (step - first_iteration % step) % step;
  const auto left = static_cast<std::uint64_t>(iterations);
  return skipped >= left ? 0 : static_cast<std::int64_t>((left - skipped - 1) / step + 1);
}

void fill_patterns(Stream& stream, MatrixView<float> destination, PhiloxStream random,
                   DeviceCounter first_row, const PatternRange& range) {
  require_shape("fill_patterns", stream, "the destination", destination,
                destination.rows < 0 ? 0 : destination.rows, kSmallGanPattern);
  const PatternSpan span = spans("fill_patterns", stream, range);
  if (destination.rows == 0) return;
  ATELIER_DISPATCH(stream, fill_patterns(stream, destination, random, first_row, span));
}

void initialise_small_gans(Stream& stream, MatrixView<float> weights, VectorView<const std::uint64_t> seeds) {
  require_fleet("initialise_small_gans", stream, weights, seeds, true);
  if (weights.columns == 0) return;
  ATELIER_DISPATCH(stream, initialise_small_gans(stream, weights, seeds));
}

void train_small_gans(Stream& stream, MatrixView<float> weights, VectorView<const std::uint64_t> seeds,
                      const SmallGanTraining& training) {
  constexpr const char* kCall = "train_small_gans";
  require_count(kCall, stream, "iterations", training.iterations, 0);
  const bool recorded = require_inputs(stream, training.inputs, training.iterations);
  require_fleet(kCall, stream, weights, seeds, !recorded);
  require_records(stream, training, weights.columns);
  if (!std::isfinite(training.learning_rate))
    throw InvalidArgument(fmt::format("{} on {}: the learning rate is {}; it must be finite", kCall,
                                      stream.device().name(), training.learning_rate));
  if (training.first_iteration > std::numeric_limits<std::uint64_t>::max() - kMostIterations)
    throw InvalidArgument(fmt::format("{} on {}: the first iteration is {}; it must be below 2^64 - 2^40",
                                      kCall, stream.device().name(), training.first_iteration));
  SmallGanCall call;
  call.weights = weights;
  call.seeds = seeds;
  call.first_iteration = training.first_iteration;
  call.iterations = training.iterations;
  call.learning_rate = training.learning_rate;
  call.real = spans(kCall, stream, training.real);
  std::copy(kPattern1010Centre.begin(), kPattern1010Centre.end(), call.centre);
  call.inputs = training.inputs;
  call.records = training.records;
  if (weights.columns == 0 || training.iterations == 0) return;
  ATELIER_DISPATCH(stream, train_small_gans(stream, call));
}

void small_gan_outputs(Stream& stream, MatrixView<const float> weights, VectorView<const std::uint64_t> seeds,
                       std::int64_t draws, MatrixView<float> mean) {
  constexpr const char* kCall = "small_gan_outputs";
  require_fleet(kCall, stream, weights, seeds, true);
  require_count(kCall, stream, "draws", draws, 1);
  require_shape(kCall, stream, "the means' matrix", mean, kSmallGanPattern, weights.columns);
  if (weights.columns == 0) return;
  ATELIER_DISPATCH(stream, small_gan_outputs(stream, weights, seeds, draws, mean));
}

}  // namespace atelier
