#include "models/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "models/atomic_file.h"
#include "models/json_document.h"
#include "runtime/error.h"

namespace atelier {
namespace {

using Json = nlohmann::json;
static_assert(std::endian::native == std::endian::little, "tensor data is little-endian");

constexpr std::size_t kLengthBytes = 8;
constexpr std::uint64_t kMaxHeader = 100'000'000;  // the format's own limit
constexpr std::size_t kMaxRank = 64;
constexpr std::size_t kAlignment = 8;  // of the tensor data, by padding the header

struct TypeRow {
  TensorType type;
  std::string_view name;
  std::size_t bytes;
};
constexpr std::array<TypeRow, 10> kTypes{{{TensorType::f64, "F64", 8},
                                          {TensorType::f32, "F32", 4},
                                          {TensorType::f16, "F16", 2},
                                          {TensorType::bf16, "BF16", 2},
                                          {TensorType::i64, "I64", 8},
                                          {TensorType::i32, "I32", 4},
                                          {TensorType::i16, "I16", 2},
                                          {TensorType::i8, "I8", 1},
                                          {TensorType::u8, "U8", 1},
                                          {TensorType::boolean, "BOOL", 1}}};

const TypeRow& row_of(TensorType type) {
  for (const TypeRow& row : kTypes)
    if (row.type == type) return row;
  throw InvalidArgument("safetensors: no such element type");
}

/// Elements of a shape; nullopt when a side is negative or the product does not fit.
std::optional<std::int64_t> element_count(std::span<const std::int64_t> shape) {
  std::int64_t count = 1;
  for (const std::int64_t side : shape)
    if (side < 0 || __builtin_mul_overflow(count, side, &count)) return std::nullopt;
  return count;
}

template <class T>
T load(const std::byte* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

/// IEEE 754 binary16 as a float: exact.
float from_half(std::uint16_t half) {
  const bool negative = (half & 0x8000U) != 0;
  const int exponent = (half >> 10) & 31;
  const std::uint32_t fraction = half & 0x3FFU;
  float magnitude = 0;
  if (exponent == 31)
    magnitude = std::bit_cast<float>(0x7F800000U | (fraction << 13));
  else if (exponent == 0)
    magnitude = static_cast<float>(fraction) * 0x1p-24F;
  else
    magnitude = std::bit_cast<float>((static_cast<std::uint32_t>(exponent + 112) << 23) | (fraction << 13));
  return negative ? -magnitude : magnitude;
}

template <class T>
T element_as(TensorType type, const std::byte* bytes) {
  switch (type) {
    case TensorType::f64:
      return static_cast<T>(load<double>(bytes));
    case TensorType::f32:
      return static_cast<T>(load<float>(bytes));
    case TensorType::f16:
      return static_cast<T>(from_half(load<std::uint16_t>(bytes)));
    case TensorType::bf16:
      return static_cast<T>(
          std::bit_cast<float>(static_cast<std::uint32_t>(load<std::uint16_t>(bytes)) << 16));
    case TensorType::i32:
      return static_cast<T>(load<std::int32_t>(bytes));
    case TensorType::i16:
      return static_cast<T>(load<std::int16_t>(bytes));
    case TensorType::i8:
      return static_cast<T>(load<std::int8_t>(bytes));
    case TensorType::u8:
      return static_cast<T>(load<std::uint8_t>(bytes));
    case TensorType::i64:
    case TensorType::boolean:
      break;
  }
  throw InvalidArgument(fmt::format("safetensors: {} elements are not real numbers", row_of(type).name));
}

template <class T>
std::vector<T> elements_as(const Tensor& tensor) {
  const std::size_t size = tensor_type_bytes(tensor.type);
  if (tensor.type == TensorType::i64 || tensor.type == TensorType::boolean)
    throw InvalidArgument(
        fmt::format("safetensors: {} elements are not read as numbers", row_of(tensor.type).name));
  std::vector<T> values(tensor.bytes.size() / size);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = element_as<T>(tensor.type, tensor.bytes.data() + i * size);
  return values;
}

/// One tensor's entry of the header, before its bytes are copied.
struct Entry {
  std::string name;
  Tensor tensor;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

class HeaderReader {
 public:
  explicit HeaderReader(const std::string& source) : source_(source) {}

  Entry entry(const std::string& name, const Json& json) const {
    Entry entry;
    entry.name = name;
    if (!json.is_object() || json.size() != 3 || !json.contains("dtype") || !json.contains("shape") ||
        !json.contains("data_offsets"))
      fail(name, "must have exactly dtype, shape and data_offsets");
    entry.tensor.type = type(name, json["dtype"]);
    entry.tensor.shape = shape(name, json["shape"]);
    const std::vector<std::uint64_t> offsets = naturals(name, json["data_offsets"], "data_offsets");
    if (offsets.size() != 2 || offsets[0] > offsets[1])
      fail(name, "data_offsets must be [begin, end], begin <= end");
    entry.begin = offsets[0];
    entry.end = offsets[1];
    const std::optional<std::int64_t> count = element_count(entry.tensor.shape);
    std::uint64_t bytes = 0;
    if (!count || __builtin_mul_overflow(static_cast<std::uint64_t>(*count),
                                         std::uint64_t{tensor_type_bytes(entry.tensor.type)}, &bytes))
      fail(name, fmt::format("shape [{}] overflows", fmt::join(entry.tensor.shape, ", ")));
    if (bytes != entry.end - entry.begin)
      fail(name, fmt::format("shape [{}] of {} takes {} bytes, but data_offsets hold {}",
                             fmt::join(entry.tensor.shape, ", "), row_of(entry.tensor.type).name, bytes,
                             entry.end - entry.begin));
    return entry;
  }

  std::map<std::string, std::string> metadata(const Json& json) const {
    std::map<std::string, std::string> result;
    if (!json.is_object()) fail("__metadata__", "must be an object of strings");
    for (const auto& item : json.items()) {
      if (!item.value().is_string()) fail("__metadata__", "must be an object of strings");
      result[item.key()] = item.value().get<std::string>();
    }
    return result;
  }

  [[noreturn]] void fail(std::string_view name, const std::string& complaint) const {
    throw InvalidArgument(fmt::format("{}: tensor {}: {}", source_, detail::excerpt(name), complaint));
  }

 private:
  TensorType type(const std::string& name, const Json& json) const {
    if (json.is_string())
      for (const TypeRow& row : kTypes)
        if (row.name == json.get_ref<const std::string&>()) return row.type;
    std::string names;
    for (const TypeRow& row : kTypes) names += fmt::format("{}{}", names.empty() ? "" : ", ", row.name);
    fail(name,
         fmt::format("dtype {} is none of: {}",
                     json.is_string() ? detail::excerpt(json.get_ref<const std::string&>()) : "(not a word)",
                     names));
  }

  std::vector<std::int64_t> shape(const std::string& name, const Json& json) const {
    std::vector<std::int64_t> result;
    for (const std::uint64_t side : naturals(name, json, "shape")) {
      if (side > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        fail(name, fmt::format("a side of {} overflows", side));
      result.push_back(static_cast<std::int64_t>(side));
    }
    return result;
  }

  std::vector<std::uint64_t> naturals(const std::string& name, const Json& json, const char* what) const {
    std::vector<std::uint64_t> result;
    if (!json.is_array() || json.size() > kMaxRank)
      fail(name, fmt::format("{} must be a list of at most {} whole numbers", what, kMaxRank));
    for (const Json& number : json) {
      if (!number.is_number_unsigned()) fail(name, fmt::format("{} must hold whole numbers >= 0", what));
      result.push_back(number.get<std::uint64_t>());
    }
    return result;
  }

  const std::string& source_;
};

/// The entries must cover the data exactly, one after the other.
void require_cover(std::vector<Entry>& entries, std::uint64_t data_bytes, const HeaderReader& reader,
                   const std::string& source) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::uint64_t position = 0;
  for (const Entry& entry : entries) {
    if (entry.end > data_bytes)
      reader.fail(entry.name,
                  fmt::format("data_offsets end at {}, the file's data at {}", entry.end, data_bytes));
    if (entry.begin != position)
      reader.fail(entry.name,
                  fmt::format("data_offsets begin at {} and {} the bytes before, which end at {}",
                              entry.begin, entry.begin < position ? "overlap" : "leave a gap to", position));
    position = entry.end;
  }
  if (position != data_bytes)
    throw InvalidArgument(
        fmt::format("{}: {} bytes follow the last tensor's data", source, data_bytes - position));
}

std::string header_of(const TensorFile& file, std::span<const std::string_view> order) {
  Json header = Json::object();
  if (!file.metadata.empty()) header["__metadata__"] = file.metadata;
  std::uint64_t position = 0;
  for (const std::string_view name : order) {
    const Tensor& tensor = file.tensors.at(std::string(name));
    Json& entry = header[std::string(name)];
    entry["dtype"] = row_of(tensor.type).name;
    entry["shape"] = tensor.shape;
    entry["data_offsets"] = {position, position + tensor.bytes.size()};
    position += tensor.bytes.size();
  }
  std::string text = header.dump();
  text.resize((text.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  return text;
}

void require_writable(const std::string& path, const std::string& name, const Tensor& tensor) {
  const std::optional<std::int64_t> count = element_count(tensor.shape);
  std::int64_t bytes = 0;
  if (!count ||
      __builtin_mul_overflow(*count, static_cast<std::int64_t>(tensor_type_bytes(tensor.type)), &bytes) ||
      static_cast<std::size_t>(bytes) != tensor.bytes.size())
    throw InvalidArgument(fmt::format("{}: tensor {}: shape [{}] of {} does not take its {} bytes", path,
                                      detail::excerpt(name), fmt::join(tensor.shape, ", "),
                                      row_of(tensor.type).name, tensor.bytes.size()));
  if (name == "__metadata__")
    throw InvalidArgument(fmt::format("{}: a tensor cannot be named __metadata__", path));
}

}  // namespace

std::size_t tensor_type_bytes(TensorType type) {
  return row_of(type).bytes;
}

std::int64_t Tensor::count() const {
  const std::optional<std::int64_t> count = element_count(shape);
  if (!count) throw InvalidArgument(fmt::format("safetensors: shape [{}] overflows", fmt::join(shape, ", ")));
  return *count;
}

std::vector<float> Tensor::to_float() const {
  return elements_as<float>(*this);
}
std::vector<double> Tensor::to_double() const {
  return elements_as<double>(*this);
}

Tensor Tensor::from_float(std::vector<std::int64_t> shape, const std::vector<float>& values) {
  Tensor tensor{TensorType::f32, std::move(shape), {}};
  if (tensor.count() != static_cast<std::int64_t>(values.size()))
    throw InvalidArgument(
        fmt::format("safetensors: {} values for shape [{}]", values.size(), fmt::join(tensor.shape, ", ")));
  const auto bytes = std::as_bytes(std::span(values));
  tensor.bytes.assign(bytes.begin(), bytes.end());
  return tensor;
}

TensorFile parse_safetensors(const std::vector<std::byte>& bytes, const std::string& source) {
  if (bytes.size() < kLengthBytes)
    throw InvalidArgument(
        fmt::format("{}: not a safetensors file: {} bytes, the length of the header takes {}", source,
                    bytes.size(), kLengthBytes));
  const auto header_bytes = load<std::uint64_t>(bytes.data());
  if (header_bytes > bytes.size() - kLengthBytes || header_bytes > kMaxHeader)
    throw InvalidArgument(
        fmt::format("{}: not a safetensors file, or cut short: a header of {} bytes in a file of {}", source,
                    header_bytes, bytes.size()));
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + kLengthBytes, header_bytes);
  const Json header =
      detail::parse_json(text, source, {.bytes = kMaxHeader, .depth = 4, .values = std::size_t{1} << 20});
  if (!header.is_object()) throw InvalidArgument(fmt::format("{}: the header is not a JSON object", source));

  const HeaderReader reader(source);
  TensorFile file;
  std::vector<Entry> entries;
  for (const auto& item : header.items()) {
    if (item.key() == "__metadata__")
      file.metadata = reader.metadata(item.value());
    else
      entries.push_back(reader.entry(item.key(), item.value()));
  }
  const std::span<const std::byte> data = std::span(bytes).subspan(kLengthBytes + header_bytes);
  require_cover(entries, data.size(), reader, source);
  for (Entry& entry : entries) {
    const auto part = data.subspan(entry.begin, entry.end - entry.begin);
    entry.tensor.bytes.assign(part.begin(), part.end());
    file.tensors.emplace(std::move(entry.name), std::move(entry.tensor));
  }
  return file;
}

TensorFile read_safetensors(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error))
    throw InvalidArgument(
        fmt::format("{}: {}", path.string(), error ? error.message() : "not a regular file"));
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  std::ifstream stream(path, std::ios::binary);
  if (error || !stream) throw InvalidArgument(fmt::format("{}: cannot be read", path.string()));
  std::vector<std::byte> bytes(size);
  stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (static_cast<std::uintmax_t>(stream.gcount()) != size)
    throw InvalidArgument(
        fmt::format("{}: reading stopped after {} of {} bytes", path.string(), stream.gcount(), size));
  return parse_safetensors(bytes, path.string());
}

void write_safetensors(const std::filesystem::path& path, const TensorFile& file) {
  std::vector<std::string_view> order;
  for (const auto& [name, tensor] : file.tensors) {
    require_writable(path.string(), name, tensor);
    order.push_back(name);
  }
  // Wide elements first: every tensor is then aligned to its element.
  std::stable_sort(order.begin(), order.end(), [&file](std::string_view a, std::string_view b) {
    return tensor_type_bytes(file.tensors.at(std::string(a)).type) >
           tensor_type_bytes(file.tensors.at(std::string(b)).type);
  });
  std::string header;
  try {
    header = header_of(file, order);
  } catch (const Json::exception&) {
    throw InvalidArgument(fmt::format("{}: a name or the metadata is not UTF-8 text", path.string()));
  }
  const std::uint64_t length = header.size();
  AtomicFile target(path, AtomicFile::Existing::replace);
  target.write(&length, sizeof length);
  target.write(header.data(), header.size());
  for (const std::string_view name : order) {
    const std::vector<std::byte>& bytes = file.tensors.at(std::string(name)).bytes;
    target.write(bytes.data(), bytes.size());
  }
  target.commit();
}

}  // namespace atelier
