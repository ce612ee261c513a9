#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "kernels/elementwise.h"
#include "kernels/layer_norm.h"
#include "kernels/linear.h"
#include "kernels/linear_step.h"
#include "kernels/optimizer.h"
#include "models/network.h"
#include "runtime/error.h"

namespace atelier {
namespace {

using Matrix = MatrixView<float>;
using ConstMatrix = MatrixView<const float>;
using Vector = VectorView<float>;

/// What one call runs: a module, or a linear layer with the activation behind it. Views hold largest_batch
/// rows.
struct Step {
  Layer::Kind kind = Layer::Kind::linear;
  std::size_t layer = 0;  // the module that has the parameters
  ActivationFunction activation;
  double epsilon = 0;  // layer_norm
  std::int64_t inputs = 0;
  std::int64_t outputs = 0;
  Matrix weight;  // linear
  Vector gamma;   // layer_norm
  Vector bias;    // linear's bias, layer_norm's beta
  Matrix output;
  // Training only.
  Matrix pre_activation;  // empty where the derivative follows from the output
  Vector mean;
  Vector reciprocal_deviation;
  Matrix input_gradient;  // of every step but the first

  [[nodiscard]] bool has_parameters() const { return !weight_or_gamma().empty(); }
  [[nodiscard]] Vector weight_or_gamma() const {
    return kind == Layer::Kind::linear ? Vector{weight.data, weight.rows * weight.columns} : gamma;
  }
  /// The operation may write over its argument.
  [[nodiscard]] bool in_place() const { return kind != Layer::Kind::linear; }
};

std::vector<Step> steps_of(const Network& network) {
  const std::vector<Layer>& layers = network.description().layers;
  std::vector<Step> steps;
  std::int64_t width = network.description().inputs;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    Step step;
    step.kind = layers[l].kind;
    step.layer = l;
    step.inputs = width;
    if (layers[l].kind == Layer::Kind::linear) {
      width = layers[l].outputs;
      step.weight = matrix_view(network.weight(l).data, width, step.inputs);
      step.bias = network.bias(l);
      if (l + 1 < layers.size() && layers[l + 1].kind == Layer::Kind::activation)
        step.activation = layers[++l].activation;
    } else if (layers[l].kind == Layer::Kind::activation) {
      step.activation = layers[l].activation;
    } else {
      step.epsilon = layers[l].epsilon;
      step.gamma = network.weight(l);
      step.bias = network.bias(l);
    }
    step.outputs = width;
    steps.push_back(step);
  }
  return steps;
}

/// Floats of scratch that any call with 1 to `largest` rows takes. More rows may take less (split sums), so
/// every number of rows is asked.
std::int64_t scratch_for(const std::vector<Step>& steps, std::int64_t largest, bool training) {
  std::int64_t most = 0;
  for (std::int64_t batch = 0; batch <= largest; ++batch) {
    for (const Step& step : steps) {
      if (step.kind == Layer::Kind::linear) {
        most = std::max(most, linear_forward_scratch(batch, step.inputs, step.outputs));
        if (training) most = std::max(most, linear_backward_scratch(batch, step.inputs, step.outputs));
      } else if (step.kind == Layer::Kind::layer_norm && training) {
        most = std::max(most, layer_norm_backward_scratch(batch, step.inputs));
      }
    }
    most = std::max(most, loss_scratch(batch, steps.back().outputs));
  }
  if (training)
    for (const Step& step : steps)
      if (step.kind == Layer::Kind::linear)
        most = std::max(most, linear_step_scratch(step.inputs, step.outputs));
  return most;
}

/// Two blocks that a chain of steps uses in turn; what works in place stays where it is.
class Alternation {
 public:
  /// The block (0 or 1) that a step writes, `width` floats a row.
  int next(bool in_place, std::int64_t width) {
    if (current_ < 0 || !in_place) current_ = current_ == 0 ? 1 : 0;
    auto& widest = widest_[static_cast<std::size_t>(current_)];
    widest = std::max(widest, width);
    return current_;
  }
  [[nodiscard]] std::int64_t width(int block) const { return widest_[static_cast<std::size_t>(block)]; }

