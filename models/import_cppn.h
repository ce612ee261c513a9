#pragma once

#include <filesystem>

#include "models/recipe.h"
#include "models/safetensors.h"

namespace atelier {

/// What a state_dict does not say about a network.
struct ImportOptions {
  ActivationFunction hidden{Activation::tanh};
  ActivationFunction output{Activation::sigmoid};
  std::vector<CppnInput> inputs;  // empty: x, y; then radius, one, latent… until the first layer is filled
};

/// A recipe from a torch state_dict of an nn.Sequential-like stack of Linear layers: keys "<prefix>N.weight"
/// [out, in] with optional "<prefix>N.bias" [out], ordered by N (gaps are the activations between). Other
/// tensors are ignored when they do not end in .weight or .bias. Coordinates: the seed convention when the
/// metadata holds torch_seed, else centered. Throws InvalidArgument with one line: no layers, shapes that do
/// not chain, a bias that does not fit, NaN or infinite weights, an output that is neither 1 nor 3 wide.
[[nodiscard]] CppnRecipe import_cppn(const TensorFile& file, const ImportOptions& options,
                                     const std::string& source);

}  // namespace atelier
