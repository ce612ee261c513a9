#pragma once

#include <cstdint>

#include "kernels/batch_one_gan_step.cuh"
#include "kernels/gather_launch.h"
#include "kernels/noise_function.h"
#include "runtime/kernel.cuh"

// What an iteration takes from outside: its picture, its noise and its optimisers' factors; and how
// parameters come into a block's shared memory and leave it.

namespace atelier::ATELIER_DEVICE_NAMESPACE {
namespace {

/// What a launch works on.
struct ResidentCall {
  ResidentPlan plan;
  BatchOneGan gan;
  BatchOneGanTraining training;
  uint4* mail;
};

/// Units that the calling block owns.
struct Share {
  int first;
  int count;
};
__device__ inline Share own_share(int share, int units) {
  const int first = min(static_cast<int>(blockIdx.x) * share, units);
  return {first, min(share, units - first)};
}

/// Elements latent t … latent (t + 1) - 1 of fill_normal's numbers; by the threads from `thread` on, of
/// `threads`.
__device__ inline void draw_noise(PhiloxStream random, std::uint64_t iteration, int latent, float* noise,
                                  int thread, int threads) {
  const std::uint64_t first = static_cast<std::uint64_t>(latent) * iteration;
  const int skipped = static_cast<int>(first % 4);
#pragma unroll 1
  for (int block = thread; 4 * block - skipped < latent; block += threads) {
    const PhiloxBlock words = philox_block(random, first / 4 + static_cast<std::uint64_t>(block));
    const NormalPair a = normal_from_words(words.word[0], words.word[1]);
    const NormalPair b = normal_from_words(words.word[2], words.word[3]);
    const float number[4] = {a.first, a.second, b.first, b.second};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int place = 4 * block + i - skipped;
      if (place >= 0 && place < latent) noise[place] = fused_product_sum(1.0F, number[i], 0.0F);
    }
  }
}

/// Inputs of a launch's iteration `local` (0, 1, …), into the places for `local`'s parity.
class Inputs {
 public:
  __device__ Inputs(const ResidentCall& call, float* shared) : call_(call), shared_(shared) {}

  /// Which picture it is, by one thread: loads of the order and of the picture need not wait for one another.
  __device__ void find_picture(std::int64_t local) const {
    *row_of(local) = batch_row(call_.training.order, iteration(local), 0, call_.training.pictures.rows);
  }

  /// The rest, by the block.
  __device__ void prepare(std::int64_t local) const {
    const ResidentPlan& plan = call_.plan;
    const BatchOneGanTraining& training = call_.training;
    const int thread = static_cast<int>(threadIdx.x);
    const int half = static_cast<int>(local & 1);
    const std::uint8_t* const picture = training.pictures.data + *row_of(local) * training.pictures.stride;
#pragma unroll 1
    for (int i = thread; i < plan.pixels; i += kThreads)
      shared_[plan.picture[half] + i] = rounded_quotient(static_cast<float>(__ldg(picture + i)), 255.0F);
    float* const fake_noise = shared_ + plan.fake_noise[half];
    float* const generator_noise = shared_ + plan.generator_noise[half];
    const std::int64_t row = min(local, training.iterations - 1);
    if (training.given_fake_noise.data != nullptr) {
#pragma unroll 1
      for (int i = thread; i < plan.latent; i += kThreads) {
        fake_noise[i] = training.given_fake_noise(row, i);
        generator_noise[i] = training.given_generator_noise(row, i);
      }
    } else if (thread < kThreads / 2) {
      draw_noise(training.fake_noise, iteration(local), plan.latent, fake_noise, thread, kThreads / 2);
    } else {
      draw_noise(training.generator_noise, iteration(local), plan.latent, generator_noise,
                 thread - kThreads / 2, kThreads / 2);
    }
    // The last threads have the fewest pixels.
    const int step = kThreads - 1 - thread;
    if (step < 3) factors(local)[step] = make_factors(step, iteration(local));
  }

  [[nodiscard]] __device__ StepFactors* factors(std::int64_t local) const {
    return reinterpret_cast<StepFactors*>(shared_ + call_.plan.factors[local & 1]);
  }

