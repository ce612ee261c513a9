#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels/activation.h"
#include "kernels/counter.h"
#include "kernels/loss.h"
#include "models/safetensors.h"
#include "runtime/arena.h"
#include "runtime/stream.h"
#include "runtime/view.h"

namespace atelier {

/// One module of a network, as in torch.nn.Sequential; its place in the list is its number in parameter
/// names.
struct Layer {
  enum class Kind : std::uint8_t { linear, activation, layer_norm };
  Kind kind = Kind::linear;
  std::int64_t outputs = 0;       // linear
  bool bias = true;               // linear
  ActivationFunction activation;  // activation
  bool affine = true;             // layer_norm: with gamma ("weight") and beta ("bias")
  double epsilon = 1e-5;          // layer_norm

  [[nodiscard]] static Layer linear(std::int64_t outputs, bool bias = true);
  [[nodiscard]] static Layer activated(Activation kind, float slope = 0.01F);
  [[nodiscard]] static Layer layer_norm(bool affine = true, double epsilon = 1e-5);
  friend bool operator==(const Layer&, const Layer&) = default;
};

/// What a network is, without its parameters: data, not code.
struct NetworkDescription {
  std::int64_t inputs = 0;
  std::vector<Layer> layers;

  [[nodiscard]] std::int64_t outputs() const;
  [[nodiscard]] std::int64_t parameter_count() const;
  /// Throws InvalidArgument with one line: no layers, a width outside 1…2^20, an epsilon that fp32
  /// does not hold as a positive number, a slope that is not finite, more than 1,000 layers, more than 2^31
  /// parameters.
  void validate() const;
  /// One line that network_from_text reads back: "784 linear(200) leaky_relu(0.02) layer_norm linear(10)
  /// sigmoid"; a linear layer without bias is linear(200, no bias).
  [[nodiscard]] std::string text() const;
  friend bool operator==(const NetworkDescription&, const NetworkDescription&) = default;
};
/// Throws InvalidArgument that names the word that is wrong and what would be right.
[[nodiscard]] NetworkDescription network_from_text(const std::string& text);

/// A parameter tensor: its name in a state_dict ("0.weight"), shape and place in the network's block.
struct Parameter {
  std::string name;
  std::vector<std::int64_t> shape;
  VectorView<float> value;
};

/// The parameters of a network in one block of device memory: stable addresses, fused optimiser steps.
/// Tensors start at 256-byte boundaries; the gaps are zeros and stay so (but for Adam with epsilon 0).
class Network {
 public:
  /// PyTorch's default initialisation (weights and biases U(+-1/sqrt(fan_in)), gamma 1, beta 0): Philox
  /// stream 2 l for the weight and 2 l + 1 for the bias of module l, moved by `first_stream`;
  /// initialise_as_torch draws PyTorch's instead. Throws InvalidArgument, OutOfMemory.
  Network(Stream& stream, NetworkDescription description, std::uint64_t seed, std::uint64_t first_stream = 0,
          std::string label = "network");

  [[nodiscard]] const NetworkDescription& description() const { return description_; }
  [[nodiscard]] const std::vector<Parameter>& parameters() const { return parameters_; }
  /// All parameters, gaps included.
  [[nodiscard]] VectorView<float> block() const;
  /// The tensor of a module ("weight", "bias"), for the plans that run it. Empty where the module has none.
  [[nodiscard]] VectorView<float> weight(std::size_t layer) const { return weights_[layer]; }
  [[nodiscard]] VectorView<float> bias(std::size_t layer) const { return biases_[layer]; }
  /// The same place in another block laid out like block(): gradients and moments.
  [[nodiscard]] VectorView<float> in_block(VectorView<float> block, VectorView<float> tensor) const;

  /// Tensors under "<prefix>0.weight"…; the state_dict of the nn.Sequential where prefix is empty.
  void save(Stream& stream, TensorFile& file, const std::string& prefix) const;
  /// Throws InvalidArgument naming the first tensor that is missing or has another shape. All or nothing.
  void load(Stream& stream, const TensorFile& file, const std::string& prefix);

