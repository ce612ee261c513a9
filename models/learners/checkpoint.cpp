#include "models/learners/checkpoint.h"

#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "models/json_document.h"
#include "runtime/error.h"

namespace atelier::detail {
namespace {

constexpr const char* kFormat = "1";
constexpr const char* kIteration = "iteration";
constexpr const char* kData = "data";

std::string metadata_of(const TensorFile& file, const char* key) {
  const auto found = file.metadata.find(key);
  return found == file.metadata.end() ? std::string() : found->second;
}

/// The first option that differs, but for those that only say how long the run is; empty: none.
std::string first_difference(const TrainingConfig& file, const TrainingConfig& run) {
  if (file.preset != run.preset) return "preset";
  if (file.seed != run.seed) return "seed";
  if (file.torch_seed != run.torch_seed) return "torch_seed";
  if (file.data_set != run.data_set) return "data_set";
  if (file.limit != run.limit) return "limit";
  if (file.batch != run.batch) return "batch";
  if (file.learning_rate != run.learning_rate) return "learning_rate";
  if (file.shuffle != run.shuffle) return "shuffle";
  if (file.generator != run.generator) return "generator";
  if (file.discriminator != run.discriminator) return "discriminator";
  if (file.loss != run.loss) return "loss";
  if (file.optimizer != run.optimizer) return "optimizer";
  if (file.generator_learning_rate != run.generator_learning_rate) return "generator_learning_rate";
  if (file.beta1 != run.beta1) return "beta1";
  if (file.beta2 != run.beta2) return "beta2";
  if (file.discriminator_steps != run.discriminator_steps) return "discriminator_steps";
  if (file.gradient_penalty != run.gradient_penalty) return "gradient_penalty";
  if (file.average != run.average) return "average";
  if (file.split != run.split) return "split";
  if (file.loop != run.loop) return "loop";
  return {};
}

}  // namespace

TensorFile begin_checkpoint(const TrainingConfig& config, std::int64_t iteration) {
  TensorFile file;
  file.metadata.emplace("atelier_checkpoint", kFormat);
  file.metadata.emplace("atelier", ATELIER_LIBRARY_VERSION);
  file.metadata["config"] = training_config_json(config);
  save_count(file, kIteration, static_cast<std::uint64_t>(iteration));
  return file;
}

std::int64_t open_checkpoint(const TensorFile& file, const TrainingConfig& config, std::int64_t iterations) {
  const std::string format = metadata_of(file, "atelier_checkpoint");
  if (format.empty())
    throw InvalidArgument("checkpoint: the file has no \"atelier_checkpoint\": it is not a checkpoint");
  if (format != kFormat)
    throw InvalidArgument(fmt::format("checkpoint: it is of version {}; this program reads version {}",
                                      excerpt(format), kFormat));
  const TrainingConfig written = training_config_from_json(metadata_of(file, "config"), "checkpoint config");
  const std::string difference = first_difference(written, config);
  if (!difference.empty())
    throw InvalidArgument(
        fmt::format("checkpoint: it is of another run: its \"{}\" differs (in the file: {})", difference,
                    training_config_json(written)));
  const std::uint64_t iteration = load_count(file, kIteration);
  if (iteration > static_cast<std::uint64_t>(iterations))
    throw InvalidArgument(
        fmt::format("checkpoint: it was taken after {} iterations, the run has {}", iteration, iterations));
  return static_cast<std::int64_t>(iteration);
}

TensorFile begin_network_checkpoint(const TrainingConfig& config, std::int64_t iteration,
                                    const NetworkDescription& network, const std::string& prefix,
                                    const std::string& data) {
  TensorFile file = begin_checkpoint(config, iteration);
  file.metadata["network"] = network.text();
  file.metadata["network_prefix"] = prefix;
  file.metadata[kData] = data;
  return file;
}

std::int64_t open_data_checkpoint(const TensorFile& file, const TrainingConfig& config,
                                  std::int64_t iterations, const std::string& data) {
  const std::int64_t iteration = open_checkpoint(file, config, iterations);
  if (const std::string found = metadata_of(file, kData); found != data)
    throw InvalidArgument(
        fmt::format("the checkpoint's run had other training data (fingerprint {}, these have {}); give it "
                    "the same data set",
                    found.empty() ? "missing" : found, data));
  return iteration;
}

void save_count(TensorFile& file, const std::string& name, std::uint64_t value) {
  std::vector<std::byte> bytes(sizeof value);
  std::memcpy(bytes.data(), &value, sizeof value);
  save_bytes(file, name, TensorType::i64, 1, std::move(bytes));
}

std::uint64_t load_count(const TensorFile& file, const std::string& name) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes_of(file, name, TensorType::i64, 1).data(), sizeof value);
  return value;
}

void save_bytes(TensorFile& file, const std::string& name, TensorType type, std::int64_t count,
                std::vector<std::byte> bytes) {
  file.tensors[name] = Tensor{type, {count}, std::move(bytes)};
}

const std::vector<std::byte>& bytes_of(const TensorFile& file, const std::string& name, TensorType type,
                                       std::int64_t count) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end())
    throw InvalidArgument(
        fmt::format("checkpoint: it has no tensor \"{}\", which must be [{}]", name, count));
  const Tensor& tensor = found->second;
  const auto size = static_cast<std::size_t>(count) * tensor_type_bytes(type);
  if (tensor.type != type || tensor.shape != std::vector<std::int64_t>{count} || tensor.bytes.size() != size)
    throw InvalidArgument(fmt::format(
        "checkpoint: tensor \"{}\" is [{}] of {} bytes an element; it must be [{}] of {}", name,
        fmt::join(tensor.shape, ", "), tensor_type_bytes(tensor.type), count, tensor_type_bytes(type)));
  return tensor.bytes;
}

}  // namespace atelier::detail
