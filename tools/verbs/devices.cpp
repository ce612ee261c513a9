#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "models/presets.h"
#include "tools/progress.h"
#include "tools/verbs/verbs.h"

namespace atelier::tools {
namespace {

/// Which kernel paints networks of some widths, in each precision.
std::vector<std::pair<std::string, std::string>> kernel_paths(Device device) {
  Stream stream(device);
  std::vector<std::pair<std::string, std::string>> paths;
  for (const CppnPrecision precision : {CppnPrecision::fp32, CppnPrecision::fp64})
    for (const int width : {8, 16, 32, 64, 128, 512}) {
      const CppnRecipe recipe = preset_recipe("seed", {RandomSource::philox, 0, width, 2});
      const CppnProgram program(stream, recipe.topology, recipe.parameters, {}, precision);
      paths.emplace_back(fmt::format("{} wide, {}", width, name_of(precision)), program.path());
    }
  return paths;
}

}  // namespace

void devices(const DevicesCommand& command) {
  const std::string no_cuda = cuda_unavailable_reason();
  nlohmann::ordered_json document = {{"devices", nlohmann::ordered_json::array()}};
  std::string text;
  for (const Device device : devices_present()) {
    const DeviceDescription facts = describe(device);
    nlohmann::ordered_json entry = {{"name", device.name()},
                                    {"model", facts.model},
                                    {"detail", facts.detail},
                                    {"memory_total", facts.memory_total},
                                    {"memory_free", facts.memory_free},
                                    {"multiprocessors", facts.multiprocessors}};
    text += fmt::format("{:<8}{}\n{:8}{}\n{:8}{} of {} free\n", device.name(), facts.model, "", facts.detail,
                        "", size_text(facts.memory_free), size_text(facts.memory_total));
    if (command.verbose) {
      nlohmann::ordered_json kernels = nlohmann::ordered_json::object();
      for (const auto& [network, path] : kernel_paths(device)) {
        kernels[network] = path;
        text += fmt::format("{:8}{:<18}{}\n", "", network, path);
      }
      entry["cppn_kernels"] = kernels;
    }
    document["devices"].push_back(entry);
  }
  if (!no_cuda.empty()) {
    document["cuda_unavailable"] = no_cuda;
    text += fmt::format("cuda    not available: {}\n", no_cuda);
  }
  if (!simt_available()) text += "simt    not in this build (CUDA's headers were missing)\n";
  document["simt_available"] = simt_available();
  if (command.json) {
    print_json(document);
  } else {
    print_text(text);
  }
}

}  // namespace atelier::tools
