#include "tools/run_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "models/atomic_file.h"
#include "tools/image/png_writer.h"
#include "tools/picture_options.h"

namespace atelier::tools {
namespace {

namespace files = std::filesystem;

[[noreturn]] void fail(const std::string& what, const files::path& path, const std::error_code& error) {
  throw Error(fmt::format("cannot {} {}: {}", what, path.string(), error.message()));
}

/// How long a lock that somebody holds is waited for. A process that was killed while it started gnuplot
/// leaves a child behind that holds the lock until its exec has closed the descriptor: moments, where nobody
/// trains.
constexpr std::chrono::milliseconds lock_patience{2000};
constexpr std::chrono::milliseconds lock_pause{10};

/// Holds the folder for this process: the lock goes with the process, however that ends.
int locked(const files::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) fail("open", path, {errno, std::generic_category()});
  const auto deadline = std::chrono::steady_clock::now() + lock_patience;
  while (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) break;  // file systems without locks: a folder of one's own has to do
    if (std::chrono::steady_clock::now() > deadline) {
      close(descriptor);
      throw Error(fmt::format("another process is training in {}", path.string()));
    }
    std::this_thread::sleep_for(lock_pause);
  }
  return descriptor;
}

/// Names that AtomicFile uses for a moment where a file cannot be without a name.
bool is_remains(const files::path& path) {
  const std::string name = path.filename().string();
  return name.size() > 5 && name.front() == '.' && path.extension() == ".part";
}

void remove_remains(const files::path& folder) {
  std::error_code error;
  std::vector<files::path> remains;
  for (files::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    if (is_remains(entry->path())) remains.push_back(entry->path());
  for (const files::path& path : remains) files::remove(path, error);
}

void write_gray(const files::path& path, const GrayPicture& picture) {
  AtomicFile file(path, AtomicFile::Existing::replace);
  PngWriter writer(file, {picture.width, picture.height, 1, CppnSample::u8}, {});
  writer.write_rows(reinterpret_cast<const std::byte*>(picture.pixels.data()), picture.height);
  writer.finish();
  file.commit();
}

/// The iteration in "outputs-00001000.png"; -1 for another name.
std::int64_t sample_iteration(const files::path& path) {
  const std::string stem = path.stem().string();
  const std::size_t dash = stem.rfind('-');
  if (path.extension() != ".png" || dash == std::string::npos) return -1;
  std::int64_t iteration = -1;
  const char* const last = stem.data() + stem.size();
  const auto [end, error] = std::from_chars(stem.data() + dash + 1, last, iteration);
  return error == std::errc() && end == last ? iteration : -1;
}

nlohmann::ordered_json data_json(const DataRecord& data) {
  return {{"name", data.name},
          {"count", data.count},
          {"width", data.width},
          {"height", data.height},
          {"fingerprint", data.fingerprint}};
}

DataRecord data_from_json(const nlohmann::json& json) {
  return {json.at("name").get<std::string>(), json.at("count").get<std::int64_t>(),
          json.at("width").get<std::int64_t>(), json.at("height").get<std::int64_t>(),
          json.at("fingerprint").get<std::string>()};
}

}  // namespace

DataRecord record_of(const DataSet& data) {
  return {data.name, data.count, data.width, data.height, fingerprint(data)};
}

std::string run_record_json(const RunRecord& record) {
  nlohmann::ordered_json json = {
      {"atelier_run", 1},
      {"atelier", ATELIER_VERSION},
      {"config", nlohmann::ordered_json::parse(training_config_json(record.config))},
      {"device", record.device}};
  if (!record.data_folder.empty()) json["data_folder"] = record.data_folder;
  if (record.train) json["train"] = data_json(*record.train);
  if (record.test) json["test"] = data_json(*record.test);
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

RunRecord run_record_from_json(const std::string& text, const std::string& source) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("atelier_run"))
    throw InvalidArgument(fmt::format("{} is not the config.json of a run", source));
  if (json["atelier_run"] != 1)
    throw InvalidArgument(fmt::format("{} is of another version of Atelier: atelier_run is {}, not 1", source,
                                      json["atelier_run"].dump()));
  try {
    RunRecord record;
    record.config = training_config_from_json(json.at("config").dump(), source);
    record.device = json.at("device").get<std::string>();
    record.data_folder = json.value("data_folder", std::string());
    if (json.contains("train")) record.train = data_from_json(json["train"]);
    if (json.contains("test")) record.test = data_from_json(json["test"]);
    return record;
  } catch (const nlohmann::json::exception& error) {
    throw InvalidArgument(fmt::format("{} is not the config.json of a run: {}", source, error.what()));
  }
}

