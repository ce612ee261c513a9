#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "kernels/activation.h"
#include "kernels/philox.h"
#include "runtime/stream.h"
#include "runtime/view.h"

// The articles' exact loop, many iterations a call, with the networks resident: on cuda and simt one
// cooperative launch keeps parameters and moments on chip for all of them; on cpu every weight is walked once
// an update, the next forward pass in the same walk. One iteration t (0, 1, …) on one picture x, in this
// order (gan.md, "Iteration order"):
//   1. D on x, target 1:        loss, gradient, a step of D's optimiser (its step number 2t + 1)
//   2. D on G(z1), target 0:    the same                               (2t + 2); G is left alone
//   3. G: D(G(z2)), target 1:   a step of G's optimiser                (t + 1); D is left alone
// x = picture / 255; z1 and z2 are fresh standard normal vectors.

namespace atelier {

/// inputs -> linear -> activation -> [LayerNorm] -> linear -> sigmoid (or nothing: D's logits).
struct TwoLayerNetwork {
  VectorView<float> parameters;    // the block that holds every view below
  VectorView<float> first_moment;  // laid out like parameters; both empty: plain SGD, else Adam
  VectorView<float> second_moment;
  MatrixView<float> hidden_weight;  // [hidden, inputs]
  VectorView<float> hidden_bias;    // [hidden]
  ActivationFunction activation;    // relu, leaky_relu, sigmoid or tanh
  VectorView<float> gamma;          // [hidden]; both empty: no LayerNorm
  VectorView<float> beta;
  double normalization_epsilon = 1e-5;
  MatrixView<float> output_weight;  // [outputs, hidden]
  VectorView<float> output_bias;    // [outputs]

  const float* learning_rate = nullptr;  // on the device
  double beta1 = 0.9;                    // Adam's
  double beta2 = 0.999;
  double epsilon = 1e-8;
};

/// How D's output is judged: bce and mse behind D's sigmoid, bce_with_logits without one. The semantics are
/// those of kernels/loss.h (clamp at -100, zero gradient where the sigmoid saturates in fp32).
enum class AdversarialLoss : std::uint8_t { bce, bce_with_logits, mse };

struct BatchOneGan {
  TwoLayerNetwork discriminator;  // pixels -> 1
  TwoLayerNetwork generator;      // latent -> pixels, sigmoid at its end
  AdversarialLoss loss = AdversarialLoss::bce;
};

/// Inputs of the iterations first_iteration … first_iteration + iterations - 1.
struct BatchOneGanTraining {
  std::uint64_t first_iteration = 0;
  std::int64_t iterations = 0;
  MatrixView<const std::uint8_t> pictures;  // [any, pixels]
  VectorView<const std::int32_t> order;     // iteration t takes picture order[t mod size]; empty: t mod rows
  /// z1 and z2 of iteration t: elements latent * t … latent * (t + 1) - 1 of fill_normal's numbers of these
  /// streams, to the bit.
  PhiloxStream fake_noise;
  PhiloxStream generator_noise;
  /// Noise that takes the place of the drawn, row 0 for the call's first iteration: [iterations, latent]
  /// each. Both or none.
  MatrixView<const float> given_fake_noise;
  MatrixView<const float> given_generator_noise;
  /// [iterations, 3]: D's loss on the picture, on the fake, G's loss. May be empty.
  MatrixView<float> losses;
};

/// Why `gan` cannot be trained in this way on `device`, as one line for people (an activation that is not in
/// the list, networks that do not fit on the chip); empty where it can.
[[nodiscard]] std::string batch_one_gan_obstacle(Device device, const BatchOneGan& gan);

/// Floats of scratch that train_batch_one_gan needs for networks of these shapes on this device.
[[nodiscard]] std::int64_t batch_one_gan_scratch(Device device, const BatchOneGan& gan);

/// Runs the iterations. Parameters and moments are read at the start and written back at the end; what comes
/// out does not depend on how a run is cut into calls, nor on the number of threads or blocks: bit for bit on
/// one device (on cpu: one instruction set). Against the same steps made of linear_forward, layer_norm_*,
/// bce_of_sigmoid and linear_backward_adam: losses within 5e-5 relative over 25 iterations, parameters within
/// 1e-6 (the order of sums differs; on cpu Adam's root and quotient are within 2 ulp). Nothing of the work
/// waits without bound: a launch whose blocks lose each other ends with ExecutionError. Queues work,
/// allocates nothing, and returns; not for a capture of several streams. Throws InvalidArgument when shapes
/// do not fit or batch_one_gan_obstacle says why not.
void train_batch_one_gan(Stream& stream, const BatchOneGan& gan, const BatchOneGanTraining& training,
                         VectorView<float> scratch);

}  // namespace atelier
