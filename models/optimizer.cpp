#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "models/network.h"
#include "runtime/buffer.h"
#include "runtime/error.h"

namespace atelier {
namespace {

void validate(const OptimizerDescription& description) {
  const auto require = [](bool right, const char* name, double value, const char* range) {
    if (!right) throw InvalidArgument(fmt::format("optimizer: {} is {}; it must be {}", name, value, range));
  };
  const auto is_decay = [](double beta) { return beta >= 0 && beta < 1; };
  require(is_decay(description.beta1), "beta1", description.beta1, "in [0, 1)");
  require(is_decay(description.beta2), "beta2", description.beta2, "in [0, 1)");
  require(description.epsilon >= 0 && std::isfinite(description.epsilon), "epsilon", description.epsilon,
          "finite and >= 0");
}

float checked_learning_rate(double learning_rate) {
  const auto rounded = static_cast<float>(learning_rate);
  if (!(rounded >= 0.0F && std::isfinite(rounded)))
    throw InvalidArgument(fmt::format(
        "optimizer: the learning rate is {}; it must be a number >= 0 that fp32 holds", learning_rate));
  return rounded;
}

ArenaPlan plan_of(const Network& network, const OptimizerDescription& description) {
  validate(description);
  ArenaPlan plan;
  (void)plan.reserve<float>(1, "learning rate");
  if (description.kind == OptimizerKind::adam) {
    (void)plan.reserve<float>(network.block().size, "first moment");
    (void)plan.reserve<float>(network.block().size, "second moment");
  }
  return plan;
}

std::string moment_name(const std::string& prefix, const char* moment, const Parameter& parameter) {
  return fmt::format("{}{}_moment.{}", prefix, moment, parameter.name);
}

void save_moment(Stream& stream, const Network& network, VectorView<float> moment, const char* name,
                 TensorFile& file, const std::string& prefix) {
  const std::vector<float> values = download(stream, moment);
  for (const Parameter& parameter : network.parameters()) {
    const auto first = values.begin() + (parameter.value.data - network.block().data);
    file.tensors[moment_name(prefix, name, parameter)] =
        Tensor::from_float(parameter.shape, std::vector<float>(first, first + parameter.value.size));
  }
}

/// Values of a tensor that save() wrote: fp32 of this shape, nothing converted.
std::vector<float> read_exact(const TensorFile& file, const std::string& name,
                              const std::vector<std::int64_t>& shape) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end())
    throw InvalidArgument(fmt::format("optimizer: the file has no tensor \"{}\", which must be F32 [{}]",
                                      name, fmt::join(shape, ", ")));
  if (found->second.type != TensorType::f32 || found->second.shape != shape)
    throw InvalidArgument(
        fmt::format("optimizer: tensor \"{}\" in the file is not F32 [{}]", name, fmt::join(shape, ", ")));
  return found->second.to_float();
}

std::vector<float> read_moment(const Network& network, const TensorFile& file, const char* name,
                               const std::string& prefix) {
  std::vector<float> values(static_cast<std::size_t>(network.block().size));
  for (const Parameter& parameter : network.parameters()) {
    const std::vector<float> read = read_exact(file, moment_name(prefix, name, parameter), parameter.shape);
    std::copy(read.begin(), read.end(), values.begin() + (parameter.value.data - network.block().data));
  }
  return values;
}

}  // namespace

Optimizer::Optimizer(Stream& stream, const Network& network, OptimizerDescription description)
    : description_(description), arena_(stream, plan_of(network, description), "optimizer") {
  const VectorView<std::byte> all = arena_.all();
  fill_bytes(stream, all.data, 0, static_cast<std::size_t>(all.size));
  ArenaPlan plan;
  learning_rate_ = arena_.view(plan.reserve<float>(1));
  if (description.kind == OptimizerKind::adam) {
    first_moment_ = arena_.view(plan.reserve<float>(network.block().size));
    second_moment_ = arena_.view(plan.reserve<float>(network.block().size));
  }
  set_learning_rate(stream, description.learning_rate);
}

const float* Optimizer::learning_rate() const {
  return learning_rate_.data;
}
VectorView<float> Optimizer::first_moment() const {
  return first_moment_;
}
VectorView<float> Optimizer::second_moment() const {
  return second_moment_;
}

void Optimizer::set_learning_rate(Stream& stream, double learning_rate) {
  const float rounded = checked_learning_rate(learning_rate);
  upload<float>(stream, learning_rate_, std::span(&rounded, 1));
}

void Optimizer::save(Stream& stream, const Network& network, TensorFile& file,
                     const std::string& prefix) const {
  file.tensors[prefix + "learning_rate"] = Tensor::from_float({1}, download(stream, learning_rate_));
  if (description_.kind == OptimizerKind::sgd) return;
  save_moment(stream, network, first_moment_, "first", file, prefix);
  save_moment(stream, network, second_moment_, "second", file, prefix);
}

void Optimizer::load(Stream& stream, const Network& network, const TensorFile& file,
                     const std::string& prefix) {
  const std::vector<float> rate = read_exact(file, prefix + "learning_rate", {1});
  (void)checked_learning_rate(static_cast<double>(rate[0]));
  if (description_.kind == OptimizerKind::adam) {
    const std::vector<float> first = read_moment(network, file, "first", prefix);
    const std::vector<float> second = read_moment(network, file, "second", prefix);
    upload<float>(stream, first_moment_, first);
    upload<float>(stream, second_moment_, second);
  }
  upload<float>(stream, learning_rate_, rate);
}

}  // namespace atelier
