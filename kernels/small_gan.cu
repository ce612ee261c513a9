#include <cstdint>

#include "kernels/activation_function.h"
#include "kernels/noise_function.h"
#include "kernels/small_gan_function.h"
#include "kernels/small_gan_launch.h"
#include "runtime/kernel.cuh"

// One GAN a thread; its weights, its random numbers and everything between are registers. Threads have
// nothing to tell each other, and a warp's loads and stores of weights are of neighbouring columns. A block
// is one warp, so that a fleet of some thousand GANs, whose speed is that of one thread's chain of
// operations, spreads over as many multiprocessors as it has warps.
namespace atelier::ATELIER_DEVICE_NAMESPACE {
namespace {

constexpr int kThreads = 32;

using Discriminator = SmallShape<kSmallGanPattern, kSmallGanHiddenOfD, 1>;
using Generator = SmallShape<kSmallGanNoise, kSmallGanHiddenOfG, kSmallGanPattern>;
using Networks = SmallGanNetworks<float, Discriminator, Generator>;
static_assert(Discriminator::weights == kSmallGanWeightsOfD);
static_assert(Discriminator::weights + Generator::weights == kSmallGanWeights);
static_assert(kSmallGanPattern == 4 && kSmallGanNoise == 4, "a row of random numbers is a block of a stream");

struct Arithmetic {
  __device__ static float fma(float a, float b, float c) { return fused_product_sum(a, b, c); }
  __device__ static float sigmoid(float x) { return sigmoid_activation(x); }
  __device__ static float broadcast(float value) { return value; }
};

// The calling thread's GAN; at or beyond the fleet's size for the last block's surplus.
__device__ std::int64_t gan_of_thread() {
  return std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
}

template <class T>
__device__ Networks load_gan(MatrixView<T> weights, std::int64_t gan) {
  Networks networks;
#pragma unroll
  for (int i = 0; i < kSmallGanWeights; ++i) small_gan_weight(networks, i) = weights(i, gan);
  return networks;
}

__device__ void store_gan(MatrixView<float> weights, std::int64_t gan, Networks& networks) {
#pragma unroll
  for (int i = 0; i < kSmallGanWeights; ++i) weights(i, gan) = small_gan_weight(networks, i);
}

// Row `row` of a stream: low + span u, number by number.
__device__ void draw_row(PhiloxStream random, std::uint64_t row, const PatternSpan& range,
                         float (&values)[4]) {
  const PhiloxBlock block = philox_block(random, row);
#pragma unroll
  for (int i = 0; i < 4; ++i) values[i] = uniform_from_word(block.word[i], range.low[i], range.span[i]);
}
__device__ void draw_noise(PhiloxStream random, std::uint64_t row, float (&values)[4]) {
  const PhiloxBlock block = philox_block(random, row);
#pragma unroll
  for (int i = 0; i < 4; ++i) values[i] = uniform_from_word(block.word[i], 0.0F, 1.0F);
}
__device__ void load_row(MatrixView<const float> rows, std::int64_t row, float (&values)[4]) {
#pragma unroll
  for (int i = 0; i < 4; ++i) values[i] = __ldg(rows.data + row * rows.stride + i);
}

__global__ void __launch_bounds__(kThreads) pattern_kernel(MatrixView<float> destination, PhiloxStream random,
                                                           DeviceCounter first_row, PatternSpan range) {
  const std::int64_t row = gan_of_thread();
  if (row >= destination.rows) return;
  float values[4];
  draw_row(random, read_counter(first_row) + static_cast<std::uint64_t>(row), range, values);
#pragma unroll
  for (int i = 0; i < 4; ++i) destination(row, i) = values[i];
}

// `count` weights from row `first` on, U(-bound, bound).
template <int count>
__device__ void draw_weights(MatrixView<float> weights, std::int64_t gan, PhiloxStream random, int first,
                             float bound) {
  for (int i = 0; i < count; ++i)
    weights(first + i, gan) = uniform_element(random, static_cast<std::uint64_t>(i), -bound, bound);
}

__global__ void __launch_bounds__(kThreads)
    initialise_kernel(MatrixView<float> weights, VectorView<const std::uint64_t> seeds,
                      SmallGanBounds bounds) {
  const std::int64_t gan = gan_of_thread();
  if (gan >= weights.columns) return;
  const std::uint64_t seed = __ldg(seeds.data + gan);
  constexpr int kFirst = Discriminator::hidden * Discriminator::inputs;
  constexpr int kFirstOfG = Generator::hidden * Generator::inputs;
  draw_weights<kFirst>(weights, gan, {seed, kSmallGanStreamOfD}, 0, bounds.discriminator[0]);
  draw_weights<kSmallGanWeightsOfD - kFirst>(weights, gan, {seed, kSmallGanStreamOfD + 4}, kFirst,
                                             bounds.discriminator[1]);
  draw_weights<kFirstOfG>(weights, gan, {seed, kSmallGanStreamOfG}, kSmallGanWeightsOfD, bounds.generator[0]);
  draw_weights<kSmallGanWeights - kSmallGanWeightsOfD - kFirstOfG>(
      weights, gan, {seed, kSmallGanStreamOfG + 4}, kSmallGanWeightsOfD + kFirstOfG, bounds.generator[1]);
}

// Writes the records of one GAN.
class Recorder {
 public:
  __device__ Recorder(const SmallGanCall& call, std::int64_t gan)
      : records_(call.records),
        centre_(call.centre),
        column_(gan - call.records.first_gan),
        wanted_(column_ >= 0 && column_ < call.records.gans) {
    const auto stride = static_cast<std::uint64_t>(records_.stride);
    const std::uint64_t done = call.first_iteration % stride;
    until_next_ = done == 0U ? 0 : static_cast<std::int64_t>(stride - done);
  }
  __device__ void record(const SmallGanIteration<float, Generator>& iteration) {
    if (!wanted_) return;
    if (until_next_ > 0) {
      --until_next_;
      return;
    }
    until_next_ = records_.stride - 1;
    store(kSmallGanLossReal, iteration.loss_real);
    store(kSmallGanLossFake, iteration.loss_fake);
    store(kSmallGanLossGenerator, iteration.loss_generator);
    store(kSmallGanPatternError, small_mean_square<Arithmetic>(iteration.generated, centre_));
    ++row_;
  }