 private:
  int current_ = -1;
  std::array<std::int64_t, 2> widest_{};
};

/// Slots of a plan and the views that take their places once the memory is there.
class Places {
 public:
  void matrix(Matrix& view, std::int64_t rows, std::int64_t columns) {
    share(view, plan_.reserve<float>(rows * columns), rows, columns);
  }
  void vector(Vector& view, std::int64_t size) { vectors_.push_back({&view, plan_.reserve<float>(size)}); }
  /// Memory for several matrices, each placed in it by share().
  ArenaSlot<float> block(std::int64_t size) { return plan_.reserve<float>(size); }
  void share(Matrix& view, ArenaSlot<float> slot, std::int64_t rows, std::int64_t columns) {
    matrices_.push_back({&view, slot, rows, columns});
  }
  [[nodiscard]] const ArenaPlan& plan() const { return plan_; }
  void assign(const Arena& arena) const {
    for (const auto& [view, slot, rows, columns] : matrices_) *view = arena.matrix(slot, rows, columns);
    for (const auto& [view, slot] : vectors_) *view = arena.view(slot);
  }

 private:
  struct MatrixPlace {
    Matrix* view;
    ArenaSlot<float> slot;
    std::int64_t rows;
    std::int64_t columns;
  };
  struct VectorPlace {
    Vector* view;
    ArenaSlot<float> slot;
  };
  ArenaPlan plan_;
  std::vector<MatrixPlace> matrices_;
  std::vector<VectorPlace> vectors_;
};

/// Views that take turns in two blocks.
void share_two_blocks(Places& places, const std::vector<std::pair<Matrix*, int>>& users,
                      const Alternation& turns, std::int64_t rows, const std::vector<std::int64_t>& widths) {
  const std::array<ArenaSlot<float>, 2> blocks{places.block(rows * turns.width(0)),
                                               places.block(rows * turns.width(1))};
  for (std::size_t i = 0; i < users.size(); ++i)
    places.share(*users[i].first, blocks[static_cast<std::size_t>(users[i].second)], rows, widths[i]);
}

void place_outputs_in_turns(Places& places, std::vector<Step>& steps, std::int64_t rows) {
  Alternation turns;
  std::vector<std::pair<Matrix*, int>> users;
  std::vector<std::int64_t> widths;
  for (Step& step : steps) {
    users.emplace_back(&step.output, turns.next(step.in_place(), step.outputs));
    widths.push_back(step.outputs);
  }
  share_two_blocks(places, users, turns, rows, widths);
}

void place_input_gradients(Places& places, std::vector<Step>& steps, std::int64_t rows) {
  Alternation turns;
  std::vector<std::pair<Matrix*, int>> users;
  std::vector<std::int64_t> widths;
  for (std::size_t s = steps.size() - 1; s > 0; --s) {
    users.emplace_back(&steps[s].input_gradient, turns.next(steps[s].in_place(), steps[s].inputs));
    widths.push_back(steps[s].inputs);
  }
  share_two_blocks(places, users, turns, rows, widths);
}

}  // namespace

struct Pass::Plan {
  Network* network = nullptr;
  std::int64_t largest_batch = 0;
  Purpose purpose = Purpose::inference;
  std::vector<Step> steps;
  Vector gradients;  // laid out like the network's block
  Matrix output_gradient;
  Vector scratch;
  std::optional<Arena> arena;

  ConstMatrix input;  // of the last forward
  std::int64_t batch = 0;
  bool output_known = false;     // forward() was called
  bool gradient_known = false;   // loss() or output_gradient() was called since
  bool through_sigmoid = false;  // output_gradient is the last activation's argument's

  Plan(Stream& stream, Network& of, std::int64_t largest, Purpose for_what);

  [[nodiscard]] Matrix rows(Matrix view) const { return view.rows_part(0, batch); }
  [[nodiscard]] ConstMatrix input_of(std::size_t s) const {
    return s == 0 ? input : ConstMatrix(rows(steps[s - 1].output));
  }
  [[nodiscard]] bool ends_in_sigmoid() const {
    return steps.back().kind != Layer::Kind::layer_norm &&
           steps.back().activation.kind == Activation::sigmoid;
  }
  /// The activation whose derivative backward takes: none where the loss went through it already.
  [[nodiscard]] ActivationFunction activation_of(std::size_t s) const {
    return s + 1 == steps.size() && through_sigmoid ? ActivationFunction{} : steps[s].activation;
  }
  [[nodiscard]] Vector gradient_of(Vector parameter) const { return network->in_block(gradients, parameter); }

