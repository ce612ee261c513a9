// Passes and steps of networks, against double precision.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "models/learners/loss_history.h"
#include "models/network.h"
#include "runtime/buffer.h"
#include "runtime/error.h"
#include "runtime/graph.h"
#include "tests/devices.h"
#include "tests/models/reference_network.h"
#include "tests/runtime/allocation_count.h"

namespace atelier {
namespace {

using testing::ReferenceNetwork;
using testing::WorstError;

class PassOnDevice : public ::testing::TestWithParam<Device> {};

std::string complaint(const std::function<void()>& call) {
  try {
    call();
  } catch (const InvalidArgument& error) {
    return error.what();
  }
  return "nothing was thrown";
}

/// Layer lists in any order: activations first, alone, in a row, after LayerNorm; norms in a row.
std::vector<std::string> layer_lists() {
  std::vector<std::string> lists{
      "4 linear(3, no bias) sigmoid linear(1, no bias) sigmoid",
      "9 linear(20) leaky_relu(0.2) layer_norm linear(6) sigmoid",
      "5 tanh",
      "5 layer_norm",
      "6 sigmoid layer_norm(0.001, not affine) gelu linear(4) relu tanh",
      "7 layer_norm layer_norm sin cos linear(5) linear(3) layer_norm sigmoid",
      "3 linear(8) silu linear(8) gelu linear(8) softplus layer_norm elu(0.5) linear(2) gaussian",
      "17 square linear(31) softsign layer_norm(0.01) identity linear(33) leaky_relu(-0.3) linear(1)",
  };
  std::mt19937 random(11);
  const std::vector<std::string> modules{"linear(3)", "linear(18, no bias)", "layer_norm", "tanh", "gelu",
                                         "sigmoid",   "layer_norm(0.1)",     "elu(0.7)",   "abs"};
  for (int list = 0; list < 12; ++list) {
    std::string text = std::to_string(2 + random() % 20);
    const unsigned count = 1 + static_cast<unsigned>(random() % 6);
    for (unsigned i = 0; i < count; ++i) text.append(" ").append(modules[random() % modules.size()]);
    lists.push_back(text);
  }
  return lists;
}

/// A network, a pass and the same in double.
struct Problem {
  Stream& stream;
  NetworkDescription description;
  Network network;
  Pass pass;
  ReferenceNetwork reference;
  std::int64_t batch;
  std::vector<float> input_values;
  std::vector<float> target_values;
  Buffer<float> input;
  Buffer<float> target;
  Buffer<float> loss;