 private:
  __device__ void store(int kind, float value) const {
    records_.values(row_, kind * records_.gans + column_) = value;
  }
  SmallGanRecords records_;
  const float (&centre_)[kSmallGanPattern];
  std::int64_t column_;
  bool wanted_;
  std::int64_t until_next_ = 0;
  std::int64_t row_ = 0;
};

template <bool drawn>
__global__ void __launch_bounds__(kThreads) train_kernel(SmallGanCall call) {
  const std::int64_t gan = gan_of_thread();
  if (gan >= call.weights.columns) return;
  Networks networks = load_gan(call.weights, gan);
  const std::uint64_t seed = drawn ? __ldg(call.seeds.data + gan) : 0U;
  const float rate = -2.0F * call.learning_rate;
  Recorder recorder(call, gan);
  for (std::int64_t i = 0; i < call.iterations; ++i) {
    float real[kSmallGanPattern];
    float fake_noise[kSmallGanNoise];
    float generator_noise[kSmallGanNoise];
    if constexpr (drawn) {
      const std::uint64_t row = call.first_iteration + static_cast<std::uint64_t>(i);
      draw_row({seed, kSmallGanRealStream}, row, call.real, real);
      draw_noise({seed, kSmallGanFakeNoiseStream}, row, fake_noise);
      draw_noise({seed, kSmallGanGeneratorNoiseStream}, row, generator_noise);
    } else {
      load_row(call.inputs.real, i, real);
      load_row(call.inputs.fake_noise, i, fake_noise);
      load_row(call.inputs.generator_noise, i, generator_noise);
    }
    recorder.record(small_gan_iteration<Arithmetic>(networks, real, fake_noise, generator_noise, rate));
  }
  store_gan(call.weights, gan, networks);
}

__global__ void __launch_bounds__(kThreads)
    output_kernel(MatrixView<const float> weights, VectorView<const std::uint64_t> seeds, std::int64_t draws,
                  MatrixView<float> mean) {
  const std::int64_t gan = gan_of_thread();
  if (gan >= weights.columns) return;
  const Networks networks = load_gan(weights, gan);
  const std::uint64_t seed = __ldg(seeds.data + gan);
  float sum[kSmallGanPattern] = {};
  for (std::int64_t row = 0; row < draws; ++row) {
    float noise[kSmallGanNoise];
    draw_noise({seed, kSmallGanJudgeNoiseStream}, static_cast<std::uint64_t>(row), noise);
    const auto pass = small_forward<Arithmetic>(networks.g, noise);
#pragma unroll
    for (int i = 0; i < kSmallGanPattern; ++i) sum[i] += pass.output[i];
  }
#pragma unroll
  for (int i = 0; i < kSmallGanPattern; ++i) mean(i, gan) = sum[i] / static_cast<float>(draws);
}

LaunchShape shape_for(std::int64_t threads) {
  return {dim3(static_cast<unsigned>((threads + kThreads - 1) / kThreads)), dim3(kThreads)};
}

}  // namespace

void fill_patterns(Stream& stream, MatrixView<float> destination, PhiloxStream random,
                   DeviceCounter first_row, const PatternSpan& range) {
  launch("fill_patterns", stream, pattern_kernel, shape_for(destination.rows), destination, random, first_row,
         range);
}

void initialise_small_gans(Stream& stream, MatrixView<float> weights, VectorView<const std::uint64_t> seeds) {
  launch("initialise_small_gans", stream, initialise_kernel, shape_for(weights.columns), weights, seeds,
         small_gan_bounds());
}

void train_small_gans(Stream& stream, const SmallGanCall& call) {
  const bool drawn = call.inputs.real.data == nullptr;
  launch("train_small_gans", stream, drawn ? train_kernel<true> : train_kernel<false>,
         shape_for(call.weights.columns), call);
}

void small_gan_outputs(Stream& stream, MatrixView<const float> weights, VectorView<const std::uint64_t> seeds,
                       std::int64_t draws, MatrixView<float> mean) {
  launch("small_gan_outputs", stream, output_kernel, shape_for(weights.columns), weights, seeds, draws, mean);
}

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
