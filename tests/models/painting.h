#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

#include "kernels/cppn.h"
#include "models/recipe.h"
#include "runtime/buffer.h"
#include "runtime/stream.h"

namespace atelier::testing {

/// The samples of a whole picture, row by row; T must be the recipe's sample type.
template <class T>
std::vector<T> paint(Device device, const CppnRecipe& recipe, std::int64_t width, std::int64_t height,
                     CppnSample sample) {
  Stream stream(device);
  const CppnProgram program(stream, recipe.topology, recipe.parameters, recipe.latent, recipe.precision);
  const std::int64_t row_bytes =
      width * program.channels() * static_cast<std::int64_t>(cppn_sample_bytes(sample));
  Buffer<std::byte> pixels(stream, row_bytes * height, "picture");
  cppn_render(stream, program, recipe_window(recipe, width, height), {0, 0, width, height}, recipe.color,
              sample, pixels.view(), row_bytes);
  const std::vector<std::byte> bytes = download<std::byte>(stream, pixels.view());
  std::vector<T> samples(bytes.size() / sizeof(T));
  if (!samples.empty()) std::memcpy(samples.data(), bytes.data(), bytes.size());
  return samples;
}

}  // namespace atelier::testing
