#include "models/judge/extractor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

#include "kernels/gather.h"
#include "kernels/philox.h"
#include "models/learners/epoch_loop.h"
#include "runtime/arena.h"
#include "runtime/error.h"
#include "runtime/parallel.h"

namespace atelier::detail {
namespace {

constexpr const char* kPrefix = "extractor.";
constexpr const char* kNetwork = "extractor_network";  // of the metadata
constexpr std::int64_t kHidden = 512;
constexpr std::int64_t kFeatures = 128;
constexpr float kSlope = 0.1F;
constexpr std::int64_t kBatch = 128;
constexpr std::int64_t kEpochs = 12;
constexpr double kLearningRate = 3e-3;  // at the start; falls to 0 in a straight line
constexpr std::int64_t kLargestShift = 1;
constexpr std::uint64_t kSeed = 1;
constexpr std::uint64_t kShiftStream = std::uint64_t{1} << 35;  // + the epoch
constexpr std::int64_t kRateInterval = 64;                      // iterations between learning rates
constexpr std::int64_t kLookBatch = 250;                        // pictures at once, always as many
constexpr float kLargestByte = 255.0F;

NetworkDescription network_of(std::int64_t pixels, std::int64_t classes) {
  return {pixels,
          {Layer::linear(kHidden), Layer::activated(Activation::leaky_relu, kSlope), Layer::layer_norm(),
           Layer::linear(kFeatures), Layer::activated(Activation::leaky_relu, kSlope), Layer::layer_norm(),
           Layer::linear(classes)}};
}

/// The network without its last linear layer.
NetworkDescription trunk_of(const TensorFile& file, const std::string& source) {
  const auto found = file.metadata.find(kNetwork);
  if (found == file.metadata.end())
    throw InvalidArgument(fmt::format("{}: it has no \"{}\": it is not a judge's file", source, kNetwork));
  NetworkDescription description = network_from_text(found->second);
  if (description.layers.size() < 2 || description.layers.back().kind != Layer::Kind::linear)
    throw InvalidArgument(
        fmt::format("{}: its extractor is {}; the last layer must be linear", source, found->second));
  description.layers.pop_back();
  return description;
}

const Tensor& tensor_of(const TensorFile& file, const std::string& name, const std::string& source) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end())
    throw InvalidArgument(fmt::format("{}: it has no tensor \"{}\"", source, name));
  return found->second;
}

/// One more than the largest label. Throws as Extractor's constructor.
std::int64_t classes_of(const DataSet& data) {
  if (data.count < 2 || data.labels.size() != static_cast<std::size_t>(data.count))
    throw InvalidArgument(
        fmt::format("{}: {} pictures with {} labels; a judge learns from labelled pictures, two or more",
                    data.name, data.count, data.labels.size()));
  const auto [least, most] = std::minmax_element(data.labels.begin(), data.labels.end());
  if (*least == *most)
    throw InvalidArgument(fmt::format(
        "{}: every picture is labelled {}; a judge learns to tell classes apart", data.name, *least));
  return std::int64_t{*most} + 1;
}

/// Every picture moved by its own -kLargestShift … kLargestShift pixels across and down, background where it
/// came from.
void move_pictures(const DataSet& data, std::int64_t epoch, std::vector<std::uint8_t>& moved) {
  constexpr std::int64_t kGrain = 256;
  constexpr std::uint32_t kPlaces = 2 * kLargestShift + 1;
  const PhiloxStream random{kSeed, kShiftStream + static_cast<std::uint64_t>(epoch)};
  parallel_for(data.count, kGrain, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      const PhiloxBlock drawn = philox_block(random, static_cast<std::uint64_t>(i));
      const std::int64_t right = std::int64_t{drawn.word[0] % kPlaces} - kLargestShift;
      const std::int64_t down = std::int64_t{drawn.word[1] % kPlaces} - kLargestShift;
      const std::int64_t columns = std::max<std::int64_t>(0, data.width - std::abs(right));
      const std::uint8_t* from = data.pixels.data() + i * data.pixels_per_image();
      std::uint8_t* to = moved.data() + i * data.pixels_per_image();
      std::memset(to, 0, static_cast<std::size_t>(data.pixels_per_image()));
      for (std::int64_t y = std::max<std::int64_t>(0, down);
           y < data.height + std::min<std::int64_t>(0, down); ++y)
        std::memcpy(to + y * data.width + std::max<std::int64_t>(0, right),
                    from + (y - down) * data.width + std::max<std::int64_t>(0, -right),
                    static_cast<std::size_t>(columns));
    }
  });
}

