#include "tools/run_options.h"

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "runtime/instruction_set.h"
#include "runtime/parallel.h"
#include "tools/usage_error.h"

namespace atelier::tools {

Device open_device(const RunOptions& options) {
  if (options.threads > 0) set_cpu_threads(options.threads);
  Device device;
  try {
    device = Device::parse(options.device);
  } catch (const InvalidArgument& error) {
    throw UsageError(fmt::format("--device: {}", error.what()));
  }
  if (options.device == "auto" && device.kind() == DeviceKind::cpu && !options.quiet)
    say(fmt::format("running on the cpu: {}", cuda_unavailable_reason()));
  return device;
}

void require_free_name(const std::filesystem::path& path) {
  std::error_code ignored;
  const std::filesystem::file_type type = std::filesystem::symlink_status(path, ignored).type();
  if (type == std::filesystem::file_type::regular || type == std::filesystem::file_type::symlink)
    throw Error(fmt::format("{} exists already; --force replaces it", path.string()));
}

AtomicFile open_output(const RunOptions& options) {
  if (options.force) return {options.output, AtomicFile::Existing::replace};
  require_free_name(options.output);
  return {options.output, AtomicFile::Existing::refuse};
}

std::string device_text(Device device) {
  if (device.kind() == DeviceKind::cuda) return fmt::format("{} ({})", device.name(), describe(device).model);
  if (device.kind() == DeviceKind::simt) return device.name();
  const int threads = cpu_threads();
  return fmt::format("{} ({}, {} thread{})", device.name(), instruction_set_name(instruction_set()), threads,
                     threads == 1 ? "" : "s");
}

void say(const std::string& message) {
  // A message that cannot be said is no reason to fail.
  std::fputs(fmt::format("atelier: {}\n", message).c_str(), stderr);
}

void print_text(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    throw Error("cannot write to standard output");
}

void print_json(const nlohmann::ordered_json& document) {
  // File names need not be UTF-8; JSON must be.
  print_text(document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace atelier::tools
