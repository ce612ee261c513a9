#pragma once

namespace atelier::tools {

/// Reads the arguments and runs the verb. Returns the exit code: 0 done, 1 failed, 2 used wrongly.
[[nodiscard]] int run_command_line(int count, const char* const* arguments);

}  // namespace atelier::tools
