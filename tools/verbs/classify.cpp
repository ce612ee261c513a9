#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "models/network.h"
#include "models/png_image.h"
#include "runtime/buffer.h"
#include "tools/digit_picture.h"
#include "tools/run_checkpoint.h"
#include "tools/usage_error.h"
#include "tools/verbs/verbs.h"

namespace atelier::tools {
namespace {

namespace files = std::filesystem;

/// A trained network as a checkpoint describes it.
struct Classifier {
  TensorFile checkpoint;
  TrainingConfig config;
  NetworkDescription network;
  std::string prefix;
  std::int64_t side = 0;  // of the square pictures that it sees
};

std::string metadata(const TensorFile& file, const std::string& name, const files::path& path) {
  const auto place = file.metadata.find(name);
  if (place == file.metadata.end())
    throw InvalidArgument(
        fmt::format("{} is no checkpoint of a classifier: it has no '{}'", path.string(), name));
  return place->second;
}

Classifier load_classifier(const std::string& source) {
  RunCheckpoint run = read_run_checkpoint(source);
  const files::path& path = run.path;
  Classifier result;
  result.checkpoint = std::move(run.file);
  result.config = training_config_from_json(metadata(result.checkpoint, "config", path), path.string());
  if (result.config.preset.rfind("classifier", 0) != 0)
    throw Error(fmt::format("{} is a run of {}: classify needs one of classifier or classifier-book", source,
                            result.config.preset));
  result.network = network_from_text(metadata(result.checkpoint, "network", path));
  result.prefix = metadata(result.checkpoint, "network_prefix", path);
  result.side = std::llround(std::sqrt(static_cast<double>(result.network.inputs)));
  if (result.side * result.side != result.network.inputs || result.network.outputs() < 2)
    throw Error(fmt::format("{}: a network of {} inputs and {} outputs does not tell square pictures apart",
                            path.string(), result.network.inputs, result.network.outputs()));
  return result;
}

/// The network's outputs for each picture.
std::vector<std::vector<float>> answers(Device device, const Classifier& classifier,
                                        const std::vector<PreparedDigit>& digits) {
  Stream stream(device);
  Network network(stream, classifier.network, 0);
  network.load(stream, classifier.checkpoint, classifier.prefix);
  const auto inputs = static_cast<std::size_t>(classifier.network.inputs);
  const auto outputs = static_cast<std::size_t>(classifier.network.outputs());
  Pass pass(stream, network, 1, Pass::Purpose::inference);
  const Buffer<float> input(stream, classifier.network.inputs, "picture");
  std::vector<std::vector<float>> results;
  for (const PreparedDigit& digit : digits) {
    std::vector<float> values(inputs);
    std::transform(digit.pixels.begin(), digit.pixels.end(), values.begin(),
                   [](std::uint8_t value) { return static_cast<float>(value) / 255.0F; });
    upload<float>(stream, input.view(), values);
    const MatrixView<float> output =
        pass.forward(stream, {input.data(), 1, classifier.network.inputs, classifier.network.inputs});
    std::vector<float>& result = results.emplace_back(outputs);
    download<float>(stream, result, VectorView<const float>{output.data, output.columns});
  }
  return results;
}

std::size_t best_of(const std::vector<float>& confidences) {
  return static_cast<std::size_t>(std::max_element(confidences.begin(), confidences.end()) -
                                  confidences.begin());
}

std::string note_of(const PreparedDigit& digit) {
  if (digit.blank) return ", but nothing is drawn on it: all pixels are alike";
  std::string note;
  if (digit.inverted) note += ", dark on light: inverted";
  if (digit.fitted) note += ", scaled and centred";
  return note;
}

/// "  7  0.981  ########################################"
std::string bars(const std::vector<float>& confidences) {
  constexpr int kWidest = 40;
  std::string text;
  for (std::size_t i = 0; i < confidences.size(); ++i) {
    const double share =
        std::isfinite(confidences[i]) ? std::clamp(static_cast<double>(confidences[i]), 0.0, 1.0) : 0;
    text += fmt::format("  {}  {:.3f}  {}\n", i, confidences[i],
                        std::string(static_cast<std::size_t>(std::lround(share * kWidest)), '#'));
  }
  return text;
}

}  // namespace

void classify(const ClassifyCommand& command) {
  if (command.pictures.empty())
    throw UsageError("classify needs a run and a picture: classify RUN image.png");
  const Classifier classifier = load_classifier(command.source);
  std::vector<PreparedDigit> digits;
  for (const std::string& picture : command.pictures)
    digits.push_back(prepare_digit(read_png_image(picture), classifier.side, classifier.side));
  RunOptions run = command.run;
  run.quiet = true;  // one small network: where it runs is of no interest
  const std::vector<std::vector<float>> results = answers(open_device(run), classifier, digits);

  nlohmann::ordered_json document = nlohmann::ordered_json::array();
  std::string text;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const std::size_t best = best_of(results[i]);
    document.push_back({{"file", command.pictures[i]},
                        {"answer", best},
                        {"confidences", results[i]},
                        {"inverted", digits[i].inverted},
                        {"fitted", digits[i].fitted},
                        {"blank", digits[i].blank}});
    text += fmt::format("{}: {}{}\n", command.pictures[i], best, command.run.quiet ? "" : note_of(digits[i]));
    if (!command.run.quiet) text += bars(results[i]);
  }
  if (command.run.json) {
    print_json(document);
  } else {
    print_text(text);
  }
}

}  // namespace atelier::tools
