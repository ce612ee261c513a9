#pragma once

#include <stdexcept>

namespace atelier::tools {

/// The command was used wrongly (an option, a value, a combination): one line, exit code 2. Everything else
/// that goes wrong is an atelier::Error or another std::exception, and exit code 1.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace atelier::tools
