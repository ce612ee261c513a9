#include "models/learners/checkpoint.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "kernels/noise.h"
#include "models/learners/step_loop.h"
#include "models/network.h"
#include "models/safetensors.h"
#include "runtime/parallel.h"
#include "tests/devices.h"
#include "tests/models/test_folder.h"

namespace atelier {
namespace {

using testing::TestFolder;

std::string complaint(const std::function<void()>& call) {
  try {
    call();
  } catch (const InvalidArgument& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TrainingConfig config_of_test() {
  TrainingConfig config;
  config.preset = "nodes-gan";
  config.seed = 11;
  return resolve_training(config);
}

std::string bytes_of_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string bytes_of(const TensorFile& file) {
  const TestFolder folder;
  write_safetensors(folder.path() / "checkpoint.safetensors", file);
  return bytes_of_file(folder.path() / "checkpoint.safetensors");
}

/// A run as learners make them: noise keyed by the iteration, a network, Adam, losses in blocks.
class SmallRun {
 public:
  explicit SmallRun(Stream& stream, std::uint64_t seed = 1, const std::string& network = kNetwork,
                    std::int64_t batch = 3)
      : stream_(stream),
        network_(stream, network_from_text(network), seed),
        optimizer_(stream, network_, {.kind = OptimizerKind::adam, .learning_rate = 0.01}),
        pass_(stream, network_, batch, Pass::Purpose::training),
        input_(stream, batch * network_.description().inputs),
        loop_(stream, 1, 24) {
    loop_.capture([this, batch](Stream& on) {
      fill_normal(on, input_.view(), {7, 3}, loop_.counter(static_cast<std::uint64_t>(input_.size())));
      pass_.forward(on, input_.matrix(batch, network_.description().inputs));
      pass_.loss(on, Loss::bce, {{}, 0.75F}, loop_.loss(0));
      pass_.backward_and_step(on, optimizer_, loop_.counter(1, 1));
    });
  }
  void train(std::int64_t count) {
    const std::vector<float> losses = loop_.run(count);
    losses_.insert(losses_.end(), losses.begin(), losses.end());
  }
  [[nodiscard]] const std::vector<float>& losses() const { return losses_; }
  [[nodiscard]] TensorFile checkpoint() {
    TensorFile file = detail::begin_checkpoint(config_of_test(), loop_.iteration());
    network_.save(stream_, file, "network.");
    optimizer_.save(stream_, network_, file, "optimizer.");
    return file;
  }
  void restore(const TensorFile& file) {
    const std::int64_t iteration = detail::open_checkpoint(file, config_of_test(), 300);
    network_.load(stream_, file, "network.");
    optimizer_.load(stream_, network_, file, "optimizer.");
    loop_.set_iteration(iteration);
  }

 private:
  static constexpr const char* kNetwork = "8 linear(20) leaky_relu(0.2) layer_norm linear(3) sigmoid";
  Stream& stream_;
  Network network_;
  Optimizer optimizer_;
  Pass pass_;
  Buffer<float> input_;
  detail::StepLoop loop_;
  std::vector<float> losses_;
};

class Checkpoint : public ::testing::TestWithParam<Device> {};

TEST_P(Checkpoint, ResumedRunsEndInTheSameBytes) {
  Stream stream(GetParam());
  SmallRun whole(stream);
  whole.train(90);
  const std::string expected = bytes_of(whole.checkpoint());
  EXPECT_TRUE(bytes_of(whole.checkpoint()) == expected) << "saving twice";
  ASSERT_EQ(whole.losses().size(), 90U);

  for (const std::int64_t cut : {1, 16, 24, 37, 89}) {
    SmallRun first(stream);
    first.train(cut);
    const TestFolder folder;
    write_safetensors(folder.path() / "checkpoint.safetensors", first.checkpoint());
    SmallRun second(stream, 2);  // other parameters until restored
    second.train(5);
    second.restore(read_safetensors(folder.path() / "checkpoint.safetensors"));
    second.train(90 - cut);
    EXPECT_TRUE(bytes_of(second.checkpoint()) == expected) << "cut after " << cut;
    EXPECT_EQ(std::vector<float>(second.losses().begin() + 5, second.losses().end()),
              std::vector<float>(whole.losses().begin() + cut, whole.losses().end()));
  }
}

TEST_P(Checkpoint, BytesDoNotDependOnThreadsOrCuts) {
  const bool fast = GetParam().kind() != DeviceKind::simt;
  const std::string wide = "300 linear(700) leaky_relu(0.2) layer_norm linear(500) gelu linear(5) sigmoid";
  const std::string narrow = "20 linear(30) leaky_relu(0.2) layer_norm linear(5) sigmoid";
  for (const std::int64_t batch : {1, 96}) {
    std::string expected;
    for (const int threads : {1, 2, 3}) {
      set_cpu_threads(threads);
      Stream stream(GetParam());
      SmallRun run(stream, 1, fast ? wide : narrow, batch);
      for (const std::int64_t count : {1, 5 * threads, 0, 17 - 5 * threads}) run.train(count);
      const std::string bytes = bytes_of(run.checkpoint());
      if (expected.empty()) expected = bytes;
      EXPECT_TRUE(bytes == expected) << threads << " threads, batch " << batch;
    }
  }
  set_cpu_threads(0);
}

TEST_P(Checkpoint, BlocksComeBackToTheBit) {
  Stream stream(GetParam());
  TensorFile file;
  const std::vector<float> floats{0.0F, -0.0F, std::numeric_limits<float>::denorm_min(),
                                  std::numeric_limits<float>::quiet_NaN(), -1e38F};
  const std::vector<std::uint64_t> counts{0, std::numeric_limits<std::uint64_t>::max(), 7};
  Buffer<float> a(stream, 5);
  Buffer<std::uint64_t> b(stream, 3);
  Buffer<std::int32_t> empty(stream, 0);
  upload<float>(stream, a.view(), floats);
  upload<std::uint64_t>(stream, b.view(), counts);
  detail::save_block(stream, file, "a", a.view());
  detail::save_block(stream, file, "b", b.view());
  detail::save_block(stream, file, "empty", empty.view());
  detail::save_count(file, "c", std::numeric_limits<std::uint64_t>::max());
  const TestFolder folder;
  write_safetensors(folder.path() / "blocks.safetensors", file);
  const TensorFile read = read_safetensors(folder.path() / "blocks.safetensors");
  fill_bytes(stream, a.data(), 0x55, 20);
  fill_bytes(stream, b.data(), 0x55, 24);
  detail::load_block(stream, read, "a", a.view());
  detail::load_block(stream, read, "b", b.view());
  detail::load_block(stream, read, "empty", empty.view());
  const std::vector<float> got = download(stream, a.view());
  EXPECT_EQ(std::memcmp(got.data(), floats.data(), 20), 0);
  EXPECT_EQ(download(stream, b.view()), counts);
  EXPECT_EQ(detail::load_count(read, "c"), std::numeric_limits<std::uint64_t>::max());

  EXPECT_EQ(complaint([&] { detail::load_block(stream, read, "d", a.view()); }),
            "checkpoint: it has no tensor \"d\", which must be [5]");
  EXPECT_EQ(complaint([&] { detail::load_block(stream, read, "b", a.view()); }),
            "checkpoint: tensor \"b\" is [3] of 8 bytes an element; it must be [5] of 4");
  EXPECT_TRUE(
      complaint([&] { (void)detail::load_count(read, "a"); }).starts_with("checkpoint: tensor \"a\""));
}

// ---------------------------------------------------------------------------------------- parameters as
// files

TEST_P(Checkpoint, NetworksComeBackUnderTheNamesOfAStateDict) {
  Stream stream(GetParam());
  const NetworkDescription description =
      network_from_text("5 linear(4) tanh layer_norm(0.1) layer_norm(0.1, not affine) linear(2, no bias)");
  const Network network(stream, description, 1);
  TensorFile file;
  network.save(stream, file, "");
  std::vector<std::string> names;
  for (const auto& [name, tensor] : file.tensors) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"0.bias", "0.weight", "2.bias", "2.weight", "4.weight"}));
  EXPECT_EQ(file.tensors.at("0.weight").shape, (std::vector<std::int64_t>{4, 5}));
  EXPECT_EQ(file.tensors.at("4.weight").shape, (std::vector<std::int64_t>{2, 4}));
  EXPECT_EQ(file.tensors.at("0.weight").to_float(), download(stream, network.weight(0)));

