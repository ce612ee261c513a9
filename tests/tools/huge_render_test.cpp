// Pictures larger than the memory that painting them may take: a gigapixel of each kind of file, whose pixels
// are painted once more here, a few at a time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <png.h>
#include <sys/resource.h>
#include <tiffio.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "kernels/cppn.h"
#include "models/recipe.h"
#include "runtime/buffer.h"
#include "runtime/stream.h"
#include "tests/tools/process.h"

namespace atelier::tools {
namespace {

namespace fs = std::filesystem;
using atelier::testing::atelier;
using atelier::testing::Outcome;
using atelier::testing::TemporaryFolder;
using atelier::testing::with;

constexpr std::int64_t kSide = 32768;
constexpr std::int64_t kMebibyte = 1 << 20;

/// Of all processes that this one has waited for, the largest resident set at any time.
std::int64_t peak_bytes_of_children() {
  rusage usage = {};
  getrusage(RUSAGE_CHILDREN, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

/// The recipe inside a file that atelier has written, or that it would paint with these options.
CppnRecipe recipe_of(const std::string& file) {
  const Outcome outcome = atelier({"info", file, "--json"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return recipe_from_json(outcome.out, file);
}

/// Paints parts of a picture, 8 bits a sample, with nothing of the print room.
class Parts {
 public:
  Parts(const CppnRecipe& recipe, std::int64_t width, std::int64_t height)
      : stream_(Device(DeviceKind::cpu)),
        program_(stream_, recipe.topology, recipe.parameters),
        window_(recipe_window(recipe, width, height)) {}

  std::vector<std::uint8_t> paint(PixelRegion region) {
    const std::int64_t row_bytes = region.width * program_.channels();
    const Buffer<std::byte> pixels(stream_, row_bytes * region.height, "part of a picture");
    cppn_render(stream_, program_, window_, region, CppnColor::rgb, CppnSample::u8, pixels.view(), row_bytes);
    const std::vector<std::byte> bytes = download<std::byte>(stream_, pixels.view());
    std::vector<std::uint8_t> samples(bytes.size());
    std::memcpy(samples.data(), bytes.data(), bytes.size());
    return samples;
  }

 private:
  Stream stream_;
  CppnProgram program_;
  CppnWindow window_;
};

class LongRender : public ::testing::Test {
 protected:
  void SetUp() override {
    constexpr std::uintmax_t kNeeded = std::uintmax_t{5} << 30;
    if (fs::space(folder_.path()).available < kNeeded) GTEST_SKIP() << "5 GiB of temporary disk are needed";
  }

  /// Paints on the cpu with 512 MB and checks what it took.
  std::string render(const std::vector<std::string>& options, const std::string& name) {
    const std::string file = folder_ / name;
    const Outcome outcome = atelier(
        with({"render", "--seed", "1", "--device", "cpu", "--memory", "512M", "-q", "-o", file}, options));
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    EXPECT_LT(peak_bytes_of_children(), 600 * kMebibyte);
    EXPECT_THAT(folder_.names(), ::testing::ElementsAre(name));
    return file;
  }

  TemporaryFolder folder_;
};

// ---- BigTIFF

struct TiffClose {
  void operator()(TIFF* file) const { TIFFClose(file); }
};
using TiffFile = std::unique_ptr<TIFF, TiffClose>;

template <class T>
T tag(TIFF* file, std::uint32_t name) {
  T value = 0;
  EXPECT_EQ(TIFFGetField(file, name, &value), 1) << "tag " << name;
  return value;
}

/// Compares tiles spread over the picture with the same pixels painted here; how many there were.
int compare_tiles(TIFF* file, Parts& parts) {
  const auto width = tag<std::uint32_t>(file, TIFFTAG_TILEWIDTH);
  const auto height = tag<std::uint32_t>(file, TIFFTAG_TILELENGTH);
  std::vector<std::uint8_t> tile(static_cast<std::size_t>(TIFFTileSize(file)));
  const std::uint32_t across = static_cast<std::uint32_t>(kSide) / width;
  const std::uint32_t down = static_cast<std::uint32_t>(kSide) / height;
  int compared = 0;
  for (const auto& [column, row] : {std::pair(0U, 0U),
                                    {across - 1, down - 1},
                                    {across - 1, 0U},
                                    {0U, down - 1},
                                    {across / 2, down / 3},
                                    {7U, 8U},
                                    {8U, 7U}}) {
    SCOPED_TRACE(::testing::Message() << "tile " << column << ", " << row);
    EXPECT_EQ(TIFFReadTile(file, tile.data(), column * width, row * height, 0, 0), TIFFTileSize(file));
    EXPECT_TRUE(tile == parts.paint({column * width, row * height, width, height}));
    ++compared;
  }
  return compared;
}

TEST_F(LongRender, PutsAGigapixelIntoATiff) {
  const std::string file = render({"--size", "32768", "--pyramid"}, "wall.tif");
  const TiffFile tiff(TIFFOpen(file.c_str(), "rm"));
  ASSERT_NE(tiff, nullptr);
  EXPECT_EQ(tag<std::uint32_t>(tiff.get(), TIFFTAG_IMAGEWIDTH), kSide);
  EXPECT_EQ(tag<std::uint32_t>(tiff.get(), TIFFTAG_IMAGELENGTH), kSide);
  Parts parts(recipe_of(file), kSide, kSide);
  EXPECT_EQ(compare_tiles(tiff.get(), parts), 7);
}

// ---- PNG

struct PngRead {
  explicit PngRead(const std::string& path) : file(std::fopen(path.c_str(), "rb")) {
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, nullptr, fail, fail);
    info = png_create_info_struct(png);
    png_init_io(png, file);
    png_read_info(png, info);
  }
  ~PngRead() {
    png_destroy_read_struct(&png, &info, nullptr);
    std::fclose(file);
  }
  PngRead(const PngRead&) = delete;
  PngRead& operator=(const PngRead&) = delete;
  [[noreturn]] static void fail(png_structp, png_const_charp message) { throw std::runtime_error(message); }

  std::FILE* file;
  png_structp png = nullptr;
  png_infop info = nullptr;
};

TEST_F(LongRender, PutsAGigapixelIntoAPng) {
  const std::string file = render({"--size", "32768"}, "wall.png");
  Parts parts(recipe_of(file), kSide, kSide);
  PngRead picture(file);
  ASSERT_EQ(png_get_image_width(picture.png, picture.info), kSide);
  ASSERT_EQ(png_get_image_height(picture.png, picture.info), kSide);
  std::vector<std::uint8_t> row(kSide * 3);
  int compared = 0;
  for (std::int64_t r = 0; r < kSide; ++r) {
    png_read_row(picture.png, row.data(), nullptr);
    if (r % 1009 != 0 && r != kSide - 1) continue;
    ASSERT_TRUE(row == parts.paint({0, r, kSide, 1})) << "row " << r;
    ++compared;
  }
  png_read_end(picture.png, nullptr);  // checks the last sums
  EXPECT_EQ(compared, 34);
}

// ---- the largest side

TEST_F(LongRender, PaintsTheWidestPictureThereIs) {
  const std::vector<std::string> options{"--linear", "--color", "grey", "--span", "1e-9"};
  const CppnRecipe recipe = recipe_of(render(with(options, {"--size", "64"}), "small.png"));
  fs::remove(folder_ / "small.png");
  const std::string file = render(with(options, {"--size", "2147483647x1"}), "widest.raw");
  ASSERT_EQ(fs::file_size(file), static_cast<std::uintmax_t>(kPictureMaxSide));
  Parts parts(recipe, kPictureMaxSide, 1);
  std::ifstream samples(file, std::ios::binary);
  std::uint8_t darkest = 255;
  std::uint8_t lightest = 0;
  constexpr std::int64_t kStretch = 4096;
  for (const std::int64_t column :
       {std::int64_t{0}, kPictureMaxSide / 2, kPictureMaxSide / 3 * 2, kPictureMaxSide - kStretch}) {
    std::vector<std::uint8_t> stored(kStretch);
    samples.seekg(column);
    samples.read(reinterpret_cast<char*>(stored.data()), kStretch);
    ASSERT_TRUE(samples) << column;
    EXPECT_TRUE(stored == parts.paint({column, 0, kStretch, 1})) << column;
    darkest = std::min(darkest, stored.front());
    lightest = std::max(lightest, stored.front());
  }
  EXPECT_GT(lightest - darkest, 20);  // or every pixel could be the same
}

}  // namespace
}  // namespace atelier::tools
