#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "kernels/batch_one_gan.h"
#include "kernels/noise_function.h"
#include "runtime/buffer.h"
#include "tests/devices.h"
#include "tests/kernels/batch_one_gan_reference.h"

namespace atelier::testing {

/// What a network of a test is.
struct NetworkKind {
  ActivationFunction activation{Activation::leaky_relu, 0.2F};
  bool normalized = true;
  bool adam = true;
  double beta1 = 0.9;
  double beta2 = 0.999;
};
struct GanKind {
  std::int64_t latent = 5;
  std::int64_t features = 17;
  std::int64_t pixels = 33;
  std::int64_t hidden = 9;
  NetworkKind d;
  NetworkKind g;
  AdversarialLoss loss = AdversarialLoss::bce;
};

constexpr std::uint64_t kFakeNoise = 1ULL << 33;
constexpr std::uint64_t kGeneratorNoise = kFakeNoise + 2;

/// One network in three buffers of one layout, with gaps between its views and behind the rows of its
/// matrices; numbers in gaps are canaries.
class NetworkInMemory {
 public:
  static constexpr float kCanary = 4321.0F;

  NetworkInMemory(Stream& stream, std::int64_t inputs, std::int64_t hidden, std::int64_t outputs,
                  const NetworkKind& kind, float rate, std::mt19937& random)
      : stream_(stream),
        inputs_(inputs),
        hidden_(hidden),
        outputs_(outputs),
        kind_(kind),
        size_(3 + hidden * (inputs + kGap) + 4 * (hidden + 1) + outputs * (hidden + kGap) + outputs + 2),
        parameters_(stream, size_),
        first_(stream, size_),
        second_(stream, size_),
        rate_(stream, 1),
        start_(static_cast<std::size_t>(size_), kCanary) {
    std::uniform_real_distribution<float> uniform(-1.0F, 1.0F);
    const auto fill = [&](std::int64_t first, std::int64_t rows, std::int64_t columns, float scale,
                          float centre) {
      for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t c = 0; c < columns; ++c)
          start_[static_cast<std::size_t>(first + r * (columns + kGap) + c)] =
              centre + scale * uniform(random);
    };
    const auto fan_in = [](std::int64_t n) { return 1.0F / std::sqrt(static_cast<float>(n)); };
    fill(w1(), hidden, inputs, fan_in(inputs), 0);
    fill(b1(), 1, hidden, fan_in(inputs), 0);
    if (kind.normalized) {
      fill(gamma(), 1, hidden, 0.3F, 1);
      fill(beta(), 1, hidden, 0.3F, 0);
    }
    fill(w2(), outputs, hidden, fan_in(hidden), 0);
    fill(b2(), 1, outputs, fan_in(hidden), 0);
    upload<float>(stream, parameters_.view(), start_);
    std::vector<float> zeros = start_;
    for (float& value : zeros)
      if (value != kCanary) value = 0.0F;
    upload<float>(stream, first_.view(), zeros);
    upload<float>(stream, second_.view(), zeros);
    upload<float>(stream, rate_.view(), std::vector<float>{rate});
  }

  [[nodiscard]] TwoLayerNetwork network() const {
    TwoLayerNetwork net;
    float* const data = parameters_.data();
    net.parameters = parameters_.view();
    if (kind_.adam) {
      net.first_moment = first_.view();
      net.second_moment = second_.view();
    }
    net.hidden_weight = {data + w1(), hidden_, inputs_, inputs_ + kGap};
    net.hidden_bias = {data + b1(), hidden_};
    net.activation = kind_.activation;
    if (kind_.normalized) {
      net.gamma = {data + gamma(), hidden_};
      net.beta = {data + beta(), hidden_};
    }
    net.output_weight = {data + w2(), outputs_, hidden_, hidden_ + kGap};
    net.output_bias = {data + b2(), outputs_};
    net.learning_rate = rate_.data();
    net.beta1 = kind_.beta1;
    net.beta2 = kind_.beta2;
    return net;
  }

  [[nodiscard]] ReferenceNetwork reference(float rate) const {
    ReferenceNetwork net(static_cast<std::size_t>(inputs_), static_cast<std::size_t>(hidden_),
                         static_cast<std::size_t>(outputs_), kind_.activation, kind_.normalized,
                         {kind_.adam, static_cast<double>(rate), kind_.beta1, kind_.beta2});
    visit(net, start_,
          [](ReferenceNetwork::Parameter& p, float value) { p.value = static_cast<double>(value); });
    return net;
  }

  /// Parameters, and moments where there are any, one behind the other with all gaps.
  [[nodiscard]] std::vector<float> contents() {
    std::vector<float> all = download<float>(stream_, parameters_.view());
    for (const Buffer<float>* moment : {&first_, &second_}) {
      const std::vector<float> values = download<float>(stream_, moment->view());
      all.insert(all.end(), values.begin(), values.end());
    }
    return all;
  }
  void set(std::int64_t index, float value) {
    upload<float>(stream_, parameters_.view().part(index, 1), std::vector<float>{value});
  }

