#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "models/atomic_file.h"

namespace atelier::tools {

/// A program that reads raw bytes from its standard input and writes a file, which has no name. The program
/// dies with the object.
class EncoderProcess {
 public:
  /// Starts `words` (the program is looked for in $PATH). It finds the file under the name that `words` hold
  /// as kOutputName. Throws Error: the program is not there, cannot be started, `folder` cannot be written.
  EncoderProcess(std::vector<std::string> words, const std::filesystem::path& folder);
  ~EncoderProcess();
  EncoderProcess(const EncoderProcess&) = delete;
  EncoderProcess& operator=(const EncoderProcess&) = delete;
  static constexpr const char* kOutputName = "/dev/fd/3";

  /// Throws Error, which quotes the last line that the program said, when it has ended; Interrupted.
  void write(const std::byte* data, std::size_t bytes);
  /// Closes its input, waits for its end and copies the file. Throws Error when it failed; Interrupted.
  void finish(AtomicFile& into);

 private:
  [[nodiscard]] bool ended();
  [[noreturn]] void fail();

  std::string name_;
  int input_ = -1;
  int output_ = -1;
  int messages_ = -1;
  pid_t process_ = -1;
  int status_ = 0;
};

}  // namespace atelier::tools
