#include "tools/image/gif_writer.h"

#include <fmt/format.h>
#include <gif_lib.h>

#include <algorithm>
#include <array>
#include <exception>
#include <memory>
#include <new>

#include "runtime/error.h"

namespace atelier::tools {
namespace {

constexpr int kGrays = 256;
constexpr int kBitsPerPixel = 8;
constexpr std::int64_t kLargestSide = 65535;
constexpr std::int64_t kLongestDelay = 65535;

/// giflib calls back from C: what AtomicFile throws waits here until the call has returned.
struct Sink {
  AtomicFile& file;
  std::exception_ptr failure;
};

int write_bytes(GifFileType* gif, const GifByteType* bytes, int count) {
  Sink& sink = *static_cast<Sink*>(gif->UserData);
  try {
    sink.file.write(bytes, static_cast<std::size_t>(count));
    return count;
  } catch (...) {
    sink.failure = std::current_exception();
    return 0;
  }
}

class GifWriter {
 public:
  explicit GifWriter(AtomicFile& file) : sink_{file, nullptr} {
    int error = 0;
    gif_ = EGifOpen(&sink_, write_bytes, &error);
    if (gif_ == nullptr) fail(error);
  }
  ~GifWriter() {
    int ignored = 0;
    if (gif_ != nullptr) EGifCloseFile(gif_, &ignored);
  }
  GifWriter(const GifWriter&) = delete;
  GifWriter& operator=(const GifWriter&) = delete;

  void begin(std::int64_t width, std::int64_t height) {
    std::array<GifColorType, kGrays> grays{};
    for (std::size_t gray = 0; gray < grays.size(); ++gray) {
      const auto level = static_cast<GifByteType>(gray);
      grays[gray] = {level, level, level};
    }
    const std::unique_ptr<ColorMapObject, decltype(&GifFreeMapObject)> colors(
        GifMakeMapObject(kGrays, grays.data()), &GifFreeMapObject);
    if (colors == nullptr) throw std::bad_alloc();
    EGifSetGifVersion(gif_, true);
    check(EGifPutScreenDesc(gif_, static_cast<int>(width), static_cast<int>(height), kBitsPerPixel, 0,
                            colors.get()));
    // The application extension by which viewers know how often to repeat; 0: for ever.
    static constexpr std::array<GifByteType, 11> kName{'N', 'E', 'T', 'S', 'C', 'A', 'P', 'E', '2', '.', '0'};
    static constexpr std::array<GifByteType, 3> kForEver{1, 0, 0};
    check(EGifPutExtensionLeader(gif_, APPLICATION_EXT_FUNC_CODE));
    check(EGifPutExtensionBlock(gif_, static_cast<int>(kName.size()), kName.data()));
    check(EGifPutExtensionBlock(gif_, static_cast<int>(kForEver.size()), kForEver.data()));
    check(EGifPutExtensionTrailer(gif_));
  }

  void add(const GrayPicture& picture, std::int64_t delay) {
    GraphicsControlBlock control{};
    control.DisposalMode = DISPOSE_DO_NOT;
    control.DelayTime = static_cast<int>(delay);
    control.TransparentColor = NO_TRANSPARENT_COLOR;
    std::array<GifByteType, 4> packed{};
    check(EGifPutExtension(gif_, GRAPHICS_EXT_FUNC_CODE,
                           static_cast<int>(EGifGCBToExtension(&control, packed.data())), packed.data()));
    check(EGifPutImageDesc(gif_, 0, 0, static_cast<int>(picture.width), static_cast<int>(picture.height),
                           false, nullptr));
    row_.resize(static_cast<std::size_t>(picture.width));
    for (std::int64_t y = 0; y < picture.height; ++y) {
      // A copy: giflib masks the bytes that it is given.
      std::copy_n(picture.pixels.begin() + y * picture.width, picture.width, row_.begin());
      check(EGifPutLine(gif_, row_.data(), static_cast<int>(picture.width)));
    }
  }

  void end() {
    int error = 0;
    const int result = EGifCloseFile(gif_, &error);
    gif_ = nullptr;
    if (result == GIF_ERROR || sink_.failure) fail(error);
  }

 private:
  void check(int result) {
    if (result == GIF_ERROR || sink_.failure) fail(gif_->Error);
  }
  [[noreturn]] void fail(int error) {
    if (sink_.failure) std::rethrow_exception(sink_.failure);
    const char* const reason = GifErrorString(error);
    throw Error(fmt::format("gif: {}", reason != nullptr ? reason : "giflib fails without a reason"));
  }

  Sink sink_;
  GifFileType* gif_ = nullptr;
  std::vector<GifByteType> row_;
};

}  // namespace

void write_gif(AtomicFile& file, const std::vector<GrayPicture>& pictures, std::int64_t delay) {
  if (pictures.empty()) throw InvalidArgument("gif: there is no picture to write");
  if (delay < 1 || delay > kLongestDelay)
    throw InvalidArgument(fmt::format("gif: the delay is {}; it must be 1 to {}", delay, kLongestDelay));
  const std::int64_t width = pictures.front().width;
  const std::int64_t height = pictures.front().height;
  if (width < 1 || height < 1 || width > kLargestSide || height > kLargestSide)
    throw InvalidArgument(
        fmt::format("gif: pictures of {} x {}; sides must be 1 to {}", width, height, kLargestSide));
  for (const GrayPicture& picture : pictures)
    if (picture.width != width || picture.height != height)
      throw InvalidArgument(fmt::format("gif: a picture of {} x {} among those of {} x {}", picture.width,
                                        picture.height, width, height));
  GifWriter writer(file);
  writer.begin(width, height);
  for (const GrayPicture& picture : pictures) writer.add(picture, delay);
  writer.end();
}

}  // namespace atelier::tools
