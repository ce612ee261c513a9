#include "models/learners/mean_loss.h"

#include <cstring>
#include <limits>
#include <utility>

#include "models/learners/checkpoint.h"

namespace atelier::detail {
namespace {

void save_number(TensorFile& file, const std::string& name, double value) {
  std::vector<std::byte> bytes(sizeof value);
  std::memcpy(bytes.data(), &value, sizeof value);
  save_bytes(file, name, TensorType::f64, 1, std::move(bytes));
}

double load_number(const TensorFile& file, const std::string& name) {
  double value = 0;
  std::memcpy(&value, bytes_of(file, name, TensorType::f64, 1).data(), sizeof value);
  return value;
}

}  // namespace

double MeanLoss::take() {
  last_ = count_ > 0 ? sum_ / static_cast<double>(count_) : std::numeric_limits<double>::quiet_NaN();
  sum_ = 0;
  count_ = 0;
  taken_ = true;
  return last_;
}

double MeanLoss::last() const {
  if (taken_) return last_;
  return count_ > 0 ? sum_ / static_cast<double>(count_) : std::numeric_limits<double>::quiet_NaN();
}

void MeanLoss::save(TensorFile& file, const std::string& name) const {
  save_number(file, name + ".sum", sum_);
  save_count(file, name + ".count", count_);
  save_number(file, name + ".last", last_);
  save_count(file, name + ".taken", taken_ ? 1 : 0);
}

MeanLoss MeanLoss::load(const TensorFile& file, const std::string& name) {
  MeanLoss mean;
  mean.sum_ = load_number(file, name + ".sum");
  mean.count_ = load_count(file, name + ".count");
  mean.last_ = load_number(file, name + ".last");
  mean.taken_ = load_count(file, name + ".taken") != 0;
  return mean;
}

}  // namespace atelier::detail
