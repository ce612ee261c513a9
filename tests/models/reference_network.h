#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "models/network.h"

namespace atelier::testing {

/// A network in double precision, module by module and sample by sample, from the formulas; gradients by
/// central differences. Shares nothing with the implementation but the description.
class ReferenceNetwork {
 public:
  explicit ReferenceNetwork(NetworkDescription description);

  /// A parameter by its name, "0.weight".
  void set(const std::string& name, std::vector<double> values) { parameters_[name] = std::move(values); }
  void set_input(std::int64_t batch, std::vector<double> values);
  /// Which loss loss() and differences() take; mse at first.
  void measure(Loss kind) { kind_ = kind; }

  [[nodiscard]] std::vector<double> forward() const;
  [[nodiscard]] double loss(const std::vector<double>& target) const;

  /// The derivative of the loss by the coordinates of a parameter or of "input": of all, or of a share.
  struct Differences {
    std::vector<std::size_t> coordinates;
    std::vector<double> values;
  };
  [[nodiscard]] Differences differences(const std::string& name, const std::vector<double>& target,
                                        double share);

 private:
  NetworkDescription description_;
  std::map<std::string, std::vector<double>> parameters_;
  std::int64_t batch_ = 0;
  Loss kind_ = Loss::mse;
};

}  // namespace atelier::testing