RunFolder::RunFolder(files::path path, int lock) : path_(std::move(path)), lock_(lock) {}
RunFolder::RunFolder(RunFolder&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}
RunFolder::~RunFolder() {
  if (lock_ >= 0) close(lock_);
}

RunFolder RunFolder::create(const files::path& path) {
  std::error_code error;
  files::create_directories(path, error);
  if (error) fail("make the folder", path, error);
  RunFolder folder(path, locked(path));
  remove_remains(path);
  const bool empty = files::is_empty(path, error);
  if (error) fail("read", path, error);
  if (!empty) throw Error(fmt::format("{} is not empty; --run names another folder", path.string()));
  return folder;
}

RunFolder RunFolder::open(const files::path& path) {
  RunFolder folder(path, locked(path));
  remove_remains(path);
  remove_remains(path / kSampleFolder);
  return folder;
}

bool RunFolder::holds_run(const files::path& path) {
  std::error_code ignored;
  return files::exists(path / kConfigFile, ignored);
}

RunRecord read_run_record(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / kConfigFile;
  return run_record_from_json(read_bounded(path.string()), path.string());
}

RunRecord RunFolder::read_record() const {
  return read_run_record(path_);
}

void RunFolder::write_record(const RunRecord& record) const {
  write_text(kConfigFile, run_record_json(record));
}

std::optional<TensorFile> RunFolder::read_checkpoint() const {
  const files::path path = path_ / kCheckpointFile;
  std::error_code ignored;
  if (!files::exists(path, ignored)) return {};
  return read_safetensors(path);
}

void RunFolder::write_checkpoint(const TensorFile& file) const {
  write_safetensors(path_ / kCheckpointFile, file);
}

std::optional<std::string> RunFolder::read_summary() const {
  const files::path path = path_ / kSummaryFile;
  std::error_code ignored;
  if (!files::exists(path, ignored)) return {};
  return read_bounded(path.string());
}

void RunFolder::write_text(const std::string& name, const std::string& text) const {
  write_whole(path_ / name, text);
}

void RunFolder::remove(const std::string& name) const {
  std::error_code error;
  files::remove(path_ / name, error);
  if (error) fail("remove", path_ / name, error);
}

void RunFolder::write_sample(const GrayPicture& picture, std::int64_t iteration) const {
  std::error_code error;
  files::create_directory(path_ / kSampleFolder, error);
  if (error) fail("make the folder", path_ / kSampleFolder, error);
  write_gray(path_ / kSampleFolder / fmt::format("{}-{:08}.png", picture.name, iteration), picture);
}

void RunFolder::write_picture(const GrayPicture& picture) const {
  write_gray(path_ / (picture.name + ".png"), picture);
}

void RunFolder::remove_samples_after(std::int64_t iteration) const {
  std::error_code error;
  std::vector<files::path> later;
  for (const auto& entry : files::directory_iterator(path_ / kSampleFolder, error))
    if (sample_iteration(entry.path()) > iteration) later.push_back(entry.path());
  for (const files::path& path : later)
    if (!files::remove(path, error) || error) fail("remove", path, error);
}

void write_whole(const files::path& path, const std::string& bytes) {
  AtomicFile file(path, AtomicFile::Existing::replace);
  file.write(bytes.data(), bytes.size());
  file.commit();
}

}  // namespace atelier::tools
