#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

namespace atelier::testing {

/// How a program ended and what it said.
struct Outcome {
  int code = -1;    // exit code; -1 when a signal ended it
  int signal = 0;   // that signal
  std::string out;  // standard output
  std::string err;  // standard error

  /// Lines on standard error.
  [[nodiscard]] int error_lines() const;
};

/// What a run may differ in.
struct Surroundings {
  std::vector<std::pair<std::string, std::string>> environment = {};  // added to the test's own
  std::string input = {};                                             // standard input
  std::filesystem::path folder = {};                                  // working folder; empty: the test's
  std::uint64_t largest_file = 0;                                     // RLIMIT_FSIZE; 0: none
};

/// A program that has been started.
class Process {
 public:
  Process(const std::string& program, const std::vector<std::string>& arguments,
          const Surroundings& surroundings);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  void send(int signal) const;
  /// Waits for the end.
  [[nodiscard]] Outcome wait();

 private:
  int process_ = -1;
  std::filesystem::path outputs_;
};

/// The `atelier` program: $ATELIER_PROGRAM, else the one of this build.
[[nodiscard]] std::string atelier_program();
/// Runs it to its end.
[[nodiscard]] Outcome atelier(const std::vector<std::string>& arguments,
                              const Surroundings& surroundings = {});

/// Expects that the program refused in one line with `message` in it, ended with `code` and had no result to
/// print.
void expect_refusal(const Outcome& outcome, int code, const std::string& message,
                    std::source_location where = std::source_location::current());

/// A command's words and some more behind them.
[[nodiscard]] std::vector<std::string> with(std::vector<std::string> words,
                                            const std::vector<std::string>& more);

/// A fresh folder that is removed with everything inside.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  /// Names of everything inside, hidden files included.
  [[nodiscard]] std::vector<std::string> names() const;

 private:
  std::filesystem::path path_;
};

[[nodiscard]] std::string read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, const std::string& contents);

}  // namespace atelier::testing
