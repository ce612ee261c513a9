#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <vector>

#include "models/atomic_file.h"
#include "models/learner.h"
#include "tools/image/indexed_picture.h"

struct GifFileType;

namespace atelier::tools {

inline constexpr std::int64_t kGifLargestSide = 65535;
inline constexpr std::int64_t kGifLongestDelay = 65535;  // hundredths of a second

/// An animated GIF (GIF89a through giflib) that begins again for ever. The same frames give the same file.
class GifWriter {
 public:
  /// `palette`: the colours of frames that have none of their own; may be empty. `comment`: a text that
  /// viewers do not show. Throws InvalidArgument: a side outside 1..kGifLargestSide, more than 256 colours;
  /// Error when the file cannot be written.
  GifWriter(AtomicFile& file, std::int64_t width, std::int64_t height, const std::vector<Rgb>& palette,
            const std::string& comment);
  ~GifWriter();
  GifWriter(const GifWriter&) = delete;
  GifWriter& operator=(const GifWriter&) = delete;

  /// A frame that stays for `delay` hundredths of a second, 1 to kGifLongestDelay; viewers slow down what is
  /// faster than 2. An empty palette means the film's. Throws InvalidArgument: another size or delay, an
  /// index beyond the palette; Error.
  void add(const IndexedPicture& picture, std::int64_t delay);
  /// After the last frame. Throws Error.
  void finish();

 private:
  struct Sink {
    AtomicFile& file;
    std::exception_ptr failure;  // what AtomicFile threw while giflib, which is C, was calling
  };
  static int write_bytes(GifFileType* gif, const unsigned char* bytes, int count);
  void write_header(const std::vector<Rgb>& palette);
  void write_comment(const std::string& comment);
  void check(int result);
  [[noreturn]] void fail(int error);

  Sink sink_;
  GifFileType* gif_ = nullptr;
  std::int64_t width_;
  std::int64_t height_;
  std::size_t colors_;
  std::vector<unsigned char> row_;
};

/// Writes pictures of one size as an animated GIF (256 greys, so every byte of a picture is kept). Each stays
/// for `delay` hundredths of a second. Throws InvalidArgument: no picture, different sizes, a side beyond
/// 65535, a delay outside 1..65535; Error when the file cannot be written.
void write_gif(AtomicFile& file, const std::vector<GrayPicture>& pictures, std::int64_t delay);

}  // namespace atelier::tools