  void run_forward(Stream& stream, std::size_t s) const;
  void require_gradient(const char* call) const;
  void require_input_gradient(const char* call, Matrix view) const;
  void require_optimizer(const Optimizer& optimizer) const;
  void run_backward(Stream& stream, std::size_t s, bool parameters, ConstMatrix output_gradient_of_step,
                    Matrix input_gradient, bool accumulate) const;
  void run_linear_step(Stream& stream, std::size_t s, Optimizer& optimizer, DeviceCounter number,
                       ConstMatrix output_gradient_of_step, Matrix input_gradient) const;
  void run_optimizer(Stream& stream, const Optimizer& optimizer, DeviceCounter number,
                     Vector parameters) const;
  template <class RunStep>
  void backward_chain(bool parameters, Matrix input_gradient, const RunStep& run_step) const;
};

Pass::Plan::Plan(Stream& stream, Network& of, std::int64_t largest, Purpose for_what)
    : network(&of), largest_batch(largest), purpose(for_what), steps(steps_of(of)) {
  constexpr std::int64_t kMaxBatch = std::int64_t{1} << 20;
  if (largest < 1 || largest > kMaxBatch)
    throw InvalidArgument(
        fmt::format("Pass: the largest batch is {}; it must be 1 to {}", largest, kMaxBatch));
  const bool training = purpose == Purpose::training;
  Places places;
  if (training) {
    for (Step& step : steps) {
      places.matrix(step.output, largest, step.outputs);
      if (step.kind == Layer::Kind::linear && !derivative_from_output(step.activation))
        places.matrix(step.pre_activation, largest, step.outputs);
      if (step.kind == Layer::Kind::layer_norm) {
        places.vector(step.mean, largest);
        places.vector(step.reciprocal_deviation, largest);
      }
    }
    place_input_gradients(places, steps, largest);
    places.matrix(output_gradient, largest, steps.back().outputs);
    places.vector(gradients, network->block().size);
  } else {
    place_outputs_in_turns(places, steps, largest);
  }
  places.vector(scratch, scratch_for(steps, largest, training));
  arena.emplace(stream, places.plan(), "pass");
  places.assign(*arena);
  if (training)
    fill_bytes(stream, gradients.data, 0, static_cast<std::size_t>(gradients.size) * sizeof(float));
}

void Pass::Plan::run_forward(Stream& stream, std::size_t s) const {
  const Step& step = steps[s];
  switch (step.kind) {
    case Layer::Kind::linear:
      linear_forward(stream, input_of(s), step.weight, step.bias, step.activation, rows(step.output),
                     step.pre_activation.data == nullptr ? Matrix{} : rows(step.pre_activation), scratch);
      return;
    case Layer::Kind::activation:
      activation_forward(stream, input_of(s), step.activation, rows(step.output));
      return;
    case Layer::Kind::layer_norm: {
      const std::int64_t kept = step.mean.empty() ? 0 : batch;
      layer_norm_forward(stream, input_of(s), step.gamma, step.bias, step.epsilon, rows(step.output),
                         step.mean.part(0, kept), step.reciprocal_deviation.part(0, kept));
      return;
    }
  }
}

void Pass::Plan::require_gradient(const char* call) const {
  if (purpose != Purpose::training)
    throw InvalidArgument(fmt::format("Pass::{}: this pass was planned for inference", call));
  if (!gradient_known)
    throw InvalidArgument(
        fmt::format("Pass::{}: forward, then loss() or output_gradient() must come first", call));
}

void Pass::Plan::require_input_gradient(const char* call, Matrix view) const {
  if (view.data != nullptr && (view.rows != batch || view.columns != steps.front().inputs))
    throw InvalidArgument(fmt::format("Pass::{}: the input's gradient is [{}, {}]; it must be [{}, {}]", call,
                                      view.rows, view.columns, batch, steps.front().inputs));
}

void Pass::Plan::require_optimizer(const Optimizer& optimizer) const {
  if (optimizer.description().kind == OptimizerKind::adam &&
      optimizer.first_moment().size != network->block().size)
    throw InvalidArgument(
        fmt::format("Pass: the optimizer has moments of {} floats, the network {}: it is "
                    "another network's",
                    optimizer.first_moment().size, network->block().size));
}

