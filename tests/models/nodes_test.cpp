// Part I: the two presets of one-parameter networks.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "models/learner.h"
#include "runtime/error.h"
#include "runtime/stream.h"
#include "tests/devices.h"

namespace atelier {
namespace {

using testing::WorstError;

TrainingConfig configuration(const std::string& preset, std::uint64_t seed = 0) {
  TrainingConfig config;
  config.preset = preset;
  config.seed = seed;
  return resolve_training(config);
}

std::unique_ptr<Learner> learner(Stream& stream, const TrainingConfig& config) {
  return make_learner(stream, config, DataSet{}, DataSet{});
}

double number(Learner& learner, const std::string& name) {
  for (const SummaryEntry& entry : learner.summary())
    if (entry.name == name) return std::get<double>(entry.value);
  ADD_FAILURE() << "no " << name;
  return std::nan("");
}

TEST(Nodes, GeneratorFollowsItsClosedForm) {
  Stream stream{Device{}};
  const auto run = learner(stream, configuration("nodes-gan"));
  ASSERT_EQ(run->iterations(), 300);
  run->train(1000);  // cut at the end
  EXPECT_EQ(run->iteration(), 300);
  const auto names = run->metric_names();
  ASSERT_EQ(names.size(), 7U);
  EXPECT_EQ(names[0], "iteration");
  EXPECT_EQ(names[6], "generator_parameter");
  const auto rows = run->take_metrics();
  ASSERT_EQ(rows.size(), 300U);
  WorstError worst;
  for (std::size_t n = 1; n <= 300; ++n) {
    const std::vector<double>& row = rows[n - 1];
    ASSERT_EQ(row.size(), 7U);
    EXPECT_EQ(row[0], static_cast<double>(n));
    worst.add(std::fabs(row[6] - (1 - 0.9 * std::pow(0.95, static_cast<double>(n)))));
    worst.add(std::fabs(row[5] - 0.9 * std::pow(0.95, static_cast<double>(n - 1))));  // 1 - g before
  }
  EXPECT_LE(worst.value(), 1e-13);
  EXPECT_NEAR(rows.back()[6], 0.9999998, 1e-7);
  EXPECT_LE(
      std::fabs(number(*run, "generator_parameter") - number(*run, "generator_parameter_by_closed_form")),
      1e-13);
  EXPECT_TRUE(run->take_metrics().empty());
}

// D by the article's rules from the logged numbers alone: each record's error and parameter must follow from
// the ones before it. The real number x is not logged; it is what the error tells: x = (1 - error) / d.
TEST(Nodes, DiscriminatorFollowsTheArticle) {
  Stream stream{Device{}};
  const auto run = learner(stream, configuration("nodes-gan", 5));
  run->train(300);
  double d = 0.1;
  double g = 0.1;
  WorstError worst;
  for (const std::vector<double>& row : run->take_metrics()) {
    const double x = (1 - row[1]) / d;
    EXPECT_GE(x, 0.9 - 1e-9);
    EXPECT_LE(x, 1.1 + 1e-9);
    worst.add(std::fabs(row[2] - (d + 0.05 * row[1] * x)));
    d = row[2];
    const double fake = g * d;  // D.test(G.generate())
    worst.add(std::fabs(row[3] - (0 - fake * d)));
    worst.add(std::fabs(row[4] - (d + 0.05 * (0 - fake * d) * fake)));
    d = row[4];
    g += 0.05 * (1 - g);
    worst.add(std::fabs(row[6] - g));
  }
  EXPECT_LE(worst.value(), 1e-12);
}

// With g near 1 the pulls of the two steps cancel where 1 - d = d^3, at 0.682; what is left in d after the
// fake step is half a step below that.
TEST(Nodes, DiscriminatorSettles) {
  Stream stream{Device{}};
  double mean = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const auto run = learner(stream, configuration("nodes-gan", seed));
    run->train(300);
    const double d = number(*run, "discriminator_parameter");
    EXPECT_GT(d, 0.66) << seed;
    EXPECT_LT(d, 0.685) << seed;
    mean += d / 50;
  }
  EXPECT_NEAR(mean, 0.672, 0.002);
}

TEST(Nodes, DiscriminatorAloneGoesToOne) {
  Stream stream{Device{}};
  const auto run = learner(stream, configuration("nodes-discriminator", 3));
  run->train(300);
  const auto rows = run->take_metrics();
  ASSERT_EQ(rows.size(), 300U);
  EXPECT_EQ(run->metric_names(), (std::vector<std::string>{"iteration", "error", "parameter"}));
  EXPECT_NEAR(rows[0][1], 0.9, 0.011);  // 1 - 0.1 x
  double before = 0.1;
  for (const std::vector<double>& row : rows) {
    const double x = (1 - row[1]) / before;
    ASSERT_NEAR(row[2], before + 0.05 * row[1] * x, 1e-12);
    ASSERT_TRUE(x > 0.9 - 1e-9 && x < 1.1 + 1e-9) << x;
    before = row[2];
  }
  EXPECT_NEAR(before, 1.0, 0.05);
}

TEST(Nodes, OtherRatesHaveTheirClosedFormToo) {
  Stream stream{Device{}};
  TrainingConfig config;
  config.preset = "nodes-gan";
  config.learning_rate = 0.125;
  config.iterations = 40;
  const auto run = learner(stream, resolve_training(config));
  run->train(40);
  EXPECT_NEAR(number(*run, "generator_parameter"), 1 - 0.9 * std::pow(0.875, 40), 1e-13);
}

TEST(Nodes, ResumedRunsAreTheSame) {
  Stream stream{Device{}};
  for (const char* preset : {"nodes-gan", "nodes-discriminator"}) {
    const TrainingConfig config = configuration(preset, 9);
    const auto whole = learner(stream, config);
    whole->train(300);
    const auto first = learner(stream, config);
    first->train(101);
    const TensorFile half = first->checkpoint();
    const auto second = learner(stream, config);
    second->restore(half);
    EXPECT_EQ(second->iteration(), 101);
    while (second->iteration() < 300) second->train(37);
    const TensorFile expected = whole->checkpoint();
    const TensorFile got = second->checkpoint();
    EXPECT_EQ(got.metadata, expected.metadata);
    ASSERT_EQ(got.tensors.size(), expected.tensors.size());
    for (const auto& [name, tensor] : expected.tensors)
      EXPECT_EQ(got.tensors.at(name).bytes, tensor.bytes) << name;
    const auto tail = second->take_metrics();
    auto all = whole->take_metrics();
    all.erase(all.begin(), all.begin() + 101);
    EXPECT_EQ(tail, all);
    const auto other = learner(stream, configuration(preset, 10));
    EXPECT_THROW(other->restore(half), InvalidArgument);
  }
}

TEST(Nodes, PlotsNameTheirColumns) {
  Stream stream{Device{}};
  for (const char* preset : {"nodes-gan", "nodes-discriminator"}) {
    const auto run = learner(stream, configuration(preset));
    const auto names = run->metric_names();
    EXPECT_EQ(run->plots().size(), std::string(preset) == "nodes-gan" ? 2U : 1U);
    for (const PlotDescription& plot : run->plots())
      for (const auto& [column, legend] : plot.curves) {
        EXPECT_NE(std::find(names.begin(), names.end(), column), names.end()) << column;
        EXPECT_FALSE(legend.empty());
      }
  }
}

}  // namespace
}  // namespace atelier
