#include "kernels/cppn.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tests/devices.h"
#include "tests/kernels/cppn_reference.h"

// What a network computes: shapes, activations, inputs, windows, precision. How samples are stored and
// regions cut: cppn_output_test.cpp. PyTorch's pixels: cppn_golden_test.cpp.
namespace atelier {
namespace {

using testing::Biases;
using testing::make_network;
using testing::NetworkOptions;
using testing::TestNetwork;
using testing::WorstError;

class Cppn : public ::testing::TestWithParam<Device> {
 protected:
  Stream stream_{GetParam()};

  /// The worst difference between a device's picture and the reference's, relative to values above 1.
  double error(const TestNetwork& network, const CppnWindow& window, const PixelRegion& region,
               CppnPrecision precision) {
    const CppnProgram program(stream_, network.topology, network.parameters, network.latent, precision);
    path_ = program.path();
    return error(program, network, window, region);
  }
  double error(const CppnProgram& program, const TestNetwork& network, const CppnWindow& window,
               const PixelRegion& region) {
    const bool single = program.precision() == CppnPrecision::fp32;
    const std::vector<double> expected = reference_picture(network, window, region, single);
    const std::vector<double> painted =
        testing::paint<double>(stream_, program, window, region, CppnSample::f64);
    EXPECT_EQ(painted.size(), expected.size());
    WorstError worst;
    for (std::size_t index = 0; index < expected.size() && index < painted.size(); ++index)
      worst.add(std::abs(painted[index] - expected[index]) / std::max(1.0, std::abs(expected[index])));
    return worst.value();
  }
  void expect_right(const TestNetwork& network, double tolerance, const std::string& what,
                    PixelRegion region = {0, 0, 13, 7}) {
    const CppnWindow window = CppnWindow::centered(13, 7, 0.1, -0.2, 2.0);
    EXPECT_LE(error(network, window, region, CppnPrecision::fp32), tolerance) << what << ", fp32, " << path_;
    EXPECT_LE(error(network, window, region, CppnPrecision::fp64), 1e-9) << what << ", fp64, " << path_;
  }

