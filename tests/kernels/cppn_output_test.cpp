#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "kernels/cppn.h"
#include "runtime/graph.h"
#include "runtime/parallel.h"
#include "tests/devices.h"
#include "tests/kernels/cppn_reference.h"
#if defined(ATELIER_WITH_SIMT)
#include "runtime/simt/options.h"
#endif

// How a CPPN's colours become samples, and how regions are cut and stored.
namespace atelier {
namespace {

using testing::make_network;
using testing::NetworkOptions;
using testing::paint;
using testing::TestNetwork;

class CppnOutput : public ::testing::TestWithParam<Device> {
 protected:
  Stream stream_{GetParam()};
};

double limited(double v) {
  return v > 0 ? (v < 1 ? v : 1) : 0;
}

/// Whether an integer code is what v in double gives, but for what one rounding of v * top may do at a
/// border.
::testing::AssertionResult is_code(unsigned code, double v, double top, double shift) {
  const double exact = top * limited(v) + shift;
  const double slack = top * 1.2e-7;
  if (code == std::floor(exact) || code == std::floor(exact - slack) || code == std::floor(exact + slack))
    return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "code " << code << " for " << v;
}

TEST_P(CppnOutput, IntegerSamplesFollowFromTheFloats) {
  for (const Activation output : {Activation::sigmoid, Activation::identity})
    for (const int channels : {1, 3})
      for (const int width : {16, 40, 70})
        for (const CppnPrecision precision : {CppnPrecision::fp32, CppnPrecision::fp64}) {
          NetworkOptions options;
          options.output = output;
          options.channels = channels;
          const TestNetwork network = make_network({width, width}, options);
          const CppnProgram program(stream_, network.topology, network.parameters, {}, precision);
          const CppnWindow window = CppnWindow::centered(19, 11, 0, 0, 3);
          const PixelRegion region{0, 0, 19, 11};
          const auto exact = paint<double>(stream_, program, window, region, CppnSample::f64);
          const auto floats = paint<float>(stream_, program, window, region, CppnSample::f32);
          const auto truncated =
              paint<std::uint8_t>(stream_, program, window, region, CppnSample::u8_truncate);
          const auto rounded = paint<std::uint8_t>(stream_, program, window, region, CppnSample::u8);
          const auto fine = paint<std::uint16_t>(stream_, program, window, region, CppnSample::u16);
          ASSERT_EQ(exact.size(), static_cast<std::size_t>(19 * 11 * channels));
          EXPECT_LT(*std::min_element(exact.begin(), exact.end()),
                    *std::max_element(exact.begin(), exact.end()));
          for (std::size_t index = 0; index < exact.size(); ++index) {
            EXPECT_EQ(floats[index], static_cast<float>(exact[index]));
            EXPECT_TRUE(is_code(truncated[index], exact[index], 255, 0));
            EXPECT_TRUE(is_code(rounded[index], exact[index], 255, 0.5));
            EXPECT_TRUE(is_code(fine[index], exact[index], 65535, 0.5));
          }
        }
}

/// hue, saturation, value to red, green, blue by sectors of the hexagon.
std::array<double, 3> hsv_reference(const double* color) {
  const double hue = limited(color[0]) * 6;
  const double s = limited(color[1]);
  const double v = limited(color[2]);
  const int sector = static_cast<int>(std::floor(hue)) % 6;
  const double part = hue - std::floor(hue);
  const double p = v * (1 - s);
  const double q = v * (1 - s * part);
  const double t = v * (1 - s * (1 - part));
  switch (sector) {
    case 0:
      return {v, t, p};
    case 1:
      return {q, v, p};
    case 2:
      return {p, v, t};
    case 3:
      return {p, q, v};
    case 4:
      return {t, p, v};
    default:
      return {v, p, q};
  }
}

TEST_P(CppnOutput, HueSaturationValue) {
  for (const CppnPrecision precision : {CppnPrecision::fp32, CppnPrecision::fp64}) {
    NetworkOptions options;
    options.output = Activation::identity;
    options.gain = 2.0;
    const TestNetwork network = make_network({16}, options);
    const CppnProgram program(stream_, network.topology, network.parameters, {}, precision);
    const CppnWindow window = CppnWindow::centered(40, 30, 0, 0, 3);
    const PixelRegion region{0, 0, 40, 30};
    const auto plain = paint<double>(stream_, program, window, region, CppnSample::f64);
    const auto converted = paint<double>(stream_, program, window, region, CppnSample::f64, CppnColor::hsv);
    const auto codes = paint<std::uint8_t>(stream_, program, window, region, CppnSample::u8, CppnColor::hsv);
    std::array<int, 6> sectors{};
    testing::WorstError worst;
    for (std::size_t pixel = 0; pixel < plain.size() / 3; ++pixel) {
      const std::array<double, 3> expected = hsv_reference(&plain[3 * pixel]);
      ++sectors[static_cast<std::size_t>(static_cast<int>(limited(plain[3 * pixel]) * 5.999))];
      for (std::size_t channel = 0; channel < 3; ++channel) {
        worst.add(std::abs(converted[3 * pixel + channel] - expected[channel]));
        EXPECT_TRUE(is_code(codes[3 * pixel + channel], converted[3 * pixel + channel], 255, 0.5));
      }
    }
    EXPECT_LE(worst.value(), precision == CppnPrecision::fp32 ? 2e-6 : 1e-14);
    for (const int count : sectors) EXPECT_GT(count, 0);
  }
}

TEST_P(CppnOutput, NotANumberCountsAsZero) {
  TestNetwork network;
  network.topology.layers = {{2, {Activation::identity}, false}, {3, {Activation::identity}, false}};
  constexpr float kLarge = std::numeric_limits<float>::max();
  // Two hidden units are infinite; the outputs are their difference, their sum and its negative.
  network.parameters = {kLarge, 0.0F, kLarge, 0.0F, 1.0F, -1.0F, 1.0F, 1.0F, -1.0F, -1.0F};
  const CppnProgram program(stream_, network.topology, network.parameters);
  CppnWindow window;
  window.x0 = window.y0 = 1000.0;
  const PixelRegion region{0, 0, 5, 2};
  for (std::size_t pixel = 0; pixel < 10; ++pixel) {
    const auto floats = paint<float>(stream_, program, window, region, CppnSample::f32);
    EXPECT_TRUE(std::isnan(floats[3 * pixel])) << floats[3 * pixel];
    EXPECT_EQ(floats[3 * pixel + 1], std::numeric_limits<float>::infinity());
    for (const CppnSample sample : {CppnSample::u8_truncate, CppnSample::u8}) {
      const auto codes = paint<std::uint8_t>(stream_, program, window, region, sample);
      EXPECT_EQ(codes[3 * pixel], 0);
      EXPECT_EQ(codes[3 * pixel + 1], 255);
      EXPECT_EQ(codes[3 * pixel + 2], 0);
    }
    const auto fine = paint<std::uint16_t>(stream_, program, window, region, CppnSample::u16);
    EXPECT_EQ(fine[3 * pixel], 0);
    EXPECT_EQ(fine[3 * pixel + 1], 65535);
    EXPECT_EQ(fine[3 * pixel + 2], 0);
  }
}

/// A region painted into the middle of a block of canaries: `offset` bytes before it, rows `row_bytes` apart.
std::vector<std::byte> paint_bytes(Stream& stream, const CppnProgram& program, const CppnWindow& window,
                                   const PixelRegion& region, CppnSample sample, std::int64_t offset,
                                   std::int64_t row_bytes) {
  constexpr auto kCanary = std::byte{0xa5};
  constexpr std::int64_t kAfter = 64;
  const std::int64_t used =
      region.width * program.channels() * static_cast<std::int64_t>(cppn_sample_bytes(sample));
  const std::int64_t bytes = (region.height - 1) * row_bytes + used;
  const Buffer<std::byte> buffer(stream, offset + bytes + kAfter, "canaries");
  fill_bytes(stream, buffer.data(), static_cast<unsigned char>(kCanary),
             static_cast<std::size_t>(buffer.size()));
  cppn_render(stream, program, window, region, CppnColor::rgb, sample, buffer.view().part(offset, bytes),
              row_bytes);
  const std::vector<std::byte> all = download(stream, buffer.view());
  std::vector<std::byte> pixels;
  for (std::int64_t index = 0; index < static_cast<std::int64_t>(all.size()); ++index) {
    const std::int64_t inside = index - offset;
    if (inside >= 0 && inside < bytes && inside % row_bytes < used)
      pixels.push_back(all[static_cast<std::size_t>(index)]);
    else
      EXPECT_EQ(all[static_cast<std::size_t>(index)], kCanary) << "byte " << inside << " of " << bytes;
  }
  return pixels;
}

TEST_P(CppnOutput, AnyAlignmentAndRowStrideWithoutTouchingTheRest) {
  for (const int channels : {1, 3})
    for (const CppnSample sample :
         {CppnSample::u8_truncate, CppnSample::u8, CppnSample::u16, CppnSample::f32, CppnSample::f64}) {
      NetworkOptions options;
      options.channels = channels;
      const TestNetwork network = make_network({16}, options);
      const CppnProgram program(stream_, network.topology, network.parameters);
      const CppnWindow window = CppnWindow::centered(64, 64);
      const auto bytes = static_cast<std::int64_t>(cppn_sample_bytes(sample));
      for (const std::int64_t width : {1, 4, 7, 16, 33}) {
        const PixelRegion region{3, 5, width, 3};
        const std::int64_t row = width * channels * bytes;
        const std::vector<std::byte> plain = paint_bytes(stream_, program, window, region, sample, 0, row);
        for (const std::int64_t offset : {0, 1, 2, 4, 13})
          for (const std::int64_t padding : {0, 1, 4, 31})
            EXPECT_EQ(plain, paint_bytes(stream_, program, window, region, sample, offset, row + padding))
                << "offset " << offset << " padding " << padding << " width " << width << " sample "
                << static_cast<int>(sample);
      }
    }
}

TEST_P(CppnOutput, AnyCutIntoRegionsGivesTheSameBytes) {
  constexpr std::int64_t kSide = 61;
  for (const std::vector<int>& widths : std::vector<std::vector<int>>{{16, 16}, {30}, {64}, {70}, {}})
    for (const Activation hidden : {Activation::tanh, Activation::sin})
      for (const CppnPrecision precision : {CppnPrecision::fp32, CppnPrecision::fp64}) {
        NetworkOptions options;
        options.hidden = hidden;
        options.inputs = {CppnInput::x, CppnInput::y, CppnInput::radius};
        const TestNetwork network = make_network(widths, options);
        const CppnProgram program(stream_, network.topology, network.parameters, {}, precision);
        const CppnWindow window = CppnWindow::centered(kSide, kSide, 0.1, 0.2, 1.7, 0.4);
        const auto whole =
            paint<std::uint16_t>(stream_, program, window, {0, 0, kSide, kSide}, CppnSample::u16);
        for (const auto& [across, down] :
             std::vector<std::array<std::int64_t, 2>>{{7, 13}, {61, 1}, {5, 61}, {33, 32}}) {
          std::vector<std::uint16_t> pieces(whole.size());
          for (std::int64_t row = 0; row < kSide; row += down)
            for (std::int64_t column = 0; column < kSide; column += across) {
              const PixelRegion region{column, row, std::min(across, kSide - column),
                                       std::min(down, kSide - row)};
              const auto piece = paint<std::uint16_t>(stream_, program, window, region, CppnSample::u16);
              for (std::int64_t line = 0; line < region.height; ++line)
                std::copy_n(piece.begin() + line * region.width * 3, region.width * 3,
                            pieces.begin() + ((row + line) * kSide + column) * 3);
            }
          EXPECT_EQ(whole, pieces) << program.path() << " cut " << across << "x" << down;
        }
      }
}

TEST_P(CppnOutput, SameBytesForAnyNumberOfThreadsAndRun) {
  const TestNetwork network = make_network({16, 16, 16});
  const CppnProgram program(stream_, network.topology, network.parameters);
  const CppnWindow window = CppnWindow::centered(150, 70);
  const PixelRegion region{0, 0, 150, 70};
  set_cpu_threads(1);
  const auto one = paint<std::uint16_t>(stream_, program, window, region, CppnSample::u16);
  set_cpu_threads(3);
  const auto three = paint<std::uint16_t>(stream_, program, window, region, CppnSample::u16);
  set_cpu_threads(0);
  EXPECT_EQ(one, three);
  EXPECT_EQ(one, paint<std::uint16_t>(stream_, program, window, region, CppnSample::u16));
}

#if defined(ATELIER_WITH_SIMT)
// On a GPU of one multiprocessor a block has several tiles to paint, and steps over the edge of rows of
// tiles.
TEST_P(CppnOutput, MoreTilesThanBlocks) {
  simt::Options small = simt::options();
  small.multiprocessors = 1;
  small.blocks_per_multiprocessor = 3;
  const simt::OptionsOverride scope(small);
  for (const std::vector<int>& widths : std::vector<std::vector<int>>{{16}, {65}})
    for (const char* const variant : {"", "staged-4", "general"}) {
      if (widths[0] == 65 && variant[0] == 's') continue;
      const testing::EnvironmentOverride wanted("ATELIER_CPPN_VARIANT", variant);
      const TestNetwork network = make_network(widths);
      const CppnProgram program(stream_, network.topology, network.parameters);
      const CppnWindow window = CppnWindow::centered(190, 70);
      for (const PixelRegion region :
           {PixelRegion{0, 0, 190, 70}, PixelRegion{3, 1, 5, 900}, PixelRegion{0, 0, 3000, 1}}) {
        const auto painted = paint<double>(stream_, program, window, region, CppnSample::f64);
        const auto expected = reference_picture(network, window, region, true);
        testing::WorstError worst;
        for (std::size_t index = 0; index < expected.size(); ++index)
          worst.add(std::abs(painted[index] - expected[index]));
        EXPECT_LE(worst.value(), 1e-5) << program.path();
      }
    }
}
#endif

TEST_P(CppnOutput, EmptyRegionsWriteNothing) {
  const TestNetwork network = make_network({16});
  const CppnProgram program(stream_, network.topology, network.parameters);
  const CppnWindow window = CppnWindow::centered(8, 8);
  cppn_render(stream_, program, window, {0, 0, 0, 8}, CppnColor::rgb, CppnSample::u8, {}, 0);
  cppn_render(stream_, program, window, {5, 5, 8, 0}, CppnColor::rgb, CppnSample::u8, {}, 24);
  stream_.synchronize();
}

TEST_P(CppnOutput, RenderingCanBeCapturedAndReplayed) {
  const TestNetwork network = make_network({16, 16});
  const CppnProgram program(stream_, network.topology, network.parameters);
  const CppnWindow window = CppnWindow::centered(20, 10);
  const PixelRegion region{0, 0, 20, 10};
  const auto expected = paint<std::uint8_t>(stream_, program, window, region, CppnSample::u8);
  const Buffer<std::byte> buffer(stream_, 600, "picture");
  fill_bytes(stream_, buffer.data(), 0, 600);
  stream_.begin_capture();
  cppn_render(stream_, program, window, region, CppnColor::rgb, CppnSample::u8, buffer.view(), 60);
  const Graph graph = stream_.end_capture();
  EXPECT_EQ(graph.size(), 1U);
  for (const std::byte value : download(stream_, buffer.view())) ASSERT_EQ(value, std::byte{0});
  graph.launch(stream_);
  const std::vector<std::byte> painted = download(stream_, buffer.view());
  EXPECT_EQ(0, std::memcmp(painted.data(), expected.data(), 600));
}

TEST_P(CppnOutput, ErrorsNameWhatIsWrong) {
  const TestNetwork network = make_network({4});
  const CppnProgram program(stream_, network.topology, network.parameters);
  const Buffer<std::byte> buffer(stream_, 300, "picture");
  const auto message = [&](CppnWindow window, PixelRegion region, std::int64_t bytes,
                           std::int64_t row_bytes) {
    try {
      cppn_render(stream_, program, window, region, CppnColor::rgb, CppnSample::u8,
                  buffer.view().part(0, bytes), row_bytes);
    } catch (const InvalidArgument& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  const CppnWindow window = CppnWindow::centered(10, 10);
  EXPECT_EQ("no error", message(window, {0, 0, 10, 10}, 300, 30));
  stream_.synchronize();
  const auto expect_part = [](const std::string& text, const char* part) {
    EXPECT_NE(std::string::npos, text.find(part)) << text;
  };
  expect_part(message(window, {0, 0, 10, 10}, 299, 30),
              "output of 299 bytes for 10 rows, 30 bytes apart, of 30");
  expect_part(message(window, {0, 0, 10, 10}, 300, 29), "row_bytes is 29, 10 pixels of 3 bytes need more");
  expect_part(message(window, {0, 0, 10, 10}, 300, -30), "row_bytes is -30");
  expect_part(message(window, {0, 0, -1, 10}, 300, 30), "none may be negative");
  expect_part(message(window, {-1, 0, 1, 10}, 300, 30), "none may be negative");
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  expect_part(message(window, {0, 0, kMost, 10}, 300, 30), "ends beyond 2^53");
  expect_part(message(window, {1, 0, 1, kMost}, 300, 30), "ends beyond 2^53");
  expect_part(message(window, {0, 0, 10, 3}, 300, kMost), "output of 300 bytes");
  CppnWindow broken = window;
  broken.y_row = NAN;
  expect_part(message(broken, {0, 0, 10, 10}, 300, 30), "the window holds nan");
  expect_part(message(window.scaled(1e30), {0, 0, 10, 10}, 300, 30), "coordinates of this precision end at");
  Stream other{Device(DeviceKind::cpu)};
  if (GetParam().kind() == DeviceKind::cpu) return;
  EXPECT_THROW(
      cppn_render(other, program, window, {0, 0, 10, 10}, CppnColor::rgb, CppnSample::u8, buffer.view(), 30),
      InvalidArgument);
}

INSTANTIATE_TEST_SUITE_P(Devices, CppnOutput, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

}  // namespace
}  // namespace atelier
