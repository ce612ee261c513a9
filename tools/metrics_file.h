#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace atelier::tools {

/// A run's metrics.csv, appended in blocks. The first column is "iteration", whole numbers that never fall;
/// an empty cell is a number that a row does not have.
class MetricsFile {
 public:
  /// Opens the file for a run that stands at `iteration`: rows beyond it, and what was torn off by the end of
  /// an earlier process, are cut away. A file that is not there begins with its line of names. Throws Error
  /// where it cannot be read or written, InvalidArgument where its columns are not `names`.
  MetricsFile(std::filesystem::path path, const std::vector<std::string>& names, std::int64_t iteration);
  ~MetricsFile();  // what was not flushed is dropped
  MetricsFile(const MetricsFile&) = delete;
  MetricsFile& operator=(const MetricsFile&) = delete;

  /// Keeps the rows until flush(). NaN is an empty cell.
  void append(const std::vector<std::vector<double>>& rows);
  /// Brings every row to the disk. Throws Error when not every byte can be written.
  void flush();
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  std::string waiting_;
  int descriptor_ = -1;
};

/// A number as metrics.csv has it: the fewest digits that give it back, as fp32 where it is one.
[[nodiscard]] std::string metric_text(double value);

/// The columns of a metrics.csv.
struct MetricsTable {
  std::vector<std::string> names;
  std::vector<std::vector<double>> columns;  // NaN where a cell is empty
  /// The column of this name, nullptr where there is none.
  [[nodiscard]] const std::vector<double>* column(const std::string& name) const;
};
/// Throws Error where the file cannot be read, InvalidArgument naming the line that is no row.
[[nodiscard]] MetricsTable read_metrics(const std::filesystem::path& path);

}  // namespace atelier::tools
