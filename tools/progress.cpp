#include "tools/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <utility>

#include "tools/run_options.h"

namespace atelier::tools {

Progress::Progress(std::string name, std::int64_t total, bool quiet, ProgressUnit unit, std::int64_t done)
    : name_(std::move(name)),
      total_(total),
      before_(done),
      done_(done),
      unit_(unit),
      quiet_(quiet),
      terminal_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (shown_ && terminal_) std::fputs("\r\033[K", stderr);
}

void Progress::set_note(std::string note) {
  note_ = std::move(note);
}

void Progress::tell(const std::string& message) {
  if (quiet_) return;
  if (shown_ && terminal_) std::fputs("\r\033[K", stderr);
  say(message);
}

double Progress::seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

void Progress::add(std::int64_t count) {
  done_ += count;
  if (quiet_) return;
  const Clock::time_point now = Clock::now();
  const auto pause = terminal_ ? std::chrono::milliseconds(100) : std::chrono::seconds(10);
  if (now - last_ < pause) return;
  last_ = now;
  show(now);
}

void Progress::show(Clock::time_point now) {
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double rate = static_cast<double>(added()) / seconds;
  const double left = static_cast<double>(total_ - done_) / std::max(rate, 1e-9);
  const double share = 100.0 * static_cast<double>(done_) / static_cast<double>(total_);
  const std::string line =
      fmt::format("{}  {:3.0f} %  {:.{}f} {}  {} left{}{}", name_, share, rate / unit_.size, unit_.decimals,
                  unit_.name, duration_text(left), note_.empty() ? "" : "  ", note_);
  std::fputs(fmt::format("{}{}{}", terminal_ ? "\r\033[K" : "", line, terminal_ ? "" : "\n").c_str(), stderr);
  std::fflush(stderr);
  shown_ = true;
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::llround(std::min(seconds, 1e15)));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string size_text(std::uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} bytes", bytes);
  static constexpr std::array<const char*, 6> kUnits{"kB", "MB", "GB", "TB", "PB", "EB"};
  double value = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", value, value < 9.95 ? 1 : 0, kUnits[unit]);
}

std::string rough_text(double number) {
  const double step = std::pow(10.0, std::max(0.0, std::floor(std::log10(number)) - 1));
  return fmt::format("{:.0f}", std::round(number / step) * step);
}

}  // namespace atelier::tools
