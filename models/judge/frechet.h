#pragma once

#include <cstdint>
#include <vector>

// Included by .cpp files of models/judge/ and by its tests only.
namespace atelier::detail {

/// Mean and covariance of vectors.
struct FeatureStatistics {
  std::vector<double> mean;        // [dimension]
  std::vector<double> covariance;  // [dimension, dimension], symmetric
};

/// Of the rows of `values`, row-major [count, dimension]; the covariance is the unbiased one (count - 1).
/// Sums in double, in an order that does not depend on the number of threads. Throws InvalidArgument for
/// fewer than 2 rows or a size that does not fit.
[[nodiscard]] FeatureStatistics statistics_of(const std::vector<float>& values, std::int64_t dimension);

/// The squared Frechet (2-Wasserstein) distance of two normal distributions (Dowson and Landau, 1982):
///   |m1 - m2|^2 + tr(S1 + S2 - 2 (S1^1/2 S2 S1^1/2)^1/2)
/// with eigenvalues of symmetric matrices only, clamped at 0, so that covariances of less than full rank are
/// fine and no imaginary part can arise. Not below 0; symmetric up to rounding. NaN when a number is not
/// finite. Throws InvalidArgument when the dimensions differ.
[[nodiscard]] double frechet_distance(const FeatureStatistics& first, const FeatureStatistics& second);

}  // namespace atelier::detail
