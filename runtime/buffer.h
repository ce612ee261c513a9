#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "runtime/stream.h"
#include "runtime/view.h"

namespace atelier {

namespace detail {

/// One block of memory, freed in stream order by the last owner. Made by allocate().
class Block {
 public:
  virtual ~Block() = default;
  [[nodiscard]] void* data() const { return data_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 protected:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

enum class MemorySpace : std::uint8_t { device, host };  // host: page-locked on cuda

/// Throws OutOfMemory, CaptureError. Data is aligned to 256 bytes. 0 bytes give a null pointer.
[[nodiscard]] std::unique_ptr<Block> allocate(Stream& stream, std::size_t bytes, MemorySpace space,
                                              std::string label);
/// count * size, or InvalidArgument when that overflows or count is negative.
[[nodiscard]] std::size_t byte_count(std::int64_t count, std::size_t size, const char* label);

}  // namespace detail

/// Owns `size()` elements of T in the memory of a stream's device. Allocation and release are ordered with
/// the stream's work: memory freed here may be reused by later work of the same stream without waiting.
/// The contents start undefined (a debug build fills them with NaN patterns and fences them with guard words
/// that are checked when the buffer dies and by check_guards()).
template <class T>
class Buffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Buffer() = default;
  /// `label` names the holder in out-of-memory and leak reports.
  Buffer(Stream& stream, std::int64_t count, std::string label = "buffer")
      : block_(detail::allocate(stream, detail::byte_count(count, sizeof(T), label.c_str()),
                                detail::MemorySpace::device, label)),
        size_(count) {}

  /// Host memory that the device's copy engine can reach (page-locked on cuda): for asynchronous copies.
  [[nodiscard]] static Buffer host(Stream& stream, std::int64_t count, std::string label = "host buffer") {
    Buffer buffer;
    buffer.block_ = detail::allocate(stream, detail::byte_count(count, sizeof(T), label.c_str()),
                                     detail::MemorySpace::host, label);
    buffer.size_ = count;
    return buffer;
  }

  [[nodiscard]] T* data() const { return block_ ? static_cast<T*>(block_->data()) : nullptr; }
  [[nodiscard]] std::int64_t size() const { return size_; }
  [[nodiscard]] VectorView<T> view() const { return {data(), size_}; }
  /// The first rows * columns elements as a dense matrix.
  [[nodiscard]] MatrixView<T> matrix(std::int64_t rows, std::int64_t columns) const {
    return matrix_view(data(), rows, columns);
  }

 private:
  std::unique_ptr<detail::Block> block_;
  std::int64_t size_ = 0;
};

/// Copies from ordinary host memory to a view of the stream's device, in stream order. `source` may be reused
/// as soon as the call returns. Throws InvalidArgument when the sizes differ, CaptureError during a capture.
template <class T>
void upload(Stream& stream, VectorView<T> destination, std::span<const std::type_identity_t<T>> source);

/// Copies from a view of the stream's device to ordinary host memory and waits until it is there (hence also
/// throws what queued work before it threw). Throws InvalidArgument when the sizes differ.
template <class T>
void download(Stream& stream, std::span<T> destination, VectorView<const std::type_identity_t<T>> source);

/// All of a view, as a vector on the host.
template <class T>
[[nodiscard]] std::vector<std::remove_const_t<T>> download(Stream& stream, VectorView<T> source) {
  std::vector<std::remove_const_t<T>> result(static_cast<std::size_t>(source.size));
  download<std::remove_const_t<T>>(stream, std::span(result), source);
  return result;
}

/// Queues a copy between views of equal size (device memory, or Buffer::host memory). Asynchronous.
template <class T>
void copy(Stream& stream, VectorView<T> destination, VectorView<const std::type_identity_t<T>> source);

namespace detail {
void upload_bytes(Stream& stream, void* destination, std::size_t destination_bytes, const void* source,
                  std::size_t source_bytes);
void download_bytes(Stream& stream, void* destination, std::size_t destination_bytes, const void* source,
                    std::size_t source_bytes);
void copy_checked(Stream& stream, void* destination, std::size_t destination_bytes, const void* source,
                  std::size_t source_bytes);
}  // namespace detail

template <class T>
void upload(Stream& stream, VectorView<T> destination, std::span<const std::type_identity_t<T>> source) {
  detail::upload_bytes(stream, destination.data, static_cast<std::size_t>(destination.size) * sizeof(T),
                       source.data(), source.size_bytes());
}
template <class T>
void download(Stream& stream, std::span<T> destination, VectorView<const std::type_identity_t<T>> source) {
  detail::download_bytes(stream, destination.data(), destination.size_bytes(), source.data,
                         static_cast<std::size_t>(source.size) * sizeof(T));
}
template <class T>
void copy(Stream& stream, VectorView<T> destination, VectorView<const std::type_identity_t<T>> source) {
  detail::copy_checked(stream, destination.data, static_cast<std::size_t>(destination.size) * sizeof(T),
                       source.data, static_cast<std::size_t>(source.size) * sizeof(T));
}

/// Who holds memory of a device now, largest first.
struct MemoryHolder {
  std::string label;
  std::uint64_t bytes = 0;
  std::uint64_t blocks = 0;
};
[[nodiscard]] std::vector<MemoryHolder> memory_holders(Device device);
[[nodiscard]] std::uint64_t memory_held(Device device);

/// Caps what this process may hold on a device (0: no cap), so that out-of-memory can be provoked.
void set_memory_limit(Device device, std::uint64_t bytes);

/// Debug builds (memory_is_fenced()): throws MemoryCorruption when a guard word of a live buffer of the
/// device was overwritten; names the buffer and the offset. Elsewhere does nothing.
void check_guards(Device device);
[[nodiscard]] bool memory_is_fenced() noexcept;

/// While alive, the (skip + 1)-th allocation on the device and all later ones fail with OutOfMemory: for
/// tests of error paths.
class AllocationFailure {
 public:
  AllocationFailure(Device device, std::int64_t skip);
  ~AllocationFailure();
  AllocationFailure(const AllocationFailure&) = delete;
  AllocationFailure& operator=(const AllocationFailure&) = delete;

 private:
  Device device_;
};

}  // namespace atelier