/// A trained network as tensors "extractor.<name of the state_dict>".
TensorFile train_network(Stream& stream, const DataSet& data, const std::function<void(double)>& progress) {
  const std::int64_t pixels = data.pixels_per_image();
  const std::int64_t classes = classes_of(data);
  const std::int64_t batch = std::min(kBatch, data.count);
  Network network(stream, network_of(pixels, classes), kSeed, 0, "judge's extractor");
  OptimizerDescription adam;
  adam.kind = OptimizerKind::adam;
  adam.learning_rate = kLearningRate;
  Optimizer optimizer(stream, network, adam);
  Pass pass(stream, network, batch, Pass::Purpose::training);
  EpochLoop loop(stream, {data.count, batch, kEpochs, true, kSeed}, 0);
  ArenaPlan plan;
  const auto pictures_slot = plan.reserve<std::uint8_t>(data.count * pixels, "pictures");
  const auto labels_slot = plan.reserve<std::uint8_t>(data.count, "labels");
  const auto input_slot = plan.reserve<float>(batch * pixels, "batch");
  const auto target_slot = plan.reserve<float>(batch * classes, "targets");
  const Arena arena(stream, plan, "judge's training");
  const MatrixView<std::uint8_t> pictures = arena.matrix(pictures_slot, data.count, pixels);
  const VectorView<std::uint8_t> labels = arena.view(labels_slot);
  upload<std::uint8_t>(stream, labels, data.labels);
  loop.capture([&](Stream& recording, std::int64_t rows) {
    const MatrixView<float> input = arena.matrix(input_slot, batch, pixels).rows_part(0, rows);
    const MatrixView<float> target = arena.matrix(target_slot, batch, classes).rows_part(0, rows);
    gather_rows(recording, pictures, loop.order(), kLargestByte, input);
    gather_one_hot(recording, labels, loop.order(), 0.0F, 1.0F, target);
    (void)pass.forward(recording, input);
    pass.loss(recording, Loss::bce_with_logits, {target, 0.0F}, nullptr);
    pass.backward_and_step(recording, optimizer, loop.counter(1, 1));
  });
  std::vector<std::uint8_t> moved(data.pixels.size());
  const auto whole = static_cast<double>(loop.iterations());
  while (loop.iteration() < loop.iterations()) {
    const std::int64_t done = loop.iteration();
    if (done % loop.iterations_per_epoch() == 0) {
      move_pictures(data, done / loop.iterations_per_epoch(), moved);
      upload<std::uint8_t>(stream, arena.view(pictures_slot), moved);
    }
    const double share = static_cast<double>(done) / whole;
    if (progress) progress(share);
    optimizer.set_learning_rate(stream, kLearningRate * (1.0 - share));
    (void)loop.run(kRateInterval);
  }
  if (progress) progress(1.0);
  TensorFile file;
  network.save(stream, file, kPrefix);
  file.metadata[kNetwork] = network.description().text();
  return file;
}

std::string hash_text(std::uint64_t hash) {
  return fmt::format("{:016x}", hash);
}

}  // namespace

std::string Extractor::recipe(std::int64_t pixels, std::int64_t classes) {
  return fmt::format("{}; bce-logits; adam {} to 0; batch {}; {} epochs; moved by {}; seed {}",
                     network_of(pixels, classes).text(), kLearningRate, kBatch, kEpochs, kLargestShift,
                     kSeed);
}

