// PyTorch's own training runs (golden files: initial weights, inputs, the loss of every iteration, final
// weights), repeated step by step.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "kernels/batch_one_gan.h"
#include "models/learners/gan_config.h"
#include "models/learners/loss_history.h"
#include "models/network.h"
#include "models/safetensors.h"
#include "models/torch_generator.h"
#include "runtime/buffer.h"
#include "runtime/graph.h"
#include "runtime/instruction_set.h"
#include "tests/devices.h"
#include "tests/models/golden_files.h"

namespace atelier {
namespace {

using testing::WorstError;

/// How a run is made: on what, and by which of the two ways to update parameters.
struct Way {
  Device device;
  std::optional<InstructionSet> set;  // cpu
  bool fused = true;                  // backward_and_step, else backward and step
};

std::vector<Way> ways() {
  std::vector<Way> list;
  for (const Device device : testing::test_devices())
    for (const bool fused : {true, false}) {
      if (device.kind() != DeviceKind::cpu) {
        list.push_back({device, std::nullopt, fused});
        continue;
      }
      for (const InstructionSet set : instruction_sets_present()) list.push_back({device, set, fused});
    }
  return list;
}

std::string way_name(const ::testing::TestParamInfo<Way>& info) {
  std::string name = info.param.device.name();
  for (char& letter : name)
    if (letter == ':') letter = '_';
  if (info.param.set) name.append("_").append(instruction_set_name(*info.param.set));
  return name + (info.param.fused ? "_fused" : "_plain");
}

std::vector<double> numbers(const TensorFile& file, const std::string& name) {
  return file.tensors.at(name).to_double();
}

/// Rows of inputs on the device, and a place of fixed address that each iteration's row is copied to.
class Rows {
 public:
  Rows(Stream& stream, const Tensor& tensor, float divisor = 1.0F)
      : columns_(tensor.shape.at(1)), rows_(stream, tensor.count()), current_(stream, columns_) {
    std::vector<float> values = tensor.to_float();
    for (float& value : values) value /= divisor;
    upload<float>(stream, rows_.view(), values);
  }
  void select(Stream& stream, std::int64_t row) const {
    copy<float>(stream, current_.view(), rows_.view().part(row * columns_, columns_));
  }
  [[nodiscard]] MatrixView<const float> view() const { return current_.matrix(1, columns_); }

 private:
  std::int64_t columns_;
  Buffer<float> rows_;
  Buffer<float> current_;
};

/// A network under training, whose parameters come from torch.manual_seed.
struct Trainee {
  Network network;
  Optimizer optimizer;
  Pass pass;
  Trainee(Stream& stream, const std::string& text, OptimizerDescription description,
          TorchGenerator& generator)
      : network(stream, network_from_text(text), 0),
        optimizer(stream, network, description),
        pass(stream, network, 1, Pass::Purpose::training) {
    initialise_as_torch(stream, network, generator);
  }
  void update(Stream& stream, const Way& way, DeviceCounter step) {
    if (way.fused) {
      pass.backward_and_step(stream, optimizer, step);
    } else {
      pass.backward(stream, true);
      pass.step(stream, optimizer, step);
    }
  }
};

void expect_initial(Stream& stream, const Network& network, const TensorFile& file,
                    const std::string& prefix) {
  TensorFile drawn;
  network.save(stream, drawn, prefix);
  ASSERT_FALSE(drawn.tensors.empty());
  for (const auto& [name, tensor] : drawn.tensors) {
    ASSERT_TRUE(file.tensors.contains(name)) << name;
    EXPECT_TRUE(tensor.bytes == file.tensors.at(name).bytes)
        << name << " is not what torch.manual_seed gives";
  }
}

void expect_final(Stream& stream, const Network& network, const TensorFile& file, const std::string& prefix) {
  TensorFile trained;
  network.save(stream, trained, prefix);
  for (const auto& [name, tensor] : trained.tensors) {
    const std::vector<double> got = tensor.to_double();
    const std::vector<double> expected = numbers(file, std::string("after.").append(name));
    ASSERT_EQ(got.size(), expected.size());
    WorstError worst;
    for (std::size_t i = 0; i < got.size(); ++i) worst.add(std::abs(got[i] - expected[i]));
    EXPECT_LE(worst.value(), 1e-6) << name;
  }
}

void expect_losses(const std::vector<float>& got, const std::vector<double>& expected, double tolerance) {
  ASSERT_EQ(got.size(), expected.size());
  WorstError worst;
  for (std::size_t i = 0; i < got.size(); ++i)
    worst.add(std::abs(static_cast<double>(got[i]) - expected[i]) / std::abs(expected[i]));
  EXPECT_LE(worst.value(), tolerance);
}

/// Captures a step and replays it `iterations` times, each after select(i). Returns the losses.
template <class Select, class Step>
std::vector<float> replay(Stream& stream, detail::LossHistory& history, std::int64_t iterations,
                          const Select& select, const Step& step) {
  stream.begin_capture();
  step();
  history.finish(stream);
  const Graph graph = stream.end_capture();
  for (std::int64_t i = 0; i < iterations; ++i) {
    select(i);
    graph.launch(stream);
  }
  return history.take(stream, iterations, iterations);
}

class GoldenTraining : public ::testing::TestWithParam<Way> {
 protected:
  GoldenTraining() {
    if (GetParam().set) set_instruction_set(*GetParam().set);
  }
  ~GoldenTraining() override { set_instruction_set(before_); }