void Pass::Plan::run_backward(Stream& stream, std::size_t s, bool parameters,
                              ConstMatrix output_gradient_of_step, Matrix input_gradient,
                              bool accumulate) const {
  const Step& step = steps[s];
  const bool with_parameters = parameters && step.has_parameters();
  if (step.kind == Layer::Kind::linear) {
    LinearGradients wanted;
    wanted.input = input_gradient;
    if (with_parameters) {
      wanted.weight = matrix_view(gradient_of(step.weight_or_gamma()).data, step.outputs, step.inputs);
      wanted.bias = gradient_of(step.bias);
      wanted.accumulate = accumulate;
    }
    linear_backward(stream, input_of(s), step.weight, activation_of(s),
                    step.pre_activation.data == nullptr ? Matrix{} : rows(step.pre_activation),
                    rows(step.output), output_gradient_of_step, wanted, scratch);
  } else if (step.kind == Layer::Kind::activation) {
    activation_backward(stream, input_of(s), rows(step.output), activation_of(s), output_gradient_of_step,
                        input_gradient);
  } else {
    LayerNormGradients wanted;
    wanted.input = input_gradient;
    if (with_parameters) {
      wanted.gamma = gradient_of(step.gamma);
      wanted.beta = gradient_of(step.bias);
      wanted.accumulate = accumulate;
    }
    layer_norm_backward(stream, input_of(s), step.gamma, step.mean.part(0, batch),
                        step.reciprocal_deviation.part(0, batch), output_gradient_of_step, wanted, scratch);
  }
}

void Pass::Plan::run_linear_step(Stream& stream, std::size_t s, Optimizer& optimizer, DeviceCounter number,
                                 ConstMatrix output_gradient_of_step, Matrix input_gradient) const {
  const Step& step = steps[s];
  LinearStep call;
  call.input = input_of(s).row(0);
  call.weight = step.weight;
  call.bias = step.bias;
  call.activation = activation_of(s);
  if (step.pre_activation.data != nullptr) call.pre_activation = step.pre_activation.row(0);
  call.output = step.output.row(0);
  call.output_gradient = output_gradient_of_step.row(0);
  if (input_gradient.data != nullptr) call.input_gradient = input_gradient.row(0);
  const OptimizerDescription& description = optimizer.description();
  if (description.kind == OptimizerKind::sgd) {
    linear_backward_sgd(stream, call, {optimizer.learning_rate()}, scratch);
    return;
  }
  LinearMoments moments;
  const Vector first = network->in_block(optimizer.first_moment(), step.weight_or_gamma());
  const Vector second = network->in_block(optimizer.second_moment(), step.weight_or_gamma());
  moments.weight_first = matrix_view(first.data, step.outputs, step.inputs);
  moments.weight_second = matrix_view(second.data, step.outputs, step.inputs);
  moments.bias_first = network->in_block(optimizer.first_moment(), step.bias);
  moments.bias_second = network->in_block(optimizer.second_moment(), step.bias);
  linear_backward_adam(
      stream, call, moments,
      {optimizer.learning_rate(), description.beta1, description.beta2, description.epsilon, number},
      scratch);
}

/// `parameters` is a part of the network's block; their gradients are known.
void Pass::Plan::run_optimizer(Stream& stream, const Optimizer& optimizer, DeviceCounter number,
                               Vector parameters) const {
  const OptimizerDescription& description = optimizer.description();
  if (description.kind == OptimizerKind::sgd)
    sgd_step(stream, parameters, gradient_of(parameters), {optimizer.learning_rate()});
  else
    adam_step(stream, parameters, gradient_of(parameters),
              network->in_block(optimizer.first_moment(), parameters),
              network->in_block(optimizer.second_moment(), parameters),
              {optimizer.learning_rate(), description.beta1, description.beta2, description.epsilon, number});
}

/// Calls run_step(step, gradient of its output, gradient of its input or an empty view) from the last step
/// down to the first that somebody wants.
template <class RunStep>
void Pass::Plan::backward_chain(bool parameters, Matrix input_gradient, const RunStep& run_step) const {
  std::size_t lowest = 0;
  if (input_gradient.data == nullptr) {
    while (lowest < steps.size() && !(parameters && steps[lowest].has_parameters())) ++lowest;
    if (lowest == steps.size()) return;
  }
  ConstMatrix gradient = rows(output_gradient);
  for (std::size_t s = steps.size(); s-- > lowest;) {
    const bool last = s == lowest;
    const Matrix below = !last ? rows(steps[s].input_gradient) : input_gradient;
    run_step(s, gradient, below);
    gradient = below;
  }
}