Extractor::Extractor(Stream& stream, const DataSet& train, const std::function<void(double)>& progress)
    : Extractor(stream, train_network(stream, train, progress), train.name) {
  const Features raw = features(stream, train);
  const auto d = static_cast<std::size_t>(dimension());
  std::vector<double> sum(d, 0.0);
  std::vector<double> squares(d, 0.0);
  for (std::size_t i = 0; i < raw.values.size(); ++i) sum[i % d] += static_cast<double>(raw.values[i]);
  const auto count = static_cast<double>(raw.count);
  for (std::size_t c = 0; c < d; ++c) mean_[c] = sum[c] / count;
  for (std::size_t i = 0; i < raw.values.size(); ++i) {
    const double away = static_cast<double>(raw.values[i]) - mean_[i % d];
    squares[i % d] += away * away;
  }
  for (std::size_t c = 0; c < d; ++c) scale_[c] = squares[c] > 0 ? 1.0 / std::sqrt(squares[c] / count) : 0.0;
  save_doubles(file_, fmt::format("{}feature_mean", kPrefix), mean_);
  save_doubles(file_, fmt::format("{}feature_scale", kPrefix), scale_);
  hash_ = tensor_hash(file_, kPrefix);
}

Extractor::Extractor(Stream& stream, const TensorFile& file, const std::string& source)
    : trunk_(stream, trunk_of(file, source), 0, 0, "judge's extractor"),
      pass_(stream, trunk_, kLookBatch, Pass::Purpose::inference) {
  const auto dimensions = static_cast<std::size_t>(dimension());
  try {
    trunk_.load(stream, file, kPrefix);
  } catch (const InvalidArgument& error) {
    throw InvalidArgument(fmt::format("{}: {}", source, error.what()));
  }
  const std::size_t last = trunk_.description().layers.size();
  head_weight_ = tensor_of(file, fmt::format("{}{}.weight", kPrefix, last), source).to_double();
  head_bias_ = tensor_of(file, fmt::format("{}{}.bias", kPrefix, last), source).to_double();
  if (head_bias_.size() < 2 || head_weight_.size() != head_bias_.size() * dimensions)
    throw InvalidArgument(fmt::format("{}: its last layer has {} weights and {} biases behind {} features",
                                      source, head_weight_.size(), head_bias_.size(), dimensions));
  mean_.assign(dimensions, 0.0);
  scale_.assign(dimensions, 1.0);
  const std::string mean = fmt::format("{}feature_mean", kPrefix);
  if (file.tensors.count(mean) > 0) {
    mean_ = load_doubles(file, mean, dimensions, source);
    scale_ = load_doubles(file, fmt::format("{}feature_scale", kPrefix), dimensions, source);
  }
  file_.metadata[kNetwork] = file.metadata.at(kNetwork);
  for (const auto& [name, tensor] : file.tensors)
    if (name.rfind(kPrefix, 0) == 0) file_.tensors[name] = tensor;
  hash_ = tensor_hash(file_, kPrefix);
}

void Extractor::save(TensorFile& file) const {
  file.metadata[kNetwork] = file_.metadata.at(kNetwork);
  for (const auto& [name, tensor] : file_.tensors) file.tensors[name] = tensor;
}

