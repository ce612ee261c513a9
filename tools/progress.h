#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace atelier::tools {

/// How far a picture is, on stderr: one line that redraws itself on a terminal; elsewhere a plain line now
/// and then for work that takes long; nothing when quiet.
class Progress {
 public:
  Progress(std::string name, std::int64_t total_pixels, bool quiet);
  ~Progress();  // leaves the terminal's line empty
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void add(std::int64_t pixels);

 private:
  using Clock = std::chrono::steady_clock;
  void show(Clock::time_point now);

  std::string name_;
  std::int64_t total_;
  std::int64_t done_ = 0;
  bool quiet_;
  bool terminal_;
  bool shown_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = start_;
};

/// "12 s", "3:05", "1:02:03".
[[nodiscard]] std::string duration_text(double seconds);
/// "1.9 kB", "312 MB": decimal units.
[[nodiscard]] std::string size_text(std::uint64_t bytes);

}  // namespace atelier::tools
