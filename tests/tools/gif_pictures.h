#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace atelier::testing {

/// What an animated GIF holds, by a reader of the test's own (no code of giflib): whole frames of the
/// screen's size, as the red of their colours and as red, green and blue.
struct GifPictures {
  int width = 0;
  int height = 0;
  int repetitions = -1;  // of the NETSCAPE2.0 extension: 0 is for ever, -1 is none
  std::vector<int> delays;
  std::vector<std::vector<std::uint8_t>> frames;
  std::vector<std::vector<std::uint8_t>> colors;
  std::string comment;
};

/// Throws std::runtime_error for bytes that are no such GIF.
[[nodiscard]] GifPictures parse_gif(const std::string& bytes);

}  // namespace atelier::testing
