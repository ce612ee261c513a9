#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "models/recipe.h"
#include "runtime/stream.h"
#include "tools/image/picture_writer.h"
#include "tools/print/print_format.h"
#include "tools/print/streamed_picture.h"

namespace atelier::tools {

/// One picture to be painted into a file.
struct PrintJob {
  CppnRecipe recipe;  // size and samples included
  std::filesystem::path path;
  PrintFormat kind = PrintFormat::png;
  double pixels_per_inch = 0;  // 0: the file does not say
  bool pyramid = false;        // tiff: with reduced levels
  bool force = false;          // replaces what is there, and what an interrupted render left
  bool resume = false;         // goes on with what an interrupted render left, if there is any
  std::int64_t memory = 0;     // bytes; 0: default_memory()
  bool quiet = false;
};

/// What a render did.
struct PrintReport {
  StreamReport stream;
  std::string kernel;
  std::uint64_t bytes = 0;        // of the file, or of all files
  std::int64_t parts = 0;         // of the picture
  std::int64_t parts_before = 0;  // stored by the render that was resumed
  double seconds = 0;
};

/// A quarter of the memory that is free, at least 256 MiB.
[[nodiscard]] std::int64_t default_memory();

/// Pictures of this many bytes of samples and more leave what they have when they are interrupted.
inline constexpr std::int64_t kResumableBytes = std::int64_t{256} << 20;

[[nodiscard]] PictureFormat print_format(const PrintJob& job);

/// What the interrupted render of this file was painting: recipe, pixels_per_inch and pyramid of a job, for
/// `--resume` without any word about the picture. Nothing where there is none. Throws Error and
/// InvalidArgument for one that is damaged.
[[nodiscard]] std::optional<PrintJob> interrupted_job(const std::filesystem::path& path);

/// Paints the picture on the stream's device in constant memory, encodes and writes it; the file has its name
/// when it is whole. A picture of kResumableBytes or with `resume` is written under PATH.part, with PATH.part
/// .state beside it, written anew every five seconds and when the render ends early; the same job with
/// `resume` goes on there and gives the same bytes as if nothing had happened. The need of disk is estimated
/// from a few parts before the start. Throws UsageError: a format that cannot hold the picture, a leftover
/// without `resume` or `force`; Error: memory or disk do not suffice, the leftover is of another picture,
/// device, instruction set or version; Interrupted.
PrintReport print_picture(Stream& stream, const PrintJob& job);

}  // namespace atelier::tools
