#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include "models/learner.h"
#include "runtime/error.h"

namespace atelier {
namespace {

std::string complaint(const std::function<void()>& call) {
  try {
    call();
  } catch (const InvalidArgument& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TrainingConfig preset(const std::string& name) {
  TrainingConfig config;
  config.preset = name;
  return config;
}

TEST(TrainingPresets, AreTheArticlesExperiments) {
  std::vector<std::string> names;
  for (const TrainingPreset& row : training_presets()) {
    names.push_back(row.name);
    EXPECT_FALSE(row.description.empty());
    EXPECT_FALSE(row.article.empty());
    const TrainingConfig config = resolve_training(preset(row.name));
    EXPECT_EQ(config.data_set, row.data_set);
    EXPECT_TRUE(config.learning_rate);
    EXPECT_NE(config.epochs.has_value(), config.iterations.has_value());
    EXPECT_EQ(config.epochs.has_value(), !row.data_set.empty());
    EXPECT_EQ(resolve_training(config), config) << "resolving again changes nothing";
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{"nodes-discriminator", "nodes-gan", "pattern1010-discriminator",
                                      "pattern1010-gan", "classifier", "classifier-book",
                                      "discriminator-noise", "gan-v1", "gan-v2", "gan-book", "gan-modern"}));
}

TEST(TrainingPresets, TakeTheNotebooksValues) {
  const TrainingConfig classifier = resolve_training(preset("classifier"));
  EXPECT_EQ(classifier.epochs, 3);
  EXPECT_EQ(classifier.batch, 1);
  EXPECT_EQ(classifier.learning_rate, 0.01);
  EXPECT_EQ(classifier.data_set, "mnist");
  EXPECT_EQ(resolve_training(preset("classifier-book")).learning_rate, 0.001);
  EXPECT_EQ(resolve_training(preset("nodes-gan")).iterations, 300);
  EXPECT_EQ(resolve_training(preset("nodes-gan")).learning_rate, 0.05);
  EXPECT_EQ(resolve_training(preset("pattern1010-gan")).iterations, 10000);
}

TEST(TrainingPresets, KeepWhatWasAsked) {
  TrainingConfig config = preset("classifier-book");
  config.epochs = 7;
  config.batch = 64;
  config.limit = 500;
  config.learning_rate = 0.3;
  config.data_set = "digits";
  config.shuffle = true;
  config.seed = 9;
  config.torch_seed = 200;
  EXPECT_EQ(resolve_training(config), config);
}

TEST(TrainingPresets, RefuseWhatTheyDoNotHave) {
  const auto refused = [](const std::string& name, const std::function<void(TrainingConfig&)>& change) {
    TrainingConfig config = preset(name);
    change(config);
    return complaint([&] { (void)resolve_training(config); });
  };
  const auto nothing = [](TrainingConfig&) {};
  EXPECT_TRUE(refused("clasifier", nothing)
                  .starts_with("there is no training preset \"clasifier\": did you mean classifier?; known: "
                               "nodes-discriminator, nodes-gan,"))
      << refused("clasifier", nothing);
  EXPECT_TRUE(refused("pattern1010gan", nothing).find("did you mean pattern1010-gan?") != std::string::npos);
  EXPECT_TRUE(refused("xyz", nothing).starts_with("there is no training preset \"xyz\"; known: "));
  EXPECT_TRUE(refused(std::string(1000000, 'c'), nothing).size() < 500);
  EXPECT_EQ(refused("nodes-gan", [](TrainingConfig& config) { config.epochs = 3; }),
            "nodes-gan has no epochs: it has no data set; say how many iterations");
  EXPECT_EQ(refused("nodes-gan", [](TrainingConfig& config) { config.data_set = "mnist"; }),
            "nodes-gan has no data set: it makes its own samples");
  EXPECT_EQ(refused("nodes-gan", [](TrainingConfig& config) { config.limit = 3; }),
            "nodes-gan has no limit: it makes its own samples");
  EXPECT_EQ(refused("nodes-gan", [](TrainingConfig& config) { config.shuffle = true; }),
            "nodes-gan has no shuffle: it makes its own samples");
  EXPECT_EQ(refused("nodes-gan", [](TrainingConfig& config) { config.torch_seed = 3; }),
            "nodes-gan has no torch seed: it draws no parameters");
  EXPECT_EQ(refused("pattern1010-gan", [](TrainingConfig& config) { config.batch = 3; }),
            "pattern1010-gan has no batch: it trains on one sample at a time");
  EXPECT_EQ(refused("classifier", [](TrainingConfig& config) { config.iterations = 3; }),
            "classifier has no iterations: say how many epochs of the data set");
  EXPECT_EQ(refused("classifier", [](TrainingConfig& config) { config.batch = 0; }),
            "classifier: batch is 0; it must be 1 to 65536");
  EXPECT_EQ(refused("classifier", [](TrainingConfig& config) { config.epochs = -1; }),
            "classifier: epochs is -1; it must be 1 to 1000000");
  EXPECT_EQ(refused("classifier", [](TrainingConfig& config) { config.limit = 0; }),
            "classifier: limit is 0; it must be 1 to 9223372036854775807");
  for (const double rate : {0.0, -1.0, 1e39, std::numeric_limits<double>::quiet_NaN()})
    EXPECT_TRUE(refused("classifier", [&](TrainingConfig& config) {
                  config.learning_rate = rate;
                }).ends_with("; it must be a positive number that fp32 holds"));
}

TEST(TrainingConfigJson, ComesBack) {
  for (const TrainingPreset& row : training_presets()) {
    const TrainingConfig config = resolve_training(preset(row.name));
    EXPECT_EQ(training_config_from_json(training_config_json(config), "test"), config);
  }
  TrainingConfig config = preset("classifier");
  config.seed = std::numeric_limits<std::uint64_t>::max();
  config.torch_seed = 200;
  config.data_set = "a \"folder\"/\xC3\xA4";
  config.learning_rate = 0.1 + 0.2;
  config.shuffle = true;
  EXPECT_EQ(training_config_from_json(training_config_json(config), "test"), config);
  EXPECT_EQ(training_config_json(preset("nodes-gan")),
            R"({"atelier_training":1,"preset":"nodes-gan","seed":0,"shuffle":false})");
}

TEST(TrainingConfigJson, RefusesOtherDocuments) {
  const auto refused = [](const std::string& text) {
    return complaint([&] { (void)training_config_from_json(text, "run/config.json"); });
  };
  const std::string start = "run/config.json: the training configuration ";
  EXPECT_TRUE(refused("").starts_with("run/config.json: "));
  EXPECT_TRUE(refused(std::string(100000, '[')).starts_with("run/config.json: "));
  EXPECT_EQ(refused("[]"), start + "must be an object {…}");
  EXPECT_EQ(refused("{}"), start + "must have \"atelier_training\": 1: this program reads version 1");
  EXPECT_EQ(refused(R"({"atelier_training":2})"),
            start + "must have \"atelier_training\": 1: this program reads version 1");
  EXPECT_EQ(refused(R"({"atelier_training":1})"), start + "must have a \"preset\"");
  const auto with = [&](const std::string& more) {
    return refused(R"({"atelier_training":1,"preset":"classifier",)" + more + "}");
  };
  EXPECT_EQ(with(R"("seed":-1)"), start + "\"seed\" must be a whole number >= 0");
  EXPECT_EQ(with(R"("batch":1.5)"), start + "\"batch\" must be a whole number >= 0");
  EXPECT_EQ(with(R"("epochs":9223372036854775808)"), start + "\"epochs\" is 9223372036854775808: too large");
  EXPECT_EQ(with(R"("learning_rate":"a")"), start + "\"learning_rate\" must be a number");
  EXPECT_EQ(with(R"("data_set":7)"), start + "\"data_set\" must be a string");
  EXPECT_EQ(with(R"("shuffle":1)"), start + "\"shuffle\" must be true or false");
  EXPECT_TRUE(with(R"("sede":1)").starts_with(start + "has no key \"sede\"; known keys: atelier_training,"));
}

}  // namespace
}  // namespace atelier
