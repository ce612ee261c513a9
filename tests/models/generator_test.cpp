// The generator of a checkpoint, against double precision.
#include "models/generator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "kernels/noise.h"
#include "models/picture_grid.h"
#include "runtime/buffer.h"
#include "runtime/error.h"
#include "tests/devices.h"
#include "tests/models/generator_checkpoint.h"
#include "tests/models/reference_network.h"

namespace atelier {
namespace {

using ::testing::ElementsAre;
using testing::generator_checkpoint;
using ::testing::HasSubstr;
using testing::ReferenceNetwork;
using ::testing::StartsWith;
using testing::WorstError;

const char* const kNetwork = "5 linear(17) leaky_relu(0.02) layer_norm linear(12) sigmoid";

class GeneratorOnDevice : public ::testing::TestWithParam<Device> {};

TEST_P(GeneratorOnDevice, DrawsWhatTheNetworkOfTheCheckpointGives) {
  Stream stream(GetParam());
  TensorFile file = generator_checkpoint(kNetwork, 4, 3, "average.");
  // Another network beside it, which must not be taken.
  for (const auto& [name, tensor] : generator_checkpoint(kNetwork, 4, 3, "generator.", 2).tensors)
    file.tensors[name] = tensor;
  Generator generator(stream, file, "run");
  EXPECT_EQ(generator.latent(), 5);
  EXPECT_EQ(generator.width(), 4);
  EXPECT_EQ(generator.height(), 3);
  EXPECT_EQ(generator.data_set(), "digits");
  const std::vector<float> latents = generator.latents(300, 7);
  const std::vector<float> outputs = generator.outputs(stream, latents);
  ReferenceNetwork reference(network_from_text(kNetwork));
  for (const auto& [name, tensor] : file.tensors)
    if (name.rfind("average.", 0) == 0) reference.set(name.substr(8), tensor.to_double());
  reference.set_input(300, std::vector<double>(latents.begin(), latents.end()));
  const std::vector<double> expected = reference.forward();
  ASSERT_EQ(outputs.size(), 300U * 12U);
  ASSERT_EQ(expected.size(), outputs.size());
  WorstError worst;
  for (std::size_t i = 0; i < outputs.size(); ++i) worst.add(std::abs(outputs[i] - expected[i]));
  EXPECT_LT(worst.value(), 2e-6);
  // In any company a row gives the same bits.
  for (const std::int64_t rows : {1, 2, 127, 128, 129, 255}) {
    const std::int64_t first = 300 - rows;
    const std::vector<float> part = generator.outputs(
        stream, std::vector<float>(latents.begin() + first * 5, latents.begin() + (first + rows) * 5));
    EXPECT_EQ(part, std::vector<float>(outputs.begin() + first * 12, outputs.end())) << rows;
  }
  EXPECT_TRUE(generator.outputs(stream, {}).empty());
  EXPECT_EQ(generator.pictures(stream, {}).count, 0);
  EXPECT_THROW((void)generator.outputs(stream, std::vector<float>(6)), InvalidArgument);
}

TEST_P(GeneratorOnDevice, RoundsOutputsToBytes) {
  Stream stream(GetParam());
  TensorFile file = generator_checkpoint("1 linear(8, no bias)", 2, 4);
  file.tensors["generator.0.weight"] =
      Tensor::from_float({8, 1}, {-1.0F, 0.0F, 1.0F / 255.0F, 0.5F, 1.0F, 1.5F,
                                  std::numeric_limits<float>::quiet_NaN(), 0.4999F / 255.0F});
  Generator generator(stream, file, "run");
  const DataSet pictures = generator.pictures(stream, {1.0F, -1.0F});
  EXPECT_EQ(pictures.count, 2);
  EXPECT_EQ(pictures.width, 2);
  EXPECT_EQ(pictures.height, 4);
  EXPECT_TRUE(pictures.labels.empty());
  EXPECT_THAT(pictures.pixels, ElementsAre(0, 0, 1, 128, 255, 255, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0));
}

TEST_P(GeneratorOnDevice, LatentsAreTheSeedsNormalNumbers) {
  Stream stream(GetParam());
  const Generator generator(stream, generator_checkpoint(kNetwork, 4, 3), "run");
  const Buffer<float> numbers(stream, 100 * 5);
  fill_normal(stream, numbers.view(), PhiloxStream{9, Generator::kSampleStream});
  const std::vector<float> expected = download(stream, numbers.view());
  EXPECT_EQ(generator.latents(100, 9), expected);
  // A part is a part: 100,000 vectors may be asked for in any pieces.
  EXPECT_EQ(generator.latents(3, 9, 41), std::vector<float>(expected.begin() + 205, expected.begin() + 220));
  EXPECT_NE(generator.latents(100, 10), expected);
  EXPECT_TRUE(generator.latents(0, 9).empty());
  EXPECT_THROW((void)generator.latents(-1, 9), InvalidArgument);
  EXPECT_THROW((void)generator.latents(1, 9, std::numeric_limits<std::uint64_t>::max() / 5), InvalidArgument);
}

INSTANTIATE_TEST_SUITE_P(Devices, GeneratorOnDevice, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

TEST(Generator, RefusesWhatIsNoGenerator) {
  Stream stream{Device{}};
  const TensorFile good = generator_checkpoint(kNetwork, 4, 3);
  const auto refuses = [&](const std::function<void(TensorFile&)>& spoil, const std::string& message) {
    TensorFile file = good;
    spoil(file);
    try {
      const Generator generator(stream, file, "folder/checkpoint.safetensors");
      ADD_FAILURE() << "accepted: " << message;
    } catch (const InvalidArgument& error) {
      EXPECT_THAT(error.what(), StartsWith("folder/checkpoint.safetensors: "));
      EXPECT_THAT(error.what(), HasSubstr(message));
    }
  };
  const auto without = [](const char* key) { return [key](TensorFile& file) { file.metadata.erase(key); }; };
  const auto with = [](const char* key, const char* value) {
    return [key, value](TensorFile& file) { file.metadata[key] = value; };
  };
  refuses(without("atelier_checkpoint"), "it is not a checkpoint");
  refuses(without("generator"), "it has no \"generator\": it is not the checkpoint of a GAN on pictures");
  refuses(without("generator_prefix"), "generator_prefix");
  refuses(without("width"), "width");
  refuses(with("generator", "5 linaer(12)"), "linaer");
  refuses(with("width", "5"), "12 outputs, which are not 5 x 3 pixels");
  refuses(with("width", "-4"), "its width is \"-4\"");
  refuses(with("height", "3.0"), "its height");
  refuses(with("height", ""), "its height");
  refuses(with("width", "99999999999999999999"), "its width");
  refuses(with("generator_prefix", "average."), "average.");
  refuses([](TensorFile& file) { file.tensors.erase("generator.3.bias"); }, "hold 340 numbers");
  refuses(
      [](TensorFile& file) {
        file.tensors["generator.3.bias"] = Tensor::from_float({3, 4}, std::vector<float>(12));
      },
      "3.bias");
  // What the text promises is not allocated before the tensors are there.
  refuses([](TensorFile& file) { file.metadata["generator"] = "1048576 linear(1024) linear(12)"; },
          "parameters");
}

TEST(PictureGrid, LaysPicturesInRows) {
  DataSet pictures;
  pictures.count = 4;
  pictures.width = 2;
  pictures.height = 1;
  pictures.pixels = {10, 11, 20, 21, 30, 31, 40, 41};
  const GrayPicture grid = picture_grid(pictures, 1, 3, 2, 1, "sheet");
  EXPECT_EQ(grid.name, "sheet");
  EXPECT_EQ(grid.width, 5);
  EXPECT_EQ(grid.height, 3);
  EXPECT_THAT(grid.pixels, ElementsAre(20, 21, 64, 30, 31, 64, 64, 64, 64, 64, 40, 41, 64, 64, 64));
  const GrayPicture large = picture_grid(pictures, 0, 1, 1, 2);
  EXPECT_EQ(large.width, 4);
  EXPECT_THAT(large.pixels, ElementsAre(10, 10, 11, 11, 10, 10, 11, 11));
  EXPECT_THROW((void)picture_grid(pictures, 2, 3, 2), InvalidArgument);
  EXPECT_THROW((void)picture_grid(pictures, -1, 1, 1), InvalidArgument);
  EXPECT_THROW((void)picture_grid(pictures, 0, 0, 1), InvalidArgument);
  EXPECT_THROW((void)picture_grid(pictures, 0, 1, 0), InvalidArgument);
  EXPECT_THROW((void)picture_grid(pictures, 0, 1, 1, 0), InvalidArgument);
}

TEST(PictureGrid, WideGridsAreTwiceAsWideAsHigh) {
  EXPECT_EQ(wide_grid_columns(1), 1);
  EXPECT_EQ(wide_grid_columns(2), 2);
  EXPECT_EQ(wide_grid_columns(200), 20);
}

}  // namespace
}  // namespace atelier
