// recipe_from_json on any text: InvalidArgument, or a recipe that survives being written and read again.
#include <stdexcept>
#include <string_view>

#include "models/presets.h"
#include "models/recipe.h"
#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace atelier;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  CppnRecipe recipe;
  try {
    recipe = recipe_from_json(text, "fuzz");
  } catch (const InvalidArgument&) {
    return 0;
  }
  constexpr std::size_t kQuick = 50000;  // parameters; a larger network is not read twice
  if (recipe.parameters.size() > kQuick) return 0;
  if (recipe_from_json(recipe_to_json(recipe, -1), "written") != recipe)
    throw std::logic_error("a recipe changed on its way through JSON");
  try {
    static_cast<void>(recipe_window(recipe, recipe.width, recipe.height));
  } catch (const InvalidArgument&) {
    return 0;
  }
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  using namespace atelier;
  std::vector<std::string> seeds{
      R"({"atelier_recipe": 1})",
      R"({"atelier_recipe": 1, "seed": 7, "width": 300, "height": 200, "name": "by hand"})",
      R"({"atelier_recipe":1,"network":{"inputs":["x","y","radius","one","latent"],"layers":[)"
      R"({"width":5,"activation":"leaky_relu","slope":0.25,"bias":true,"repeat":3},{"width":1,"activation":"gaussian"}]},)"
      R"("latent":[-0.5],"origin":{"distribution":"uniform","scale":3,"layer_scale":[1,2,0.5,1],"source":"torch","seed":9},)"
      R"("coordinates":{"convention":"centered","center":[0.1,-2e-9],"span":1e-12,"rotation":3,"scale":0.01},)"
      R"("color":"hsv","sample":"f64","precision":"double"})",
      R"({"atelier_recipe":1,"seed":3,"network":{"inputs":["wave","wave"],"waves":[[1,0,0.25,0.159],[3,-2,0.5]]},)"
      R"("coordinates":{"convention":"tile","span":2},"color":"palette","palette":["#0b132b","teal","#fd6"],)"
      R"("samples":4,"dither":true,"sample":"u16"})",
      R"({"atelier_recipe":1,"network":{"inputs":["x","wave","wave"]},)"
      R"("origin":{"seed":5,"fourier":{"count":1,"scale":2.5}},"color":"oklch"})",
      R"({"atelier_recipe":1,"network":{"inputs":["x"],"layers":[{"width":1}]},"parameters":{"count":1,"fp32":"AACAPw=="}})",
  };
  for (const char* preset : {"seed", "mondrian", "hidden-0-linear"}) {
    PresetOptions options;
    options.seed = 3;
    if (std::string_view(preset) != "hidden-0-linear") {
      options.width = 4;
      options.layers = 2;
    }
    CppnRecipe recipe = preset_recipe(preset, options);
    seeds.push_back(recipe_to_json(recipe));
    recipe.origin.reset();
    seeds.push_back(recipe_to_json(recipe, -1));
  }
  return seeds;
}
