#include "tools/image/gif_writer.h"

#include <fmt/format.h>
#include <gif_lib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <memory>
#include <new>

#include "runtime/error.h"

namespace atelier::tools {
namespace {

constexpr std::size_t kMostColors = 256;
constexpr int kBitsPerChannel = 8;
constexpr std::size_t kLongestBlock = 255;  // bytes of an extension's sub-block

using Colors = std::unique_ptr<ColorMapObject, decltype(&GifFreeMapObject)>;

/// giflib's palettes have a power of two of colours: the rest is black. None for an empty one.
Colors color_map(const std::vector<Rgb>& palette) {
  if (palette.empty()) return {nullptr, &GifFreeMapObject};
  std::vector<GifColorType> colors(std::bit_ceil(std::max<std::size_t>(palette.size(), 2)));
  for (std::size_t i = 0; i < palette.size(); ++i) colors[i] = {palette[i][0], palette[i][1], palette[i][2]};
  Colors map(GifMakeMapObject(static_cast<int>(colors.size()), colors.data()), &GifFreeMapObject);
  if (map == nullptr) throw std::bad_alloc();
  return map;
}

}  // namespace

int GifWriter::write_bytes(GifFileType* gif, const unsigned char* bytes, int count) {
  Sink& sink = *static_cast<Sink*>(gif->UserData);
  try {
    sink.file.write(bytes, static_cast<std::size_t>(count));
    return count;
  } catch (...) {
    sink.failure = std::current_exception();
    return 0;
  }
}

GifWriter::GifWriter(AtomicFile& file, std::int64_t width, std::int64_t height,
                     const std::vector<Rgb>& palette, const std::string& comment)
    : sink_{file, nullptr}, width_(width), height_(height), colors_(palette.size()) {
  if (width < 1 || height < 1 || width > kGifLargestSide || height > kGifLargestSide)
    throw InvalidArgument(
        fmt::format("gif: pictures of {} x {}; sides must be 1 to {}", width, height, kGifLargestSide));
  if (palette.size() > kMostColors)
    throw InvalidArgument(fmt::format("gif: {} colours; at most {}", palette.size(), kMostColors));
  int error = 0;
  gif_ = EGifOpen(&sink_, write_bytes, &error);
  if (gif_ == nullptr) fail(error);
  try {
    write_header(palette);
    if (!comment.empty()) write_comment(comment);
  } catch (...) {
    int ignored = 0;
    EGifCloseFile(gif_, &ignored);
    throw;
  }
}

GifWriter::~GifWriter() {
  int ignored = 0;
  if (gif_ != nullptr) EGifCloseFile(gif_, &ignored);
}

void GifWriter::write_header(const std::vector<Rgb>& palette) {
  const Colors colors = color_map(palette);
  EGifSetGifVersion(gif_, true);
  check(EGifPutScreenDesc(gif_, static_cast<int>(width_), static_cast<int>(height_), kBitsPerChannel, 0,
                          colors.get()));
  // The application extension by which viewers know how often to repeat; 0: for ever.
  static constexpr std::array<GifByteType, 11> kName{'N', 'E', 'T', 'S', 'C', 'A', 'P', 'E', '2', '.', '0'};
  static constexpr std::array<GifByteType, 3> kForEver{1, 0, 0};
  check(EGifPutExtensionLeader(gif_, APPLICATION_EXT_FUNC_CODE));
  check(EGifPutExtensionBlock(gif_, static_cast<int>(kName.size()), kName.data()));
  check(EGifPutExtensionBlock(gif_, static_cast<int>(kForEver.size()), kForEver.data()));
  check(EGifPutExtensionTrailer(gif_));
}

void GifWriter::write_comment(const std::string& comment) {
  check(EGifPutExtensionLeader(gif_, COMMENT_EXT_FUNC_CODE));
  for (std::size_t first = 0; first < comment.size(); first += kLongestBlock) {
    const std::size_t count = std::min(kLongestBlock, comment.size() - first);
    check(EGifPutExtensionBlock(gif_, static_cast<int>(count), comment.data() + first));
  }
  check(EGifPutExtensionTrailer(gif_));
}

void GifWriter::add(const IndexedPicture& picture, std::int64_t delay) {
  if (delay < 1 || delay > kGifLongestDelay)
    throw InvalidArgument(fmt::format("gif: the delay is {}; it must be 1 to {}", delay, kGifLongestDelay));
  if (picture.width != width_ || picture.height != height_)
    throw InvalidArgument(fmt::format("gif: a picture of {} x {} among those of {} x {}", picture.width,
                                      picture.height, width_, height_));
  const std::size_t colors = picture.palette.empty() ? colors_ : picture.palette.size();
  if (colors > kMostColors)
    throw InvalidArgument(fmt::format("gif: {} colours; at most {}", colors, kMostColors));
  if (std::any_of(picture.indices.begin(), picture.indices.end(),
                  [&](auto index) { return index >= colors; }))
    throw InvalidArgument(fmt::format("gif: a pixel of a colour beyond the palette's {}", colors));
  GraphicsControlBlock control{};
  control.DisposalMode = DISPOSE_DO_NOT;
  control.DelayTime = static_cast<int>(delay);
  control.TransparentColor = NO_TRANSPARENT_COLOR;
  std::array<GifByteType, 4> packed{};
  check(EGifPutExtension(gif_, GRAPHICS_EXT_FUNC_CODE,
                         static_cast<int>(EGifGCBToExtension(&control, packed.data())), packed.data()));
  const Colors own = color_map(picture.palette);
  check(EGifPutImageDesc(gif_, 0, 0, static_cast<int>(width_), static_cast<int>(height_), false, own.get()));
  row_.resize(static_cast<std::size_t>(width_));
  for (std::int64_t y = 0; y < height_; ++y) {
    // A copy: giflib masks the bytes that it is given.
    std::copy_n(picture.indices.begin() + y * width_, width_, row_.begin());
    check(EGifPutLine(gif_, row_.data(), static_cast<int>(width_)));
  }
}

void GifWriter::finish() {
  int error = 0;
  const int result = EGifCloseFile(gif_, &error);
  gif_ = nullptr;
  if (result == GIF_ERROR || sink_.failure) fail(error);
}

void GifWriter::check(int result) {
  if (result == GIF_ERROR || sink_.failure) fail(gif_->Error);
}

void GifWriter::fail(int error) {
  if (sink_.failure) std::rethrow_exception(sink_.failure);
  const char* const reason = GifErrorString(error);
  throw Error(fmt::format("gif: {}", reason != nullptr ? reason : "giflib fails without a reason"));
}

void write_gif(AtomicFile& file, const std::vector<GrayPicture>& pictures, std::int64_t delay) {
  if (pictures.empty()) throw InvalidArgument("gif: there is no picture to write");
  if (delay < 1 || delay > kGifLongestDelay)
    throw InvalidArgument(fmt::format("gif: the delay is {}; it must be 1 to {}", delay, kGifLongestDelay));
  const std::int64_t width = pictures.front().width;
  const std::int64_t height = pictures.front().height;
  for (const GrayPicture& picture : pictures)
    if (picture.width != width || picture.height != height)
      throw InvalidArgument(fmt::format("gif: a picture of {} x {} among those of {} x {}", picture.width,
                                        picture.height, width, height));
  GifWriter writer(file, width, height, gray_palette(), "");
  for (const GrayPicture& picture : pictures)
    writer.add(indexed_gray(reinterpret_cast<const std::byte*>(picture.pixels.data()), width, height), delay);
  writer.finish();
}

}  // namespace atelier::tools
