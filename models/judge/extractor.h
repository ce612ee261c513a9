#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "models/data_set.h"
#include "models/network.h"
#include "models/safetensors.h"
#include "runtime/buffer.h"
#include "runtime/stream.h"

// Included by .cpp files of models/judge/ and by its tests only.
namespace atelier::detail {

/// What an extractor sees in pictures.
struct Features {
  std::int64_t count = 0;
  std::int64_t dimension = 0;
  std::vector<float> values;          // row-major [count, dimension], standardised
  std::vector<std::uint8_t> classes;  // of the largest logit, the first of equals
  std::vector<double> confidence;     // softmax of the logits at that class
};

/// A classifier of pictures whose last hidden layer is the space in which a judge compares sets of them: a
/// perceptron of two hidden layers (LeakyReLU, LayerNorm) trained with Adam on the labelled pictures, each
/// moved anew by up to one pixel a side in every epoch, so that a digit counts and not its place. Features
/// are the last LayerNorm's outputs, each dimension moved and scaled to mean 0 and deviation 1 over the
/// pictures that it learned from.
class Extractor {
 public:
  /// What decides an extractor besides its data and the device: changes whenever training does.
  [[nodiscard]] static std::string recipe(std::int64_t pixels, std::int64_t classes);

  /// Trains one. `progress` gets the share done and may be empty. Deterministic: on one device the same bits,
  /// on cpu for any number of threads. Throws InvalidArgument: no pictures, no labels, all of one class.
  Extractor(Stream& stream, const DataSet& train, const std::function<void(double)>& progress);
  /// One that save() wrote. Throws InvalidArgument, one line that begins with `source`.
  Extractor(Stream& stream, const TensorFile& file, const std::string& source);
  Extractor(const Extractor&) = delete;  // the pass refers to the network beside it
  Extractor& operator=(const Extractor&) = delete;

  /// Tensors "extractor.*".
  void save(TensorFile& file) const;
  /// 16 hex digits: 64-bit FNV-1a of what save() writes.
  [[nodiscard]] const std::string& hash() const { return hash_; }
  [[nodiscard]] std::int64_t pixels() const { return trunk_.description().inputs; }
  [[nodiscard]] std::int64_t dimension() const { return trunk_.description().outputs(); }
  [[nodiscard]] std::int64_t classes() const { return static_cast<std::int64_t>(head_bias_.size()); }

  /// `stream` is of the device that the extractor was made on. A picture's row is the same bits whatever the
  /// others are. Waits. Throws InvalidArgument when the pictures are of another size.
  [[nodiscard]] Features features(Stream& stream, const DataSet& pictures);

 private:
  /// The last layer's logits decide class and confidence; both are worked out on the host in double.
  void classify(const std::vector<float>& raw, Features& features) const;

  TensorFile file_;
  std::string hash_;
  Network trunk_;  // all but the last linear layer
  Pass pass_;
  std::vector<double> head_weight_;  // [classes, dimension]
  std::vector<double> head_bias_;
  std::vector<double> mean_;
  std::vector<double> scale_;  // 1 / deviation; 0 for a dimension that never changes
};

/// 64-bit FNV-1a, as 16 hex digits, of the tensors whose names begin with `prefix`: names and bytes.
[[nodiscard]] std::string tensor_hash(const TensorFile& file, const std::string& prefix);

/// A tensor of doubles. Throws InvalidArgument that begins with `source` when it is missing or of another
/// type or count.
void save_doubles(TensorFile& file, const std::string& name, const std::vector<double>& values);
[[nodiscard]] std::vector<double> load_doubles(const TensorFile& file, const std::string& name,
                                               std::size_t count, const std::string& source);

}  // namespace atelier::detail
