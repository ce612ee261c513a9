#include <algorithm>
#include <cstdint>
#include <string>

#include "kernels/batch_one_gan_head.cuh"
#include "kernels/batch_one_gan_inputs.cuh"
#include "kernels/batch_one_gan_launch.h"
#include "kernels/batch_one_gan_plan.cuh"
#include "kernels/batch_one_gan_step.cuh"
#include "runtime/kernel.cuh"

// One cooperative launch trains for many iterations; parameters and moments stay in shared memory. Each block
// owns some of D's hidden units, of the pixels and of G's features (batch_one_gan_plan.cuh). D's first and
// G's last matrix are held by row and by column, so that no product needs a sum over blocks: what crosses
// blocks are units' values, in five exchanges an iteration, each a store by the owner and a load by
// everybody.
namespace atelier::ATELIER_DEVICE_NAMESPACE {
namespace {

enum Pass { kReal = 0, kFake = 1, kJudged = 2 };

template <bool d_adam, bool g_adam>
class Trainer {
 public:
  __device__ Trainer(const ResidentCall& call, float* shared)
      : call_(call),
        plan_(call.plan),
        shared_(shared),
        inputs_(call, shared),
        head_{call.gan.discriminator, shared + call.plan.head.at, call.plan.hidden,
              !call.gan.discriminator.gamma.empty()},
        normalized_(!call.gan.generator.gamma.empty()),
        pixel_(own_share(call.plan.pixel_share, call.plan.pixels)),
        unit_(own_share(call.plan.hidden_share, call.plan.hidden)),
        feature_(own_share(call.plan.feature_share, call.plan.features)) {}

  __device__ void run() {
    begin();
    for (std::int64_t local = 0; local < call_.training.iterations; ++local) {
      local_ = local;
      make_fakes();
      step_on_picture();
      judge_first_fake();
      step_on_fake();
      judge_second_fake();
      step_generator();
    }
    grid_sync();  // every block has read what is overwritten now
    transfer_networks<false>(call_, shared_);
  }

 private:
  // Parameters and the first iteration's inputs; what later iterations get from the one before.
  __device__ void begin() {
    transfer_networks<true>(call_, shared_);
    if (thread_ == 0) inputs_.find_picture(0);
    __syncthreads();
    inputs_.prepare(0);
    __syncthreads();
    const float* const picture = at(plan_.picture[0]);
    multiply_rows<kPixelSegments, 2>(
        at(plan_.part), unit_.count, plan_.pixels, picture, picture,
        [&](int row, int column) { return at(plan_.d_rows.at)[row * plan_.pixels + column]; });
    __syncthreads();
    send_hidden(kHiddenOfJudged, -1, 2);
    __syncthreads();  // the sums are read before they are written again
    multiply_rows<kLatentSegments, 2>(
        at(plan_.part), feature_.count, plan_.latent, at(plan_.fake_noise[0]), at(plan_.generator_noise[0]),
        [&](int row, int column) { return at(plan_.g_first.at)[row * plan_.latent + column]; });
    __syncthreads();
    send_features(0);
    receive_hidden(kHiddenOfJudged, -1, kJudged);
  }

  // Exchange kFeatures: both fakes, a block its pixels. D's verdict on the picture is made beside.
  __device__ void make_fakes() {
    if (!normalized_) __syncthreads();  // the last step reads activations that the packets overwrite
    receive_features();
    __syncthreads();
    if (normalized_ && warp_ < 2) {
      const Moments moments = warp_moments(at(plan_.feature_active[warp_]), plan_.features,
                                           static_cast<float>(call_.gan.generator.normalization_epsilon));
      if (thread_ % kWarp == 0) {
        at(plan_.moments)[2 * warp_] = moments.mean;
        at(plan_.moments)[2 * warp_ + 1] = moments.inverse_deviation;
      }
    }
    if (warp_ == 2) judge(kReal, 1.0F);
    __syncthreads();
    if (normalized_) normalize_features();
    head_.backward(at(plan_.hidden_active[kReal]), verdict(kReal), at(plan_.hidden_delta[kReal]));
    __syncthreads();
    multiply_rows<kFeatureSegments, 2>(at(plan_.part), pixel_.count, plan_.features, at(plan_.feature_out[0]),
                                       at(plan_.feature_out[1]), g_row_weight());
    __syncthreads();
#pragma unroll 1
    for (int k = thread_; k < pixel_.count; k += kThreads) {
      const float bias = at(plan_.pixel_bias.at)[k];
      const float fake = row_product<kFeatureSegments, 2>(at(plan_.part), k, 0) + bias;
      const float judged = row_product<kFeatureSegments, 2>(at(plan_.part), k, 1) + bias;
      send(kFakes, local_, pixel_.first + k, sigmoid_activation(fake), sigmoid_activation(judged), 0.0F);
    }
  }