  std::string path_;
};

/// fp32 errors of a stack of tanh layers with gain 1.5 grow slowly with its depth.
double depth_tolerance(std::size_t layers) {
  return 2e-6 * static_cast<double>(layers + 1);
}

TEST_P(Cppn, DepthsAndWidthsUpToSixtyFour) {
  for (const int width : {1, 3, 5, 8, 16, 17, 32, 33, 64})
    for (const std::size_t depth : {1U, 2U, 9U, 17U}) {
      const TestNetwork network = make_network(std::vector<int>(depth, width));
      expect_right(network, depth_tolerance(depth),
                   std::to_string(depth) + " layers of " + std::to_string(width));
    }
}

TEST_P(Cppn, NoHiddenLayers) {
  for (const int channels : {1, 3})
    for (const Activation output : {Activation::sigmoid, Activation::identity, Activation::sin}) {
      NetworkOptions options;
      options.inputs = {CppnInput::radius, CppnInput::y, CppnInput::latent, CppnInput::x};
      options.channels = channels;
      options.output = output;
      expect_right(make_network({}, options), 1e-6, "no hidden layers");
    }
}

TEST_P(Cppn, WideLayers) {
  for (const int width : {65, 100, 128, 512})
    for (const std::size_t depth : {1U, 2U}) {
      const TestNetwork network = make_network(std::vector<int>(depth, width));
      expect_right(network, depth_tolerance(2 * depth),
                   std::to_string(depth) + " layers of " + std::to_string(width), {0, 0, 9, 4});
    }
  expect_right(make_network({1024, 3}), 1e-5, "1024 wide", {0, 0, 5, 2});
}

TEST_P(Cppn, TaperingLayers) {
  for (const std::vector<int>& widths : std::vector<std::vector<int>>{
           {128, 64, 32, 16, 8}, {40, 20, 10}, {16, 5, 16, 2}, {3, 130, 7}, {520, 12}, {1, 64, 1}})
    expect_right(make_network(widths), 2e-5, "first width " + std::to_string(widths.front()), {0, 0, 9, 4});
}

TEST_P(Cppn, MostLayers) {
  NetworkOptions options;
  options.gain = 1.0;
  options.biases = Biases::all;
  expect_right(make_network(std::vector<int>(kCppnMaxLayers - 1, 16), options), 1e-4, "256 layers of 16",
               {0, 0, 4, 2});
  expect_right(make_network(std::vector<int>(kCppnMaxLayers - 1, 20), options), 1e-4, "256 layers of 20",
               {0, 0, 4, 2});
}

TEST_P(Cppn, EveryActivation) {
  for (int kind = 0; kind < kActivationCount; ++kind)
    for (const int width : {6, 16, 24, 50, 70}) {
      NetworkOptions options;
      options.hidden = static_cast<Activation>(kind);
      options.output = static_cast<Activation>((kind + 7) % kActivationCount);
      options.gain = options.hidden == Activation::square ? 0.5 : 0.8;  // squares of squares amplify errors
      options.biases = Biases::all;
      expect_right(make_network({width, width, width}, options), 2e-5,
                   std::string(activation_name(options.hidden)) + " " + std::to_string(width), {0, 0, 6, 3});
    }
}

TEST_P(Cppn, ActivationsMixedLayerByLayer) {
  NetworkOptions options;
  options.gain = 1.0;
  TestNetwork network = make_network({12, 9, 16, 4, 11}, options);
  const Activation kinds[] = {Activation::sin, Activation::tanh, Activation::gaussian, Activation::abs,
                              Activation::elu};
  for (std::size_t layer = 0; layer < 5; ++layer)
    network.topology.layers[layer].activation.kind = kinds[layer];
  expect_right(network, 1e-5, "sin tanh gaussian abs elu");
}

TEST_P(Cppn, Biases) {
  for (const Biases biases : {Biases::none, Biases::first, Biases::all})
    for (const int width : {16, 32, 80}) {
      NetworkOptions options;
      options.biases = biases;
      expect_right(make_network({width, width, width}, options), 1e-5,
                   "biases " + std::to_string(static_cast<int>(biases)));
    }
}

TEST_P(Cppn, InputsInEveryCombinationAndOrder) {
  using In = CppnInput;
  std::vector<std::vector<In>> lists{{In::y, In::x},
                                     {In::x, In::x, In::y},
                                     {In::radius, In::radius},
                                     {In::latent, In::y, In::latent, In::one, In::x, In::radius, In::latent},
                                     {In::one, In::radius, In::x},
                                     {In::latent, In::latent}};
  for (unsigned set = 1; set < 32; ++set) {
    std::vector<In> list;
    for (unsigned input = 0; input < 5; ++input)
      if ((set >> input & 1U) != 0) list.push_back(static_cast<In>(input));
    lists.push_back(list);
  }
  for (const std::vector<In>& list : lists)
    for (const Activation hidden : {Activation::tanh, Activation::sin}) {
      NetworkOptions options;
      options.inputs = list;
      options.hidden = hidden;
      options.biases = list.size() % 2 == 0 ? Biases::none : Biases::all;
      std::string what;
      for (const In input : list) what += std::to_string(static_cast<int>(input)) + " ";
      expect_right(make_network({7, 7}, options), 1e-5, "inputs " + what, {0, 0, 6, 3});
    }
}

TEST_P(Cppn, LatentVectorIsReplacedInStreamOrder) {
  for (const std::vector<int>& widths : std::vector<std::vector<int>>{{16, 16}, {}, {90}})
    for (const Activation hidden : {Activation::tanh, Activation::relu})
      for (const CppnPrecision precision : {CppnPrecision::fp32, CppnPrecision::fp64}) {
        NetworkOptions options;
        options.inputs = {CppnInput::latent, CppnInput::x, CppnInput::latent, CppnInput::y};
        options.hidden = hidden;
        TestNetwork network = make_network(widths, options);
        CppnProgram program(stream_, network.topology, network.parameters, network.latent, precision);
        const CppnWindow window = CppnWindow::centered(8, 5);
        for (const double shift : {0.0, 0.75, -2.0}) {
          network.latent = {0.3 + shift, -0.1 - shift};
          program.set_latent(stream_, network.latent);
          EXPECT_LE(error(program, network, window, {0, 0, 8, 5}),
                    precision == CppnPrecision::fp32 ? 1e-5 : 1e-9)
              << shift << " " << program.path();
        }
      }
}

TEST_P(Cppn, Windows) {
  const TestNetwork network = make_network({16, 16});
  const PixelRegion whole{0, 0, 16, 11};
  const auto check = [&](const CppnWindow& window, const std::string& what) {
    EXPECT_LE(error(network, window, whole, CppnPrecision::fp32), 1e-5) << what;
    EXPECT_LE(error(network, window, whole, CppnPrecision::fp64), 1e-9) << what;
  };
  for (const double rotation : {0.0, 0.5, -2.0, 3.14159265358979})
    for (const double span : {1.0, 0.01, 40.0})
      check(CppnWindow::centered(16, 11, 0.4, -0.3, span, rotation), "rotation " + std::to_string(rotation));
  check(CppnWindow::seed(16), "seed");
  check(CppnWindow::seed_rectangle(16, 11), "seed rectangle");
  check(CppnWindow::pixels(), "pixels");
  check(CppnWindow::pixels().scaled(0.01), "pixels x 0.01");
}

TEST_P(Cppn, WindowConventions) {
  const CppnWindow square = CppnWindow::centered(4, 2, 10.0, 20.0, 1.0);
  EXPECT_EQ((std::array{10.0 - 0.75, 20.0 - 0.25}), testing::window_point(square, 0, 0));
  EXPECT_EQ((std::array{10.0 + 0.75, 20.0 + 0.25}), testing::window_point(square, 3, 1));
  // A quarter turn takes the picture's x axis to the plane's y axis, and its y axis to -x.
  const CppnWindow turned = CppnWindow::centered(4, 2, 0, 0, 1.0, std::acos(0.0));
  const auto corner = testing::window_point(turned, 3, 1);
  EXPECT_NEAR(-0.25, corner[0], 1e-15);
  EXPECT_NEAR(0.75, corner[1], 1e-15);
  // The notebook feeds the row first.
  EXPECT_EQ((std::array{3.0 / 8 - 0.5, 5.0 / 8 - 0.5}), testing::window_point(CppnWindow::seed(8), 5, 3));
  EXPECT_EQ((std::array{3.0 / 8 - 0.5, 5.0 / 4 - 0.5}),
            testing::window_point(CppnWindow::seed_rectangle(8, 4), 5, 3));
  EXPECT_EQ((std::array{3.0, 5.0}), testing::window_point(CppnWindow::pixels(), 5, 3));
  EXPECT_EQ((std::array{1.5, 2.5}), testing::window_point(CppnWindow::pixels().scaled(0.5), 5, 3));
  EXPECT_THROW(static_cast<void>(CppnWindow::centered(0, 4)), InvalidArgument);
  EXPECT_THROW(static_cast<void>(CppnWindow::seed(0)), InvalidArgument);
}

TEST_P(Cppn, PixelIndicesBeyond32Bits) {
  const TestNetwork network = make_network({16, 16});
  const std::int64_t far = std::int64_t{1} << 40;
  const CppnWindow window = CppnWindow::centered(far, far, 0, 0, static_cast<double>(far) / 50.0);
  for (const PixelRegion region :
       {PixelRegion{far / 2 - 5, far / 2 - 3, 9, 5}, PixelRegion{far / 2 + 77, far / 2, 5, 6}})
    EXPECT_LE(error(network, window, region, CppnPrecision::fp64), 1e-9);
}

TEST_P(Cppn, DeepZoomNeedsDouble) {
  const TestNetwork network = make_network({16, 16, 16});
  const CppnWindow window = CppnWindow::centered(16, 16, 0.3, 0.3, 1e-9);
  const PixelRegion region{0, 0, 16, 16};
  const CppnProgram fine(stream_, network.topology, network.parameters, {}, CppnPrecision::fp64);
  const std::vector<double> painted = testing::paint<double>(stream_, fine, window, region, CppnSample::f64);
  const std::vector<double> expected = reference_picture(network, window, region, false);
  // The whole picture spans about 1e-9 of a channel: right to a hundredth of a pixel's step.
  WorstError worst;
  for (std::size_t index = 0; index < expected.size(); ++index)
    worst.add(std::abs(painted[index] - expected[index]));
  EXPECT_LE(worst.value(), 1e-13);
  EXPECT_NE(painted[0], painted[3]);
  EXPECT_NE(painted[0], painted[3 * 16]);
  const CppnProgram coarse(stream_, network.topology, network.parameters, {}, CppnPrecision::fp32);
  const std::vector<float> blocks = testing::paint<float>(stream_, coarse, window, region, CppnSample::f32);
  for (const float value : blocks)
    EXPECT_TRUE(value == blocks[0] || value == blocks[1] || value == blocks[2]);
}

// Every kernel that the cuda source holds for a network; on the cpu device the variable has no effect.
TEST_P(Cppn, EveryKernelVariant) {
  struct Case {
    int width;
    std::vector<std::string> variants;
  };
  for (const Case& entry : std::vector<Case>{
           {7, {"shared-4", "staged-4", "general", "wide"}},
           {16,
            {"shared-4", "staged-4", "shared-2", "shared-1", "constant-4", "constant-2", "general", "wide"}},
           {32, {"shared-2", "staged-2", "shared-1", "constant-2", "general", "wide"}},
           {64, {"shared-1", "staged-1", "general", "wide"}}})
    for (const std::string& variant : entry.variants) {
      const testing::EnvironmentOverride wanted("ATELIER_CPPN_VARIANT", variant);
      NetworkOptions options;
      options.inputs = {CppnInput::x, CppnInput::y, CppnInput::radius};
      options.biases = Biases::all;
      const std::vector<int> widths(entry.width == 32 ? 2 : 3, entry.width);
      expect_right(make_network(widths, options), 1e-5, variant + " " + std::to_string(entry.width),
                   {0, 0, 37, 5});
      if (entry.width == 7)
        expect_right(make_network({}, options), 1e-5, variant + " without hidden layers", {0, 0, 5, 3});
    }
}

TEST_P(Cppn, InfinityNeverLeaksOutOfPadding) {
  // Squares overflow to infinity, which the sigmoid takes to 1; a padding unit must not make NaN of it.
  NetworkOptions options;
  options.hidden = Activation::square;
  options.biases = Biases::none;
  for (const int width : {3, 20, 70}) {
    TestNetwork network = make_network(std::vector<int>(9, width), options);
    for (float& parameter : network.parameters) parameter = 1.0F + std::abs(parameter);
    const CppnProgram program(stream_, network.topology, network.parameters);
    const CppnWindow window = CppnWindow::pixels();
    for (const float value : testing::paint<float>(stream_, program, window, {5, 5, 6, 3}, CppnSample::f32))
      EXPECT_EQ(1.0F, value) << width << " " << program.path();
  }
}

TEST_P(Cppn, ProgramErrorsNameWhatIsWrong) {
  const TestNetwork good = make_network({4});
  const auto message = [&](const TestNetwork& network) -> std::string {
    try {
      const CppnProgram program(stream_, network.topology, network.parameters, network.latent);
    } catch (const InvalidArgument& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ("no error", message(good));
  const auto expect_message = [&](auto change, const char* part) {
    TestNetwork bad = good;
    change(bad);
    EXPECT_NE(std::string::npos, message(bad).find(part)) << message(bad);
  };
  expect_message([](TestNetwork& n) { n.parameters.pop_back(); }, "23 parameters given, the network has 24");
  expect_message([](TestNetwork& n) { n.parameters[3] = NAN; }, "parameter 3 is nan");
  expect_message([](TestNetwork& n) { n.latent = {1.0}; }, "1 latent numbers given, the network takes 0");
  expect_message([](TestNetwork& n) { n.topology.layers.clear(); }, "0 layers");
  expect_message([](TestNetwork& n) { n.topology.layers.assign(257, {}); }, "257 layers");
  expect_message([](TestNetwork& n) { n.topology.layers[0].width = 0; }, "layer 0 is 0 wide");
  expect_message([](TestNetwork& n) { n.topology.layers[0].width = 1025; }, "layer 0 is 1025 wide");
  expect_message([](TestNetwork& n) { n.topology.layers[1].width = 2; }, "output layer is 2 wide");
  expect_message([](TestNetwork& n) { n.topology.inputs.clear(); }, "0 inputs");
  expect_message([](TestNetwork& n) { n.topology.inputs.assign(257, CppnInput::x); }, "257 inputs");
  expect_message([](TestNetwork& n) { n.topology.layers[0].activation.kind = static_cast<Activation>(99); },
                 "unknown activation 99");
  expect_message(
      [](TestNetwork& n) {
        n.topology.inputs[0] = CppnInput::latent;
        n.latent = {std::numeric_limits<double>::infinity()};
      },
      "latent number 0 is inf");
  expect_message(
      [](TestNetwork& n) {
        n.topology.inputs[0] = CppnInput::latent;
        n.latent = {1e300};
      },
      "drives unit 0");
}

INSTANTIATE_TEST_SUITE_P(Devices, Cppn, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

}  // namespace
}  // namespace atelier
