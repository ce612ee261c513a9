#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "kernels/gather.h"
#include "models/data_set.h"
#include "models/learners/loss_history.h"
#include "runtime/arena.h"
#include "runtime/graph.h"
#include "runtime/stream.h"

namespace atelier::detail {

/// A data set on the device: bytes, as they came.
class DeviceData {
 public:
  /// The first `samples` pictures with their labels, where they have any. Waits. Throws OutOfMemory.
  DeviceData(Stream& stream, const DataSet& data, std::int64_t samples, const std::string& label);
  [[nodiscard]] MatrixView<const std::uint8_t> pixels() const { return pixels_; }  // [samples, pixels]
  [[nodiscard]] VectorView<const std::uint8_t> labels() const { return labels_; }  // [samples], or empty

 private:
  Arena arena_;
  MatrixView<std::uint8_t> pixels_;
  VectorView<std::uint8_t> labels_;
};

struct EpochPlan {
  std::int64_t samples = 0;
  std::int64_t batch = 1;
  std::int64_t epochs = 1;
  bool shuffle = false;
  std::uint64_t seed = 0;
};

/// A training loop over the samples of a data set, epoch after epoch, without host work between iterations:
/// steps are captured and replayed, many at once. The last batch of an epoch is the rest of the samples, as
/// with PyTorch's DataLoader(drop_last=False). Shuffled, epoch e has the order of permutation() with stream
/// kFirstOrderStream + e of the seed: a pure function of seed and epoch.
class EpochLoop {
 public:
  static constexpr std::uint64_t kFirstOrderStream = std::uint64_t{1} << 32;
  static constexpr std::int64_t kHistoryRows = 1024;

  /// `losses` numbers an iteration. The stream must outlive the loop. Throws InvalidArgument for sizes that
  /// are not positive, or that make more than 2^31 rows an epoch; OutOfMemory.
  EpochLoop(Stream& stream, const EpochPlan& plan, std::int64_t losses);

  [[nodiscard]] std::int64_t iterations_per_epoch() const { return per_epoch_; }
  [[nodiscard]] std::int64_t iterations() const { return per_epoch_ * plan_.epochs; }
  [[nodiscard]] std::int64_t iteration() const { return iteration_; }

  /// For the step: where it writes its losses, counters that it reads, and which rows make its batch.
  [[nodiscard]] float* loss(std::int64_t index) const { return history_.loss(index); }
  [[nodiscard]] DeviceCounter counter(std::uint64_t scale = 1, std::uint64_t offset = 0) const {
    return history_.counter(scale, offset);
  }
  [[nodiscard]] BatchOrder order() const;

  /// Records the work of an iteration on `batch` samples (the whole batch, and the rest at an epoch's end);
  /// the end of the iteration is added. `step` must not allocate or wait.
  void capture(const std::function<void(Stream& stream, std::int64_t batch)>& step);

  /// Runs at most `count` iterations, not past the end of an epoch or of the run, and waits. Returns their
  /// losses, oldest first, row-major [iterations run, losses]. Throws what the work threw.
  std::vector<float> run(std::int64_t count);

  /// For work that runs many iterations a call instead of a captured step: how many of `count` one call may
  /// run, at most kHistoryRows and not past the end of an epoch or of the run; their epoch's order is
  /// arranged.
  [[nodiscard]] std::int64_t begin_block(std::int64_t count);
  /// That work is queued: the loop goes on behind it.
  void end_block(std::int64_t iterations) { iteration_ += iterations; }
  /// The order of the epoch, a sample an element; empty: file order.
  [[nodiscard]] VectorView<const std::int32_t> epoch_order() const { return order_; }

  /// Where a restored run goes on.
  void set_iteration(std::int64_t iteration);

 private:
  void arrange(std::int64_t epoch);

  Stream* stream_;
  EpochPlan plan_;
  std::int64_t per_epoch_;
  LossHistory history_;
  std::optional<Arena> arena_;      // of the order, where it is not just the file's
  VectorView<std::int32_t> order_;  // per_epoch * batch, so that every epoch starts at its front
  std::int64_t arranged_ = -1;      // the epoch whose order is in order_
  std::optional<Graph> one_;
  std::optional<Graph> many_;
  std::optional<Graph> rest_;  // the short batch at an epoch's end
  std::int64_t iteration_ = 0;
};

}  // namespace atelier::detail
