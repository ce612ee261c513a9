#include "tools/print/streamed_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <ctime>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/buffer.h"
#include "runtime/error.h"
#include "runtime/event.h"
#include "tools/interruption.h"
#include "tools/work_ends.h"

namespace atelier::tools {
namespace {

constexpr std::size_t kDevicePlaces = 3;  // one painted, one copied, one ahead

double seconds_of(clockid_t clock) {
  timespec now = {};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

bool needs_copy(Device device) {
  return device.kind() == DeviceKind::cuda;
}

/// Where a part waits between painting and encoding.
struct Place {
  Place(Stream& stream, std::int64_t bytes)
      : host(Buffer<std::byte>::host(stream, bytes, "part of a picture (host)")),
        begun(stream.device()),
        painted(stream.device()),
        copied(stream.device()) {}
  Buffer<std::byte> host;
  Event begun;
  Event painted;
  Event copied;
  std::int64_t part = 0;
};

/// The parts on their way: one thread paints, workers encode, and whoever has the next part in order stores.
class Conveyor {
 public:
  Conveyor(Stream& stream, PicturePainter& painter, PictureEncoder& encoder, std::int64_t first,
           const StreamPlan& plan, Progress& progress, const Checkpoint& checkpoint,
           double checkpoint_seconds)
      : stream_(stream),
        painter_(painter),
        encoder_(encoder),
        progress_(progress),
        checkpoint_(checkpoint),
        checkpoint_seconds_(checkpoint_seconds),
        next_(first),
        saved_(first) {
    const std::int64_t bytes = encoder.largest_part_bytes();
    free_.reserve(static_cast<std::size_t>(plan.places));
    for (int i = 0; i < plan.places; ++i)
      free_.push_back(places_.emplace_back(std::make_unique<Place>(stream, bytes)).get());
    if (needs_copy(stream.device())) {
      copies_.emplace(stream.device());
      for (std::size_t i = 0; i < std::min(kDevicePlaces, places_.size()); ++i)
        device_.push_back({Buffer<std::byte>(stream, bytes, "part of a picture"), Event(stream.device())});
    }
  }

  StreamReport run(std::int64_t first, int workers) {
    const double start = seconds_of(CLOCK_MONOTONIC);
    const double processor = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    last_checkpoint_ = start;
    {
      const WorkEnds ends(stream_);
      std::vector<std::jthread> threads;
      threads.reserve(static_cast<std::size_t>(workers));
      try {
        // Here, since threads that have started wait for the end of the work that is announced below.
        for (int i = 0; i < workers; ++i) threads.emplace_back([this] { work(); });
        paint_all(first);
      } catch (...) {
        fail(std::current_exception());
      }
      close();
    }
    if (copies_) copies_->synchronize();
    finish_report(first, start, processor);
    if (failure_) std::rethrow_exception(failure_);
    throw_if_interrupted();
    return report_;
  }

 private:
  struct DevicePlace {
    Buffer<std::byte> buffer;
    Event copied;
  };

  void paint_all(std::int64_t first) {
    for (std::int64_t part = first; part < encoder_.part_count() && !interruption_requested(); ++part) {
      Place* const place = free_place();
      if (place == nullptr) return;
      place->part = part;
      paint(*place);
      const std::lock_guard lock(mutex_);
      queue_.push_back(place);
      changed_.notify_all();
    }
  }

  void paint(Place& place) {
    const PixelRegion region = encoder_.part(place.part);
    const std::int64_t row_bytes = region.width * painter_.pixel_bytes();
    const std::int64_t bytes = row_bytes * region.height;
    const VectorView<std::byte> host = place.host.view().part(0, bytes);
    if (!copies_) {
      place.begun.record(stream_);
      painter_.paint(stream_, region, host, row_bytes);
      place.painted.record(stream_);
      place.copied.record(stream_);
      return;
    }
    DevicePlace& device = device_[static_cast<std::size_t>(place.part) % device_.size()];
    stream_.wait(device.copied);
    place.begun.record(stream_);
    painter_.paint(stream_, region, device.buffer.view().part(0, bytes), row_bytes);
    place.painted.record(stream_);
    copies_->wait(place.painted);
    copy<std::byte>(*copies_, host, device.buffer.view().part(0, bytes));
    place.copied.record(*copies_);
    device.copied.record(*copies_);
  }

  /// Waits for one; nothing once something has failed.
  Place* free_place() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !free_.empty() || failure_; });
    if (failure_) return nullptr;
    Place* const place = free_.back();
    free_.pop_back();
    return place;
  }

