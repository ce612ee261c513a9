#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "models/atomic_file.h"
#include "runtime/device.h"

namespace atelier::tools {

/// What every verb that computes or writes understands.
struct RunOptions {
  std::string output;
  std::string device = "auto";
  int threads = 0;  // 0: as many as the process may use; not negative
  bool force = false;
  bool json = false;
  bool quiet = false;
  bool verbose = false;
};

/// Sets the number of threads and finds the device. Says on stderr in one line when `auto` fell back to the
/// cpu. Throws UsageError for another word than a device's, DeviceUnavailable.
[[nodiscard]] Device open_device(const RunOptions& options);

/// The file that --output names, under the name only when it is committed. Throws Error where it cannot be
/// written, or exists and --force was not given.
[[nodiscard]] AtomicFile open_output(const RunOptions& options);

/// Throws Error, which names --force, when something is there already.
void require_free_name(const std::filesystem::path& path);

/// "cuda:0 (NVIDIA …)", "cpu (avx512, 2 threads)".
[[nodiscard]] std::string device_text(Device device);

/// "atelier: <message>" on stderr. Never throws for an stderr that cannot be written.
void say(const std::string& message);

/// A JSON document on stdout. Throws Error when stdout cannot be written.
void print_json(const nlohmann::ordered_json& document);
/// Text on stdout. Throws Error when stdout cannot be written.
void print_text(const std::string& text);

}  // namespace atelier::tools
