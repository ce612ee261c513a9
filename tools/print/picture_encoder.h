#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "kernels/cppn.h"

namespace atelier::tools {

/// A picture on its way into a file, part by part: one implementation a format. Which parts there are, and
/// every byte of the file, follow from the picture's format alone, never from the number of threads or the
/// memory at hand.
///
/// encode() is pure: it is called from several threads at once, for parts in any order, while store() runs.
/// It keeps to its own thread: parts are what is encoded in parallel. store() is called by one thread at a
/// time, for parts 0, 1, 2, … in order. A render may end after any part: state() then says what restore()
/// needs to go on as if nothing had happened.
class PictureEncoder {
 public:
  /// What encode() leaves for store().
  class Encoded {
   public:
    Encoded() = default;
    virtual ~Encoded() = default;
    Encoded(const Encoded&) = delete;
    Encoded& operator=(const Encoded&) = delete;
    /// Bytes that it will add to the file, about: what the need of disk is estimated from.
    [[nodiscard]] virtual std::uint64_t bytes() const = 0;
  };

  PictureEncoder() = default;
  virtual ~PictureEncoder() = default;
  PictureEncoder(const PictureEncoder&) = delete;
  PictureEncoder& operator=(const PictureEncoder&) = delete;

  [[nodiscard]] virtual std::int64_t part_count() const = 0;
  /// Where a part lies. Parts are disjoint and cover the picture; none is empty.
  [[nodiscard]] virtual PixelRegion part(std::int64_t index) const = 0;
  /// Bytes of the largest part's samples.
  [[nodiscard]] virtual std::int64_t largest_part_bytes() const = 0;
  /// Bytes that encode() may hold at most for one part, what it returns included.
  [[nodiscard]] virtual std::int64_t encoding_bytes() const = 0;
  /// Bytes that the encoder itself holds at most between calls: tables, pyramid levels under way.
  [[nodiscard]] virtual std::int64_t own_bytes() const = 0;

  /// `samples`: the part's rows, dense, in native byte order. Throws Error.
  [[nodiscard]] virtual std::unique_ptr<Encoded> encode(std::int64_t index,
                                                        const std::byte* samples) const = 0;
  /// Throws Error when it cannot be written.
  virtual void store(std::int64_t index, std::unique_ptr<Encoded> encoded) = 0;
  /// After the last part: completes what has been written, under its temporary name still. Throws Error.
  virtual void finish() = 0;
  /// Gives it its name. Throws Error.
  virtual void commit() = 0;
  /// Bytes written so far, all files together.
  [[nodiscard]] virtual std::uint64_t bytes_written() const = 0;

  /// Makes everything stored so far safe on the disk and returns what restore() needs (any bytes).
  [[nodiscard]] virtual std::string state() = 0;
  /// Takes up what another process left after state(): whatever was written later is cut off or overwritten.
  /// Throws Error when the state does not fit the files that are there.
  virtual void restore(std::string_view state) = 0;
};

}  // namespace atelier::tools
