#pragma once

#include <cstdint>
#include <vector>

#include "kernels/counter.h"
#include "models/safetensors.h"
#include "runtime/arena.h"
#include "runtime/stream.h"
#include "runtime/view.h"

namespace atelier::detail {

/// The count of a training loop's iterations and the losses of the last `rows` of them, on the device: a
/// captured step writes its losses to loss(i), reads counter() and ends with finish(). Nothing waits until
/// take().
class LossHistory {
 public:
  /// `losses` numbers an iteration, kept for `rows` iterations between two calls of take(). Throws
  /// InvalidArgument for rows < 1 or losses < 0, OutOfMemory.
  LossHistory(Stream& stream, std::int64_t losses, std::int64_t rows);

  [[nodiscard]] std::int64_t rows() const { return history_.rows; }
  /// Where iteration's i-th loss goes, a number on the device. Stable address.
  [[nodiscard]] float* loss(std::int64_t index) const;
  /// The iterations done (0 during the first) times scale plus offset. Adam's step of one update an iteration
  /// is counter(1, 1); of the second of two updates counter(2, 2); a batch's first row counter(batch).
  [[nodiscard]] DeviceCounter counter(std::uint64_t scale = 1, std::uint64_t offset = 0) const;
  /// Queues the end of an iteration: the losses become a row, the counter advances.
  void finish(Stream& stream) const;

  /// The losses of the last `count` finished iterations, oldest first, row-major [count, losses]. `finished`
  /// is the number of all iterations finished since set_iteration, its argument included. Waits. Throws
  /// InvalidArgument for a count beyond rows().
  [[nodiscard]] std::vector<float> take(Stream& stream, std::int64_t finished, std::int64_t count);
  /// Sets the counter, for a new or a restored run.
  void set_iteration(Stream& stream, std::int64_t iteration);

 private:
  Arena arena_;
  VectorView<std::uint64_t> counter_;
  VectorView<float> losses_;
  MatrixView<float> history_;
};

}  // namespace atelier::detail
