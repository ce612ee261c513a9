#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <type_traits>
#include <vector>

#include "runtime/backend.h"
#include "runtime/buffer.h"
#include "runtime/stream.h"
#include "tests/simt/planted_bugs.h"

// What the cases share: numbers, device memory, comparison, and the choice of a bug.
namespace atelier::ATELIER_DEVICE_NAMESPACE {

inline std::vector<float> random_values(std::size_t count, unsigned seed, float range = 1.0F) {
  std::mt19937 generator(seed);
  std::vector<float> values(count);
  for (float& value : values) value = range * (static_cast<float>(generator()) / 2147483648.0F - 1.0F);
  return values;
}

template <class T>
Buffer<T> to_device(Stream& stream, const std::vector<T>& values) {
  Buffer<T> buffer(stream, static_cast<std::int64_t>(values.size()));
  upload(stream, buffer.view(), std::span<const T>(values));
  return buffer;
}
template <class T>
std::vector<T> to_host(Stream& stream, const Buffer<T>& buffer) {
  return download(stream, buffer.view());
}

/// Worst |value - reference| / (1 + |reference|). NaN counts as infinite.
class Comparison {
 public:
  void add(float value, double reference) {
    const double error = std::fabs(static_cast<double>(value) - reference) / (1.0 + std::fabs(reference));
    if (!(error <= worst_)) worst_ = std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
  }
  [[nodiscard]] simt_test::CaseResult within(double tolerance) const { return {worst_, tolerance}; }

 private:
  double worst_ = 0.0;
};

/// Calls run with the bug as a compile-time constant, one of `none` and `bugs`. nvcc compiles correct kernels
/// only.
template <simt_test::Bug... bugs, class Run>
void with_bug(simt_test::Bug bug, Run run) {
  using simt_test::Bug;
  bool found = false;
#if !defined(__CUDACC__)
  const auto attempt = [&](auto constant) {
    if (bug != constant()) return;
    found = true;
    run(constant);
  };
  (attempt(std::integral_constant<Bug, bugs>{}), ...);
#else
  static_cast<void>(bug);
#endif
  if (!found) run(std::integral_constant<Bug, Bug::none>{});
}

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
