#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "models/learner.h"
#include "models/network.h"
#include "models/safetensors.h"
#include "runtime/buffer.h"
#include "runtime/stream.h"
#include "runtime/view.h"

/// What a learner's checkpoint is made of, beside Network::save and Optimizer::save: one safetensors file
/// whose metadata name the format ("atelier_checkpoint": "1"), the library ("atelier"), and the configuration
/// ("config": JSON), and whose tensors hold everything that decides the future of the run. The same state
/// gives the same bytes.
namespace atelier::detail {

/// A file with the metadata, and the iteration as the tensor "iteration".
[[nodiscard]] TensorFile begin_checkpoint(const TrainingConfig& config, std::int64_t iteration);

/// The iteration of a checkpoint of this run. The length of the run (epochs, iterations) may differ: what was
/// done does not depend on it, and a longer run may go on from a shorter one. Throws InvalidArgument with one
/// line: not a checkpoint, another version of the format, a configuration that differs (and the first option
/// that does), an iteration below 0 or beyond `iterations`.
[[nodiscard]] std::int64_t open_checkpoint(const TensorFile& file, const TrainingConfig& config,
                                           std::int64_t iterations);

/// The checkpoint of a run that trains one network on a data set: begin_checkpoint, and the metadata
/// "network" (its text), "network_prefix" and "data" (fingerprint() of the data).
[[nodiscard]] TensorFile begin_network_checkpoint(const TrainingConfig& config, std::int64_t iteration,
                                                  const NetworkDescription& network,
                                                  const std::string& prefix, const std::string& data);
/// open_checkpoint for a run on a data set: throws InvalidArgument also where the run had other data.
[[nodiscard]] std::int64_t open_data_checkpoint(const TensorFile& file, const TrainingConfig& config,
                                                std::int64_t iterations, const std::string& data);

/// A whole number of the host: random counters, places in the data.
void save_count(TensorFile& file, const std::string& name, std::uint64_t value);
/// Throws InvalidArgument when it is missing or not one number.
[[nodiscard]] std::uint64_t load_count(const TensorFile& file, const std::string& name);

[[nodiscard]] constexpr TensorType tensor_type_of(float) {
  return TensorType::f32;
}
[[nodiscard]] constexpr TensorType tensor_type_of(double) {
  return TensorType::f64;
}
[[nodiscard]] constexpr TensorType tensor_type_of(std::uint8_t) {
  return TensorType::u8;
}
[[nodiscard]] constexpr TensorType tensor_type_of(std::int32_t) {
  return TensorType::i32;
}
[[nodiscard]] constexpr TensorType tensor_type_of(std::int64_t) {
  return TensorType::i64;
}
[[nodiscard]] constexpr TensorType tensor_type_of(std::uint64_t) {
  return TensorType::i64;
}

void save_bytes(TensorFile& file, const std::string& name, TensorType type, std::int64_t count,
                std::vector<std::byte> bytes);
/// The bytes of a tensor of this type and count. Throws InvalidArgument that names it.
[[nodiscard]] const std::vector<std::byte>& bytes_of(const TensorFile& file, const std::string& name,
                                                     TensorType type, std::int64_t count);

/// A block of device memory as a tensor [size], to the bit. Waits.
template <class T>
void save_block(Stream& stream, TensorFile& file, const std::string& name, VectorView<T> block) {
  using Element = std::remove_const_t<T>;
  std::vector<std::byte> bytes(static_cast<std::size_t>(block.size) * sizeof(Element));
  download_bytes(stream, bytes.data(), bytes.size(), block.data, bytes.size());
  save_bytes(file, name, tensor_type_of(Element{}), block.size, std::move(bytes));
}
/// Throws InvalidArgument when the tensor is missing or has another type or size; then nothing changed.
template <class T>
void load_block(Stream& stream, const TensorFile& file, const std::string& name, VectorView<T> block) {
  const std::vector<std::byte>& bytes = bytes_of(file, name, tensor_type_of(T{}), block.size);
  upload_bytes(stream, block.data, bytes.size(), bytes.data(), bytes.size());
}

}  // namespace atelier::detail
