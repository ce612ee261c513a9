// Compiled once for every instruction set. The weights of a group do not fit the registers of any set: they
// stay in the nearest cache, from where every use loads them as part of an instruction.
#include "kernels/cpu/small_gan_vector.h"

#include "kernels/cpu/elementary.h"
#include "kernels/cpu/philox_vector.h"
#include "kernels/small_gan_function.h"

namespace atelier::cpu::ATELIER_INSTRUCTION_SET {
namespace {

constexpr int kLanes = Simd<float>::lanes;
static_assert(kLanes <= kMostSmallGanLanes);

using Discriminator = SmallShape<4, 3, 1>;
using Generator = SmallShape<4, 4, 4>;
using Networks = SmallGanNetworks<FloatVector, Discriminator, Generator>;
constexpr int kWeights = Discriminator::weights + Generator::weights;

struct VectorArithmetic {
  ATELIER_INLINE static FloatVector fma(FloatVector a, FloatVector b, FloatVector c) {
    return cpu::ATELIER_INSTRUCTION_SET::fma(a, b, c);
  }
  ATELIER_INLINE static FloatVector sigmoid(FloatVector x) {
    return 0.5F * logistic_core_newton(x * -kLog2E<float>);
  }
  ATELIER_INLINE static FloatVector broadcast(float value) {
    return cpu::ATELIER_INSTRUCTION_SET::broadcast(value);
  }
};

// low + span u, rounded once on every set, as fill_uniform rounds.
ATELIER_INLINE FloatVector scaled(FloatVector u, float low, float span) {
  if constexpr (kFusedMultiplyAdd) {
    return fma(u, broadcast(span), broadcast(low));
  } else {
    FloatVector result{};
    for (int lane = 0; lane < kLanes; ++lane) result[lane] = __builtin_fmaf(u[lane], span, low);
    return result;
  }
}

// Row `row` of every lane's stream as numbers in [0, 1).
ATELIER_INLINE void draw_unit(const PhiloxKeys& keys, std::uint64_t row, std::uint64_t stream,
                              FloatVector (&values)[4]) {
  WordVector word[4];
  philox_words(keys, row, stream, word);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i)
    values[i] = __builtin_convertvector((Int32Vector)(word[i] >> 8), FloatVector) * 0x1p-24F;
}

ATELIER_INLINE void load_input(const float* row, FloatVector (&values)[4]) {
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) values[i] = broadcast(row[i]);
}

ATELIER_INLINE void load_group(const float* weights, Networks& networks) {
#pragma GCC unroll 64
  for (int i = 0; i < kWeights; ++i) small_gan_weight(networks, i) = load(weights + i * kLanes);
}

// Writes a group's records.
struct Recorder {
  const SmallGanGroup& group;
  float* row;
  std::int64_t until_next;

  ATELIER_INLINE void record(const SmallGanIteration<FloatVector, Generator>& iteration) {
    if (until_next > 0) {
      --until_next;
      return;
    }
    until_next = group.record_stride - 1;
    const FloatVector values[4] = {iteration.loss_real, iteration.loss_fake, iteration.loss_generator,
                                   small_mean_square<VectorArithmetic>(iteration.generated, group.centre)};
    for (int kind = 0; kind < 4; ++kind)
      for (int lane = group.first_lane; lane < group.last_lane; ++lane)
        row[kind * group.record_kind + lane] = values[kind][lane];
    row += group.record_row;
  }
};

template <bool drawn>
ATELIER_INLINE void train(const SmallGanGroup& group) {
  Networks networks;
  load_group(group.weights, networks);
  PhiloxKeys keys;
  if constexpr (drawn) fill_philox_keys(keys, group.seeds);
  const FloatVector rate = broadcast(-2.0F * group.learning_rate);
  const auto stride = static_cast<std::uint64_t>(group.record_stride);
  const std::uint64_t done = group.first_iteration % stride;
  Recorder recorder{group, group.records, done == 0 ? 0 : static_cast<std::int64_t>(stride - done)};
  const bool recorded = group.first_lane < group.last_lane;
  for (std::int64_t i = 0; i < group.iterations; ++i) {
    FloatVector real[4];
    FloatVector fake_noise[4];
    FloatVector generator_noise[4];
    if constexpr (drawn) {
      const std::uint64_t row = group.first_iteration + static_cast<std::uint64_t>(i);
      draw_unit(keys, row, group.streams[0], real);
#pragma GCC unroll 4
      for (int n = 0; n < 4; ++n) real[n] = scaled(real[n], group.low[n], group.span[n]);
      draw_unit(keys, row, group.streams[1], fake_noise);
      draw_unit(keys, row, group.streams[2], generator_noise);
    } else {
      load_input(group.inputs[0] + i * group.input_strides[0], real);
      load_input(group.inputs[1] + i * group.input_strides[1], fake_noise);
      load_input(group.inputs[2] + i * group.input_strides[2], generator_noise);
    }
    const auto iteration =
        small_gan_iteration<VectorArithmetic>(networks, real, fake_noise, generator_noise, rate);
    if (recorded) recorder.record(iteration);
  }
#pragma GCC unroll 64
  for (int i = 0; i < kWeights; ++i) store(group.weights + i * kLanes, small_gan_weight(networks, i));
}

}  // namespace

int small_gan_lanes() {
  return kLanes;
}

void train_small_gan_group(const SmallGanGroup& group) {
  if (group.inputs[0] == nullptr)
    train<true>(group);
  else
    train<false>(group);
}

void small_gan_group_outputs(const float* weights, const std::uint64_t* seeds, std::uint64_t stream,
                             std::int64_t draws, float* mean) {
  Networks networks;
  load_group(weights, networks);
  PhiloxKeys keys;
  fill_philox_keys(keys, seeds);
  FloatVector sum[4] = {};
  for (std::int64_t row = 0; row < draws; ++row) {
    FloatVector noise[4];
    draw_unit(keys, static_cast<std::uint64_t>(row), stream, noise);
    const auto pass = small_forward<VectorArithmetic>(networks.g, noise);
    for (int i = 0; i < 4; ++i) sum[i] += pass.output[i];
  }
  for (int i = 0; i < 4; ++i) store(mean + i * kLanes, sum[i] / static_cast<float>(draws));
}

}  // namespace atelier::cpu::ATELIER_INSTRUCTION_SET
