#include "tests/tools/encoded_pictures.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

namespace atelier::testing {

using tools::PictureFormat;

namespace {

double highest(CppnSample sample) {
  return sample == CppnSample::u16 ? 65535 : 255;
}

void put(CppnSample sample, double value, std::byte* target) {
  switch (sample) {
    case CppnSample::u8:
    case CppnSample::u8_truncate: {
      const auto stored = static_cast<std::uint8_t>(value * 255 + 0.5);
      std::memcpy(target, &stored, sizeof(stored));
      break;
    }
    case CppnSample::u16: {
      const auto stored = static_cast<std::uint16_t>(value * 65535 + 0.5);
      std::memcpy(target, &stored, sizeof(stored));
      break;
    }
    case CppnSample::f32: {
      const auto stored = static_cast<float>(value);
      std::memcpy(target, &stored, sizeof(stored));
      break;
    }
    case CppnSample::f64:
      std::memcpy(target, &value, sizeof(value));
  }
}

double get(CppnSample sample, const std::byte* source) {
  switch (sample) {
    case CppnSample::u8:
    case CppnSample::u8_truncate:
      return std::to_integer<int>(*source);
    case CppnSample::u16: {
      std::uint16_t value = 0;
      std::memcpy(&value, source, sizeof(value));
      return value;
    }
    case CppnSample::f32: {
      float value = 0;
      std::memcpy(&value, source, sizeof(value));
      return value;
    }
    case CppnSample::f64: {
      double value = 0;
      std::memcpy(&value, source, sizeof(value));
      return value;
    }
  }
  return 0;
}

template <class Function>
RealPicture each(RealPicture picture, const Function& function) {
  for (double& value : picture.values) value = function(value);
  return picture;
}

}  // namespace

std::vector<std::byte> test_picture(const PictureFormat& format) {
  const std::size_t bytes = cppn_sample_bytes(format.sample);
  std::vector<std::byte> samples(static_cast<std::size_t>(format.row_bytes() * format.height));
  std::vector<double> waves(static_cast<std::size_t>(format.width * format.channels));
  for (std::size_t i = 0; i < waves.size(); ++i) waves[i] = std::sin(static_cast<double>(i) / 97);
  std::mt19937 engine(7);
  std::byte* target = samples.data();
  for (std::int64_t row = 0; row < format.height; ++row) {
    const double height = std::cos(static_cast<double>(row) / 61);
    const double* wave = waves.data();
    for (std::int64_t column = 0; column < format.width; ++column)
      for (int channel = 0; channel < format.channels; ++channel, target += bytes) {
        double value = 0.5 + 0.5 * height * *wave++;
        if (column % 300 > 260) value = (column + row) % 2 == 0 ? 1 : 0;
        if (column % 700 > 600 && row % 500 > 400) value = static_cast<double>(engine()) / 4294967296.0;
        put(format.sample, value, target);
      }
  }
  return samples;
}

void encode_parts(tools::PictureEncoder& encoder, const PictureFormat& format,
                  const std::vector<std::byte>& samples, std::int64_t first, std::int64_t end) {
  if (end < 0) end = encoder.part_count();
  const std::int64_t pixel_bytes = format.row_bytes() / format.width;
  const auto encode = [&](std::int64_t index) {
    const PixelRegion region = encoder.part(index);
    const std::int64_t row_bytes = region.width * pixel_bytes;
    std::vector<std::byte> part(static_cast<std::size_t>(row_bytes * region.height));
    EXPECT_LE(static_cast<std::int64_t>(part.size()), encoder.largest_part_bytes());
    for (std::int64_t row = 0; row < region.height; ++row)
      std::memcpy(part.data() + row * row_bytes,
                  samples.data() + (region.row + row) * format.row_bytes() + region.column * pixel_bytes,
                  static_cast<std::size_t>(row_bytes));
    return encoder.encode(index, part.data());
  };
  for (std::int64_t index = first; index < end; index += 2) {
    auto later = index + 1 < end ? encode(index + 1) : nullptr;
    encoder.store(index, encode(index));
    if (later) encoder.store(index + 1, std::move(later));
  }
}

RealPicture real_picture(const PictureFormat& format, const std::vector<std::byte>& samples) {
  RealPicture picture{format.width, format.height, format.channels, {}};
  const std::size_t bytes = cppn_sample_bytes(format.sample);
  const double scale = has_encoded_samples(format) ? 1 / highest(format.sample) : 1;
  for (std::size_t i = 0; i < samples.size(); i += bytes)
    picture.values.push_back(get(format.sample, samples.data() + i) * scale);
  return picture;
}

RealPicture linear_of(RealPicture picture) {
  return each(std::move(picture), [](double value) {
    return value <= 0.04045 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
  });
}

RealPicture encoded_of(RealPicture picture) {
  return each(std::move(picture), [](double light) {
    return light <= 0.0031308 ? light * 12.92 : std::pow(light, 1 / 2.4) * 1.055 - 0.055;
  });
}

RealPicture half_of(const RealPicture& linear) {
  RealPicture half{(linear.width + 1) / 2, (linear.height + 1) / 2, linear.channels, {}};
  const auto at = [&](std::int64_t column, std::int64_t row, int channel) {
    column = std::min(column, linear.width - 1);
    row = std::min(row, linear.height - 1);
    return linear.values[static_cast<std::size_t>((row * linear.width + column) * linear.channels + channel)];
  };
  for (std::int64_t row = 0; row < half.height; ++row)
    for (std::int64_t column = 0; column < half.width; ++column)
      for (int channel = 0; channel < half.channels; ++channel) {
        double sum = 0;
        for (int neighbour = 0; neighbour < 4; ++neighbour)
          sum += at(2 * column + neighbour % 2, 2 * row + neighbour / 2, channel);
        half.values.push_back(sum / 4);
      }
  return half;
}

void expect_near(const RealPicture& reference, const PictureFormat& format,
                 const std::vector<std::byte>& samples, double slack) {
  const RealPicture picture = real_picture(format, samples);
  ASSERT_EQ(picture.values.size(), reference.values.size());
  const double tolerance = has_encoded_samples(format)        ? (0.5 + slack) / highest(format.sample)
                           : format.sample == CppnSample::f32 ? 1e-6
                                                              : 1e-14;
  double worst = 0;
  std::size_t place = 0;
  for (std::size_t i = 0; i < picture.values.size(); ++i) {
    const double error = std::abs(picture.values[i] - reference.values[i]);
    const bool both_nan = std::isnan(picture.values[i]) && std::isnan(reference.values[i]);
    if (!both_nan && !(error <= worst)) {
      worst = error;
      place = i;
      if (std::isnan(error)) break;
    }
  }
  EXPECT_TRUE(worst <= tolerance) << "value " << place << " of a picture of " << picture.width << "x"
                                  << picture.height << " is " << picture.values[place] << ", should be "
                                  << reference.values[place] << " (error " << worst << ", allowed "
                                  << tolerance << ")";
}

}  // namespace atelier::testing
