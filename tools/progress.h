#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace atelier::tools {

/// What the rate of some work is told in: so many of what is counted make one of `name`.
struct ProgressUnit {
  const char* name;  // "Mpixel/s"
  double size;       // 1e6
  int decimals;      // of the rate
};
inline constexpr ProgressUnit kPixelRate{"Mpixel/s", 1e6, 1};
inline constexpr ProgressUnit kSampleRate{"samples/s", 1, 0};
inline constexpr ProgressUnit kFrameRate{"frames/s", 1, 1};
inline constexpr ProgressUnit kRunRate{"runs/s", 1, 1};

/// How far some work is, on stderr: one line that redraws itself on a terminal; elsewhere a plain line now
/// and then for work that takes long; nothing when quiet.
class Progress {
 public:
  /// `done` of `total` was there before: it counts for the share, not for the rate.
  Progress(std::string name, std::int64_t total, bool quiet, ProgressUnit unit = kPixelRate,
           std::int64_t done = 0);
  ~Progress();  // leaves the terminal's line empty
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void add(std::int64_t count);
  /// Words behind the line: "loss 0.031".
  void set_note(std::string note);
  /// A line of its own that stays ("atelier: <message>"); nothing when quiet.
  void tell(const std::string& message);
  /// Seconds since the start, and what was added in them.
  [[nodiscard]] double seconds() const;
  [[nodiscard]] std::int64_t added() const { return done_ - before_; }

 private:
  using Clock = std::chrono::steady_clock;
  void show(Clock::time_point now);

  std::string name_;
  std::int64_t total_;
  std::int64_t before_;
  std::int64_t done_;
  ProgressUnit unit_;
  std::string note_;
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

/// A whole number of two digits that count: "110000".
[[nodiscard]] std::string rough_text(double number);

}  // namespace atelier::tools