  // D's step on the picture, while the fakes are under way; and what G's gradient will need.
  __device__ void step_on_picture() {
    if (normalized_)
      multiply_rows<kFeatureSegments, 2>(at(plan_.projection), pixel_.count, plan_.features,
                                         at(plan_.all_gamma), at(plan_.gamma_normal), g_row_weight());
    const StepFactors factors = inputs_.factors(local_)[0];
    step_d_rows(kReal, at(plan_.picture[local_ & 1]), factors);
    head_.template step<d_adam>(at(plan_.hidden_active[kReal]), verdict(kReal), factors);
    if (thread_ == kThreads - 1) inputs_.find_picture(local_ + 1);
  }

  // Exchanges kFakes and kHiddenOfFake: D's hidden units on G(z1).
  __device__ void judge_first_fake() {
    receive(kFakes, local_, plan_.pixels, [&](int pixel, uint4 packet) {
      at(plan_.fake)[pixel] = __uint_as_float(packet.x);
      at(plan_.judged)[pixel] = __uint_as_float(packet.y);
    });
    __syncthreads();
    multiply_rows<kPixelSegments, 1>(
        at(plan_.part), unit_.count, plan_.pixels, at(plan_.fake), nullptr,
        [&](int row, int column) { return at(plan_.d_rows.at)[row * plan_.pixels + column]; });
    __syncthreads();
    send_hidden(kHiddenOfFake, local_, 1);
    step_d_columns(kReal, at(plan_.picture[local_ & 1]), inputs_.factors(local_)[0]);
    inputs_.prepare(local_ + 1);
    receive_hidden(kHiddenOfFake, local_, kFake);
    if (warp_ == 0) judge(kFake, 0.0F);
    __syncthreads();
    head_.backward(at(plan_.hidden_active[kFake]), verdict(kFake), at(plan_.hidden_delta[kFake]));
    __syncthreads();
  }

  // Exchange kHiddenOfJudged: D's step on G(z1) and, in the same walk, its hidden units on G(z2) and on the
  // next picture.
  __device__ void step_on_fake() {
    const StepFactors factors = inputs_.factors(local_)[1];
    const float* const delta = at(plan_.hidden_delta[kFake]) + unit_.first;
    const float* const fake = at(plan_.fake);
#pragma unroll 1
    for (int k = thread_; k < unit_.count; k += kThreads)
      step_parameter<d_adam>(at(plan_.hidden_bias.at), plan_.hidden_bias.size, k, delta[k], factors);
    multiply_rows<kPixelSegments, 2>(
        at(plan_.part), unit_.count, plan_.pixels, at(plan_.judged), at(plan_.picture[(local_ + 1) & 1]),
        [&](int row, int column) {
          return step_parameter<d_adam>(at(plan_.d_rows.at), plan_.d_rows.size, row * plan_.pixels + column,
                                        rounded_product(delta[row], fake[column]), factors);
        });
    __syncthreads();
    send_hidden(kHiddenOfJudged, local_, 2);
    step_d_columns(kFake, fake, factors);
    head_.template step<d_adam>(at(plan_.hidden_active[kFake]), verdict(kFake), factors);
  }

