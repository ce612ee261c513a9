#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/buffer.h"

namespace atelier {

/// A place in an ArenaPlan: offset and count, turned into an address by the Arena made from the plan.
template <class T>
struct ArenaSlot {
  std::int64_t offset_bytes = 0;
  std::int64_t count = 0;
};

/// Collects what a model needs before anything is allocated. Offsets are fixed as slots are reserved, each
/// aligned to 256 bytes.
class ArenaPlan {
 public:
  /// Throws InvalidArgument for a negative count or a total that overflows.
  template <class T>
  ArenaSlot<T> reserve(std::int64_t count, std::string label = {}) {
    const std::size_t bytes = detail::byte_count(count, sizeof(T), label.c_str());
    return {reserve_bytes(bytes, std::move(label)), count};
  }
  [[nodiscard]] std::int64_t bytes() const { return bytes_; }
  struct Entry {
    std::string label;
    std::int64_t offset_bytes = 0;
    std::int64_t bytes = 0;
  };
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::int64_t reserve_bytes(std::size_t bytes, std::string label);
  std::vector<Entry> entries_;
  std::int64_t bytes_ = 0;
};

/// One allocation that holds everything a plan reserved, for as long as a model lives. Addresses never
/// change, so they may be recorded in graphs.
class Arena {
 public:
  /// Throws OutOfMemory, CaptureError.
  Arena(Stream& stream, const ArenaPlan& plan, std::string label = "arena");
  /// view and matrix throw InvalidArgument for a slot outside of this arena, matrix also for one smaller than
  /// rows * columns.
  template <class T>
  [[nodiscard]] VectorView<T> view(ArenaSlot<T> slot) const {
    return {reinterpret_cast<T*>(at(slot.offset_bytes, slot.count * static_cast<std::int64_t>(sizeof(T)))),
            slot.count};
  }
  template <class T>
  [[nodiscard]] MatrixView<T> matrix(ArenaSlot<T> slot, std::int64_t rows, std::int64_t columns) const {
    require_fit(slot.count, rows, columns);
    return matrix_view(view(slot).data, rows, columns);
  }
  [[nodiscard]] std::int64_t bytes() const { return buffer_.size(); }
  /// The whole block, for fills and checkpoints.
  [[nodiscard]] VectorView<std::byte> all() const { return buffer_.view(); }

 private:
  [[nodiscard]] std::byte* at(std::int64_t offset, std::int64_t bytes) const;
  static void require_fit(std::int64_t count, std::int64_t rows, std::int64_t columns);
  Buffer<std::byte> buffer_;
};

/// Working memory that dies in reverse order of its making. One block, taken once; a frame marks the height
/// on construction and restores it on destruction. Frames must be destroyed innermost first; after a frame
/// went before one inside it, taking memory throws Error. Memory of a frame may be used by work queued on the
/// stream that the Scratch was made with, even after the frame has ended.
class Scratch {
 public:
  Scratch(Stream& stream, std::int64_t bytes, std::string label = "scratch");

  class Frame {
   public:
    explicit Frame(Scratch& scratch);
    ~Frame();
    Frame(const Frame&) = delete;
    Frame& operator=(const Frame&) = delete;
    /// 256-byte aligned, contents undefined (poisoned in a debug build on cpu and simt). Throws OutOfMemory
    /// when the block is used up, and Error when this is not the innermost frame.
    template <class T>
    [[nodiscard]] VectorView<T> take(std::int64_t count) {
      return {static_cast<T*>(take_bytes(detail::byte_count(count, sizeof(T), "scratch"))), count};
    }

   private:
    void* take_bytes(std::size_t bytes);
    Scratch& scratch_;
    std::int64_t base_;
    int depth_;
  };

  [[nodiscard]] std::int64_t used() const { return used_; }
  [[nodiscard]] std::int64_t peak() const { return peak_; }
  [[nodiscard]] std::int64_t capacity() const { return buffer_.size(); }

 private:
  std::shared_ptr<detail::StreamState> stream_;
  Buffer<std::byte> buffer_;
  std::string label_;
  std::int64_t used_ = 0;
  std::int64_t peak_ = 0;
  int depth_ = 0;
  bool misused_ = false;
};

}  // namespace atelier
