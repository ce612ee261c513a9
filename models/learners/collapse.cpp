#include "models/learners/collapse.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace atelier::detail {
namespace {

// The articles' first attempt ends below 0.001 of the real variance, the good runs above 0.6.
constexpr double kLeastVariance = 0.05;
// Two digits alone have 0.69; gan-v2, whose digits are imbalanced, has some 1.6.
constexpr double kLeastEntropy = 0.7;
constexpr double kMostSaturation = 0.9;
constexpr double kSaturatedLogit = 15.0;

}  // namespace

double summed_variance(const std::vector<float>& pictures, std::size_t pixels) {
  const std::size_t rows = pictures.size() / pixels;
  double sum = 0;
  for (std::size_t p = 0; p < pixels; ++p) {
    double mean = 0;
    for (std::size_t r = 0; r < rows; ++r) mean += static_cast<double>(pictures[r * pixels + p]);
    mean /= static_cast<double>(rows);
    double squares = 0;
    for (std::size_t r = 0; r < rows; ++r) {
      const double distance = static_cast<double>(pictures[r * pixels + p]) - mean;
      squares += distance * distance;
    }
    sum += squares / static_cast<double>(rows);
  }
  return sum;
}

CollapseDetector::CollapseDetector(const DataSet& real, std::int64_t samples)
    : pixels_(static_cast<std::size_t>(real.pixels_per_image())), real_variance_(0) {
  constexpr std::size_t kClasses = 256;
  std::vector<double> sums(pixels_, 0.0);
  std::vector<double> squares(pixels_, 0.0);
  std::array<double, kClasses> counts{};
  std::array<std::vector<double>, kClasses> means;
  for (std::size_t i = 0; i < static_cast<std::size_t>(samples); ++i) {
    const std::uint8_t* const picture = real.pixels.data() + i * pixels_;
    std::vector<double>* const mean = real.labels.empty() ? nullptr : &means[real.labels[i]];
    if (mean != nullptr) {
      mean->resize(pixels_, 0.0);
      ++counts[real.labels[i]];
    }
    for (std::size_t p = 0; p < pixels_; ++p) {
      const double value = picture[p] / 255.0;
      sums[p] += value;
      squares[p] += value * value;
      if (mean != nullptr) (*mean)[p] += value;
    }
  }
  const auto count = static_cast<double>(samples);
  for (std::size_t p = 0; p < pixels_; ++p)
    real_variance_ += std::max(0.0, (squares[p] - sums[p] * sums[p] / count) / count);
  for (std::size_t label = 0; label < kClasses; ++label) {
    if (means[label].empty()) continue;
    for (double& value : means[label]) value /= counts[label];
    class_means_.push_back(std::move(means[label]));
  }
}

CollapseSigns CollapseDetector::measure(const std::vector<float>& forged,
                                        const std::vector<float>& logits) const {
  CollapseSigns signs;
  signs.variance_ratio = summed_variance(forged, pixels_) / real_variance_;
  signs.label_entropy = std::numeric_limits<double>::quiet_NaN();
  if (has_labels()) {
    std::vector<double> counts(class_means_.size(), 0.0);
    const std::size_t rows = forged.size() / pixels_;
    for (std::size_t r = 0; r < rows; ++r) {
      std::size_t nearest = 0;
      double smallest = std::numeric_limits<double>::infinity();
      for (std::size_t c = 0; c < class_means_.size(); ++c) {
        double distance = 0;
        for (std::size_t p = 0; p < pixels_; ++p) {
          const double difference = static_cast<double>(forged[r * pixels_ + p]) - class_means_[c][p];
          distance += difference * difference;
        }
        if (distance < smallest) {
          smallest = distance;
          nearest = c;
        }
      }
      counts[nearest] += 1;
    }
    signs.label_entropy = 0;
    for (const double count : counts)
      if (count > 0)
        signs.label_entropy -=
            count / static_cast<double>(rows) * std::log(count / static_cast<double>(rows));
  }
  const auto saturated = std::count_if(logits.begin(), logits.end(), [](float logit) {
    return !(std::fabs(static_cast<double>(logit)) <= kSaturatedLogit);
  });
  signs.saturation = static_cast<double>(saturated) / static_cast<double>(logits.size());
  return signs;
}

std::vector<std::string> CollapseDetector::warnings(const CollapseSigns& signs, bool labels) {
  std::vector<std::string> lines;
  if (!(signs.variance_ratio >= kLeastVariance))
    lines.push_back(
        fmt::format("the generator collapses: its pictures are all alike, their variance is {:.2g} of the "
                    "real pictures' (alarm below {})",
                    signs.variance_ratio, kLeastVariance));
  if (labels && !(signs.label_entropy >= kLeastEntropy))
    lines.push_back(
        fmt::format("the generator collapses: it draws hardly more than one kind of picture, the entropy of "
                    "their classes is {:.2f} (alarm below {})",
                    signs.label_entropy, kLeastEntropy));
  if (!(signs.saturation <= kMostSaturation))
    lines.push_back(
        fmt::format("the discriminator is saturated: {:.0f} % of its logits are beyond +-{:.0f}, where the "
                    "generator learns nothing (alarm above {:.0f} %)",
                    100 * signs.saturation, kSaturatedLogit, 100 * kMostSaturation));
  return lines;
}

}  // namespace atelier::detail
