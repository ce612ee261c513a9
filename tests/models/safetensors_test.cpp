#include "models/safetensors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <random>

#include "runtime/error.h"
#include "tests/models/golden_files.h"
#include "tests/models/test_folder.h"

namespace atelier {
namespace {

namespace fs = std::filesystem;

std::vector<std::byte> bytes_of(std::string_view text) {
  std::vector<std::byte> bytes;
  for (const char letter : text) bytes.push_back(static_cast<std::byte>(letter));
  return bytes;
}

/// A file with this header text and so many bytes of data.
std::vector<std::byte> file_of(const std::string& header, std::size_t data) {
  std::vector<std::byte> bytes(8 + header.size() + data, std::byte{0x3C});
  const std::uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, 8);
  std::memcpy(bytes.data() + 8, header.data(), header.size());
  return bytes;
}

std::string tensor(const std::string& name, const std::string& type, const std::string& shape,
                   const std::string& offsets) {
  return "\"" + name + R"(":{"dtype":")" + type + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets +
         "}";
}

TEST(Safetensors, ReadsWhatPythonWrote) {
  const auto files = testing::golden_cppn_files();
  ASSERT_FALSE(files.empty());
  for (const fs::path& path : files) {
    const TensorFile file = read_safetensors(path);
    const Tensor& weight = file.tensors.at("layers.0.weight");
    EXPECT_EQ(weight.shape, (std::vector<std::int64_t>{std::stoi(file.metadata.at("width")), 2}));
    EXPECT_EQ(weight.type, TensorType::f32);
    EXPECT_EQ(file.tensors.at("rgb_u8_truncated").type, TensorType::u8);
    EXPECT_EQ(weight.to_float().size(), static_cast<std::size_t>(weight.count()));
  }
}

TensorFile any_file(std::mt19937_64& random) {
  TensorFile file;
  if (random() % 2 == 0) file.metadata = {{"format", "pt"}, {"", "\xF0\x9F\x8E\xA8 \"quoted\"\n"}};
  for (std::uint64_t i = random() % 6; i > 0; --i) {
    Tensor tensor;
    tensor.type = static_cast<TensorType>(random() % 10);
    for (std::uint64_t rank = random() % 4; rank > 0; --rank)
      tensor.shape.push_back(static_cast<std::int64_t>(random() % 5));
    tensor.bytes.resize(static_cast<std::size_t>(tensor.count()) * tensor_type_bytes(tensor.type));
    for (std::byte& byte : tensor.bytes) byte = static_cast<std::byte>(random());
    file.tensors["t" + std::to_string(random() % 1000) + (random() % 2 == 0 ? ".weight" : " é\\")] = tensor;
  }
  return file;
}

TEST(Safetensors, RandomFilesComeBack) {
  const testing::TestFolder folder;
  std::mt19937_64 random(5);
  for (int i = 0; i < 200; ++i) {
    const TensorFile file = any_file(random);
    const fs::path path = folder.path() / "file.safetensors";
    write_safetensors(path, file);
    const TensorFile back = read_safetensors(path);
    ASSERT_EQ(back.metadata, file.metadata);
    ASSERT_EQ(back.tensors.size(), file.tensors.size());
    for (const auto& [name, tensor] : file.tensors) {
      const Tensor& other = back.tensors.at(name);
      ASSERT_EQ(other.type, tensor.type);
      ASSERT_EQ(other.shape, tensor.shape);
      ASSERT_EQ(other.bytes, tensor.bytes);
    }
  }
}

TEST(Safetensors, ConvertsEveryTypeOfNumber) {
  const auto tensor_of = [](TensorType type, const auto& values) {
    Tensor tensor{type, {static_cast<std::int64_t>(std::size(values))}, {}};
    tensor.bytes.resize(sizeof values);
    std::memcpy(tensor.bytes.data(), &values, sizeof values);
    return tensor;
  };
  const double f64[] = {0.1, -2};
  EXPECT_EQ(tensor_of(TensorType::f64, f64).to_double(), (std::vector<double>{0.1, -2}));
  EXPECT_EQ(tensor_of(TensorType::f64, f64).to_float(), (std::vector<float>{0.1F, -2}));
  // 1, -2, 65504 (largest), 2^-24 (smallest), 2^-14, infinity
  const std::uint16_t f16[] = {0x3C00, 0xC000, 0x7BFF, 0x0001, 0x0400, 0x7C00};
  EXPECT_EQ(tensor_of(TensorType::f16, f16).to_double(),
            (std::vector<double>{1, -2, 65504, std::ldexp(1, -24), std::ldexp(1, -14), INFINITY}));
  const std::uint16_t not_a_number[] = {0x7E01};
  EXPECT_TRUE(std::isnan(tensor_of(TensorType::f16, not_a_number).to_float()[0]));
  const std::uint16_t bf16[] = {0x3F80, 0xC000, 0x4049};
  EXPECT_EQ(tensor_of(TensorType::bf16, bf16).to_float(), (std::vector<float>{1, -2, 3.140625F}));
  const std::int32_t i32[] = {-7, 1 << 30};
  EXPECT_EQ(tensor_of(TensorType::i32, i32).to_double(), (std::vector<double>{-7, 1 << 30}));
  const std::int16_t i16[] = {-300};
  EXPECT_EQ(tensor_of(TensorType::i16, i16).to_float(), (std::vector<float>{-300}));
  const std::int8_t i8[] = {-128};
  EXPECT_EQ(tensor_of(TensorType::i8, i8).to_float(), (std::vector<float>{-128}));
  const std::uint8_t u8[] = {255};
  EXPECT_EQ(tensor_of(TensorType::u8, u8).to_float(), (std::vector<float>{255}));
  EXPECT_THROW(static_cast<void>(tensor_of(TensorType::boolean, u8).to_float()), InvalidArgument);
  const std::int64_t i64[] = {1};
  EXPECT_THROW(static_cast<void>(tensor_of(TensorType::i64, i64).to_double()), InvalidArgument);
}

struct Hostile {
  const char* name;
  std::vector<std::byte> bytes;
  const char* says;
};

std::vector<Hostile> hostile_files() {
  const auto one = [](const std::string& type, const std::string& shape, const std::string& offsets,
                      std::size_t data) {
    return file_of("{" + tensor("a", type, shape, offsets) + "}", data);
  };
  const auto two = [](const std::string& first, const std::string& second, std::size_t data) {
    return file_of("{" + tensor("a", "F32", "[2]", first) + "," + tensor("b", "F32", "[2]", second) + "}",
                   data);
  };
  std::vector<std::byte> lying = file_of("{}", 0);
  lying[7] = std::byte{0x80};
  std::vector<std::byte> just_beyond = file_of("{}", 0);
  just_beyond[0] = std::byte{3};
  std::string wide = "[1";
  for (int i = 0; i < 70; ++i) wide += ",1";
  return {
      {"empty", {}, "not a safetensors file"},
      {"seven_bytes", bytes_of("1234567"), "not a safetensors file"},
      {"length_of_2_to_63", lying, "header of 9223372036854775810"},
      {"length_past_the_end", just_beyond, "header of 3"},
      {"no_header", file_of("", 0), "not JSON"},
      {"not_json", file_of("{'a'}", 0), "not JSON"},
      {"not_utf8", file_of("{\"\xFF\":1}", 0), "not JSON"},
      {"an_array", file_of("[]", 0), "not a JSON object"},
      {"nested", file_of(std::string(100000, '['), 0), "deeper"},
      {"nested_in_shape", one("F32", "[[[[1]]]]", "[0,4]", 4), "deeper"},
      {"double_name",
       file_of("{" + tensor("a", "U8", "[1]", "[0,1]") + "," + tensor("a", "U8", "[1]", "[1,2]") + "}", 2),
       "twice"},
      {"double_key", file_of(R"({"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1),
       "twice"},
      {"tensor_is_a_number", file_of(R"({"a":1})", 0), "exactly dtype"},
      {"no_dtype", file_of(R"({"a":{"shape":[1],"data_offsets":[0,1]}})", 1), "exactly dtype"},
      {"extra_key", file_of(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}})", 1),
       "exactly dtype"},
      {"unknown_type", one("F8_E5M2", "[1]", "[0,1]", 1), "none of"},
      {"type_is_a_number", file_of(R"({"a":{"dtype":1,"shape":[1],"data_offsets":[0,1]}})", 1), "none of"},
      {"shape_is_text", one("U8", "\"1\"", "[0,1]", 1), "list"},
      {"shape_negative", one("U8", "[-1]", "[0,1]", 1), "whole numbers"},
      {"shape_fraction", one("U8", "[1.0]", "[0,1]", 1), "whole numbers"},
      {"shape_overflow", one("U8", "[4294967296,4294967296,16]", "[0,0]", 0), "overflows"},
      {"shape_wraps_to_zero", one("U8", "[4294967296,4294967296]", "[0,0]", 0), "overflows"},
      {"side_overflow", one("U8", "[9223372036854775808]", "[0,0]", 0), "overflows"},
      {"bytes_overflow", one("F64", "[9223372036854775807]", "[0,8]", 8), "overflows"},
      {"bytes_overflow_u64", one("F64", "[2305843009213693952]", "[0,0]", 0), "overflows"},
      {"rank", one("U8", wide + "]", "[0,1]", 1), "at most 64"},
      {"offsets_reversed", one("U8", "[1]", "[1,0]", 1), "begin <= end"},
      {"offsets_one", one("U8", "[1]", "[0]", 1), "begin <= end"},
      {"offsets_three", one("U8", "[1]", "[0,1,2]", 1), "begin <= end"},
      {"offsets_negative", one("U8", "[1]", "[-1,0]", 1), "whole numbers"},
      {"offsets_too_short", one("F32", "[2]", "[0,4]", 4), "takes 8 bytes"},
      {"offsets_past_the_end", one("F32", "[2]", "[0,8]", 4), "data_offsets end at 8"},
      {"offsets_huge", one("F32", "[2]", "[18446744073709551600,18446744073709551608]", 8),
       "data_offsets end at"},
      {"overlap", two("[0,8]", "[4,12]", 12), "overlap"},
      {"same_bytes_twice", two("[0,8]", "[0,8]", 8), "overlap"},
      {"gap", two("[0,8]", "[12,20]", 20), "gap"},
      {"gap_in_front", one("U8", "[1]", "[1,2]", 2), "gap"},
      {"bytes_left_over", one("U8", "[1]", "[0,1]", 2), "1 bytes follow"},
      {"metadata_number", file_of(R"({"__metadata__":{"a":1}})", 0), "object of strings"},
      {"metadata_text", file_of(R"({"__metadata__":"a"})", 0), "object of strings"},
  };
}

