#pragma once

#include <algorithm>
#include <cmath>
#include <string>

// The losses of kernels/loss.h in double precision, from their definitions.
namespace atelier::testing {

enum class Loss { bce, bce_of_sigmoid, sigmoid_bce, bce_with_logits, mse };
inline constexpr Loss kEveryLoss[] = {Loss::bce, Loss::bce_of_sigmoid, Loss::sigmoid_bce,
                                      Loss::bce_with_logits, Loss::mse};

inline std::string loss_name(Loss loss) {
  constexpr const char* kNames[] = {"bce", "bce_of_sigmoid", "sigmoid_bce", "bce_with_logits", "mse"};
  return kNames[static_cast<int>(loss)];
}

inline double reference_sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

/// One term of the mean. Of sigmoid_bce, x is the probability.
inline double reference_loss(Loss loss, double x, double t) {
  const auto clamped = [](double logarithm) { return logarithm < -100 ? -100.0 : logarithm; };
  switch (loss) {
    case Loss::bce:
    case Loss::bce_of_sigmoid:
    case Loss::sigmoid_bce:
      return -(t * clamped(std::log(x)) + (1 - t) * clamped(std::log1p(-x)));
    case Loss::bce_with_logits:
      return std::max(x, 0.0) - x * t + std::log1p(std::exp(-std::fabs(x)));
    case Loss::mse:
      return (x - t) * (x - t);
  }
  return NAN;
}

/// Its derivative, as PyTorch takes it.
inline double reference_gradient(Loss loss, double x, double t) {
  switch (loss) {
    case Loss::bce:
      return (x - t) / std::max(x * (1 - x), 1e-12);
    case Loss::bce_of_sigmoid:
    case Loss::sigmoid_bce:
      return (x - t) / std::max(x * (1 - x), 1e-12) * (x * (1 - x));
    case Loss::bce_with_logits:
      return reference_sigmoid(x) - t;
    case Loss::mse:
      return 2 * (x - t);
  }
  return NAN;
}

}  // namespace atelier::testing
