// Compiled once for every instruction set.
#include "kernels/cpu/layer_norm_vector.h"

#include "kernels/cpu/vector_part.h"

namespace atelier::cpu::ATELIER_INSTRUCTION_SET {
namespace {

// Sums run in float over this many columns, then in double.
constexpr std::int64_t kRun = std::int64_t{64} * kLanes;

// Calls body(position) for whole vectors and once, with Last{count}, for what is left. Both kinds of position
// load and store through these.
struct Whole {
  std::int64_t at;
  ATELIER_INLINE FloatVector load_from(const float* data) const { return load(data + at); }
  ATELIER_INLINE void store_to(float* data, FloatVector value) const { store(data + at, value); }
  ATELIER_INLINE FloatVector kept(FloatVector value) const { return value; }
};
struct Last {
  std::int64_t at;
  int count;
  ATELIER_INLINE FloatVector load_from(const float* data) const { return load_first(data + at, count); }
  ATELIER_INLINE void store_to(float* data, FloatVector value) const { store_first(data + at, value, count); }
  // Zeros beyond the row.
  ATELIER_INLINE FloatVector kept(FloatVector value) const {
    return select(first_lanes(count), value, FloatVector{});
  }
};

// kSums sums over columns [0, columns): body(position, sum) adds to them. Four sets of accumulators.
template <int kSums, class Body>
ATELIER_INLINE void sum_over_row(std::int64_t columns, double (&result)[kSums], const Body& body) {
  DoubleVector total[kSums] = {};
  for (std::int64_t begin = 0; begin < columns; begin += kRun) {
    const std::int64_t end = begin + kRun < columns ? begin + kRun : columns;
    FloatVector sum[4][kSums] = {};
    std::int64_t c = begin;
    for (; c + 4 * kLanes <= end; c += 4 * kLanes) {
#pragma GCC unroll 4
      for (int set = 0; set < 4; ++set) body(Whole{c + set * kLanes}, sum[set]);
    }
    for (; c + kLanes <= end; c += kLanes) body(Whole{c}, sum[0]);
    if (c < end) body(Last{c, static_cast<int>(end - c)}, sum[1]);
#pragma GCC unroll 4
    for (int i = 0; i < kSums; ++i)
      total[i] += sum_of_halves((sum[0][i] + sum[1][i]) + (sum[2][i] + sum[3][i]));
  }
#pragma GCC unroll 4
  for (int i = 0; i < kSums; ++i) result[i] = sum_of_lanes(total[i]);
}

template <class Body>
ATELIER_INLINE void for_row(std::int64_t columns, const Body& body) {
  std::int64_t c = 0;
  for (; c + 2 * kLanes <= columns; c += 2 * kLanes) {
    body(Whole{c});
    body(Whole{c + kLanes});
  }
  for (; c + kLanes <= columns; c += kLanes) body(Whole{c});
  if (c < columns) body(Last{c, static_cast<int>(columns - c)});
}

// The mean is kept as a float and what that float lacks: (x - mean) - rest is right even where the mean is
// large beside the deviation.
void forward(const LayerNormCall& call, std::int64_t begin, std::int64_t end) {
  const std::int64_t columns = call.input.columns;
  const auto count = static_cast<double>(columns);
  const float* const gamma = call.gamma.data;
  const float* const beta = call.beta.data;
  for (std::int64_t row = begin; row < end; ++row) {
    const float* const x = &call.input(row, 0);
    float* const y = &call.output(row, 0);
    double sum[1];
    sum_over_row(columns, sum, [&](auto position, FloatVector* to) { to[0] += position.load_from(x); });
    const auto mean = static_cast<float>(sum[0] / count);
    const FloatVector means = broadcast(mean);
    double moments[2];
    sum_over_row(columns, moments, [&](auto position, FloatVector* to) {
      const FloatVector d = position.kept(position.load_from(x) - means);
      to[0] += d;
      to[1] = fma(d, d, to[1]);
    });
    const double rest = moments[0] / count;
    const double raw_variance = moments[1] / count - rest * rest;
    const double variance = raw_variance < 0 ? 0.0 : raw_variance;  // NaN stays
    const auto deviation =
        static_cast<float>(1.0 / __builtin_sqrt(variance + static_cast<double>(call.epsilon)));
    const FloatVector rests = broadcast(static_cast<float>(rest));
    const FloatVector deviations = broadcast(deviation);
    if (gamma != nullptr)
      for_row(columns, [&](auto position) {
        const FloatVector n = ((position.load_from(x) - means) - rests) * deviations;
        position.store_to(y, fma(n, position.load_from(gamma), position.load_from(beta)));
      });
    else
      for_row(columns, [&](auto position) {
        position.store_to(y, ((position.load_from(x) - means) - rests) * deviations);
      });
    if (call.mean.data != nullptr) {
      call.mean[row] = mean;
      call.reciprocal_deviation[row] = deviation;
    }
  }
}

// What one row's gradients need, lane by lane the same.
struct Row {
  const float* x;
  const float* dy;
  const float* gamma;  // null: 1
  FloatVector mean;
  FloatVector rest;
  FloatVector deviation;
  FloatVector mean_of_g;
  FloatVector mean_of_g_n;
};

template <class Position>
ATELIER_INLINE FloatVector weighted(const Row& row, const Position& position, FloatVector dy) {
  return row.gamma != nullptr ? dy * position.load_from(row.gamma) : dy;
}

// dx may be dy: each vector is read before it is written.
template <bool input_wanted, bool sums_wanted>
ATELIER_INLINE void write_row(const Row& row, std::int64_t columns, float* dx, float* gamma_sum,
                              float* beta_sum) {
  for_row(columns, [&](auto position) {
    const FloatVector n = ((position.load_from(row.x) - row.mean) - row.rest) * row.deviation;
    const FloatVector dy = position.load_from(row.dy);
    if (input_wanted) {
      const FloatVector g = weighted(row, position, dy);
      position.store_to(dx, row.deviation * negated_fma(n, row.mean_of_g_n, g - row.mean_of_g));
    }
    if (sums_wanted) {
      if (gamma_sum != nullptr) position.store_to(gamma_sum, fma(dy, n, position.load_from(gamma_sum)));
      if (beta_sum != nullptr) position.store_to(beta_sum, position.load_from(beta_sum) + dy);
    }
  });
}

void backward(const LayerNormBackwardCall& call, std::int64_t begin, std::int64_t end, float* gamma_sum,
              float* beta_sum) {
  const std::int64_t columns = call.input.columns;
  const auto count = static_cast<double>(columns);
  const bool sums_wanted = gamma_sum != nullptr || beta_sum != nullptr;
  for (std::int64_t r = begin; r < end; ++r) {
    Row row{};
    row.x = &call.input(r, 0);
    row.dy = &call.output_gradient(r, 0);
    row.gamma = call.gamma.data;
    row.mean = broadcast(call.mean[r]);
    row.deviation = broadcast(call.reciprocal_deviation[r]);
    double sum[3];  // of x - mean, g and g (x - mean)
    sum_over_row(columns, sum, [&](auto position, FloatVector* to) {
      const FloatVector d = position.kept(position.load_from(row.x) - row.mean);
      const FloatVector g = weighted(row, position, position.load_from(row.dy));
      to[0] += d;
      to[1] += g;
      to[2] = fma(g, d, to[2]);
    });
    const double rest = sum[0] / count;
    const double mean_of_g = sum[1] / count;
    const double mean_of_g_n =
        (sum[2] / count - rest * mean_of_g) * static_cast<double>(call.reciprocal_deviation[r]);
    row.rest = broadcast(static_cast<float>(rest));
    row.mean_of_g = broadcast(static_cast<float>(mean_of_g));
    row.mean_of_g_n = broadcast(static_cast<float>(mean_of_g_n));
    if (call.input_gradient.data == nullptr)
      write_row<false, true>(row, columns, nullptr, gamma_sum, beta_sum);
    else if (sums_wanted)
      write_row<true, true>(row, columns, &call.input_gradient(r, 0), gamma_sum, beta_sum);
    else
      write_row<true, false>(row, columns, &call.input_gradient(r, 0), nullptr, nullptr);
  }
}

void add(float* sum, const float* term, std::int64_t count) {
  for_row(count,
          [&](auto position) { position.store_to(sum, position.load_from(sum) + position.load_from(term)); });
}

}  // namespace

const LayerNormKernels layer_norm_kernels = {forward, backward, add};

}  // namespace atelier::cpu::ATELIER_INSTRUCTION_SET
