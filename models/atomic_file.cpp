#include "models/atomic_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <random>
#include <system_error>
#include <utility>

#include "runtime/error.h"

namespace atelier {
namespace {

std::string reason(int error_number) {
  return std::system_category().message(error_number);
}

std::filesystem::path temporary_name(const std::filesystem::path& folder, const std::filesystem::path& name) {
  std::random_device entropy;
  // Long names must stay within the file system's 255 bytes.
  return folder / fmt::format(".{}.{:08x}.part", name.string().substr(0, 200), entropy());
}

std::string descriptor_path(int descriptor) {
  return fmt::format("/proc/self/fd/{}", descriptor);
}

std::filesystem::path checked_target(const std::filesystem::path& path, AtomicFile::Existing existing) {
  const std::string shown = path.string();
  if (path.empty() || path.filename().empty() || path.filename() == "." || path.filename() == "..")
    throw Error(fmt::format("cannot write '{}': the name of a file is needed", shown));
  struct stat facts = {};
  if (lstat(path.c_str(), &facts) != 0) {
    if (errno == ENOENT) return path;
    throw Error(fmt::format("cannot write {}: {}", shown, reason(errno)));
  }
  std::filesystem::path target = path;
  if (S_ISLNK(facts.st_mode)) {
    std::error_code ignored;
    if (stat(path.c_str(), &facts) == 0) target = std::filesystem::canonical(path, ignored);
    if (target.empty()) target = path;
  }
  if (S_ISDIR(facts.st_mode)) throw Error(fmt::format("cannot write {}: it is a folder", shown));
  if (!S_ISREG(facts.st_mode) && !S_ISLNK(facts.st_mode))
    throw Error(fmt::format("cannot write {}: it is not a regular file", shown));
  if (existing == AtomicFile::Existing::refuse) throw Error(fmt::format("{} exists already", shown));
  return target;
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path, Existing existing)
    : AtomicFile(std::move(path), existing, false) {}

AtomicFile AtomicFile::resumable(std::filesystem::path path, Existing existing) {
  return AtomicFile(std::move(path), existing, true);
}

AtomicFile::AtomicFile(std::filesystem::path path, Existing existing, bool resumable)
    : path_(std::move(path)),
      target_(checked_target(path_, existing)),
      existing_(existing),
      resumable_(resumable) {
  folder_ = target_.parent_path();
  if (folder_.empty()) folder_ = ".";
  struct stat facts = {};
  if (stat(folder_.c_str(), &facts) != 0)
    throw Error(
        fmt::format("cannot write {}: folder {}: {}", path_.string(), folder_.string(), reason(errno)));
  if (!S_ISDIR(facts.st_mode))
    throw Error(fmt::format("cannot write {}: {} is not a folder", path_.string(), folder_.string()));

  if (resumable_)
    open_resumable();
  else
    open_unnamed();
}

void AtomicFile::open_unnamed() {
  descriptor_ = open(folder_.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
  // Giving the file its name later goes through /proc, which a bare container may lack.
  if (descriptor_ >= 0 && access(descriptor_path(descriptor_).c_str(), F_OK) != 0) {
    close(descriptor_);
    descriptor_ = -1;
  }
  if (descriptor_ >= 0) return;
  const std::filesystem::path candidate = temporary_name(folder_, target_.filename());
  descriptor_ = open(candidate.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
  if (descriptor_ < 0)
    throw Error(
        fmt::format("cannot write {}: folder {}: {}", path_.string(), folder_.string(), reason(errno)));
  temporary_ = candidate;
}

void AtomicFile::open_resumable() {
  std::filesystem::path name = target_;
  name += ".part";
  struct stat facts = {};
  if (lstat(name.c_str(), &facts) == 0 && !S_ISREG(facts.st_mode))
    throw Error(fmt::format("cannot write {}: {} is not a regular file", path_.string(), name.string()));
  descriptor_ = open(name.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
  if (descriptor_ < 0)
    throw Error(fmt::format("cannot write {}: {}: {}", path_.string(), name.string(), reason(errno)));
  // Two renders into one file would mix their parts.
  if (flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    close(std::exchange(descriptor_, -1));
    throw Error(fmt::format("another process is writing {}", name.string()));
  }
  temporary_ = name;
  const off_t end = lseek(descriptor_, 0, SEEK_END);
  if (end < 0) fail(errno);
  written_ = static_cast<std::uint64_t>(end);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) close(descriptor_);
  if (!temporary_.empty() && !resumable_) unlink(temporary_.c_str());
}

void AtomicFile::fail(int error_number) const {
  // Its folder may have been removed under it, and the file with it.
  const bool kept = resumable_ && access(temporary_.c_str(), F_OK) == 0;
  throw Error(fmt::format("cannot write {}: {} (after {} bytes; {})", path_.string(), reason(error_number),
                          written_, kept ? "they can be resumed" : "nothing was kept"));
}

void AtomicFile::patch(std::uint64_t offset, const void* data, std::size_t bytes) {
  if (offset > written_ || bytes > written_ - offset)
    throw InvalidArgument(fmt::format("{}: bytes {} to {} cannot be replaced: the file has {}",
                                      path_.string(), offset, offset + bytes, written_));
  const char* rest = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t moved = pwrite(descriptor_, rest, bytes, static_cast<off_t>(offset));
    if (moved < 0 && errno == EINTR) continue;
    if (moved <= 0) fail(moved < 0 ? errno : ENOSPC);
    rest += moved;
    offset += static_cast<std::uint64_t>(moved);
    bytes -= static_cast<std::size_t>(moved);
  }
}

void AtomicFile::cut(std::uint64_t bytes) {
  if (bytes > written_)
    throw InvalidArgument(
        fmt::format("{}: it has {} bytes and cannot be cut to {}", path_.string(), written_, bytes));
  if (ftruncate(descriptor_, static_cast<off_t>(bytes)) != 0 ||
      lseek(descriptor_, static_cast<off_t>(bytes), SEEK_SET) < 0)
    fail(errno);
  written_ = bytes;
}

void AtomicFile::sync() {
  if (fsync(descriptor_) != 0) fail(errno);
}

void AtomicFile::write(const void* data, std::size_t bytes) {
  const char* rest = static_cast<const char*>(data);
  while (bytes > 0) {
    // Linux moves at most 2^31 - 4096 bytes a call.
    const ssize_t moved = ::write(descriptor_, rest, std::min<std::size_t>(bytes, std::size_t{1} << 30));
    if (moved < 0) {
      if (errno == EINTR) continue;
      fail(errno);
    }
    if (moved == 0) fail(ENOSPC);
    rest += moved;
    bytes -= static_cast<std::size_t>(moved);
    written_ += static_cast<std::uint64_t>(moved);
  }
}

void AtomicFile::link_unnamed() const {
  const std::string source = descriptor_path(descriptor_);
  if (existing_ == Existing::refuse) {
    if (linkat(AT_FDCWD, source.c_str(), AT_FDCWD, target_.c_str(), AT_SYMLINK_FOLLOW) != 0) fail(errno);
    return;
  }
  const std::filesystem::path name = temporary_name(folder_, target_.filename());
  if (linkat(AT_FDCWD, source.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) != 0) fail(errno);
  if (rename(name.c_str(), target_.c_str()) != 0) {
    const int error_number = errno;
    unlink(name.c_str());
    fail(error_number);
  }
}

void AtomicFile::rename_temporary() const {
  if (existing_ == Existing::replace) {
    if (rename(temporary_.c_str(), target_.c_str()) != 0) fail(errno);
    return;
  }
  if (renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, target_.c_str(), RENAME_NOREPLACE) == 0) return;
  if (errno == EEXIST) fail(EEXIST);
  // File systems without RENAME_NOREPLACE: a hard link refuses a taken name too; where there are no hard
  // links either, the check at the start has to do.
  if (link(temporary_.c_str(), target_.c_str()) == 0) {
    unlink(temporary_.c_str());
  } else if (errno == EEXIST) {
    fail(EEXIST);
  } else if (rename(temporary_.c_str(), target_.c_str()) != 0) {
    fail(errno);
  }
}

void AtomicFile::commit() {
  if (fsync(descriptor_) != 0) fail(errno);
  if (temporary_.empty()) {
    link_unnamed();
  } else {
    rename_temporary();
    temporary_.clear();
  }
  const int descriptor = std::exchange(descriptor_, -1);
  if (close(descriptor) != 0) {
    const int error_number = errno;
    unlink(target_.c_str());
    fail(error_number);
  }
  // The name itself reaches the disk with the folder; some file systems cannot sync folders, which is no
  // loss.
  if (const int folder = open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); folder >= 0) {
    fsync(folder);
    close(folder);
  }
}

std::uint64_t AtomicFile::free_bytes() const {
  struct statvfs facts = {};
  // Some file systems (FUSE, network) do not tell.
  if (fstatvfs(descriptor_, &facts) != 0 || facts.f_blocks == 0) return UINT64_MAX;
  return static_cast<std::uint64_t>(facts.f_bavail) * facts.f_frsize;
}

}  // namespace atelier