  Place* painted_place() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !queue_.empty() || closed_ || failure_; });
    if (failure_ || queue_.empty()) return nullptr;
    Place* const place = queue_.front();
    queue_.pop_front();
    return place;
  }

  void work() {
    try {
      while (Place* const place = painted_place()) {
        place->copied.synchronize();
        const double paint = elapsed_seconds(place->begun, place->painted);
        const double copied = copies_ ? elapsed_seconds(place->painted, place->copied) : 0;
        const double start = seconds_of(CLOCK_THREAD_CPUTIME_ID);
        const std::int64_t part = place->part;
        auto encoded = encoder_.encode(part, place->host.data());
        const double end = seconds_of(CLOCK_THREAD_CPUTIME_ID);
        {
          std::unique_lock lock(mutex_);
          report_.paint_seconds += paint;
          report_.copy_seconds += copied;
          report_.encode_seconds += end - start;
          free_.push_back(place);
          changed_.notify_all();
          changed_.wait(lock, [&] { return next_ == part || failure_; });
          if (failure_) return;
        }
        store(part, std::move(encoded));
      }
    } catch (...) {
      fail(std::current_exception());
    }
  }

  /// One thread at a time is here: the one whose part is the next.
  void store(std::int64_t part, std::unique_ptr<PictureEncoder::Encoded> encoded) {
    const double start = seconds_of(CLOCK_THREAD_CPUTIME_ID);
    encoder_.store(part, std::move(encoded));
    const double now = seconds_of(CLOCK_MONOTONIC);
    if (checkpoint_ && now - last_checkpoint_ >= checkpoint_seconds_) {
      checkpoint_(part + 1);
      saved_ = part + 1;
      last_checkpoint_ = seconds_of(CLOCK_MONOTONIC);
    }
    const PixelRegion region = encoder_.part(part);
    progress_.add(region.width * region.height);
    const std::lock_guard lock(mutex_);
    report_.store_seconds += seconds_of(CLOCK_THREAD_CPUTIME_ID) - start;
    next_ = part + 1;
    changed_.notify_all();
  }

  void fail(std::exception_ptr failure) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::move(failure);
    changed_.notify_all();
  }
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

  void finish_report(std::int64_t first, double start, double processor) {
    // What was stored since the last checkpoint need not be painted again, whatever ended the work.
    const bool whole = next_ == encoder_.part_count();
    if (checkpoint_ && next_ > saved_ && !(whole && !failure_)) {
      try {
        checkpoint_(next_);
      } catch (...) {
        if (!failure_) failure_ = std::current_exception();
      }
    }
    report_.parts = next_ - first;
    report_.wall_seconds = seconds_of(CLOCK_MONOTONIC) - start;
    report_.processor_seconds = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - processor;
  }

  Stream& stream_;
  PicturePainter& painter_;
  PictureEncoder& encoder_;
  Progress& progress_;
  const Checkpoint& checkpoint_;
  double checkpoint_seconds_;
  double last_checkpoint_ = 0;

  std::vector<std::unique_ptr<Place>> places_;
  std::optional<Stream> copies_;  // cuda only
  std::vector<DevicePlace> device_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Place*> free_;
  std::deque<Place*> queue_;  // painted or being painted, in order
  std::int64_t next_;         // part to be stored
  std::int64_t saved_;        // parts that the last checkpoint knows of
  bool closed_ = false;
  std::exception_ptr failure_;
  StreamReport report_;
};

}  // namespace

StreamPlan plan_stream(Device device, const PicturePainter& painter, const PictureEncoder& encoder,
                       std::int64_t memory, int threads) {
  const bool on_host = !needs_copy(device);
  const std::int64_t part = encoder.largest_part_bytes();
  const std::int64_t fixed = encoder.own_bytes() + (on_host ? painter.scratch_bytes() : 0);
  const std::int64_t a_worker = encoder.encoding_bytes();
  const auto bytes = [&](std::int64_t places, std::int64_t workers) {
    return fixed + places * part + workers * a_worker;
  };
  if (bytes(1, 1) > memory)
    throw Error(fmt::format("this picture needs at least {} of memory; {} may be used (--memory)",
                            size_text(static_cast<std::uint64_t>(bytes(1, 1))),
                            size_text(static_cast<std::uint64_t>(memory))));
  StreamPlan plan{1, 1, 0};
  while (plan.workers < threads && bytes(plan.places + 1, plan.workers + 1) <= memory) {
    ++plan.workers;
    ++plan.places;
  }
  while (plan.places < plan.workers + 2 && bytes(plan.places + 1, plan.workers) <= memory) ++plan.places;
  plan.bytes = bytes(plan.places, plan.workers);
  return plan;
}

StreamReport stream_picture(Stream& stream, PicturePainter& painter, PictureEncoder& encoder,
                            std::int64_t first, const StreamPlan& plan, Progress& progress,
                            const Checkpoint& checkpoint, double checkpoint_seconds) {
  Conveyor conveyor(stream, painter, encoder, first, plan, progress, checkpoint, checkpoint_seconds);
  StreamReport report = conveyor.run(first, plan.workers);
  report.planned_bytes = plan.bytes;
  return report;
}

double packing_ratio(Stream& stream, PicturePainter& painter, const PictureEncoder& encoder,
                     std::int64_t parts) {
  parts = std::min(parts, encoder.part_count());
  const Buffer<std::byte> device(stream, encoder.largest_part_bytes(), "part of a picture");
  std::vector<std::byte> host(static_cast<std::size_t>(encoder.largest_part_bytes()));
  double ratio = 0;
  for (std::int64_t k = 0; k < parts; ++k) {
    const std::int64_t index = (2 * k + 1) * encoder.part_count() / (2 * parts);
    const PixelRegion region = encoder.part(index);
    const std::int64_t row_bytes = region.width * painter.pixel_bytes();
    const std::int64_t bytes = row_bytes * region.height;
    painter.paint(stream, region, device.view().part(0, bytes), row_bytes);
    download<std::byte>(stream, std::span(host).first(static_cast<std::size_t>(bytes)),
                        device.view().part(0, bytes));
    ratio += static_cast<double>(encoder.encode(index, host.data())->bytes()) / static_cast<double>(bytes);
  }
  return ratio / static_cast<double>(parts);
}

}  // namespace atelier::tools
