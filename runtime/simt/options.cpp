#include "runtime/simt/options.h"

#include <charconv>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <string>

#include "runtime/error.h"

namespace atelier::simt {
namespace {

std::mutex mutex;
std::optional<Options> current;

}  // namespace

void parse_schedule(std::string_view text, Options& options) {
  const auto refuse = [text] {
    throw InvalidArgument("simt schedule '" + std::string(text) +
                          "' is unknown: use depth_first, reverse, round_robin, priority or priority:SEED");
  };
  const std::size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  if (name == "depth_first") {
    options.schedule = Schedule::depth_first;
  } else if (name == "reverse") {
    options.schedule = Schedule::reverse;
  } else if (name == "round_robin") {
    options.schedule = Schedule::round_robin;
  } else if (name == "priority") {
    options.schedule = Schedule::priority;
  } else {
    refuse();
  }
  if (colon == std::string_view::npos) return;
  const std::string_view digits = text.substr(colon + 1);
  const char* end = digits.data() + digits.size();
  const auto result = std::from_chars(digits.data(), end, options.seed);
  if (name != "priority" || result.ec != std::errc{} || result.ptr != end) refuse();
}

Options options() {
  const std::lock_guard lock(mutex);
  if (!current) {
    Options initial;
    if (const char* text = std::getenv("ATELIER_SIMT_SCHEDULE"); text != nullptr && *text != '\0')
      parse_schedule(text, initial);
    current = initial;
  }
  return *current;
}

void set_options(const Options& options) {
  if (options.workers > 256) throw InvalidArgument("simt options: more than 256 workers");
  if (!(options.watchdog_seconds >= 0.0))
    throw InvalidArgument("simt options: watchdog_seconds must be >= 0");
  if (options.stack_bytes != 0 && options.stack_bytes < 16 * 1024)
    throw InvalidArgument("simt options: stack_bytes must be 0 or at least 16384");
  if (options.multiprocessors < 1 || options.threads_per_multiprocessor < 1 ||
      options.blocks_per_multiprocessor < 1)
    throw InvalidArgument("simt options: the GPU's limits must be positive");
  if (options.shared_bytes_per_block > 227 * 1024)
    throw InvalidArgument("simt options: shared_bytes_per_block must be at most 232448");
  const std::lock_guard lock(mutex);
  current = options;
}

OptionsOverride::~OptionsOverride() {
  const std::lock_guard lock(mutex);
  current = former_;
}

}  // namespace atelier::simt
