#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tools/image/picture_writer.h"
#include "tools/print/picture_encoder.h"

namespace atelier::testing {

/// Dense rows of a picture that is smooth here, hard there and noisy in a corner, so that every way of
/// packing meets something; the same for the same format.
[[nodiscard]] std::vector<std::byte> test_picture(const tools::PictureFormat& format);

/// Encodes parts `first` to `end` - 1 (all, when it is negative), each copied out of the picture, in pairs of
/// the wrong order, and stores them in the right one.
void encode_parts(tools::PictureEncoder& encoder, const tools::PictureFormat& format,
                  const std::vector<std::byte>& samples, std::int64_t first = 0, std::int64_t end = -1);

/// A picture as real numbers: 8 and 16 bits as sRGB values of 0..1.
struct RealPicture {
  std::int64_t width = 0;
  std::int64_t height = 0;
  int channels = 1;
  std::vector<double> values;
};
[[nodiscard]] RealPicture real_picture(const tools::PictureFormat& format,
                                       const std::vector<std::byte>& samples);
/// Half of it in each direction: means of 2 x 2 in linear light when `encoded`, else as they are; the last
/// column or row of an odd side counts twice. Values in and out are linear.
[[nodiscard]] RealPicture half_of(const RealPicture& linear);
[[nodiscard]] RealPicture linear_of(RealPicture picture);
[[nodiscard]] RealPicture encoded_of(RealPicture picture);
/// Whether the samples are integers, which stand for sRGB values.
[[nodiscard]] inline bool has_encoded_samples(const tools::PictureFormat& format) {
  return cppn_sample_bytes(format.sample) <= 2;
}

/// Fails unless every value is as near to the reference as its depth allows: half a step and `slack` steps
/// more; floats to 1e-6 or 1e-14 of 1. NaN must meet NaN.
void expect_near(const RealPicture& reference, const tools::PictureFormat& format,
                 const std::vector<std::byte>& samples, double slack);

}  // namespace atelier::testing
