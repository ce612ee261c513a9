#include "models/replace_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "runtime/error.h"
#include "tests/models/test_folder.h"

namespace atelier {
namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void write(const fs::path& path, const std::string& first, const std::string& second) {
  const std::vector<std::span<const std::byte>> parts{std::as_bytes(std::span(first)),
                                                      std::as_bytes(std::span(second))};
  replace_file(path, parts);
}

std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), {}));
}

TEST(ReplaceFile, WritesAllPartsAndLeavesNothingBeside) {
  const testing::TestFolder folder;
  const fs::path path = folder.path() / "a.bin";
  write(path, "one", std::string("tw\0", 3));
  EXPECT_EQ(contents(path), std::string("onetw\0", 6));
  write(path, "", "");
  EXPECT_EQ(contents(path), "");
  EXPECT_EQ(files_in(folder.path()), 1U);
}

TEST(ReplaceFile, FollowsALinkInsteadOfReplacingIt) {
  const testing::TestFolder folder;
  write(folder.path() / "real", "old", "");
  fs::create_symlink("real", folder.path() / "link");
  write(folder.path() / "link", "new", "");
  EXPECT_TRUE(fs::is_symlink(folder.path() / "link"));
  EXPECT_EQ(contents(folder.path() / "real"), "new");
}

TEST(ReplaceFile, RefusesFoldersDevicesAndMissingFolders) {
  const testing::TestFolder folder;
  EXPECT_THROW(write(folder.path(), "x", ""), Error);
  EXPECT_THROW(write(folder.path() / "none" / "file", "x", ""), Error);
  EXPECT_THROW(write("/dev/null", "x", ""), Error);
  EXPECT_THROW(write("", "x", ""), Error);
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  EXPECT_EQ(files_in(folder.path()), 0U);
}

TEST(ReplaceFileDeathTest, AFullDiskKeepsTheOldFile) {
  // /dev/shm-like limits are not at hand everywhere; a file size limit makes write() fail just as well.
  const testing::TestFolder folder;
  const fs::path path = folder.path() / "kept";
  write(path, "old", "");
  EXPECT_EXIT(
      {
        testing::limit_file_size(1 << 16);
        try {
          write(path, std::string(1 << 20, 'x'), "");
        } catch (const Error&) {
          std::_Exit(contents(path) == "old" && files_in(folder.path()) == 1 ? 42 : 1);
        }
        std::_Exit(2);
      },
      ::testing::ExitedWithCode(42), "");
  EXPECT_EQ(contents(path), "old");
}

}  // namespace
}  // namespace atelier
