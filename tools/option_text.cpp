#include "tools/option_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <cmath>

#include "tools/suggestion.h"
#include "tools/usage_error.h"

namespace atelier::tools {
namespace {

/// Reads the whole of `text` as a number; false when it is none.
template <class Number>
bool read_whole(std::string_view text, Number& value) {
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::vector<std::string> split_list(const char* option, const std::string& text) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  for (;;) {
    const std::size_t comma = text.find(',', start);
    std::string part = text.substr(start, comma - start);
    if (const std::size_t letter = part.find_first_not_of(' '); letter == std::string::npos) {
      part.clear();
    } else {
      part = part.substr(letter, part.find_last_not_of(' ') - letter + 1);
    }
    if (part.empty()) throw UsageError(fmt::format("{} '{}': a part of the list is empty", option, text));
    parts.push_back(part);
    if (comma == std::string::npos) return parts;
    start = comma + 1;
  }
}

double parse_number(const char* option, std::string_view text) {
  double value = 0;
  if (!read_whole(text, value) || !std::isfinite(value))
    throw UsageError(fmt::format("{} '{}': a number is needed, not NaN or infinite", option, text));
  return value;
}

std::vector<double> parse_numbers(const char* option, const std::string& text) {
  std::vector<double> values;
  for (const std::string& part : split_list(option, text)) values.push_back(parse_number(option, part));
  return values;
}

std::int64_t parse_integer(const char* option, std::string_view text, std::int64_t low, std::int64_t high) {
  std::int64_t value = 0;
  if (!read_whole(text, value) || value < low || value > high)
    throw UsageError(fmt::format("{} '{}': a whole number from {} to {} is needed", option, text, low, high));
  return value;
}

std::uint64_t parse_unsigned(const char* option, std::string_view text) {
  std::uint64_t value = 0;
  if (!read_whole(text, value))
    throw UsageError(fmt::format("{} '{}': a whole number from 0 to {} is needed", option, text, UINT64_MAX));
  return value;
}

std::int64_t parse_bytes(const char* option, std::string_view text) {
  static constexpr std::string_view kPrefixes = "kMGTP";
  const std::size_t end = text.find_first_not_of("0123456789.");
  const std::string_view unit = end == std::string_view::npos ? std::string_view() : text.substr(end);
  double factor = 1;
  if (!unit.empty()) {
    const char letter = unit[0] == 'K' ? 'k' : unit[0];
    const std::size_t power = kPrefixes.find(letter);
    const std::string_view rest = unit.substr(1);
    if (power != std::string_view::npos && (rest.empty() || rest == "B" || rest == "iB"))
      factor = std::pow(rest == "iB" ? 1024.0 : 1000.0, static_cast<double>(power + 1));
    else if (unit != "B")
      factor = 0;
  }
  double number = 0;
  const std::string_view digits = text.substr(0, end);
  const auto [last, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const double bytes = number * factor;
  if (digits.empty() || error != std::errc() || last != digits.data() + digits.size() || !(bytes >= 1) ||
      bytes > 9e18)
    throw UsageError(
        fmt::format("{} '{}': a number of bytes is needed, such as 900M, 1.5G or 512MiB", option, text));
  return static_cast<std::int64_t>(bytes);
}

std::size_t parse_choice(const char* option, const std::string& text, const std::vector<std::string>& names) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == text) return i;
  throw UsageError(fmt::format("{} '{}': not one of {}{}", option, text, fmt::join(names, ", "),
                               did_you_mean(text, names)));
}

ActivationFunction parse_activation(const char* option, const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::string name = text.substr(0, colon);
  const std::optional<Activation> kind = activation_from_name(name);
  if (!kind) {
    const std::vector<std::string> names(activation_names().begin(), activation_names().end());
    throw UsageError(fmt::format("{} '{}': not one of {}{}", option, name, fmt::join(names, ", "),
                                 did_you_mean(name, names)));
  }
  ActivationFunction activation{*kind};
  const bool sloped = *kind == Activation::leaky_relu || *kind == Activation::elu;
  if (*kind == Activation::elu) activation.slope = 1;
  if (colon == std::string::npos) return activation;
  if (!sloped) throw UsageError(fmt::format("{} '{}': {} has no slope", option, text, name));
  activation.slope = static_cast<float>(parse_number(option, std::string_view(text).substr(colon + 1)));
  if (!std::isfinite(activation.slope))
    throw UsageError(fmt::format("{} '{}': the slope is too large for fp32", option, text));
  return activation;
}

std::vector<CppnInput> parse_inputs(const char* option, const std::string& text) {
  std::vector<CppnInput> inputs;
  for (const std::string& part : split_list(option, text)) {
    if (part == "x") {
      inputs.push_back(CppnInput::x);
    } else if (part == "y") {
      inputs.push_back(CppnInput::y);
    } else if (part == "r" || part == "radius") {
      inputs.push_back(CppnInput::radius);
    } else if (part == "1" || part == "one") {
      inputs.push_back(CppnInput::one);
    } else if (part == "z" || part == "latent") {
      inputs.push_back(CppnInput::latent);
    } else {
      throw UsageError(fmt::format("{} '{}': not one of x, y, r, 1, z", option, part));
    }
  }
  return inputs;
}

std::string activation_text(const ActivationFunction& activation) {
  std::string text(activation_name(activation.kind));
  if (activation.kind == Activation::leaky_relu || activation.kind == Activation::elu)
    text += fmt::format(":{}", activation.slope);
  return text;
}

std::string inputs_text(const std::vector<CppnInput>& inputs) {
  std::vector<std::string> names;
  std::size_t waves = 0;
  for (const CppnInput input : inputs) switch (input) {
      case CppnInput::x:
        names.emplace_back("x");
        break;
      case CppnInput::y:
        names.emplace_back("y");
        break;
      case CppnInput::radius:
        names.emplace_back("r");
        break;
      case CppnInput::one:
        names.emplace_back("1");
        break;
      case CppnInput::latent:
        names.emplace_back("z");
        break;
      case CppnInput::wave:
        ++waves;
        break;
    }
  if (waves > 0) names.push_back(fmt::format("{} wave{}", waves, waves == 1 ? "" : "s"));
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace atelier::tools
