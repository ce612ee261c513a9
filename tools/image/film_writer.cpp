#include "tools/image/film_writer.h"

#include <fmt/format.h>

#include <cmath>

#include "runtime/parallel.h"
#include "tools/image/film_folder.h"
#include "tools/image/film_pipe.h"
#include "tools/image/gif_writer.h"
#include "tools/interruption.h"
#include "tools/run_options.h"
#include "tools/usage_error.h"

namespace atelier::tools {
namespace {

constexpr double kGifFastest = 50;  // frames a second: viewers take shorter delays for longer ones
constexpr std::int64_t kVideoLargestSide = 16384;  // H.264 and VP9 end there

class GifFilm final : public FilmWriter {
 public:
  GifFilm(const std::string& output, bool force, const FilmFormat& format)
      : file_(output, force ? AtomicFile::Existing::replace : AtomicFile::Existing::refuse),
        format_(format),
        writer_(file_, format.picture.width, format.picture.height,
                format.picture.channels == 1 ? gray_palette() : std::vector<Rgb>(), format.description) {}

  void write(const std::vector<FilmFrame>& frames) override {
    const PictureFormat& picture = format_.picture;
    std::vector<IndexedPicture> pictures(frames.size());
    parallel_for(static_cast<std::int64_t>(frames.size()), 1, [&](std::int64_t first, std::int64_t last) {
      for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i) {
        throw_if_interrupted();
        pictures[i] = (picture.channels == 1 ? indexed_gray : quantized)(frames[i].samples, picture.width,
                                                                         picture.height);
      }
    });
    for (const IndexedPicture& indexed : pictures) {
      writer_.add(indexed, hundredths(frames_ + 1) - hundredths(frames_));
      ++frames_;
    }
  }

  void commit() override {
    writer_.finish();
    file_.commit();
  }

  [[nodiscard]] std::uint64_t bytes_written() const override { return file_.bytes_written(); }

 private:
  /// When a frame begins: rounded one by one the delays would drift away from the rate.
  [[nodiscard]] std::int64_t hundredths(std::int64_t frame) const {
    return std::llround(100 * static_cast<double>(frame) / format_.frames_per_second);
  }

  AtomicFile file_;
  FilmFormat format_;
  GifWriter writer_;
  std::int64_t frames_ = 0;
};

}  // namespace

FilmFile film_file_of(const std::string& output) {
  const std::filesystem::path path(output);
  std::string extension = path.extension().string();
  for (char& letter : extension)
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  if (!path.has_filename() || extension.empty()) return FilmFile::folder;
  if (extension == ".gif") return FilmFile::gif;
  if (extension == ".mp4") return FilmFile::mp4;
  if (extension == ".webm") return FilmFile::webm;
  throw UsageError(
      fmt::format("{}: a film is a .gif, .mp4 or .webm file, or a folder of PNG pictures (DIR/)", output));
}

void check_film_format(FilmFile kind, const FilmFormat& format) {
  const PictureFormat& picture = format.picture;
  const auto refuse = [&](const char* name, const std::string& what) {
    throw UsageError(fmt::format("{}x{} at {:g} frames a second: {} {}", picture.width, picture.height,
                                 format.frames_per_second, name, what));
  };
  const bool video = kind == FilmFile::mp4 || kind == FilmFile::webm;
  const bool bytes = picture.sample == CppnSample::u8 || picture.sample == CppnSample::u8_truncate;
  if (!bytes && (kind != FilmFile::folder || picture.sample != CppnSample::u16))
    refuse(kind == FilmFile::folder ? "PNG pictures" : "this kind of film",
           kind == FilmFile::folder ? "have 8 or 16 bits a channel" : "has 8 bits a channel");
  const std::int64_t longest = std::max(picture.width, picture.height);
  if (kind == FilmFile::gif && longest > kGifLargestSide)
    refuse("a GIF", fmt::format("has sides of at most {} pixels", kGifLargestSide));
  if (kind == FilmFile::gif && format.frames_per_second > kGifFastest)
    refuse("a GIF", fmt::format("shows at most {:g} a second", kGifFastest));
  if (video && longest > kVideoLargestSide)
    refuse("a video", fmt::format("has sides of at most {} pixels", kVideoLargestSide));
  if (video && (picture.width % 2 != 0 || picture.height % 2 != 0))
    refuse("a video", "has even sides: its colours are kept for two by two pixels");
}

std::unique_ptr<FilmWriter> make_film_writer(FilmFile kind, const std::string& output, bool force,
                                             const FilmFormat& format) {
  check_film_format(kind, format);
  if (kind == FilmFile::folder) return std::make_unique<FilmFolder>(output, force, format);
  if (!force) require_free_name(output);
  if (kind == FilmFile::gif) return std::make_unique<GifFilm>(output, force, format);
  return std::make_unique<FilmPipe>(kind, output, force, format);
}

}  // namespace atelier::tools
