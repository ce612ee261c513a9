#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

namespace atelier::testing {

/// The little GAN of kernels/small_gan.h in double precision, written down from the article's Python: vectors
/// of rows, one function a module, gradients by the chain rule.
class ReferenceGan {
 public:
  using Row = std::vector<double>;
  using Rows = std::vector<Row>;

  /// Weights in the order of the two state_dicts.
  explicit ReferenceGan(const std::vector<double>& weights)
      : d0_(rows(weights, 0, 3, 4)),
        d2_(rows(weights, 12, 1, 3)),
        g0_(rows(weights, 15, 4, 4)),
        g2_(rows(weights, 31, 4, 4)) {}

  struct Losses {
    double real = 0, fake = 0, generator = 0, pattern_error = 0;
  };

  Losses iterate(const Row& real, const Row& z1, const Row& z2, double learning_rate) {
    Losses losses;
    losses.real = train_discriminator(real, 1.0, learning_rate);
    losses.fake = train_discriminator(generate(z1), 0.0, learning_rate);

    const Row hidden = sigmoid(times(g0_, z2));
    const Row made = sigmoid(times(g2_, hidden));
    for (std::size_t i = 0; i < 4; ++i) {
      const double distance = made[i] - (i % 2 == 0 ? 0.9 : 0.0);
      losses.pattern_error += distance * distance / 4;
    }
    const Row judged_hidden = sigmoid(times(d0_, made));
    const double answer = sigmoid(times(d2_, judged_hidden))[0];
    losses.generator = (answer - 1) * (answer - 1);

    const double d_logit = 2 * (answer - 1) * answer * (1 - answer);
    Row d_made(4, 0.0);
    for (std::size_t j = 0; j < 3; ++j) {
      const double d_hidden = d_logit * d2_[0][j] * judged_hidden[j] * (1 - judged_hidden[j]);
      for (std::size_t i = 0; i < 4; ++i) d_made[i] += d_hidden * d0_[j][i];
    }
    descend(g0_, g2_, z2, hidden, made, d_made, learning_rate);
    return losses;
  }

  [[nodiscard]] Row generate(const Row& z) const { return sigmoid(times(g2_, sigmoid(times(g0_, z)))); }

  [[nodiscard]] std::vector<double> weights() const {
    std::vector<double> all;
    for (const Rows* matrix : {&d0_, &d2_, &g0_, &g2_})
      for (const Row& row : *matrix) all.insert(all.end(), row.begin(), row.end());
    return all;
  }

 private:
  static Rows rows(const std::vector<double>& weights, std::size_t first, std::size_t count,
                   std::size_t width) {
    Rows result(count, Row(width));
    for (std::size_t i = 0; i < count * width; ++i) result[i / width][i % width] = weights.at(first + i);
    return result;
  }
  static Row times(const Rows& matrix, const Row& x) {
    Row y;
    for (const Row& row : matrix) {
      double sum = 0;
      for (std::size_t i = 0; i < x.size(); ++i) sum += row[i] * x[i];
      y.push_back(sum);
    }
    return y;
  }
  static Row sigmoid(Row x) {
    for (double& value : x) value = 1 / (1 + std::exp(-value));
    return x;
  }
  static void descend(Rows& first, Rows& second, const Row& input, const Row& hidden, const Row& output,
                      const Row& d_output, double learning_rate) {
    Row d_hidden(hidden.size(), 0.0);
    for (std::size_t o = 0; o < output.size(); ++o) {
      const double d_logit = d_output[o] * output[o] * (1 - output[o]);
      for (std::size_t j = 0; j < hidden.size(); ++j) {
        d_hidden[j] += d_logit * second[o][j];
        second[o][j] -= learning_rate * d_logit * hidden[j];
      }
    }
    for (std::size_t j = 0; j < hidden.size(); ++j)
      for (std::size_t i = 0; i < input.size(); ++i)
        first[j][i] -= learning_rate * d_hidden[j] * hidden[j] * (1 - hidden[j]) * input[i];
  }
  double train_discriminator(const Row& x, double target, double learning_rate) {
    const Row hidden = sigmoid(times(d0_, x));
    const Row answer = sigmoid(times(d2_, hidden));
    descend(d0_, d2_, x, hidden, answer, {2 * (answer[0] - target)}, learning_rate);
    return (answer[0] - target) * (answer[0] - target);
  }

  Rows d0_, d2_, g0_, g2_;
};

}  // namespace atelier::testing
