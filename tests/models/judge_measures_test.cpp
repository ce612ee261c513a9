// The judge's measures against closed forms and brute force.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <set>
#include <vector>

#include "models/judge/distances.h"
#include "models/judge/frechet.h"
#include "models/judge/neighbours.h"
#include "models/judge/precision_recall.h"
#include "runtime/error.h"
#include "runtime/parallel.h"
#include "tests/devices.h"

namespace atelier {
namespace {

using detail::Coverage;
using detail::FeatureStatistics;
using detail::Manifold;
using detail::Vectors;
using testing::WorstError;
using Doubles = std::vector<double>;

std::vector<float> normal_values(std::size_t count, unsigned seed, float mean = 0, float deviation = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(mean, deviation);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

// ---- Frechet distance ----------------------------------------------------------------------------------

/// Covariance with these eigenvalues along axes turned by `angle`.
Doubles turned(double first, double second, double angle) {
  const double c = std::cos(angle);
  const double s = std::sin(angle);
  return {first * c * c + second * s * s, (first - second) * c * s, (first - second) * c * s,
          first * s * s + second * c * c};
}

/// tr((A B)^1/2) of two 2 x 2 covariances: (sum of roots of eigenvalues)^2 = trace + 2 root of determinant.
double overlap_of_pair(const Doubles& a, const Doubles& b) {
  const double trace = a[0] * b[0] + a[1] * b[2] + a[2] * b[1] + a[3] * b[3];
  const double determinant = (a[0] * a[3] - a[1] * a[2]) * (b[0] * b[3] - b[1] * b[2]);
  return std::sqrt(trace + 2 * std::sqrt(std::max(0.0, determinant)));
}

TEST(FrechetDistance, OneDimension) {
  // (m1 - m2)^2 + (s1 - s2)^2
  EXPECT_NEAR(detail::frechet_distance({{1.5}, {4.0}}, {{-0.5}, {0.25}}), 4.0 + 2.25, 1e-12);
  EXPECT_NEAR(detail::frechet_distance({{1.5}, {0.0}}, {{-0.5}, {0.25}}), 4.0 + 0.25, 1e-12);
}

TEST(FrechetDistance, CovariancesOfCommonAxes) {
  // Whatever the axes: the sum over them of (s1 - s2)^2.
  for (const double angle : {0.0, 0.4, 1.3, 2.9}) {
    const FeatureStatistics a{{1, 2}, turned(9, 0.25, angle)};
    const FeatureStatistics b{{1, 0}, turned(1, 4, angle)};
    EXPECT_NEAR(detail::frechet_distance(a, b), 4 + 4 + 2.25, 1e-10) << angle;
  }
}

TEST(FrechetDistance, CovariancesThatDoNotCommute) {
  for (const double angle : {0.3, 0.9, 1.5}) {
    const Doubles s1 = turned(5, 0.2, 0.1);
    const Doubles s2 = turned(3, 0.7, 0.1 + angle);
    const double expected = 0.25 + 5.2 + 3.7 - 2 * overlap_of_pair(s1, s2);
    EXPECT_NEAR(detail::frechet_distance({{0, 0.5}, s1}, {{0, 0}, s2}), expected, 1e-10);
    EXPECT_NEAR(detail::frechet_distance({{0, 0}, s2}, {{0, 0.5}, s1}), expected, 1e-10) << "swapped";
  }
}

TEST(FrechetDistance, CovariancesOfLowRank) {
  // u u^T and v v^T: the overlap is |u . v|.
  const Doubles u{1, 2, -1};
  const Doubles v{0.5, 1, 3};
  FeatureStatistics a{{0, 0, 0}, {}};
  FeatureStatistics b{{0, 0, 0}, {}};
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j) {
      a.covariance.push_back(u[i] * u[j]);
      b.covariance.push_back(v[i] * v[j]);
    }
  EXPECT_NEAR(detail::frechet_distance(a, b), 6 + 10.25 - 2 * 0.5, 1e-6);
  const FeatureStatistics still{{0, 0, 0}, Doubles(9, 0.0)};
  EXPECT_NEAR(detail::frechet_distance(a, still), 6, 1e-9) << "a set of one point repeated";
  EXPECT_EQ(detail::frechet_distance(still, still), 0);
}

TEST(FrechetDistance, NothingToItself) {
  const FeatureStatistics a = detail::statistics_of(normal_values(500 * 20, 1), 20);
  EXPECT_LE(detail::frechet_distance(a, a), 1e-9);
  EXPECT_GE(detail::frechet_distance(a, a), 0);
}

TEST(FrechetDistance, RefusesOtherDimensionsAndKeepsNan) {
  EXPECT_THROW((void)detail::frechet_distance({{0}, {1}}, {{0, 0}, {1, 0, 0, 1}}), InvalidArgument);
  EXPECT_THROW((void)detail::frechet_distance({{0}, {1}}, {{0}, {1, 0, 0, 1}}), InvalidArgument);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(std::isnan(detail::frechet_distance({{nan}, {1}}, {{0}, {1}})));
  EXPECT_TRUE(std::isnan(detail::frechet_distance({{0}, {1}}, {{0}, {nan}})));
}

TEST(Statistics, AgreeWithTheFormula) {
  constexpr std::size_t kRows = 2500;  // more than two parts
  constexpr std::size_t kDimension = 7;
  const std::vector<float> values = normal_values(kRows * kDimension, 5, 3.0F, 2.0F);
  const FeatureStatistics got = detail::statistics_of(values, kDimension);
  Doubles mean(kDimension, 0.0);
  for (std::size_t i = 0; i < values.size(); ++i) mean[i % kDimension] += values[i] / double{kRows};
  WorstError error;
  for (std::size_t a = 0; a < kDimension; ++a) {
    error.add(std::fabs(got.mean[a] - mean[a]));
    for (std::size_t b = 0; b < kDimension; ++b) {
      double sum = 0;
      for (std::size_t r = 0; r < kRows; ++r)
        sum += (values[r * kDimension + a] - mean[a]) * (values[r * kDimension + b] - mean[b]);
      error.add(std::fabs(got.covariance[a * kDimension + b] - sum / (kRows - 1)));
    }
  }
  EXPECT_LE(error.value(), 1e-11);
}

TEST(Statistics, DoNotDependOnTheNumberOfThreads) {
  const std::vector<float> values = normal_values(5000 * 9, 6);
  set_cpu_threads(1);
  const FeatureStatistics one = detail::statistics_of(values, 9);
  set_cpu_threads(4);
  const FeatureStatistics four = detail::statistics_of(values, 9);
  set_cpu_threads(0);
  EXPECT_EQ(one.mean, four.mean);
  EXPECT_EQ(one.covariance, four.covariance);
}

TEST(Statistics, RefuseFewerThanTwoVectors) {
  EXPECT_THROW((void)detail::statistics_of({1, 2, 3}, 3), InvalidArgument);
  EXPECT_THROW((void)detail::statistics_of({1, 2, 3}, 2), InvalidArgument);
  EXPECT_THROW((void)detail::statistics_of({1, 2, 3}, 0), InvalidArgument);
}

// ---- distances, precision and recall -------------------------------------------------------------------

double squared_distance(const float* a, const float* b, std::int64_t dimension) {
  double sum = 0;
  for (std::int64_t i = 0; i < dimension; ++i)
    sum += (double{a[i]} - double{b[i]}) * (double{a[i]} - double{b[i]});
  return sum;
}

class JudgeMeasures : public ::testing::TestWithParam<Device> {
 protected:
  Stream stream_{GetParam()};
};

TEST_P(JudgeMeasures, DistancesAreThoseOfTheFormula) {
  for (const std::int64_t dimension : {1, 5, 33}) {
    const std::vector<float> from = normal_values(static_cast<std::size_t>(37 * dimension), 1);
    const std::vector<float> to = normal_values(static_cast<std::size_t>(61 * dimension), 2, 0.5F);
    WorstError error;
    std::set<std::int64_t> rows;
    detail::squared_distances(stream_, {from, dimension}, {to, dimension}, [&](const auto& block) {
      ASSERT_EQ(block.squared.columns, 61);
      for (std::int64_t r = 0; r < block.squared.rows; ++r) {
        rows.insert(block.first + r);
        for (std::int64_t c = 0; c < 61; ++c)
          error.add(std::fabs(block.squared(r, c) -
                              squared_distance(&from[static_cast<std::size_t>((block.first + r) * dimension)],
                                               &to[static_cast<std::size_t>(c * dimension)], dimension)));
      }
    });
    EXPECT_EQ(rows.size(), 37U);
    EXPECT_LE(error.value(), 2e-5 * static_cast<double>(dimension + 1));
  }
}

/// Precision or recall by its definition, in double.
double share_inside(const std::vector<float>& points, const std::vector<float>& centres,
                    std::int64_t dimension, int k) {
  const auto count = static_cast<std::int64_t>(centres.size()) / dimension;
  Doubles radius;
  for (std::int64_t i = 0; i < count; ++i) {
    Doubles all;
    for (std::int64_t j = 0; j < count; ++j)
      if (j != i)
        all.push_back(squared_distance(&centres[static_cast<std::size_t>(i * dimension)],
                                       &centres[static_cast<std::size_t>(j * dimension)], dimension));
    std::sort(all.begin(), all.end());
    radius.push_back(all[static_cast<std::size_t>(std::min<std::int64_t>(k, count - 1) - 1)]);
  }
  const auto points_count = static_cast<std::int64_t>(points.size()) / dimension;
  int inside = 0;
  for (std::int64_t p = 0; p < points_count; ++p) {
    bool found = false;
    for (std::int64_t i = 0; i < count && !found; ++i)
      found = squared_distance(&points[static_cast<std::size_t>(p * dimension)],
                               &centres[static_cast<std::size_t>(i * dimension)],
                               dimension) <= radius[static_cast<std::size_t>(i)];
    inside += found ? 1 : 0;
  }
  return double{static_cast<double>(inside)} / static_cast<double>(points_count);
}

Coverage coverage_of(Stream& stream, const std::vector<float>& real, const std::vector<float>& generated,
                     std::int64_t dimension, int k) {
  return detail::precision_and_recall(stream, detail::make_manifold(stream, real, dimension, k),
                                      detail::make_manifold(stream, generated, dimension, k));
}

TEST_P(JudgeMeasures, PrecisionAndRecallAreThoseOfTheDefinition) {
  for (const std::int64_t dimension : {2, 6}) {
    for (const int k : {1, 3}) {
      const auto numbers = static_cast<std::size_t>(dimension);
      const std::vector<float> real = normal_values(90 * numbers, 11);
      const std::vector<float> generated = normal_values(70 * numbers, 12, 0.7F, 0.6F);
      const Coverage got = coverage_of(stream_, real, generated, dimension, k);
      const double precision = share_inside(generated, real, dimension, k);
      const double recall = share_inside(real, generated, dimension, k);
      EXPECT_DOUBLE_EQ(got.precision, precision) << dimension << " " << k;
      EXPECT_DOUBLE_EQ(got.recall, recall) << dimension << " " << k;
      EXPECT_GT(precision, recall) << "the narrower set is inside the wider one, hardly the other way round";
      EXPECT_LT(recall, 1);
    }
  }
}

TEST_P(JudgeMeasures, LargeSetsComeInSeveralBlocks) {
  const std::vector<float> real = normal_values(530 * 2, 13);
  const std::vector<float> generated = normal_values(1100 * 2, 14, 1.5F);
  std::int64_t blocks = 0;
  detail::squared_distances(stream_, {generated, 2}, {real, 2}, [&](const auto&) { ++blocks; });
  EXPECT_GE(blocks, 2);
  const Coverage got = coverage_of(stream_, real, generated, 2, 3);
  EXPECT_DOUBLE_EQ(got.precision, share_inside(generated, real, 2, 3));
  EXPECT_DOUBLE_EQ(got.recall, share_inside(real, generated, 2, 3));
}

TEST_P(JudgeMeasures, PrecisionAndRecallByHand) {
  // On a line. Real balls (k = 1) reach to the neighbour, 1 away.
  const Coverage apart = coverage_of(stream_, {0, 1, 2, 3}, {0.5F, 100, 101, 102}, 1, 1);
  EXPECT_DOUBLE_EQ(apart.precision, 0.25);
  EXPECT_DOUBLE_EQ(apart.recall, 1) << "0.5's own ball reaches to 100";
  // One point many times: dense, but it covers nothing.
  const Coverage collapsed = coverage_of(stream_, {0, 1, 2, 3, 10}, {2.5F, 2.5F, 2.5F, 2.5F}, 1, 3);
  EXPECT_DOUBLE_EQ(collapsed.precision, 1);
  EXPECT_DOUBLE_EQ(collapsed.recall, 0);
  // k larger than the set: the farthest neighbour counts.
  const Coverage few = coverage_of(stream_, {0, 1}, {3, 4}, 1, 3);
  EXPECT_DOUBLE_EQ(few.precision, 0);
  EXPECT_DOUBLE_EQ(few.recall, 0);
  const Coverage same = coverage_of(stream_, {0, 1, 5}, {0, 1, 5}, 1, 2);
  EXPECT_DOUBLE_EQ(same.precision, 1);
  EXPECT_DOUBLE_EQ(same.recall, 1);
}

TEST_P(JudgeMeasures, RefusesWhatHasNoNeighbours) {
  EXPECT_THROW((void)detail::make_manifold(stream_, {1, 2}, 2, 3), InvalidArgument);
  EXPECT_THROW((void)detail::make_manifold(stream_, {1, 2}, 1, 0), InvalidArgument);
  const Manifold line = detail::make_manifold(stream_, {1, 2}, 1, 1);
  const Manifold plane = detail::make_manifold(stream_, {1, 2, 3, 4}, 2, 1);
  EXPECT_THROW((void)detail::precision_and_recall(stream_, line, plane), InvalidArgument);
}

// ---- nearest pictures ----------------------------------------------------------------------------------

DataSet random_pictures(std::int64_t count, std::int64_t width, std::int64_t height, unsigned seed) {
  std::mt19937 random(seed);
  DataSet data;
  data.name = "random";
  data.count = count;
  data.width = width;
  data.height = height;
  data.pixels.resize(static_cast<std::size_t>(count * width * height));
  for (std::uint8_t& pixel : data.pixels) pixel = static_cast<std::uint8_t>(random() % 256);
  return data;
}

void copy_picture(const DataSet& from, std::int64_t number, DataSet& to, std::int64_t place) {
  const std::int64_t pixels = from.pixels_per_image();
  std::copy_n(from.pixels.begin() + number * pixels, pixels, to.pixels.begin() + place * pixels);
}

double picture_distance(const DataSet& a, std::int64_t i, const DataSet& b, std::int64_t j) {
  double sum = 0;
  for (std::int64_t p = 0; p < a.pixels_per_image(); ++p) {
    const double away = (a.pixels[static_cast<std::size_t>(i * a.pixels_per_image() + p)] -
                         b.pixels[static_cast<std::size_t>(j * b.pixels_per_image() + p)]) /
                        255.0;
    sum += away * away;
  }
  return std::sqrt(sum);
}

TEST_P(JudgeMeasures, NearestPicturesAreThoseOfASearch) {
  DataSet pictures = random_pictures(9, 4, 3, 1);
  DataSet among = random_pictures(70, 4, 3, 2);
  copy_picture(pictures, 4, among, 33);
  copy_picture(pictures, 4, among, 50);  // the first of equals counts
  const auto got = detail::nearest_pictures(stream_, pictures, among);
  ASSERT_EQ(got.size(), 9U);
  for (std::int64_t i = 0; i < 9; ++i) {
    std::int64_t best = 0;
    for (std::int64_t j = 1; j < 70; ++j)
      if (picture_distance(pictures, i, among, j) < picture_distance(pictures, i, among, best)) best = j;
    EXPECT_EQ(got[static_cast<std::size_t>(i)].index, best) << i;
    EXPECT_NEAR(got[static_cast<std::size_t>(i)].distance, picture_distance(pictures, i, among, best), 1e-12);
  }
  EXPECT_EQ(got[4].index, 33);
  EXPECT_EQ(got[4].distance, 0);
  // The picture itself does not count where it is left out.
  std::vector<std::int64_t> left_out(9, 0);
  left_out[4] = 33;
  EXPECT_EQ(detail::nearest_pictures(stream_, pictures, among, left_out)[4].index, 50);
}

TEST_P(JudgeMeasures, NearestPicturesLieInEveryPartOfALargeSet) {
  constexpr std::int64_t kCount = 9000;  // three parts
  DataSet pictures = random_pictures(3, 2, 2, 3);
  DataSet among = random_pictures(kCount, 2, 2, 4);
  const std::int64_t places[] = {100, 5000, kCount - 1};
  for (std::int64_t i = 0; i < 3; ++i) copy_picture(pictures, i, among, places[i]);
  const auto got = detail::nearest_pictures(stream_, pictures, among);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(got[i].distance, 0);
    EXPECT_LE(got[i].index, places[i]);
  }
}

TEST_P(JudgeMeasures, NearestPicturesRefuseOtherSizes) {
  EXPECT_THROW(
      (void)detail::nearest_pictures(stream_, random_pictures(2, 4, 3, 1), random_pictures(2, 3, 4, 1)),
      InvalidArgument);
  EXPECT_THROW(
      (void)detail::nearest_pictures(stream_, random_pictures(2, 4, 3, 1), random_pictures(0, 4, 3, 1)),
      InvalidArgument);
}

INSTANTIATE_TEST_SUITE_P(Devices, JudgeMeasures, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

TEST(EvenlySpread, TakesFromAllOfASet) {
  DataSet data = random_pictures(10, 1, 1, 1);
  for (std::size_t i = 0; i < 10; ++i) {
    data.pixels[i] = static_cast<std::uint8_t>(i);
    data.labels.push_back(static_cast<std::uint8_t>(100 + i));
  }
  std::vector<std::int64_t> numbers;
  const DataSet some = detail::evenly_spread(data, 4, &numbers);
  EXPECT_EQ(numbers, (std::vector<std::int64_t>{0, 2, 5, 7}));
  EXPECT_EQ(some.pixels, (std::vector<std::uint8_t>{0, 2, 5, 7}));
  EXPECT_EQ(some.labels, (std::vector<std::uint8_t>{100, 102, 105, 107}));
  EXPECT_EQ(some.count, 4);
  EXPECT_EQ(detail::evenly_spread(data, 20).pixels, data.pixels);
}

}  // namespace
}  // namespace atelier
