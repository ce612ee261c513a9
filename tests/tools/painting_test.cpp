// Pictures painted by the built program, and what is inside their files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "models/learner.h"
#include "models/presets.h"
#include "models/safetensors.h"
#include "tests/devices.h"
#include "tests/models/golden_files.h"
#include "tests/tools/png_pixels.h"
#include "tests/tools/process.h"
#include "tools/image/label.h"
#include "tools/image/png_reader.h"

namespace atelier::testing {
namespace {

using ::testing::HasSubstr;

Outcome run(const std::vector<std::string>& words, const Surroundings& surroundings = {}) {
  Outcome outcome = atelier(words, surroundings);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return outcome;
}

TEST(Painting, EveryDevicePaintsNearlyTheSame) {
  const TemporaryFolder folder;
  run({"render", "--seed", "7", "--size", "33x21", "--device", "cpu", "-q", "-o", folder / "cpu.png"});
  const Pixels reference = read_pixels(folder / "cpu.png");
  for (const Device device : test_devices()) {
    const std::string path = folder / (std::string(device_kind_name(device.kind())) + "_again.png");
    run({"render", "--seed", "7", "--size", "33x21", "--device", device.name(), "-q", "-o", path});
    const Pixels pixels = read_pixels(path);
    ASSERT_EQ(pixels.bytes.size(), reference.bytes.size());
    int different = 0;
    for (std::size_t i = 0; i < pixels.bytes.size(); ++i) {
      const int distance = std::abs(pixels.bytes[i] - reference.bytes[i]);
      EXPECT_LE(distance, 1);
      different += distance != 0;
    }
    EXPECT_LE(different, 11) << device.name();  // 0.5 % of 2079 values
  }
}

TEST(Painting, RecipeInsideRoundTrips) {
  const TemporaryFolder folder;
  run({"render",   "--seed",
       "11",       "--inputs",
       "x,y,r,z",  "--latent",
       "0.3",      "--widths",
       "24,12",    "--activation",
       "sin,tanh", "--center",
       "0.1,0.2",  "--span",
       "0.5",      "--rotate",
       "30",       "--color",
       "hsv",      "--size",
       "96x64",    "--device",
       "cpu",      "-q",
       "-o",       folder / "small.png"});
  // From the picture, from its recipe as a file, and from the recipe on standard input: the same larger file.
  const std::string recipe = run({"info", "--json", folder / "small.png"}).out;
  write_file(folder / "recipe.json", recipe);
  const std::vector<std::string> large{"--size", "192x128", "--device", "cpu", "-q", "-o"};
  run(with({"render", folder / "small.png"}, with(large, {folder / "a.png"})));
  run(with({"render", folder / "recipe.json"}, with(large, {folder / "b.png"})));
  run(with({"render", "-"}, with(large, {folder / "c.png"})), {.input = recipe});
  const std::string a = read_file(folder / "a.png");
  EXPECT_TRUE(a == read_file(folder / "b.png"));
  EXPECT_TRUE(a == read_file(folder / "c.png"));
  EXPECT_EQ(read_pixels(folder / "a.png").width, 192);
  // And back at the first size: the very file that it came from.
  run({"render", folder / "a.png", "--size", "96x64", "--device", "cpu", "-q", "-o", folder / "back.png"});
  EXPECT_TRUE(read_file(folder / "back.png") == read_file(folder / "small.png"));
  const Outcome summary = run({"info", folder / "small.png"});
  EXPECT_THAT(summary.out, HasSubstr("96x64, 8-bit RGB"));
  EXPECT_THAT(summary.out, HasSubstr("1 sin layer of 24 -> 1 tanh layer of 12 -> 3 sigmoid"));
  EXPECT_THAT(summary.out, HasSubstr("seed 11"));
  EXPECT_THAT(summary.out, HasSubstr("turned by 30 degrees"));
}

TEST(Painting, PresetSeedIsTheNotebookToTheLetter) {
  const auto files = golden_cppn_files();
  ASSERT_FALSE(files.empty()) << "no golden files: set ATELIER_GOLDEN";
  const TemporaryFolder folder;
  for (const auto& file : files) {
    const TensorFile golden = read_safetensors(file);
    const Tensor& expected = golden.tensors.at("rgb_u8_truncated");
    const auto& facts = golden.metadata;
    const std::string path = folder / (file.stem().string() + ".png");
    run({"render", "--preset", "seed", "--torch-seed", facts.at("torch_seed"), "--width", facts.at("width"),
         "--layers", facts.at("layers"), "--size", facts.at("size"), "--device", "cpu", "-q", "-o", path});
    const Pixels pixels = read_pixels(path);
    ASSERT_EQ(pixels.bytes.size(), expected.bytes.size()) << file;
    std::size_t different = 0;
    for (std::size_t i = 0; i < pixels.bytes.size(); ++i) {
      const int distance = std::abs(pixels.bytes[i] - static_cast<int>(expected.bytes[i]));
      EXPECT_LE(distance, 1) << file;
      different += distance != 0;
    }
    const double allowed = facts.at("layers") == "17" ? 0.005 : 0.002;
    EXPECT_LE(static_cast<double>(different), allowed * static_cast<double>(pixels.bytes.size())) << file;
  }
}

TEST(Painting, DepthsAgree) {
  const TemporaryFolder folder;
  const std::vector<std::string> words{"render", "--seed", "3", "--size", "50x40", "--device", "cpu", "-q"};
  run(with(words, {"--depth", "16", "-o", folder / "deep.png"}));
  run(with(words, {"-o", folder / "plain.png"}));
  run(with(words, {"--depth", "float", "-o", folder / "float.npy"}));
  run(with(words, {"--color", "grey", "-o", folder / "grey.png"}));
  const Pixels deep = read_pixels(folder / "deep.png");
  const Pixels plain = read_pixels(folder / "plain.png");
  EXPECT_EQ(deep.bit_depth, 16);
  EXPECT_EQ(read_pixels(folder / "grey.png").channels, 1);
  const std::string npy = read_file(folder / "float.npy");
  ASSERT_EQ(npy.size(), 128U + 50 * 40 * 3 * 4);
  WorstError error_16;
  WorstError error_8;
  for (std::size_t i = 0; i < plain.bytes.size(); ++i) {
    float value = 0;
    std::memcpy(&value, npy.data() + 128 + 4 * i, 4);
    std::uint16_t word = 0;
    std::memcpy(&word, deep.bytes.data() + 2 * i, 2);
    error_16.add(std::abs(word - 65535.0 * value));
    error_8.add(std::abs(plain.bytes[i] - 255.0 * value));
  }
  EXPECT_LE(error_16.value(), 0.51);
  EXPECT_LE(error_8.value(), 0.5001);
}

TEST(Painting, JsonTellsAll) {
  const TemporaryFolder folder;
  const Outcome outcome =
      run({"render", "--size", "64x32", "--device", "cpu", "--json", "-o", folder / "a.png"});
  const auto result = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(result.at("file"), folder / "a.png");
  EXPECT_EQ(result.at("width"), 64);
  EXPECT_EQ(result.at("height"), 32);
  EXPECT_GT(result.at("seconds").get<double>(), 0);
  EXPECT_GT(result.at("megapixels_per_second").get<double>(), 0);
  EXPECT_EQ(result.at("device"), "cpu");
  EXPECT_FALSE(result.at("kernel").get<std::string>().empty());
  EXPECT_TRUE(result.at("seed_drawn").get<bool>());
  // The drawn seed paints the same picture again.
  run({"render", "--seed", std::to_string(result.at("seed").get<std::uint64_t>()), "--size", "64x32",
       "--device", "cpu", "-q", "-o", folder / "b.png"});
  EXPECT_TRUE(read_file(folder / "a.png") == read_file(folder / "b.png"));
}

TEST(Painting, ImportedNetworkPaintsAsItsSeedDoes) {
  const auto files = golden_cppn_files();
  ASSERT_FALSE(files.empty());
  const auto with_weights = std::find_if(files.begin(), files.end(), [](const auto& file) {
    return read_safetensors(file).tensors.count("layers.0.weight") == 1;
  });
  ASSERT_NE(with_weights, files.end());
  const auto facts = read_safetensors(*with_weights).metadata;
  const TemporaryFolder folder;
  run({"import", with_weights->string(), "-q", "-o", folder / "net.json"});
  run({"render", folder / "net.json", "--size", facts.at("size"), "--coordinates", "seed", "--truncate",
       "--device", "cpu", "-q", "-o", folder / "net.png"});
  const Pixels pixels = read_pixels(folder / "net.png");
  const Tensor expected = read_safetensors(*with_weights).tensors.at("rgb_u8_truncated");
  ASSERT_EQ(pixels.bytes.size(), expected.bytes.size());
  WorstError error;
  for (std::size_t i = 0; i < pixels.bytes.size(); ++i)
    error.add(std::abs(pixels.bytes[i] - static_cast<int>(expected.bytes[i])));
  EXPECT_LE(error.value(), 1);
}

TEST(Sheet, CellsAreThePicturesAndLabelsAreThere) {
  const TemporaryFolder folder;
  run({"sheet", "--seeds", "3..7", "--cell", "64", "--columns", "3", "--device", "cpu", "-q", "-o",
       folder / "sheet.png"});
  const Pixels sheet = read_pixels(folder / "sheet.png");
  const int gap = 4;
  ASSERT_EQ(sheet.width, gap + 3 * (64 + gap));
  const std::int64_t row_height = (sheet.height - gap) / 2;
  ASSERT_GE(row_height, gap + 64);
  for (int cell = 0; cell < 5; ++cell) {
    const std::string path = folder / (std::to_string(cell) + ".png");
    run({"render", "--seed", std::to_string(3 + cell), "--size", "64", "--device", "cpu", "-q", "-o", path});
    const Pixels picture = read_pixels(path);
    const std::int64_t left = gap + cell % 3 * (64 + gap);
    const std::int64_t top = gap + cell / 3 * row_height;
    for (std::int64_t y = 0; y < 64; ++y)
      ASSERT_EQ(std::memcmp(sheet.at(left, top + y), picture.at(0, y), 64 * 3), 0) << cell << " row " << y;
    if (!tools::LabelFont::find()) continue;
    int bright = 0;
    for (std::int64_t y = 64; y < row_height - gap; ++y)
      for (std::int64_t x = 0; x < 64; ++x) bright += *sheet.at(left + x, top + y) > 150;
    EXPECT_GT(bright, 5) << cell;
  }
  // The sixth place is empty: paper only.
  for (std::int64_t y = 0; y < 64; ++y) EXPECT_EQ(*sheet.at(gap + 2 * (64 + gap), gap + row_height + y), 24);
  const auto document = nlohmann::json::parse(run({"info", "--json", folder / "sheet.png"}).out);
  EXPECT_THAT(document.at("command").get<std::string>(), HasSubstr("atelier render --seed SEED"));
  EXPECT_EQ(document.at("seeds"), nlohmann::json({3, 4, 5, 6, 7}));
}

TEST(Sheet, WithoutFontWarnsOnceAndPaints) {
  const TemporaryFolder folder;
  const Outcome outcome =
      run({"sheet", "--seeds", "0..3", "--cell", "32", "--device", "cpu", "-o", folder / "a.png"},
          {.environment = {{"ATELIER_FONT", folder / "none.ttf"}}});
  EXPECT_EQ(outcome.error_lines(), 1) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("which is no file: the sheet has no labels"));
  EXPECT_EQ(read_pixels(folder / "a.png").width, 3 + 2 * 35);
}

TEST(Experiments, ListsAndPaintsEveryPreset) {
  const TemporaryFolder folder;
  const std::string text = run({"experiments"}).out;
  const auto document = nlohmann::json::parse(run({"experiments", "--json"}).out);
  ASSERT_EQ(document.size(), cppn_presets().size() + training_presets().size());
  for (std::size_t i = 0; i < training_presets().size(); ++i) {
    const auto& entry = document[cppn_presets().size() + i];
    EXPECT_THAT(text, HasSubstr(training_presets()[i].name + " "));
    EXPECT_EQ(entry.at("name"), training_presets()[i].name);
    EXPECT_EQ(entry.at("verb"), "train");
  }
  for (std::size_t i = 0; i < cppn_presets().size(); ++i) {
    EXPECT_THAT(text, HasSubstr(std::string(cppn_presets()[i].name) + " "));
    EXPECT_THAT(text, HasSubstr(std::string(cppn_presets()[i].summary)));
    EXPECT_EQ(document[i].at("name"), cppn_presets()[i].name);
  }
  run({"experiments", "--paint", "--cell", "48", "--device", "cpu", "-q"}, {.folder = folder.path()});
  const auto sheet = nlohmann::json::parse(run({"info", "--json", folder / "experiments.png"}).out);
  EXPECT_EQ(sheet.at("presets").size(), cppn_presets().size());
  EXPECT_GT(read_pixels(folder / "experiments.png").width, 48 * 4);
}

TEST(Devices, ListsThemWithTheirKernels) {
  const std::string text = run({"devices", "-v"}).out;
  const auto document = nlohmann::json::parse(run({"devices", "-v", "--json"}).out);
  ASSERT_EQ(document.at("devices").size(), devices_present().size());
  for (std::size_t i = 0; i < devices_present().size(); ++i) {
    const auto& entry = document.at("devices")[i];
    EXPECT_EQ(entry.at("name"), devices_present()[i].name());
    EXPECT_EQ(entry.at("cppn_kernels").size(), 12U);
    EXPECT_THAT(text, HasSubstr(devices_present()[i].name()));
  }
  if (cuda_device_count() == 0) {
    EXPECT_THAT(text, HasSubstr(cuda_unavailable_reason()));
  }
}

}  // namespace
}  // namespace atelier::testing
