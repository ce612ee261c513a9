#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/network.h"
#include "runtime/arena.h"
#include "runtime/stream.h"

namespace atelier {

/// The zero-centred gradient penalty of a discriminator on real pictures ("R1": Mescheder, Geiger and
/// Nowozin, "Which training methods for GANs do actually converge?", ICML 2018):
///   P = weight / 2 * mean over rows of |d D(x) / d x|^2
/// D(x) is the network's one output before a final sigmoid. In a network whose activations are piecewise
/// linear the gradient g_0 of D by x is a product of the layers' weights W_l and of slopes s_l that small
/// changes leave alone, so that P's gradient by a weight needs no second derivatives:
///   backward:   e_L = 1,  e_l = s_l * g_l,  g_(l-1) = e_l W_l            down to g_0
///   forward:    t_0 = weight / rows * g_0,  t_l = s_l * (t_(l-1) W_l^T)
///   dP / dW_l = e_l^T t_(l-1);   biases do not move P
/// made of linear_backward, linear_forward and activation_backward on every device.
class GradientPenalty {
 public:
  /// Why a network cannot have one, as a line for people; empty where it can: linear layers, relu or
  /// leaky_relu between them, one output, at most a sigmoid behind it.
  [[nodiscard]] static std::string obstacle(const NetworkDescription& network);

  /// For at most `largest_batch` rows. `weight` > 0. The network must outlive this. Throws InvalidArgument
  /// (obstacle), OutOfMemory.
  GradientPenalty(Stream& stream, const Network& network, std::int64_t largest_batch, double weight);

  /// Queues the addition of P's gradient by the parameters to `gradients`, laid out like network.block().
  /// input [rows, inputs], 1 <= rows <= largest_batch. Allocates nothing; the step can be captured.
  void add(Stream& stream, MatrixView<const float> input, VectorView<float> gradients);
  /// Rows of sqrt(weight / rows) * d D(x) / d x of the last add(): P is half the sum of their squares.
  [[nodiscard]] MatrixView<const float> input_gradient() const;

 private:
  struct Step {
    MatrixView<float> weight;
    VectorView<float> bias;
    ActivationFunction activation;
    MatrixView<float> output;    // after the activation
    MatrixView<float> gradient;  // g_l: of the output
    MatrixView<float> tangent;   // t_l
  };

  const Network* network_;
  double weight_;
  std::vector<Step> steps_;
  std::optional<Arena> arena_;
  MatrixView<float> input_gradient_;
  VectorView<float> scratch_;
  std::int64_t rows_ = 0;
};

}  // namespace atelier
