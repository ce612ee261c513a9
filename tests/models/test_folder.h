#pragma once

#include <sys/resource.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <random>
#include <string>

namespace atelier::testing {

/// A fresh folder that disappears with the object.
class TestFolder {
 public:
  TestFolder() {
    std::random_device device;
    do {
      path_ = std::filesystem::temp_directory_path() / ("atelier-test-" + std::to_string(device()));
    } while (!std::filesystem::create_directory(path_));
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// From now on this process's files cannot grow past `bytes`: write() fails with EFBIG.
inline void limit_file_size(unsigned long bytes) {
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{bytes, bytes};
  setrlimit(RLIMIT_FSIZE, &limit);
}

}  // namespace atelier::testing
