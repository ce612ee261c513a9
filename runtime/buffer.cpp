#include "runtime/buffer.h"

#include <fmt/format.h>

#include <limits>
#include <list>
#include <mutex>
#include <new>
#include <utility>

#include "runtime/memory_fence.h"
#include "runtime/memory_ledger.h"
#include "runtime/memory_size.h"
#include "runtime/stream_state.h"

namespace atelier {

namespace detail {

namespace {

class StreamBlock;

/// Fenced builds: the blocks whose guards check_guards reads. Never destroyed, as static objects may own
/// blocks.
struct LiveBlocks {
  std::mutex mutex;
  std::list<const StreamBlock*> blocks;
};
LiveBlocks& live_blocks() {
  static LiveBlocks* const instance = new LiveBlocks;
  return *instance;
}

/// A block of a stream's device. Its release is queued in the stream behind the work that may use it.
class StreamBlock final : public Block {
 public:
  StreamBlock(std::shared_ptr<StreamState> stream, std::size_t size, MemorySpace space, std::string label)
      : stream_(std::move(stream)), space_(space), label_(std::move(label)) {
    if (size == 0) return;
    ledger_take(stream_->device(), space_, size, label_);
    try {
      take(size);
    } catch (const std::bad_alloc&) {
      ledger_give_back(stream_->device(), space_, size, label_);
      throw out_of_memory(account_of(stream_->device(), space_), size, label_);
    } catch (...) {
      ledger_give_back(stream_->device(), space_, size, label_);
      throw;
    }
    data_ = memory_fenced ? static_cast<std::byte*>(memory_.base) + front_guard : memory_.base;
    bytes_ = size;
  }

  ~StreamBlock() override {
    if (bytes_ == 0) return;
    if constexpr (memory_fenced) {
      LiveBlocks& live = live_blocks();
      const std::lock_guard lock(live.mutex);
      live.blocks.erase(place_);
    }
    ledger_give_back(stream_->device(), space_, bytes_, label_);
    stream_->release_memory(std::move(memory_));
  }

  /// A line about the first overwritten guard byte, or nothing.
  [[nodiscard]] std::string corruption() const {
    const std::size_t back_bytes = memory_.bytes - front_guard - bytes_;
    std::vector<std::byte> guards(front_guard + back_bytes);
    stream_->read_memory(guards.data(), memory_.base, front_guard);
    stream_->read_memory(guards.data() + front_guard, static_cast<const std::byte*>(data_) + bytes_,
                         back_bytes);
    return check_guard_bytes(*memory_.fence, guards.data(), guards.data() + front_guard);
  }
  [[nodiscard]] const StreamState& stream() const { return *stream_; }

 private:
  void take(std::size_t size) {
    memory_.space = space_;
    if constexpr (!memory_fenced) {
      memory_.bytes = size;
      memory_.base = stream_->take_memory(size, space_);
      return;
    }
    if (size > std::numeric_limits<std::size_t>::max() / 2) throw std::bad_alloc();
    memory_.bytes = fenced_size(size);
    memory_.fence = std::make_unique<FenceTag>(FenceTag{stream_->device(), label_, size});
    std::list<const StreamBlock*> entry{this};
    memory_.base = stream_->take_memory(memory_.bytes, space_);
    try {
      stream_->fence_memory(memory_.base, size);
    } catch (...) {
      memory_.fence.reset();
      stream_->release_memory(std::move(memory_));
      throw;
    }
    place_ = entry.begin();
    LiveBlocks& live = live_blocks();
    const std::lock_guard lock(live.mutex);
    live.blocks.splice(live.blocks.end(), entry);
  }

  std::shared_ptr<StreamState> stream_;
  MemorySpace space_;
  std::string label_;
  RetiredMemory memory_;
  std::list<const StreamBlock*>::iterator place_;
};

}  // namespace

std::unique_ptr<Block> allocate(Stream& stream, std::size_t bytes, MemorySpace space, std::string label) {
  if (!stream.state())
    throw InvalidArgument(fmt::format("allocating '{}': the stream was moved from", label));
  if (stream.capturing())
    throw CaptureError(
        fmt::format("allocating {} for '{}': the stream on {} is capturing; allocate before the capture",
                    readable_size(bytes), label, stream.device().name()));
  return std::make_unique<StreamBlock>(stream.state(), bytes, space, std::move(label));
}

std::size_t byte_count(std::int64_t count, std::size_t size, const char* label) {
  if (count < 0)
    throw InvalidArgument(fmt::format("'{}': {} elements; a count must not be negative", label, count));
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  if (static_cast<std::uint64_t>(count) > static_cast<std::uint64_t>(most) / size)
    throw InvalidArgument(fmt::format("'{}': {} elements of {} bytes are more than memory can be addressed",
                                      label, count, size));
  return static_cast<std::size_t>(count) * size;
}

namespace {

void require_same_size(const char* call, Device device, std::size_t destination, std::size_t source) {
  if (destination != source)
    throw InvalidArgument(
        fmt::format("{} on {}: the destination has {} bytes, the source {}; they must be equal", call,
                    device.name(), destination, source));
}

}  // namespace

void upload_bytes(Stream& stream, void* destination, std::size_t destination_bytes, const void* source,
                  std::size_t source_bytes) {
  require_same_size("upload", stream.device(), destination_bytes, source_bytes);
  stream.state()->require_not_capturing("upload");
  if (source_bytes > 0) stream.state()->upload(destination, source, source_bytes);
}

void download_bytes(Stream& stream, void* destination, std::size_t destination_bytes, const void* source,
                    std::size_t source_bytes) {
  require_same_size("download", stream.device(), destination_bytes, source_bytes);
  stream.state()->require_not_capturing("download");
  stream.state()->download(destination, source, source_bytes);
  report_corruption(stream.device());
}

void copy_checked(Stream& stream, void* destination, std::size_t destination_bytes, const void* source,
                  std::size_t source_bytes) {
  require_same_size("copy", stream.device(), destination_bytes, source_bytes);
  copy_bytes(stream, destination, source, source_bytes);
}

}  // namespace detail

void check_guards(Device device) {
  if constexpr (!detail::memory_fenced) return;
  detail::report_corruption(device);
  std::string message;
  {
    detail::LiveBlocks& live = detail::live_blocks();
    const std::lock_guard lock(live.mutex);
    for (const detail::StreamBlock* block : live.blocks) {
      if (block->stream().device() != device) continue;
      block->stream().require_not_capturing("check_guards");
      const std::string finding = block->corruption();
      if (!finding.empty()) message += (message.empty() ? "" : "; ") + finding;
    }
  }
  if (!message.empty()) throw MemoryCorruption(message);
}

bool memory_is_fenced() noexcept {
  return detail::memory_fenced;
}

}  // namespace atelier
