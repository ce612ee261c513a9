#include "kernels/batch_one_gan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>

#include "kernels/batch_one_gan_launch.h"
#include "kernels/linear_check.h"

namespace atelier {
namespace {

constexpr const char* kCall = "train_batch_one_gan";

// Widths and counts beyond these are mistakes; below them no index or step number can overflow.
constexpr std::int64_t kMostUnits = std::int64_t{1} << 20;
constexpr std::int64_t kMostIterations = std::int64_t{1} << 30;
constexpr std::uint64_t kLastIteration = std::uint64_t{1} << 40;

// What ATELIER_DISPATCH takes where there is no stream.
struct OnDevice {
  Device value;
  [[nodiscard]] Device device() const { return value; }
};

bool normalized(const TwoLayerNetwork& network) {
  return !network.gamma.empty() || !network.beta.empty();
}

bool listed(Activation activation) {
  return activation == Activation::relu || activation == Activation::leaky_relu ||
         activation == Activation::sigmoid || activation == Activation::tanh;
}

/// What every device refuses, whatever the shapes.
std::string common_obstacle(const BatchOneGan& gan) {
  for (const auto& [name, network] : {std::pair{"D", &gan.discriminator}, std::pair{"G", &gan.generator}}) {
    const ActivationFunction activation = network->activation;
    if (!listed(activation.kind))
      return fmt::format("{}'s activation is {}; relu, leaky_relu, sigmoid and tanh are possible", name,
                         activation_name(activation.kind));
    if (activation.kind == Activation::leaky_relu && !(activation.slope >= 0.0F && activation.slope <= 1e6F))
      return fmt::format("{}'s leaky_relu has slope {}; it must not be negative, and 10^6 at most", name,
                         activation.slope);
  }
  return {};
}

// The checks of one network; `name` begins the names of its views.
class NetworkCheck {
 public:
  NetworkCheck(const LinearCheck& check, const char* name, const TwoLayerNetwork& network)
      : check_(check), name_(name), network_(network) {}

  void run() const {
    const std::int64_t hidden = network_.hidden_weight.rows;
    const std::int64_t outputs = network_.output_weight.rows;
    extent("hidden_weight", network_.hidden_weight);
    extent("output_weight", network_.output_weight);
    check_.fits(label("output_weight").c_str(), network_.output_weight, outputs, hidden, false);
    check_.fits(label("hidden_bias").c_str(), network_.hidden_bias, hidden, false);
    check_.fits(label("output_bias").c_str(), network_.output_bias, outputs, false);
    if (normalized(network_)) {
      check_.fits(label("gamma").c_str(), network_.gamma, hidden, false);
      check_.fits(label("beta").c_str(), network_.beta, hidden, false);
      if (!(network_.normalization_epsilon >= 0.0) || !std::isfinite(network_.normalization_epsilon))
        check_.fail("{}normalization_epsilon is {}; it must be finite and not negative", name_,
                    network_.normalization_epsilon);
    }
    inside("hidden_weight", network_.hidden_weight);
    inside("output_weight", network_.output_weight);
    inside("hidden_bias", network_.hidden_bias);
    inside("output_bias", network_.output_bias);
    inside("gamma", network_.gamma);
    inside("beta", network_.beta);
    optimizer();
  }

 private:
  [[nodiscard]] std::string label(const char* view) const { return std::string(name_).append(view); }

  void extent(const char* view, MatrixView<float> matrix) const {
    check_.matrix(label(view).c_str(), matrix);
    if (matrix.rows < 1 || matrix.columns < 1 || matrix.rows > kMostUnits || matrix.columns > kMostUnits)
      check_.fail("{}{} is {}; widths must be from 1 to {}", name_, view, LinearCheck::shape(matrix),
                  kMostUnits);
  }

  void inside(const char* view, VectorView<float> part) const {
    if (part.size == 0) return;
    const std::less<const float*> before;
    const VectorView<float> all = network_.parameters;
    if (part.data == nullptr || before(part.data, all.data) || before(all.data + all.size, part.data) ||
        all.data + all.size - part.data < part.size)
      check_.fail("{}{} does not lie in {}parameters", name_, view, name_);
  }
  void inside(const char* view, MatrixView<float> part) const {
    inside(view, VectorView<float>{part.data, (part.rows - 1) * part.stride + part.columns});
  }