 private:
  // The last iteration prepares itself once more for one that does not follow.
  [[nodiscard]] __device__ std::uint64_t iteration(std::int64_t local) const {
    return call_.training.first_iteration +
           static_cast<std::uint64_t>(min(local, call_.training.iterations - 1));
  }
  [[nodiscard]] __device__ std::int64_t* row_of(std::int64_t local) const {
    return reinterpret_cast<std::int64_t*>(shared_ + call_.plan.picture_row[local & 1]);
  }
  [[nodiscard]] __device__ StepFactors make_factors(int step, std::uint64_t iteration) const {
    if (step == 2) return step_factors(call_.gan.generator, iteration + 1);
    return step_factors(call_.gan.discriminator, 2 * iteration + 1 + static_cast<std::uint64_t>(step));
  }

  const ResidentCall& call_;
  float* shared_;
};

/// Copies `count` numbers of an owned array and their moments into shared memory, or back. place(index) is
/// the address of the parameter.
template <bool load, class Place>
__device__ inline void transfer(float* shared, OwnedArray array, int count, const TwoLayerNetwork& network,
                                Place place) {
  float* const values = shared + array.at;
#pragma unroll 1
  for (int index = static_cast<int>(threadIdx.x); index < count; index += kThreads) {
    float* const parameter = place(index);
    const std::int64_t offset = parameter - network.parameters.data;
    const auto copy = [&](float* outside, float& inside) {
      if constexpr (load) {
        inside = *outside;
      } else {
        *outside = inside;
      }
    };
    copy(parameter, values[index]);
    if (network.first_moment.data == nullptr) continue;
    copy(network.first_moment.data + offset, values[array.size + index]);
    copy(network.second_moment.data + offset, values[2 * array.size + index]);
  }
}

/// All that the calling block owns.
template <bool load>
__device__ inline void transfer_networks(const ResidentCall& call, float* shared) {
  const ResidentPlan& plan = call.plan;
  const TwoLayerNetwork& d = call.gan.discriminator;
  const TwoLayerNetwork& g = call.gan.generator;
  const Share pixel = own_share(plan.pixel_share, plan.pixels);
  const Share unit = own_share(plan.hidden_share, plan.hidden);
  const Share feature = own_share(plan.feature_share, plan.features);
  transfer<load>(shared, plan.d_rows, unit.count * plan.pixels, d, [&](int index) {
    return &d.hidden_weight(unit.first + index / plan.pixels, index % plan.pixels);
  });
  transfer<load>(shared, plan.hidden_bias, unit.count, d,
                 [&](int index) { return &d.hidden_bias[unit.first + index]; });
  transfer<load>(shared, plan.g_rows, pixel.count * plan.features, g, [&](int index) {
    return &g.output_weight(pixel.first + index / plan.features, index % plan.features);
  });
  transfer<load>(shared, plan.pixel_bias, pixel.count, g,
                 [&](int index) { return &g.output_bias[pixel.first + index]; });
  transfer<load>(shared, plan.g_first, feature.count * plan.latent, g, [&](int index) {
    return &g.hidden_weight(feature.first + index / plan.latent, index % plan.latent);
  });
  transfer<load>(shared, plan.feature_bias, feature.count, g,
                 [&](int index) { return &g.hidden_bias[feature.first + index]; });
  if (!g.gamma.empty()) {
    transfer<load>(shared, plan.gamma, feature.count, g,
                   [&](int index) { return &g.gamma[feature.first + index]; });
    transfer<load>(shared, plan.beta, feature.count, g,
                   [&](int index) { return &g.beta[feature.first + index]; });
  }
  if (load) {  // of the two copies the rows are written back
    transfer<load>(shared, plan.d_columns, pixel.count * plan.hidden, d, [&](int index) {
      return &d.hidden_weight(index % plan.hidden, pixel.first + index / plan.hidden);
    });
    transfer<load>(shared, plan.g_columns, feature.count * plan.pixels, g, [&](int index) {
      return &g.output_weight(index % plan.pixels, feature.first + index / plan.pixels);
    });
  }
  if (load || blockIdx.x == 0)
    transfer<load>(shared, plan.head, plan.head.size, d, [&](int index) {
      if (index < plan.hidden) return &d.output_weight(0, index);
      if (index == plan.head.size - 1) return &d.output_bias[0];
      return index < 2 * plan.hidden ? &d.gamma[index - plan.hidden] : &d.beta[index - 2 * plan.hidden];
    });
}

}  // namespace
}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
