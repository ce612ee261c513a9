#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/data_set.h"
#include "models/network.h"
#include "models/safetensors.h"
#include "runtime/stream.h"

namespace atelier {

/// The generator of a trained GAN: pictures from latent vectors. Made from a checkpoint of `atelier train`,
/// whose metadata name the network ("generator": its text, "generator_prefix": where its tensors are; a run
/// that keeps a running average of G's parameters names the average), the pictures' sides ("width", "height")
/// and the training data ("data_set").
class Generator {
 public:
  /// Throws InvalidArgument, one line that begins with `source`: not a checkpoint, not one of a GAN on
  /// pictures, a network whose outputs are not width * height pixels, a tensor that is missing or of another
  /// shape; OutOfMemory.
  Generator(Stream& stream, const TensorFile& checkpoint, const std::string& source);
  Generator(const Generator&) = delete;  // the pass refers to the network beside it
  Generator& operator=(const Generator&) = delete;

  [[nodiscard]] std::int64_t latent() const;
  [[nodiscard]] std::int64_t width() const;
  [[nodiscard]] std::int64_t height() const;
  [[nodiscard]] const std::string& data_set() const;  // what it was trained on, for load_data_set

  /// Latent vectors `first`, `first` + 1, … of a seed: elements latent * n … of fill_normal's numbers of
  /// {seed, kSampleStream}, to the bit. Row-major [count, latent], in host memory. Throws InvalidArgument
  /// when `count` is negative or the numbers exceed 2^64.
  [[nodiscard]] std::vector<float> latents(std::int64_t count, std::uint64_t seed,
                                           std::uint64_t first = 0) const;
  /// Outputs of the network, row-major [rows, pixels], for row-major latent vectors. Any number of rows; a
  /// row's outputs are the same bits whatever the others are. `stream` is of the device that the generator
  /// was made on. Waits. Throws InvalidArgument when the size is no multiple of latent().
  [[nodiscard]] std::vector<float> outputs(Stream& stream, const std::vector<float>& latents);
  /// The same as bytes: round(255 * clamp(output, 0, 1)), half away from zero; 0 for NaN. Without labels.
  [[nodiscard]] DataSet pictures(Stream& stream, const std::vector<float>& latents);

  static constexpr std::uint64_t kSampleStream = (std::uint64_t{1} << 34);

 private:
  static constexpr std::int64_t kBatch = 128;

  Network network_;
  Pass pass_;
  std::int64_t width_ = 0;
  std::int64_t height_ = 0;
  std::string data_set_;
};

}  // namespace atelier
