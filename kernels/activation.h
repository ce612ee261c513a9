#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "runtime/backend.h"

namespace atelier {

/// Every activation that fused kernels and CPPN layers know. Formulas, derivatives and error bounds stand at
/// activate() and activation_derivative().
enum class Activation : std::uint8_t {
  identity,    // x
  relu,        // max(x, 0); NaN stays NaN
  leaky_relu,  // x > 0 ? x : slope x
  sigmoid,     // 1 / (1 + e^-x)
  tanh,        // tanh x
  sin,         // sin x
  cos,         // cos x
  gaussian,    // e^(-x^2)
  softplus,    // log(1 + e^x), computed without overflow
  gelu,        // x Phi(x), the exact form with erf (PyTorch's default)
  silu,        // x sigmoid(x)
  elu,         // x > 0 ? x : slope (e^x - 1)
  abs,         // |x|
  square,      // x^2
  softsign,    // x / (1 + |x|)
};
inline constexpr int kActivationCount = 15;

/// An activation with its parameter. `slope` is used by leaky_relu and elu only.
struct ActivationFunction {
  Activation kind = Activation::identity;
  float slope = 0.01F;
  friend constexpr bool operator==(const ActivationFunction&, const ActivationFunction&) = default;
};

/// Whether the derivative follows from the value y alone, so that nobody need keep the pre-activation:
/// identity, relu, sigmoid, tanh, softsign; leaky_relu and elu with slope >= 0.
[[nodiscard]] bool derivative_from_output(ActivationFunction activation);

/// "tanh", "leaky_relu", …: the enumerator's name.
[[nodiscard]] std::string_view activation_name(Activation activation);
/// The inverse; nullopt for an unknown name.
[[nodiscard]] std::optional<Activation> activation_from_name(std::string_view name);
/// All names in the order of the enumeration, for messages.
[[nodiscard]] const std::vector<std::string_view>& activation_names();

}  // namespace atelier
