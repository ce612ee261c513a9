#include "models/torch_generator.h"

#include <cmath>
#include <numbers>

namespace atelier {
namespace {

constexpr std::size_t kBlock = 16;

/// Turns 16 uniforms into 16 normal numbers: element j gives the radius, element j + 8 the angle.
void box_muller(std::span<float, kBlock> values, float mean, float deviation) {
  for (std::size_t j = 0; j < kBlock / 2; ++j) {
    const float from_one = 1.0F - values[j];
    const auto logarithm = static_cast<float>(std::log(static_cast<double>(from_one)));
    const float radius = std::sqrt(-2.0F * logarithm);
    const float angle = 2.0F * std::numbers::pi_v<float> * values[j + 8];
    values[j] = radius * static_cast<float>(std::cos(static_cast<double>(angle))) * deviation + mean;
    values[j + 8] = radius * static_cast<float>(std::sin(static_cast<double>(angle))) * deviation + mean;
  }
}

}  // namespace

TorchGenerator::TorchGenerator(std::uint64_t seed) {
  state_[0] = static_cast<std::uint32_t>(seed);
  for (std::size_t i = 1; i < kWords; ++i) {
    const std::uint32_t previous = state_[i - 1];
    state_[i] = 1812433253U * (previous ^ (previous >> 30)) + static_cast<std::uint32_t>(i);
  }
}

void TorchGenerator::twist() {
  constexpr std::size_t kShift = 397;
  for (std::size_t i = 0; i < kWords; ++i) {
    const std::uint32_t joined = (state_[i] & 0x80000000U) | (state_[(i + 1) % kWords] & 0x7FFFFFFFU);
    state_[i] = state_[(i + kShift) % kWords] ^ (joined >> 1) ^ ((joined & 1U) != 0 ? 0x9908B0DFU : 0U);
  }
  position_ = 0;
}

std::uint32_t TorchGenerator::next_word() {
  if (position_ == kWords) twist();
  std::uint32_t word = state_[position_++];
  word ^= word >> 11;
  word ^= (word << 7) & 0x9D2C5680U;
  word ^= (word << 15) & 0xEFC60000U;
  return word ^ (word >> 18);
}

float TorchGenerator::next_uniform() {
  return static_cast<float>(next_word() & 0xFFFFFFU) * 0x1p-24F;
}

double TorchGenerator::next_uniform_double() {
  const std::uint64_t high = next_word();
  const std::uint64_t low = next_word();
  return static_cast<double>(((high << 32) | low) & ((std::uint64_t{1} << 53) - 1)) * 0x1p-53;
}

double TorchGenerator::next_normal_double() {
  if (spare_normal_) {
    const double spare = *spare_normal_;
    spare_normal_.reset();
    return spare;
  }
  const double angle = 2.0 * std::numbers::pi * next_uniform_double();
  const double radius = std::sqrt(-2.0 * std::log1p(-next_uniform_double()));
  spare_normal_ = radius * std::sin(angle);
  return radius * std::cos(angle);
}

void TorchGenerator::fill_uniform(std::span<float> values, float low, float high) {
  for (float& value : values) value = std::fma(next_uniform(), high - low, low);
}

void TorchGenerator::fill_normal(std::span<float> values, double mean, double deviation) {
  if (values.size() < kBlock) {
    for (float& value : values) value = static_cast<float>(next_normal_double() * deviation + mean);
    return;
  }
  const auto fp32_mean = static_cast<float>(mean);
  const auto fp32_deviation = static_cast<float>(deviation);
  for (float& value : values) value = next_uniform();
  for (std::size_t first = 0; first + kBlock <= values.size(); first += kBlock)
    box_muller(values.subspan(first).first<kBlock>(), fp32_mean, fp32_deviation);
  if (values.size() % kBlock != 0) {
    const auto last = values.last<kBlock>();
    for (float& value : last) value = next_uniform();
    box_muller(last, fp32_mean, fp32_deviation);
  }
}

}  // namespace atelier
