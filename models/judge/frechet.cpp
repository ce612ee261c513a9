#include "models/judge/frechet.h"

#include <fmt/format.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/error.h"
#include "runtime/parallel.h"

namespace atelier::detail {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXd;
using Floats = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr std::int64_t kRowsOfPart = 1024;

/// Sum over `rows` of f(part of the rows), parts added in order.
template <class Result, class Part>
Result sum_of_parts(std::int64_t rows, const Result& zero, const Part& part) {
  const std::int64_t parts = (rows + kRowsOfPart - 1) / kRowsOfPart;
  std::vector<Result> sums(static_cast<std::size_t>(parts), zero);
  parallel_for(parts, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t p = first; p < last; ++p)
      sums[static_cast<std::size_t>(p)] =
          part(p * kRowsOfPart, std::min(kRowsOfPart, rows - p * kRowsOfPart));
  });
  Result total = zero;
  for (const Result& sum : sums) total += sum;
  return total;
}

Matrix square_root(const Matrix& symmetric) {
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(symmetric);
  const Vector roots = solver.eigenvalues().cwiseMax(0.0).cwiseSqrt();
  return solver.eigenvectors() * roots.asDiagonal() * solver.eigenvectors().transpose();
}

}  // namespace

FeatureStatistics statistics_of(const std::vector<float>& values, std::int64_t dimension) {
  const auto size = static_cast<std::int64_t>(values.size());
  if (dimension < 1 || size % dimension != 0 || size / dimension < 2)
    throw InvalidArgument(
        fmt::format("statistics: {} numbers; at least two whole vectors of {} are due for a covariance", size,
                    dimension));
  const std::int64_t rows = size / dimension;
  const Eigen::Map<const Floats> all(values.data(), rows, dimension);
  const Vector mean =
      sum_of_parts<Vector>(rows, Vector::Zero(dimension),
                           [&](std::int64_t first, std::int64_t count) -> Vector {
                             return all.middleRows(first, count).cast<double>().colwise().sum().transpose();
                           }) /
      static_cast<double>(rows);
  const Matrix products = sum_of_parts<Matrix>(
      rows, Matrix::Zero(dimension, dimension), [&](std::int64_t first, std::int64_t count) -> Matrix {
        const Matrix centred = all.middleRows(first, count).cast<double>().rowwise() - mean.transpose();
        return centred.transpose() * centred;
      });
  FeatureStatistics statistics;
  statistics.mean.assign(mean.data(), mean.data() + dimension);
  const Matrix covariance = (products + products.transpose()) / (2.0 * static_cast<double>(rows - 1));
  statistics.covariance.assign(covariance.data(), covariance.data() + dimension * dimension);
  return statistics;
}

double frechet_distance(const FeatureStatistics& first, const FeatureStatistics& second) {
  const auto dimension = static_cast<std::int64_t>(first.mean.size());
  const std::size_t square = first.mean.size() * first.mean.size();
  if (first.mean.size() != second.mean.size() || first.covariance.size() != square ||
      second.covariance.size() != square)
    throw InvalidArgument(fmt::format(
        "frechet_distance: means of {} and {} numbers, covariances of {} and {}; one "
        "dimension is due",
        first.mean.size(), second.mean.size(), first.covariance.size(), second.covariance.size()));
  const Eigen::Map<const Vector> mean1(first.mean.data(), dimension);
  const Eigen::Map<const Vector> mean2(second.mean.data(), dimension);
  const Eigen::Map<const Matrix> covariance1(first.covariance.data(), dimension, dimension);
  const Eigen::Map<const Matrix> covariance2(second.covariance.data(), dimension, dimension);
  if (!mean1.allFinite() || !mean2.allFinite() || !covariance1.allFinite() || !covariance2.allFinite())
    return std::numeric_limits<double>::quiet_NaN();
  if (dimension == 0) return 0.0;
  const Matrix root = square_root(covariance1);
  const Matrix product = root * covariance2 * root;
  const Matrix symmetric = (product + product.transpose()) / 2.0;
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(symmetric, Eigen::EigenvaluesOnly);
  const double overlap = solver.eigenvalues().cwiseMax(0.0).cwiseSqrt().sum();
  const double distance =
      (mean1 - mean2).squaredNorm() + covariance1.trace() + covariance2.trace() - 2.0 * overlap;
  return std::max(0.0, distance);
}

}  // namespace atelier::detail