  // Exchange kOutputGradient: back through D to this block's pixels.
  __device__ void judge_second_fake() {
    receive_hidden(kHiddenOfJudged, local_, kJudged);
    if (warp_ == 0) judge(kJudged, 1.0F);
    __syncthreads();
    head_.backward(at(plan_.hidden_active[kJudged]), verdict(kJudged), at(plan_.hidden_delta[kJudged]));
    __syncthreads();
    multiply_rows<kHiddenSegments, 1>(
        at(plan_.part), pixel_.count, plan_.hidden, at(plan_.hidden_delta[kJudged]), nullptr,
        [&](int row, int column) { return at(plan_.d_columns.at)[row * plan_.hidden + column]; });
    __syncthreads();
    const StepFactors factors = inputs_.factors(local_)[2];
#pragma unroll 1
    for (int k = thread_; k < pixel_.count; k += kThreads) {
      const float y = at(plan_.judged)[pixel_.first + k];
      const float gradient =
          rounded_product(row_product<kHiddenSegments, 1>(at(plan_.part), k, 0), y * (1.0F - y));
      float with_gamma = 0.0F;
      float with_normal = 0.0F;
      if (normalized_) {
        with_gamma = gradient * row_product<kFeatureSegments, 2>(at(plan_.projection), k, 0);
        with_normal = gradient * row_product<kFeatureSegments, 2>(at(plan_.projection), k, 1);
      }
      send(kOutputGradient, local_, pixel_.first + k, gradient, with_gamma, with_normal);
      at(plan_.own_gradient)[k] = gradient;
      step_parameter<g_adam>(at(plan_.pixel_bias.at), plan_.pixel_bias.size, k, gradient, factors);
    }
    __syncthreads();
    step_matrix<g_adam>(at(plan_.g_rows.at), plan_.g_rows.size, pixel_.count, plan_.features,
                        at(plan_.own_gradient), at(plan_.feature_out[1]), factors);
    record_losses();
  }

  // Back through G to this block's features, their step, and the next iteration's first layer in the same
  // walk.
  __device__ void step_generator() {
    receive_output_gradient();
    __syncthreads();
    multiply_rows<kGradientSegments, 1>(
        at(plan_.part), feature_.count, plan_.pixels, at(plan_.output_gradient), nullptr,
        [&](int row, int column) { return at(plan_.g_columns.at)[row * plan_.pixels + column]; });
    __syncthreads();
    const StepFactors factors = inputs_.factors(local_)[2];
    step_features(factors);
    __syncthreads();
    const float* const noise = at(plan_.generator_noise[local_ & 1]);
    const float* const delta = at(plan_.feature_delta);
    const int next = static_cast<int>((local_ + 1) & 1);
    multiply_rows<kLatentSegments, 2>(
        at(plan_.part), feature_.count, plan_.latent, at(plan_.fake_noise[next]),
        at(plan_.generator_noise[next]), [&](int row, int column) {
          return step_parameter<g_adam>(at(plan_.g_first.at), plan_.g_first.size, row * plan_.latent + column,
                                        rounded_product(delta[row], noise[column]), factors);
        });
    __syncthreads();
    if (local_ + 1 < call_.training.iterations) send_features(local_ + 1);
    step_matrix<g_adam>(at(plan_.g_columns.at), plan_.g_columns.size, feature_.count, plan_.pixels,
                        at(plan_.feature_out[1]) + feature_.first, at(plan_.output_gradient), factors);
  }

  // Sends gamma and beta too: every block normalises all features.
  __device__ void send_features(std::int64_t local) const {
#pragma unroll 1
    for (int k = thread_; k < feature_.count; k += kThreads) {
      const int feature = feature_.first + k;
      const float bias = at(plan_.feature_bias.at)[k];
      send(kFeatures, local, feature, row_product<kLatentSegments, 2>(at(plan_.part), k, 0) + bias,
           row_product<kLatentSegments, 2>(at(plan_.part), k, 1) + bias, 0.0F);
      if (normalized_)
        send(kFeatures, local, plan_.features + feature, at(plan_.gamma.at)[k], at(plan_.beta.at)[k], 0.0F);
    }
  }

