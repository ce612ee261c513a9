#include "tools/image/film_pipe.h"

#include <fmt/format.h>

#include <filesystem>
#include <initializer_list>

#include "tools/run_options.h"

namespace atelier::tools {
namespace {

constexpr std::size_t kLongestComment = 100 * 1000;  // bytes; Linux takes arguments of 128 KiB

std::vector<std::string> ffmpeg_words(FilmFile kind, const FilmFormat& format) {
  const PictureFormat& picture = format.picture;
  std::vector<std::string> words{"ffmpeg",
                                 "-hide_banner",
                                 "-nostdin",
                                 "-loglevel",
                                 "error",
                                 "-f",
                                 "rawvideo",
                                 "-pixel_format",
                                 picture.channels == 1 ? "gray" : "rgb24",
                                 "-video_size",
                                 fmt::format("{}x{}", picture.width, picture.height),
                                 "-framerate",
                                 fmt::format("{}", format.frames_per_second),
                                 "-i",
                                 "pipe:0",
                                 "-vf",
                                 "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p"};
  const auto add = [&](std::initializer_list<const char*> more) {
    for (const char* word : more) words.emplace_back(word);
  };
  add({"-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-color_range", "tv"});
  if (kind == FilmFile::mp4)
    add({"-c:v", "libx264", "-preset", "medium", "-crf", "17", "-movflags", "+faststart", "-f", "mp4"});
  else
    add({"-c:v", "libvpx-vp9", "-crf", "24", "-b:v", "0", "-row-mt", "1", "-f", "webm"});
  if (format.description.size() <= kLongestComment)
    add({"-metadata", fmt::format("comment={}", format.description).c_str()});
  else
    say("the film's description is too long for a video's comment: it holds none");
  add({"-y", EncoderProcess::kOutputName});
  return words;
}

}  // namespace

FilmPipe::FilmPipe(FilmFile kind, const std::string& output, bool force, const FilmFormat& format)
    : file_(output, force ? AtomicFile::Existing::replace : AtomicFile::Existing::refuse),
      frame_bytes_(static_cast<std::size_t>(format.picture.row_bytes() * format.picture.height)),
      process_(ffmpeg_words(kind, format), [&] {
        const std::filesystem::path folder = std::filesystem::path(output).parent_path();
        return folder.empty() ? std::filesystem::path(".") : folder;
      }()) {}

void FilmPipe::write(const std::vector<FilmFrame>& frames) {
  for (const FilmFrame& frame : frames) process_.write(frame.samples, frame_bytes_);
}

void FilmPipe::commit() {
  process_.finish(file_);
  file_.commit();
}

}  // namespace atelier::tools
