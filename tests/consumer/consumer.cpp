// Paints a small picture through the installed headers and libraries and prints its checksum.
#include <atelier/kernels/cppn.h>
#include <atelier/models/presets.h>
#include <atelier/runtime/buffer.h>
#include <atelier/runtime/device.h>
#include <atelier/runtime/stream.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <vector>

namespace {

constexpr std::int64_t kSize = 64;

std::vector<std::byte> paint(std::uint64_t seed) {
  atelier::PresetOptions options;
  options.seed = seed;
  const atelier::CppnRecipe recipe = atelier::preset_recipe("seed", options);

  atelier::Stream stream{atelier::Device::parse("cpu")};
  const atelier::CppnProgram program(stream, recipe.topology, recipe.parameters, recipe.latent);
  const std::int64_t row_bytes = kSize * program.channels();
  atelier::Buffer<std::byte> pixels(stream, kSize * row_bytes, "picture");
  atelier::cppn_render(stream, program, atelier::recipe_window(recipe, kSize, kSize), {0, 0, kSize, kSize},
                       recipe.color, atelier::CppnSample::u8, pixels.view(), row_bytes);
  return atelier::download(stream, pixels.view());
}

// FNV-1a, 64 bits.
std::uint64_t checksum(const std::vector<std::byte>& bytes) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const std::byte byte : bytes) hash = (hash ^ std::to_integer<std::uint64_t>(byte)) * 0x100000001b3U;
  return hash;
}

}  // namespace

int main() {
  try {
    const std::uint64_t first = checksum(paint(1));
    const std::uint64_t again = checksum(paint(1));
    const std::uint64_t other = checksum(paint(2));
    std::printf("64x64 picture of seed 1: checksum %016llx\n", static_cast<unsigned long long>(first));
    if (first != again) std::puts("painted again it differs");
    if (first == other) std::puts("seeds 1 and 2 paint the same picture");
    return first == again && first != other ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "consumer: %s\n", error.what());
    return 1;
  }
}