  __device__ void receive_features() const {
    const ActivationFunction activation = call_.gan.generator.activation;
    const int count = plan_.features * (normalized_ ? 2 : 1);
    receive(kFeatures, local_, count, [&](int packet_index, uint4 packet) {
      const float first = __uint_as_float(packet.x);
      const float second = __uint_as_float(packet.y);
      if (packet_index < plan_.features) {
        at(plan_.feature_active[0])[packet_index] = hidden_activation(activation, first);
        at(plan_.feature_active[1])[packet_index] = hidden_activation(activation, second);
      } else {
        at(plan_.all_gamma)[packet_index - plan_.features] = first;
        at(plan_.all_beta)[packet_index - plan_.features] = second;
      }
    });
  }

  __device__ void normalize_features() const {
    const float* const moments = at(plan_.moments);
#pragma unroll 1
    for (int j = thread_; j < plan_.features; j += kThreads) {
      const float gamma = at(plan_.all_gamma)[j];
      const float beta = at(plan_.all_beta)[j];
      const float first = (at(plan_.feature_active[0])[j] - moments[0]) * moments[1];
      const float second = (at(plan_.feature_active[1])[j] - moments[2]) * moments[3];
      at(plan_.feature_out[0])[j] = fused_product_sum(gamma, first, beta);
      at(plan_.feature_out[1])[j] = fused_product_sum(gamma, second, beta);
      at(plan_.normal)[j] = second;
      at(plan_.gamma_normal)[j] = gamma * second;
    }
  }

  // Pre-activations of this block's units of D: of one vector, or of two of which the second is the next
  // picture.
  __device__ void send_hidden(Exchange exchange, std::int64_t local, int vectors) const {
#pragma unroll 1
    for (int k = thread_; k < unit_.count; k += kThreads) {
      const float bias = at(plan_.hidden_bias.at)[k];
      float first = 0.0F;
      float second = 0.0F;
      if (vectors == 1) {
        first = row_product<kPixelSegments, 1>(at(plan_.part), k, 0) + bias;
      } else {
        first = row_product<kPixelSegments, 2>(at(plan_.part), k, 0) + bias;
        second = row_product<kPixelSegments, 2>(at(plan_.part), k, 1) + bias;
      }
      send(exchange, local, unit_.first + k, first, second, 0.0F);
    }
  }

  // All units of D for `pass`; with the judged fake's, those of the next picture. Ends with a barrier.
  __device__ void receive_hidden(Exchange exchange, std::int64_t local, Pass pass) const {
    const ActivationFunction activation = call_.gan.discriminator.activation;
    receive(exchange, local, plan_.hidden, [&](int unit, uint4 packet) {
      at(plan_.hidden_active[pass])[unit] = hidden_activation(activation, __uint_as_float(packet.x));
      if (pass == kJudged)
        at(plan_.hidden_active[kReal])[unit] = hidden_activation(activation, __uint_as_float(packet.y));
    });
    __syncthreads();
  }

  // The gradient at all pixels, and sums of its products over each kWarp of them.
  __device__ void receive_output_gradient() const {
    receive(
        kOutputGradient, local_, plan_.pixels,
        [&](int pixel, uint4 packet) { at(plan_.output_gradient)[pixel] = __uint_as_float(packet.x); },
        [&](int pixel, uint4 packet) {
          if (!normalized_) return;
          const float with_gamma = warp_sum(__uint_as_float(packet.y));
          const float with_normal = warp_sum(__uint_as_float(packet.z));
          if (pixel % kWarp != 0) return;
          at(plan_.chunk_sums)[pixel / kWarp * 2] = with_gamma;
          at(plan_.chunk_sums)[pixel / kWarp * 2 + 1] = with_normal;
        });
  }