  Network other(stream, description, 2);
  other.load(stream, file, "");
  EXPECT_EQ(download(stream, other.block()), download(stream, network.block()));
}

TEST_P(Checkpoint, LoadingIsAllOrNothing) {
  Stream stream(GetParam());
  const NetworkDescription description = network_from_text("5 linear(4) tanh layer_norm linear(2)");
  const Network network(stream, description, 1);
  TensorFile good;
  network.save(stream, good, "D.");
  Network victim(stream, description, 2);
  Optimizer optimizer(stream, victim, {.kind = OptimizerKind::adam});
  TensorFile moments;
  optimizer.save(stream, victim, moments, "o.");
  const std::vector<float> before = download(stream, victim.block());
  const auto refused = [&](const std::function<void(TensorFile&)>& damage) {
    TensorFile file = good;
    damage(file);
    const std::string message = complaint([&] { victim.load(stream, file, "D."); });
    EXPECT_EQ(download(stream, victim.block()), before) << message;
    return message;
  };
  EXPECT_EQ(refused([](TensorFile& file) { file.tensors.erase("D.3.bias"); }),
            "network: the file has no tensor \"D.3.bias\", which must be [2]");
  EXPECT_EQ(refused([](TensorFile& file) {
              file.tensors["D.3.weight"].shape = {4, 2};
            }),
            "network: tensor \"D.3.weight\" is [4, 2] in the file; it must be [2, 4]");
  EXPECT_EQ(refused([](TensorFile& file) {
              file.tensors["D.3.bias"] = {TensorType::i64, {2}, std::vector<std::byte>(16)};
            }),
            "network: tensor \"D.3.bias\" does not hold real numbers in the file; F32 is needed");
  EXPECT_EQ(complaint([&] { victim.load(stream, good, "G."); }),
            "network: the file has no tensor \"G.0.weight\", which must be [4, 5]");

  const auto moment_refused = [&](const std::function<void(TensorFile&)>& damage) {
    TensorFile file = moments;
    damage(file);
    return complaint([&] { optimizer.load(stream, victim, file, "o."); });
  };
  EXPECT_EQ(moment_refused([](TensorFile& file) { file.tensors.erase("o.learning_rate"); }),
            "optimizer: the file has no tensor \"o.learning_rate\", which must be F32 [1]");
  EXPECT_EQ(moment_refused([](TensorFile& file) { file.tensors.erase("o.second_moment.2.weight"); }),
            "optimizer: the file has no tensor \"o.second_moment.2.weight\", which must be F32 [4]");
  EXPECT_EQ(moment_refused([](TensorFile& file) {
              file.tensors["o.first_moment.0.bias"] = {TensorType::f64, {4}, std::vector<std::byte>(32)};
            }),
            "optimizer: tensor \"o.first_moment.0.bias\" in the file is not F32 [4]");
  EXPECT_EQ(moment_refused([](TensorFile& file) {
              file.tensors["o.learning_rate"] =
                  Tensor::from_float({1}, {std::numeric_limits<float>::quiet_NaN()});
            }),
            "optimizer: the learning rate is nan; it must be a number >= 0 that fp32 holds");
}

TEST_P(Checkpoint, LearningRateAndMomentsComeBack) {
  Stream stream(GetParam());
  SmallRun run(stream);
  run.train(3);
  const TensorFile file = run.checkpoint();
  for (const char* name : {"optimizer.first_moment.0.weight", "optimizer.second_moment.2.bias"}) {
    double largest = 0;
    for (const float value : file.tensors.at(name).to_float())
      largest = std::max(largest, std::abs(static_cast<double>(value)));
    EXPECT_GT(largest, 0) << name;
  }
  Network network(stream, network_from_text("2 linear(1)"), 0);
  Optimizer first(stream, network, {.learning_rate = 0.5});
  first.set_learning_rate(stream, 0.25);
  TensorFile saved;
  first.save(stream, network, saved, "");
  EXPECT_EQ(saved.tensors.size(), 1U);
  Optimizer second(stream, network, {.learning_rate = 0.5});
  second.load(stream, network, saved, "");
  EXPECT_EQ(download(stream, VectorView<const float>{second.learning_rate(), 1}), std::vector<float>{0.25F});
}

INSTANTIATE_TEST_SUITE_P(Devices, Checkpoint, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

// ------------------------------------------------------------------------------------------------- metadata

TEST(CheckpointMetadata, NamesTheRun) {
  const TensorFile file = detail::begin_checkpoint(config_of_test(), 12);
  EXPECT_EQ(file.metadata.at("atelier_checkpoint"), "1");
  EXPECT_FALSE(file.metadata.at("atelier").empty());
  EXPECT_EQ(training_config_from_json(file.metadata.at("config"), "test"), config_of_test());
  EXPECT_EQ(detail::open_checkpoint(file, config_of_test(), 300), 12);
}

TEST(CheckpointMetadata, ALongerRunMayGoOnFromAShorterOne) {
  const TensorFile file = detail::begin_checkpoint(config_of_test(), 12);
  TrainingConfig longer = config_of_test();
  longer.iterations = 1000;
  EXPECT_EQ(detail::open_checkpoint(file, longer, 1000), 12);
}

TEST(CheckpointMetadata, RefusesOtherRuns) {
  const TensorFile good = detail::begin_checkpoint(config_of_test(), 12);
  const auto refused = [&](const std::function<void(TensorFile&, TrainingConfig&)>& change) {
    TensorFile file = good;
    TrainingConfig config = config_of_test();
    change(file, config);
    return complaint([&] { (void)detail::open_checkpoint(file, config, 300); });
  };
  EXPECT_EQ(refused([](TensorFile& file, TrainingConfig&) { file.metadata.erase("atelier_checkpoint"); }),
            "checkpoint: the file has no \"atelier_checkpoint\": it is not a checkpoint");
  EXPECT_EQ(refused([](TensorFile& file, TrainingConfig&) { file.metadata["atelier_checkpoint"] = "2"; }),
            "checkpoint: it is of version \"2\"; this program reads version 1");
  EXPECT_TRUE(refused([](TensorFile& file, TrainingConfig&) {
                file.metadata.erase("config");
              }).starts_with("checkpoint config: "));
  EXPECT_TRUE(refused([](TensorFile& file, TrainingConfig&) {
                file.metadata["config"] = std::string(100000, '[');
              }).starts_with("checkpoint config: "));
  EXPECT_EQ(refused([](TensorFile& file, TrainingConfig&) { file.tensors.clear(); }),
            "checkpoint: it has no tensor \"iteration\", which must be [1]");
  EXPECT_EQ(refused([](TensorFile& file, TrainingConfig&) { detail::save_count(file, "iteration", 301); }),
            "checkpoint: it was taken after 301 iterations, the run has 300");
  EXPECT_TRUE(refused([](TensorFile& file, TrainingConfig&) {
                detail::save_count(file, "iteration", std::numeric_limits<std::uint64_t>::max());
              }).starts_with("checkpoint: it was taken after 18446744073709551615 iterations"));
  const auto differs = [&](const char* option, const std::function<void(TrainingConfig&)>& change) {
    EXPECT_TRUE(refused([&](TensorFile&, TrainingConfig& config) {
                  change(config);
                }).starts_with(std::string("checkpoint: it is of another run: its \"").append(option)))
        << option;
  };
  differs("preset", [](TrainingConfig& config) { config.preset = "nodes-discriminator"; });
  differs("seed", [](TrainingConfig& config) { config.seed = 12; });
  differs("torch_seed", [](TrainingConfig& config) { config.torch_seed = 1; });
  differs("data_set", [](TrainingConfig& config) { config.data_set = "mnist"; });
  differs("limit", [](TrainingConfig& config) { config.limit = 5; });
  differs("batch", [](TrainingConfig& config) { config.batch = 5; });
  differs("learning_rate", [](TrainingConfig& config) { config.learning_rate = 0.5; });
  differs("shuffle", [](TrainingConfig& config) { config.shuffle = true; });
}

}  // namespace
}  // namespace atelier
