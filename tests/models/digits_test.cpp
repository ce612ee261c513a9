#include "models/digits.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <set>
#include <string>

#include "runtime/error.h"
#include "runtime/parallel.h"

namespace atelier {
namespace {

std::vector<std::uint8_t> picture(const DataSet& data, std::int64_t index) {
  return {data.pixels.begin() + index * 784, data.pixels.begin() + (index + 1) * 784};
}

TEST(Digits, TheSameOnEveryMachine) {
  EXPECT_EQ(fingerprint(make_digits(1000, 0)), "365477a3cbeb13e6");
  EXPECT_EQ(fingerprint(make_digits(100, 0x123456789ABCDEF0, 1'000'000'000'000)), "1361b052aefa0f4f");
}

TEST(Digits, PicturesAreAFunctionOfSeedAndNumber) {
  const DataSet all = make_digits(1000, 5);
  for (const std::int64_t first : {0, 1, 255, 256, 999}) {
    const DataSet part = make_digits(1000 - first, 5, first);
    EXPECT_EQ(picture(part, 0), picture(all, first));
    EXPECT_EQ(part.labels.front(), all.labels[static_cast<std::size_t>(first)]);
  }
  set_cpu_threads(1);
  const std::string alone = fingerprint(make_digits(1000, 5));
  set_cpu_threads(5);
  const std::string together = fingerprint(make_digits(1000, 5));
  set_cpu_threads(0);
  EXPECT_EQ(alone, fingerprint(all));
  EXPECT_EQ(together, fingerprint(all));
  EXPECT_NE(fingerprint(make_digits(1000, 6)), fingerprint(all));
}

TEST(Digits, EveryTenHoldsEachDigit) {
  const DataSet data = make_digits(1000, 1);
  std::set<std::string> orders;
  for (std::size_t ten = 0; ten < 1000; ten += 10) {
    std::string order;
    for (std::size_t i = 0; i < 10; ++i) order += static_cast<char>('0' + data.labels[ten + i]);
    orders.insert(order);
    std::sort(order.begin(), order.end());
    EXPECT_EQ(order, "0123456789");
  }
  EXPECT_GE(orders.size(), 99U);
}

TEST(Digits, CentredVariedAndAsDarkAsHandwriting) {
  const DataSet data = make_digits(2000, 2);
  std::set<std::vector<std::uint8_t>> different;
  double sum = 0;
  for (std::int64_t i = 0; i < data.count; ++i) {
    const std::vector<std::uint8_t> pixels = picture(data, i);
    different.insert(pixels);
    double mass = 0;
    double x_moment = 0;
    double y_moment = 0;
    int inked = 0;
    for (std::size_t p = 0; p < 784; ++p) {
      mass += pixels[p];
      x_moment += pixels[p] * (static_cast<double>(p % 28) + 0.5);
      y_moment += pixels[p] * (static_cast<double>(p / 28) + 0.5);
      inked += pixels[p] > 127 ? 1 : 0;
    }
    sum += mass;
    ASSERT_GT(mass, 0) << i;
    EXPECT_LE(std::abs(x_moment / mass - 14), 1.0) << i;
    EXPECT_LE(std::abs(y_moment / mass - 14), 1.0) << i;
    EXPECT_GE(inked, 20) << i;
    EXPECT_LE(inked, 320) << i;
    EXPECT_GE(*std::max_element(pixels.begin(), pixels.end()), 180) << i;
  }
  EXPECT_EQ(different.size(), 2000U);
  EXPECT_NEAR(sum / 255 / 784 / 2000, 0.1307, 0.02);  // MNIST's
}

/// The nearest of the classes' mean pictures: a judge that learns next to nothing.
TEST(Digits, LooksLikeItsClass) {
  const DataSet train = make_digits(4000, 0);
  const DataSet test = make_digits(2000, 0, 4000);
  std::array<std::array<double, 784>, 10> mean{};
  for (std::size_t i = 0; i < 4000; ++i)
    for (std::size_t p = 0; p < 784; ++p) mean.at(train.labels[i])[p] += train.pixels[i * 784 + p] / 400.0;
  std::array<int, 10> right{};
  for (std::size_t i = 0; i < 2000; ++i) {
    std::array<double, 10> distance{};
    for (std::size_t digit = 0; digit < 10; ++digit)
      for (std::size_t p = 0; p < 784; ++p)
        distance[digit] += std::pow(test.pixels[i * 784 + p] - mean[digit][p], 2);
    const auto nearest =
        static_cast<std::size_t>(std::min_element(distance.begin(), distance.end()) - distance.begin());
    right.at(test.labels[i]) += nearest == test.labels[i] ? 1 : 0;
  }
  int all = 0;
  for (const int digit : right) {
    EXPECT_GE(digit, 100);  // of 200
    all += digit;
  }
  EXPECT_GE(all, 1500);
  EXPECT_LE(all, 1950);  // handwriting is not that easy
}

TEST(Digits, RefusesNumbersThatCannotBe) {
  EXPECT_EQ(make_digits(0, 0).count, 0);
  EXPECT_THROW((void)make_digits(-1, 0), InvalidArgument);
  EXPECT_THROW((void)make_digits(1, 0, -1), InvalidArgument);
  EXPECT_THROW((void)make_digits((std::int64_t{1} << 31) + 1, 0), InvalidArgument);
}

}  // namespace
}  // namespace atelier
