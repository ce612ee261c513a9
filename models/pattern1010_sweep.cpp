#include "models/pattern1010_sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "kernels/small_gan.h"
#include "models/torch_generator.h"
#include "runtime/buffer.h"
#include "runtime/error.h"

namespace atelier {
namespace {

// GANs trained together; bounds the memory of the records.
constexpr std::int64_t kFleet = 16384;
// Iterations of all GANs together between two reports: about a tenth of a second on two cores. A small fleet
// takes as long as kSmallFleet GANs would, a vector or a warp a thread.
constexpr std::int64_t kReport = std::int64_t{1} << 22;
constexpr std::int64_t kSmallFleet = 256;

// PyTorch's weights of one GAN, as a column of the fleet's matrix.
std::array<float, kSmallGanWeights> torch_weights(std::uint64_t seed) {
  std::array<float, kSmallGanWeights> weights{};
  TorchGenerator generator(seed);
  std::span<float> left(weights);
  const auto draw = [&](int outputs, int inputs) {
    const auto bound = static_cast<float>(1.0 / std::sqrt(static_cast<double>(inputs)));
    const std::size_t count = static_cast<std::size_t>(outputs) * static_cast<std::size_t>(inputs);
    generator.fill_uniform(left.first(count), -bound, bound);
    left = left.subspan(count);
  };
  draw(kSmallGanHiddenOfD, kSmallGanPattern);
  draw(1, kSmallGanHiddenOfD);
  draw(kSmallGanHiddenOfG, kSmallGanNoise);
  draw(kSmallGanPattern, kSmallGanHiddenOfG);
  return weights;
}

// Some of a sweep's seeds, trained together.
class Fleet {
 public:
  Fleet(Stream& stream, const Pattern1010Sweep& sweep, std::span<const std::uint64_t> seeds)
      : stream_(stream),
        sweep_(sweep),
        seeds_(seeds),
        gans_(static_cast<std::int64_t>(seeds.size())),
        seed_buffer_(stream, gans_, "sweep: seeds"),
        weight_buffer_(stream, gans_ * kSmallGanWeights, "sweep: weights"),
        record_buffer_(stream, kPattern1010LossWindow * kSmallGanLosses * gans_, "sweep: losses"),
        output_buffer_(stream, gans_ * kSmallGanPattern, "sweep: outputs") {
    upload<std::uint64_t>(stream, seed_buffer_.view(), seeds);
    if (sweep.torch_weights)
      upload_torch_weights();
    else
      initialise_small_gans(stream, weights(), seed_buffer_.view());
  }

  [[nodiscard]] std::int64_t done() const { return done_; }

  // `count` iterations, or fewer to the end or to where the losses' window begins.
  void train(std::int64_t count) {
    const std::int64_t window = std::max<std::int64_t>(0, sweep_.iterations - kPattern1010LossWindow);
    SmallGanTraining training;
    training.first_iteration = static_cast<std::uint64_t>(done_);
    training.learning_rate = static_cast<float>(sweep_.learning_rate);
    if (done_ < window) {
      training.iterations = std::min(count, window - done_);
      recorded_ = 0;
    } else {
      training.iterations = sweep_.iterations - done_;
      recorded_ = training.iterations;
      training.records = {record_buffer_.matrix(recorded_, kSmallGanLosses * gans_), 0, gans_, 1};
    }
    train_small_gans(stream_, weights(), seed_buffer_.view(), training);
    stream_.synchronize();
    done_ += training.iterations;
  }

  void judge(std::vector<Pattern1010Result>& results) {
    const auto outputs = output_buffer_.matrix(kSmallGanPattern, gans_);
    small_gan_outputs(stream_, weights(), seed_buffer_.view(), kPattern1010Draws, outputs);
    const std::vector<float> mean = download<float>(stream_, output_buffer_.view());
    const std::vector<float> losses =
        download<float>(stream_, record_buffer_.view().part(0, recorded_ * kSmallGanLosses * gans_));
    for (std::size_t gan = 0; gan < seeds_.size(); ++gan) {
      Pattern1010Result result;
      result.seed = seeds_[gan];
      result.iterations = done_;
      for (std::size_t i = 0; i < kSmallGanPattern; ++i)
        result.mean_output[i] = mean[i * seeds_.size() + gan];
      result.converged = inside_pattern1010(result.mean_output);
      result.discriminator_loss_real = mean_loss(losses, kSmallGanLossReal, gan);
      result.discriminator_loss_fake = mean_loss(losses, kSmallGanLossFake, gan);
      result.generator_loss = mean_loss(losses, kSmallGanLossGenerator, gan);
      result.pattern_error = mean_loss(losses, kSmallGanPatternError, gan);
      results.push_back(result);
    }
  }

