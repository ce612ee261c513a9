#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/data_set.h"

namespace atelier::detail {

/// Signs of a GAN's collapse, measured on some hundred forged pictures; NaN where there is no such sign.
struct CollapseSigns {
  double variance_ratio = 0;  // summed variance of the pixels / that of the real pictures; near 0: all alike
  double label_entropy = 0;   // of the nearest class means' labels, natural logarithm; near 0: one digit only
  double saturation = 0;      // share of D's logits beyond +-15, where nothing is left to learn from
};

/// What the real pictures give, once a run.
class CollapseDetector {
 public:
  /// Label entropy is NaN where `real` has no labels.
  explicit CollapseDetector(const DataSet& real, std::int64_t samples);

  /// `forged`: rows of outputs from 0 to 1, of the real pictures' size. `logits`: D's on real and forged
  /// ones.
  [[nodiscard]] CollapseSigns measure(const std::vector<float>& forged,
                                      const std::vector<float>& logits) const;

  /// One line a sign that is beyond its limit, or is not a number where a number is due.
  [[nodiscard]] static std::vector<std::string> warnings(const CollapseSigns& signs, bool labels);
  [[nodiscard]] bool has_labels() const { return !class_means_.empty(); }

 private:
  std::size_t pixels_;
  double real_variance_;
  std::vector<std::vector<double>> class_means_;  // of the classes that have pictures
};

/// The sum over pixels of their variance over the rows of `pictures` (row-major, `pixels` a row).
[[nodiscard]] double summed_variance(const std::vector<float>& pictures, std::size_t pixels);

}  // namespace atelier::detail