  __device__ void step_features(const StepFactors& factors) const {
    float sum = 0.0F;
    float product = 0.0F;
    if (normalized_) {
      const int chunks = (plan_.pixels + kWarp - 1) / kWarp;
      for (int chunk = thread_ % kWarp; chunk < chunks; chunk += kWarp) {
        sum += at(plan_.chunk_sums)[2 * chunk];
        product += at(plan_.chunk_sums)[2 * chunk + 1];
      }
      sum = warp_sum(sum) / static_cast<float>(plan_.features);
      product = warp_sum(product) / static_cast<float>(plan_.features);
    }
#pragma unroll 1
    for (int k = thread_; k < feature_.count; k += kThreads) {
      const int feature = feature_.first + k;
      const float out_gradient = row_product<kGradientSegments, 1>(at(plan_.part), k, 0);
      float gradient = out_gradient;
      if (normalized_) {
        const float normal = at(plan_.normal)[feature];
        gradient = at(plan_.moments)[3] *
                   (at(plan_.gamma.at)[k] * out_gradient - fused_product_sum(normal, product, sum));
        step_parameter<g_adam>(at(plan_.gamma.at), plan_.gamma.size, k, out_gradient * normal, factors);
        step_parameter<g_adam>(at(plan_.beta.at), plan_.beta.size, k, out_gradient, factors);
      }
      gradient *= hidden_derivative(call_.gan.generator.activation, at(plan_.feature_active[1])[feature]);
      step_parameter<g_adam>(at(plan_.feature_bias.at), plan_.feature_bias.size, k, gradient, factors);
      at(plan_.feature_delta)[k] = gradient;
    }
  }

  __device__ void step_d_rows(Pass pass, const float* input, const StepFactors& factors) const {
    const float* const delta = at(plan_.hidden_delta[pass]) + unit_.first;
    step_matrix<d_adam>(at(plan_.d_rows.at), plan_.d_rows.size, unit_.count, plan_.pixels, delta, input,
                        factors);
#pragma unroll 1
    for (int k = thread_; k < unit_.count; k += kThreads)
      step_parameter<d_adam>(at(plan_.hidden_bias.at), plan_.hidden_bias.size, k, delta[k], factors);
  }
  __device__ void step_d_columns(Pass pass, const float* input, const StepFactors& factors) const {
    step_matrix<d_adam>(at(plan_.d_columns.at), plan_.d_columns.size, pixel_.count, plan_.hidden,
                        input + pixel_.first, at(plan_.hidden_delta[pass]), factors);
  }

  __device__ void record_losses() const {
    if (blockIdx.x != 0 || thread_ >= 3 || call_.training.losses.data == nullptr) return;
    call_.training.losses(local_, thread_) = verdict(static_cast<Pass>(thread_)).loss;
  }

  __device__ void judge(Pass pass, float target) const {
    head_.judge(at(plan_.hidden_active[pass]), target, call_.gan.loss,
                reinterpret_cast<Verdict*>(at(plan_.verdict[pass])));
  }
  [[nodiscard]] __device__ const Verdict& verdict(Pass pass) const {
    return *reinterpret_cast<const Verdict*>(at(plan_.verdict[pass]));
  }

  // Iteration -1 stands for what comes before the first; a fresh mailbox holds the number 0.
  [[nodiscard]] __device__ static unsigned number_of(std::int64_t local) {
    return static_cast<unsigned>(local + 2);
  }
  [[nodiscard]] __device__ uint4* slots(Exchange exchange, std::int64_t local) const {
    return call_.mail + plan_.mail[local & 1][exchange];
  }
  __device__ void send(Exchange exchange, std::int64_t local, int index, float x, float y, float z) const {
    send_packet(slots(exchange, local) + index,
                make_uint4(__float_as_uint(x), __float_as_uint(y), __float_as_uint(z), number_of(local)));
  }

  // take(index, packet) for all packets of an exchange; then together(index, packet) by whole warps, with
  // packets of zeros where the packets have ended.
  template <class Take, class Together>
  __device__ void receive(Exchange exchange, std::int64_t local, int count, Take take,
                          Together together) const {
    packets_sent();
    const uint4* const slot = slots(exchange, local);
#pragma unroll 1
    for (int index = thread_; index - thread_ % kWarp < count; index += 2 * kThreads) {
      const int other = index + kThreads;
      const uint4* const wanted[2] = {index < count ? slot + index : nullptr,
                                      other < count ? slot + other : nullptr};
      uint4 packet[2];
      receive_packets(wanted, number_of(local), packet);
      if (index < count) take(index, packet[0]);
      if (other < count) take(other, packet[1]);
      together(index, packet[0]);
      if (other - thread_ % kWarp < count) together(other, packet[1]);
    }
  }
  template <class Take>
  __device__ void receive(Exchange exchange, std::int64_t local, int count, Take take) const {
    receive(exchange, local, count, take, [](int, uint4) {});
  }

