#include "runtime/arena.h"

#include <fmt/format.h>

#include <limits>

#include "runtime/memory_fence.h"
#include "runtime/stream_state.h"

namespace atelier {

namespace {

constexpr std::int64_t alignment = detail::memory_alignment;

/// The next multiple of the alignment, or a negative number when there is none.
std::int64_t aligned_up(std::int64_t bytes) {
  if (bytes > std::numeric_limits<std::int64_t>::max() - (alignment - 1)) return -1;
  return (bytes + alignment - 1) / alignment * alignment;
}

}  // namespace

std::int64_t ArenaPlan::reserve_bytes(std::size_t bytes, std::string label) {
  const std::int64_t offset = bytes_;
  const std::int64_t size = aligned_up(static_cast<std::int64_t>(bytes));
  if (size < 0 || size > std::numeric_limits<std::int64_t>::max() - alignment - offset)
    throw InvalidArgument(
        fmt::format("arena plan: '{}' of {} bytes after {} bytes is more than memory can be addressed", label,
                    bytes, offset));
  entries_.push_back({std::move(label), offset, static_cast<std::int64_t>(bytes)});
  bytes_ = offset + size;
  return offset;
}

Arena::Arena(Stream& stream, const ArenaPlan& plan, std::string label)
    : buffer_(stream, plan.bytes(), std::move(label)) {}

std::byte* Arena::at(std::int64_t offset, std::int64_t bytes) const {
  if (offset < 0 || bytes < 0 || offset > buffer_.size() || bytes > buffer_.size() - offset)
    throw InvalidArgument(fmt::format(
        "arena: a slot of {} bytes at offset {} is outside of the {} bytes; it is of another plan", bytes,
        offset, buffer_.size()));
  return bytes > 0 ? buffer_.data() + offset : nullptr;
}

void Arena::require_fit(std::int64_t count, std::int64_t rows, std::int64_t columns) {
  if (rows < 0 || columns < 0 || (columns > 0 && rows > count / columns))
    throw InvalidArgument(
        fmt::format("arena: a matrix of {} by {} does not fit a slot of {} elements", rows, columns, count));
}

Scratch::Scratch(Stream& stream, std::int64_t bytes, std::string label)
    : stream_(stream.state()), buffer_(stream, bytes, label), label_(std::move(label)) {}

Scratch::Frame::Frame(Scratch& scratch) : scratch_(scratch), base_(scratch.used_), depth_(++scratch.depth_) {}

Scratch::Frame::~Frame() {
  if (depth_ != scratch_.depth_) {
    scratch_.misused_ = true;
    return;
  }
  scratch_.used_ = base_;
  scratch_.depth_ = depth_ - 1;
}

void* Scratch::Frame::take_bytes(std::size_t bytes) {
  if (depth_ != scratch_.depth_)
    throw Error(
        fmt::format("scratch '{}': memory was taken through frame {} while frame {} is open; frames end "
                    "innermost first",
                    scratch_.label_, depth_, scratch_.depth_));
  if (scratch_.misused_)
    throw Error(
        fmt::format("scratch '{}': a frame ended before one that was opened inside it; frames end innermost "
                    "first",
                    scratch_.label_));
  if (bytes == 0) return nullptr;
  const std::int64_t free = scratch_.capacity() - scratch_.used_;
  const std::int64_t size = aligned_up(static_cast<std::int64_t>(bytes));
  if (size < 0 || size > free)
    throw OutOfMemory(fmt::format("scratch '{}': {} bytes asked for, {} of {} are free", scratch_.label_,
                                  bytes, free, scratch_.capacity()),
                      bytes, static_cast<std::uint64_t>(free),
                      {{scratch_.label_, static_cast<std::uint64_t>(scratch_.used_)}});
  std::byte* const start = scratch_.buffer_.data() + scratch_.used_;
  scratch_.used_ += size;
  if (scratch_.used_ > scratch_.peak_) scratch_.peak_ = scratch_.used_;
  // In stream order, as earlier work may still use what an earlier frame took here.
  if constexpr (detail::memory_fenced)
    if (scratch_.stream_->device().kind() != DeviceKind::cuda)
      scratch_.stream_->enqueue("poison scratch", [start, bytes] { detail::write_poison(start, bytes); });
  return start;
}

}  // namespace atelier
