#include "models/png_image.h"

#include <fmt/format.h>
#include <png.h>

#include <algorithm>
#include <cstring>

#include "models/file_contents.h"
#include "runtime/error.h"

namespace atelier {
namespace {

constexpr std::size_t kSignatureBytes = 8;
constexpr std::uint64_t kBestRatio = 1032;  // a deflate block packs 258 bytes into 2 bits at best

/// What libpng's callbacks see. Trivial members only: errors leave libpng by longjmp.
struct Decoder {
  png_structp png = nullptr;
  png_infop info = nullptr;
  const std::byte* next = nullptr;
  std::size_t left = 0;
  char message[160] = {};
};

extern "C" {
static void decoder_error(png_structp png, png_const_charp message) {
  auto* decoder = static_cast<Decoder*>(png_get_error_ptr(png));
  std::strncpy(decoder->message, message, sizeof decoder->message - 1);
  png_longjmp(png, 1);
}
static void decoder_warning(png_structp /*png*/, png_const_charp /*message*/) {}
static void decoder_read(png_structp png, png_bytep target, png_size_t count) {
  auto* decoder = static_cast<Decoder*>(png_get_io_ptr(png));
  if (count > decoder->left) png_error(png, "it ends before its picture does");
  std::memcpy(target, decoder->next, count);
  decoder->next += count;
  decoder->left -= count;
}
}

/// Reads up to the first pixels. False: decoder.message says why not.
bool read_header(Decoder& decoder) {
  if (setjmp(png_jmpbuf(decoder.png)) != 0) return false;
  // Sizes are judged by the caller, with a message of its own; libpng allocates no row before that.
  png_set_user_limits(decoder.png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_set_read_fn(decoder.png, &decoder, decoder_read);
  png_read_info(decoder.png, decoder.info);
  return true;
}

/// Everything as 8-bit grey, grey + alpha, RGB or RGBA.
bool prepare(Decoder& decoder) {
  if (setjmp(png_jmpbuf(decoder.png)) != 0) return false;
  png_set_expand(decoder.png);
  png_set_scale_16(decoder.png);
  png_set_interlace_handling(decoder.png);
  png_read_update_info(decoder.png, decoder.info);
  return true;
}

bool read_rows(Decoder& decoder, png_bytepp rows) {
  if (setjmp(png_jmpbuf(decoder.png)) != 0) return false;
  png_read_image(decoder.png, rows);
  png_read_end(decoder.png, nullptr);
  return true;
}

class PngReader {
 public:
  PngReader(std::span<const std::byte> bytes, const std::string& source)
      : source_(source), bytes_(bytes.size()) {
    if (bytes.size() < kSignatureBytes ||
        !std::equal(kSignature, kSignature + kSignatureBytes, bytes.begin(),
                    [](unsigned a, std::byte b) { return a == std::to_integer<unsigned>(b); }))
      throw InvalidArgument(fmt::format("{}: not a PNG: it does not start as one", source_));
    decoder_.next = bytes.data();
    decoder_.left = bytes.size();
    decoder_.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &decoder_, decoder_error, decoder_warning);
    if (decoder_.png != nullptr) decoder_.info = png_create_info_struct(decoder_.png);
    if (decoder_.info == nullptr) {
      png_destroy_read_struct(&decoder_.png, &decoder_.info, nullptr);
      throw Error(fmt::format("{}: libpng cannot start", source_));
    }
  }
  ~PngReader() { png_destroy_read_struct(&decoder_.png, &decoder_.info, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  PngImage gray_picture(const PngLimits& limits) {
    const Pixels pixels = decode(limits);
    PngImage image{pixels.width, pixels.height, {}};
    image.pixels.resize(static_cast<std::size_t>(image.width * image.height));
    const bool dark = dark_on_transparent(pixels.bytes, pixels.channels);
    for (std::size_t i = 0; i < image.pixels.size(); ++i)
      image.pixels[i] = shown(pixels.bytes.data() + i * pixels.channels, pixels.channels, dark);
    return image;
  }

  std::vector<std::uint8_t> colors(const PngLimits& limits) {
    const Pixels pixels = decode(limits);
    std::vector<std::uint8_t> result;
    for (std::size_t i = 0; i < pixels.bytes.size(); i += pixels.channels) {
      const png_byte* const pixel = &pixels.bytes[i];
      if (opacity(pixel, pixels.channels) < 128) continue;
      for (std::size_t c = 0; c < 3; ++c) result.push_back(pixel[pixels.channels < 3 ? 0 : c]);
    }
    return result;
  }

 private:
  static constexpr unsigned char kSignature[kSignatureBytes] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

  /// What prepare() promises, rows without gaps.
  struct Pixels {
    std::int64_t width = 0;
    std::int64_t height = 0;
    std::size_t channels = 0;
    std::vector<png_byte> bytes;
  };
  Pixels decode(const PngLimits& limits) {
    if (!read_header(decoder_)) fail();
    Pixels pixels;
    pixels.width = png_get_image_width(decoder_.png, decoder_.info);
    pixels.height = png_get_image_height(decoder_.png, decoder_.info);
    judge(pixels.width, pixels.height, limits);
    if (!prepare(decoder_)) fail();
    const std::size_t row_bytes = png_get_rowbytes(decoder_.png, decoder_.info);
    pixels.channels = png_get_channels(decoder_.png, decoder_.info);
    const auto height = static_cast<std::size_t>(pixels.height);
    pixels.bytes.resize(row_bytes * height);
    std::vector<png_bytep> rows(height);
    for (std::size_t y = 0; y < height; ++y) rows[y] = pixels.bytes.data() + y * row_bytes;
    if (!read_rows(decoder_, rows.data())) fail();
    return pixels;
  }

  [[noreturn]] void fail() const {
    throw InvalidArgument(
        fmt::format("{}: not a whole PNG: {}", source_, static_cast<const char*>(decoder_.message)));
  }

  void judge(std::int64_t width, std::int64_t height, const PngLimits& limits) const {
    if (width > limits.largest_side || height > limits.largest_side || width * height > limits.largest_pixels)
      throw InvalidArgument(fmt::format("{}: {} x {} pixels; at most {} a side and {} in all are read",
                                        source_, width, height, limits.largest_side, limits.largest_pixels));
    // A header that promises more than deflate can pack into the file is not worth any memory.
    const std::uint64_t packed =
        png_get_rowbytes(decoder_.png, decoder_.info) * static_cast<std::uint64_t>(height);
    if (packed / kBestRatio > bytes_)
      throw InvalidArgument(fmt::format("{}: not a whole PNG: {} bytes cannot hold {} x {} pixels", source_,
                                        bytes_, width, height));
  }

  static unsigned gray(const png_byte* pixel, std::size_t channels) {
    if (channels < 3) return pixel[0];
    return (299U * pixel[0] + 587U * pixel[1] + 114U * pixel[2] + 500U) / 1000U;
  }
  static unsigned opacity(const png_byte* pixel, std::size_t channels) {
    return channels % 2 == 0 ? pixel[channels - 1] : 255U;
  }
  /// Something is transparent, and on black nothing would show.
  static bool dark_on_transparent(const std::vector<png_byte>& pixels, std::size_t channels) {
    constexpr unsigned kHardlyShows = 64;
    bool transparent = false;
    for (std::size_t i = 0; i < pixels.size(); i += channels) {
      if (shown(&pixels[i], channels, false) >= kHardlyShows) return false;
      transparent = transparent || opacity(&pixels[i], channels) == 0;
    }
    return transparent;
  }
  static std::uint8_t shown(const png_byte* pixel, std::size_t channels, bool dark) {
    const unsigned value = dark ? 255U - gray(pixel, channels) : gray(pixel, channels);
    return static_cast<std::uint8_t>((value * opacity(pixel, channels) + 127U) / 255U);
  }

  const std::string& source_;
  std::size_t bytes_;
  Decoder decoder_;
};

}  // namespace

PngImage parse_png_image(std::span<const std::byte> bytes, const std::string& source,
                         const PngLimits& limits) {
  return PngReader(bytes, source).gray_picture(limits);
}

namespace {
constexpr std::uint64_t kLargestFile = std::uint64_t{1} << 30;
}

PngImage read_png_image(const std::filesystem::path& path, const PngLimits& limits) {
  return parse_png_image(detail::file_contents(path, kLargestFile), path.string(), limits);
}

std::vector<std::uint8_t> read_png_colors(const std::filesystem::path& path, const PngLimits& limits) {
  const auto bytes = detail::file_contents(path, kLargestFile);
  const std::string source = path.string();
  return PngReader(bytes, source).colors(limits);
}

}  // namespace atelier
