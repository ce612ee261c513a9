#include "tools/metrics_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <string_view>
#include <system_error>
#include <utility>

#include "runtime/error.h"

namespace atelier::tools {
namespace {

[[noreturn]] void fail(const char* what, const std::filesystem::path& path, int error_number) {
  throw Error(
      fmt::format("cannot {} {}: {}", what, path.string(), std::generic_category().message(error_number)));
}

bool read_number(std::string_view text, double& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

/// The iteration of a row; false where the line is no row.
bool read_iteration(std::string_view line, std::int64_t& iteration) {
  const std::string_view cell = line.substr(0, line.find(','));
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), iteration);
  return error == std::errc() && end == cell.data() + cell.size();
}

/// Bytes of the header and of the rows up to `iteration`, as far as they are whole.
std::uint64_t bytes_to_keep(const std::filesystem::path& path, const std::string& header,
                            std::int64_t iteration) {
  std::ifstream file(path, std::ios::binary);
  if (!file) fail("read", path, errno);
  std::string line;
  std::uint64_t kept = 0;
  // A line that ends the file without a newline was torn off in the middle.
  if (!std::getline(file, line) || file.eof()) return 0;
  if (line != header)
    throw InvalidArgument(fmt::format("{} has the columns '{}', this run has '{}': it is of another version",
                                      path.string(), line.substr(0, 100), header));
  kept = line.size() + 1;
  std::int64_t row = 0;
  while (std::getline(file, line) && !file.eof() && read_iteration(line, row) && row <= iteration)
    kept += line.size() + 1;
  return kept;
}

void write_all(int descriptor, std::string_view text, const std::filesystem::path& path) {
  while (!text.empty()) {
    const ssize_t moved = ::write(descriptor, text.data(), text.size());
    if (moved < 0 && errno == EINTR) continue;
    if (moved <= 0) fail("write", path, moved < 0 ? errno : ENOSPC);
    text.remove_prefix(static_cast<std::size_t>(moved));
  }
}

}  // namespace

MetricsFile::MetricsFile(std::filesystem::path path, const std::vector<std::string>& names,
                         std::int64_t iteration)
    : path_(std::move(path)) {
  const std::string header = fmt::format("{}", fmt::join(names, ","));
  std::error_code ignored;
  const std::uint64_t kept =
      std::filesystem::exists(path_, ignored) ? bytes_to_keep(path_, header, iteration) : 0;
  descriptor_ = open(path_.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail("write", path_, errno);
  if (ftruncate(descriptor_, static_cast<off_t>(kept)) != 0 ||
      lseek(descriptor_, static_cast<off_t>(kept), SEEK_SET) < 0) {
    const int error_number = errno;
    close(std::exchange(descriptor_, -1));
    fail("write", path_, error_number);
  }
  if (kept == 0) waiting_ = header + "\n";
}

MetricsFile::~MetricsFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

void MetricsFile::append(const std::vector<std::vector<double>>& rows) {
  for (const std::vector<double>& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) waiting_ += ',';
      waiting_ += metric_text(row[i]);
    }
    waiting_ += '\n';
  }
}

void MetricsFile::flush() {
  write_all(descriptor_, waiting_, path_);
  waiting_.clear();
  // Pipes and some file systems cannot; a disk that is full or broken says so.
  if (fdatasync(descriptor_) != 0 && errno != EINVAL && errno != ENOTSUP) fail("write", path_, errno);
}

std::string metric_text(double value) {
  if (std::isnan(value)) return {};
  if (value == std::trunc(value) && std::abs(value) < 1e15)
    return fmt::format("{}", static_cast<std::int64_t>(value));
  const auto single = static_cast<float>(value);
  return static_cast<double>(single) == value ? fmt::format("{}", single) : fmt::format("{}", value);
}

const std::vector<double>* MetricsTable::column(const std::string& name) const {
  const auto place = std::find(names.begin(), names.end(), name);
  return place == names.end() ? nullptr : &columns[static_cast<std::size_t>(place - names.begin())];
}

MetricsTable read_metrics(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) fail("read", path, errno);
  MetricsTable table;
  std::string line;
  const auto each_cell = [&line](const auto& body) {
    std::string_view rest = line;
    for (;;) {
      const std::size_t comma = rest.find(',');
      body(rest.substr(0, comma));
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  };
  if (!std::getline(file, line)) throw InvalidArgument(fmt::format("{} is empty", path.string()));
  each_cell([&](std::string_view cell) { table.names.emplace_back(cell); });
  table.columns.resize(table.names.size());
  for (std::int64_t number = 2; std::getline(file, line); ++number) {
    std::size_t place = 0;
    each_cell([&](std::string_view cell) {
      double value = std::numeric_limits<double>::quiet_NaN();
      if (place >= table.columns.size() || (!cell.empty() && !read_number(cell, value)))
        throw InvalidArgument(
            fmt::format("{}, line {}: not a row of {} numbers", path.string(), number, table.names.size()));
      table.columns[place++].push_back(value);
    });
    if (place != table.columns.size())
      throw InvalidArgument(fmt::format("{}, line {}: {} cells, the header has {}", path.string(), number,
                                        place, table.names.size()));
  }
  return table;
}

}  // namespace atelier::tools
