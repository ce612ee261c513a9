#include "models/generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "kernels/noise_function.h"
#include "models/json_document.h"
#include "runtime/buffer.h"
#include "runtime/error.h"

namespace atelier {
namespace {

constexpr std::int64_t kLargestSide = std::int64_t{1} << 20;

std::string metadata_of(const TensorFile& file, const std::string& key, const std::string& source) {
  const auto found = file.metadata.find(key);
  if (found == file.metadata.end())
    throw InvalidArgument(
        fmt::format("{}: it has no \"{}\": it is not the checkpoint of a GAN on pictures", source, key));
  return found->second;
}

std::int64_t side_of(const TensorFile& file, const char* key, const std::string& source) {
  const std::string text = metadata_of(file, key, source);
  std::int64_t side = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), side);
  if (error != std::errc{} || end != text.data() + text.size() || side < 1 || side > kLargestSide)
    throw InvalidArgument(fmt::format("{}: its {} is {}; it must be a whole number from 1 to {}", source, key,
                                      detail::excerpt(text), kLargestSide));
  return side;
}

/// What the metadata say of the network, checked against the pictures' sides.
NetworkDescription description_of(const TensorFile& file, const std::string& source) {
  if (file.metadata.count("atelier_checkpoint") == 0)
    throw InvalidArgument(
        fmt::format("{}: it has no \"atelier_checkpoint\": it is not a checkpoint", source));
  const std::string text = metadata_of(file, "generator", source);
  NetworkDescription description;
  try {
    description = network_from_text(text);
  } catch (const InvalidArgument& error) {
    throw InvalidArgument(fmt::format("{}: its generator is not one: {}", source, error.what()));
  }
  const std::int64_t width = side_of(file, "width", source);
  const std::int64_t height = side_of(file, "height", source);
  if (description.outputs() != width * height)
    throw InvalidArgument(fmt::format("{}: its generator has {} outputs, which are not {} x {} pixels",
                                      source, description.outputs(), width, height));
  return description;
}

/// Loads the tensors that the metadata point to.
Network loaded_network(Stream& stream, const TensorFile& file, const std::string& source) {
  const NetworkDescription description = description_of(file, source);
  const std::string prefix = metadata_of(file, "generator_prefix", source);
  // Before memory is taken for what the text alone promises.
  const auto stored = [&prefix](const auto& entry) { return entry.first.rfind(prefix, 0) == 0; };
  std::int64_t count = 0;
  for (const auto& entry : file.tensors)
    if (stored(entry)) count += entry.second.count();
  if (count < description.parameter_count())
    throw InvalidArgument(fmt::format("{}: its tensors {}* hold {} numbers; its generator has {} parameters",
                                      source, prefix, count, description.parameter_count()));
  Network network(stream, description, 0, 0, "generator");
  try {
    network.load(stream, file, prefix);
  } catch (const InvalidArgument& error) {
    throw InvalidArgument(fmt::format("{}: {}", source, error.what()));
  }
  return network;
}

}  // namespace

Generator::Generator(Stream& stream, const TensorFile& checkpoint, const std::string& source)
    : network_(loaded_network(stream, checkpoint, source)),
      pass_(stream, network_, kBatch, Pass::Purpose::inference),
      width_(side_of(checkpoint, "width", source)),
      height_(side_of(checkpoint, "height", source)) {
  const auto data_set = checkpoint.metadata.find("data_set");
  if (data_set != checkpoint.metadata.end()) data_set_ = data_set->second;
}

std::int64_t Generator::latent() const {
  return network_.description().inputs;
}
std::int64_t Generator::width() const {
  return width_;
}
std::int64_t Generator::height() const {
  return height_;
}
const std::string& Generator::data_set() const {
  return data_set_;
}

std::vector<float> Generator::latents(std::int64_t count, std::uint64_t seed, std::uint64_t first) const {
  const auto each = static_cast<std::uint64_t>(latent());
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  if (count < 0) throw InvalidArgument(fmt::format("latents: the count is {}; it must be >= 0", count));
  if (first > kMost / each || static_cast<std::uint64_t>(count) > kMost / each - first)
    throw InvalidArgument(fmt::format("latents: vectors {} to {} of {} numbers exceed the stream's 2^64",
                                      first, first + static_cast<std::uint64_t>(count), each));
  std::vector<float> values(static_cast<std::size_t>(count) * each);
  const PhiloxStream random{seed, kSampleStream};
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = normal_element(random, first * each + i);
  return values;
}

std::vector<float> Generator::outputs(Stream& stream, const std::vector<float>& latents) {
  const std::int64_t inputs = latent();
  const std::int64_t pixels = width_ * height_;
  if (latents.size() % static_cast<std::size_t>(inputs) != 0)
    throw InvalidArgument(
        fmt::format("generator: {} numbers are not whole latent vectors of {}", latents.size(), inputs));
  const std::int64_t rows = static_cast<std::int64_t>(latents.size()) / inputs;
  std::vector<float> result(static_cast<std::size_t>(rows * pixels));
  const Buffer<float> batch(stream, kBatch * inputs, "latent vectors");
  fill_bytes(stream, batch.data(), 0, static_cast<std::size_t>(batch.size()) * sizeof(float));
  for (std::int64_t row = 0; row < rows; row += kBatch) {
    const std::int64_t count = std::min(kBatch, rows - row);
    const auto from = std::span(latents).subspan(static_cast<std::size_t>(row * inputs),
                                                 static_cast<std::size_t>(count * inputs));
    upload<float>(stream, {batch.data(), count * inputs}, from);
    // Always whole batches: a kernel may be chosen, and so round, by the number of rows.
    const MatrixView<float> output = pass_.forward(stream, batch.matrix(kBatch, inputs));
    const auto to = std::span(result).subspan(static_cast<std::size_t>(row * pixels),
                                              static_cast<std::size_t>(count * pixels));
    download<float>(stream, to, VectorView<const float>{output.data, count * pixels});
  }
  return result;
}

DataSet Generator::pictures(Stream& stream, const std::vector<float>& latents) {
  const std::vector<float> values = outputs(stream, latents);
  DataSet result;
  result.name = "generated";
  result.width = width_;
  result.height = height_;
  result.count = static_cast<std::int64_t>(values.size()) / (width_ * height_);
  result.pixels.resize(values.size());
  std::transform(values.begin(), values.end(), result.pixels.begin(),
                 [](float value) { return pixel_of(static_cast<double>(value)); });
  return result;
}

}  // namespace atelier
