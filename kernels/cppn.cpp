#include "kernels/cppn.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "kernels/cppn_program.h"

namespace atelier {

int CppnTopology::latent_size() const {
  return static_cast<int>(std::count(inputs.begin(), inputs.end(), CppnInput::latent));
}

int CppnTopology::fan_in(std::size_t index) const {
  return index == 0 ? static_cast<int>(inputs.size()) : layers.at(index - 1).width;
}

std::int64_t CppnTopology::parameter_count() const {
  std::int64_t count = multiply_adds();
  for (const Layer& layer : layers) count += layer.bias ? layer.width : 0;
  return count;
}

std::int64_t CppnTopology::multiply_adds() const {
  std::int64_t count = 0;
  for (std::size_t index = 0; index < layers.size(); ++index)
    count += static_cast<std::int64_t>(layers[index].width) * fan_in(index);
  return count;
}

namespace {

void validate_waves(const CppnTopology& topology) {
  const auto named =
      static_cast<std::size_t>(std::count(topology.inputs.begin(), topology.inputs.end(), CppnInput::wave));
  if (topology.waves.size() != named)
    throw InvalidArgument(
        fmt::format("CPPN: {} waves for {} inputs of that kind", topology.waves.size(), named));
  for (std::size_t index = 0; index < topology.waves.size(); ++index) {
    const CppnWave& wave = topology.waves[index];
    for (const double cycles : {wave.x_cycles, wave.y_cycles, wave.phase})
      if (!(std::abs(cycles) <= kCppnMaxCycles))
        throw InvalidArgument(fmt::format("CPPN: wave {} has cycles or a phase of {}; they end at {:.0e}",
                                          index, cycles, kCppnMaxCycles));
    if (!(std::abs(wave.amplitude) <= kCppnMaxAmplitude))
      throw InvalidArgument(fmt::format("CPPN: wave {} has an amplitude of {}; it ends at {:.0e}", index,
                                        wave.amplitude, kCppnMaxAmplitude));
  }
}

}  // namespace

void CppnTopology::validate() const {
  if (inputs.empty() || inputs.size() > static_cast<std::size_t>(kCppnMaxInputs))
    throw InvalidArgument(
        fmt::format("CPPN: {} inputs; a network has 1 to {}", inputs.size(), kCppnMaxInputs));
  for (const CppnInput input : inputs)
    if (input > CppnInput::wave)
      throw InvalidArgument(fmt::format("CPPN: unknown input {}", static_cast<int>(input)));
  validate_waves(*this);
  if (layers.empty() || layers.size() > static_cast<std::size_t>(kCppnMaxLayers))
    throw InvalidArgument(fmt::format("CPPN: {} layers; a network has 1 to {}, the output layer included",
                                      layers.size(), kCppnMaxLayers));
  for (std::size_t index = 0; index < layers.size(); ++index) {
    const Layer& layer = layers[index];
    if (layer.width < 1 || layer.width > kCppnMaxWidth)
      throw InvalidArgument(fmt::format("CPPN: layer {} is {} wide; a layer has 1 to {} units", index,
                                        layer.width, kCppnMaxWidth));
    if (static_cast<int>(layer.activation.kind) >= kActivationCount)
      throw InvalidArgument(fmt::format("CPPN: layer {} has the unknown activation {}", index,
                                        static_cast<int>(layer.activation.kind)));
    if (!std::isfinite(layer.activation.slope))
      throw InvalidArgument(fmt::format("CPPN: the slope of layer {}'s activation is not finite", index));
  }
  const int channels = layers.back().width;
  if (channels != 1 && channels != 3)
    throw InvalidArgument(
        fmt::format("CPPN: the output layer is {} wide; 1 paints grey, 3 paint red, green, blue", channels));
}

CppnWindow CppnWindow::centered(std::int64_t width, std::int64_t height, double center_x, double center_y,
                                double span, double rotation) {
  if (width < 1 || height < 1)
    throw InvalidArgument(
        fmt::format("CPPN window: a picture of {} x {} pixels; both sides are at least 1", width, height));
  const double step = span / static_cast<double>(width < height ? width : height);
  const double along = step * std::cos(rotation);
  const double across = step * std::sin(rotation);
  const double first_column = 0.5 - 0.5 * static_cast<double>(width);
  const double first_row = 0.5 - 0.5 * static_cast<double>(height);
  CppnWindow window;
  window.x0 = center_x + (along * first_column - across * first_row);
  window.x_column = along;
  window.x_row = 0.0 - across;
  window.y0 = center_y + (across * first_column + along * first_row);
  window.y_column = across;
  window.y_row = along;
  return window;
}

CppnWindow CppnWindow::seed(std::int64_t size) {
  return seed_rectangle(size, size);
}

CppnWindow CppnWindow::seed_rectangle(std::int64_t width, std::int64_t height) {
  if (width < 1 || height < 1)
    throw InvalidArgument(
        fmt::format("CPPN window: a picture of {} x {} pixels; both sides are at least 1", width, height));
  CppnWindow window;
  window.x0 = -0.5;
  window.x_row = 1.0 / static_cast<double>(width);
  window.y0 = -0.5;
  window.y_column = 1.0 / static_cast<double>(height);
  return window;
}

CppnWindow CppnWindow::pixels() {
  CppnWindow window;
  window.x_row = 1.0;
  window.y_column = 1.0;
  return window;
}

CppnWindow CppnWindow::scaled(double factor) const {
  return {x0 * factor, x_column * factor, x_row * factor, y0 * factor, y_column * factor, y_row * factor};
}

std::size_t cppn_sample_bytes(CppnSample sample) {
  switch (sample) {
    case CppnSample::u8_truncate:
    case CppnSample::u8:
      return 1;
    case CppnSample::u16:
      return 2;
    case CppnSample::f32:
      return 4;
    case CppnSample::f64:
      return 8;
  }
  throw InvalidArgument(fmt::format("CPPN: unknown sample format {}", static_cast<int>(sample)));
}

namespace {

/// The first layer's bias with what latent and constant inputs add to it.
std::vector<double> fold_first_bias(const CppnTopology& topology, std::span<const float> parameters,
                                    std::span<const double> latent, CppnPrecision precision) {
  const std::size_t inputs = topology.inputs.size();
  const CppnTopology::Layer& layer = topology.layers.front();
  const auto width = static_cast<std::size_t>(layer.width);
  std::vector<double> bias(width, 0.0);
  for (std::size_t unit = 0; unit < width; ++unit) {
    double sum = layer.bias ? static_cast<double>(parameters[width * inputs + unit]) : 0.0;
    std::size_t next_latent = 0;
    for (std::size_t input = 0; input < inputs; ++input) {
      const auto weight = static_cast<double>(parameters[unit * inputs + input]);
      if (topology.inputs[input] == CppnInput::one) sum += weight;
      if (topology.inputs[input] == CppnInput::latent) sum = std::fma(weight, latent[next_latent++], sum);
    }
    const double limit = precision == CppnPrecision::fp32
                             ? static_cast<double>(std::numeric_limits<float>::max())
                             : std::numeric_limits<double>::max();
    if (!(std::abs(sum) <= limit))
      throw InvalidArgument(
          fmt::format("CPPN: the latent vector drives unit {} of the first layer to {}; the working "
                      "precision ends at {:.3g}",
                      unit, sum, limit));
    bias[unit] = sum;
  }
  return bias;
}

/// The first layer's weights of x, y, the radius if any input is one, and the waves. An input that is listed
/// twice adds its weights.
void fold_first_weights(const CppnTopology& topology, std::span<const float> weights, bool radius,
                        detail::CppnFolded::Layer& layer) {
  const std::size_t inputs = topology.inputs.size();
  const std::size_t first_wave = radius ? 3 : 2;
  const std::size_t seen = first_wave + topology.waves.size();
  layer.fan_in = static_cast<int>(seen);
  layer.weights.assign(static_cast<std::size_t>(layer.width) * seen, 0.0);
  for (std::size_t unit = 0; unit < static_cast<std::size_t>(layer.width); ++unit) {
    double* const row = layer.weights.data() + unit * seen;
    std::size_t wave = 0;
    for (std::size_t input = 0; input < inputs; ++input) {
      const auto weight = static_cast<double>(weights[unit * inputs + input]);
      const CppnInput kind = topology.inputs[input];
      if (kind == CppnInput::wave) {
        row[first_wave + wave] = weight * topology.waves[wave].amplitude;
        ++wave;
      } else if (kind <= CppnInput::radius) {
        row[static_cast<std::size_t>(kind)] += weight;
      }
    }
  }
}

detail::CppnFolded fold(const CppnTopology& topology, std::span<const float> parameters,
                        std::span<const double> latent, CppnPrecision precision) {
  detail::CppnFolded folded;
  for (const CppnInput input : topology.inputs) folded.radius |= input == CppnInput::radius;
  folded.waves = topology.waves;
  std::size_t offset = 0;
  for (std::size_t index = 0; index < topology.layers.size(); ++index) {
    const CppnTopology::Layer& layer = topology.layers[index];
    const auto inputs = static_cast<std::size_t>(topology.fan_in(index));
    const auto width = static_cast<std::size_t>(layer.width);
    detail::CppnFolded::Layer& out = folded.layers.emplace_back();
    out.width = layer.width;
    out.activation = layer.activation;
    out.has_bias = layer.bias;
    const std::span<const float> weights = parameters.subspan(offset, width * inputs);
    if (index == 0) {
      fold_first_weights(topology, weights, folded.radius, out);
      out.bias = fold_first_bias(topology, parameters, latent, precision);
      for (const CppnInput input : topology.inputs)
        out.has_bias |= input == CppnInput::one || input == CppnInput::latent;
    } else {
      out.fan_in = static_cast<int>(inputs);
      out.weights.assign(weights.begin(), weights.end());
      out.bias.assign(width, 0.0);
      if (layer.bias)
        for (std::size_t unit = 0; unit < width; ++unit)
          out.bias[unit] = static_cast<double>(parameters[offset + width * inputs + unit]);
    }
    offset += width * inputs + (layer.bias ? width : 0);
  }
  return folded;
}

void check_latent(const CppnTopology& topology, std::span<const double> latent) {
  if (latent.size() != static_cast<std::size_t>(topology.latent_size()))
    throw InvalidArgument(fmt::format("CPPN: {} latent numbers given, the network takes {}", latent.size(),
                                      topology.latent_size()));
  for (std::size_t index = 0; index < latent.size(); ++index)
    if (!std::isfinite(latent[index]))
      throw InvalidArgument(
          fmt::format("CPPN: latent number {} is {}; all must be finite", index, latent[index]));
}

void check_parameters(const CppnTopology& topology, std::span<const float> parameters) {
  if (parameters.size() != static_cast<std::size_t>(topology.parameter_count()))
    throw InvalidArgument(fmt::format("CPPN: {} parameters given, the network has {}", parameters.size(),
                                      topology.parameter_count()));
  for (std::size_t index = 0; index < parameters.size(); ++index)
    if (!std::isfinite(parameters[index]))
      throw InvalidArgument(
          fmt::format("CPPN: parameter {} is {}; all must be finite", index, parameters[index]));
}

std::unique_ptr<detail::CppnPacked> pack(Stream& stream, const detail::CppnFolded& folded,
                                         CppnPrecision precision) {
  ATELIER_DISPATCH(stream, cppn_pack(stream, folded, precision))
}

void render(Stream& stream, const detail::CppnPacked& packed, const CppnWindow& window,
            const detail::CppnTarget& target) {
  ATELIER_DISPATCH(stream, cppn_render_packed(stream, packed, window, target))
}

}  // namespace

namespace detail {
CppnPacked::~CppnPacked() = default;
}

CppnProgram::CppnProgram(Stream& stream, const CppnTopology& topology, std::span<const float> parameters,
                         std::span<const double> latent, CppnPrecision precision) {
  topology.validate();
  check_parameters(topology, parameters);
  check_latent(topology, latent);
  if (precision > CppnPrecision::fp64)
    throw InvalidArgument(fmt::format("CPPN: unknown precision {}", static_cast<int>(precision)));
  data_ = std::make_unique<detail::CppnProgramData>();
  data_->device = stream.device();
  data_->topology = topology;
  data_->parameters.assign(parameters.begin(), parameters.end());
  data_->precision = precision;
  data_->packed = pack(stream, fold(topology, parameters, latent, precision), precision);
}

CppnProgram::~CppnProgram() = default;
CppnProgram::CppnProgram(CppnProgram&&) noexcept = default;
CppnProgram& CppnProgram::operator=(CppnProgram&&) noexcept = default;

const CppnTopology& CppnProgram::topology() const {
  return data_->topology;
}
CppnPrecision CppnProgram::precision() const {
  return data_->precision;
}
Device CppnProgram::device() const {
  return data_->device;
}
int CppnProgram::channels() const {
  return data_->topology.layers.back().width;
}
std::string_view CppnProgram::path() const {
  return data_->packed->path();
}

void CppnProgram::set_latent(Stream& stream, std::span<const double> latent) {
  if (stream.device() != data_->device)
    throw InvalidArgument(fmt::format("CppnProgram::set_latent: the program is on {}, the stream on {}",
                                      data_->device.name(), stream.device().name()));
  check_latent(data_->topology, latent);
  data_->packed->set_first_bias(
      stream, fold_first_bias(data_->topology, data_->parameters, latent, data_->precision));
}

namespace {

// Columns and rows are exact in double up to here.
constexpr std::int64_t kMaxPixelIndex = std::int64_t{1} << 53;

void check_region(const PixelRegion& region) {
  if (region.column < 0 || region.row < 0 || region.width < 0 || region.height < 0)
    throw InvalidArgument(
        fmt::format("cppn_render: region of {} x {} pixels at column {}, row {}; none may be negative",
                    region.width, region.height, region.column, region.row));
  if (region.column > kMaxPixelIndex - region.width || region.row > kMaxPixelIndex - region.height)
    throw InvalidArgument(
        fmt::format("cppn_render: region of {} x {} pixels at column {}, row {} ends beyond 2^53",
                    region.width, region.height, region.column, region.row));
}

/// Coordinates are extreme at the region's corners.
void check_window(const CppnWindow& window, const PixelRegion& region, const CppnProgram& program) {
  for (const double number :
       {window.x0, window.x_column, window.x_row, window.y0, window.y_column, window.y_row})
    if (!std::isfinite(number))
      throw InvalidArgument(
          fmt::format("cppn_render: the window holds {}; all its numbers must be finite", number));
  // A quarter of the root of the largest number: squares of coordinates stay finite too.
  const double limit = program.precision() == CppnPrecision::fp32 ? 4e18 : 3e153;
  for (const std::int64_t column : {region.column, region.column + region.width - 1})
    for (const std::int64_t row : {region.row, region.row + region.height - 1}) {
      const auto c = static_cast<double>(column);
      const auto r = static_cast<double>(row);
      const double x = window.x0 + window.x_column * c + window.x_row * r;
      const double y = window.y0 + window.y_column * c + window.y_row * r;
      if (!(std::abs(x) <= limit && std::abs(y) <= limit))
        throw InvalidArgument(fmt::format(
            "cppn_render: the window puts column {}, row {} at ({:.3g}, {:.3g}); coordinates of this "
            "precision end at {:.0e}",
            column, row, x, y, limit));
    }
}

void check_output(const PixelRegion& region, std::int64_t pixel_bytes, VectorView<std::byte> output,
                  std::int64_t row_bytes) {
  std::int64_t used = 0;  // of a row
  if (__builtin_mul_overflow(region.width, pixel_bytes, &used) || row_bytes < used)
    throw InvalidArgument(fmt::format("cppn_render: row_bytes is {}, {} pixels of {} bytes need more",
                                      row_bytes, region.width, pixel_bytes));
  std::int64_t needed = 0;
  if (__builtin_mul_overflow(region.height - 1, row_bytes, &needed) ||
      __builtin_add_overflow(needed, used, &needed) || output.size < needed || output.data == nullptr)
    throw InvalidArgument(
        fmt::format("cppn_render: output of {} bytes for {} rows, {} bytes apart, of {} bytes each",
                    output.size, region.height, row_bytes, used));
}

}  // namespace

void cppn_render(Stream& stream, const CppnProgram& program, const CppnWindow& window, PixelRegion region,
                 CppnColor color, CppnSample sample, VectorView<std::byte> output, std::int64_t row_bytes) {
  if (stream.device() != program.device())
    throw InvalidArgument(fmt::format("cppn_render: the program is on {}, the stream on {}",
                                      program.device().name(), stream.device().name()));
  if (color > CppnColor::hsv)
    throw InvalidArgument(
        fmt::format("cppn_render: colour model {}; it paints rgb and hsv, resolve_pixels the others",
                    static_cast<int>(color)));
  check_region(region);
  const auto pixel_bytes = static_cast<std::int64_t>(cppn_sample_bytes(sample)) * program.channels();
  if (region.width == 0 || region.height == 0) return;
  check_window(window, region, program);
  check_output(region, pixel_bytes, output, row_bytes);

  detail::CppnTarget target;
  target.region = region;
  target.channels = program.channels();
  target.color = color;
  target.sample = sample;
  target.data = output.data;
  target.row_bytes = row_bytes;
  render(stream, *program.data().packed, window, target);
}

}  // namespace atelier
