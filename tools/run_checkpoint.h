#pragma once

#include <filesystem>
#include <string>

#include "models/safetensors.h"

namespace atelier::tools {

struct RunCheckpoint {
  std::filesystem::path path;
  TensorFile file;
};

/// The last checkpoint of a run: `source` is its folder, or a checkpoint file. Throws Error: no run there, no
/// checkpoint yet; InvalidArgument: the file is not what it should be.
[[nodiscard]] RunCheckpoint read_run_checkpoint(const std::string& source);

}  // namespace atelier::tools
