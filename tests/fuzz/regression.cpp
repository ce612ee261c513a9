// A main for fuzz targets where there is no libFuzzer: runs the target on its seeds, on every file named on
// the command line, and on a fixed number of mutations of the seeds drawn from a fixed seed (--mutations N
// asks for another number). With --write-seeds FOLDER it only writes the seeds there, as a first corpus for
// libFuzzer.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/fuzz_target.h"

namespace {

constexpr long kMutations = 40000;
constexpr std::size_t kLongest = 1 << 16;

/// Runs one input; a finding is saved and ends the program.
void run(const std::string& input) {
  try {
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  } catch (const std::exception& error) {
    std::ofstream("fuzz-finding.bin", std::ios::binary) << input;
    std::fprintf(stderr, "finding: %s (input of %zu bytes saved as fuzz-finding.bin)\n", error.what(),
                 input.size());
    std::exit(1);
  }
}

class Mutator {
 public:
  explicit Mutator(const std::vector<std::string>& seeds) : seeds_(seeds) {}

  std::string next() {
    std::string input = any_seed();
    for (std::uint64_t steps = random_() % 4 + 1; steps > 0; --steps) step(input);
    if (input.size() > kLongest) input.resize(kLongest);
    return input;
  }

 private:
  const std::string& any_seed() { return seeds_[random_() % seeds_.size()]; }
  std::size_t place(const std::string& input) { return random_() % (input.size() + 1); }

  void step(std::string& input) {
    static constexpr std::string_view kTokens[] = {"0",
                                                   "-1",
                                                   "1e999",
                                                   "18446744073709551615",
                                                   "9223372036854775808",
                                                   "null",
                                                   "true",
                                                   "\"\"",
                                                   "[",
                                                   "]",
                                                   "{",
                                                   "}",
                                                   ",",
                                                   ":",
                                                   "\"",
                                                   "\\u0000",
                                                   "1e-9",
                                                   "\xFF",
                                                   "=",
                                                   "AAAA",
                                                   "4294967296",
                                                   "0.5",
                                                   "[]",
                                                   "{}"};
    const std::size_t first = place(input);
    const std::size_t length = random_() % 9;
    switch (random_() % 7) {
      case 0:
        if (first < input.size()) input[first] = static_cast<char>(random_());
        break;
      case 1:
        if (first < input.size())
          input[first] =
              static_cast<char>(static_cast<unsigned char>(input[first]) ^ (1U << (random_() % 8)));
        break;
      case 2:
        input.erase(first, length);
        break;
      case 3:
        input.insert(first, input.substr(place(input), length * 8));
        break;
      case 4:
        input.insert(first, kTokens[random_() % std::size(kTokens)]);
        break;
      case 5:
        input.replace(first, length, kTokens[random_() % std::size(kTokens)]);
        break;
      default: {
        const std::string& other = any_seed();
        input = input.substr(0, first) + other.substr(place(other));
      }
    }
  }

  const std::vector<std::string>& seeds_;
  std::mt19937_64 random_{20190204};
};

void write_seeds(const std::filesystem::path& folder, const std::vector<std::string>& seeds) {
  std::filesystem::create_directories(folder);
  for (std::size_t i = 0; i < seeds.size(); ++i)
    std::ofstream(folder / ("seed-" + std::to_string(i)), std::ios::binary) << seeds[i];
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> seeds = fuzz_seeds();
  std::vector<std::string> arguments(argv + 1, argv + argc);
  long mutations = kMutations;
  if (arguments.size() == 2 && arguments[0] == "--mutations") {
    mutations = std::strtol(arguments[1].c_str(), nullptr, 10);
    if (mutations < 1) {
      std::fprintf(stderr, "--mutations %s: a whole number above 0 is needed\n", arguments[1].c_str());
      return 2;
    }
    arguments.clear();
  }
  if (arguments.size() == 2 && arguments[0] == "--write-seeds") {
    write_seeds(arguments[1], seeds);
    return 0;
  }
  for (const std::string& seed : seeds) run(seed);
  for (const std::string& file : arguments) {
    std::ifstream stream(file, std::ios::binary);
    run({std::istreambuf_iterator<char>(stream), {}});
  }
  Mutator mutator(seeds);
  for (long i = 0; i < mutations; ++i) run(mutator.next());
  std::printf("%zu seeds, %zu files, %ld mutations: no finding\n", seeds.size(), arguments.size(), mutations);
  return 0;
}
