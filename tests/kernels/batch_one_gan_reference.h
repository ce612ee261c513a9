#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/batch_one_gan.h"

namespace atelier::testing {

/// One network of kernels/batch_one_gan.h in double precision, module by module, gradients by the chain rule,
/// every parameter with an optimiser of its own.
class ReferenceNetwork {
 public:
  using Row = std::vector<double>;

  struct Parameter {
    double value = 0, first = 0, second = 0, gradient = 0;
  };
  struct Optimizer {
    bool adam = false;
    double rate = 0, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
    void step(std::vector<Parameter>& parameters, double number) const {
      for (Parameter& p : parameters) {
        if (adam) {
          p.first = beta1 * p.first + (1 - beta1) * p.gradient;
          p.second = beta2 * p.second + (1 - beta2) * p.gradient * p.gradient;
          const double first = p.first / (1 - std::pow(beta1, number));
          const double second = p.second / (1 - std::pow(beta2, number));
          p.value -= rate * first / (std::sqrt(second) + epsilon);
        } else {
          p.value -= rate * p.gradient;
        }
        p.gradient = 0;
      }
    }
  };

  std::size_t inputs, hidden, outputs;
  ActivationFunction activation;
  bool normalized;
  Optimizer optimizer;
  std::vector<Parameter> w1, b1, gamma, beta, w2, b2;

  ReferenceNetwork(std::size_t in, std::size_t middle, std::size_t out, ActivationFunction function,
                   bool norm, Optimizer chosen)
      : inputs(in),
        hidden(middle),
        outputs(out),
        activation(function),
        normalized(norm),
        optimizer(chosen),
        w1(in * middle),
        b1(middle),
        gamma(norm ? middle : 0),
        beta(norm ? middle : 0),
        w2(middle * out),
        b2(out) {}

  [[nodiscard]] std::vector<std::vector<Parameter>*> all() { return {&w1, &b1, &gamma, &beta, &w2, &b2}; }

  /// Logits; what backward() needs is kept.
  Row forward(const Row& x) {
    input_ = x;
    before_.assign(hidden, 0);
    for (std::size_t h = 0; h < hidden; ++h) {
      before_[h] = b1[h].value;
      for (std::size_t i = 0; i < inputs; ++i) before_[h] += w1[h * inputs + i].value * x[i];
    }
    Row active(hidden);
    for (std::size_t h = 0; h < hidden; ++h) active[h] = function(before_[h]);
    normal_ = active;
    out_ = active;
    if (normalized) {
      double mean = 0;
      double variance = 0;
      for (const double a : active) mean += a / static_cast<double>(hidden);
      for (const double a : active) variance += (a - mean) * (a - mean) / static_cast<double>(hidden);
      deviation_ = std::sqrt(variance + 1e-5);
      for (std::size_t h = 0; h < hidden; ++h) {
        normal_[h] = (active[h] - mean) / deviation_;
        out_[h] = gamma[h].value * normal_[h] + beta[h].value;
      }
    }
    Row logits(outputs);
    for (std::size_t o = 0; o < outputs; ++o) {
      logits[o] = b2[o].value;
      for (std::size_t h = 0; h < hidden; ++h) logits[o] += w2[o * hidden + h].value * out_[h];
    }
    return logits;
  }

  /// Gradients of the parameters are set, that of the input is returned.
  Row backward(const Row& gradient) {
    Row d_out(hidden, 0);
    for (std::size_t o = 0; o < outputs; ++o) {
      b2[o].gradient = gradient[o];
      for (std::size_t h = 0; h < hidden; ++h) {
        w2[o * hidden + h].gradient = gradient[o] * out_[h];
        d_out[h] += gradient[o] * w2[o * hidden + h].value;
      }
    }
    Row d_active = d_out;
    if (normalized) {
      Row d_normal(hidden);
      double mean = 0;
      double product = 0;
      for (std::size_t h = 0; h < hidden; ++h) {
        gamma[h].gradient = d_out[h] * normal_[h];
        beta[h].gradient = d_out[h];
        d_normal[h] = d_out[h] * gamma[h].value;
        mean += d_normal[h] / static_cast<double>(hidden);
        product += d_normal[h] * normal_[h] / static_cast<double>(hidden);
      }
      for (std::size_t h = 0; h < hidden; ++h)
        d_active[h] = (d_normal[h] - mean - normal_[h] * product) / deviation_;
    }
    Row d_input(inputs, 0);
    for (std::size_t h = 0; h < hidden; ++h) {
      const double d_before = d_active[h] * slope(before_[h]);
      b1[h].gradient = d_before;
      for (std::size_t i = 0; i < inputs; ++i) {
        w1[h * inputs + i].gradient = d_before * input_[i];
        d_input[i] += d_before * w1[h * inputs + i].value;
      }
    }
    return d_input;
  }

  void step(double number) {
    for (std::vector<Parameter>* part : all()) optimizer.step(*part, number);
  }

 private:
  [[nodiscard]] double function(double x) const {
    if (activation.kind == Activation::relu) return std::max(x, 0.0);
    if (activation.kind == Activation::leaky_relu)
      return x > 0 ? x : static_cast<double>(activation.slope) * x;
    if (activation.kind == Activation::sigmoid) return 1 / (1 + std::exp(-x));
    return std::tanh(x);
  }
  [[nodiscard]] double slope(double x) const {
    const double y = function(x);
    if (activation.kind == Activation::relu) return x > 0 ? 1 : 0;
    if (activation.kind == Activation::leaky_relu) return x > 0 ? 1 : static_cast<double>(activation.slope);
    if (activation.kind == Activation::sigmoid) return y * (1 - y);
    return 1 - y * y;
  }
  Row input_, before_, normal_, out_;
  double deviation_ = 1;
};

/// The loop of kernels/batch_one_gan.h.
struct ReferenceBatchOneGan {
  using Row = std::vector<double>;
  ReferenceNetwork d, g;
  AdversarialLoss loss;

  struct Judgement {
    double loss;
    double gradient;  // of the logit
  };
  [[nodiscard]] Judgement judge(double logit, double target) const {
    const double p = 1 / (1 + std::exp(-logit));
    if (loss == AdversarialLoss::mse) return {(p - target) * (p - target), 2 * (p - target) * p * (1 - p)};
    return {-(target * std::log(p) + (1 - target) * std::log(1 - p)), p - target};
  }
  [[nodiscard]] Row generate(const Row& noise) {
    Row made = g.forward(noise);
    for (double& y : made) y = 1 / (1 + std::exp(-y));
    return made;
  }
  /// Losses of iteration t.
  Row iterate(double t, const Row& picture, const Row& z1, const Row& z2) {
    Row losses;
    const auto step_d = [&](const Row& x, double target, double number) {
      const Judgement judged = judge(d.forward(x)[0], target);
      d.backward({judged.gradient});
      d.step(number);
      losses.push_back(judged.loss);
    };
    step_d(picture, 1, 2 * t + 1);
    step_d(generate(z1), 0, 2 * t + 2);
    const Row made = generate(z2);
    const Judgement judged = judge(d.forward(made)[0], 1);
    Row gradient = d.backward({judged.gradient});
    for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] *= made[i] * (1 - made[i]);
    g.backward(gradient);
    g.step(t + 1);
    losses.push_back(judged.loss);
    return losses;
  }
};

}  // namespace atelier::testing
