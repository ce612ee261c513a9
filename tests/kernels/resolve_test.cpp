#include "kernels/resolve.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "runtime/buffer.h"
#include "tests/devices.h"
#include "tests/kernels/every_instruction_set.h"
#include "tests/kernels/resolve_reference.h"

// Points to pixels, against a reference in double that follows the definitions: IEC 61966-2-1, Ottosson's
// OKLab, Smith's hexcone.
namespace atelier {
namespace {

using testing::in_gamut;
using testing::light_of;
using testing::limited;
using testing::palette_numbers;
using testing::random_colors;
using testing::resolve_reference;
using testing::Triple;
using testing::value_of;

class Resolve : public testing::EveryInstructionSet {
 protected:
  Stream stream_{GetParam()};

  template <class T>
  std::vector<T> resolve(const std::vector<float>& colors, const PixelRegion& region, const PixelResolve& how,
                         const std::vector<float>& palette = {}) {
    const Buffer<float> values(stream_, static_cast<std::int64_t>(colors.size()));
    upload<float>(stream_, values.view(), colors);
    const Buffer<float> table(stream_, static_cast<std::int64_t>(palette.size()));
    upload<float>(stream_, table.view(), palette);
    const std::int64_t count = region.width * region.height * how.output_channels();
    const Buffer<std::byte> output(stream_, count * static_cast<std::int64_t>(sizeof(T)));
    resolve_pixels(stream_, values.view(), region, how, table.view(), output.view(),
                   region.width * how.output_channels() * static_cast<std::int64_t>(sizeof(T)));
    const auto bytes = download<std::byte>(stream_, output.view());
    std::vector<T> result(static_cast<std::size_t>(count));
    std::memcpy(result.data(), bytes.data(), bytes.size());
    return result;
  }
};

TEST_P(Resolve, ColoursAndAveragesFollowTheirDefinitions) {
  for_each_set([&] {
    for (const CppnColor color : {CppnColor::rgb, CppnColor::hsv, CppnColor::oklch, CppnColor::palette})
      for (const int channels : {1, 3})
        for (const int samples : {1, 2, 3, 16}) {
          if (channels == 1 && color == CppnColor::oklch) continue;
          if (samples == 1 && color <= CppnColor::hsv) continue;  // another test's
          const PixelResolve how{channels, samples, color, CppnSample::f32};
          const std::int64_t width = samples == 16 ? 5 : 37;
          const std::int64_t height = samples == 16 ? 2 : 9;
          const auto colors = random_colors(width * height * samples * samples * channels, 7);
          const auto palette = color == CppnColor::palette ? palette_numbers() : std::vector<float>{};
          const auto found = resolve<float>(colors, {0, 0, width, height}, how, palette);
          const auto expected = resolve_reference(how, palette, colors, width, height);
          ASSERT_EQ(found.size(), expected.size());
          testing::WorstError worst;
          for (std::size_t i = 0; i < expected.size(); ++i)
            worst.add(std::fabs(static_cast<double>(found[i]) - expected[i]));
          // A cut chroma is off by 2^-16 of itself, most of all in the darkest channel, where sRGB is steep.
          EXPECT_LE(worst.value(), color == CppnColor::oklch ? 3e-4 : 2e-6)
              << "color " << static_cast<int>(color) << ", " << channels << " channels, " << samples
              << " samples";
        }
  });
}

TEST_P(Resolve, OnePointOfPlainColourIsStoredAsItIs) {
  for_each_set([&] {
    const auto colors = random_colors(33 * 5 * 3, 3);
    const PixelResolve how{3, 1, CppnColor::rgb, CppnSample::f32};
    EXPECT_EQ(resolve<float>(colors, {0, 0, 33, 5}, how), colors);
    const PixelResolve codes{3, 1, CppnColor::rgb, CppnSample::u16};
    const auto found = resolve<std::uint16_t>(colors, {0, 0, 33, 5}, codes);
    for (std::size_t i = 0; i < colors.size(); ++i)
      EXPECT_NEAR(found[i], 65535 * limited(static_cast<double>(colors[i])), 0.51);
  });
}

/// Lightness and hue of light, in OKLab.
Triple oklab_of_light(const Triple& light) {
  const double l = std::cbrt(0.4122214708 * light[0] + 0.5363325363 * light[1] + 0.0514459929 * light[2]);
  const double m = std::cbrt(0.2119034982 * light[0] + 0.6806995451 * light[1] + 0.1073969566 * light[2]);
  const double s = std::cbrt(0.0883024619 * light[0] + 0.2817188376 * light[1] + 0.6299787005 * light[2]);
  return {0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
          1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
          0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s};
}

TEST_P(Resolve, ColoursBeyondTheDisplayKeepHueAndLightness) {
  for_each_set([&] {
    std::vector<float> colors;
    for (int lightness = 1; lightness < 10; ++lightness)
      for (int hue = 0; hue < 64; ++hue)
        for (const double number : {lightness / 10.0, 1.0, hue / 64.0 + (hue % 3 - 1) * 5})
          colors.push_back(static_cast<float>(number));
    const auto found = resolve<float>(colors, {0, 0, 64, 9}, {3, 1, CppnColor::oklch, CppnSample::f32});
    testing::WorstError lightness_error;
    testing::WorstError hue_error;
    double least_chroma = 1;
    for (std::size_t i = 0; i < found.size(); i += 3) {
      Triple light{};
      for (std::size_t c = 0; c < 3; ++c) light[c] = light_of(static_cast<double>(found[i + c]));
      const Triple lab = oklab_of_light(light);
      lightness_error.add(std::fabs(lab[0] - static_cast<double>(colors[i])));
      const double turns =
          std::atan2(lab[2], lab[1]) / (2 * 3.141592653589793) - static_cast<double>(colors[i + 2]);
      hue_error.add(std::fabs(turns - std::round(turns)));
      least_chroma = std::min(least_chroma, std::hypot(lab[1], lab[2]));
      // Nothing was given up that could have been kept: a channel is at its end.
      const auto [low, high] = std::minmax({found[i], found[i + 1], found[i + 2]});
      EXPECT_TRUE(low < 1e-3F || high > 1 - 1e-3F) << colors[i] << " " << colors[i + 2];
    }
    EXPECT_LE(lightness_error.value(), 5e-5);
    EXPECT_LE(hue_error.value(), 2e-4);
    EXPECT_GT(least_chroma, 0.01);
  });
}

TEST_P(Resolve, NotANumberIsBlackOrTheFirstColour) {
  const float nan = std::nanf("");
  const std::vector<float> colors(3 * 4, nan);
  for (const CppnColor color : {CppnColor::rgb, CppnColor::hsv, CppnColor::oklch, CppnColor::palette})
    for (const bool dither : {false, true}) {
      const PixelResolve how{3, 2, color, CppnSample::u8, dither};
      const auto palette = color == CppnColor::palette ? palette_numbers() : std::vector<float>{};
      const auto found = resolve<std::uint8_t>(colors, {0, 0, 1, 1}, how, palette);
      if (color == CppnColor::palette)
        EXPECT_NEAR(found[1], 255 * value_of(0.5), 2);
      else
        EXPECT_EQ(found, std::vector<std::uint8_t>(3, 0));
    }
}

TEST_P(Resolve, AnyCutGivesTheSameBytes) {
  for_each_set([&] {
    for (const bool dither : {false, true})
      for (const CppnSample sample : {CppnSample::u8, CppnSample::u16}) {
        const PixelResolve how{3, 2, CppnColor::oklch, sample, dither};
        const std::int64_t width = 45;
        const std::int64_t height = 12;
        const auto colors = random_colors(width * height * 4 * 3, 11);
        const PixelRegion whole{5'000'000'000, 7'000'000'000, width, height};
        const PixelRegion part{5'000'000'013, 7'000'000'002, 21, 7};
        std::vector<float> part_colors;
        for (std::int64_t row = 4; row < 18; ++row)
          for (std::int64_t i = 26 * 3; i < 68 * 3; ++i)
            part_colors.push_back(colors[static_cast<std::size_t>(row * width * 2 * 3 + i)]);
        const auto compare = [&]<class T>(T) {
          const auto all = resolve<T>(colors, whole, how);
          const auto some = resolve<T>(part_colors, part, how);
          for (std::size_t row = 0; row < 7; ++row)
            for (std::size_t i = 0; i < 21 * 3; ++i)
              ASSERT_EQ(some[row * 21 * 3 + i], all[((row + 2) * 45 + 13) * 3 + i]);
        };
        sample == CppnSample::u8 ? compare(std::uint8_t{}) : compare(std::uint16_t{});
      }
  });
}

/// A flat picture of one value in steps of the sample, dithered.
struct Spread {
  double mean = 0;
  double variance = 0;
  double neighbours = 0;  // correlation along rows
  double lowest = 1e9;
  double highest = -1e9;
};

TEST_P(Resolve, DitherKeepsTheMeanAndHasTheTriangularVariance) {
  for_each_set([&] {
    const std::int64_t width = 160;
    const std::int64_t height = 100;
    for (const double steps : {0.5, 3.0, 100.25, 200.75, 254.5}) {
      const std::vector<float> colors(static_cast<std::size_t>(width * height),
                                      static_cast<float>(steps / 255));
      const PixelResolve how{1, 1, CppnColor::rgb, CppnSample::u8, true};
      const auto found = resolve<std::uint8_t>(colors, {1000, 2000, width, height}, how);
      Spread spread;
      for (const std::uint8_t code : found) {
        spread.mean += code / static_cast<double>(found.size());
        spread.lowest = std::min<double>(spread.lowest, code);
        spread.highest = std::max<double>(spread.highest, code);
      }
      for (std::size_t i = 0; i < found.size(); ++i) {
        spread.variance += std::pow(found[i] - steps, 2) / static_cast<double>(found.size());
        if (i > 0)
          spread.neighbours +=
              (found[i] - steps) * (found[i - 1] - steps) / static_cast<double>(found.size());
      }
      // The error of a sum with triangular noise has the variance 1/4 whatever the value: 1/6 of the noise
      // and 1/12 of rounding. Four deviations of the mean of 16,000.
      EXPECT_NEAR(spread.mean, steps, 4 * 0.5 / std::sqrt(16000.0)) << steps;
      EXPECT_NEAR(spread.variance, 0.25, 0.02) << steps;
      EXPECT_NEAR(spread.neighbours, 0, 0.01) << steps;
      EXPECT_GE(spread.lowest, std::floor(steps + 0.5 - 1));
      EXPECT_LE(spread.highest, std::ceil(steps + 0.5 + 1) - 1);
    }
  });
}

TEST_P(Resolve, DitherLeavesBlackAndWhiteClean) {
  for (const float value : {0.0F, 1.0F}) {
    const std::vector<float> colors(3 * 50 * 20, value);
    const auto eight =
        resolve<std::uint8_t>(colors, {0, 0, 50, 20}, {3, 1, CppnColor::rgb, CppnSample::u8, true});
    EXPECT_EQ(eight, std::vector<std::uint8_t>(colors.size(), value == 0 ? 0 : 255));
    const auto sixteen =
        resolve<std::uint16_t>(colors, {0, 0, 50, 20}, {3, 1, CppnColor::rgb, CppnSample::u16, true});
    EXPECT_EQ(sixteen, std::vector<std::uint16_t>(colors.size(), value == 0 ? 0 : 65535));
  }
}

TEST_P(Resolve, DitherDiffersBetweenChannelsRowsAndColumns) {
  const std::vector<float> colors(3 * 64 * 64, 100.5F / 255);
  const PixelResolve how{3, 1, CppnColor::rgb, CppnSample::u8, true};
  const auto found = resolve<std::uint8_t>(colors, {0, 0, 64, 64}, how);
  const auto equal = [&](std::size_t distance) {
    double same = 0;
    for (std::size_t i = 0; i + distance < found.size(); ++i) same += found[i] == found[i + distance] ? 1 : 0;
    return same / static_cast<double>(found.size() - distance);
  };
  // Codes of 100 or 101, half each, 1 in 8 beyond: equal by chance in less than half of all cases.
  for (const std::size_t distance : {1, 2, 3, 6, 3 * 64, 3 * 65})
    EXPECT_LT(equal(distance), 0.55) << distance;
}

TEST_P(Resolve, RefusesWhatDoesNotFit) {
  const Buffer<float> colors(stream_, 3 * 4 * 4);
  const Buffer<std::byte> output(stream_, 3 * 4 * 4);
  const auto attempt = [&](const PixelResolve& how, PixelRegion region, std::int64_t row_bytes,
                           std::int64_t values, std::int64_t bytes) {
    resolve_pixels(stream_, colors.view().part(0, values), region, how, {}, output.view().part(0, bytes),
                   row_bytes);
  };
  const PixelResolve plain;
  EXPECT_NO_THROW(attempt(plain, {0, 0, 4, 4}, 12, 48, 48));
  EXPECT_NO_THROW(attempt(plain, {0, 0, 0, 4}, 0, 0, 0));
  EXPECT_THROW(attempt(plain, {0, 0, 4, 4}, 11, 48, 48), InvalidArgument);
  EXPECT_THROW(attempt(plain, {0, 0, 4, 4}, 12, 47, 48), InvalidArgument);
  EXPECT_THROW(attempt(plain, {0, 0, 4, 4}, 12, 48, 47), InvalidArgument);
  EXPECT_THROW(attempt(plain, {-1, 0, 4, 4}, 12, 48, 48), InvalidArgument);
  EXPECT_THROW(attempt(plain, {0, 0, 1LL << 40, 1LL << 40}, 3LL << 40, 48, 48), InvalidArgument);
  EXPECT_THROW(attempt({3, 0}, {0, 0, 1, 1}, 12, 48, 48), InvalidArgument);
  EXPECT_THROW(attempt({3, 17}, {0, 0, 1, 1}, 12, 48, 48), InvalidArgument);
  EXPECT_THROW(attempt({2, 1}, {0, 0, 1, 1}, 12, 48, 48), InvalidArgument);
  EXPECT_THROW(attempt({1, 1, CppnColor::oklch}, {0, 0, 1, 1}, 12, 48, 48), InvalidArgument);
  EXPECT_THROW(attempt({1, 1, CppnColor::palette}, {0, 0, 1, 1}, 12, 48, 48), InvalidArgument);
  EXPECT_THROW(attempt({3, 1, CppnColor::rgb, CppnSample::f32, true}, {0, 0, 1, 1}, 12, 48, 48),
               InvalidArgument);
}

INSTANTIATE_TEST_SUITE_P(Devices, Resolve, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

}  // namespace
}  // namespace atelier
