// Teaches a small network the exclusive or through the installed headers and libraries, saves it and reads it
// back.
#include <atelier/kernels/counter.h>
#include <atelier/models/network.h>
#include <atelier/models/safetensors.h>
#include <atelier/runtime/buffer.h>
#include <atelier/runtime/device.h>
#include <atelier/runtime/graph.h>
#include <atelier/runtime/stream.h>

#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <vector>

namespace {

constexpr std::int64_t kRows = 4;
constexpr std::int64_t kSteps = 500;

std::vector<float> answers(atelier::Stream& stream, atelier::Network& network,
                           atelier::MatrixView<const float> inputs) {
  atelier::Pass pass(stream, network, kRows, atelier::Pass::Purpose::inference);
  const atelier::MatrixView<float> output = pass.forward(stream, inputs);
  return atelier::download(stream, atelier::VectorView<float>{output.data, output.rows});
}

int learn(const std::filesystem::path& path) {
  atelier::Stream stream{atelier::Device::parse("cpu")};
  const auto description = atelier::network_from_text("2 linear(8) tanh linear(1) sigmoid");
  atelier::Network network(stream, description, 1);
  atelier::Optimizer optimizer(stream, network,
                               {.kind = atelier::OptimizerKind::adam, .learning_rate = 0.05});
  atelier::Pass pass(stream, network, kRows, atelier::Pass::Purpose::training);

  atelier::Buffer<float> inputs(stream, 2 * kRows);
  atelier::Buffer<float> targets(stream, kRows);
  atelier::upload<float>(stream, inputs.view(), std::vector<float>{0, 0, 0, 1, 1, 0, 1, 1});
  atelier::upload<float>(stream, targets.view(), std::vector<float>{0, 1, 1, 0});
  atelier::Buffer<float> loss(stream, 1);
  atelier::Buffer<float> losses(stream, kSteps);
  atelier::Buffer<std::uint64_t> iteration(stream, 1);
  atelier::upload<std::uint64_t>(stream, iteration.view(), std::vector<std::uint64_t>{0});

  // One step is recorded and replayed; what changes between steps, Adam's count, is read from `iteration`.
  stream.begin_capture();
  pass.forward(stream, inputs.matrix(kRows, 2));
  pass.loss(stream, atelier::Loss::bce, {targets.matrix(kRows, 1)}, loss.data());
  pass.backward_and_step(stream, optimizer, {iteration.data(), 1, 1});
  atelier::finish_iteration(stream, iteration.data(), loss.view(), losses.matrix(kSteps, 1));
  const atelier::Graph step = stream.end_capture();
  for (std::int64_t i = 0; i < kSteps; ++i) step.launch(stream);

  const std::vector<float> curve = atelier::download(stream, losses.view());
  const std::vector<float> learnt = answers(stream, network, inputs.matrix(kRows, 2));
  std::printf("loss %.4f, then %.4f; answers %.3f %.3f %.3f %.3f\n", static_cast<double>(curve.front()),
              static_cast<double>(curve.back()), static_cast<double>(learnt[0]),
              static_cast<double>(learnt[1]), static_cast<double>(learnt[2]), static_cast<double>(learnt[3]));

  atelier::TensorFile file;
  network.save(stream, file, "");
  atelier::write_safetensors(path, file);
  atelier::Network other(stream, description, 2);
  other.load(stream, atelier::read_safetensors(path), "");
  std::filesystem::remove(path);

  const bool right = learnt[0] < 0.1F && learnt[1] > 0.9F && learnt[2] > 0.9F && learnt[3] < 0.1F;
  const bool same = answers(stream, other, inputs.matrix(kRows, 2)) == learnt;
  if (!right) std::puts("that is not the exclusive or");
  if (!same) std::puts("read back, the network answers otherwise");
  return right && same ? 0 : 1;
}

}  // namespace

int main() {
  try {
    return learn("exclusive_or.safetensors");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "training: %s\n", error.what());
    return 1;
  }
}
