// The correct test kernels on a GPU: what the executor runs without one.
#include <gtest/gtest.h>

#include "runtime/device.h"
#include "runtime/stream.h"
#include "tests/simt/planted_bugs.h"

namespace atelier::simt_test {
namespace {

struct CudaCase {
  const char* name;
  CaseResult (*run)(Stream& stream, Bug bug);
};

class KernelsOnCuda : public ::testing::TestWithParam<CudaCase> {};

TEST_P(KernelsOnCuda, GiveRightValues) {
  if (cuda_device_count() == 0) GTEST_SKIP() << cuda_unavailable_reason();
  Stream stream{Device(DeviceKind::cuda)};
  const CaseResult result = GetParam().run(stream, Bug::none);
  EXPECT_TRUE(result.correct()) << "error " << result.error << ", allowed " << result.tolerance;
}

INSTANTIATE_TEST_SUITE_P(
    All, KernelsOnCuda,
    ::testing::Values(CudaCase{"gemm", &cuda::gemm_case}, CudaCase{"odd_gemm", &cuda::odd_gemm_case},
                      CudaCase{"async_gemm", &cuda::async_gemm_case},
                      CudaCase{"tf32_gemm", &cuda::tf32_gemm_case},
                      CudaCase{"f16_gemm", &cuda::f16_gemm_case},
                      CudaCase{"layer_norm", &cuda::layer_norm_case},
                      CudaCase{"layer_norm_input_gradient", &cuda::layer_norm_input_gradient_case},
                      CudaCase{"layer_norm_weight_gradient", &cuda::layer_norm_weight_gradient_case},
                      CudaCase{"cppn", &cuda::cppn_case}, CudaCase{"bce", &cuda::bce_case},
                      CudaCase{"column_sum", &cuda::column_sum_case}),
    [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace atelier::simt_test
