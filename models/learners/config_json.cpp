// A training configuration as JSON. Only "atelier_training" and "preset" must be there.
//
//   {
//     "atelier_training": 1,       version of this schema
//     "preset": "classifier",
//     "seed": 0,
//     "torch_seed": 200,           absent: parameters are drawn from "seed"
//     "data_set": "mnist",         absent: the preset needs none
//     "epochs": 3, "iterations": 300, "limit": 1000, "batch": 1, "learning_rate": 0.01,
//                                  absent: the preset decides, or does not have it
//     "shuffle": false,
//     "generator": "100 linear(500) sigmoid linear(pixels) sigmoid", "discriminator": "…", "loss": "bce",
//     "optimizer": "adam", "generator_learning_rate": 1e-4, "beta1": 0.9, "beta2": 0.999,
//     "discriminator_steps": 2, "gradient_penalty": 0, "average": 0, "split": "test", "loop": "resident"
//                                  GANs on pictures
//   }
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "models/json_document.h"
#include "models/learner.h"
#include "runtime/error.h"

namespace atelier {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

constexpr std::uint64_t kVersion = 1;

/// The configuration's keys; the order is that of the file.
class ConfigReader {
 public:
  ConfigReader(const Json& json, const std::string& source) : json_(json), source_(source) {
    if (!json.is_object()) fail("must be an object {…}");
  }

  TrainingConfig read() {
    if (natural("atelier_training") != kVersion)
      fail(fmt::format("must have \"atelier_training\": {0}: this program reads version {0}", kVersion));
    TrainingConfig config;
    if (const auto preset = text("preset")) config.preset = *preset;
    if (config.preset.empty()) fail("must have a \"preset\"");
    config.seed = natural("seed").value_or(0);
    config.torch_seed = natural("torch_seed");
    config.data_set = text("data_set").value_or("");
    config.epochs = whole("epochs");
    config.iterations = whole("iterations");
    config.limit = whole("limit");
    config.batch = whole("batch");
    config.learning_rate = number("learning_rate");
    if (const Json* json = find("shuffle")) {
      if (!json->is_boolean()) fail("\"shuffle\" must be true or false");
      config.shuffle = json->get<bool>();
    }
    config.generator = text("generator");
    config.discriminator = text("discriminator");
    config.loss = text("loss");
    config.optimizer = text("optimizer");
    config.generator_learning_rate = number("generator_learning_rate");
    config.beta1 = number("beta1");
    config.beta2 = number("beta2");
    config.discriminator_steps = whole("discriminator_steps");
    config.gradient_penalty = number("gradient_penalty");
    config.average = number("average");
    config.split = text("split");
    config.loop = text("loop");
    for (const auto& entry : json_.items())
      if (std::find(asked_.begin(), asked_.end(), entry.key()) == asked_.end())
        fail(fmt::format("has no key {}; known keys: {}", detail::excerpt(entry.key()),
                         fmt::join(asked_, ", ")));
    return config;
  }

 private:
  const Json* find(const char* key) {
    asked_.emplace_back(key);
    const auto found = json_.find(key);
    return found == json_.end() ? nullptr : &*found;
  }
  std::optional<std::uint64_t> natural(const char* key) {
    const Json* json = find(key);
    if (json == nullptr) return std::nullopt;
    if (!json->is_number_unsigned()) fail(fmt::format("\"{}\" must be a whole number >= 0", key));
    return json->get<std::uint64_t>();
  }
  std::optional<std::int64_t> whole(const char* key) {
    const std::optional<std::uint64_t> value = natural(key);
    if (!value) return std::nullopt;
    if (*value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      fail(fmt::format("\"{}\" is {}: too large", key, *value));
    return static_cast<std::int64_t>(*value);
  }
  std::optional<double> number(const char* key) {
    const Json* json = find(key);
    if (json == nullptr) return std::nullopt;
    if (!json->is_number()) fail(fmt::format("\"{}\" must be a number", key));
    return json->get<double>();
  }
  std::optional<std::string> text(const char* key) {
    const Json* json = find(key);
    if (json == nullptr) return std::nullopt;
    if (!json->is_string()) fail(fmt::format("\"{}\" must be a string", key));
    return json->get<std::string>();
  }
  [[noreturn]] void fail(const std::string& complaint) const {
    throw InvalidArgument(fmt::format("{}: the training configuration {}", source_, complaint));
  }

  const Json& json_;
  const std::string& source_;
  std::vector<std::string> asked_;
};

}  // namespace

std::string training_config_json(const TrainingConfig& config) {
  OrderedJson json;
  json["atelier_training"] = kVersion;
  json["preset"] = config.preset;
  json["seed"] = config.seed;
  const auto add = [&json](const char* key, const auto& value) {
    if (value) json[key] = *value;
  };
  add("torch_seed", config.torch_seed);
  if (!config.data_set.empty()) json["data_set"] = config.data_set;
  add("epochs", config.epochs);
  add("iterations", config.iterations);
  add("limit", config.limit);
  add("batch", config.batch);
  add("learning_rate", config.learning_rate);
  json["shuffle"] = config.shuffle;
  add("generator", config.generator);
  add("discriminator", config.discriminator);
  add("loss", config.loss);
  add("optimizer", config.optimizer);
  add("generator_learning_rate", config.generator_learning_rate);
  add("beta1", config.beta1);
  add("beta2", config.beta2);
  add("discriminator_steps", config.discriminator_steps);
  add("gradient_penalty", config.gradient_penalty);
  add("average", config.average);
  add("split", config.split);
  add("loop", config.loop);
  try {
    return json.dump();
  } catch (const OrderedJson::exception&) {
    throw InvalidArgument(fmt::format("the preset {} or the data set {} is not UTF-8 text",
                                      detail::excerpt(config.preset), detail::excerpt(config.data_set)));
  }
}

TrainingConfig training_config_from_json(const std::string& text, const std::string& source) {
  const Json document =
      detail::parse_json(text, source, {.bytes = std::size_t{1} << 20, .depth = 4, .values = 256});
  return ConfigReader(document, source).read();
}

}  // namespace atelier
