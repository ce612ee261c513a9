// Pictures from NumPy's files: what is read, and what is refused.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "models/data_set.h"
#include "tests/models/data_files.h"
#include "tests/models/idx_pieces.h"
#include "tests/models/test_folder.h"

namespace atelier {
namespace {

using testing::bytes_of_text;

template <class Number>
std::string bytes_from(const std::vector<Number>& values) {
  std::string bytes(values.size() * sizeof(Number), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

std::string npy(const std::string& header, const std::string& numbers, int version = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += static_cast<char>(version);
  bytes += '\0';
  bytes += static_cast<char>(header.size() % 256);
  bytes += static_cast<char>(header.size() / 256);
  if (version > 1) bytes += std::string(2, '\0');
  return bytes + header + numbers;
}

std::string header(const std::string& type, const std::string& shape, const std::string& order = "False") {
  return "{'descr': '" + type + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }   \n";
}

DataSet parse(const std::string& file, const ReadLimits& limits = {}) {
  return parse_npy(bytes_of_text(file), "x.npy", limits);
}

using Bytes = std::vector<std::uint8_t>;

TEST(Npy, BytesAreTakenAsTheyAre) {
  const DataSet data = parse(
      npy(header("|u1", "(2, 2, 3)"), bytes_from<std::uint8_t>({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255})));
  EXPECT_EQ(data.count, 2);
  EXPECT_EQ(data.height, 2);
  EXPECT_EQ(data.width, 3);
  EXPECT_EQ(data.pixels, (Bytes{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255}));
  EXPECT_TRUE(data.labels.empty());
  EXPECT_EQ(data.name, "x.npy");
}

TEST(Npy, NumbersFromZeroToOneAreRounded) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> values{0, 1, 0.5F, -3, 7, nan, 0.00195F, 0.00197F};
  const Bytes expected{0, 255, 128, 0, 255, 0, 0, 1};
  EXPECT_EQ(parse(npy(header("<f4", "(1, 2, 4)"), bytes_from(values))).pixels, expected);
  const std::vector<double> doubles(values.begin(), values.end());
  EXPECT_EQ(parse(npy(header("<f8", "(1, 2, 4)"), bytes_from(doubles))).pixels, expected);
}

TEST(Npy, ShapesOfOtherPrograms) {
  const std::string numbers(32, 'a');
  for (const char* shape : {"(2, 16)", "(2, 4, 4)", "(2, 1, 4, 4)", "(2,4,4)", "(2, 4, 4,)"}) {
    const DataSet data = parse(npy(header("|u1", shape), numbers));
    EXPECT_EQ(data.count, 2) << shape;
    EXPECT_EQ(data.height, 4) << shape;
    EXPECT_EQ(data.width, 4) << shape;
    EXPECT_EQ(data.pixels.size(), 32U) << shape;
  }
  for (const int version : {2, 3})
    EXPECT_EQ(parse(npy(header("|u1", "(2, 4, 4)"), numbers, version)).count, 2) << version;
  EXPECT_EQ(parse(npy(header("|u1", "(0, 4, 4)"), "")).count, 0);
  EXPECT_EQ(parse(npy(header("|u1", "(2, 4, 4)"), numbers), {1 << 20, 1}).pixels.size(), 16U);
}

TEST(Npy, RefusesWhatItCannotRead) {
  const std::string numbers(32, 'a');
  const auto refusal = [](const std::string& file) {
    return testing::message_of([&] { (void)parse(file); });
  };
  const auto says = [&](const std::string& file, const char* part) {
    EXPECT_NE(refusal(file).find(part), std::string::npos) << refusal(file);
    EXPECT_EQ(refusal(file).rfind("x.npy: ", 0), 0U) << refusal(file);
  };
  says("", "no .npy file");
  says("\x89PNG and so on", "no .npy file");
  says(npy(header("|u1", "(2, 4, 4)"), numbers, 9), "version 9");
  says(npy(header("|u1", "(2, 4, 4)"), numbers).substr(0, 40), "longer than the file");
  says(npy(header("|u1", "(2, 4, 4)"), numbers.substr(1)), "more numbers than the 31");
  says(npy(header("<f4", "(2, 4, 4)"), numbers), "more numbers than the 8");
  says(npy(header("<i4", "(2, 4, 4)"), numbers), "type \"<i4\"");
  says(npy(header("|u1", "(2, 4, 4)", "True"), numbers), "Fortran");
  says(npy(header("|u1", "(2, 15)"), numbers), "no square");
  says(npy(header("|u1", "(2, 0)"), numbers), "0 x 0");
  says(npy(header("|u1", "(32,)"), numbers), "count x height x width");
  says(npy(header("|u1", "(2, 3, 4, 4)"), numbers), "count x height x width");
  says(npy(header("|u1", "(2, 2, 2, 2, 2)"), numbers), "up to four");
  says(npy(header("|u1", "(2, -4, 4)"), numbers), "up to four whole numbers");
  says(npy(header("|u1", "(99999999999999999999, 4)"), numbers), "up to four whole numbers");
  says(npy(header("|u1", "(9223372036854775807, 60000, 60000)"), numbers), "more numbers than the 32");
  says(npy(header("|u1", "32"), numbers), "in brackets");
  says(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", numbers), "records");
  says(npy("{'fortran_order': False, 'shape': (1,)}", numbers), "no 'descr'");
  EXPECT_NE(testing::message_of([&] {
              (void)parse(npy(header("|u1", "(2, 4, 4)"), numbers), {31, -1});
            }).find("at most 31"),
            std::string::npos);
}

TEST(Npy, FilesAreRead) {
  const testing::TestFolder folder;
  const std::filesystem::path path = folder.path() / "a.npy";
  testing::write_file(path, npy(header("|u1", "(1, 1, 3)"), "abc"));
  EXPECT_EQ(read_npy(path).pixels, (Bytes{'a', 'b', 'c'}));
  EXPECT_MESSAGE(read_npy(folder.path() / "missing.npy"), "missing.npy");
}

}  // namespace
}  // namespace atelier
