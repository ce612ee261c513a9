#include "models/replace_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>
#include <system_error>

#include "runtime/error.h"

namespace atelier {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const char* what, int error) {
  throw Error(fmt::format("{}: cannot {}: {}", path.string(), what, std::system_category().message(error)));
}

/// The new file while it has no name of its own: closed and removed unless it was renamed.
class Beside {
 public:
  explicit Beside(const std::filesystem::path& path) : path_(path) {
    static std::atomic<unsigned> serial{0};
    constexpr int kAttempts = 100;
    for (int attempt = 0; attempt < kAttempts && file_ < 0; ++attempt) {
      beside_ = path;
      beside_.replace_filename(fmt::format(".{}.{}.{}.part", path.filename().string(), ::getpid(), serial++));
      file_ = ::open(beside_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (file_ < 0 && errno != EEXIST) break;
    }
    if (file_ < 0) fail(path_, "create a file beside it", errno);
  }
  ~Beside() {
    if (file_ >= 0) ::close(file_);
    if (!beside_.empty()) ::unlink(beside_.c_str());
  }
  Beside(const Beside&) = delete;
  Beside& operator=(const Beside&) = delete;

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ::ssize_t written = ::write(file_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail(path_, "write", errno);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }

  void rename() {
    if (::fsync(file_) != 0) fail(path_, "write to the disk", errno);
    const int closed = ::close(file_);
    file_ = -1;
    if (closed != 0) fail(path_, "write", errno);
    std::error_code error;
    std::filesystem::rename(beside_, path_, error);
    if (error) fail(path_, "put the new file in its place", error.value());
    beside_.clear();
    sync_folder();
  }

 private:
  /// The rename itself must survive a crash. Some file systems refuse to sync a folder: then it is theirs to
  /// keep.
  void sync_folder() const {
    const std::filesystem::path folder = path_.has_parent_path() ? path_.parent_path() : ".";
    const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return;
    static_cast<void>(::fsync(descriptor));
    ::close(descriptor);
  }

  std::filesystem::path path_;
  std::filesystem::path beside_;
  int file_ = -1;
};

}  // namespace

void replace_file(const std::filesystem::path& path, std::span<const std::span<const std::byte>> parts) {
  if (!path.has_filename()) throw Error(fmt::format("\"{}\" is not the name of a file", path.string()));
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored) && !std::filesystem::is_regular_file(path, ignored))
    throw Error(fmt::format("{}: is not a regular file, so it is not replaced", path.string()));
  Beside beside(std::filesystem::is_symlink(path, ignored) ? std::filesystem::canonical(path) : path);
  for (const std::span<const std::byte> part : parts) beside.write(part);
  beside.rename();
}

}  // namespace atelier
