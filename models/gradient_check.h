#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/network.h"
#include "runtime/stream.h"

namespace atelier {

/// What a gradient check trains.
struct GradientCheckOptions {
  /// Any network of at most kGradientCheckMostParameters parameters (network_from_text).
  std::string network = "2 linear(8) tanh linear(1) sigmoid";
  /// "xor": 2 inputs, 1 output, four rows. "pattern1010": 4 inputs, 1 output, eight patterns 1010 (target 1)
  /// and eight 0101 (target 0). "random": any network; eight rows of inputs and targets U(0, 1).
  std::string task = "xor";
  std::uint64_t seed = 0;
  std::int64_t steps = 1000;   // 0 to 1,000,000; of plain gradient descent on all rows at once
  double learning_rate = 1.0;  // above 0
  double difference = 1e-4;    // h of the central differences, 1e-8 to 1
};
inline constexpr std::int64_t kGradientCheckMostParameters = 5000;

/// One parameter's gradient of the mean squared error at the start, three ways.
struct GradientComparison {
  std::string parameter;          // "0.weight[1, 0]"
  double central_difference = 0;  // two forward passes in double
  double back_propagation = 0;    // in double
  double engine = 0;              // what the stream's device computes in fp32: what training uses
};

/// What a way to find the gradient costs.
struct GradientCost {
  /// Forward passes over all rows, counted, not timed; a backward pass counts as two, for its two matrix
  /// products.
  std::int64_t passes_per_step = 0;
  double seconds_per_step = 0;  // measured: both ways with the same plain code, in double, on one core
};

struct GradientCheckResult {
  NetworkDescription network;
  std::int64_t parameters = 0;
  std::int64_t rows = 0;
  std::vector<GradientComparison> comparisons;
  // The largest |a - b| of a parameter over the largest gradient in magnitude.
  double worst_of_back_propagation = 0;  // back-propagation in double against central differences
  double worst_of_engine = 0;            // the engine against central differences
  /// The error before each step and after the last (steps + 1 numbers) of two trainings from one start: by
  /// central differences alone, and by the engine's back-propagation.
  std::vector<double> learned_by_central_differences;
  std::vector<double> learned_by_back_propagation;
  double largest_gap = 0;  // between the two, at any step
  GradientCost central_differences;
  GradientCost back_propagation;
};

/// Trains a tiny network by central differences only (as one would who knew no calculus) and, from the same
/// start, by the engine's back-propagation on the stream's device; compares gradients, learning and cost.
/// Deterministic but for the seconds. Throws InvalidArgument that names the option that is wrong and what
/// would be right.
[[nodiscard]] GradientCheckResult check_gradients(Stream& stream, const GradientCheckOptions& options);

}  // namespace atelier
