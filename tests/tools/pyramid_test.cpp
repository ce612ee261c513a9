// Tiles in Z order, halving in linear light, and the levels that grow of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "runtime/error.h"
#include "tests/tools/encoded_pictures.h"
#include "tools/print/halving.h"
#include "tools/print/pyramid.h"
#include "tools/print/tile_order.h"

namespace atelier::testing {
namespace {

using tools::PictureFormat;
using tools::PyramidShape;
using tools::PyramidTile;
using tools::Raster;
using tools::ReducedLevels;
using tools::TileOrder;

/// Every other bit of the column and row, the row's above the column's.
std::uint64_t interleaved(const TileOrder::Cell& cell) {
  std::uint64_t bits = 0;
  for (int i = 0; i < 31; ++i) {
    bits |= (static_cast<std::uint64_t>(cell.column) >> i & 1) << 2 * i;
    bits |= (static_cast<std::uint64_t>(cell.row) >> i & 1) << (2 * i + 1);
  }
  return bits;
}

TEST(TileOrder, VisitsEveryCellOnceInZOrder) {
  for (const auto& [columns, rows] : {std::pair{1, 1}, {2, 1}, {1, 5}, {3, 3}, {7, 4}, {9, 16}, {33, 2}}) {
    const TileOrder order(columns, rows);
    ASSERT_EQ(order.count(), columns * rows);
    std::set<std::uint64_t> seen;
    std::uint64_t before = 0;
    for (std::int64_t index = 0; index < order.count(); ++index) {
      const TileOrder::Cell cell = order.cell(index);
      ASSERT_LT(cell.column, columns);
      ASSERT_LT(cell.row, rows);
      const std::uint64_t place = interleaved(cell);
      ASSERT_TRUE(index == 0 || place > before) << columns << "x" << rows << " cell " << index;
      before = place;
      seen.insert(place);
    }
    EXPECT_EQ(seen.size(), static_cast<std::size_t>(columns * rows));
  }
}

TEST(TileOrder, ReachesTheLargestPictures) {
  constexpr std::int64_t kSide = std::int64_t{1} << 22;  // tiles of 512 along 2^31 pixels
  const TileOrder square(kSide, kSide);
  EXPECT_EQ(square.cell(square.count() - 1), (TileOrder::Cell{kSide - 1, kSide - 1}));
  const TileOrder wide(kSide - 1, 3);
  EXPECT_EQ(wide.cell(wide.count() - 1), (TileOrder::Cell{kSide - 2, 2}));
  EXPECT_EQ(wide.cell(0), (TileOrder::Cell{0, 0}));
}

TEST(TileOrder, KnowsTheLastOfFour) {
  for (const auto& [columns, rows] : {std::pair{1, 1}, {2, 2}, {3, 3}, {5, 2}, {1, 4}}) {
    const TileOrder order(columns, rows);
    std::set<std::pair<std::int64_t, std::int64_t>> complete;
    for (std::int64_t index = 0; index < order.count(); ++index) {
      const TileOrder::Cell cell = order.cell(index);
      const auto parent = std::pair{cell.column / 2, cell.row / 2};
      EXPECT_FALSE(complete.contains(parent));
      if (tools::last_of_four(cell, columns, rows)) complete.insert(parent);
    }
    EXPECT_EQ(complete.size(), static_cast<std::size_t>((columns + 1) / 2 * ((rows + 1) / 2)));
  }
}

TEST(PyramidShape, LevelsHalveAndRoundUp) {
  const PictureFormat format{5001, 3, 3, CppnSample::u8};
  EXPECT_EQ(PyramidShape::levels_down_to(format, 512), 5);  // 5001, 2501, 1251, 626, 313
  EXPECT_EQ(PyramidShape::levels_down_to(format, 1), 14);
  EXPECT_EQ(PyramidShape::levels_down_to({1, 1, 1, CppnSample::u8}, 1), 1);
  const PyramidShape shape(format, 14);
  EXPECT_EQ(shape.width(4), 313);
  EXPECT_EQ(shape.height(1), 2);
  EXPECT_EQ(shape.height(2), 1);
  EXPECT_EQ(shape.width(13), 1);
  EXPECT_EQ(shape.columns(0), 10);
  EXPECT_EQ(shape.tile(0, 9, 0).width, 5001 - 9 * 512);
  EXPECT_THROW(PyramidShape({0, 4, 3, CppnSample::u8}, 1), InvalidArgument);
  EXPECT_THROW(PyramidShape({4, 2147483648, 3, CppnSample::u8}, 1), InvalidArgument);
  EXPECT_THROW(PyramidShape({4, 4, 2, CppnSample::u8}, 1), InvalidArgument);
  EXPECT_EQ(PyramidShape::levels_down_to({2147483647, 2147483647, 3, CppnSample::u8}, 1), 32);
}

class Halving : public ::testing::TestWithParam<CppnSample> {};

TEST_P(Halving, MeansAreOfLight) {
  for (const int channels : {1, 3}) {
    const PictureFormat format{37, 23, channels, GetParam()};
    const std::vector<std::byte> samples = test_picture(format);
    const Raster picture{format.sample, channels, format.width, format.height};
    const PictureFormat half_format{19, 12, channels, GetParam()};
    const Raster half{format.sample, channels, half_format.width, half_format.height};
    const std::int64_t row_bytes = 19 * channels * tools::linear_bytes(format.sample) + 24;
    std::vector<std::byte> linear(static_cast<std::size_t>(row_bytes * 12));
    tools::halve_samples(picture, samples.data(), linear.data(), row_bytes);
    std::vector<std::byte> result(static_cast<std::size_t>(half_format.row_bytes() * 12));
    tools::samples_of_linear(half, linear.data(), row_bytes, result.data());

    RealPicture reference = real_picture(format, samples);
    if (has_encoded_samples(format)) reference = linear_of(reference);
    reference = half_of(reference);
    expect_near(has_encoded_samples(format) ? encoded_of(reference) : reference, half_format, result, 0.06);

    // And the half of the half.
    const PictureFormat quarter_format{10, 6, channels, GetParam()};
    const std::int64_t quarter_row_bytes = 10 * channels * tools::linear_bytes(format.sample);
    std::vector<std::byte> quarter(static_cast<std::size_t>(quarter_row_bytes * 6));
    tools::halve_linear(half, linear.data(), row_bytes, quarter.data(), quarter_row_bytes);
    result.resize(static_cast<std::size_t>(quarter_format.row_bytes() * 6));
    tools::samples_of_linear({format.sample, channels, 10, 6}, quarter.data(), quarter_row_bytes,
                             result.data());
    reference = half_of(reference);
    expect_near(has_encoded_samples(format) ? encoded_of(reference) : reference, quarter_format, result,
                0.06);
  }
}

std::string sample_name(const ::testing::TestParamInfo<CppnSample>& instance) {
  static constexpr const char* kNames[] = {"u8_truncate", "u8", "u16", "f32", "f64"};
  return kNames[static_cast<std::size_t>(instance.param)];
}
INSTANTIATE_TEST_SUITE_P(Samples, Halving,
                         ::testing::Values(CppnSample::u8, CppnSample::u8_truncate, CppnSample::u16,
                                           CppnSample::f32, CppnSample::f64),
                         sample_name);

TEST(HalvingValues, FlatAreasKeepEveryValue) {
  constexpr int kValues = 65536;
  std::vector<std::uint16_t> row(2 * kValues);
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = static_cast<std::uint16_t>(i / 2);
  std::vector<float> linear(kValues);
  tools::halve_samples({CppnSample::u16, 1, 2 * kValues, 1}, reinterpret_cast<const std::byte*>(row.data()),
                       reinterpret_cast<std::byte*>(linear.data()), 0);
  std::vector<std::uint16_t> half(kValues);
  tools::samples_of_linear({CppnSample::u16, 1, kValues, 1},
                           reinterpret_cast<const std::byte*>(linear.data()), 0,
                           reinterpret_cast<std::byte*>(half.data()));
  for (std::size_t i = 0; i < half.size(); ++i) ASSERT_EQ(half[i], i);
}

TEST(HalvingValues, BlackAndWhiteMakeTheGreyOfHalfTheLight) {
  const std::vector<std::uint8_t> board{255, 0, 0, 255};
  float light = 0;
  std::uint8_t grey = 0;
  tools::halve_samples({CppnSample::u8, 1, 2, 2}, reinterpret_cast<const std::byte*>(board.data()),
                       reinterpret_cast<std::byte*>(&light), sizeof(light));
  tools::samples_of_linear({CppnSample::u8, 1, 1, 1}, reinterpret_cast<const std::byte*>(&light),
                           sizeof(light), reinterpret_cast<std::byte*>(&grey));
  EXPECT_EQ(light, 0.5F);
  EXPECT_EQ(grey, 188);  // not 128
}

TEST(HalvingValues, NotANumberStaysOne) {
  const std::vector<float> values{1, std::numeric_limits<float>::quiet_NaN(), 1, 1};
  float half = 0;
  tools::halve_samples({CppnSample::f32, 1, 2, 2}, reinterpret_cast<const std::byte*>(values.data()),
                       reinterpret_cast<std::byte*>(&half), sizeof(half));
  EXPECT_TRUE(std::isnan(half));
}

TEST(ReducedLevels, StateIsTakenUp) {
  const PyramidShape shape({1100, 1100, 1, CppnSample::u8}, 4);
  class Tiles final : public ReducedLevels::Sink {
   public:
    explicit Tiles(const PyramidShape& picture) : shape(picture) {}
    void tile(const PyramidTile& tile, const std::byte* samples) override {
      names.push_back(std::to_string(tile.level) + "/" + std::to_string(tile.column));
      bytes.append(reinterpret_cast<const char*>(samples),
                   static_cast<std::size_t>(tile.width * tile.height * shape.pixel_bytes()));
    }
    void rest(const PyramidTile& /*tile*/, const std::byte* /*half*/) override { ADD_FAILURE(); }
    const PyramidShape& shape;
    std::vector<std::string> names;
    std::string bytes;
  };
  const TileOrder order(3, 3);
  const auto add = [&](ReducedLevels& levels, Tiles& tiles, std::int64_t index) {
    const TileOrder::Cell cell = order.cell(index);
    std::vector<float> half(256 * 256, 0.1F * static_cast<float>(index));
    levels.add(shape.tile(0, cell.column, cell.row), reinterpret_cast<const std::byte*>(half.data()), tiles);
  };
  ReducedLevels levels(shape, 1, 3);
  Tiles whole(shape);
  std::string state;
  std::string before;
  for (std::int64_t index = 0; index < 9; ++index) {
    if (index == 5) state = levels.state(), before = whole.bytes;
    add(levels, whole, index);
  }
  EXPECT_THAT(whole.names, ::testing::ElementsAre("1/0", "1/1", "1/0", "1/1", "2/0", "3/0"));
  ReducedLevels again(shape, 1, 3);
  ASSERT_TRUE(again.restore(state));
  Tiles rest(shape);
  for (std::int64_t index = 5; index < 9; ++index) add(again, rest, index);
  EXPECT_EQ(before + rest.bytes, whole.bytes);
  EXPECT_FALSE(again.restore(state.substr(1)));
  EXPECT_FALSE(again.restore(state + "x"));
  EXPECT_FALSE(again.restore(""));
}

}  // namespace
}  // namespace atelier::testing
