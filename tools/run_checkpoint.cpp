#include "tools/run_checkpoint.h"

#include <fmt/format.h>

#include "runtime/error.h"
#include "tools/run_folder.h"

namespace atelier::tools {

RunCheckpoint read_run_checkpoint(const std::string& source) {
  std::filesystem::path path = source;
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    if (!RunFolder::holds_run(path))
      throw Error(fmt::format("{} holds no run (there is no {})", source, kConfigFile));
    path /= kCheckpointFile;
    if (!std::filesystem::exists(path, ignored))
      throw Error(fmt::format("{} has no checkpoint yet; atelier train --resume --run {} goes on with it",
                              source, source));
  }
  TensorFile file = read_safetensors(path);
  return {path, std::move(file)};
}

}  // namespace atelier::tools
