#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "models/learner.h"

namespace atelier::tools {

/// What a run was trained on.
struct DataRecord {
  std::string name;
  std::int64_t count = 0;
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::string fingerprint;
  friend bool operator==(const DataRecord&, const DataRecord&) = default;
};
[[nodiscard]] DataRecord record_of(const DataSet& data);

/// config.json: everything that starting a run again takes.
struct RunRecord {
  TrainingConfig config;    // resolved
  std::string device;       // "cpu", "cuda:0"
  std::string data_folder;  // of --data; empty: searched for
  std::optional<DataRecord> train;
  std::optional<DataRecord> test;
};
[[nodiscard]] std::string run_record_json(const RunRecord& record);
/// Throws InvalidArgument with one line that begins with `source`.
[[nodiscard]] RunRecord run_record_from_json(const std::string& text, const std::string& source);
/// config.json of a run's folder, whoever trains in it. Throws Error, InvalidArgument.
[[nodiscard]] RunRecord read_run_record(const std::filesystem::path& folder);

/// The folder of one run: config.json, metrics.csv, samples/, plots, checkpoint.safetensors, summary.json.
/// Every file but metrics.csv is written beside and renamed. Only one process at a time may train in it.
class RunFolder {
 public:
  /// Makes the folder, and those above it, where they are missing. Throws Error: it cannot be made, it holds
  /// something already, another process trains in it.
  [[nodiscard]] static RunFolder create(const std::filesystem::path& path);
  /// A folder that create() made; remains of interrupted writing are removed. Throws Error: it is missing, or
  /// another process trains in it.
  [[nodiscard]] static RunFolder open(const std::filesystem::path& path);
  /// True when the folder holds a run (a config.json).
  [[nodiscard]] static bool holds_run(const std::filesystem::path& path);

  RunFolder(RunFolder&& other) noexcept;
  RunFolder& operator=(RunFolder&&) = delete;
  ~RunFolder();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

  [[nodiscard]] RunRecord read_record() const;
  void write_record(const RunRecord& record) const;
  /// The last checkpoint; nothing before the first one was written.
  [[nodiscard]] std::optional<TensorFile> read_checkpoint() const;
  void write_checkpoint(const TensorFile& file) const;
  /// summary.json, as it was written; nothing before the run's end.
  [[nodiscard]] std::optional<std::string> read_summary() const;
  void write_text(const std::string& name, const std::string& text) const;
  void remove(const std::string& name) const;

  /// samples/<name>-<iteration>.png, 8-bit grey.
  void write_sample(const GrayPicture& picture, std::int64_t iteration) const;
  /// <name>.png beside config.json.
  void write_picture(const GrayPicture& picture) const;
  /// Removes the samples of iterations after `iteration`.
  void remove_samples_after(std::int64_t iteration) const;

 private:
  RunFolder(std::filesystem::path path, int lock);
  std::filesystem::path path_;
  int lock_;
};

/// Bytes under a name that appears when they are whole; an older file is replaced. Throws Error.
void write_whole(const std::filesystem::path& path, const std::string& bytes);

inline constexpr const char* kConfigFile = "config.json";
inline constexpr const char* kMetricsFile = "metrics.csv";
inline constexpr const char* kCheckpointFile = "checkpoint.safetensors";
inline constexpr const char* kSummaryFile = "summary.json";
inline constexpr const char* kSampleFolder = "samples";

}  // namespace atelier::tools