  /// Differences of parameters; those of moments against the size of the largest one.
  void compare(ReferenceNetwork& expected, WorstError& parameters, WorstError& moments) {
    const std::vector<float> all = contents();
    const auto part = [&](int k) {
      return std::vector<float>(all.begin() + k * size_, all.begin() + (k + 1) * size_);
    };
    visit(expected, part(0), [&](const ReferenceNetwork::Parameter& p, float value) {
      parameters.add(std::fabs(static_cast<double>(value) - p.value));
    });
    if (!kind_.adam) return;
    double largest_first = 1e-30;
    double largest_second = 1e-30;
    visit(expected, part(1), [&](const ReferenceNetwork::Parameter& p, float) {
      largest_first = std::max(largest_first, std::fabs(p.first));
      largest_second = std::max(largest_second, p.second);
    });
    visit(expected, part(1), [&](const ReferenceNetwork::Parameter& p, float value) {
      moments.add(std::fabs(static_cast<double>(value) - p.first) / largest_first);
    });
    visit(expected, part(2), [&](const ReferenceNetwork::Parameter& p, float value) {
      moments.add(std::fabs(static_cast<double>(value) - p.second) / largest_second);
    });
  }

  /// How many numbers in gaps have changed.
  [[nodiscard]] int damaged_gaps() {
    const std::vector<float> all = contents();
    int damaged = 0;
    for (std::size_t i = 0; i < all.size(); ++i)
      if (start_[i % start_.size()] == kCanary && all[i] != kCanary) ++damaged;
    return damaged;
  }

 private:
  static constexpr std::int64_t kGap = 1;
  [[nodiscard]] std::int64_t w1() const { return 3; }
  [[nodiscard]] std::int64_t b1() const { return w1() + hidden_ * (inputs_ + kGap); }
  [[nodiscard]] std::int64_t gamma() const { return b1() + hidden_ + 1; }
  [[nodiscard]] std::int64_t beta() const { return gamma() + hidden_ + 1; }
  [[nodiscard]] std::int64_t w2() const { return beta() + hidden_ + 1; }
  [[nodiscard]] std::int64_t b2() const { return w2() + outputs_ * (hidden_ + kGap); }

  template <class Visit>
  void visit(ReferenceNetwork& net, const std::vector<float>& values, Visit body) const {
    const auto each = [&](std::vector<ReferenceNetwork::Parameter>& part, std::int64_t first,
                          std::int64_t columns) {
      for (std::size_t i = 0; i < part.size(); ++i) {
        const auto index = static_cast<std::int64_t>(i);
        body(part[i],
             values[static_cast<std::size_t>(first + index / columns * (columns + kGap) + index % columns)]);
      }
    };
    each(net.w1, w1(), inputs_);
    each(net.b1, b1(), hidden_);
    each(net.gamma, gamma(), hidden_);
    each(net.beta, beta(), hidden_);
    each(net.w2, w2(), hidden_);
    each(net.b2, b2(), outputs_);
  }

  Stream& stream_;
  std::int64_t inputs_, hidden_, outputs_;
  NetworkKind kind_;
  std::int64_t size_;
  Buffer<float> parameters_, first_, second_, rate_;
  std::vector<float> start_;
};

/// A GAN, pictures and noise, drawn from a seed; trained on a device and by the reference.
class GanOnDevice {
 public:
  GanOnDevice(Stream& stream, const GanKind& kind, std::uint32_t seed = 1)
      : stream_(stream),
        kind_(kind),
        random_(seed),
        d_(stream, kind.pixels, kind.hidden, 1, kind.d, rate(kind.d), random_),
        g_(stream, kind.latent, kind.features, kind.pixels, kind.g, rate(kind.g), random_),
        bytes_(static_cast<std::size_t>(kPictures * (kind.pixels + 3))),
        pictures_(stream, kPictures * (kind.pixels + 3)),
        order_(stream, kOrder) {
    std::uniform_int_distribution<int> byte(-200, 255);
    for (std::uint8_t& value : bytes_) value = static_cast<std::uint8_t>(std::max(0, byte(random_)));
    upload<std::uint8_t>(stream, pictures_.view(), bytes_);
    for (std::int32_t i = 0; i < kOrder; ++i) order_values_.push_back((5 * i + 3) % kPictures);
    upload<std::int32_t>(stream, order_.view(), order_values_);
  }

