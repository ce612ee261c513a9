#include "models/import_cppn.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace atelier {
namespace {

Tensor filled(std::vector<std::int64_t> shape, float value = 0.5F) {
  Tensor tensor{TensorType::f32, shape, {}};
  return Tensor::from_float(shape, std::vector<float>(static_cast<std::size_t>(tensor.count()), value));
}

/// 2 - 4 with bias - 4 - 3.
TensorFile plain() {
  TensorFile file;
  file.tensors["net.0.weight"] = filled({4, 2}, 1);
  file.tensors["net.0.bias"] = filled({4}, 2);
  file.tensors["net.2.weight"] = filled({4, 4}, 3);
  file.tensors["net.10.weight"] = filled({3, 4}, 4);
  return file;
}

TEST(ImportCppn, OrdersLayersByNumberAndKeepsTheirParts) {
  const CppnRecipe recipe = import_cppn(plain(), {}, "folder/plain.safetensors");
  ASSERT_EQ(recipe.topology.layers.size(), 3U);
  EXPECT_EQ(recipe.topology.layers[0], (CppnTopology::Layer{4, {Activation::tanh}, true}));
  EXPECT_EQ(recipe.topology.layers[1], (CppnTopology::Layer{4, {Activation::tanh}, false}));
  EXPECT_EQ(recipe.topology.layers[2], (CppnTopology::Layer{3, {Activation::sigmoid}, false}));
  std::vector<float> expected(8, 1);
  expected.insert(expected.end(), 4, 2);
  expected.insert(expected.end(), 16, 3);
  expected.insert(expected.end(), 12, 4);
  EXPECT_EQ(recipe.parameters, expected);
  EXPECT_EQ(recipe.name, "plain");
  EXPECT_FALSE(recipe.origin.has_value());
  EXPECT_EQ(recipe.coordinates, RecipeCoordinates{});
  EXPECT_EQ(recipe.topology.inputs, (std::vector<CppnInput>{CppnInput::x, CppnInput::y}));
  EXPECT_EQ(recipe_from_json(recipe_to_json(recipe), "memory"), recipe);
}

TEST(ImportCppn, FillsInputsInTheAgreedOrder) {
  using enum CppnInput;
  const std::vector<std::vector<CppnInput>> expected{{x},
                                                     {x, y},
                                                     {x, y, radius},
                                                     {x, y, radius, one},
                                                     {x, y, radius, one, latent},
                                                     {x, y, radius, one, latent, latent}};
  for (std::size_t inputs = 1; inputs <= expected.size(); ++inputs) {
    TensorFile file;
    file.tensors["0.weight"] = filled({3, static_cast<std::int64_t>(inputs)});
    const CppnRecipe recipe = import_cppn(file, {}, "file");
    EXPECT_EQ(recipe.topology.inputs, expected[inputs - 1]);
    EXPECT_EQ(recipe.latent.size(), static_cast<std::size_t>(recipe.topology.latent_size()));
  }
}

TEST(ImportCppn, TakesActivationsAndInputsFromTheOptions) {
  ImportOptions options;
  options.hidden = {Activation::sin};
  options.output = {Activation::gaussian};
  options.inputs = {CppnInput::y, CppnInput::radius};
  const CppnRecipe recipe = import_cppn(plain(), options, "file");
  EXPECT_EQ(recipe.topology.layers[1].activation.kind, Activation::sin);
  EXPECT_EQ(recipe.topology.layers[2].activation.kind, Activation::gaussian);
  EXPECT_EQ(recipe.topology.inputs, options.inputs);
  options.inputs.push_back(CppnInput::one);
  EXPECT_THROW(static_cast<void>(import_cppn(plain(), options, "file")), InvalidArgument);
}

TEST(ImportCppn, TorchSeedInTheMetadataMeansTheSeedsPicture) {
  TensorFile file = plain();
  file.metadata = {{"torch_seed", "0"}, {"size", "33"}};
  const CppnRecipe recipe = import_cppn(file, {}, "file");
  EXPECT_EQ(recipe.coordinates.convention, CoordinateConvention::seed);
  EXPECT_EQ(recipe.sample, CppnSample::u8_truncate);
  EXPECT_EQ(recipe.width, 33);
  for (const char* size : {"", "-3", "0", "99999999999999999999", "12x"}) {
    file.metadata["size"] = size;
    EXPECT_EQ(import_cppn(file, {}, "file").height, 128) << size;
  }
}

TEST(ImportCppn, ReadsOtherNumberTypes) {
  TensorFile file;
  file.tensors["fc1.weight"] = Tensor{TensorType::bf16, {1, 1}, {std::byte{0x80}, std::byte{0x3F}}};
  EXPECT_EQ(import_cppn(file, {}, "file").parameters, (std::vector<float>{1}));
}

TEST(ImportCppn, RefusesWhatIsNotAStackOfLayers) {
  const auto refused = [](const char* says, auto change) {
    TensorFile file = plain();
    change(file.tensors);
    try {
      static_cast<void>(import_cppn(file, {}, "evil.safetensors"));
      ADD_FAILURE() << says << ": accepted";
    } catch (const InvalidArgument& error) {
      const std::string message = error.what();
      EXPECT_TRUE(message.starts_with("evil.safetensors: ")) << message;
      EXPECT_NE(message.find(says), std::string::npos) << message;
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    }
  };
  refused("no layers", [](auto& t) { t.clear(); });
  refused("no layers", [](auto& t) { t = {{"rgb", filled({2})}}; });
  refused("layer number", [](auto& t) { t["head.weight"] = filled({3, 3}); });
  refused("layer number", [](auto& t) { t["net.99999999999999999999999.weight"] = filled({3, 3}); });
  refused("two networks", [](auto& t) { t["other.0.weight"] = filled({3, 3}); });
  refused("twice", [](auto& t) { t["net.00.weight"] = filled({4, 2}); });
  refused("no weight", [](auto& t) { t["net.4.bias"] = filled({3}); });
  refused("[out, in]", [](auto& t) { t["net.2.weight"] = filled({4, 4, 1}); });
  refused("[out, in]", [](auto& t) { t["net.2.weight"] = filled({16}); });
  refused("between 1 and", [](auto& t) { t["net.2.weight"] = filled({0, 4}); });
  refused("between 1 and", [](auto& t) { t["net.2.weight"] = filled({1025, 4}); });
  refused("takes 5 inputs", [](auto& t) { t["net.2.weight"] = filled({4, 5}); });
  refused("takes 4 inputs, but the layer before gives 5", [](auto& t) {
    t["net.2.weight"] = filled({5, 4});
  });
  refused("bias of shape [3]", [](auto& t) { t["net.0.bias"] = filled({3}); });
  refused("bias of shape [4, 1]", [](auto& t) { t["net.0.bias"] = filled({4, 1}); });
  refused("at most 256", [](auto& t) { t["net.0.weight"] = filled({4, 257}); });
  refused("2", [](auto& t) { t["net.10.weight"] = filled({2, 4}); });
  refused("NaN", [](auto& t) { t["net.2.weight"] = filled({4, 4}, std::nanf("")); });
  refused("NaN", [](auto& t) { t["net.0.bias"] = filled({4}, std::numeric_limits<float>::infinity()); });
  refused("floating-point", [](auto& t) {
    t["net.0.bias"] = Tensor{TensorType::i64, {4}, std::vector<std::byte>(32)};
  });
  refused("256", [](auto& t) {
    for (int i = 11; i < 300; ++i) t["net." + std::to_string(i) + ".weight"] = filled({3, 3});
    t["net.11.weight"] = filled({3, 3});
  });
}

}  // namespace
}  // namespace atelier
