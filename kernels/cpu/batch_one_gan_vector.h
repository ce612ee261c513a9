#pragma once

#include <cstdint>

#include "kernels/activation.h"

// The walks of train_batch_one_gan on the cpu device, once for every instruction set. Every array starts at a
// multiple of 64 bytes and is padded with zeros to a multiple of kResidentLanes floats, in which all sets
// walk it: what a padding element becomes is zero again. Numbers below 2^-126 count as zero.
namespace atelier::cpu {

/// No set has more lanes.
inline constexpr std::int64_t kResidentLanes = 16;

/// Parameters and their moments; the moments of SGD are null.
struct ResidentArray {
  float* value = nullptr;
  float* first_moment = nullptr;
  float* second_moment = nullptr;
};

struct ResidentMatrix {
  ResidentArray elements;
  std::int64_t rows = 0;
  std::int64_t columns = 0;  // padded
  std::int64_t pitch = 0;    // from one row to the next
};

/// What every parameter's step has in common:
///   first = beta1 first + first_weight g        second = beta2 second + second_weight g^2
///   value = value + first / (sqrt(second) root_factor + epsilon)
/// Adam's step size is in the last line's factors. The gradient of a weight is a product, its square that of
/// the two factors' squares.
struct ResidentStep {
  float learning_rate;  // SGD alone; the others are Adam's
  float beta1;
  float first_weight;  // 1 - beta1
  float beta2;
  float second_weight;  // 1 - beta2
  float root_factor;    // 1 / sqrt(1 - beta2^t) / -(learning rate / (1 - beta1^t))
  float epsilon;        // over the same step size
};

/// The input that a step's gradient has as a factor. SGD needs no squares.
struct ResidentInput {
  const float* value;
  const float* square;
};

/// A hidden layer's vectors: what follows the product with its weights.
struct ResidentHidden {
  std::int64_t width = 0;
  std::int64_t padded = 0;
  ResidentArray bias;
  ResidentArray gamma;  // null: no LayerNorm
  ResidentArray beta;
  ActivationFunction activation;
  double epsilon = 0.0;
};

/// What a forward pass through it leaves behind. Without LayerNorm `output` holds the activations.
struct ResidentPass {
  float* pre_activation;
  float* activation;
  float* normalised;
  float* output;
  float reciprocal_deviation;
};

/// One or two vectors that a matrix is multiplied with, and where the products go.
struct ResidentProducts {
  const float* input[2];
  float* product[2];
  int count;
};

struct BatchOneGanKernels {
  /// product = weight input, rows [begin, end).
  void (*forward)(const ResidentMatrix& matrix, std::int64_t begin, std::int64_t end,
                  const ResidentProducts& products);
  /// A step with the gradient delta x input, and the products of the new weights, to forward's bits.
  void (*step_forward)(const ResidentMatrix& matrix, std::int64_t begin, std::int64_t end, const float* delta,
                       const ResidentInput& input, const ResidentStep& step,
                       const ResidentProducts& products);
  /// sum[column] = sum over rows [begin, end) of delta[row] weight[row, column].
  void (*backward)(const ResidentMatrix& matrix, std::int64_t begin, std::int64_t end, const float* delta,
                   float* sum);
  /// The same, of the weights before a step with the gradient delta x input.
  void (*backward_step)(const ResidentMatrix& matrix, std::int64_t begin, std::int64_t end,
                        const float* delta, const ResidentInput& input, const ResidentStep& step, float* sum);
  /// A step of elements [begin, end) with this gradient.
  void (*step)(const ResidentArray& elements, const float* gradient, std::int64_t begin, std::int64_t end,
               const ResidentStep& step);

  /// From the weights' products to the layer's outputs.
  void (*hidden_forward)(const ResidentHidden& layer, const float* products, ResidentPass& pass);
  /// From the outputs' gradients to delta, the gradients of the pre-activations and the bias, and to
  /// gamma's (where there is one).
  void (*hidden_backward)(const ResidentHidden& layer, const ResidentPass& pass, const float* gradient,
                          float* delta, float* gamma_gradient);

  /// sum over [0, count) of a b; count is padded.
  float (*dot)(const float* a, const float* b, std::int64_t count);
  /// to = factor from; count is padded.
  void (*scale)(const float* from, float factor, float* to, std::int64_t count);
  /// to = from^2; count is padded.
  void (*square)(const float* from, float* to, std::int64_t count);
  /// to = sigmoid(sum + bias), elements [begin, end).
  void (*sigmoid)(const float* sum, const float* bias, float* to, std::int64_t begin, std::int64_t end);
  /// to = the sum of `parts` rows, elements [begin, end); times y (1 - y) where `sigmoid` is given.
  void (*add_parts)(const float* rows, std::int64_t parts, std::int64_t pitch, const float* sigmoid,
                    float* to, std::int64_t begin, std::int64_t end);
  /// to = pixels / 255.
  void (*picture)(const std::uint8_t* pixels, float* to, std::int64_t count);
};

namespace portable {
extern const BatchOneGanKernels batch_one_gan_kernels;
}
namespace avx2 {
extern const BatchOneGanKernels batch_one_gan_kernels;
}
namespace avx512 {
extern const BatchOneGanKernels batch_one_gan_kernels;
}

}  // namespace atelier::cpu
