#pragma once

#include "kernels/activation.h"
#include "kernels/dispatch.h"
#include "runtime/stream.h"
#include "runtime/view.h"

// Each backend's half of kernels/elementwise.h. Shapes are equal and hold at least one element; a matrix
// whose rows all lie one behind the other comes as a single row.
ATELIER_DECLARE_BACKENDS(void activation_forward(Stream& stream, MatrixView<const float> input,
                                                 ActivationFunction activation, MatrixView<float> output);
                         void activation_backward(Stream& stream, MatrixView<const float> input,
                                                  MatrixView<const float> output,
                                                  ActivationFunction activation,
                                                  MatrixView<const float> output_gradient,
                                                  MatrixView<float> input_gradient))
