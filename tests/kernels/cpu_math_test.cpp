// The vector functions of kernels/cpu against the C library in a wider format, on every instruction set
// present.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "runtime/instruction_set.h"
#include "tests/devices.h"
#include "tests/kernels/cpu_math_vector.h"

namespace atelier {
namespace {

using testing::WorstError;

template <class T>
std::vector<T> run(InstructionSet set, ActivationFunction function, const std::vector<T>& x) {
  std::vector<T> y(x.size(), std::numeric_limits<T>::quiet_NaN());
  const long count = static_cast<long>(x.size());
#if defined(ATELIER_X86)
  if (set == InstructionSet::avx512) cpu::avx512::probe_activation(function, x.data(), y.data(), count);
  if (set == InstructionSet::avx2) cpu::avx2::probe_activation(function, x.data(), y.data(), count);
#endif
  if (set == InstructionSet::portable) cpu::portable::probe_activation(function, x.data(), y.data(), count);
  return y;
}
template <class T>
std::vector<T> run(InstructionSet set, cpu::Part part, const std::vector<T>& x) {
  std::vector<T> y(x.size(), std::numeric_limits<T>::quiet_NaN());
  const long count = static_cast<long>(x.size());
#if defined(ATELIER_X86)
  if (set == InstructionSet::avx512) cpu::avx512::probe_part(part, x.data(), y.data(), count);
  if (set == InstructionSet::avx2) cpu::avx2::probe_part(part, x.data(), y.data(), count);
#endif
  if (set == InstructionSet::portable) cpu::portable::probe_part(part, x.data(), y.data(), count);
  return y;
}

/// double for float, long double for double.
template <class T>
struct Wider {
  using Type = double;
};
template <>
struct Wider<double> {
  using Type = long double;
};

template <class W>
W exact(ActivationFunction function, W x) {
  const W slope = static_cast<W>(function.slope);
  switch (function.kind) {
    case Activation::identity:
      return x;
    case Activation::relu:
      return x > 0 ? x : 0;
    case Activation::leaky_relu:
      return x > 0 ? x : slope * x;
    case Activation::sigmoid:
      return 1 / (1 + std::exp(-x));
    case Activation::tanh:
      return std::tanh(x);
    case Activation::sin:
      return std::sin(x);
    case Activation::cos:
      return std::cos(x);
    case Activation::gaussian:
      return std::exp(-x * x);
    case Activation::softplus:
      return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
    case Activation::gelu:
      return x * std::erfc(-x / std::sqrt(W(2))) / 2;
    case Activation::silu:
      return x / (1 + std::exp(-x));
    case Activation::elu:
      return x > 0 ? x : slope * std::expm1(x);
    case Activation::abs:
      return std::abs(x);
    case Activation::square:
      return x * x;
    case Activation::softsign:
      return x / (1 + std::abs(x));
  }
  return std::numeric_limits<W>::quiet_NaN();
}

/// Dense in [-12, 12] and [-110, 110], and every magnitude from the smallest denormal to the largest finite.
template <class T>
std::vector<T> arguments() {
  std::vector<T> x;
  constexpr int dense = 200'001;
  for (int i = 0; i < dense; ++i) x.push_back(static_cast<T>(-12 + 24.0 * i / (dense - 1)));
  for (int i = 0; i < dense / 4; ++i) x.push_back(static_cast<T>(-110 + 220.0 * i / (dense / 4 - 1)));
  constexpr int magnitudes = 60'000;
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  Bits last = 0;
  const T largest = std::numeric_limits<T>::max();
  std::memcpy(&last, &largest, sizeof(last));
  for (int i = 0; i <= magnitudes; ++i) {
    const Bits pattern = last / magnitudes * static_cast<Bits>(i);
    T value = 0;
    std::memcpy(&value, &pattern, sizeof(value));
    x.push_back(value);
    x.push_back(-value);
  }
  x.push_back(largest);
  x.push_back(-largest);
  x.push_back(std::numeric_limits<T>::denorm_min());
  return x;
}

/// |got - expected| / max(1, |expected|); infinite where one alone is infinite or NaN.
template <class T, class W>
double scaled_error(T got, W expected) {
  if (std::abs(expected) > static_cast<W>(std::numeric_limits<T>::max()))
    return std::isinf(got) && (got > 0) == (expected > 0) ? 0 : std::numeric_limits<double>::infinity();
  const W scale = std::abs(expected) > 1 ? std::abs(expected) : W(1);
  return static_cast<double>(std::abs(static_cast<W>(got) - expected) / scale);
}

class CpuMath : public ::testing::TestWithParam<InstructionSet> {
 protected:
  template <class T>
  void check_activation(Activation kind, double bound) {
    const ActivationFunction function{kind, 0.3F};
    const std::vector<T> x = arguments<T>();
    const std::vector<T> y = run(GetParam(), function, x);
    WorstError worst;
    T where = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double before = i == 0 ? 0 : worst.value();
      worst.add(scaled_error(y[i], exact(function, static_cast<typename Wider<T>::Type>(x[i]))));
      if (worst.value() > before) where = x[i];
    }
    EXPECT_LE(worst.value(), bound) << activation_name(kind) << " at " << where;
    RecordProperty(std::string(activation_name(kind)) + (sizeof(T) == 4 ? "_float" : "_double"),
                   std::to_string(worst.value() * 1e9) + "e-9");
  }

