#include "tools/image/byte_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "runtime/error.h"

namespace atelier::tools {

void MemorySource::read(std::uint64_t offset, std::span<unsigned char> target) const {
  std::memcpy(target.data(), bytes_.data() + offset, target.size());
}

FileSource::FileSource(const std::filesystem::path& path, std::string name) : name_(std::move(name)) {
  descriptor_ = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) fail(errno);
  struct stat facts = {};
  const int status = fstat(descriptor_, &facts);
  if (status != 0 || !S_ISREG(facts.st_mode)) {
    const int error_number = status != 0 ? errno : S_ISDIR(facts.st_mode) ? EISDIR : EINVAL;
    close(descriptor_);
    fail(error_number);
  }
  size_ = static_cast<std::uint64_t>(facts.st_size);
}

FileSource::~FileSource() {
  close(descriptor_);
}

void FileSource::read(std::uint64_t offset, std::span<unsigned char> target) const {
  while (!target.empty()) {
    const ssize_t got = pread(descriptor_, target.data(), target.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(errno);
    if (got == 0) throw InvalidArgument(fmt::format("{}: the file shrank while it was read", name_));
    target = target.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
}

void FileSource::fail(int error_number) const {
  throw InvalidArgument(
      fmt::format("cannot read {}: {}", name_, std::system_category().message(error_number)));
}

}  // namespace atelier::tools
