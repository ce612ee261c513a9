// parse_safetensors on any bytes, and import_cppn on what it lets through: InvalidArgument, or tensors whose
// sizes hold together and a recipe that survives being written and read again.
#include <cstring>
#include <stdexcept>
#include <string_view>

#include "models/import_cppn.h"
#include "tests/fuzz/fuzz_target.h"

namespace {

void try_import(const atelier::TensorFile& file) {
  atelier::CppnRecipe recipe;
  try {
    recipe = atelier::import_cppn(file, {}, "fuzz");
  } catch (const atelier::InvalidArgument&) {
    return;
  }
  if (atelier::recipe_from_json(atelier::recipe_to_json(recipe, -1), "written") != recipe)
    throw std::logic_error("an imported recipe changed on its way through JSON");
}

void try_parse(const std::vector<std::byte>& bytes) {
  atelier::TensorFile file;
  try {
    file = atelier::parse_safetensors(bytes, "fuzz");
  } catch (const atelier::InvalidArgument&) {
    return;
  }
  std::size_t total = 0;
  for (const auto& [name, tensor] : file.tensors) {
    if (static_cast<std::size_t>(tensor.count()) * atelier::tensor_type_bytes(tensor.type) !=
        tensor.bytes.size())
      throw std::logic_error("a tensor's shape and bytes disagree");
    total += tensor.bytes.size();
  }
  if (total > bytes.size()) throw std::logic_error("more tensor data than the file has");
  try_import(file);
}

std::string with_length(const std::string& header, const std::string& data) {
  const std::uint64_t length = header.size();
  std::string file(sizeof length, '\0');
  std::memcpy(file.data(), &length, sizeof length);
  return file + header + data;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  try_parse({bytes, bytes + size});

  // Once more with a length that fits: the header then ends where its last closing brace stands.
  if (size < 8) return 0;
  std::vector<std::byte> fitted(bytes, bytes + size);
  const std::string_view text(reinterpret_cast<const char*>(data) + 8, size - 8);
  const std::uint64_t length = text.rfind('}') + 1;  // 0 when there is none
  std::memcpy(fitted.data(), &length, sizeof length);
  try_parse(fitted);
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  const std::string one = R"({"0.weight":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}})";
  const std::string network = R"({"__metadata__":{"torch_seed":"0","size":"4"},)"
                              R"("l.0.weight":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},)"
                              R"("l.0.bias":{"dtype":"F32","shape":[2],"data_offsets":[16,24]},)"
                              R"("l.2.weight":{"dtype":"F16","shape":[3,2],"data_offsets":[24,36]},)"
                              R"("rgb":{"dtype":"U8","shape":[4],"data_offsets":[36,40]}})";
  const std::string types =
      R"({"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},"b":{"dtype":"BF16","shape":[],"data_offsets":[8,10]},)"
      R"("c":{"dtype":"I64","shape":[0,7],"data_offsets":[10,10]},"d":{"dtype":"BOOL","shape":[2],"data_offsets":[10,12]}}  )";
  return {with_length("{}", ""), with_length(one, std::string(8, '?')),
          with_length(network, std::string(40, '<')), with_length(types, std::string(12, '\1')),
          with_length(one, std::string(8, '\xFF'))};
}
