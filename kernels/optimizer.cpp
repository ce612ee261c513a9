#include "kernels/optimizer.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>

#include "kernels/optimizer_launch.h"
#include "runtime/error.h"

namespace atelier {
namespace {

void check_size(const char* call, const Stream& stream, const char* name, std::int64_t size,
                std::int64_t parameters) {
  if (size != parameters)
    throw InvalidArgument(fmt::format("{} on {}: {} has {} elements for {} parameters; one each is needed",
                                      call, stream.device().name(), name, size, parameters));
}

void check_run(const char* call, const Stream& stream, std::int64_t parameters, std::int64_t gradients,
               const float* learning_rate) {
  if (parameters < 0)
    throw InvalidArgument(fmt::format("{} on {}: the size of parameters is {}; it must not be negative", call,
                                      stream.device().name(), parameters));
  check_size(call, stream, "gradients", gradients, parameters);
  if (learning_rate == nullptr)
    throw InvalidArgument(
        fmt::format("{} on {}: learning_rate is null; it must point to one float in the device's memory",
                    call, stream.device().name()));
}

void check_beta(const Stream& stream, const char* name, double beta) {
  if (!(beta >= 0.0 && beta < 1.0))
    throw InvalidArgument(fmt::format("adam_step on {}: {} is {}; it must be at least 0 and below 1",
                                      stream.device().name(), name, beta));
}

}  // namespace

void sgd_step(Stream& stream, VectorView<float> parameters, VectorView<const float> gradients,
              SgdSettings settings) {
  check_run("sgd_step", stream, parameters.size, gradients.size, settings.learning_rate);
  if (parameters.empty()) return;
  ATELIER_DISPATCH(stream, sgd_step(stream, SgdCall{parameters, gradients, settings}));
}

void adam_step(Stream& stream, VectorView<float> parameters, VectorView<const float> gradients,
               VectorView<float> first_moment, VectorView<float> second_moment, AdamSettings settings) {
  check_run("adam_step", stream, parameters.size, gradients.size, settings.learning_rate);
  check_size("adam_step", stream, "first_moment", first_moment.size, parameters.size);
  check_size("adam_step", stream, "second_moment", second_moment.size, parameters.size);
  check_beta(stream, "beta1", settings.beta1);
  check_beta(stream, "beta2", settings.beta2);
  if (!std::isfinite(settings.epsilon) || settings.epsilon < 0.0)
    throw InvalidArgument(fmt::format("adam_step on {}: epsilon is {}; it must be finite and not negative",
                                      stream.device().name(), settings.epsilon));
  if (parameters.empty()) return;
  ATELIER_DISPATCH(stream,
                   adam_step(stream, AdamCall{parameters, gradients, first_moment, second_moment, settings}));
}

void moving_average(Stream& stream, VectorView<float> average, VectorView<const float> values, double decay,
                    DeviceCounter step) {
  if (average.size < 0 || values.size != average.size)
    throw InvalidArgument(fmt::format("moving_average on {}: {} values for an average of {} elements",
                                      stream.device().name(), values.size, average.size));
  if (!(decay >= 0.0 && decay < 1.0))
    throw InvalidArgument(fmt::format("moving_average on {}: decay is {}; it must be at least 0 and below 1",
                                      stream.device().name(), decay));
  if (average.empty()) return;
  ATELIER_DISPATCH(stream, moving_average(stream, AverageCall{average, values, decay, step}));
}

}  // namespace atelier
