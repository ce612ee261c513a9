#include "models/network.h"

#include <fmt/format.h>

#include <cmath>
#include <span>
#include <utility>

#include "kernels/noise.h"
#include "models/torch_generator.h"
#include "runtime/buffer.h"
#include "runtime/error.h"

namespace atelier {
namespace {

struct PlannedTensor {
  std::size_t layer = 0;
  bool is_weight = true;
  std::vector<std::int64_t> shape;
  ArenaSlot<float> slot;
};

struct Layout {
  ArenaPlan plan;
  std::vector<PlannedTensor> tensors;  // in the order of a state_dict
};

Layout layout_of(const NetworkDescription& description) {
  description.validate();
  Layout layout;
  const auto add = [&layout](std::size_t layer, bool is_weight, std::vector<std::int64_t> shape) {
    std::int64_t count = 1;
    for (const std::int64_t side : shape) count *= side;
    layout.tensors.push_back({layer, is_weight, std::move(shape), layout.plan.reserve<float>(count)});
  };
  std::int64_t width = description.inputs;
  for (std::size_t l = 0; l < description.layers.size(); ++l) {
    const Layer& layer = description.layers[l];
    if (layer.kind == Layer::Kind::linear) {
      add(l, true, {layer.outputs, width});
      if (layer.bias) add(l, false, {layer.outputs});
      width = layer.outputs;
    } else if (layer.kind == Layer::Kind::layer_norm && layer.affine) {
      add(l, true, {width});
      add(l, false, {width});
    }
  }
  return layout;
}

/// The values of a parameter in a file, as floats. Throws InvalidArgument that names it.
std::vector<float> read_parameter(const TensorFile& file, const std::string& name,
                                  const std::vector<std::int64_t>& shape) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end())
    throw InvalidArgument(fmt::format("network: the file has no tensor \"{}\", which must be [{}]", name,
                                      fmt::join(shape, ", ")));
  if (found->second.shape != shape)
    throw InvalidArgument(fmt::format("network: tensor \"{}\" is [{}] in the file; it must be [{}]", name,
                                      fmt::join(found->second.shape, ", "), fmt::join(shape, ", ")));
  if (found->second.type == TensorType::i64 || found->second.type == TensorType::boolean)
    throw InvalidArgument(
        fmt::format("network: tensor \"{}\" does not hold real numbers in the file; F32 is needed", name));
  return found->second.to_float();
}

}  // namespace

Network::Network(Stream& stream, NetworkDescription description, std::uint64_t seed,
                 std::uint64_t first_stream, std::string label)
    : description_(std::move(description)),
      arena_(stream, layout_of(description_).plan, std::move(label)),
      weights_(description_.layers.size()),
      biases_(description_.layers.size()) {
  fill_bytes(stream, block().data, 0, static_cast<std::size_t>(block().size) * sizeof(float));
  float bound = 0;
  for (const PlannedTensor& tensor : layout_of(description_).tensors) {
    const VectorView<float> value = arena_.view(tensor.slot);
    (tensor.is_weight ? weights_ : biases_)[tensor.layer] = value;
    parameters_.push_back(
        {fmt::format("{}.{}", tensor.layer, tensor.is_weight ? "weight" : "bias"), tensor.shape, value});
    if (description_.layers[tensor.layer].kind == Layer::Kind::linear) {
      if (tensor.is_weight) bound = static_cast<float>(1.0 / std::sqrt(static_cast<double>(tensor.shape[1])));
      const PhiloxStream random{seed, first_stream + 2 * tensor.layer + (tensor.is_weight ? 0U : 1U)};
      fill_uniform(stream, value, random, std::uint64_t{0}, -bound, bound);
    } else if (tensor.is_weight) {
      upload<float>(stream, value, std::vector<float>(static_cast<std::size_t>(value.size), 1.0F));
    }
  }
}

VectorView<float> Network::block() const {
  const VectorView<std::byte> all = arena_.all();
  return {reinterpret_cast<float*>(all.data), all.size / static_cast<std::int64_t>(sizeof(float))};
}

VectorView<float> Network::in_block(VectorView<float> block, VectorView<float> tensor) const {
  if (tensor.empty()) return {};
  return block.part(tensor.data - this->block().data, tensor.size);
}

void Network::save(Stream& stream, TensorFile& file, const std::string& prefix) const {
  const std::vector<float> values = download(stream, block());
  for (const Parameter& parameter : parameters_) {
    const auto first = values.begin() + (parameter.value.data - block().data);
    file.tensors[prefix + parameter.name] =
        Tensor::from_float(parameter.shape, std::vector<float>(first, first + parameter.value.size));
  }
}

void Network::load(Stream& stream, const TensorFile& file, const std::string& prefix) {
  std::vector<float> values(static_cast<std::size_t>(block().size));
  for (const Parameter& parameter : parameters_) {
    const std::vector<float> read = read_parameter(file, prefix + parameter.name, parameter.shape);
    std::copy(read.begin(), read.end(), values.begin() + (parameter.value.data - block().data));
  }
  upload<float>(stream, block(), values);
}

void initialise_as_torch(Stream& stream, Network& network, TorchGenerator& generator) {
  for (std::size_t l = 0; l < network.description().layers.size(); ++l) {
    if (network.description().layers[l].kind != Layer::Kind::linear) continue;
    const VectorView<float> weight = network.weight(l);
    const VectorView<float> bias = network.bias(l);
    const double fan_in =
        static_cast<double>(weight.size) / static_cast<double>(network.description().layers[l].outputs);
    // kaiming_uniform_(a = sqrt 5), with its roundings.
    const double deviation = std::sqrt(2.0 / (1.0 + 5.0)) / std::sqrt(fan_in);
    const auto weight_bound = static_cast<float>(std::sqrt(3.0) * deviation);
    const auto bias_bound = static_cast<float>(1.0 / std::sqrt(fan_in));
    std::vector<float> values(static_cast<std::size_t>(weight.size));
    generator.fill_uniform(values, -weight_bound, weight_bound);
    upload<float>(stream, weight, values);
    values.resize(static_cast<std::size_t>(bias.size));
    generator.fill_uniform(values, -bias_bound, bias_bound);
    if (!bias.empty()) upload<float>(stream, bias, values);
  }
}

}  // namespace atelier