Features Extractor::features(Stream& stream, const DataSet& pictures) {
  const std::int64_t pixels = pictures.pixels_per_image();
  if (pixels != this->pixels())
    throw InvalidArgument(fmt::format("{}: its pictures are {} x {}; the judge learned from {} pixels each",
                                      pictures.name, pictures.width, pictures.height, this->pixels()));
  Features result;
  result.count = pictures.count;
  result.dimension = dimension();
  std::vector<float> raw(static_cast<std::size_t>(pictures.count * result.dimension));
  const Buffer<std::uint8_t> bytes(stream, kLookBatch * pixels, "judged pictures");
  const Buffer<float> input(stream, kLookBatch * pixels, "judged pictures");
  fill_bytes(stream, bytes.data(), 0, static_cast<std::size_t>(bytes.size()));
  for (std::int64_t first = 0; first < pictures.count; first += kLookBatch) {
    const std::int64_t rows = std::min(kLookBatch, pictures.count - first);
    upload<std::uint8_t>(
        stream, bytes.view().part(0, rows * pixels),
        std::span(pictures.pixels)
            .subspan(static_cast<std::size_t>(first * pixels), static_cast<std::size_t>(rows * pixels)));
    // Always whole batches: a kernel may be chosen, and so round, by the number of rows.
    gather_rows(stream, bytes.matrix(kLookBatch, pixels), {}, kLargestByte, input.matrix(kLookBatch, pixels));
    const MatrixView<float> output = pass_.forward(stream, input.matrix(kLookBatch, pixels));
    download<float>(stream,
                    std::span(raw).subspan(static_cast<std::size_t>(first * result.dimension),
                                           static_cast<std::size_t>(rows * result.dimension)),
                    VectorView<const float>{output.data, rows * result.dimension});
  }
  classify(raw, result);
  return result;
}

void Extractor::classify(const std::vector<float>& raw, Features& features) const {
  constexpr std::int64_t kGrain = 256;
  const auto d = static_cast<std::size_t>(features.dimension);
  features.values.resize(raw.size());
  features.classes.resize(static_cast<std::size_t>(features.count));
  features.confidence.resize(static_cast<std::size_t>(features.count));
  parallel_for(features.count, kGrain, [&](std::int64_t first, std::int64_t last) {
    std::vector<double> logits(head_bias_.size());
    for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i) {
      const float* row = raw.data() + i * d;
      for (std::size_t k = 0; k < logits.size(); ++k) {
        double sum = head_bias_[k];
        for (std::size_t c = 0; c < d; ++c) sum += static_cast<double>(row[c]) * head_weight_[k * d + c];
        logits[k] = sum;
      }
      const auto best = std::max_element(logits.begin(), logits.end());
      double total = 0;
      for (const double logit : logits) total += std::exp(logit - *best);
      features.classes[i] = static_cast<std::uint8_t>(best - logits.begin());
      features.confidence[i] = 1.0 / total;
      for (std::size_t c = 0; c < d; ++c)
        features.values[i * d + c] = static_cast<float>((static_cast<double>(row[c]) - mean_[c]) * scale_[c]);
    }
  });
}

std::string tensor_hash(const TensorFile& file, const std::string& prefix) {
  constexpr std::uint64_t kPrime = 0x100000001B3U;
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const auto& [name, tensor] : file.tensors) {
    if (name.rfind(prefix, 0) != 0) continue;
    for (const char letter : name) hash = (hash ^ static_cast<unsigned char>(letter)) * kPrime;
    for (const std::byte byte : tensor.bytes) hash = (hash ^ std::to_integer<std::uint64_t>(byte)) * kPrime;
  }
  return hash_text(hash);
}

void save_doubles(TensorFile& file, const std::string& name, const std::vector<double>& values) {
  Tensor tensor;
  tensor.type = TensorType::f64;
  tensor.shape = {static_cast<std::int64_t>(values.size())};
  tensor.bytes.resize(values.size() * sizeof(double));
  std::memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
  file.tensors[name] = std::move(tensor);
}

std::vector<double> load_doubles(const TensorFile& file, const std::string& name, std::size_t count,
                                 const std::string& source) {
  const Tensor& tensor = tensor_of(file, name, source);
  if (tensor.type != TensorType::f64 || tensor.count() != static_cast<std::int64_t>(count))
    throw InvalidArgument(
        fmt::format("{}: tensor \"{}\" must be {} numbers in double precision", source, name, count));
  return tensor.to_double();
}

}  // namespace atelier::detail
