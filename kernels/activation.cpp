#include "kernels/activation.h"

#include <array>
#include <cstddef>

namespace atelier {
namespace {

// In the order of the enumeration.
constexpr std::array<std::string_view, kActivationCount> kNames{
    "identity", "relu", "leaky_relu", "sigmoid", "tanh", "sin",    "cos",     "gaussian",
    "softplus", "gelu", "silu",       "elu",     "abs",  "square", "softsign"};
static_assert(static_cast<int>(Activation::softsign) + 1 == kActivationCount);

}  // namespace

bool derivative_from_output(ActivationFunction activation) {
  switch (activation.kind) {
    case Activation::identity:
    case Activation::relu:
    case Activation::sigmoid:
    case Activation::tanh:
    case Activation::softsign:
      return true;
    case Activation::leaky_relu:
    case Activation::elu:
      return activation.slope >= 0.0F;
    default:
      return false;
  }
}

std::string_view activation_name(Activation activation) {
  const auto index = static_cast<std::size_t>(activation);
  return index < kNames.size() ? kNames[index] : std::string_view("unknown");
}

std::optional<Activation> activation_from_name(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == name) return static_cast<Activation>(i);
  return std::nullopt;
}

const std::vector<std::string_view>& activation_names() {
  static const std::vector<std::string_view> names(kNames.begin(), kNames.end());
  return names;
}

}  // namespace atelier
