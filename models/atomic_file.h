#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

namespace atelier {

/// A file that appears under its name only when it is whole. Until commit() it has no name at all where the
/// file system allows that (Linux's O_TMPFILE: nothing remains even after kill -9), else a temporary one in
/// the same folder; the destructor removes what was not committed, but for resumable files.
class AtomicFile {
 public:
  enum class Existing : std::uint8_t { refuse, replace };

  /// Throws Error with one line: the folder is missing or not writable, the name is taken (`refuse`), or it
  /// belongs to something that is not a regular file.
  AtomicFile(std::filesystem::path path, Existing existing);
  /// The same, but written under the name PATH.part, which stays when the process ends before commit(): a
  /// later resumable() of the same path finds what was written, with bytes_written() its length (0: nothing
  /// was there). Throws Error like the constructor.
  [[nodiscard]] static AtomicFile resumable(std::filesystem::path path, Existing existing);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Throws Error when not every byte can be written (full disk, file size limit, quota).
  void write(const void* data, std::size_t bytes);
  /// Overwrites bytes that have been written before; the end stays where it is. Throws Error; InvalidArgument
  /// when they have not.
  void patch(std::uint64_t offset, const void* data, std::size_t bytes);
  /// Cuts the file back to its first `bytes` bytes. Throws Error; InvalidArgument when it has fewer.
  void cut(std::uint64_t bytes);
  /// Waits until everything written so far is on the disk. Throws Error.
  void sync();
  /// Flushes to the disk, checks every error on the way, and gives the file its name.
  void commit();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::uint64_t bytes_written() const { return written_; }
  /// Bytes that the file system has left for this user; 2^64 - 1 where it does not say.
  [[nodiscard]] std::uint64_t free_bytes() const;

 private:
  AtomicFile(std::filesystem::path path, Existing existing, bool resumable);
  void open_resumable();
  void open_unnamed();
  [[noreturn]] void fail(int error_number) const;
  void link_unnamed() const;
  void rename_temporary() const;

  std::filesystem::path path_;    // as the user knows it
  std::filesystem::path target_;  // symbolic links followed
  std::filesystem::path folder_;
  std::filesystem::path temporary_;  // empty while the file has no name
  Existing existing_;
  bool resumable_ = false;  // the temporary name is kept
  int descriptor_ = -1;
  std::uint64_t written_ = 0;
};

}  // namespace atelier