 private:
  InstructionSet before_ = instruction_set();
};

TEST_P(GoldenTraining, Classifier) {
  const auto path = testing::golden_file("classifier_seed200.safetensors");
  if (!path) GTEST_SKIP() << "classifier_seed200.safetensors is not here (ATELIER_GOLDEN)";
  const TensorFile file = read_safetensors(*path);
  Stream stream(GetParam().device);
  TorchGenerator generator(200);
  Trainee classifier(stream, "784 linear(200) sigmoid linear(10) sigmoid", {.learning_rate = 0.01},
                     generator);
  expect_initial(stream, classifier.network, file, "C.");

  const Rows images(stream, file.tensors.at("images_u8"), 255.0F);
  const std::vector<float> labels = file.tensors.at("labels").to_float();
  std::vector<float> one_hot(labels.size() * 10);
  for (std::size_t i = 0; i < labels.size(); ++i) one_hot[10 * i + static_cast<std::size_t>(labels[i])] = 1;
  const auto count = static_cast<std::int64_t>(labels.size());
  const Rows targets(stream, Tensor::from_float({count, 10}, one_hot));
  detail::LossHistory history(stream, 1, count);
  const std::vector<float> losses = replay(
      stream, history, count,
      [&](std::int64_t i) {
        images.select(stream, i);
        targets.select(stream, i);
      },
      [&] {
        classifier.pass.forward(stream, images.view());
        classifier.pass.loss(stream, Loss::bce, {targets.view()}, history.loss(0));
        classifier.update(stream, GetParam(), history.counter(1, 1));
      });
  expect_losses(losses, numbers(file, "losses"), 1e-5);
  expect_final(stream, classifier.network, file, "C.");
}

struct GanRun {
  std::string file;
  std::uint64_t seed;
  std::string discriminator;
  std::string generator;
  OptimizerDescription optimizer;
  Loss loss;
  const char* real;
  float real_divisor;
  double loss_tolerance;
};

/// D on a real sample, D on a forged one, then G through a frozen D: the seed's loop at batch 1.
void repeat_gan(const GanRun& run, const Way& way, const std::filesystem::path& path) {
  const TensorFile file = read_safetensors(path);
  Stream stream(way.device);
  TorchGenerator random(run.seed);
  Trainee d(stream, run.discriminator, run.optimizer, random);
  Trainee g(stream, run.generator, run.optimizer, random);
  expect_initial(stream, d.network, file, "D.");
  expect_initial(stream, g.network, file, "G.");

  const Rows real(stream, file.tensors.at(run.real), run.real_divisor);
  const Rows first_noise(stream, file.tensors.at("z_discriminator"));
  const Rows second_noise(stream, file.tensors.at("z_generator"));
  const std::int64_t count = file.tensors.at(run.real).shape.at(0);
  detail::LossHistory history(stream, 3, count);
  const std::vector<float> losses = replay(
      stream, history, count,
      [&](std::int64_t i) {
        for (const Rows* rows : {&real, &first_noise, &second_noise}) rows->select(stream, i);
      },
      [&] {
        d.pass.forward(stream, real.view());
        d.pass.loss(stream, run.loss, {{}, 1.0F}, history.loss(0));
        d.update(stream, way, history.counter(2, 1));

        d.pass.forward(stream, g.pass.forward(stream, first_noise.view()));
        d.pass.loss(stream, run.loss, {{}, 0.0F}, history.loss(1));
        d.update(stream, way, history.counter(2, 2));

        d.pass.forward(stream, g.pass.forward(stream, second_noise.view()));
        d.pass.loss(stream, run.loss, {{}, 1.0F}, history.loss(2));
        d.pass.backward(stream, false, g.pass.output_gradient());
        g.update(stream, way, history.counter(1, 1));
      });
  expect_losses(losses, numbers(file, "losses"), run.loss_tolerance);
  expect_final(stream, d.network, file, "D.");
  expect_final(stream, g.network, file, "G.");
}

void repeat_gan_if_here(const GanRun& run, const Way& way) {
  const auto path = testing::golden_file(run.file);
  if (!path) GTEST_SKIP() << run.file << " is not here (ATELIER_GOLDEN)";
  repeat_gan(run, way, *path);
}

/// The same by the resident loop, in calls of `block` iterations.
void repeat_resident_gan(const GanRun& run, const Way& way, std::int64_t block) {
  const auto path = testing::golden_file(run.file);
  if (!path) GTEST_SKIP() << run.file << " is not here (ATELIER_GOLDEN)";
  const TensorFile file = read_safetensors(*path);
  Stream stream(way.device);
  TorchGenerator random(run.seed);
  Trainee d(stream, run.discriminator, run.optimizer, random);
  Trainee g(stream, run.generator, run.optimizer, random);
  const BatchOneGan gan{detail::two_layer_network(d.network, d.optimizer).value(),
                        detail::two_layer_network(g.network, g.optimizer).value(), AdversarialLoss::bce};
  ASSERT_EQ(batch_one_gan_obstacle(way.device, gan), "");

  const Tensor& pictures = file.tensors.at(run.real);
  const std::int64_t count = pictures.shape.at(0);
  const std::int64_t latent = file.tensors.at("z_generator").shape.at(1);
  const Buffer<std::uint8_t> real(stream, pictures.count());
  std::vector<std::uint8_t> bytes(pictures.bytes.size());
  std::memcpy(bytes.data(), pictures.bytes.data(), bytes.size());
  upload<std::uint8_t>(stream, real.view(), bytes);
  const Buffer<float> first_noise(stream, count * latent);
  const Buffer<float> second_noise(stream, count * latent);
  upload<float>(stream, first_noise.view(), file.tensors.at("z_discriminator").to_float());
  upload<float>(stream, second_noise.view(), file.tensors.at("z_generator").to_float());
  const Buffer<float> losses(stream, count * 3);
  const Buffer<float> scratch(stream, batch_one_gan_scratch(way.device, gan));
  for (std::int64_t first = 0; first < count; first += block) {
    BatchOneGanTraining training;
    training.first_iteration = static_cast<std::uint64_t>(first);
    training.iterations = std::min(block, count - first);
    training.pictures = real.matrix(count, pictures.shape.at(1));
    training.given_fake_noise = first_noise.matrix(count, latent).rows_part(first, training.iterations);
    training.given_generator_noise = second_noise.matrix(count, latent).rows_part(first, training.iterations);
    training.losses = losses.matrix(count, 3).rows_part(first, training.iterations);
    train_batch_one_gan(stream, gan, training, scratch.view());
  }
  expect_losses(download<float>(stream, losses.view()), numbers(file, "losses"), run.loss_tolerance);
  expect_final(stream, d.network, file, "D.");
  expect_final(stream, g.network, file, "G.");
}

TEST_P(GoldenTraining, Pattern1010) {
  repeat_gan_if_here({.file = "pattern1010_seed300.safetensors",
                      .seed = 300,
                      .discriminator = "4 linear(3, no bias) sigmoid linear(1, no bias) sigmoid",
                      .generator = "4 linear(4, no bias) sigmoid linear(4, no bias) sigmoid",
                      .optimizer = {.learning_rate = 0.01},
                      .loss = Loss::mse,
                      .real = "real",
                      .real_divisor = 1.0F,
                      .loss_tolerance = 1e-5},
                     GetParam());
}

const GanRun kFirstAttempt{.file = "gan_v1_seed100.safetensors",
                           .seed = 100,
                           .discriminator = "784 linear(200) sigmoid linear(1) sigmoid",
                           .generator = "100 linear(500) sigmoid linear(784) sigmoid",
                           .optimizer = {.learning_rate = 0.01},
                           .loss = Loss::bce,
                           .real = "real_u8",
                           .real_divisor = 255.0F,
                           .loss_tolerance = 5e-5};
const GanRun kWithLayerNormAndAdam{
    .file = "gan_v2_seed100.safetensors",
    .seed = 100,
    .discriminator = "784 linear(200) leaky_relu(0.01) layer_norm linear(1) sigmoid",
    .generator = "100 linear(500) leaky_relu(0.2) layer_norm linear(784) sigmoid",
    .optimizer = {.kind = OptimizerKind::adam, .learning_rate = 1e-4},
    .loss = Loss::bce,
    .real = "real_u8",
    .real_divisor = 255.0F,
    .loss_tolerance = 5e-5};

TEST_P(GoldenTraining, GanFirstAttempt) {
  repeat_gan_if_here(kFirstAttempt, GetParam());
}

TEST_P(GoldenTraining, GanWithLayerNormAndAdam) {
  repeat_gan_if_here(kWithLayerNormAndAdam, GetParam());
}

// Both networks resident: there is one way to update them, so the plain ways have nothing to add.
TEST_P(GoldenTraining, ResidentGanFirstAttempt) {
  if (!GetParam().fused) GTEST_SKIP() << "the resident loop is the same";
  repeat_resident_gan(kFirstAttempt, GetParam(), 9);
}
TEST_P(GoldenTraining, ResidentGanWithLayerNormAndAdam) {
  if (!GetParam().fused) GTEST_SKIP() << "the resident loop is the same";
  repeat_resident_gan(kWithLayerNormAndAdam, GetParam(), 25);
}

INSTANTIATE_TEST_SUITE_P(Ways, GoldenTraining, ::testing::ValuesIn(ways()), way_name);

}  // namespace
}  // namespace atelier
