#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace atelier::tools {

/// Bytes that can be read anywhere: memory, or a file too large for memory.
class ByteSource {
 public:
  ByteSource() = default;
  virtual ~ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  /// The caller keeps within size().
  virtual void read(std::uint64_t offset, std::span<unsigned char> target) const = 0;
};

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::span<const std::byte> bytes) : bytes_(bytes) {}
  [[nodiscard]] std::uint64_t size() const override { return bytes_.size(); }
  void read(std::uint64_t offset, std::span<unsigned char> target) const override;

 private:
  std::span<const std::byte> bytes_;
};

/// A regular file; `name` is what messages call it. Throws InvalidArgument when it cannot be read.
class FileSource final : public ByteSource {
 public:
  FileSource(const std::filesystem::path& path, std::string name);
  ~FileSource() override;
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  void read(std::uint64_t offset, std::span<unsigned char> target) const override;

 private:
  [[noreturn]] void fail(int error_number) const;
  std::string name_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace atelier::tools
