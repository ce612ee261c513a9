#include "tools/print/halving.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

namespace atelier::tools {
namespace {

constexpr int kEightBits = 255;
constexpr int kSixteenBits = 65535;
constexpr int kPieces = 65536;  // of the encoding's table

/// IEC 61966-2-1.
double light_of(double value) {
  return value <= 0.04045 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
}
double value_of(double light) {
  return light <= 0.0031308 ? 12.92 * light : 1.055 * std::pow(light, 1 / 2.4) - 0.055;
}

std::vector<float> decoding(int highest) {
  std::vector<float> table(static_cast<std::size_t>(highest) + 1);
  for (std::size_t i = 0; i < table.size(); ++i)
    table[i] = static_cast<float>(light_of(static_cast<double>(i) / highest));
  return table;
}
const float* decoding_of_eight_bits() {
  static const std::vector<float> table = decoding(kEightBits);
  return table.data();
}
const float* decoding_of_sixteen_bits() {
  static const std::vector<float> table = decoding(kSixteenBits);
  return table.data();
}

/// sRGB values at kPieces + 1 lights; between them a straight line is off by 0.06 of a 16-bit step at most.
const float* encoding() {
  static const std::vector<float> table = [] {
    std::vector<float> values(kPieces + 1);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<float>(value_of(static_cast<double>(i) / kPieces));
    return values;
  }();
  return table.data();
}

template <class Sample>
void decode(const Sample* samples, std::int64_t count, const float* table, float* light) {
  for (std::int64_t i = 0; i < count; ++i) light[i] = table[samples[i]];
}

template <int highest, class Sample>
void encode(const float* light, std::int64_t count, Sample* samples) {
  const float* const table = encoding();
  for (std::int64_t i = 0; i < count; ++i) {
    const float place = light[i] * static_cast<float>(kPieces);
    const int piece = std::min(static_cast<int>(place), kPieces - 1);
    const float part = place - static_cast<float>(piece);
    const float value = table[piece] + part * (table[piece + 1] - table[piece]);
    // NOLINTNEXTLINE(bugprone-incorrect-roundings): never negative, and lround would not be vectorised
    samples[i] = static_cast<Sample>(value * static_cast<float>(highest) + 0.5F);
  }
}

template <int channels, class Value>
void halve_rows(const Value* upper, const Value* lower, std::int64_t width, Value* half) {
  for (std::int64_t i = 0; i < width / 2; ++i, upper += 2 * channels, lower += 2 * channels, half += channels)
    for (int c = 0; c < channels; ++c)
      half[c] = Value{0.25} * ((upper[c] + upper[c + channels]) + (lower[c] + lower[c + channels]));
  if (width % 2 != 0)
    for (int c = 0; c < channels; ++c)
      half[c] = Value{0.25} * ((upper[c] + upper[c]) + (lower[c] + lower[c]));
}

/// `row(r)` gives row r's linear values; the rows asked for last stay valid while the next one is.
template <class Value, class Row>
void halve(const Raster& picture, const Row& row, std::byte* linear, std::int64_t linear_row_bytes) {
  for (std::int64_t r = 0; r < picture.height; r += 2, linear += linear_row_bytes) {
    const Value* const upper = row(r);
    const Value* const lower = r + 1 < picture.height ? row(r + 1) : upper;
    auto* const half = reinterpret_cast<Value*>(linear);
    if (picture.channels == 1)
      halve_rows<1>(upper, lower, picture.width, half);
    else
      halve_rows<3>(upper, lower, picture.width, half);
  }
}

template <class Value>
void halve_dense(const Raster& picture, const std::byte* source, std::int64_t row_bytes, std::byte* linear,
                 std::int64_t linear_row_bytes) {
  const auto row = [&](std::int64_t r) { return reinterpret_cast<const Value*>(source + r * row_bytes); };
  halve<Value>(picture, row, linear, linear_row_bytes);
}

template <class Sample>
void halve_encoded(const Raster& picture, const std::byte* samples, const float* table, std::byte* linear,
                   std::int64_t linear_row_bytes) {
  const std::int64_t count = picture.width * picture.channels;
  std::vector<float> light(static_cast<std::size_t>(2 * count));
  const auto row = [&](std::int64_t r) {
    float* const target = light.data() + r % 2 * count;
    decode(reinterpret_cast<const Sample*>(samples) + r * count, count, table, target);
    return static_cast<const float*>(target);
  };
  halve<float>(picture, row, linear, linear_row_bytes);
}

}  // namespace

std::int64_t linear_bytes(CppnSample sample) {
  return sample == CppnSample::f64 ? sizeof(double) : sizeof(float);
}

void halve_samples(const Raster& picture, const std::byte* samples, std::byte* linear,
                   std::int64_t linear_row_bytes) {
  const std::int64_t row_bytes =
      picture.width * picture.channels * static_cast<std::int64_t>(cppn_sample_bytes(picture.sample));
  switch (picture.sample) {
    case CppnSample::u8:
    case CppnSample::u8_truncate:
      return halve_encoded<std::uint8_t>(picture, samples, decoding_of_eight_bits(), linear,
                                         linear_row_bytes);
    case CppnSample::u16:
      return halve_encoded<std::uint16_t>(picture, samples, decoding_of_sixteen_bits(), linear,
                                          linear_row_bytes);
    case CppnSample::f32:
      return halve_dense<float>(picture, samples, row_bytes, linear, linear_row_bytes);
    case CppnSample::f64:
      return halve_dense<double>(picture, samples, row_bytes, linear, linear_row_bytes);
  }
}

void halve_linear(const Raster& picture, const std::byte* source, std::int64_t source_row_bytes,
                  std::byte* linear, std::int64_t linear_row_bytes) {
  if (picture.sample == CppnSample::f64)
    halve_dense<double>(picture, source, source_row_bytes, linear, linear_row_bytes);
  else
    halve_dense<float>(picture, source, source_row_bytes, linear, linear_row_bytes);
}

void samples_of_linear(const Raster& picture, const std::byte* linear, std::int64_t linear_row_bytes,
                       std::byte* samples) {
  const std::int64_t count = picture.width * picture.channels;
  const std::int64_t row_bytes = count * static_cast<std::int64_t>(cppn_sample_bytes(picture.sample));
  for (std::int64_t r = 0; r < picture.height; ++r, linear += linear_row_bytes, samples += row_bytes) {
    const auto* const light = reinterpret_cast<const float*>(linear);
    switch (picture.sample) {
      case CppnSample::u8:
      case CppnSample::u8_truncate:
        encode<kEightBits>(light, count, reinterpret_cast<std::uint8_t*>(samples));
        break;
      case CppnSample::u16:
        encode<kSixteenBits>(light, count, reinterpret_cast<std::uint16_t*>(samples));
        break;
      default:
        std::memcpy(samples, linear, static_cast<std::size_t>(row_bytes));
    }
  }
}

}  // namespace atelier::tools
