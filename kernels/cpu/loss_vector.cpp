// Compiled once for every instruction set.
#include "kernels/cpu/loss_vector.h"

#include "kernels/cpu/elementary.h"
#include "kernels/cpu/vector_part.h"

namespace atelier::cpu::ATELIER_INSTRUCTION_SET {
namespace {

constexpr float kLeastLog = -100.0F;  // torch.nn.BCELoss

// Lanes that wrap where the exponents of zeros, negatives and NaN leave the range.
typedef std::uint32_t WrappingVector __attribute__((vector_size(kVectorBytes)));

// x = 2^e (1 + f) with 1 + f in [sqrt 1/2, sqrt 2], for normal x > 0.
struct Reduction {
  FloatVector scale;  // 2^-e
  FloatVector exponent;
};
ATELIER_INLINE Reduction reduce(FloatVector x) {
  const WrappingVector place = ((WrappingVector)bits(x) - 0x3F3504F3U) & 0xFF800000U;
  return {from_bits((Int32Vector)(0x3F800000U - place)),
          __builtin_convertvector((Int32Vector)place >> 23, FloatVector)};
}

// e log 2 + log(1 + f), log(1 + f) = f + f^2 P(f): the polynomial of kernels/noise_function.h, relative error
// 4.6e-9; the sum within 2 ulp.
ATELIER_INLINE FloatVector log_of_reduced(FloatVector exponent, FloatVector f) {
  constexpr float c[] = {-0.5F,         0x1.555554p-2F,  -0x1.ffffe6p-3F, 0x1.999d2ap-3F, -0x1.556288p-3F,
                         0x1.23de4p-3F, -0x1.fbbf2ep-4F, 0x1.dc75eap-4F,  -0x1.ddb2dp-4F, 0x1.2cb406p-4F};
  const FloatVector tail = fma(f * f, polynomial(f, c), exponent * -0x1.05c61p-29F);
  return fma(exponent, broadcast(0x1.62e43p-1F), f + tail);
}

ATELIER_INLINE FloatVector nan_vector() {
  return broadcast(__builtin_nanf(""));
}

// max(log p, -100). NaN for NaN and below 0.
ATELIER_INLINE FloatVector clamped_log(FloatVector p) {
  const Int32Vector tiny = p < 0x1p-126F;
  const FloatVector normal = select(tiny, p * 0x1p24F, p);
  const Reduction r = reduce(normal);
  const FloatVector value =
      log_of_reduced(select(tiny, r.exponent - 24, r.exponent), fma(normal, r.scale, broadcast(-1.0F)));
  const FloatVector clamped = select((value < kLeastLog) | (p == 0.0F), broadcast(kLeastLog), value);
  return select(p < 0.0F, nan_vector(), clamped);
}

// log(1 + x) for x > -1, with 1 + x rounded and what that rounding lost (exactly).
ATELIER_INLINE FloatVector log_one_plus_parts(FloatVector rounded, FloatVector rest) {
  const Reduction r = reduce(rounded);
  return log_of_reduced(r.exponent, (rounded * r.scale - 1) + rest * r.scale);
}

// max(log(1 - p), -100). NaN for NaN and above 1.
ATELIER_INLINE FloatVector clamped_log_of_complement(FloatVector p) {
  const FloatVector complement = 1 - p;
  const FloatVector value = log_one_plus_parts(complement, (1 - complement) - p);
  const FloatVector limit = select(complement < 0.0F, nan_vector(), broadcast(kLeastLog));
  return select(complement <= 0.0F, limit, value);
}

// e^x for x <= 0 with subnormal results, and 0 below -88.722839, where e^-x is infinite in fp32. Relative
// error 4 eps; NaN stays NaN.
ATELIER_INLINE FloatVector exponential(FloatVector x) {
  const FloatExponent part = reduce_exponent(maximum(broadcast(-89.0F), x));
  const FloatVector power = from_bits((part.n + (127 + 64)) << 23);  // 2^(n + 64)
  const FloatVector value = (1 + small_exponential_minus_one(part.r)) * power * 0x1p-64F;
  return select(x < -88.722839F, FloatVector{}, value);
}

struct Element {
  FloatVector loss;
  FloatVector gradient;     // times the number of elements
  FloatVector probability;  // sigmoid_bce alone
};

ATELIER_INLINE FloatVector bce_term(FloatVector p, FloatVector t) {
  return -fma(t, clamped_log(p), (1 - t) * clamped_log_of_complement(p));
}

// (p - t) / max(p (1 - p), 1e-12) p (1 - p): the quotient of the products is 1 unless the limit acts.
ATELIER_INLINE FloatVector bce_of_sigmoid_gradient(FloatVector p, FloatVector t) {
  const FloatVector variance = (1 - p) * p;
  const FloatVector difference = p - t;
  return select(variance < 1e-12F, difference * (variance * 1e12F), difference);
}

template <LossKind kind, bool loss>
ATELIER_INLINE Element element_of(FloatVector x, FloatVector t) {
  Element element{};
  if constexpr (kind == LossKind::bce) {
    if (loss) element.loss = bce_term(x, t);
    element.gradient = (x - t) / maximum(broadcast(1e-12F), (1 - x) * x);
  } else if constexpr (kind == LossKind::bce_of_sigmoid) {
    if (loss) element.loss = bce_term(x, t);
    element.gradient = bce_of_sigmoid_gradient(x, t);
  } else if constexpr (kind == LossKind::sigmoid_bce) {
    const FloatVector power = exponential(-absolute(x));
    element.probability = select(x < 0.0F, power, broadcast(1.0F)) / (1 + power);
    if (loss) element.loss = bce_term(element.probability, t);
    element.gradient = bce_of_sigmoid_gradient(element.probability, t);
  } else if constexpr (kind == LossKind::bce_with_logits) {
    const FloatVector power = exponential(-absolute(x));
    const FloatVector one_plus = 1 + power;
    const FloatVector quotient = power / one_plus;
    // max(x, 0) - x t is |x| (1 - t) or |x| t; sigmoid x is 1 - quotient or quotient: nothing cancels.
    const Int32Vector positive = x > 0.0F;
    if (loss)
      element.loss =
          fma(absolute(x), select(positive, 1 - t, t), log_one_plus_parts(one_plus, power - (one_plus - 1)));
    element.gradient = select(positive, (1 - t) - quotient, quotient - t);
  } else {
    const FloatVector difference = x - t;
    if (loss) element.loss = difference * difference;
    element.gradient = 2 * difference;
  }
  return element;
}

template <LossKind kind, bool loss>
double run_of(const LossRun& run) {
  const FloatVector constant = broadcast(run.constant);
  const FloatVector scale_of_gradient = broadcast(run.scale);
  const auto vector_at = [&](std::int64_t i) {
    const Element element =
        element_of<kind, loss>(load(run.input + i), run.target != nullptr ? load(run.target + i) : constant);
    if (run.gradient != nullptr) store(run.gradient + i, element.gradient * scale_of_gradient);
    if (kind == LossKind::sigmoid_bce && run.probability != nullptr)
      store(run.probability + i, element.probability);
    return element.loss;
  };

  // Eight vectors are added in float, the rest in double.
  DoubleVector total{};
  std::int64_t i = 0;
  for (; i + 8 * kLanes <= run.count; i += 8 * kLanes) {
    FloatVector sum[2] = {vector_at(i), vector_at(i + kLanes)};
#pragma GCC unroll 1
    for (int step = 2; step < 8; step += 2) {
      sum[0] += vector_at(i + step * kLanes);
      sum[1] += vector_at(i + (step + 1) * kLanes);
    }
    if (loss) total += sum_of_halves(sum[0] + sum[1]);
  }
  for (; i + kLanes <= run.count; i += kLanes) {
    const FloatVector sum = vector_at(i);
    if (loss) total += sum_of_halves(sum);
  }
  const int left = static_cast<int>(run.count - i);
  if (left > 0) {
    const FloatVector target = run.target != nullptr ? load_first(run.target + i, left) : constant;
    const Element element = element_of<kind, loss>(load_first(run.input + i, left), target);
    if (run.gradient != nullptr) store_first(run.gradient + i, element.gradient * scale_of_gradient, left);
    if (kind == LossKind::sigmoid_bce && run.probability != nullptr)
      store_first(run.probability + i, element.probability, left);
    if (loss) total += sum_of_halves(select(first_lanes(left), element.loss, FloatVector{}));
  }
  return sum_of_lanes(total);
}

template <LossKind kind>
double function_of(const LossRun& run) {
  return run.loss ? run_of<kind, true>(run) : run_of<kind, false>(run);
}

}  // namespace

const LossKernels loss_kernels = {{function_of<LossKind::bce>, function_of<LossKind::bce_of_sigmoid>,
                                   function_of<LossKind::sigmoid_bce>, function_of<LossKind::bce_with_logits>,
                                   function_of<LossKind::mse>}};

}  // namespace atelier::cpu::ATELIER_INSTRUCTION_SET