TEST(Safetensors, HostileFilesAreRefusedWithOneLine) {
  for (const Hostile& hostile : hostile_files()) {
    try {
      static_cast<void>(parse_safetensors(hostile.bytes, "evil.safetensors"));
      ADD_FAILURE() << hostile.name << " was accepted";
    } catch (const InvalidArgument& error) {
      const std::string message = error.what();
      EXPECT_TRUE(message.starts_with("evil.safetensors: ")) << hostile.name << ": " << message;
      EXPECT_NE(message.find(hostile.says), std::string::npos) << hostile.name << ": " << message;
      EXPECT_EQ(message.find('\n'), std::string::npos) << hostile.name << ": " << message;
      EXPECT_LT(message.size(), 400U) << hostile.name;
    }
  }
}

TEST(Safetensors, EveryTruncationIsRefused) {
  const std::vector<std::byte> whole = file_of("{" + tensor("a", "F32", "[2]", "[0,8]") + "}", 8);
  EXPECT_EQ(parse_safetensors(whole, "whole").tensors.size(), 1U);
  for (std::size_t length = 0; length < whole.size(); ++length)
    ASSERT_THROW(static_cast<void>(parse_safetensors(
                     {whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)}, "cut")),
                 InvalidArgument)
        << length;
}

TEST(Safetensors, EmptyTensorsScalarsAndPaddingAreFine) {
  const std::string header =
      "{" + tensor("empty", "F32", "[3,0]", "[0,0]") + "," + tensor("scalar", "F32", "[]", "[0,4]") + "}   ";
  const TensorFile file = parse_safetensors(file_of(header, 4), "file");
  EXPECT_EQ(file.tensors.at("empty").count(), 0);
  EXPECT_EQ(file.tensors.at("scalar").to_float().size(), 1U);
  EXPECT_TRUE(parse_safetensors(file_of("{}", 0), "nothing").tensors.empty());
}

