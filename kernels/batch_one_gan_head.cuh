#pragma once

#include "kernels/activation_function.h"
#include "kernels/batch_one_gan_step.cuh"
#include "kernels/loss_function.h"
#include "runtime/kernel.cuh"

// What stands between the matrices: activations, the normalisation of a vector, and D's head from its
// activations to the loss and back.

namespace atelier::ATELIER_DEVICE_NAMESPACE {
namespace {

/// The activations that batch_one_gan.h allows.
__device__ inline float hidden_activation(ActivationFunction function, float x) {
  switch (function.kind) {
    case Activation::relu:
      return relu_activation(x);
    case Activation::leaky_relu:
      return leaky_relu_activation(x, function.slope);
    case Activation::sigmoid:
      return sigmoid_activation(x);
    default:
      return tanh_activation(x);
  }
}

/// Their derivatives from the value y.
__device__ inline float hidden_derivative(ActivationFunction function, float y) {
  if (y != y) return y;
  switch (function.kind) {
    case Activation::relu:
      return y > 0.0F ? 1.0F : 0.0F;
    case Activation::leaky_relu:
      return y > 0.0F ? 1.0F : function.slope;
    case Activation::sigmoid:
      return y * (1.0F - y);
    default:
      return fused_product_sum(-y, y, 1.0F);
  }
}

struct Moments {
  float mean;
  float inverse_deviation;
};

/// Of `size` numbers, by one warp: two passes, 1 / sqrt(variance + epsilon).
__device__ inline Moments warp_moments(const float* values, int size, float epsilon) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const float inverse_size = 1.0F / static_cast<float>(size);
  float sum = 0.0F;
  for (int i = lane; i < size; i += kWarp) sum += values[i];
  const float mean = warp_sum(sum) * inverse_size;
  float squares = 0.0F;
  for (int i = lane; i < size; i += kWarp) {
    const float difference = values[i] - mean;
    squares = fused_product_sum(difference, difference, squares);
  }
  return {mean, 1.0F / sqrtf(fused_product_sum(warp_sum(squares), inverse_size, epsilon))};
}

/// What D's head has found in one pass.
struct Verdict {
  float gradient;  // of the loss with respect to the logit
  float loss;
  float mean;               // of the activations; 0 and
  float inverse_deviation;  // 1 without normalisation
  float sum;                // mean of gamma w
  float product;            // mean of gamma w xhat
  float unused[2];
};
static_assert(sizeof(Verdict) == kVerdictFloats * sizeof(float));

__device__ inline LossElement adversarial_loss(AdversarialLoss kind, float logit, float target) {
  if (kind == AdversarialLoss::bce) return loss_element<LossKind::sigmoid_bce>(logit, target, true);
  if (kind == AdversarialLoss::bce_with_logits)
    return loss_element<LossKind::bce_with_logits>(logit, target, true);
  const float probability = 1.0F / (1.0F + expf(-logit));
  LossElement element = loss_element<LossKind::mse>(probability, target, true);
  element.gradient *= probability * (1.0F - probability);
  return element;
}

/// D's head in shared memory. Its numbers are held by every block, which all make the same steps.
struct DiscriminatorHead {
  const TwoLayerNetwork& network;
  float* values;  // weight, [gamma, beta,] bias, and the moments of all
  int hidden;
  bool normalized;

  [[nodiscard]] __device__ int size() const { return hidden * (normalized ? 3 : 1) + 1; }

  /// By one warp.
  __device__ void judge(const float* active, float target, AdversarialLoss loss, Verdict* verdict) const {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    Moments moments{0.0F, 1.0F};
    if (normalized) moments = warp_moments(active, hidden, static_cast<float>(network.normalization_epsilon));
    float logit = 0.0F;
    float sum = 0.0F;
    float product = 0.0F;
    for (int i = lane; i < hidden; i += kWarp) {
      const float weight = values[i];
      const float normal = (active[i] - moments.mean) * moments.inverse_deviation;
      if (normalized) {
        const float scaled = values[hidden + i] * weight;
        logit = fused_product_sum(
            weight, fused_product_sum(values[hidden + i], normal, values[2 * hidden + i]), logit);
        sum += scaled;
        product = fused_product_sum(scaled, normal, product);
      } else {
        logit = fused_product_sum(weight, active[i], logit);
      }
    }
    logit = warp_sum(logit) + values[size() - 1];
    sum = warp_sum(sum);
    product = warp_sum(product);
    if (lane != 0) return;
    const LossElement element = adversarial_loss(loss, logit, target);
    verdict->gradient = element.gradient;
    verdict->loss = element.loss;
    verdict->mean = moments.mean;
    verdict->inverse_deviation = moments.inverse_deviation;
    verdict->sum = sum / static_cast<float>(hidden);
    verdict->product = product / static_cast<float>(hidden);
  }

  /// Gradients of the pre-activations, by the block.
  __device__ void backward(const float* active, const Verdict& verdict, float* delta) const {
#pragma unroll 1
    for (int i = static_cast<int>(threadIdx.x); i < hidden; i += kThreads) {
      float gradient = values[i];
      if (normalized) {
        const float normal = (active[i] - verdict.mean) * verdict.inverse_deviation;
        gradient = verdict.inverse_deviation *
                   (values[hidden + i] * gradient - fused_product_sum(normal, verdict.product, verdict.sum));
      }
      delta[i] = verdict.gradient * gradient * hidden_derivative(network.activation, active[i]);
    }
  }

  /// The head's own step, by the block.
  template <bool adam>
  __device__ void step(const float* active, const Verdict& verdict, const StepFactors& factors) const {
    const int count = size();
    const float gradient = verdict.gradient;
#pragma unroll 1
    for (int i = static_cast<int>(threadIdx.x); i < hidden; i += kThreads) {
      float out = active[i];
      if (normalized) {
        const float normal = (active[i] - verdict.mean) * verdict.inverse_deviation;
        const float beta_gradient = rounded_product(gradient, values[i]);
        out = fused_product_sum(values[hidden + i], normal, values[2 * hidden + i]);
        step_parameter<adam>(values, count, hidden + i, rounded_product(beta_gradient, normal), factors);
        step_parameter<adam>(values, count, 2 * hidden + i, beta_gradient, factors);
      }
      step_parameter<adam>(values, count, i, rounded_product(gradient, out), factors);
    }
    if (threadIdx.x == 0) step_parameter<adam>(values, count, count - 1, gradient, factors);
  }
};

}  // namespace
}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