 private:
  [[nodiscard]] MatrixView<float> weights() const { return weight_buffer_.matrix(kSmallGanWeights, gans_); }

  void upload_torch_weights() {
    std::vector<float> all(seeds_.size() * kSmallGanWeights);
    for (std::size_t gan = 0; gan < seeds_.size(); ++gan) {
      const auto drawn = torch_weights(seeds_[gan]);
      for (std::size_t i = 0; i < drawn.size(); ++i) all[i * seeds_.size() + gan] = drawn[i];
    }
    upload<float>(stream_, weight_buffer_.view(), all);
  }

  [[nodiscard]] float mean_loss(const std::vector<float>& losses, std::size_t kind, std::size_t gan) const {
    double sum = 0;
    const auto rows = static_cast<std::size_t>(recorded_);
    for (std::size_t row = 0; row < rows; ++row)
      sum += static_cast<double>(losses[(row * kSmallGanLosses + kind) * seeds_.size() + gan]);
    return static_cast<float>(sum / static_cast<double>(rows));  // NaN where the sweep was stopped before
  }

  Stream& stream_;
  const Pattern1010Sweep& sweep_;
  std::span<const std::uint64_t> seeds_;
  std::int64_t gans_;
  Buffer<std::uint64_t> seed_buffer_;
  Buffer<float> weight_buffer_;
  Buffer<float> record_buffer_;
  Buffer<float> output_buffer_;
  std::int64_t done_ = 0;
  std::int64_t recorded_ = 0;
};

void validate(const Pattern1010Sweep& sweep) {
  if (sweep.seeds.empty())
    throw InvalidArgument("sweep of pattern1010-gan: there are no seeds; give one at least");
  if (sweep.iterations < 1 || sweep.iterations > 1'000'000'000)
    throw InvalidArgument(fmt::format(
        "sweep of pattern1010-gan: {} iterations; from 1 to 1000000000 are possible", sweep.iterations));
  if (!std::isfinite(sweep.learning_rate) || sweep.learning_rate <= 0)
    throw InvalidArgument(
        fmt::format("sweep of pattern1010-gan: the learning rate is {}; it must be finite and above 0",
                    sweep.learning_rate));
}

}  // namespace

bool inside_pattern1010(const std::array<float, 4>& mean_output) {
  for (std::size_t i = 0; i < mean_output.size(); ++i)
    if (!(mean_output[i] >= kPattern1010.low[i] && mean_output[i] <= kPattern1010.high[i])) return false;
  return true;
}

std::vector<Pattern1010Result> sweep_pattern1010(Stream& stream, const Pattern1010Sweep& sweep,
                                                 const std::function<bool(double fraction)>& progress) {
  validate(sweep);
  std::vector<Pattern1010Result> results;
  results.reserve(sweep.seeds.size());
  const std::span<const std::uint64_t> seeds(sweep.seeds);
  const double total = static_cast<double>(seeds.size()) * static_cast<double>(sweep.iterations);
  bool wanted = true;
  for (std::size_t first = 0; first < seeds.size() && wanted; first += kFleet) {
    const auto part = seeds.subspan(first, std::min<std::size_t>(kFleet, seeds.size() - first));
    Fleet fleet(stream, sweep, part);
    const std::int64_t chunk =
        std::max<std::int64_t>(100, kReport / std::max(kSmallFleet, static_cast<std::int64_t>(part.size())));
    while (wanted && fleet.done() < sweep.iterations) {
      fleet.train(chunk);
      const double done = static_cast<double>(first) * static_cast<double>(sweep.iterations) +
                          static_cast<double>(part.size()) * static_cast<double>(fleet.done());
      if (progress) wanted = progress(done / total);
    }
    fleet.judge(results);
  }
  return results;
}

}  // namespace atelier