  template <class T, class Exact>
  void check_part(cpu::Part part, T from, T to, double absolute, double relative, Exact reference) {
    std::vector<T> x;
    constexpr int count = 100'001;
    for (int i = 0; i < count; ++i) x.push_back(from + (to - from) * (static_cast<T>(i) / T(count - 1)));
    const std::vector<T> y = run(GetParam(), part, x);
    WorstError worst;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const auto expected = reference(static_cast<typename Wider<T>::Type>(x[i]));
      const auto allowed = absolute + relative * std::abs(static_cast<double>(expected)) + 1e-300;
      worst.add(std::abs(static_cast<double>(y[i] - expected)) / allowed);
    }
    EXPECT_LE(worst.value(), 1.0) << "part " << static_cast<int>(part) << ", " << sizeof(T) << " bytes";
  }
};

TEST_P(CpuMath, EveryActivationKeepsItsBound) {
  for (int kind = 0; kind < kActivationCount; ++kind) {
    const auto activation = static_cast<Activation>(kind);
    check_activation<float>(activation, activation == Activation::tanh ? 4e-7 : 4.8e-7);
    check_activation<double>(activation, 1.5e-15);
  }
}

// Every 61st of the floats between 2^-14 and 16, both signs: 4.8 million values.
TEST_P(CpuMath, FloatTanhKeepsItsBoundOnADenseSetOfFloats) {
  std::vector<float> x;
  for (std::uint32_t pattern = 0x38800000; pattern < 0x41800000; pattern += 61) {
    float value = 0;
    std::memcpy(&value, &pattern, sizeof(value));
    x.push_back(value);
    x.push_back(-value);
  }
  const std::vector<float> y = run(GetParam(), ActivationFunction{Activation::tanh}, x);
  WorstError worst;
  for (std::size_t i = 0; i < x.size(); ++i)
    worst.add(std::abs(static_cast<double>(y[i]) - std::tanh(static_cast<double>(x[i]))));
  EXPECT_LE(worst.value(), 4e-7);
  EXPECT_GT(worst.value(), 1e-8);  // a reference of the same precision would show nothing
}

TEST_P(CpuMath, PartsKeepTheirBounds) {
  const auto core = [](auto y) { return 2 / (1 + std::exp2(y)); };
  const auto exponential = [](auto x) { return std::exp(x); };
  const auto minus_one = [](auto x) { return std::expm1(x); };
  const auto logarithm = [](auto t) { return std::log1p(t); };
  const auto tail = [](auto t) { return std::erfc(t / std::sqrt(static_cast<decltype(t)>(2))) / 2; };
  const double eps = 0x1p-24;
  check_part<float>(cpu::Part::logistic_core, -30, 30, 4e-7, 0, core);
  check_part<float>(cpu::Part::logistic_core_newton, -30, 30, 4e-7, 0, core);
  check_part<float>(cpu::Part::exponential, -87, 0, 0, 4 * eps, exponential);
  check_part<float>(cpu::Part::exponential_minus_one, -20, 0, 0, 6 * eps, minus_one);
  check_part<float>(cpu::Part::log_one_plus, 0, 1, 0, 6 * eps, logarithm);
  check_part<float>(cpu::Part::normal_tail, 0, 4, 0, 32 * eps, tail);
  const double small = 0x1p-53;
  check_part<double>(cpu::Part::logistic_core, -70, 70, 1e-15, 0, core);
  check_part<double>(cpu::Part::logistic_core_newton, -70, 70, 1e-15, 0, core);
  check_part<double>(cpu::Part::exponential, -700, 0, 0, 4 * small, exponential);
  check_part<double>(cpu::Part::exponential_minus_one, -40, 0, 0, 6 * small, minus_one);
  check_part<double>(cpu::Part::log_one_plus, 0, 1, 0, 6 * small, logarithm);
  check_part<double>(cpu::Part::normal_tail, 0, 8, 0, 80 * small, tail);
}

