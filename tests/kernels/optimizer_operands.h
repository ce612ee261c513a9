#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "kernels/noise_function.h"
#include "kernels/optimizer.h"
#include "runtime/buffer.h"
#include "runtime/stream.h"

/// Parameters, gradients and moments on a device, and single steps of the optimisers on them.
namespace atelier::testing::optimizers {

using Floats = std::vector<float>;
inline constexpr float kCanary = 1234567.0F;

struct State {
  Floats parameters;
  Floats gradients;
  Floats first;
  Floats second;
};

// Numbers as training has them; the second moment is no smaller than the square of the first.
inline State random_state(std::int64_t size, std::uint64_t seed) {
  State state;
  for (std::int64_t i = 0; i < size; ++i) {
    const auto index = static_cast<std::uint64_t>(i);
    state.parameters.push_back(normal_element({seed, 0}, index, 0.0F, 0.5F));
    state.gradients.push_back(normal_element({seed, 1}, index, 0.0F, 0.1F));
    state.first.push_back(normal_element({seed, 2}, index, 0.0F, 0.1F));
    const float spread = uniform_element({seed, 3}, index, 0.0F, 0.1F);
    state.second.push_back(state.first.back() * state.first.back() + spread * spread);
  }
  return state;
}

inline std::vector<std::uint32_t> bits(const Floats& values) {
  std::vector<std::uint32_t> result;
  for (const float value : values) result.push_back(std::bit_cast<std::uint32_t>(value));
  return result;
}

template <std::size_t kSize>
Floats from_bits(const std::uint32_t (&values)[kSize]) {
  Floats result;
  for (const std::uint32_t value : values) result.push_back(std::bit_cast<float>(value));
  return result;
}

// One run of floats on a device, `offset` floats from an aligned address, between canaries.
class FencedFloats {
 public:
  FencedFloats(Stream& stream, const Floats& values, std::int64_t offset = 0)
      : stream_(stream),
        offset_(offset + 4),
        size_(static_cast<std::int64_t>(values.size())),
        buffer_(stream, offset_ + size_ + 5) {
    Floats all(static_cast<std::size_t>(buffer_.size()), kCanary);
    std::copy(values.begin(), values.end(), all.begin() + offset_);
    upload<float>(stream, buffer_.view(), all);
  }
  [[nodiscard]] VectorView<float> view() const { return buffer_.view().part(offset_, size_); }
  [[nodiscard]] Floats values() const {
    const Floats all = download<float>(stream_, buffer_.view());
    const auto begin = all.begin() + offset_;
    const auto end = begin + size_;
    const auto is_canary = [](float x) { return x == kCanary; };
    EXPECT_TRUE(std::all_of(all.begin(), begin, is_canary)) << "before the run";
    EXPECT_TRUE(std::all_of(end, all.end(), is_canary)) << "after the run";
    return {begin, end};
  }

 private:
  Stream& stream_;
  std::int64_t offset_;
  std::int64_t size_;
  Buffer<float> buffer_;
};

// Learning rate and step counter in device memory.
struct Controls {
  Controls(Stream& stream, float rate, std::uint64_t count = 0)
      : learning_rate(stream, 1), counter(stream, 1) {
    upload<float>(stream, learning_rate.view(), Floats{rate});
    upload<std::uint64_t>(stream, counter.view(), std::vector<std::uint64_t>{count});
  }
  [[nodiscard]] AdamSettings adam(double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8) const {
    return {learning_rate.data(), beta1, beta2, epsilon, {counter.data(), 1, 1}};
  }
  Buffer<float> learning_rate;
  Buffer<std::uint64_t> counter;
};

inline Floats sgd(Stream& stream, const State& state, float rate, const std::int64_t (&offset)[2] = {0, 0}) {
  const Controls controls(stream, rate);
  const FencedFloats parameters(stream, state.parameters, offset[0]);
  const FencedFloats gradients(stream, state.gradients, offset[1]);
  sgd_step(stream, parameters.view(), gradients.view(), {controls.learning_rate.data()});
  EXPECT_EQ(bits(gradients.values()), bits(state.gradients));
  return parameters.values();
}

inline State adam(Stream& stream, const State& state, float rate, std::uint64_t step,
                  const std::int64_t (&offset)[4] = {0, 0, 0, 0}) {
  const Controls controls(stream, rate, step - 1);
  const FencedFloats parameters(stream, state.parameters, offset[0]);
  const FencedFloats gradients(stream, state.gradients, offset[1]);
  const FencedFloats first(stream, state.first, offset[2]);
  const FencedFloats second(stream, state.second, offset[3]);
  adam_step(stream, parameters.view(), gradients.view(), first.view(), second.view(), controls.adam());
  return {parameters.values(), gradients.values(), first.values(), second.values()};
}

}  // namespace atelier::testing::optimizers