 private:
  NetworkDescription description_;
  Arena arena_;
  std::vector<Parameter> parameters_;
  std::vector<VectorView<float>> weights_;
  std::vector<VectorView<float>> biases_;
};

class TorchGenerator;
/// The parameters that PyTorch's constructors give, drawn from `generator` in the order in which the modules
/// are built (a linear layer: weight, then bias), so that several networks share one torch.manual_seed.
void initialise_as_torch(Stream& stream, Network& network, TorchGenerator& generator);

enum class OptimizerKind : std::uint8_t { sgd, adam };
/// torch.optim.SGD without momentum, or torch.optim.Adam (kernels/optimizer.h has the formulas). The learning
/// rate is >= 0; Adam's betas lie in [0, 1), its epsilon is >= 0.
struct OptimizerDescription {
  OptimizerKind kind = OptimizerKind::sgd;
  double learning_rate = 0.01;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  friend bool operator==(const OptimizerDescription&, const OptimizerDescription&) = default;
};

/// Learning rate and moments of one network, on the device.
class Optimizer {
 public:
  /// Moments start at 0. Throws InvalidArgument for a value outside the ranges above, OutOfMemory.
  Optimizer(Stream& stream, const Network& network, OptimizerDescription description);
  [[nodiscard]] const OptimizerDescription& description() const { return description_; }
  [[nodiscard]] const float* learning_rate() const;
  [[nodiscard]] VectorView<float> first_moment() const;  // laid out like network.block(); empty for sgd
  [[nodiscard]] VectorView<float> second_moment() const;
  void set_learning_rate(Stream& stream, double learning_rate);
  /// Tensors "<prefix>learning_rate", "<prefix>first_moment.0.weight", … load throws InvalidArgument naming
  /// the first that is missing or has another shape; all or nothing.
  void save(Stream& stream, const Network& network, TensorFile& file, const std::string& prefix) const;
  void load(Stream& stream, const Network& network, const TensorFile& file, const std::string& prefix);

 private:
  OptimizerDescription description_;
  Arena arena_;
  VectorView<float> learning_rate_;
  VectorView<float> first_moment_;
  VectorView<float> second_moment_;
};

enum class Loss : std::uint8_t { bce, bce_with_logits, mse };

/// A plan: everything that running a network on up to `largest_batch` rows needs, made once, so that nothing
/// allocates later. Linear layers are fused with the activation behind them. One network may have several
/// passes at once (a generator's two draws); a pass remembers its last forward for backward. The network must
/// outlive the pass and stay where it is (a Network that moves leaves its passes behind).
class Pass {
 public:
  /// inference keeps no more than the outputs need; training adds gradients of parameters and activations.
  enum class Purpose : std::uint8_t { inference, training };
  Pass(Stream& stream, Network& network, std::int64_t largest_batch, Purpose purpose);

  /// Queues the forward pass. `input` [batch, inputs] must stay as it is until backward has run. The result
  /// stays until the next forward. Throws InvalidArgument for a batch beyond largest_batch.
  MatrixView<float> forward(Stream& stream, MatrixView<const float> input);
  [[nodiscard]] MatrixView<float> output() const;

  /// Queues the loss of the last forward against `target` and its gradient. bce behind a final sigmoid takes
  /// the gradient through it (bce_of_sigmoid); `loss` may be null. Throws InvalidArgument before the first
  /// forward and when the target does not fit.
  void loss(Stream& stream, Loss kind, LossTarget target, float* loss);
  /// Instead of loss(), after every forward: the gradient of the output comes from elsewhere (a
  /// discriminator's input gradient) and is written to this view, [batch, outputs].
  [[nodiscard]] MatrixView<float> output_gradient();

  /// Queues backward from loss() or output_gradient(). `parameters`: into gradients(). `input_gradient`:
  /// empty where it is not wanted; with parameters == false only it is computed (a frozen discriminator).
  void backward(Stream& stream, bool parameters, MatrixView<float> input_gradient = {},
                bool accumulate = false);
  [[nodiscard]] VectorView<float> gradients() const;  // laid out like network.block()
  /// Queues the optimiser's step with gradients(). `step` as in AdamSettings.
  void step(Stream& stream, Optimizer& optimizer, DeviceCounter step);
  /// backward(parameters) and step() with the fewest passes over memory: for batch 1 no gradient is stored.
  void backward_and_step(Stream& stream, Optimizer& optimizer, DeviceCounter step,
                         MatrixView<float> input_gradient = {});

  [[nodiscard]] Network& network() const;

  Pass(Pass&&) noexcept;
  Pass& operator=(Pass&&) noexcept;
  ~Pass();

 private:
  struct Plan;
  std::unique_ptr<Plan> plan_;
};

}  // namespace atelier
