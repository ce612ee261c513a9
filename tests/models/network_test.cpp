#include "models/network.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "kernels/noise_function.h"
#include "models/torch_generator.h"
#include "tests/devices.h"

namespace atelier {
namespace {

std::string complaint(const std::function<void()>& call) {
  try {
    call();
  } catch (const InvalidArgument& error) {
    return error.what();
  }
  return "nothing was thrown";
}

// ------------------------------------------------------------------------------------------ description

TEST(NetworkDescription, TextComesBack) {
  NetworkDescription description;
  description.inputs = 784;
  description.layers = {Layer::linear(200),
                        Layer::activated(Activation::leaky_relu, 0.02F),
                        Layer::layer_norm(),
                        Layer::linear(10, false),
                        Layer::activated(Activation::elu, 1.0F / 3.0F),
                        Layer::layer_norm(false, 1e-12),
                        Layer::layer_norm(true, 0.1),
                        Layer::activated(Activation::sigmoid)};
  EXPECT_EQ(description.text(),
            "784 linear(200) leaky_relu(0.02) layer_norm linear(10, no bias) elu(0.33333334) "
            "layer_norm(1e-12, not affine) layer_norm(0.1) sigmoid");
  EXPECT_EQ(network_from_text(description.text()), description);
  for (const std::string_view name : activation_names()) {
    const auto kind = activation_from_name(name);
    ASSERT_TRUE(kind);
    description.layers = {Layer::activated(*kind, 0.3F)};
    EXPECT_EQ(network_from_text(description.text()), description) << name;
  }
}

TEST(NetworkDescription, TextOfPeople) {
  NetworkDescription expected;
  expected.inputs = 4;
  expected.layers = {Layer::linear(3, false), Layer::activated(Activation::leaky_relu, 0.01F),
                     Layer::activated(Activation::elu, 1.0F), Layer::layer_norm(true, 1e-3)};
  EXPECT_EQ(network_from_text(" 4\tlinear( 3 ,no bias )leaky_relu elu\nlayer_norm(0.001) "), expected);
}

TEST(NetworkDescription, CountsParameters) {
  EXPECT_EQ(network_from_text("784 linear(200) leaky_relu layer_norm linear(1) sigmoid").parameter_count(),
            157601);
  EXPECT_EQ(network_from_text("100 linear(500) leaky_relu(0.2) layer_norm linear(784)").parameter_count(),
            444284);
  EXPECT_EQ(network_from_text("4 linear(3, no bias) layer_norm(1, not affine)").parameter_count(), 12);
  EXPECT_EQ(network_from_text("7 tanh").outputs(), 7);
}

TEST(NetworkDescription, RefusesWhatIsNotANetwork) {
  const auto error = [](const std::string& text) {
    return complaint([&] { (void)network_from_text(text); });
  };
  EXPECT_EQ(error(""), "network \"\" is empty; it must begin with the number of inputs");
  EXPECT_EQ(error("linear(3)"), "network \"linear(3)\" has \"linear\" where the number of inputs must stand");
  EXPECT_EQ(error("4"), "network: it has 0 layers; 1 to 1000 are needed");
  EXPECT_EQ(error("4 linear"), "network \"4 linear\" must have linear(outputs) or linear(outputs, no bias)");
  EXPECT_EQ(error("4 linear(3"), "network \"4 linear(3\" has no ) behind \"linear\"");
  EXPECT_EQ(error("4 linear(0)"), "network: the number of outputs of layer 0 is 0; it must be 1 to 1048576");
  EXPECT_EQ(error("1048577 tanh"), "network: the number of inputs is 1048577; it must be 1 to 1048576");
  EXPECT_EQ(
      error("4 linear(99999999999999999999)"),
      "network \"4 linear(99999999999999999999)\" has \"99999999999999999999\" where a number of outputs "
      "must stand");
  EXPECT_EQ(error("4 tanh(1)"), "network \"4 tanh(1)\" gives 1 arguments to tanh, which takes none");
  EXPECT_EQ(error("4 leaky_relu(nan)"), "network: the slope of layer 0 is not a finite number");
  EXPECT_EQ(error("4 layer_norm(0)"),
            "network: epsilon of layer 0 is 0; it must be positive and finite in fp32");
  EXPECT_EQ(error("4 layer_norm(inf)"),
            "network: epsilon of layer 0 is inf; it must be positive and finite in fp32");
  EXPECT_EQ(error("4 layer_norm(1e-60)"),
            "network: epsilon of layer 0 is 1e-60; it must be positive and finite in fp32");
  EXPECT_EQ(error("4 layer_norm(1e+60)"),
            "network: epsilon of layer 0 is 1e+60; it must be positive and finite in fp32");
  EXPECT_TRUE(error("4 linaer(3)")
                  .starts_with("network \"4 linaer(3)\" has the word \"linaer\", which is none of: linear, "
                               "layer_norm, identity, relu"));
  EXPECT_EQ(error("1048576 linear(1048576)"),
            "network: 1099512676352 parameters; at most 2147483648 are allowed");
  std::string many = "4";
  for (int i = 0; i < 1001; ++i) many += " tanh";
  EXPECT_TRUE(error(many).ends_with(" has more than 1000 modules")) << error(many);
}

// --------------------------------------------------------------------------------------------- parameters

class NetworkOnDevice : public ::testing::TestWithParam<Device> {};

TEST_P(NetworkOnDevice, DrawsUniformParametersWithinTheBound) {
  Stream stream(GetParam());
  const Network network(stream, network_from_text("100 linear(33) tanh layer_norm linear(7, no bias)"), 5);
  ASSERT_EQ(network.parameters().size(), 5U);
  const char* const names[] = {"0.weight", "0.bias", "2.weight", "2.bias", "3.weight"};
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(network.parameters()[i].name, names[i]);
  EXPECT_EQ(network.parameters()[0].shape, (std::vector<std::int64_t>{33, 100}));
  const std::vector<float> weight = download(stream, network.weight(0));
  double largest = 0;
  double sum = 0;
  for (const float value : weight) {
    largest = std::max(largest, std::abs(static_cast<double>(value)));
    sum += static_cast<double>(value) * static_cast<double>(value);
  }
  EXPECT_LE(largest, 0.1 * (1 + 1e-6));
  EXPECT_GT(largest, 0.0995);
  EXPECT_NEAR(sum / 3300, 0.01 / 3, 0.0002);  // the variance of U(-0.1, 0.1)
  EXPECT_EQ(download(stream, network.weight(2)), std::vector<float>(33, 1.0F));
  EXPECT_EQ(download(stream, network.bias(2)), std::vector<float>(33, 0.0F));
  EXPECT_TRUE(network.bias(3).empty());

  const std::vector<float> bias = download(stream, network.bias(0));
  for (std::uint64_t i = 0; i < 33; ++i) {  // streams 0 and 1
    EXPECT_EQ(weight[i], uniform_element({5, 0}, i, -0.1F, 0.1F));
    EXPECT_EQ(bias[i], uniform_element({5, 1}, i, -0.1F, 0.1F));
  }

  // Another seed and other streams are other numbers; the same are the same.
  const auto drawn = [&](std::uint64_t seed, std::uint64_t first_stream) {
    const Network other(stream, network.description(), seed, first_stream);
    return download(stream, other.block());
  };
  EXPECT_EQ(drawn(5, 0), download(stream, network.block()));
  EXPECT_NE(drawn(6, 0), download(stream, network.block()));
  EXPECT_NE(drawn(5, 8), download(stream, network.block()));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(network.bias(2).data) % 256, 0U);
}

// torch.manual_seed(7); nn.Sequential(Linear(3, 4), Tanh(), LayerNorm(4), Linear(4, 2, bias=False)) of
// PyTorch 2.15 on a CPU.
TEST_P(NetworkOnDevice, DrawsWhatPyTorchDraws) {
  Stream stream(GetParam());
  Network network(stream, network_from_text("3 linear(4) tanh layer_norm linear(2, no bias)"), 0);
  TorchGenerator generator(7);
  initialise_as_torch(stream, network, generator);
  EXPECT_EQ(download(stream, network.weight(0)),
            (std::vector<float>{0x1.4a57dp-5F, -0x1.64239ep-2F, 0x1.78821p-3F, 0x1.7304bp-3F, -0x1.3bfc7ep-2F,
                                -0x1.626efep-4F, -0x1.5a586cp-2F, 0x1.32cdd4p-3F, -0x1.3e8104p-3F,
                                0x1.9f582ap-2F, 0x1.a3b084p-2F, 0x1.e1cfdp-5F}));
  EXPECT_EQ(download(stream, network.bias(0)),
            (std::vector<float>{-0x1.f816bcp-3F, -0x1.5b407ap-2F, -0x1.03b456p-4F, -0x1.4cc3acp-3F}));
  EXPECT_EQ(download(stream, network.weight(2)), std::vector<float>(4, 1.0F));
  EXPECT_EQ(download(stream, network.bias(2)), std::vector<float>(4, 0.0F));
  EXPECT_EQ(download(stream, network.weight(3)),
            (std::vector<float>{0x1.c356dp-3F, -0x1.b531ep-2F, 0x1.e1329cp-2F, -0x1.91a068p-2F, 0x1.88111p-2F,
                                -0x1.63a5p-4F, 0x1.075dfcp-2F, 0x1.8f0c38p-3F}));
}

INSTANTIATE_TEST_SUITE_P(Devices, NetworkOnDevice, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

}  // namespace
}  // namespace atelier
