#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "models/picture_painter.h"
#include "runtime/stream.h"
#include "tools/print/picture_encoder.h"
#include "tools/progress.h"

namespace atelier::tools {

/// How much of a picture is under way at a time.
struct StreamPlan {
  int places = 2;          // parts painted and not yet encoded
  int workers = 1;         // threads that encode
  std::int64_t bytes = 0;  // of host memory that the places, the workers, the painter and the encoder hold
};
/// As many places as `memory` bytes hold, at most two more than `threads`, and a worker a thread. Throws
/// Error when not even one place and one worker fit: the line says what is needed.
[[nodiscard]] StreamPlan plan_stream(Device device, const PicturePainter& painter,
                                     const PictureEncoder& encoder, std::int64_t memory, int threads);

/// Where the time of a picture went. Seconds of `paint` and `copy` are the stream's (of the device on cuda,
/// of the clock on the wall elsewhere), those of `encode` and `store` processor time of the threads that did
/// it.
struct StreamReport {
  std::int64_t parts = 0;
  double wall_seconds = 0;
  double paint_seconds = 0;
  double copy_seconds = 0;  // device to host; 0 where they are the same memory
  double encode_seconds = 0;
  double store_seconds = 0;
  double processor_seconds = 0;  // of the whole process
  std::int64_t planned_bytes = 0;
};

/// Called now and then, between two parts, with the number of parts that have been stored: writes down what
/// another process needs to go on.
using Checkpoint = std::function<void(std::int64_t parts)>;

/// Paints parts `first` … of the encoder's picture on the stream's device, encodes them on threads of their
/// own and stores them in order; painting, copying (on a stream of its own), encoding and storing overlap.
/// Memory is what the plan says, whatever the picture's size. `checkpoint`, where there is one, is called at
/// most every `checkpoint_seconds` and before a failure or an interruption leaves this call. Throws what the
/// device, the encoder and the checkpoint throw, and Interrupted after Ctrl-C. finish() and commit() are left
/// to the caller.
StreamReport stream_picture(Stream& stream, PicturePainter& painter, PictureEncoder& encoder,
                            std::int64_t first, const StreamPlan& plan, Progress& progress,
                            const Checkpoint& checkpoint = {}, double checkpoint_seconds = 5);

/// Bytes that parts of the picture take in the file, for each byte of their samples: the mean over `parts`
/// parts evenly spread, painted and encoded and not stored.
[[nodiscard]] double packing_ratio(Stream& stream, PicturePainter& painter, const PictureEncoder& encoder,
                                   std::int64_t parts = 5);

}  // namespace atelier::tools
