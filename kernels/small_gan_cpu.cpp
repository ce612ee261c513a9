#include <algorithm>
#include <cstdint>

#include "kernels/cpu/small_gan_vector.h"
#include "kernels/noise_function.h"
#include "kernels/small_gan_launch.h"
#include "runtime/instruction_set.h"
#include "runtime/parallel.h"

// A group of GANs a vector's lanes; threads take groups. The last group's surplus lanes repeat its last GAN.
namespace atelier::cpu {
namespace {

struct VectorCode {
  int lanes;
  void (*train)(const SmallGanGroup&);
  void (*outputs)(const float*, const std::uint64_t*, std::uint64_t, std::int64_t, float*);
};

#define ATELIER_VECTOR_CODE(set)                                                     \
  VectorCode {                                                                       \
    set::small_gan_lanes(), set::train_small_gan_group, set::small_gan_group_outputs \
  }

VectorCode vector_code() {
  switch (instruction_set()) {
#if defined(ATELIER_X86)
    case InstructionSet::avx512:
      return ATELIER_VECTOR_CODE(avx512);
    case InstructionSet::avx2:
      return ATELIER_VECTOR_CODE(avx2);
#endif
    default:
      return ATELIER_VECTOR_CODE(portable);
  }
}

// Iterations of a group that are worth another thread: some tens of microseconds.
constexpr std::int64_t kWorthwhileIterations = 200;

std::int64_t grain(std::int64_t iterations) {
  return std::max<std::int64_t>(1, kWorthwhileIterations / std::max<std::int64_t>(1, iterations));
}

// The weights and seeds of the GANs [first, first + present) as a group of `lanes`.
struct Group {
  alignas(64) float weights[kSmallGanWeights * kMostSmallGanLanes];
  std::uint64_t seeds[kMostSmallGanLanes];
  std::int64_t first;
  int lanes;
  int present;

