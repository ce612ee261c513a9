#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

#include "models/json_document.h"
#include "models/network.h"
#include "runtime/error.h"

namespace atelier {
namespace {

constexpr std::int64_t kMaxWidth = std::int64_t{1} << 20;
constexpr std::size_t kMaxLayers = 1000;
constexpr std::int64_t kMaxParameters = std::int64_t{1} << 31;
constexpr float kDefaultLeakySlope = 0.01F;
constexpr float kDefaultEluSlope = 1.0F;
constexpr double kDefaultEpsilon = 1e-5;

bool has_slope(Activation kind) {
  return kind == Activation::leaky_relu || kind == Activation::elu;
}

std::string layer_text(const Layer& layer) {
  switch (layer.kind) {
    case Layer::Kind::linear:
      return fmt::format("linear({}{})", layer.outputs, layer.bias ? "" : ", no bias");
    case Layer::Kind::activation:
      if (!has_slope(layer.activation.kind)) return std::string(activation_name(layer.activation.kind));
      return fmt::format("{}({})", activation_name(layer.activation.kind), layer.activation.slope);
    case Layer::Kind::layer_norm:
      if (layer.affine && layer.epsilon == kDefaultEpsilon) return "layer_norm";
      return fmt::format("layer_norm({}{})", layer.epsilon, layer.affine ? "" : ", not affine");
  }
  throw InvalidArgument("network: a layer of no known kind");
}

/// The parts of a description: a word, then what stands in brackets behind it, divided at commas.
struct Module {
  std::string word;
  std::vector<std::string> arguments;
};

class TextReader {
 public:
  explicit TextReader(const std::string& text) : text_(text) {}

  NetworkDescription read() {
    NetworkDescription description;
    const std::optional<Module> first = next();
    if (!first) fail("is empty; it must begin with the number of inputs");
    description.inputs = width(first->word, "the number of inputs");
    if (!first->arguments.empty()) fail("has brackets behind the number of inputs");
    while (const std::optional<Module> module = next()) {
      if (description.layers.size() == kMaxLayers) fail(fmt::format("has more than {} modules", kMaxLayers));
      description.layers.push_back(layer(*module));
    }
    description.validate();
    return description;
  }

 private:
  static bool is_space(char letter) { return letter == ' ' || letter == '\t' || letter == '\n'; }

  static std::string trimmed(std::string_view part) {
    while (!part.empty() && is_space(part.front())) part.remove_prefix(1);
    while (!part.empty() && is_space(part.back())) part.remove_suffix(1);
    return std::string(part);
  }

  std::optional<Module> next() {
    while (position_ < text_.size() && is_space(text_[position_])) ++position_;
    if (position_ == text_.size()) return std::nullopt;
    Module module;
    while (position_ < text_.size() && !is_space(text_[position_]) && text_[position_] != '(')
      module.word += text_[position_++];
    if (position_ == text_.size() || text_[position_] != '(') return module;
    const std::size_t close = text_.find(')', position_);
    if (close == std::string::npos) fail(fmt::format("has no ) behind {}", detail::excerpt(module.word)));
    std::string_view inside = std::string_view(text_).substr(position_ + 1, close - position_ - 1);
    position_ = close + 1;
    for (;;) {
      const std::size_t comma = inside.find(',');
      module.arguments.push_back(trimmed(inside.substr(0, comma)));
      if (comma == std::string_view::npos) return module;
      inside.remove_prefix(comma + 1);
    }
  }

  Layer layer(const Module& module) const {
    if (module.word == "linear") return linear(module);
    if (module.word == "layer_norm") return layer_norm(module);
    const std::optional<Activation> kind = activation_from_name(module.word);
    if (!kind)
      fail(fmt::format("has the word {}, which is none of: linear, layer_norm, {}",
                       detail::excerpt(module.word), fmt::join(activation_names(), ", ")));
    float slope = *kind == Activation::elu ? kDefaultEluSlope : kDefaultLeakySlope;
    if (!module.arguments.empty()) {
      if (!has_slope(*kind) || module.arguments.size() > 1)
        fail(fmt::format("gives {} arguments to {}, which takes {}", module.arguments.size(), module.word,
                         has_slope(*kind) ? "its slope" : "none"));
      slope = number<float>(module.arguments[0], "a slope");
    }
    return Layer::activated(*kind, slope);
  }

