#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

namespace atelier {

/// A file that appears under its name only when it is whole. Until commit() it has no name at all where the
/// file system allows that (Linux's O_TMPFILE: nothing remains even after kill -9), else a temporary one in
/// the same folder; the destructor removes what was not committed.
class AtomicFile {
 public:
  enum class Existing : std::uint8_t { refuse, replace };

  /// Throws Error with one line: the folder is missing or not writable, the name is taken (`refuse`), or it
  /// belongs to something that is not a regular file.
  AtomicFile(std::filesystem::path path, Existing existing);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Throws Error when not every byte can be written (full disk, file size limit, quota).
  void write(const void* data, std::size_t bytes);
  /// Flushes to the disk, checks every error on the way, and gives the file its name.
  void commit();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::uint64_t bytes_written() const { return written_; }
  /// Bytes that the file system has left for this user; 2^64 - 1 where it does not say.
  [[nodiscard]] std::uint64_t free_bytes() const;

 private:
  [[noreturn]] void fail(int error_number) const;
  void link_unnamed() const;
  void rename_temporary() const;

  std::filesystem::path path_;    // as the user knows it
  std::filesystem::path target_;  // symbolic links followed
  std::filesystem::path folder_;
  std::filesystem::path temporary_;  // empty while the file has no name
  Existing existing_;
  int descriptor_ = -1;
  std::uint64_t written_ = 0;
};

}  // namespace atelier
