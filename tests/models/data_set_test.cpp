#include "models/data_set.h"

#include <png.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <utility>

#include "tests/models/data_files.h"
#include "tests/models/test_folder.h"

namespace atelier {
namespace {

namespace fs = std::filesystem;
using testing::bytes_of_text;
using testing::gzipped;
using testing::idx_file;
using testing::TestFolder;
using testing::write_file;

/// 3 pictures of 4 x 2 (width 4) with pixels 0, 1, 2, … and labels 7, 0, 255.
const std::string kPixels = [] {
  std::string pixels;
  for (int i = 0; i < 24; ++i) pixels.push_back(static_cast<char>(i * 10));
  return pixels;
}();
const std::string kLabels = std::string("\x07\x00\xFF", 3);

DataSet parse(const std::string& images, const std::string& labels, const ReadLimits& limits = {}) {
  return parse_idx(bytes_of_text(images), bytes_of_text(labels), "pictures.idx", limits);
}

void expect_three(const DataSet& data) {
  EXPECT_EQ(data.count, 3);
  EXPECT_EQ(data.width, 4);
  EXPECT_EQ(data.height, 2);
  EXPECT_EQ(std::string(data.pixels.begin(), data.pixels.end()), kPixels);
  EXPECT_EQ(std::string(data.labels.begin(), data.labels.end()), kLabels);
}

TEST(Idx, PlainAndPackedFilesGiveTheSame) {
  const std::string images = idx_file({3, 2, 4}, kPixels);
  const std::string labels = idx_file({3}, kLabels);
  expect_three(parse(images, labels));
  expect_three(parse(gzipped(images), gzipped(labels)));
  expect_three(parse(images, gzipped(labels)));
  // gzip files joined are the files' contents joined.
  expect_three(parse(gzipped(images.substr(0, 9)) + gzipped("") + gzipped(images.substr(9)), labels));
  EXPECT_TRUE(parse(images, "").labels.empty());
}

TEST(Idx, StopsAfterTheCountAskedFor) {
  for (const bool packed : {false, true}) {
    const std::string images = idx_file({3, 2, 4}, kPixels);
    const std::string labels = idx_file({3}, kLabels);
    const DataSet two =
        parse(packed ? gzipped(images) : images, packed ? gzipped(labels) : labels, {1000, 2});
    EXPECT_EQ(two.count, 2);
    EXPECT_EQ(std::string(two.pixels.begin(), two.pixels.end()), kPixels.substr(0, 16));
    EXPECT_EQ(std::string(two.labels.begin(), two.labels.end()), kLabels.substr(0, 2));
  }
  EXPECT_EQ(parse(idx_file({3, 2, 4}, kPixels), "", {1000, 9}).count, 3);
}

TEST(Idx, SaysWhatIsWrong) {
  const std::string labels = idx_file({3}, kLabels);
  EXPECT_MESSAGE(parse(idx_file({3, 2, 4}, kPixels, 13), ""), "pictures.idx: its elements are of type 0x0D");
  EXPECT_MESSAGE(parse(labels, ""), "it has 1 dimensions; idx files of pictures have 3");
  EXPECT_MESSAGE(parse("PNG and more", ""), "does not start as an idx file does");
  EXPECT_MESSAGE(parse(idx_file({0, 2, 4}, ""), ""), "holds no pictures");
  EXPECT_MESSAGE(parse(idx_file({3, 0, 4}, ""), ""), "its pictures are 4 x 0");
  EXPECT_MESSAGE(parse(idx_file({3, 2, 70000}, ""), ""), "its pictures are 70000 x 2");
  EXPECT_MESSAGE(parse(idx_file({4, 2, 4}, kPixels), ""), "promises 4 pictures of 8 bytes each, 32 bytes");
  EXPECT_MESSAGE(parse(idx_file({3, 2, 4}, kPixels + "x"), ""), "bytes follow the 3 pictures");
  EXPECT_MESSAGE(parse(gzipped(idx_file({3, 2, 4}, kPixels + "x")), ""), "bytes follow the 3 pictures");
  EXPECT_MESSAGE(parse(idx_file({3, 2, 4}, kPixels), idx_file({2}, "ab")), "2 labels for the 3 pictures");
  EXPECT_MESSAGE(parse(idx_file({3, 2, 4}, kPixels), idx_file({3}, "ab")),
                 "(labels): its header promises 3 labels");
  EXPECT_MESSAGE(parse(gzipped(idx_file({3, 2, 4}, kPixels)) + "tail", ""),
                 "4 bytes that are not gzip follow");
  EXPECT_MESSAGE(parse(idx_file({3, 2, 4}, kPixels), "", {20, -1}), "at most 20 are read");
}

TEST(Idx, LyingSizesTakeNoMemory) {
  // 2^32 pictures of 2^16 x 2^16 are 2^64 bytes and wrap to small numbers in 64 bits.
  ReadLimits any;
  any.largest_bytes = ~std::uint64_t{0};
  for (const std::uint32_t count : {0xFFFFFFFFU, 0x80000000U, 1000000U})
    for (const std::uint32_t side : {65536U, 65535U, 1024U}) {
      const std::string file = idx_file({count, side, side}, kPixels);
      EXPECT_MESSAGE(parse(file, "", any), "its header promises");
      EXPECT_MESSAGE(parse(gzipped(file), "", any), "its header promises");
      EXPECT_MESSAGE(parse(file, ""), "pictures.idx: ");
    }
  // A bomb: 64 MiB of zeros in 64 KiB, behind a header of one pixel. Nothing behind the pixel is kept.
  const std::string bomb = gzipped(idx_file({1, 1, 1}, std::string(std::size_t{64} << 20, '\0')));
  EXPECT_LT(bomb.size(), std::size_t{1} << 17);
  EXPECT_MESSAGE(parse(bomb, ""), "bytes follow the 1 pictures");
}

TEST(Idx, EveryCutEndsInOneLine) {
  const std::string labels = idx_file({3}, kLabels);
  const std::string plain = idx_file({3, 2, 4}, kPixels);
  for (std::size_t size = 0; size < plain.size(); ++size)
    EXPECT_MESSAGE(parse(plain.substr(0, size), labels), "pictures.idx: ");
  const std::string packed = gzipped(plain);
  for (std::size_t size = 0; size < packed.size(); ++size)
    EXPECT_MESSAGE(parse(packed.substr(0, size), labels), "pictures.idx: ");
  for (std::size_t place = 0; place < 8; ++place) {
    // The last eight bytes are the checksum and the size.
    std::string damaged = packed;
    damaged[damaged.size() - 1 - place] = static_cast<char>(damaged[damaged.size() - 1 - place] ^ 0x20);
    EXPECT_MESSAGE(parse(damaged, labels), "the gzip data are damaged");
  }
}

TEST(Idx, FilesThatCannotBeRead) {
  const TestFolder folder;
  const fs::path images = folder.path() / "images";
  EXPECT_MESSAGE(read_idx(images, {}), "cannot read " + images.string());
  EXPECT_MESSAGE(read_idx(folder.path(), {}), "Is a directory");
  EXPECT_MESSAGE(read_idx("/dev/zero", {}), "not a regular file");
  const fs::path pipe = folder.path() / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_MESSAGE(read_idx(pipe, {}), "not a regular file");
  write_file(images, idx_file({3, 2, 4}, kPixels));
  write_file(folder.path() / "labels", "");
  EXPECT_MESSAGE(read_idx(images, folder.path() / "labels"), "it is empty");
  write_file(folder.path() / "labels", gzipped(idx_file({3}, kLabels)));
  expect_three(read_idx(images, folder.path() / "labels"));
}

TEST(Csv, ReadsTheArticlesFiles) {
  const std::string body = "5,0,1,2,3\n0,255,254,253,252\n";
  for (const std::string& text :
       {body, body.substr(0, body.size() - 1), "label,1x1,1x2,2x1,2x2\n" + body,
        std::string("5,0,1,2,3\r\n\r\n0, 255 ,254,253,252\r\n"), "\xEF\xBB\xBF" + body}) {
    const DataSet data = parse_csv(text, "digits.csv");
    EXPECT_EQ(data.count, 2);
    EXPECT_EQ(data.width, 2);
    EXPECT_EQ(data.height, 2);
    EXPECT_EQ(data.labels, (std::vector<std::uint8_t>{5, 0}));
    EXPECT_EQ(data.pixels, (std::vector<std::uint8_t>{0, 1, 2, 3, 255, 254, 253, 252}));
  }
  EXPECT_EQ(parse_csv(body, "digits.csv", {1000, 1}).count, 1);
}

TEST(Csv, SaysWhatIsWrong) {
  const auto parse_text = [](const std::string& text, const ReadLimits& limits = {}) {
    return parse_csv(text, "digits.csv", limits);
  };
  EXPECT_MESSAGE(parse_text(""), "digits.csv: it holds no pictures");
  EXPECT_MESSAGE(parse_text("label,a,b\n"), "it holds no pictures");
  EXPECT_MESSAGE(parse_text("1,2,3\n"), "digits.csv: line 1: 2 values follow the label; pictures are square");
  EXPECT_MESSAGE(parse_text("1\n"), "0 values follow the label");
  EXPECT_MESSAGE(parse_text("1,2\n3,4,5\n"), "line 2: 2 values follow the label, in the lines before 1");
  EXPECT_MESSAGE(parse_text("1,2\n\n3\n"), "line 3: 0 values follow the label, in the lines before 1");
  EXPECT_MESSAGE(parse_text("1,256\n"), "value 1 is \"256\"; a whole number from 0 to 255 is due");
  EXPECT_MESSAGE(parse_text("1,-1\n"), "value 1 is \"-1\"");
  EXPECT_MESSAGE(parse_text("1,0.5\n"), "value 1 is \"0.5\"");
  EXPECT_MESSAGE(parse_text("1,\n"), "value 1 is \"\"");
  EXPECT_MESSAGE(parse_text("1,2\nb,3\n"), "line 2: the label 0 is \"b\"");
  EXPECT_MESSAGE(parse_text("1,99999999999999999999\n"), "value 1 is");
  EXPECT_MESSAGE(parse_text("1," + std::string(100000, '9') + "\n"), "value 1 is");
  EXPECT_MESSAGE(parse_text("a\nb\n1,2\n"), "line 2: ");  // one header line, not two
  EXPECT_MESSAGE(parse_text("1,2,3,4,5\n1,2,3,4,5\n", {7, -1}), "line 2: more than 7 bytes of pixels");
  EXPECT_MESSAGE(parse_text(std::string("1,2\n\0,3\n", 8)), "line 2: ");
  EXPECT_MESSAGE(read_csv("/no/such/file.csv"), "cannot read /no/such/file.csv");
}

void write_png(const fs::path& path, std::uint32_t width, std::uint32_t height, std::uint8_t first) {
  std::vector<std::uint8_t> pixels(std::size_t{width} * height);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(first + i);
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  image.width = width;
  image.height = height;
  image.format = PNG_FORMAT_GRAY;
  ASSERT_NE(png_image_write_to_file(&image, path.c_str(), 0, pixels.data(), 0, nullptr), 0);
}

TEST(ImageFolder, PicturesInOrderOfName) {
  const TestFolder folder;
  write_png(folder.path() / "b.png", 3, 2, 100);
  write_png(folder.path() / "a.PNG", 3, 2, 0);
  write_file(folder.path() / "notes.txt", "no picture");
  const DataSet data = read_image_folder(folder.path());
  EXPECT_EQ(data.count, 2);
  EXPECT_EQ(data.width, 3);
  EXPECT_EQ(data.height, 2);
  EXPECT_TRUE(data.labels.empty());
  EXPECT_EQ(data.pixels, (std::vector<std::uint8_t>{0, 1, 2, 3, 4, 5, 100, 101, 102, 103, 104, 105}));
  EXPECT_EQ(read_image_folder(folder.path(), {1000, 1}).count, 1);
  EXPECT_MESSAGE(read_image_folder(folder.path(), {7, -1}), "b.png: more than 7 bytes of pixels");
}

TEST(ImageFolder, FoldersNamedByLabels) {
  const TestFolder folder;
  for (const char* name : {"10", "9", "007", "256", "x"}) fs::create_directory(folder.path() / name);
  write_png(folder.path() / "10" / "a.png", 1, 1, 10);
  write_png(folder.path() / "9" / "b.png", 1, 1, 9);
  write_png(folder.path() / "9" / "a.png", 1, 1, 8);
  write_png(folder.path() / "007" / "a.png", 5, 5, 0);  // not a label: not looked into
  const DataSet data = read_image_folder(folder.path());
  EXPECT_EQ(data.labels, (std::vector<std::uint8_t>{9, 9, 10}));
  EXPECT_EQ(data.pixels, (std::vector<std::uint8_t>{8, 9, 10}));
  write_png(folder.path() / "stray.png", 1, 1, 0);
  EXPECT_MESSAGE(read_image_folder(folder.path()),
                 "pictures lie beside folders of labelled pictures (stray.png and 10)");
}

TEST(ImageFolder, SaysWhatIsWrong) {
  const TestFolder folder;
  EXPECT_MESSAGE(read_image_folder(folder.path()), "no pictures; .png files are due");
  EXPECT_MESSAGE(read_image_folder(folder.path() / "none"), "cannot read the folder");
  write_png(folder.path() / "a.png", 3, 2, 0);
  write_png(folder.path() / "b.png", 2, 3, 0);
  EXPECT_MESSAGE(read_image_folder(folder.path()),
                 "b.png: 2 x 3 pixels, but " + (folder.path() / "a.png").string());
  write_file(folder.path() / "b.png", "no PNG");
  EXPECT_MESSAGE(read_image_folder(folder.path()), "b.png: not a PNG");
}

/// An environment variable with another value, or none, for as long as the object lives.
class Variable {
 public:
  Variable(std::string name, const std::string& value) : name_(std::move(name)) {
    if (const char* old = std::getenv(name_.c_str())) old_ = old;
    setenv(name_.c_str(), value.c_str(), 1);
  }
  ~Variable() {
    if (old_)
      setenv(name_.c_str(), old_->c_str(), 1);
    else
      unsetenv(name_.c_str());
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  std::string name_;
  std::optional<std::string> old_;
};

void write_idx_folder(const fs::path& folder, const std::string& prefix, unsigned char first) {
  fs::create_directories(folder);
  write_file(folder / (prefix + "-images-idx3-ubyte.gz"),
             gzipped(idx_file({1, 1, 1}, {static_cast<char>(first)})));
  write_file(folder / (prefix + "-labels-idx1-ubyte"), idx_file({1}, "\x03"));
}

TEST(LoadDataSet, SearchesTheUsualPlacesInOrder) {
  const TestFolder folder;
  const Variable data("ATELIER_DATA", (folder.path() / "variable").string());
  const Variable cache("XDG_CACHE_HOME", (folder.path() / "cache").string());
  const Variable home("HOME", (folder.path() / "home").string());
  const fs::path before = fs::current_path();
  fs::create_directories(folder.path() / "work" / "here");
  fs::current_path(folder.path() / "work" / "here");
  const auto pixel = [](const std::string& name) { return load_data_set(name, Split::train).pixels.at(0); };
  EXPECT_MESSAGE(pixel("mnist"), "data/mnist, ");
  EXPECT_MESSAGE(pixel("mnist"), (folder.path() / "variable" / "mnist").string() + ", ");
  EXPECT_MESSAGE(pixel("fashion"), (folder.path() / "cache" / "atelier" / "fashion").string() + ", ");
  EXPECT_MESSAGE(pixel("fashion"), "--data or $ATELIER_DATA, or use the data set 'digits'");
  write_idx_folder(folder.path() / "cache/atelier/mnist", "train", 1);
  EXPECT_EQ(pixel("mnist"), 1);
  write_idx_folder(folder.path() / "work/shared/data/mnist", "train", 2);
  EXPECT_EQ(pixel("mnist"), 2);
  write_idx_folder(folder.path() / "work/here/data/MNIST/raw", "train", 3);
  EXPECT_EQ(pixel("mnist"), 3);
  write_idx_folder(folder.path() / "variable/mnist", "train", 4);
  EXPECT_EQ(pixel("mnist"), 4);
  // Files of the same names that may be another set's are not taken for either.
  write_idx_folder(folder.path() / "variable", "train", 5);
  EXPECT_EQ(pixel("mnist"), 4);
  EXPECT_MESSAGE(pixel("fashion"), "no fashion data");
  // Named by hand, they are; and nothing else is.
  EXPECT_EQ(load_data_set("fashion", Split::train, folder.path() / "variable").pixels.at(0), 5);
  EXPECT_MESSAGE(load_data_set("mnist", Split::train, folder.path() / "home"), "no mnist data");
  EXPECT_MESSAGE(load_data_set("mnist", Split::test), "t10k-images-idx3-ubyte");
  const DataSet mnist = load_data_set("mnist", Split::train);
  EXPECT_EQ(mnist.name, "mnist train");
  EXPECT_EQ(mnist.labels, (std::vector<std::uint8_t>{3}));
  fs::remove(folder.path() / "variable/mnist/train-labels-idx1-ubyte");
  EXPECT_MESSAGE(pixel("mnist"), "its labels are missing; train-labels-idx1-ubyte");
  fs::current_path(before);
}

TEST(LoadDataSet, FilesAndFolders) {
  const TestFolder folder;
  write_idx_folder(folder.path() / "idx", "train", 6);
  EXPECT_EQ(load_data_set((folder.path() / "idx").string(), Split::train).pixels.at(0), 6);
  write_file(folder.path() / "mnist_train.csv", "1,2\n3,4\n");
  const std::string csv = (folder.path() / "mnist_train.csv").string();
  EXPECT_EQ(load_data_set(csv, Split::train).count, 2);
  EXPECT_EQ(load_data_set(csv, Split::test).count, 0);
  write_file(folder.path() / "mnist_test.csv", "1,2\n");
  EXPECT_EQ(load_data_set(csv, Split::test).count, 1);
  EXPECT_EQ(load_data_set((folder.path() / "mnist_test.csv").string(), Split::test).count, 0);

  const fs::path pictures = folder.path() / "pictures";
  fs::create_directories(pictures / "train" / "1");
  write_png(pictures / "train" / "1" / "a.png", 1, 1, 9);
  EXPECT_EQ(load_data_set(pictures.string(), Split::train).count, 1);
  EXPECT_EQ(load_data_set(pictures.string(), Split::test).count, 0);
  EXPECT_EQ(load_data_set((pictures / "train").string(), Split::train).labels.at(0), 1);
  EXPECT_MESSAGE(load_data_set("mnits", Split::train), "no data set mnits: mnist, fashion, digits, a folder");
}

TEST(LoadDataSet, DigitsNeverMeet) {
  const DataSet train = load_data_set("digits", Split::train, {}, {std::uint64_t{1} << 32, 300});
  const DataSet test = load_data_set("digits", Split::test, {}, {std::uint64_t{1} << 32, 300});
  EXPECT_EQ(train.count, 300);
  EXPECT_EQ(test.count, 300);
  for (std::int64_t i = 0; i < 300; ++i)
    for (std::int64_t j = 0; j < 300; ++j)
      EXPECT_FALSE(std::equal(train.pixels.begin() + i * 784, train.pixels.begin() + (i + 1) * 784,
                              test.pixels.begin() + j * 784));
}

TEST(Fingerprint, KnowsEveryPart) {
  DataSet data;
  data.count = 1;
  data.width = 2;
  data.height = 1;
  data.pixels = {1, 2};
  const std::string before = fingerprint(data);
  EXPECT_EQ(before.size(), 16U);
  data.name = "another";
  EXPECT_EQ(fingerprint(data), before);
  const auto changed = [&](auto change) {
    DataSet other = data;
    change(other);
    return fingerprint(other) != before;
  };
  EXPECT_TRUE(changed([](DataSet& other) { other.pixels[1] = 3; }));
  EXPECT_TRUE(changed([](DataSet& other) { std::swap(other.width, other.height); }));
  EXPECT_TRUE(changed([](DataSet& other) { other.labels = {0}; }));
  EXPECT_TRUE(changed([](DataSet& other) { std::swap(other.pixels[0], other.pixels[1]); }));
}

/// MNIST's own numbers, where its files are at hand.
TEST(LoadDataSet, MnistIsWhatItShouldBe) {
  DataSet train;
  DataSet test;
  try {
    const fs::path beside = fs::path(ATELIER_SOURCE_FOLDER) / ".." / "shared" / "data";
    const fs::path data = fs::exists(beside / "mnist") ? beside : fs::path{};
    train = load_data_set("mnist", Split::train, data);
    test = load_data_set("mnist", Split::test, data);
  } catch (const InvalidArgument& error) {
    GTEST_SKIP() << error.what();
  }
  EXPECT_EQ(train.count, 60000);
  EXPECT_EQ(test.count, 10000);
  const auto mean_and_deviation = [](const DataSet& data) {
    double sum = 0;
    double squares = 0;
    for (const std::uint8_t pixel : data.pixels) {
      sum += pixel / 255.0;
      squares += pixel / 255.0 * pixel / 255.0;
    }
    const double mean = sum / static_cast<double>(data.pixels.size());
    return std::pair(mean, std::sqrt(squares / static_cast<double>(data.pixels.size()) - mean * mean));
  };
  EXPECT_NEAR(mean_and_deviation(train).first, 0.1307, 5e-5);
  EXPECT_NEAR(mean_and_deviation(train).second, 0.3081, 5e-5);
  EXPECT_NEAR(mean_and_deviation(test).first, 0.1325, 5e-5);
  EXPECT_NEAR(mean_and_deviation(test).second, 0.3105, 5e-5);
  std::array<int, 10> counts{};
  for (const std::uint8_t label : train.labels) ++counts.at(label);
  EXPECT_EQ(counts, (std::array<int, 10>{5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949}));
}

}  // namespace
}  // namespace atelier