  Problem(Stream& on, const std::string& text, std::int64_t rows, std::int64_t largest_batch)
      : stream(on),
        description(network_from_text(text)),
        network(stream, description, 3),
        pass(stream, network, largest_batch, Pass::Purpose::training),
        reference(description),
        batch(rows),
        input(stream, rows * description.inputs),
        target(stream, rows * description.outputs()),
        loss(stream, 1) {
    std::mt19937 random(7);
    std::uniform_real_distribution<float> real(-1.0F, 1.0F);
    for (std::int64_t i = 0; i < input.size(); ++i) input_values.push_back(1.5F * real(random));
    for (std::int64_t i = 0; i < target.size(); ++i) target_values.push_back(0.5F + 0.45F * real(random));
    upload<float>(stream, input.view(), input_values);
    upload<float>(stream, target.view(), target_values);
    // gamma and beta away from 1 and 0
    for (const Parameter& parameter : network.parameters()) {
      std::vector<float> values = download(stream, parameter.value);
      for (float& value : values) value += 0.2F * real(random);
      upload<float>(stream, parameter.value, values);
      reference.set(parameter.name, {values.begin(), values.end()});
    }
    reference.set_input(batch, {input_values.begin(), input_values.end()});
  }
  [[nodiscard]] MatrixView<const float> inputs() const { return input.matrix(batch, description.inputs); }
  [[nodiscard]] LossTarget targets() const { return {target.matrix(batch, description.outputs()), 0.0F}; }
  [[nodiscard]] std::vector<double> target_doubles() const {
    return {target_values.begin(), target_values.end()};
  }
};

double worst_difference(const std::vector<float>& got, const std::vector<double>& expected) {
  EXPECT_EQ(got.size(), expected.size());
  WorstError worst;
  double scale = 1e-3;
  for (const double value : expected) scale = std::max(scale, std::abs(value));
  for (std::size_t i = 0; i < std::min(got.size(), expected.size()); ++i)
    worst.add(std::abs(static_cast<double>(got[i]) - expected[i]) / scale);
  return worst.value();
}

std::vector<float> values_of(Stream& stream, MatrixView<float> matrix) {
  return download(stream, VectorView<float>{matrix.data, matrix.rows * matrix.columns});
}

TEST_P(PassOnDevice, ForwardIsRightForEveryListAndBatch) {
  Stream stream(GetParam());
  for (const std::string& text : layer_lists())
    for (const std::int64_t batch : {1, 2, 5, 33}) {
      Problem problem(stream, text, batch, 33);
      const std::vector<double> expected = problem.reference.forward();
      EXPECT_LE(worst_difference(values_of(stream, problem.pass.forward(stream, problem.inputs())), expected),
                2e-5)
          << text << ", batch " << batch;
      Pass inference(stream, problem.network, batch, Pass::Purpose::inference);
      EXPECT_LE(worst_difference(values_of(stream, inference.forward(stream, problem.inputs())), expected),
                2e-5)
          << text << ", batch " << batch << ", inference";
    }
}

TEST_P(PassOnDevice, GradientsAreThoseOfCentralDifferences) {
  Stream stream(GetParam());
  for (const std::string& text : layer_lists())
    for (const std::int64_t batch : {1, 2, 5, 33}) {
      SCOPED_TRACE(text + ", batch " + std::to_string(batch));
      Problem problem(stream, text, batch, 33);
      Buffer<float> input_gradient(stream, problem.input.size());
      const MatrixView<float> input_gradient_view = input_gradient.matrix(batch, problem.description.inputs);
      problem.pass.forward(stream, problem.inputs());
      problem.pass.loss(stream, Loss::mse, problem.targets(), problem.loss.data());
      problem.pass.backward(stream, true, input_gradient_view);

      const std::vector<double> target = problem.target_doubles();
      EXPECT_NEAR(download(stream, problem.loss.view())[0], problem.reference.loss(target), 1e-4);
      const double share = batch == 33 ? 0.1 : 1.0;  // of the coordinates: a sample is enough
      for (const Parameter& parameter : problem.network.parameters()) {
        const std::vector<float> got =
            download(stream, problem.network.in_block(problem.pass.gradients(), parameter.value));
        const auto [coordinates, expected] = problem.reference.differences(parameter.name, target, share);
        std::vector<float> chosen;
        for (const std::size_t at : coordinates) chosen.push_back(got[at]);
        EXPECT_LE(worst_difference(chosen, expected), 1e-4) << parameter.name;
      }
      const auto [coordinates, expected] = problem.reference.differences("input", target, share);
      const std::vector<float> got = download(stream, input_gradient.view());
      std::vector<float> chosen;
      for (const std::size_t at : coordinates) chosen.push_back(got[at]);
      EXPECT_LE(worst_difference(chosen, expected), 1e-4) << "input";
    }
}

TEST_P(PassOnDevice, FrozenNetworkGivesTheSameInputGradientAndNoOther) {
  Stream stream(GetParam());
  for (const std::string& text : layer_lists()) {
    Problem problem(stream, text, 5, 5);
    Buffer<float> with(stream, problem.input.size());
    Buffer<float> without(stream, problem.input.size());
    problem.pass.forward(stream, problem.inputs());
    problem.pass.loss(stream, Loss::mse, problem.targets(), nullptr);
    problem.pass.backward(stream, true, with.matrix(5, problem.description.inputs));
    const std::vector<float> marks(static_cast<std::size_t>(problem.pass.gradients().size), 77.0F);
    upload<float>(stream, problem.pass.gradients(), marks);
    problem.pass.backward(stream, false, without.matrix(5, problem.description.inputs));
    EXPECT_LE(worst_difference(download(stream, without.view()),
                               [&] {
                                 const std::vector<float> values = download(stream, with.view());
                                 return std::vector<double>(values.begin(), values.end());
                               }()),
              1e-6)
        << text;
    EXPECT_EQ(download(stream, problem.pass.gradients()), marks) << text;
  }
}

TEST_P(PassOnDevice, AccumulatesGradients) {
  Stream stream(GetParam());
  for (const std::string& text : layer_lists()) {
    Problem problem(stream, text, 3, 8);
    problem.pass.forward(stream, problem.inputs());
    problem.pass.loss(stream, Loss::mse, problem.targets(), nullptr);
    problem.pass.backward(stream, true);
    std::vector<double> twice;
    for (const float value : download(stream, problem.pass.gradients()))
      twice.push_back(2 * static_cast<double>(value));
    problem.pass.backward(stream, true, {}, true);
    if (twice.empty()) continue;  // a network without parameters
    EXPECT_LE(worst_difference(download(stream, problem.pass.gradients()), twice), 1e-6) << text;
  }
}

// The gradient of bce behind a sigmoid goes through it; behind anything else it does not.
TEST_P(PassOnDevice, LossesGiveTheirGradients) {
  Stream stream(GetParam());
  const std::vector<std::pair<std::string, Loss>> cases{
      {"6 linear(5) tanh linear(4) sigmoid", Loss::bce},  // fused
      {"6 linear(4) layer_norm sigmoid", Loss::bce},      // a sigmoid alone
      {"6 sigmoid", Loss::bce},                           // nothing else
      {"6 linear(4) sigmoid identity", Loss::bce},        // probabilities, no sigmoid at the end
      {"6 linear(5) tanh linear(4)", Loss::bce_with_logits},
  };
  for (const auto& [text, loss] : cases) {
    SCOPED_TRACE(text);
    Problem problem(stream, text, 5, 5);
    Buffer<float> input_gradient(stream, problem.input.size());
    problem.pass.forward(stream, problem.inputs());
    problem.pass.loss(stream, loss, problem.targets(), problem.loss.data());
    problem.pass.backward(stream, true, input_gradient.matrix(5, 6));
    const std::vector<double> target = problem.target_doubles();
    problem.reference.measure(loss);
    EXPECT_NEAR(download(stream, problem.loss.view())[0], problem.reference.loss(target), 1e-5);
    const auto [coordinates, expected] = problem.reference.differences("input", target, 1.0);
    EXPECT_LE(worst_difference(download(stream, input_gradient.view()), expected), 1e-4);
  }
}

// A loss computed elsewhere: the gradient is written where output_gradient() says, and goes through the
// activation at the end although the last loss() did not.
TEST_P(PassOnDevice, TakesAnOutputGradientFromElsewhere) {
  Stream stream(GetParam());
  Problem problem(stream, "6 linear(5) tanh linear(4) sigmoid", 5, 9);
  Buffer<float> input_gradient(stream, problem.input.size());
  problem.pass.forward(stream, problem.inputs());
  problem.pass.loss(stream, Loss::bce, problem.targets(), nullptr);
  const MatrixView<float> gradient = problem.pass.output_gradient();
  const std::vector<double> output = problem.reference.forward();
  std::vector<float> of_mse;
  for (std::size_t i = 0; i < output.size(); ++i)
    of_mse.push_back(
        static_cast<float>(2 * (output[i] - static_cast<double>(problem.target_values[i])) / 20));
  upload<float>(stream, {gradient.data, 20}, of_mse);
  problem.pass.backward(stream, true, input_gradient.matrix(5, 6));
  const auto [coordinates, expected] = problem.reference.differences("input", problem.target_doubles(), 1.0);
  EXPECT_LE(worst_difference(download(stream, input_gradient.view()), expected), 1e-4);
}

// --------------------------------------------------------------------------------------------------- steps

std::vector<float> after_steps(Stream& stream, const std::string& text, OptimizerDescription optimizer,
                               std::int64_t batch, bool fused) {
  Problem problem(stream, text, batch, batch);
  Optimizer of(stream, problem.network, optimizer);
  detail::LossHistory history(stream, 1, 4);
  for (int step = 0; step < 4; ++step) {
    problem.pass.forward(stream, problem.inputs());
    problem.pass.loss(stream, Loss::mse, problem.targets(), history.loss(0));
    if (fused) {
      problem.pass.backward_and_step(stream, of, history.counter(1, 1));
    } else {
      problem.pass.backward(stream, true);
      problem.pass.step(stream, of, history.counter(1, 1));
    }
    history.finish(stream);
  }
  return download(stream, problem.network.block());
}

TEST_P(PassOnDevice, FusedStepsAreThePlainSteps) {
  Stream stream(GetParam());
  for (const OptimizerKind kind : {OptimizerKind::sgd, OptimizerKind::adam})
    for (const std::string& text : layer_lists())
      for (const std::int64_t batch : {1, 5}) {
        const OptimizerDescription optimizer{.kind = kind, .learning_rate = 0.01};
        const std::vector<float> plain = after_steps(stream, text, optimizer, batch, false);
        if (plain.empty()) continue;
        const std::vector<float> fused = after_steps(stream, text, optimizer, batch, true);
        EXPECT_LE(worst_difference(fused, {plain.begin(), plain.end()}), 2e-6) << text << ", batch " << batch;
      }
}

TEST_P(PassOnDevice, StepsChangeParametersAsTheFormulaSays) {
  Stream stream(GetParam());
  Problem problem(stream, "6 linear(5) tanh layer_norm linear(4)", 1, 4);
  Optimizer optimizer(stream, problem.network, {.learning_rate = 0.125});
  const std::vector<float> before = download(stream, problem.network.block());
  problem.pass.forward(stream, problem.inputs());
  problem.pass.loss(stream, Loss::mse, problem.targets(), nullptr);
  problem.pass.backward(stream, true);
  std::vector<double> expected;
  const std::vector<float> gradients = download(stream, problem.pass.gradients());
  for (std::size_t i = 0; i < before.size(); ++i)
    expected.push_back(static_cast<double>(before[i]) - 0.125 * static_cast<double>(gradients[i]));
  problem.pass.backward_and_step(stream, optimizer, {nullptr, 1, 1});
  const std::vector<float> after = download(stream, problem.network.block());
  EXPECT_LE(worst_difference(after, expected), 1e-6);
  EXPECT_NE(after, before);
  optimizer.set_learning_rate(stream, 0.0);
  problem.pass.step(stream, optimizer, {nullptr, 1, 2});
  EXPECT_EQ(download(stream, problem.network.block()), after);
}

TEST_P(PassOnDevice, CapturedStepsTrainAsQueuedOnes) {
  Stream stream(GetParam());
  const std::string text = "6 linear(5) leaky_relu(0.2) layer_norm linear(4) sigmoid";
  for (const std::int64_t batch : {1, 5}) {
    const OptimizerDescription adam{.kind = OptimizerKind::adam, .learning_rate = 0.01};
    const std::vector<float> expected = after_steps(stream, text, adam, batch, true);
    Problem problem(stream, text, batch, batch);
    Optimizer optimizer(stream, problem.network, adam);
    detail::LossHistory history(stream, 1, 4);
    stream.begin_capture();
    problem.pass.forward(stream, problem.inputs());
    problem.pass.loss(stream, Loss::mse, problem.targets(), history.loss(0));
    problem.pass.backward_and_step(stream, optimizer, history.counter(1, 1));
    history.finish(stream);
    const Graph graph = stream.end_capture();
    for (int i = 0; i < 4; ++i) graph.launch(stream);
    EXPECT_EQ(download(stream, problem.network.block()), expected);
    const std::vector<float> losses = history.take(stream, 4, 4);
    EXPECT_LT(losses[3], losses[0]);
  }
}

TEST_P(PassOnDevice, StepsThatRunAgainAllocateNothing) {
  if (!testing::allocations_are_counted())
    GTEST_SKIP() << "AddressSanitizer brings an operator new of its own";
  if (GetParam().kind() != DeviceKind::cpu) GTEST_SKIP() << "counts the host's allocations of the cpu device";
  Stream stream(GetParam());
  for (const std::int64_t batch : {1, 5, 64}) {
    Problem problem(stream, "40 linear(50) leaky_relu(0.2) layer_norm gelu linear(4) sigmoid", batch, batch);
    Optimizer optimizer(stream, problem.network, {.kind = OptimizerKind::adam});
    detail::LossHistory history(stream, 1, 8);
    stream.begin_capture();
    problem.pass.forward(stream, problem.inputs());
    problem.pass.loss(stream, Loss::bce, problem.targets(), history.loss(0));
    problem.pass.backward_and_step(stream, optimizer, history.counter(1, 1));
    history.finish(stream);
    const Graph graph = stream.end_capture();
    const auto launch = [&] {
      for (int i = 0; i < 20; ++i) graph.launch(stream);
      stream.synchronize();
    };
    for (int i = 0; i < 4; ++i) launch();  // rooms of threads and both halves of the queue grow to their size
    const std::int64_t before = testing::allocations_so_far();
    launch();
    EXPECT_EQ(testing::allocations_so_far(), before) << "batch " << batch;
  }
}

TEST_P(PassOnDevice, RefusesMisuse) {
  Stream stream(GetParam());
  Problem problem(stream, "6 linear(4)", 3, 4);
  EXPECT_EQ(complaint([&] { problem.pass.backward(stream, true); }),
            "Pass::backward: forward, then loss() or output_gradient() must come first");
  EXPECT_EQ(complaint([&] {
              problem.pass.loss(stream, Loss::mse, {{}, 1.0F}, problem.loss.data());
            }),
            "Pass::loss: forward must come first");
  EXPECT_EQ(complaint([&] { (void)problem.pass.output_gradient(); }),
            "Pass::output_gradient: forward, then loss() or output_gradient() must come first");
  EXPECT_EQ(complaint([&] { problem.pass.forward(stream, problem.input.matrix(1, 5)); }),
            "Pass::forward: the input is [1, 5]; it must be [0 to 4, 6]");
  Buffer<float> large(stream, 30);
  EXPECT_EQ(complaint([&] { problem.pass.forward(stream, large.matrix(5, 6)); }),
            "Pass::forward: the input is [5, 6]; it must be [0 to 4, 6]");
  problem.pass.forward(stream, problem.inputs());
  problem.pass.loss(stream, Loss::mse, problem.targets(), nullptr);
  EXPECT_EQ(complaint([&] { problem.pass.backward(stream, false, large.matrix(2, 6)); }),
            "Pass::backward: the input's gradient is [2, 6]; it must be [3, 6]");
  Pass inference(stream, problem.network, 4, Pass::Purpose::inference);
  inference.forward(stream, problem.inputs());
  inference.loss(stream, Loss::mse, problem.targets(), problem.loss.data());
  EXPECT_EQ(complaint([&] { inference.backward(stream, true); }),
            "Pass::backward: this pass was planned for inference");
  EXPECT_EQ(complaint([&] { (void)inference.output_gradient(); }),
            "Pass::output_gradient: this pass was planned for inference");
  EXPECT_EQ(complaint([&] { Pass(stream, problem.network, 0, Pass::Purpose::training); }),
            "Pass: the largest batch is 0; it must be 1 to 1048576");
  Network other(stream, network_from_text("60 linear(40)"), 0);
  Optimizer foreign(stream, other, {.kind = OptimizerKind::adam});
  EXPECT_TRUE(complaint([&] {
                problem.pass.step(stream, foreign, {nullptr, 1, 1});
              }).ends_with("it is another network's"));
  EXPECT_EQ(complaint([&] { Optimizer(stream, other, {.beta1 = 1.0}); }),
            "optimizer: beta1 is 1; it must be in [0, 1)");
  EXPECT_EQ(complaint([&] { Optimizer(stream, other, {.learning_rate = -1}); }),
            "optimizer: the learning rate is -1; it must be a number >= 0 that fp32 holds");
}

TEST_P(PassOnDevice, EmptyBatchesLeaveTheGradientZero) {
  Stream stream(GetParam());
  Problem problem(stream, "6 linear(5) tanh layer_norm linear(4)", 3, 4);
  problem.pass.forward(stream, problem.inputs());
  problem.pass.loss(stream, Loss::mse, problem.targets(), nullptr);
  problem.pass.backward(stream, true);
  EXPECT_EQ(problem.pass.forward(stream, problem.input.matrix(0, 6)).rows, 0);
  problem.pass.loss(stream, Loss::mse, {problem.target.matrix(0, 4), 0.0F}, problem.loss.data());
  problem.pass.backward(stream, true);
  EXPECT_EQ(download(stream, problem.pass.gradients()),
            std::vector<float>(static_cast<std::size_t>(problem.pass.gradients().size), 0.0F));
  EXPECT_TRUE(std::isnan(download(stream, problem.loss.view())[0]));
}

INSTANTIATE_TEST_SUITE_P(Devices, PassOnDevice, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

}  // namespace
}  // namespace atelier
