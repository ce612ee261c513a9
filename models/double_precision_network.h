#pragma once

#include <cstdint>
#include <vector>

#include "models/network.h"

namespace atelier {

/// A network in double precision on the host, one row at a time: what the engine's results are measured
/// against where no other arithmetic will do. Shares the activations' formulas
/// (kernels/activation_function.h) with the engine, and nothing else. Parameters are flat, in the order of
/// Network::parameters().
class DoublePrecisionNetwork {
 public:
  /// Throws InvalidArgument as NetworkDescription::validate.
  explicit DoublePrecisionNetwork(NetworkDescription description);

  [[nodiscard]] std::int64_t parameter_count() const { return parameter_count_; }

  /// The outputs for `rows` rows of inputs, row-major. Throws InvalidArgument when sizes do not fit.
  [[nodiscard]] std::vector<double> forward(const std::vector<double>& parameters,
                                            const std::vector<double>& inputs) const;

  /// mean over all outputs of (output - target)^2
  [[nodiscard]] double mean_square_error(const std::vector<double>& parameters,
                                         const std::vector<double>& inputs,
                                         const std::vector<double>& targets) const;

  /// The gradient of mean_square_error by back-propagation.
  [[nodiscard]] std::vector<double> gradient(const std::vector<double>& parameters,
                                             const std::vector<double>& inputs,
                                             const std::vector<double>& targets) const;

  /// The gradient by central differences: (E(p + h) - E(p - h)) / 2 h, a parameter at a time: two forward
  /// passes a parameter. Error about h^2 times the third derivative, plus 1e-16 E / h.
  [[nodiscard]] std::vector<double> central_differences(std::vector<double> parameters,
                                                        const std::vector<double>& inputs,
                                                        const std::vector<double>& targets, double h) const;

 private:
  struct Module {
    Layer layer;
    std::size_t inputs = 0;
    std::size_t outputs = 0;
    std::size_t weight = 0;  // where its parameters start
    std::size_t bias = 0;
  };
  void run(const std::vector<double>& parameters, const double* input,
           std::vector<std::vector<double>>& values) const;
  void run_back(const std::vector<double>& parameters, const std::vector<std::vector<double>>& values,
                std::vector<double> delta, std::vector<double>& gradient) const;
  [[nodiscard]] std::size_t row_count(const std::vector<double>& parameters,
                                      const std::vector<double>& inputs) const;

  std::vector<Module> modules_;
  std::size_t inputs_ = 0;
  std::int64_t parameter_count_ = 0;
};

}  // namespace atelier
