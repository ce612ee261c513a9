// The kernel that makes pixels of points in the checking build: right values, no alarm. The same test linked
// with a kernel into which a bug was planted must fail (product_resolve.cmake).
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/resolve.h"
#include "runtime/buffer.h"
#include "runtime/simt/checker.h"
#include "runtime/simt/options.h"
#include "tests/devices.h"
#include "tests/kernels/resolve_reference.h"

namespace atelier {
namespace {

template <class T>
std::vector<T> resolve(const std::vector<float>& colors, const PixelRegion& region, const PixelResolve& how,
                       const std::vector<float>& palette) {
  Stream stream{Device(DeviceKind::simt)};
  const Buffer<float> values(stream, static_cast<std::int64_t>(colors.size()));
  upload<float>(stream, values.view(), colors);
  const Buffer<float> table(stream, static_cast<std::int64_t>(palette.size()));
  upload<float>(stream, table.view(), palette);
  const std::int64_t row_bytes = region.width * how.output_channels() * static_cast<std::int64_t>(sizeof(T));
  const Buffer<std::byte> output(stream, region.height * row_bytes);
  resolve_pixels(stream, values.view(), region, how, table.view(), output.view(), row_bytes);
  const auto bytes = download<std::byte>(stream, output.view());
  std::vector<T> result(bytes.size() / sizeof(T));
  std::memcpy(result.data(), bytes.data(), bytes.size());
  return result;
}

void check(const PixelResolve& how, std::int64_t width, std::int64_t height) {
  const auto colors = testing::random_colors(width * height * how.samples * how.samples * how.channels, 5);
  const auto palette = how.color == CppnColor::palette ? testing::palette_numbers() : std::vector<float>{};
  const auto found = resolve<float>(colors, {0, 0, width, height}, how, palette);
  const auto expected = testing::resolve_reference(how, palette, colors, width, height);
  ASSERT_EQ(found.size(), expected.size());
  testing::WorstError worst;
  for (std::size_t i = 0; i < expected.size(); ++i)
    worst.add(std::fabs(static_cast<double>(found[i]) - expected[i]));
  EXPECT_LE(worst.value(), how.color == CppnColor::oklch ? 3e-4 : 2e-6);
}

TEST(ProductResolve, ColoursAndAverages) {
  for (const CppnColor color : {CppnColor::rgb, CppnColor::hsv, CppnColor::oklch, CppnColor::palette})
    for (const int channels : {1, 3})
      if (channels == 3 || color != CppnColor::oklch) check({channels, 2, color, CppnSample::f32}, 19, 9);
  check({3, 5, CppnColor::rgb, CppnSample::f32}, 5, 3);
  check({3, 1, CppnColor::oklch, CppnSample::f32}, 37, 5);
  check({1, 1, CppnColor::palette, CppnSample::f32}, 37, 5);
}

TEST(ProductResolve, ACutLeavesTheSameNoise) {
  const PixelResolve how{3, 1, CppnColor::rgb, CppnSample::u16, true};
  const auto colors = testing::random_colors(30 * 10 * 3, 9);
  const auto whole = resolve<std::uint16_t>(colors, {1000, 70, 30, 10}, how, {});
  std::vector<float> part_colors;
  for (std::size_t row = 4; row < 9; ++row)
    part_colors.insert(part_colors.end(), colors.begin() + static_cast<std::ptrdiff_t>((row * 30 + 7) * 3),
                       colors.begin() + static_cast<std::ptrdiff_t>((row * 30 + 27) * 3));
  const auto part = resolve<std::uint16_t>(part_colors, {1007, 74, 20, 5}, how, {});
  double moved = 0;
  for (std::size_t row = 0; row < 5; ++row)
    for (std::size_t i = 0; i < 60; ++i) {
      const std::size_t place = ((row + 4) * 30 + 7) * 3 + i;
      EXPECT_EQ(part[row * 60 + i], whole[place]);
      const double steps = 65535 * testing::limited(static_cast<double>(colors[place]));
      EXPECT_LE(std::fabs(whole[place] - steps), 1.51);
      moved += std::fabs(whole[place] - steps);
    }
  // The mean distance of a value with triangular noise from itself is a good third of a step, 1/4 without
  // noise.
  EXPECT_GT(moved / 300, 0.3);
}

TEST(ProductResolve, EveryAccessIsChecked) {
  const std::uint64_t before = simt::executor::accesses_checked();
  check({3, 2, CppnColor::rgb, CppnSample::f32}, 19, 9);
  EXPECT_GT(simt::executor::accesses_checked(), before + 19 * 9 * 12);
}

}  // namespace
}  // namespace atelier