TEST(Safetensors, UnreadableFilesAreRefused) {
  const testing::TestFolder folder;
  EXPECT_THROW(static_cast<void>(read_safetensors(folder.path() / "missing")), InvalidArgument);
  EXPECT_THROW(static_cast<void>(read_safetensors(folder.path())), InvalidArgument);
  EXPECT_THROW(static_cast<void>(read_safetensors("/dev/zero")), InvalidArgument);
}

TEST(Safetensors, RefusesToWriteWhatItCouldNotRead) {
  const testing::TestFolder folder;
  const fs::path path = folder.path() / "file";
  write_safetensors(path, {{{"a", Tensor::from_float({2}, {1, 2})}}, {}});
  const auto refused = [&path](const TensorFile& file) {
    EXPECT_THROW(write_safetensors(path, file), InvalidArgument);
    EXPECT_EQ(read_safetensors(path).tensors.at("a").to_float(),
              (std::vector<float>{1, 2}));  // the old file stays
  };
  refused({{{"a", Tensor{TensorType::f32, {2}, std::vector<std::byte>(4)}}}, {}});
  refused({{{"a", Tensor{TensorType::f32, {-1}, {}}}}, {}});
  refused({{{"__metadata__", Tensor::from_float({1}, {1})}}, {}});
  refused({{{"\xFF", Tensor::from_float({1}, {1})}}, {}});
  refused({{}, {{"a", "\xFF"}}});
  EXPECT_THROW(static_cast<void>(Tensor::from_float({3}, {1, 2})), InvalidArgument);
  EXPECT_THROW(write_safetensors(folder.path() / "none" / "file", {}), Error);
}

}  // namespace
}  // namespace atelier
