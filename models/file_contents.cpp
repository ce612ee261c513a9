#include "models/file_contents.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "runtime/error.h"

namespace atelier::detail {
namespace {

class Descriptor {
 public:
  explicit Descriptor(const std::filesystem::path& path)
      // Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
      : number_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

[[noreturn]] void fail(const std::filesystem::path& path, int error_number) {
  throw Error(fmt::format("cannot read {}: {}", path.string(), std::system_category().message(error_number)));
}

}  // namespace

std::vector<std::byte> file_contents(const std::filesystem::path& path, std::uint64_t largest) {
  const Descriptor file(path);
  struct stat facts = {};
  if (file.number() < 0 || fstat(file.number(), &facts) != 0) fail(path, errno);
  if (S_ISDIR(facts.st_mode)) fail(path, EISDIR);
  if (!S_ISREG(facts.st_mode)) throw Error(fmt::format("cannot read {}: not a regular file", path.string()));
  const auto size = static_cast<std::uint64_t>(facts.st_size);
  if (size > largest)
    throw Error(
        fmt::format("cannot read {}: it has {} bytes, at most {} are read", path.string(), size, largest));
  std::vector<std::byte> bytes(size);
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t got = read(file.number(), bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(path, errno);
    if (got == 0) throw Error(fmt::format("cannot read {}: it shrank while it was read", path.string()));
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

}  // namespace atelier::detail
