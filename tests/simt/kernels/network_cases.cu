#include "tests/simt/kernels/bce.cuh"
#include "tests/simt/kernels/case_support.h"
#include "tests/simt/kernels/column_sum.cuh"
#include "tests/simt/kernels/cppn.cuh"
#include "tests/simt/kernels/layer_norm.cuh"

namespace atelier::ATELIER_DEVICE_NAMESPACE {
namespace {

using simt_test::CaseResult;

unsigned blocks_for(int count, int size) {
  return static_cast<unsigned>((count + size - 1) / size);
}
std::vector<float> to_float(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

/// Inputs of layer normalisation, and every result in double precision.
struct LayerNormReference {
  int rows, width;
  std::vector<float> x, gamma, beta, dy;
  std::vector<double> mean, rstd, y, dx, dgamma, dbeta;

  LayerNormReference(int row_count, int columns)
      : rows(row_count),
        width(columns),
        x(random_values(size(), 1, 2.0F)),
        gamma(random_values(static_cast<std::size_t>(columns), 2)),
        beta(random_values(static_cast<std::size_t>(columns), 3)),
        dy(random_values(size(), 4)),
        y(size()),
        dx(size()),
        dgamma(static_cast<std::size_t>(columns)),
        dbeta(static_cast<std::size_t>(columns)) {
    for (float& value : x) value += 0.7F;
    for (std::size_t row = 0; row < static_cast<std::size_t>(rows); ++row) add_row(row);
  }

 private:
  [[nodiscard]] std::size_t size() const {
    return static_cast<std::size_t>(rows) * static_cast<std::size_t>(width);
  }
  void add_row(std::size_t row) {
    const auto count = static_cast<std::size_t>(width);
    const std::size_t start = row * count;
    double sum = 0.0;
    double squares = 0.0;
    for (std::size_t i = 0; i < count; ++i) sum += static_cast<double>(x[start + i]);
    const double centre = sum / width;
    for (std::size_t i = 0; i < count; ++i)
      squares += std::pow(static_cast<double>(x[start + i]) - centre, 2);
    const double scale = 1.0 / std::sqrt(squares / width + 1e-5);
    mean.push_back(centre);
    rstd.push_back(scale);
    double gradient_sum = 0.0;
    double gradient_product = 0.0;
    for (std::size_t i = 0; i < count; ++i) {
      const double normal = (static_cast<double>(x[start + i]) - centre) * scale;
      const double slope = static_cast<double>(dy[start + i]);
      y[start + i] = normal * static_cast<double>(gamma[i]) + static_cast<double>(beta[i]);
      gradient_sum += slope * static_cast<double>(gamma[i]);
      gradient_product += slope * static_cast<double>(gamma[i]) * normal;
      dgamma[i] += slope * normal;
      dbeta[i] += slope;
    }
    for (std::size_t i = 0; i < count; ++i) {
      const double normal = (static_cast<double>(x[start + i]) - centre) * scale;
      const double slope = static_cast<double>(dy[start + i]) * static_cast<double>(gamma[i]);
      dx[start + i] = scale * (slope - (gradient_sum + normal * gradient_product) / width);
    }
  }
};

void compare_all(Comparison& worst, const std::vector<float>& values, const std::vector<double>& reference) {
  for (std::size_t i = 0; i < reference.size(); ++i) worst.add(values[i], reference[i]);
}

}  // namespace

CaseResult layer_norm_case(Stream& stream, Bug bug) {
  // A width of whole steps puts the read past the end outside of the last row's buffer.
  const LayerNormReference data(20, bug == Bug::norm_tail_reads_past_end ? 512 : 500);
  const auto x = to_device(stream, data.x);
  const auto gamma = to_device(stream, data.gamma);
  const auto beta = to_device(stream, data.beta);
  const Buffer<float> y(stream, data.rows * data.width);
  const Buffer<float> mean(stream, data.rows);
  const Buffer<float> rstd(stream, data.rows);
  with_bug<Bug::norm_scratch_reused, Bug::norm_scratch_read_early, Bug::norm_tail_reads_past_end,
           Bug::norm_uninitialised_scratch, Bug::norm_half_warp_mask, Bug::norm_shuffle_starts_late>(
      bug, [&](auto planted) {
        launch("layer_norm", stream, layer_norm<decltype(planted)::value>,
               LaunchShape{dim3(static_cast<unsigned>(data.rows)), dim3(128)}, x.data(), gamma.data(),
               beta.data(), y.data(), mean.data(), rstd.data(), data.width, 1e-5F);
      });
  Comparison worst;
  compare_all(worst, to_host(stream, y), data.y);
  compare_all(worst, to_host(stream, mean), data.mean);
  compare_all(worst, to_host(stream, rstd), data.rstd);
  return worst.within(5e-6);
}

CaseResult layer_norm_input_gradient_case(Stream& stream, Bug bug) {
  const LayerNormReference data(21, 500);
  const auto dy = to_device(stream, data.dy);
  const auto x = to_device(stream, data.x);
  const auto gamma = to_device(stream, data.gamma);
  const auto mean = to_device(stream, to_float(data.mean));
  const auto rstd = to_device(stream, to_float(data.rstd));
  const Buffer<float> dx(stream, data.rows * data.width);
  with_bug<Bug::norm_shuffle_in_branch>(bug, [&](auto planted) {
    launch("layer_norm_input_gradient", stream, layer_norm_input_gradient<decltype(planted)::value>,
           LaunchShape{dim3(blocks_for(data.rows, 4)), dim3(32, 4)}, dy.data(), x.data(), gamma.data(),
           mean.data(), rstd.data(), dx.data(), data.rows, data.width);
  });
  Comparison worst;
  compare_all(worst, to_host(stream, dx), data.dx);
  return worst.within(5e-6);
}

CaseResult layer_norm_weight_gradient_case(Stream& stream, Bug bug) {
  const LayerNormReference data(150, 500);
  constexpr int kStripRows = 64;
  const int strips = static_cast<int>(blocks_for(data.rows, kStripRows));
  const auto dy = to_device(stream, data.dy);
  const auto x = to_device(stream, data.x);
  const auto mean = to_device(stream, to_float(data.mean));
  const auto rstd = to_device(stream, to_float(data.rstd));
  const Buffer<float> partial(stream, strips * 2 * data.width);
  const Buffer<float> dgamma(stream, data.width);
  const Buffer<float> dbeta(stream, data.width);
  with_bug<Bug::norm_tree_without_barriers, Bug::norm_partial_past_column>(bug, [&](auto planted) {
    launch("layer_norm_partial_gradient", stream, layer_norm_partial_gradient<decltype(planted)::value>,
           LaunchShape{dim3(blocks_for(data.width, 32), static_cast<unsigned>(strips)), dim3(32, 8)},
           dy.data(), x.data(), mean.data(), rstd.data(), partial.data(), data.rows, data.width, kStripRows);
  });
  launch("layer_norm_final_gradient", stream, layer_norm_final_gradient<Bug::none>,
         LaunchShape{dim3(blocks_for(data.width, 128)), dim3(128)}, partial.data(), dgamma.data(),
         dbeta.data(), strips, data.width);
  Comparison worst;
  compare_all(worst, to_host(stream, dgamma), data.dgamma);
  compare_all(worst, to_host(stream, dbeta), data.dbeta);
  return worst.within(2e-5);
}

CaseResult cppn_case(Stream& stream, Bug bug) {
  constexpr int kPictureWidth = 40;
  constexpr int kPictureHeight = 36;
  const auto weights = random_values(kCppnWeights, 5, 0.8F);
  const auto device_weights = to_device(stream, weights);
  const Buffer<float> picture(stream, kPictureWidth * kPictureHeight * 3);
  with_bug<Bug::cppn_last_bias_not_loaded, Bug::cppn_return_before_barrier, Bug::cppn_no_barrier>(
      bug, [&](auto planted) {
        launch("paint_cppn", stream, paint_cppn<decltype(planted)::value>,
               LaunchShape{dim3(blocks_for(kPictureWidth, 16), blocks_for(kPictureHeight, 16)), dim3(16, 16)},
               device_weights.data(), picture.data(), kPictureWidth, kPictureHeight);
      });
  const auto painted = to_host(stream, picture);
  Comparison worst;
  for (int row = 0; row < kPictureHeight; ++row)
    for (int column = 0; column < kPictureWidth; ++column) {
      const double x = 2.0 * column / kPictureWidth - 1.0;
      const double y = 2.0 * row / kPictureHeight - 1.0;
      std::vector<double> state{x, y, std::sqrt(x * x + y * y), 1.0};
      auto layer = weights.begin();
      const auto apply = [&](int outputs, auto activation) {
        std::vector<double> next;
        for (int j = 0; j < outputs; ++j) {
          double sum = static_cast<double>(layer[static_cast<std::ptrdiff_t>(state.size()) * outputs + j]);
          for (std::size_t i = 0; i < state.size(); ++i)
            sum += state[i] * static_cast<double>(layer[static_cast<std::ptrdiff_t>(i) * outputs + j]);
          next.push_back(activation(sum));
        }
        layer += (static_cast<std::ptrdiff_t>(state.size()) + 1) * outputs;
        state = next;
      };
      for (int l = 0; l < kCppnLayers; ++l) apply(kCppnWidth, [](double s) { return std::tanh(s); });
      apply(3, [](double s) { return 1.0 / (1.0 + std::exp(-s)); });
      for (int channel = 0; channel < 3; ++channel)
        worst.add(painted[static_cast<std::size_t>((row * kPictureWidth + column) * 3 + channel)],
                  state[static_cast<std::size_t>(channel)]);
    }
  return worst.within(5e-6);
}

CaseResult bce_case(Stream& stream, Bug bug) {
  constexpr int kCount = 5000;
  const auto logits = random_values(kCount, 1, 4.0F);
  auto targets = random_values(kCount, 2);
  for (float& target : targets) target = target > 0.0F ? 1.0F : 0.0F;
  const auto device_logits = to_device(stream, logits);
  const auto device_targets = to_device(stream, targets);
  const Buffer<float> gradient(stream, kCount);
  const auto loss = to_device(stream, std::vector<float>(1, 0.0F));
  const auto right = to_device(stream, std::vector<int>(1, 0));
  with_bug<Bug::bce_shared_counter_not_atomic, Bug::bce_global_loss_not_atomic>(bug, [&](auto planted) {
    launch("bce", stream, bce<decltype(planted)::value>, LaunchShape{dim3(8), dim3(256)},
           device_logits.data(), device_targets.data(), gradient.data(), loss.data(), right.data(), kCount);
  });
  const auto slopes = to_host(stream, gradient);
  double mean_loss = 0.0;
  int hits = 0;
  Comparison worst;
  for (std::size_t i = 0; i < kCount; ++i) {
    const double z = static_cast<double>(logits[i]);
    const double target = static_cast<double>(targets[i]);
    mean_loss += (std::fmax(z, 0.0) - z * target + std::log1p(std::exp(-std::fabs(z)))) / kCount;
    hits += (z > 0.0) == (target > 0.5) ? 1 : 0;
    worst.add(slopes[i] * kCount, 1.0 / (1.0 + std::exp(-z)) - target);
  }
  worst.add(to_host(stream, loss)[0], mean_loss);
  worst.add(static_cast<float>(to_host(stream, right)[0]), hits);
  return worst.within(2e-5);
}

CaseResult column_sum_case(Stream& stream, Bug bug) {
  constexpr int kRows = 100;
  constexpr int kWidth = 150;
  constexpr int kBlocks = 12;
  const auto x = random_values(kRows * kWidth, 1);
  const auto device_x = to_device(stream, x);
  const Buffer<float> partial(stream, kBlocks * kWidth);
  const Buffer<float> sums(stream, kWidth);
  const auto flag = to_device(stream, std::vector<int>(1, 0));
  with_bug<Bug::columns_no_grid_sync, Bug::columns_block_skips_grid_sync, Bug::columns_wait_on_a_flag>(
      bug, [&](auto planted) {
        launch_cooperative("column_sum", stream, column_sum<decltype(planted)::value>,
                           LaunchShape{dim3(kBlocks), dim3(64)}, device_x.data(), partial.data(), sums.data(),
                           flag.data(), kRows, kWidth);
      });
  const auto result = to_host(stream, sums);
  Comparison worst;
  for (std::size_t column = 0; column < kWidth; ++column) {
    double sum = 0.0;
    for (std::size_t row = 0; row < kRows; ++row) sum += static_cast<double>(x[row * kWidth + column]);
    worst.add(result[column], sum);
  }
  return worst.within(1e-5);
}

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