  [[nodiscard]] BatchOneGan gan() const { return {d_.network(), g_.network(), kind_.loss}; }
  [[nodiscard]] BatchOneGanTraining training(std::uint64_t first, std::int64_t iterations) const {
    BatchOneGanTraining training;
    training.first_iteration = first;
    training.iterations = iterations;
    training.pictures = {pictures_.data(), kPictures, kind_.pixels, kind_.pixels + 3};
    if (ordered) training.order = order_.view();
    training.fake_noise = {7, kFakeNoise};
    training.generator_noise = {7, kGeneratorNoise};
    return training;
  }
  /// The losses of iterations first, first + 1, …
  std::vector<float> train(std::uint64_t first, std::int64_t iterations) {
    const Buffer<float> losses(stream_, std::max<std::int64_t>(1, 4 * iterations));
    upload<float>(stream_, losses.view(),
                  std::vector<float>(static_cast<std::size_t>(losses.size()), NetworkInMemory::kCanary));
    Buffer<float> noise(stream_, std::max<std::int64_t>(1, 2 * iterations * (kind_.latent + 2)));
    BatchOneGanTraining job = training(first, iterations);
    job.losses = {losses.data(), iterations, 3, 4};
    if (given_noise) give_noise(noise, job);
    train(job);
    const std::vector<float> got = download<float>(stream_, losses.view());
    std::vector<float> result;
    for (std::int64_t i = 0; i < 4 * iterations; ++i) {
      const float value = got[static_cast<std::size_t>(i)];
      if (i % 4 < 3)
        result.push_back(value);
      else
        EXPECT_EQ(value, NetworkInMemory::kCanary);
    }
    return result;
  }
  void train(const BatchOneGanTraining& job) {
    const std::int64_t size = batch_one_gan_scratch(stream_.device(), gan());
    const Buffer<float> scratch(stream_, size + 1);
    upload<float>(stream_, scratch.view(), std::vector<float>(static_cast<std::size_t>(size + 1), 1e-45F));
    train_batch_one_gan(stream_, gan(), job, scratch.view().part(1, size));
    EXPECT_EQ(download<float>(stream_, scratch.view())[0], 1e-45F);
  }

  [[nodiscard]] ReferenceBatchOneGan reference() const {
    return {d_.reference(rate(kind_.d)), g_.reference(rate(kind_.g)), kind_.loss};
  }
  /// What iteration t of the reference gets.
  [[nodiscard]] std::vector<double> picture(std::uint64_t t) const {
    const auto row = ordered ? static_cast<std::uint64_t>(order_values_[t % kOrder]) : t % kPictures;
    std::vector<double> x;
    for (std::int64_t i = 0; i < kind_.pixels; ++i)
      x.push_back(bytes_[row * static_cast<std::uint64_t>(kind_.pixels + 3) + static_cast<std::uint64_t>(i)] /
                  255.0);
    return x;
  }
  [[nodiscard]] std::vector<double> noise(std::uint64_t stream, std::uint64_t t) const {
    std::vector<double> z;
    for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(kind_.latent); ++i)
      z.push_back(static_cast<double>(normal_element({given_noise ? 99U : 7U, stream},
                                                     static_cast<std::uint64_t>(kind_.latent) * t + i)));
    return z;
  }

  [[nodiscard]] NetworkInMemory& d() { return d_; }
  [[nodiscard]] NetworkInMemory& g() { return g_; }
  [[nodiscard]] std::vector<float> contents() {
    std::vector<float> all = d_.contents();
    const std::vector<float> more = g_.contents();
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  bool ordered = false;
  bool given_noise = false;

 private:
  static constexpr std::int64_t kPictures = 7;
  static constexpr std::int32_t kOrder = 5;
  static float rate(const NetworkKind& kind) { return kind.adam ? 0.002F : 0.1F; }

  void give_noise(Buffer<float>& room, BatchOneGanTraining& job) {
    const std::int64_t stride = kind_.latent + 2;
    std::vector<float> values(static_cast<std::size_t>(room.size()), NetworkInMemory::kCanary);
    for (std::int64_t k = 0; k < 2; ++k)
      for (std::int64_t i = 0; i < job.iterations; ++i) {
        const std::vector<double> row =
            noise(k == 0 ? kFakeNoise : kGeneratorNoise, job.first_iteration + static_cast<std::uint64_t>(i));
        for (std::size_t c = 0; c < row.size(); ++c)
          values[static_cast<std::size_t>((k * job.iterations + i) * stride) + c] =
              static_cast<float>(row[c]);
      }
    upload<float>(stream_, room.view(), values);
    job.given_fake_noise = {room.data(), job.iterations, kind_.latent, stride};
    job.given_generator_noise = {room.data() + job.iterations * stride, job.iterations, kind_.latent, stride};
  }

  Stream& stream_;
  GanKind kind_;
  std::mt19937 random_;
  NetworkInMemory d_, g_;
  std::vector<std::uint8_t> bytes_;
  Buffer<std::uint8_t> pictures_;
  std::vector<std::int32_t> order_values_;
  Buffer<std::int32_t> order_;
};

}  // namespace atelier::testing
