#include "models/data_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <system_error>
#include <utility>

#include "models/cache_folder.h"
#include "models/digits.h"
#include "runtime/error.h"

namespace atelier {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kDigitsTrain = 60000;
constexpr std::int64_t kDigitsTest = 10000;
constexpr std::uint64_t kDigitsSeed = 0;

/// A data set that is known by name, and what its folder may be called.
struct NamedSet {
  const char* name;
  std::array<const char*, 3> folders;
  const char* advice;
};
constexpr std::array<NamedSet, 2> kNamedSets{
    {{"mnist",
      {"mnist", "MNIST/raw", "MNIST"},
      "the four files of MNIST (train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, "
      "t10k-images-idx3-ubyte.gz, "
      "t10k-labels-idx1-ubyte.gz) are on the web page of Yann LeCun and on its mirrors"},
     {"fashion",
      {"fashion", "fashion-mnist", "FashionMNIST/raw"},
      "the four files of Fashion-MNIST (train-images-idx3-ubyte.gz and so on, named as MNIST's) are in "
      "Zalando "
      "Research's repository fashion-mnist, folder data/fashion"}}};

const char* split_prefix(Split split) {
  return split == Split::train ? "train" : "t10k";
}

/// The file of a folder under any of the names that it goes by, unpacked or not; empty: none.
/// `kind` is "images-idx3" or "labels-idx1".
fs::path idx_file(const fs::path& folder, Split split, const std::string& kind) {
  const std::string usual = fmt::format("{}-{}-ubyte", split_prefix(split), kind);
  std::string dotted = usual;  // as some unpackers leave it
  dotted[dotted.rfind("-idx")] = '.';
  for (const std::string& name : {usual, usual + ".gz", dotted, dotted + ".gz"}) {
    std::error_code ignored;
    if (fs::is_regular_file(folder / name, ignored)) return folder / name;
  }
  return {};
}

/// The split's idx files of a folder, nullopt where its pictures are not there.
std::optional<DataSet> idx_folder(const fs::path& folder, Split split, const ReadLimits& limits) {
  const fs::path images = idx_file(folder, split, "images-idx3");
  if (images.empty()) return std::nullopt;
  const fs::path labels = idx_file(folder, split, "labels-idx1");
  if (labels.empty())
    throw InvalidArgument(
        fmt::format("{}: its labels are missing; {}-labels-idx1-ubyte or the same with .gz is due "
                    "beside it",
                    images.string(), split_prefix(split)));
  return read_idx(images, labels, limits);
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing here sets variables
  return value != nullptr ? value : "";
}

/// Where named sets are looked for when nobody says where.
std::vector<fs::path> usual_places() {
  std::vector<fs::path> places;
  if (const std::string own = environment("ATELIER_DATA"); !own.empty()) places.emplace_back(own);
  places.emplace_back("data");
  places.emplace_back("../shared/data");
  if (const fs::path cache = cache_folder(); !cache.empty()) places.push_back(cache);
  return places;
}

DataSet load_named(const NamedSet& set, Split split, const fs::path& data, const ReadLimits& limits) {
  std::vector<fs::path> searched;
  for (const fs::path& place : data.empty() ? usual_places() : std::vector<fs::path>{data}) {
    for (const char* folder : set.folders) searched.push_back(place / folder);
    // Both sets' files have the same names: only a folder that was named for the purpose is taken at its
    // word.
    if (!data.empty()) searched.push_back(place);
  }
  for (const fs::path& folder : searched)
    if (std::optional<DataSet> found = idx_folder(folder, split, limits)) {
      found->name = fmt::format("{} {}", set.name, split == Split::train ? "train" : "test");
      return std::move(*found);
    }
  std::string places;
  for (const fs::path& folder : searched) places += (places.empty() ? "" : ", ") + folder.string();
  throw InvalidArgument(fmt::format(
      "no {} data: {}-images-idx3-ubyte (or the same with .gz) is in none of {}; {}; put them in one of "
      "these folders, "
      "or name theirs with --data or $ATELIER_DATA, or use the data set 'digits', which is built in",
      set.name, split_prefix(split), places, set.advice));
}

DataSet load_digits(Split split, const ReadLimits& limits) {
  const std::int64_t whole = split == Split::train ? kDigitsTrain : kDigitsTest;
  const std::int64_t count = limits.first_count < 0 ? whole : std::min(whole, limits.first_count);
  DataSet digits = make_digits(count, kDigitsSeed, split == Split::train ? 0 : kDigitsTrain);
  digits.name = split == Split::train ? "digits train" : "digits test";
  return digits;
}

/// The other half of a pair of files named as the blog's are, mnist_train.csv and mnist_test.csv; empty:
/// none.
fs::path test_csv(const fs::path& train) {
  std::string name = train.filename().string();
  const std::size_t place = name.rfind("train");
  if (place == std::string::npos) return {};
  name.replace(place, 5, "test");
  const fs::path path = train.parent_path() / name;
  std::error_code ignored;
  return fs::is_regular_file(path, ignored) ? path : fs::path{};
}

DataSet load_folder(const fs::path& folder, Split split, const ReadLimits& limits) {
  if (std::optional<DataSet> found = idx_folder(folder, split, limits)) return std::move(*found);
  const bool test = split == Split::test;
  std::error_code ignored;
  const fs::path half = folder / (test ? "test" : "train");
  if (fs::is_directory(half, ignored)) return read_image_folder(half, limits);
  return test ? DataSet{} : read_image_folder(folder, limits);
}

}  // namespace

DataSet load_data_set(const std::string& name, Split split, const fs::path& data, const ReadLimits& limits) {
  if (name == "digits") return load_digits(split, limits);
  for (const NamedSet& set : kNamedSets)
    if (name == set.name) return load_named(set, split, data, limits);
  const fs::path path(name);
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return load_folder(path, split, limits);
  if (path.extension() == ".csv" && fs::exists(path, ignored)) {
    if (split == Split::train) return read_csv(path, limits);
    const fs::path test = test_csv(path);
    return test.empty() ? DataSet{} : read_csv(test, limits);
  }
  throw InvalidArgument(fmt::format(
      "no data set {}: mnist, fashion, digits, a folder (idx files or .png pictures) or a .csv file is due",
      name));
}

std::uint8_t pixel_of(double value) {
  const double shown = std::isnan(value) ? 0.0 : std::clamp(value, 0.0, 1.0);
  return static_cast<std::uint8_t>(std::lround(255.0 * shown));
}

std::string fingerprint(const DataSet& data) {
  constexpr std::uint64_t kOffset = 0xCBF29CE484222325U;
  constexpr std::uint64_t kPrime = 0x100000001B3U;
  std::uint64_t hash = kOffset;
  const auto add = [&hash](std::uint8_t byte) { hash = (hash ^ byte) * kPrime; };
  for (const std::int64_t size :
       {data.count, data.width, data.height, static_cast<std::int64_t>(data.labels.size())})
    for (unsigned shift = 0; shift < 64; shift += 8)
      add(static_cast<std::uint8_t>(static_cast<std::uint64_t>(size) >> shift));
  for (const std::uint8_t pixel : data.pixels) add(pixel);
  for (const std::uint8_t label : data.labels) add(label);
  return fmt::format("{:016x}", hash);
}

}  // namespace atelier
