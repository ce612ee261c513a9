#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace atelier {

/// Grey pictures of one size with labels, in host memory, in file order.
struct DataSet {
  std::string name;  // "mnist train", "digits", a path: for messages and run records
  std::int64_t count = 0;
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::vector<std::uint8_t> pixels;  // count * height * width, rows from the top; 0 is background
  std::vector<std::uint8_t> labels;  // count, or empty where pictures have none
  [[nodiscard]] std::int64_t pixels_per_image() const { return width * height; }
};

/// Readers of files from strangers. All throw InvalidArgument (content) or Error (not readable) with one line
/// that names the file, what is wrong with it and what would be right. None allocates more than what the file
/// really holds, times a small constant: counts are checked against the bytes that are there, and a gzip
/// stream stops at the size that its header justifies (largest_bytes for the rest).
struct ReadLimits {
  std::uint64_t largest_bytes = std::uint64_t{1} << 32;  // of decoded pixels
  std::int64_t first_count = -1;                         // stop after so many pictures; -1: all
};
/// idx3 (pictures) and idx1 (labels; may be an empty path), plain or gzip.
[[nodiscard]] DataSet read_idx(const std::filesystem::path& images, const std::filesystem::path& labels,
                               const ReadLimits& limits = {});
[[nodiscard]] DataSet parse_idx(const std::vector<std::byte>& images, const std::vector<std::byte>& labels,
                                const std::string& source, const ReadLimits& limits = {});
/// One picture a line: label, then width * height values 0…255, comma-separated (784 as the blog's files; any
/// square number); an optional header line of words is skipped; CRLF and a missing last newline are fine.
[[nodiscard]] DataSet read_csv(const std::filesystem::path& path, const ReadLimits& limits = {});
[[nodiscard]] DataSet parse_csv(const std::string& text, const std::string& source,
                                const ReadLimits& limits = {});
/// An array of NumPy (.npy of any version, C order): count x height x width or count x 1 x height x width of
/// uint8, or of float32 or float64 (little-endian) from 0 to 1, as pixel_of has them; count x pixels for
/// squares. Without labels.
[[nodiscard]] DataSet read_npy(const std::filesystem::path& path, const ReadLimits& limits = {});
[[nodiscard]] DataSet parse_npy(const std::vector<std::byte>& bytes, const std::string& source,
                                const ReadLimits& limits = {});
/// Every .png of a folder in order of name, as 8-bit grey (png_image.h), all of one size; other files are
/// left alone. With sub-folders whose names are numbers 0…255 the pictures lie in those and have their names
/// as labels: label by label, in order of name. A folder holds the one or the other.
[[nodiscard]] DataSet read_image_folder(const std::filesystem::path& path, const ReadLimits& limits = {});

enum class Split : std::uint8_t { train, test };
/// "mnist", "fashion": idx files, looked for in `data` where it is not empty (the folder itself, or mnist/,
/// fashion/ or torchvision's folders inside), else inside $ATELIER_DATA, data/, ../shared/data and the user's
/// cache folder ($XDG_CACHE_HOME or ~/.cache, under atelier). "digits": the built-in generator, 60,000 for
/// training and 10,000 for the test, which never meet. Otherwise a folder (idx files; or pictures, in train/
/// and test/ if those are there) or a .csv file (whose test set is the file beside it with test for train in
/// its name). Where there is no test set, Split::test is a data set of no pictures. Throws InvalidArgument
/// with a message that lists the places searched and says how to get the data, and what the readers throw.
[[nodiscard]] DataSet load_data_set(const std::string& name, Split split,
                                    const std::filesystem::path& data = {}, const ReadLimits& limits = {});

/// A pixel's byte from its value: round(255 * clamp(value, 0, 1)), half away from zero; 0 for NaN.
[[nodiscard]] std::uint8_t pixel_of(double value);

/// Tells data sets apart in run records: 64-bit FNV-1a of sizes, pixels and labels, as 16 hex digits.
[[nodiscard]] std::string fingerprint(const DataSet& data);

}  // namespace atelier
