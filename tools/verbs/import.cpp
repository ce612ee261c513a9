#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "models/import_cppn.h"
#include "tools/option_text.h"
#include "tools/usage_error.h"
#include "tools/verbs/verbs.h"

namespace atelier::tools {

void import_network(const ImportCommand& command) {
  const RunOptions& run = command.run;
  if (run.output.empty()) throw UsageError("import needs -o FILE.json");
  std::string extension = std::filesystem::path(run.output).extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  if (extension != ".json") throw UsageError(fmt::format("{}: recipes are .json files", run.output));
  ImportOptions options;
  if (command.activation) options.hidden = parse_activation("--activation", *command.activation);
  if (command.output_activation)
    options.output = parse_activation("--output-activation", *command.output_activation);
  if (command.inputs) options.inputs = parse_inputs("--inputs", *command.inputs);

  const CppnRecipe recipe = import_cppn(read_safetensors(command.source), options, command.source);
  AtomicFile file = open_output(run);
  const std::string text = recipe_to_json(recipe) + "\n";
  file.write(text.data(), text.size());
  file.commit();
  if (run.json) {
    print_json({{"file", run.output},
                {"bytes", file.bytes_written()},
                {"network", topology_text(recipe.topology)},
                {"parameters", recipe.topology.parameter_count()}});
  } else if (!run.quiet) {
    print_text(fmt::format("{}: {}; {} parameters\n", run.output, topology_text(recipe.topology),
                           recipe.topology.parameter_count()));
  }
}

}  // namespace atelier::tools