  [[nodiscard]] __device__ float* at(int place) const {
    return shared_ + place;
  }
  [[nodiscard]] __device__ auto g_row_weight() const {
    return [this](int row, int column) { return at(plan_.g_rows.at)[row * plan_.features + column]; };
  }

  const ResidentCall& call_;
  const ResidentPlan& plan_;
  float* shared_;
  Inputs inputs_;
  DiscriminatorHead head_;
  bool normalized_;
  Share pixel_;
  Share unit_;
  Share feature_;
  int thread_ = static_cast<int>(threadIdx.x);
  int warp_ = static_cast<int>(threadIdx.x) / kWarp;
  std::int64_t local_ = 0;
};

template <bool d_adam, bool g_adam>
__global__ void __launch_bounds__(kThreads, 1) train_kernel(const __grid_constant__ ResidentCall call) {
  ATELIER_DYNAMIC_SHARED(float, shared);
  Trainer<d_adam, g_adam>(call, shared).run();
}

// With ATELIER_FEW_INSTANTIATIONS both networks have the same optimiser.
auto kernel_for(const BatchOneGan& gan) {
  const bool d_adam = !gan.discriminator.first_moment.empty();
#if !defined(ATELIER_FEW_INSTANTIATIONS)
  const bool g_adam = !gan.generator.first_moment.empty();
  if (d_adam != g_adam) return d_adam ? train_kernel<true, false> : train_kernel<false, true>;
#endif
  return d_adam ? train_kernel<true, true> : train_kernel<false, false>;
}

// Adam divides by sqrt(v) + epsilon with the special function unit, which takes numbers below 2^-126 for 0.
constexpr double kLeastEpsilon = 1e-12;

std::string epsilon_obstacle(const char* name, const TwoLayerNetwork& network) {
  if (network.first_moment.empty() || network.epsilon >= kLeastEpsilon) return {};
  return std::string(name) + ": Adam's epsilon is below 1e-12, the least that this kernel divides by";
}

}  // namespace

std::string batch_one_gan_obstacle(Device device, const BatchOneGan& gan) {
  for (std::string obstacle :
       {epsilon_obstacle("D", gan.discriminator), epsilon_obstacle("G", gan.generator)})
    if (!obstacle.empty()) return obstacle;
  const DeviceLimits limits = device_limits(device);
  const ResidentPlan plan = plan_for(gan, limits.multiprocessors);
  const std::int64_t bytes = plan.floats * std::int64_t{sizeof(float)};
  if (bytes <= static_cast<std::int64_t>(limits.shared_bytes_per_block)) return {};
  std::string text("the networks and their moments need ");
  text.append(std::to_string((bytes + 1023) / 1024)).append(" KiB on each of ");
  text.append(std::to_string(plan.blocks)).append(" multiprocessors, which have ");
  text.append(std::to_string(limits.shared_bytes_per_block / 1024)).append(" KiB");
  return text;
}

std::int64_t batch_one_gan_scratch(Device device, const BatchOneGan& gan) {
  constexpr std::int64_t kForAlignment = 4;
  return 4 * plan_for(gan, device_limits(device).multiprocessors).packets + kForAlignment;
}

void train_batch_one_gan(Stream& stream, const BatchOneGan& gan, const BatchOneGanTraining& training,
                         VectorView<float> scratch) {
  ResidentCall call{plan_for(gan, device_limits(stream).multiprocessors), gan, training, nullptr};
  call.mail = reinterpret_cast<uint4*>((reinterpret_cast<std::uintptr_t>(scratch.data) + 15) / 16 * 16);
  fill_bytes(stream, call.mail, 0, static_cast<std::size_t>(call.plan.packets) * sizeof(uint4));
  launch_cooperative("train_batch_one_gan", stream, kernel_for(gan),
                     {dim3(static_cast<unsigned>(call.plan.blocks)), dim3(kThreads),
                      static_cast<std::size_t>(call.plan.floats) * sizeof(float)},
                     call);
}

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
