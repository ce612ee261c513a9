#pragma once

#include <cstdint>
#include <string>

#include "models/safetensors.h"

namespace atelier::detail {

/// The mean of a loss over the iterations since the last row of the metrics, added up in double in order of
/// iteration, and the mean that was taken last. Part of a checkpoint, so that a run cut anywhere writes the
/// rows of an uncut one.
class MeanLoss {
 public:
  void add(float loss) {
    sum_ += static_cast<double>(loss);
    ++count_;
  }
  /// The mean since the last call; NaN where nothing was added. Starts anew.
  double take();
  /// What take() gave last; before its first call the mean so far.
  [[nodiscard]] double last() const;

  /// Tensors "<name>.sum", "<name>.count", "<name>.last", "<name>.taken".
  void save(TensorFile& file, const std::string& name) const;
  /// Throws InvalidArgument when one is missing or is not one number.
  [[nodiscard]] static MeanLoss load(const TensorFile& file, const std::string& name);

 private:
  double sum_ = 0;
  std::uint64_t count_ = 0;
  double last_ = 0;
  bool taken_ = false;
};

}  // namespace atelier::detail
