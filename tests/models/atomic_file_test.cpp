#include "models/atomic_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "runtime/error.h"
#include "tests/models/test_folder.h"

namespace atelier {
namespace {

namespace fs = std::filesystem;
using Existing = AtomicFile::Existing;

std::string contents(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void write(const fs::path& path, const std::string& text, Existing existing = Existing::replace) {
  AtomicFile file(path, existing);
  file.write(text.data(), text.size());
  file.commit();
}

/// Names of everything inside, hidden files included.
std::vector<std::string> names(const testing::TestFolder& folder) {
  std::vector<std::string> result;
  for (const auto& entry : fs::directory_iterator(folder.path())) result.push_back(entry.path().filename());
  std::sort(result.begin(), result.end());
  return result;
}

/// What opening `path` complains of.
std::string complaint(const fs::path& path, Existing existing = Existing::replace) {
  try {
    const AtomicFile file(path, existing);
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

void expect_complaint(const fs::path& path, const std::string& part) {
  EXPECT_NE(complaint(path).find(part), std::string::npos) << complaint(path);
}

TEST(AtomicFile, AppearsWhenCommitted) {
  const testing::TestFolder folder;
  const fs::path path = folder.path() / "a.bin";
  {
    AtomicFile file(path, Existing::refuse);
    file.write("one", 3);
    file.write("tw\0", 3);
    EXPECT_FALSE(fs::exists(path));
    EXPECT_EQ(file.bytes_written(), 6U);
    EXPECT_GT(file.free_bytes(), 0U);
    file.commit();
  }
  EXPECT_EQ(contents(path), std::string("onetw\0", 6));
  write(path, "");
  EXPECT_EQ(contents(path), "");
  EXPECT_EQ(names(folder), std::vector<std::string>{"a.bin"});
}

TEST(AtomicFile, LeavesNothingUncommitted) {
  const testing::TestFolder folder;
  {
    AtomicFile file(folder.path() / "a.bin", Existing::refuse);
    file.write("hello", 5);
  }
  EXPECT_TRUE(names(folder).empty());
}

TEST(AtomicFile, ReplacesOnlyWhenAsked) {
  const testing::TestFolder folder;
  const fs::path path = folder.path() / "a.bin";
  write(path, "old");
  EXPECT_NE(complaint(path, Existing::refuse).find("exists already"), std::string::npos);
  {
    AtomicFile file(path, Existing::replace);
    file.write("new", 3);
    EXPECT_EQ(contents(path), "old");
    file.commit();
  }
  EXPECT_EQ(contents(path), "new");
  EXPECT_EQ(names(folder), std::vector<std::string>{"a.bin"});
}

TEST(AtomicFile, RefusesANameTakenMeanwhile) {
  const testing::TestFolder folder;
  const fs::path path = folder.path() / "a.bin";
  {
    AtomicFile file(path, Existing::refuse);
    file.write("late", 4);
    std::ofstream(path) << "early";
    EXPECT_THROW(file.commit(), Error);
  }
  EXPECT_EQ(contents(path), "early");
  EXPECT_EQ(names(folder), std::vector<std::string>{"a.bin"});
}

TEST(AtomicFile, WritesThroughALink) {
  const testing::TestFolder folder;
  write(folder.path() / "real", "old");
  fs::create_symlink("real", folder.path() / "link");
  write(folder.path() / "link", "new");
  EXPECT_TRUE(fs::is_symlink(folder.path() / "link"));
  EXPECT_EQ(contents(folder.path() / "real"), "new");
}

TEST(AtomicFile, PatchesAndCutsWhatIsWritten) {
  const testing::TestFolder folder;
  const fs::path path = folder.path() / "a.bin";
  AtomicFile file(path, Existing::refuse);
  file.write("0123456789", 10);
  file.patch(2, "ab", 2);
  EXPECT_THROW(file.patch(9, "ab", 2), InvalidArgument);
  EXPECT_THROW(file.patch(11, "", 0), InvalidArgument);
  file.cut(6);
  EXPECT_THROW(file.cut(7), InvalidArgument);
  EXPECT_EQ(file.bytes_written(), 6u);
  file.write("xy", 2);
  file.sync();
  file.commit();
  EXPECT_EQ(contents(path), "01ab45xy");
}

TEST(AtomicFile, AResumableFileStaysUntilItIsWhole) {
  const testing::TestFolder folder;
  const fs::path path = folder.path() / "a.bin";
  {
    AtomicFile file = AtomicFile::resumable(path, Existing::refuse);
    EXPECT_EQ(file.bytes_written(), 0u);
    file.write("0123456789", 10);
    EXPECT_THROW(static_cast<void>(AtomicFile::resumable(path, Existing::refuse)), Error);  // in use
  }
  EXPECT_EQ(names(folder), std::vector<std::string>{"a.bin.part"});
  AtomicFile file = AtomicFile::resumable(path, Existing::refuse);
  EXPECT_EQ(file.bytes_written(), 10u);
  file.cut(4);
  file.write("!", 1);
  file.commit();
  EXPECT_EQ(contents(path), "0123!");
  EXPECT_EQ(names(folder), std::vector<std::string>{"a.bin"});
  EXPECT_THROW(static_cast<void>(AtomicFile::resumable(path, Existing::refuse)), Error);  // exists
}

TEST(AtomicFile, AResumableFileIsNothingElse) {
  const testing::TestFolder folder;
  fs::create_directory(folder.path() / "a.bin.part");
  EXPECT_THROW(static_cast<void>(AtomicFile::resumable(folder.path() / "a.bin", Existing::refuse)), Error);
}

TEST(AtomicFile, NamesWhatIsWrongWithThePlace) {
  const testing::TestFolder folder;
  write(folder.path() / "file", "");
  expect_complaint(folder.path() / "missing" / "a.png", "No such file or directory");
  expect_complaint(folder.path() / "file" / "a.png", "Not a directory");
  expect_complaint(folder.path(), "it is a folder");
  expect_complaint("/dev/null", "not a regular file");
  expect_complaint("", "the name of a file is needed");
  expect_complaint(folder.path() / (std::string(300, 'n') + ".png"), "File name too long");
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  EXPECT_EQ(names(folder), std::vector<std::string>{"file"});
}

TEST(AtomicFileDeathTest, AFullDiskKeepsTheOldFile) {
  // A disk that is full is not at hand everywhere; a file size limit makes write() fail just as well.
  const testing::TestFolder folder;
  const fs::path path = folder.path() / "kept";
  write(path, "old");
  EXPECT_EXIT(
      {
        testing::limit_file_size(1 << 16);
        try {
          write(path, std::string(1 << 20, 'x'));
        } catch (const Error&) {
          std::_Exit(contents(path) == "old" && names(folder).size() == 1 ? 42 : 1);
        }
        std::_Exit(2);
      },
      ::testing::ExitedWithCode(42), "");
  EXPECT_EQ(contents(path), "old");
}

}  // namespace
}  // namespace atelier
