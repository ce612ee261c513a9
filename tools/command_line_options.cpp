#include "tools/command_line_options.h"

#include <string>

namespace atelier::tools {
namespace {

/// Beyond this many the system may refuse to start one, in the midst of a picture.
constexpr std::int64_t kMaxThreads = 1024;

}  // namespace

void add_output(CLI::App& verb, RunOptions& run, const char* what) {
  verb.add_option("-o,--output", run.output, what)->type_name("FILE");
  verb.add_flag("--force", run.force, "Replace the output where it exists");
}

void add_report(CLI::App& verb, RunOptions& run) {
  verb.add_flag("--json", run.json, "One JSON document on standard output");
  verb.add_flag("-q,--quiet", run.quiet, "Nothing but errors");
}

void add_verbose(CLI::App& verb, RunOptions& run, const char* what) {
  verb.add_flag("-v,--verbose", run.verbose, what);
}

CLI::Option* add_count(CLI::App& verb, const char* name, std::optional<std::int64_t>& target,
                       std::int64_t low, const char* what) {
  const auto read = [=, &target](const std::string& text) {
    target = parse_integer(name, text, low, std::int64_t{1} << 40);
  };
  return verb.add_option_function<std::string>(name, read, what)->type_name("N");
}

CLI::Option* add_number(CLI::App& verb, const char* name, std::optional<double>& target, const char* type,
                        const char* what) {
  const auto read = [name, &target](const std::string& text) { target = parse_number(name, text); };
  return verb.add_option_function<std::string>(name, read, what)->type_name(type);
}

void add_device(CLI::App& verb, RunOptions& run) {
  verb.add_option("--device", run.device,
                  "auto (a GPU if there is one, else the cpu), cuda[:N], cpu, simt (slow)")
      ->type_name("NAME")
      ->group("Device");
  add_whole(verb, "--threads", run.threads, 0, kMaxThreads, "N",
            "Threads of the cpu device (default: all cores)")
      ->group("Device");
}

CLI::Option* add_seed(CLI::App& verb, const char* name, std::optional<std::uint64_t>& target,
                      const char* what) {
  const auto read = [name, &target](const std::string& text) { target = parse_unsigned(name, text); };
  return verb.add_option_function<std::string>(name, read, what)->type_name("N");
}

CLI::Option* add_data_folder(CLI::App& verb, std::string& folder) {
  return verb
      .add_option("--data", folder,
                  "Where mnist and fashion are (else $ATELIER_DATA, data/, ../shared/data, the cache folder)")
      ->type_name("DIR");
}

}  // namespace atelier::tools