  Layer linear(const Module& module) const {
    const bool no_bias = module.arguments.size() == 2 && module.arguments[1] == "no bias";
    if (module.arguments.empty() || (module.arguments.size() > 1 && !no_bias))
      fail("must have linear(outputs) or linear(outputs, no bias)");
    return Layer::linear(width(module.arguments[0], "a number of outputs"), !no_bias);
  }

  Layer layer_norm(const Module& module) const {
    if (module.arguments.empty()) return Layer::layer_norm();
    const bool plain = module.arguments.size() == 2 && module.arguments[1] == "not affine";
    if (module.arguments.size() > 1 && !plain)
      fail("must have layer_norm, layer_norm(epsilon) or layer_norm(epsilon, not affine)");
    return Layer::layer_norm(!plain, number<double>(module.arguments[0], "an epsilon"));
  }

  template <class Number>
  Number number(const std::string& word, const char* what) const {
    Number value{};
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc{} || end != word.data() + word.size())
      fail(fmt::format("has {} where {} must stand", detail::excerpt(word), what));
    return value;
  }

  std::int64_t width(const std::string& word, const char* what) const {
    return number<std::int64_t>(word, what);
  }

  [[noreturn]] void fail(const std::string& complaint) const {
    throw InvalidArgument(fmt::format("network {} {}", detail::excerpt(text_), complaint));
  }

  const std::string& text_;
  std::size_t position_ = 0;
};

void require_width(std::int64_t width, const std::string& what) {
  if (width < 1 || width > kMaxWidth)
    throw InvalidArgument(fmt::format("network: {} is {}; it must be 1 to {}", what, width, kMaxWidth));
}

}  // namespace

Layer Layer::linear(std::int64_t outputs, bool bias) {
  Layer layer;
  layer.outputs = outputs;
  layer.bias = bias;
  return layer;
}

Layer Layer::activated(Activation kind, float slope) {
  Layer layer;
  layer.kind = Kind::activation;
  layer.activation.kind = kind;
  if (has_slope(kind)) layer.activation.slope = slope;
  return layer;
}

Layer Layer::layer_norm(bool affine, double epsilon) {
  Layer layer;
  layer.kind = Kind::layer_norm;
  layer.affine = affine;
  layer.epsilon = epsilon;
  return layer;
}

std::int64_t NetworkDescription::outputs() const {
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer)
    if (layer->kind == Layer::Kind::linear) return layer->outputs;
  return inputs;
}

std::int64_t NetworkDescription::parameter_count() const {
  std::int64_t count = 0;
  std::int64_t width = inputs;
  for (const Layer& layer : layers) {
    if (layer.kind == Layer::Kind::linear) {
      count += layer.outputs * (width + (layer.bias ? 1 : 0));
      width = layer.outputs;
    } else if (layer.kind == Layer::Kind::layer_norm && layer.affine) {
      count += 2 * width;
    }
  }
  return count;
}

void NetworkDescription::validate() const {
  require_width(inputs, "the number of inputs");
  if (layers.empty() || layers.size() > kMaxLayers)
    throw InvalidArgument(
        fmt::format("network: it has {} layers; 1 to {} are needed", layers.size(), kMaxLayers));
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const Layer& layer = layers[l];
    if (layer.kind == Layer::Kind::linear)
      require_width(layer.outputs, fmt::format("the number of outputs of layer {}", l));
    if (layer.kind == Layer::Kind::activation && !std::isfinite(layer.activation.slope))
      throw InvalidArgument(fmt::format("network: the slope of layer {} is not a finite number", l));
    const auto epsilon = static_cast<float>(layer.epsilon);  // as LayerNorm computes with it
    if (layer.kind == Layer::Kind::layer_norm && !(epsilon > 0 && std::isfinite(epsilon)))
      throw InvalidArgument(fmt::format(
          "network: epsilon of layer {} is {}; it must be positive and finite in fp32", l, layer.epsilon));
  }
  if (parameter_count() > kMaxParameters)
    throw InvalidArgument(
        fmt::format("network: {} parameters; at most {} are allowed", parameter_count(), kMaxParameters));
}

std::string NetworkDescription::text() const {
  std::string text = fmt::format("{}", inputs);
  for (const Layer& layer : layers) text += fmt::format(" {}", layer_text(layer));
  return text;
}

NetworkDescription network_from_text(const std::string& text) {
  return TextReader(text).read();
}

}  // namespace atelier