Pass::Pass(Stream& stream, Network& network, std::int64_t largest_batch, Purpose purpose)
    : plan_(std::make_unique<Plan>(stream, network, largest_batch, purpose)) {}
Pass::Pass(Pass&&) noexcept = default;
Pass& Pass::operator=(Pass&&) noexcept = default;
Pass::~Pass() = default;

MatrixView<float> Pass::forward(Stream& stream, MatrixView<const float> input) {
  Plan& plan = *plan_;
  const std::int64_t inputs = plan.steps.front().inputs;
  if (input.columns != inputs || input.rows < 0 || input.rows > plan.largest_batch)
    throw InvalidArgument(fmt::format("Pass::forward: the input is [{}, {}]; it must be [0 to {}, {}]",
                                      input.rows, input.columns, plan.largest_batch, inputs));
  plan.input = input;
  plan.batch = input.rows;
  plan.output_known = true;
  plan.gradient_known = false;
  for (std::size_t s = 0; s < plan.steps.size(); ++s) plan.run_forward(stream, s);
  return output();
}

MatrixView<float> Pass::output() const {
  return plan_->rows(plan_->steps.back().output);
}

void Pass::loss(Stream& stream, Loss kind, LossTarget target, float* loss) {
  Plan& plan = *plan_;
  if (!plan.output_known) throw InvalidArgument("Pass::loss: forward must come first");
  const bool training = plan.purpose == Purpose::training;
  const Matrix gradient = training ? plan.rows(plan.output_gradient) : Matrix{};
  plan.through_sigmoid = kind == Loss::bce && plan.ends_in_sigmoid();
  switch (kind) {
    case Loss::bce:
      (plan.through_sigmoid ? bce_of_sigmoid : bce)(stream, output(), target, loss, gradient, plan.scratch);
      break;
    case Loss::bce_with_logits:
      bce_with_logits(stream, output(), target, loss, gradient, plan.scratch);
      break;
    case Loss::mse:
      mse(stream, output(), target, loss, gradient, plan.scratch);
      break;
  }
  plan.gradient_known = training;
}

MatrixView<float> Pass::output_gradient() {
  plan_->gradient_known = plan_->output_known && plan_->purpose == Purpose::training;
  plan_->require_gradient("output_gradient");
  plan_->through_sigmoid = false;
  return plan_->rows(plan_->output_gradient);
}

void Pass::backward(Stream& stream, bool parameters, MatrixView<float> input_gradient, bool accumulate) {
  const Plan& plan = *plan_;
  plan.require_gradient("backward");
  plan.require_input_gradient("backward", input_gradient);
  plan.backward_chain(parameters, input_gradient, [&](std::size_t s, ConstMatrix gradient, Matrix below) {
    plan.run_backward(stream, s, parameters, gradient, below, accumulate);
  });
}

VectorView<float> Pass::gradients() const {
  return plan_->gradients;
}

void Pass::step(Stream& stream, Optimizer& optimizer, DeviceCounter step) {
  if (plan_->purpose != Purpose::training)
    throw InvalidArgument("Pass::step: this pass was planned for inference");
  plan_->require_optimizer(optimizer);
  plan_->run_optimizer(stream, optimizer, step, plan_->network->block());
}

void Pass::backward_and_step(Stream& stream, Optimizer& optimizer, DeviceCounter step,
                             MatrixView<float> input_gradient) {
  const Plan& plan = *plan_;
  if (plan.batch != 1) {
    backward(stream, true, input_gradient);
    this->step(stream, optimizer, step);
    return;
  }
  plan.require_gradient("backward_and_step");
  plan.require_input_gradient("backward_and_step", input_gradient);
  plan.require_optimizer(optimizer);
  plan.backward_chain(true, input_gradient, [&](std::size_t s, ConstMatrix gradient, Matrix below) {
    const Step& module = plan.steps[s];
    if (module.kind == Layer::Kind::linear) {
      plan.run_linear_step(stream, s, optimizer, step, gradient, below);
      return;
    }
    plan.run_backward(stream, s, true, gradient, below, false);
    if (!module.has_parameters()) return;
    // gamma and beta lie one behind the other, but for a gap of zeros.
    const Vector both{module.gamma.data, module.bias.data + module.bias.size - module.gamma.data};
    plan.run_optimizer(stream, optimizer, step, both);
  });
}

Network& Pass::network() const {
  return *plan_->network;
}

}  // namespace atelier