  void optimizer() const {
    const std::int64_t size = network_.parameters.size;
    if (network_.learning_rate == nullptr)
      check_.fail("{}learning_rate is null; it must point to a float on the device", name_);
    if (network_.first_moment.empty() && network_.second_moment.empty()) return;
    check_.fits(label("first_moment").c_str(), network_.first_moment, size, false);
    check_.fits(label("second_moment").c_str(), network_.second_moment, size, false);
    for (const auto& [view, beta] : {std::pair{"beta1", network_.beta1}, std::pair{"beta2", network_.beta2}})
      if (!(beta >= 0.0 && beta < 1.0))
        check_.fail("{}{} is {}; it must be at least 0 and less than 1", name_, view, beta);
    if (!(network_.epsilon >= 0.0) || !std::isfinite(network_.epsilon))
      check_.fail("{}epsilon is {}; it must be finite and not negative", name_, network_.epsilon);
  }

  const LinearCheck& check_;
  const char* name_;
  const TwoLayerNetwork& network_;
};

void require_networks(const LinearCheck& check, const BatchOneGan& gan) {
  NetworkCheck(check, "discriminator.", gan.discriminator).run();
  NetworkCheck(check, "generator.", gan.generator).run();
  if (gan.discriminator.output_weight.rows != 1)
    check.fail("discriminator.output_weight has {} rows; a discriminator has one output",
               gan.discriminator.output_weight.rows);
  if (gan.discriminator.hidden_weight.columns != gan.generator.output_weight.rows)
    check.fail("the generator makes {} pixels and the discriminator takes {}; they must be the same number",
               gan.generator.output_weight.rows, gan.discriminator.hidden_weight.columns);
}

void require_training(const LinearCheck& check, const BatchOneGan& gan, const BatchOneGanTraining& training) {
  if (training.iterations < 0 || training.iterations > kMostIterations)
    check.fail("iterations is {}; it must be from 0 to {}", training.iterations, kMostIterations);
  if (training.first_iteration > kLastIteration)
    check.fail("first_iteration is {}; it must be {} at most", training.first_iteration, kLastIteration);
  const std::int64_t pixels = gan.discriminator.hidden_weight.columns;
  const std::int64_t latent = gan.generator.hidden_weight.columns;
  check.fits("pictures", training.pictures, std::max<std::int64_t>(1, training.pictures.rows), pixels, false);
  if (training.order.size < 0)
    check.fail("order has {} elements; there cannot be fewer than 0", training.order.size);
  const bool given = training.given_fake_noise.data != nullptr;
  if (given != (training.given_generator_noise.data != nullptr))
    check.fail("given_fake_noise and given_generator_noise go together: both or none");
  if (given) {
    check.fits("given_fake_noise", training.given_fake_noise, training.iterations, latent, false);
    check.fits("given_generator_noise", training.given_generator_noise, training.iterations, latent, false);
  }
  check.fits("losses", training.losses, training.iterations, 3, true);
}

}  // namespace

std::string batch_one_gan_obstacle(Device device, const BatchOneGan& gan) {
  std::string obstacle = common_obstacle(gan);
  if (!obstacle.empty()) return obstacle;
  const OnDevice target{device};
  ATELIER_DISPATCH(target, batch_one_gan_obstacle(device, gan));
}

std::int64_t batch_one_gan_scratch(Device device, const BatchOneGan& gan) {
  const OnDevice target{device};
  ATELIER_DISPATCH(target, batch_one_gan_scratch(device, gan));
}

void train_batch_one_gan(Stream& stream, const BatchOneGan& gan, const BatchOneGanTraining& training,
                         VectorView<float> scratch) {
  const LinearCheck check(kCall, stream);
  require_networks(check, gan);
  require_training(check, gan, training);
  const std::string obstacle = batch_one_gan_obstacle(stream.device(), gan);
  if (!obstacle.empty()) check.fail("{}", obstacle);
  check.scratch(scratch, batch_one_gan_scratch(stream.device(), gan), false);
  if (training.iterations == 0) return;
  BatchOneGan own = gan;
  for (TwoLayerNetwork* network : {&own.discriminator, &own.generator}) {
    network->first_moment = null_if_empty(network->first_moment);
    network->second_moment = null_if_empty(network->second_moment);
  }
  BatchOneGanTraining inputs = training;
  inputs.losses = null_if_empty(training.losses);
  ATELIER_DISPATCH(stream, train_batch_one_gan(stream, own, inputs, scratch));
}

}  // namespace atelier