template <class T>
void check_special_values(InstructionSet set) {
  const T infinity = std::numeric_limits<T>::infinity();
  const T nan = std::numeric_limits<T>::quiet_NaN();
  const T slope = static_cast<T>(0.3F);
  struct Case {
    Activation kind;
    T at_minus_infinity;
    T at_zero;
    T at_infinity;
  };
  const Case cases[] = {
      {Activation::identity, -infinity, 0, infinity},
      {Activation::relu, 0, 0, infinity},
      {Activation::leaky_relu, -infinity, 0, infinity},
      {Activation::sigmoid, 0, T(0.5), 1},
      {Activation::tanh, -1, 0, 1},
      {Activation::sin, nan, 0, nan},
      {Activation::cos, nan, 1, nan},
      {Activation::gaussian, 0, 1, 0},
      {Activation::softplus, 0, static_cast<T>(std::log(2.0L)), infinity},
      {Activation::gelu, 0, 0, infinity},
      {Activation::silu, 0, 0, infinity},
      {Activation::elu, -slope, 0, infinity},
      {Activation::abs, infinity, 0, infinity},
      {Activation::square, infinity, 0, infinity},
      {Activation::softsign, nan, 0, nan},
  };
  ASSERT_EQ(std::size(cases), static_cast<std::size_t>(kActivationCount));
  const auto same = [](T got, T expected) {
    if (std::isnan(expected)) return std::isnan(got);
    if (std::isinf(expected)) return got == expected;
    return std::abs(got - expected) <= 4 * std::numeric_limits<T>::epsilon();
  };
  for (const Case& c : cases) {
    const std::vector<T> y =
        run(set, ActivationFunction{c.kind, 0.3F}, std::vector<T>{-infinity, T(-0.0), 0, infinity, nan});
    EXPECT_TRUE(same(y[0], c.at_minus_infinity)) << activation_name(c.kind) << "(-inf) = " << y[0];
    EXPECT_TRUE(same(y[1], c.at_zero)) << activation_name(c.kind) << "(-0) = " << y[1];
    EXPECT_TRUE(same(y[2], c.at_zero)) << activation_name(c.kind) << "(0) = " << y[2];
    EXPECT_TRUE(same(y[3], c.at_infinity)) << activation_name(c.kind) << "(inf) = " << y[3];
    EXPECT_TRUE(std::isnan(y[4])) << activation_name(c.kind) << "(NaN) = " << y[4];
  }
}
TEST_P(CpuMath, SpecialValues) {
  check_special_values<float>(GetParam());
  check_special_values<double>(GetParam());
}

// The guarantee that a picture has the same bytes however it is cut.
template <class T>
void check_neighbours(InstructionSet set) {
  std::vector<T> x;
  for (int i = 0; i < 4001; ++i) x.push_back(static_cast<T>((i * 7919 % 4001 - 2000) * 0.01));
  for (std::size_t i = 0; i < x.size(); i += 37) x[i] = static_cast<T>(1e7) + static_cast<T>(i);
  for (std::size_t i = 5; i < x.size(); i += 101) x[i] = std::numeric_limits<T>::infinity();
  for (int kind = 0; kind < kActivationCount; ++kind) {
    const ActivationFunction function{static_cast<Activation>(kind), 0.3F};
    const std::vector<T> whole = run(set, function, x);
    for (std::size_t shift = 1; shift < 4; ++shift) {
      const std::vector<T> part =
          run(set, function, std::vector<T>(x.begin() + static_cast<std::ptrdiff_t>(shift), x.end()));
      EXPECT_EQ(std::memcmp(part.data(), whole.data() + shift, part.size() * sizeof(T)), 0)
          << activation_name(function.kind) << " depends on its neighbours";
    }
  }
}
TEST_P(CpuMath, AValueDoesNotDependOnItsNeighbours) {
  check_neighbours<float>(GetParam());
  check_neighbours<double>(GetParam());
}

INSTANTIATE_TEST_SUITE_P(InstructionSets, CpuMath, ::testing::ValuesIn(instruction_sets_present()),
                         [](const ::testing::TestParamInfo<InstructionSet>& set) {
                           return std::string(instruction_set_name(set.param));
                         });

}  // namespace
}  // namespace atelier
