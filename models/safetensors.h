#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace atelier {

/// The safetensors element types, by their names in the format's header.
enum class TensorType : std::uint8_t { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean };
[[nodiscard]] std::size_t tensor_type_bytes(TensorType type);

struct Tensor {
  TensorType type = TensorType::f32;
  std::vector<std::int64_t> shape;
  std::vector<std::byte> bytes;  // little-endian, row-major
  [[nodiscard]] std::int64_t count() const;
  /// Elements as float / double, converted where the type differs. Throws InvalidArgument for i64 and
  /// boolean.
  [[nodiscard]] std::vector<float> to_float() const;
  [[nodiscard]] std::vector<double> to_double() const;
  [[nodiscard]] static Tensor from_float(std::vector<std::int64_t> shape, const std::vector<float>& values);
};

/// A safetensors file in memory: 8-byte header length, JSON header, tensor data.
struct TensorFile {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;
};

/// Throws InvalidArgument with one line naming the file: unreadable, truncated, a header length beyond the
/// file, JSON that is not the format's, offsets that lie, overlap, leave gaps or do not match the shape,
/// sizes that overflow. Never reads or allocates more than the file's size times a small constant.
[[nodiscard]] TensorFile read_safetensors(const std::filesystem::path& path);
[[nodiscard]] TensorFile parse_safetensors(const std::vector<std::byte>& bytes, const std::string& source);

/// Written beside and renamed when whole. Throws Error when it cannot be written; the old file stays.
void write_safetensors(const std::filesystem::path& path, const TensorFile& file);

}  // namespace atelier
