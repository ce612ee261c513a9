#include "tools/film.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "models/picture_painter.h"
#include "runtime/buffer.h"
#include "runtime/event.h"
#include "tools/interruption.h"
#include "tools/work_ends.h"

namespace atelier::tools {
namespace {

constexpr std::int64_t kBatchBytes = std::int64_t{4} << 20;
constexpr double kBatchWork = 2e10;       // multiply-adds
constexpr std::int64_t kMostFrames = 64;  // of a batch

std::int64_t frame_bytes(const FilmFormat& format) {
  return format.picture.row_bytes() * format.picture.height;
}

/// Frames under way: on the device, and copied to the host.
struct Batch {
  Batch(Stream& stream, std::int64_t bytes)
      : device(stream, bytes, "film frames"),
        host(Buffer<std::byte>::host(stream, bytes, "film frames (host)")),
        copied(stream.device()) {}
  Buffer<std::byte> device;
  Buffer<std::byte> host;
  Event copied;
  std::vector<PicturePainter> painters;  // of frames with weights of their own; they stay until it is painted
  std::int64_t first = 0;
  std::int64_t count = 0;
};

/// Queues frames one after another. One packed network serves all of them unless the weights move.
class FramePainter {
 public:
  FramePainter(Stream& stream, const Motion& motion, const PictureFormat& format)
      : stream_(stream), motion_(motion), format_(format), shown_(motion.frame(0)) {
    if (!motion.moves_weights()) painter_.emplace(stream, shown_, format.width, format.height);
  }

  void paint(Batch& batch, std::int64_t index) {
    const std::int64_t row_bytes = format_.row_bytes();
    const std::int64_t bytes = row_bytes * format_.height;
    const PixelRegion whole{0, 0, format_.width, format_.height};
    const VectorView<std::byte> place = batch.device.view().part((index - batch.first) * bytes, bytes);
    CppnRecipe recipe = motion_.frame(index);
    if (!painter_) {
      batch.painters.emplace_back(stream_, recipe, format_.width, format_.height);
      batch.painters.back().paint(stream_, whole, place, row_bytes);
      return;
    }
    if (recipe.latent != shown_.latent) painter_->set_latent(stream_, recipe.latent);
    painter_->set_window(recipe_window(recipe, format_.width, format_.height));
    painter_->paint(stream_, whole, place, row_bytes);
    shown_ = std::move(recipe);
  }

 private:
  Stream& stream_;
  const Motion& motion_;
  PictureFormat format_;
  CppnRecipe shown_;
  std::optional<PicturePainter> painter_;
};

}  // namespace

std::int64_t film_batch(const FilmFormat& format, const CppnRecipe& recipe) {
  const double work = static_cast<double>(format.picture.width) * static_cast<double>(format.picture.height) *
                      recipe.samples * recipe.samples * static_cast<double>(recipe.topology.multiply_adds());
  const auto by_work =
      static_cast<std::int64_t>(std::min(kBatchWork / work, static_cast<double>(kMostFrames)));
  const std::int64_t fitting =
      std::clamp(std::min(kBatchBytes / frame_bytes(format), by_work), std::int64_t{1}, kMostFrames);
  return std::min(fitting, std::max<std::int64_t>(1, (format.frames + 1) / 2));
}

std::int64_t film_bytes(const FilmFormat& format, const CppnRecipe& recipe) {
  return 4 * film_batch(format, recipe) * frame_bytes(format);
}

void paint_film(Stream& stream, const Motion& motion, const FilmFormat& format, FilmWriter& writer,
                Progress& progress) {
  const std::int64_t bytes = frame_bytes(format);
  const std::int64_t batch_frames = film_batch(format, motion.options().recipes.front());
  const std::int64_t frames = motion.frames();
  FramePainter painter(stream, motion, format.picture);
  std::array<Batch, 2> batches{Batch(stream, batch_frames * bytes), Batch(stream, batch_frames * bytes)};
  const WorkEnds ends(stream);

  std::int64_t painted = 0;
  const auto paint_next = [&](Batch& batch) {
    batch.painters.clear();
    batch.first = painted;
    batch.count = std::min(batch_frames, frames - painted);
    if (batch.count == 0) return;
    for (std::int64_t i = 0; i < batch.count; ++i) painter.paint(batch, painted + i);
    const std::int64_t used = batch.count * bytes;
    copy<std::byte>(stream, batch.host.view().part(0, used), batch.device.view().part(0, used));
    batch.copied.record(stream);
    painted += batch.count;
  };
  paint_next(batches[0]);
  for (std::size_t k = 0; batches[k % 2].count > 0; ++k) {
    Batch& batch = batches[k % 2];
    paint_next(batches[(k + 1) % 2]);
    batch.copied.synchronize();
    throw_if_interrupted();
    std::vector<FilmFrame> done;
    for (std::int64_t i = 0; i < batch.count; ++i)
      done.push_back({batch.host.data() + i * bytes,
                      [&motion, index = batch.first + i] { return recipe_to_json(motion.frame(index)); }});
    writer.write(done);
    progress.add(batch.count);
  }
  stream.synchronize();
}

}  // namespace atelier::tools