  Group(MatrixView<const float> fleet, VectorView<const std::uint64_t> fleet_seeds, std::int64_t group,
        int width)
      : first(group * width),
        lanes(width),
        present(static_cast<int>(std::min<std::int64_t>(width, fleet.columns - first))) {
    for (int row = 0; row < kSmallGanWeights; ++row)
      for (int lane = 0; lane < lanes; ++lane) weights[row * lanes + lane] = fleet(row, column(lane));
    for (int lane = 0; lane < lanes; ++lane)
      seeds[lane] = fleet_seeds.size == 0 ? 0 : fleet_seeds[column(lane)];
  }
  [[nodiscard]] std::int64_t column(int lane) const { return first + std::min(lane, present - 1); }
  void store(MatrixView<float> fleet) const {
    for (int row = 0; row < kSmallGanWeights; ++row)
      for (int lane = 0; lane < present; ++lane) fleet(row, first + lane) = weights[row * lanes + lane];
  }
};

void set_inputs(SmallGanGroup& group, const SmallGanInputs& inputs) {
  const MatrixView<const float> rows[] = {inputs.real, inputs.fake_noise, inputs.generator_noise};
  for (int i = 0; i < 3; ++i) {
    group.inputs[i] = rows[i].data;
    group.input_strides[i] = rows[i].stride;
  }
}

void set_records(SmallGanGroup& group, const SmallGanRecords& records, const Group& members) {
  const std::int64_t from = std::max(records.first_gan, members.first);
  const std::int64_t to = std::min(records.first_gan + records.gans, members.first + members.present);
  group.record_stride = records.stride;
  group.record_row = records.values.stride;
  group.record_kind = records.gans;
  if (from >= to) return;
  group.first_lane = static_cast<int>(from - members.first);
  group.last_lane = static_cast<int>(to - members.first);
  group.records = records.values.data + (members.first - records.first_gan);
}

void train_group(const VectorCode& code, const SmallGanCall& call, std::int64_t index) {
  Group members(call.weights, call.seeds, index, code.lanes);
  SmallGanGroup group{};
  group.weights = members.weights;
  group.seeds = members.seeds;
  group.streams[0] = kSmallGanRealStream;
  group.streams[1] = kSmallGanFakeNoiseStream;
  group.streams[2] = kSmallGanGeneratorNoiseStream;
  group.first_iteration = call.first_iteration;
  group.iterations = call.iterations;
  group.learning_rate = call.learning_rate;
  std::copy_n(call.real.low, kSmallGanPattern, group.low);
  std::copy_n(call.real.span, kSmallGanPattern, group.span);
  std::copy_n(call.centre, kSmallGanPattern, group.centre);
  set_inputs(group, call.inputs);
  set_records(group, call.records, members);
  code.train(group);
  members.store(call.weights);
}

std::int64_t groups_of(std::int64_t gans, int lanes) {
  return (gans + lanes - 1) / lanes;
}

}  // namespace

void fill_patterns(Stream& stream, MatrixView<float> destination, PhiloxStream random,
                   DeviceCounter first_row, const PatternSpan& range) {
  constexpr std::int64_t kGrain = 4096;
  stream.enqueue("fill_patterns", [=] {
    parallel_for(destination.rows, kGrain, [&](std::int64_t begin, std::int64_t end) {
      const std::uint64_t first = read_counter(first_row);
      for (std::int64_t row = begin; row < end; ++row) {
        const PhiloxBlock block = philox_block(random, first + static_cast<std::uint64_t>(row));
        for (int i = 0; i < kSmallGanPattern; ++i)
          destination(row, i) = uniform_from_word(block.word[i], range.low[i], range.span[i]);
      }
    });
  });
}

void initialise_small_gans(Stream& stream, MatrixView<float> weights, VectorView<const std::uint64_t> seeds) {
  constexpr std::int64_t kGrain = 128;
  constexpr int kRows[] = {0, kSmallGanHiddenOfD * kSmallGanPattern, kSmallGanWeightsOfD,
                           kSmallGanWeightsOfD + kSmallGanHiddenOfG * kSmallGanNoise, kSmallGanWeights};
  constexpr std::uint64_t kStreams[] = {kSmallGanStreamOfD, kSmallGanStreamOfD + 4, kSmallGanStreamOfG,
                                        kSmallGanStreamOfG + 4};
  const SmallGanBounds bounds = small_gan_bounds();
  stream.enqueue("initialise_small_gans", [=] {
    const float half_width[] = {bounds.discriminator[0], bounds.discriminator[1], bounds.generator[0],
                                bounds.generator[1]};
    parallel_for(weights.columns, kGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t gan = begin; gan < end; ++gan)
        for (int layer = 0; layer < 4; ++layer)
          for (int row = kRows[layer]; row < kRows[layer + 1]; ++row)
            weights(row, gan) =
                uniform_element({seeds[gan], kStreams[layer]}, static_cast<std::uint64_t>(row - kRows[layer]),
                                -half_width[layer], half_width[layer]);
    });
  });
}

void train_small_gans(Stream& stream, const SmallGanCall& call) {
  stream.enqueue("train_small_gans", [call, code = vector_code()] {
    parallel_for(groups_of(call.weights.columns, code.lanes), grain(call.iterations),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t group = begin; group < end; ++group) train_group(code, call, group);
                 });
  });
}

void small_gan_outputs(Stream& stream, MatrixView<const float> weights, VectorView<const std::uint64_t> seeds,
                       std::int64_t draws, MatrixView<float> mean) {
  stream.enqueue("small_gan_outputs", [=, code = vector_code()] {
    parallel_for(groups_of(weights.columns, code.lanes), grain(draws / 4),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t index = begin; index < end; ++index) {
                     const Group members(weights, seeds, index, code.lanes);
                     alignas(64) float result[kSmallGanPattern * kMostSmallGanLanes];
                     code.outputs(members.weights, members.seeds, kSmallGanJudgeNoiseStream, draws, result);
                     for (int i = 0; i < kSmallGanPattern; ++i)
                       for (int lane = 0; lane < members.present; ++lane)
                         mean(i, members.first + lane) = result[i * code.lanes + lane];
                   }
                 });
  });
}

}  // namespace atelier::cpu
