#pragma once

#include <cstdint>
#include <string>

#include "kernels/batch_one_gan.h"
#include "kernels/dispatch.h"

// Each backend's half of kernels/batch_one_gan.h. Shapes fit one another, every view of a network lies in its
// parameters, settings are in range, both activations are of the list, and a slope is not negative. `scratch`
// has batch_one_gan_scratch's size at least; there is one iteration at least; where a network has plain SGD
// both moments are {nullptr, 0}.
ATELIER_DECLARE_BACKENDS(std::string batch_one_gan_obstacle(Device device, const BatchOneGan& gan);
                         std::int64_t batch_one_gan_scratch(Device device, const BatchOneGan& gan);
                         void train_batch_one_gan(Stream& stream, const BatchOneGan& gan,
                                                  const BatchOneGanTraining& training,
                                                  VectorView<float> scratch))
