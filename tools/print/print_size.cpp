#include "tools/print/print_size.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "tools/usage_error.h"

namespace atelier::tools {
namespace {

constexpr double kMillimetresPerInch = 25.4;
constexpr double kMaxLength = 1e7;  // millimetres: ten kilometres

constexpr std::array<Paper, 35> kPapers{{
    {"a0", 841, 1189},
    {"a1", 594, 841},
    {"a2", 420, 594},
    {"a3", 297, 420},
    {"a4", 210, 297},
    {"a5", 148, 210},
    {"a6", 105, 148},
    {"a7", 74, 105},
    {"a8", 52, 74},
    {"a9", 37, 52},
    {"a10", 26, 37},
    {"b0", 1000, 1414},
    {"b1", 707, 1000},
    {"b2", 500, 707},
    {"b3", 353, 500},
    {"b4", 250, 353},
    {"b5", 176, 250},
    {"b6", 125, 176},
    {"b7", 88, 125},
    {"b8", 62, 88},
    {"b9", 44, 62},
    {"b10", 31, 44},
    {"letter", 215.9, 279.4},
    {"legal", 215.9, 355.6},
    {"tabloid", 279.4, 431.8},
    {"ansi-c", 431.8, 558.8},
    {"ansi-d", 558.8, 863.6},
    {"ansi-e", 863.6, 1117.6},
    {"arch-a", 228.6, 304.8},
    {"arch-b", 304.8, 457.2},
    {"arch-c", 457.2, 609.6},
    {"arch-d", 609.6, 914.4},
    {"arch-e", 914.4, 1219.2},
    {"4a0", 1682, 2378},
    {"2a0", 1189, 1682},
}};

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& letter : result)
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  return result;
}

/// A number at the start of `text`, which moves behind it.
std::optional<double> take_number(std::string_view& text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  if (error != std::errc() || !std::isfinite(value)) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(last - text.data()));
  return value;
}

std::optional<double> millimetres_of(std::string_view unit) {
  if (unit == "mm") return 1.0;
  if (unit == "cm") return 10.0;
  if (unit == "m") return 1000.0;
  if (unit == "in") return kMillimetresPerInch;
  return std::nullopt;
}

/// Width and height in millimetres of "60x90cm" or "600mmx90cm"; nothing when it is something else.
std::optional<std::pair<double, double>> typed_size(std::string_view text) {
  const std::optional<double> width = take_number(text);
  if (!width) return std::nullopt;
  const std::size_t cross = text.find('x');
  if (cross == std::string_view::npos) return std::nullopt;
  const std::string_view first_unit = text.substr(0, cross);
  text.remove_prefix(cross + 1);
  const std::optional<double> height = take_number(text);
  const std::optional<double> unit = millimetres_of(text);
  const std::optional<double> own_unit = first_unit.empty() ? unit : millimetres_of(first_unit);
  if (!height || !unit || !own_unit) return std::nullopt;
  return std::pair(*width * *own_unit, *height * *unit);
}

void require_length(const char* option, const std::string& typed, double millimetres) {
  if (millimetres > 0 && millimetres <= kMaxLength) return;
  throw UsageError(fmt::format("{} '{}': lengths must be greater than 0 and at most {:.0f} km", option, typed,
                               kMaxLength / 1e6));
}

/// Width and height in millimetres, turned as asked.
std::pair<double, double> paper_size(const PrintOptions& options) {
  const std::string name = lower(options.paper);
  const auto paper =
      std::find_if(kPapers.begin(), kPapers.end(), [&](const Paper& p) { return p.name == name; });
  std::pair<double, double> size;
  if (paper != kPapers.end()) {
    size = {paper->width, paper->height};
  } else if (const auto typed = typed_size(name)) {
    require_length("--print", options.paper, typed->first);
    require_length("--print", options.paper, typed->second);
    size = *typed;
  } else {
    throw UsageError(fmt::format(
        "--print '{}': a paper (A0 to A10, B0 to B10, 2A0, 4A0, letter, legal, tabloid, ansi-c to ansi-e, "
        "arch-a to arch-e) or a size with its unit is needed, such as 60x90cm, 210x297mm or 24x36in",
        options.paper));
  }
  const bool lies = size.first > size.second;
  if ((options.orientation == Orientation::portrait && lies) ||
      (options.orientation == Orientation::landscape && !lies))
    std::swap(size.first, size.second);
  return size;
}

double bleed_of(const PrintOptions& options) {
  if (options.bleed.empty()) return 0;
  const std::string typed = lower(options.bleed);
  std::string_view text = typed;
  const std::optional<double> number = take_number(text);
  if (number && *number == 0 && (text.empty() || millimetres_of(text))) return 0;
  const std::optional<double> unit = millimetres_of(text);
  if (!number || !unit)
    throw UsageError(fmt::format(
        "--bleed '{}': a length with its unit is needed, such as 3mm, 0.3cm or 0.125in", options.bleed));
  require_length("--bleed", options.bleed, *number * *unit);
  return *number * *unit;
}

/// 4.3 mm at 254 dots per inch are 43 dots, though a little more in binary: lengths within 1e-9 of whole or
/// half dots are taken for those.
double dots(double millimetres, double dots_per_inch) {
  const double exact = millimetres * dots_per_inch / kMillimetresPerInch;
  const double nearest = std::round(2 * exact) / 2;
  return std::abs(exact - nearest) <= 1e-9 * std::max(1.0, nearest) ? nearest : exact;
}

std::string sheet_name(const PrintOptions& options, double width, double height) {
  const std::string name = lower(options.paper);
  for (const Paper& paper : kPapers) {
    if (paper.name != name) continue;
    std::string shown = name;
    if (name.find_first_of("0123456789") != std::string::npos)
      for (char& letter : shown)
        if (letter == 'a' || letter == 'b') letter = static_cast<char>(letter - 'a' + 'A');
    return fmt::format("{} {}, ", shown, width > height ? "landscape" : "portrait");
  }
  return "";
}

}  // namespace

std::span<const Paper> papers() {
  return kPapers;
}

double PrintSize::span_factor() const {
  return static_cast<double>(std::min(width(), height())) /
         static_cast<double>(std::min(trimmed_width, trimmed_height));
}

PrintSize print_size(const PrintOptions& options) {
  const double dpi = options.dots_per_inch;
  if (!(dpi > 0) || dpi > kMaxDotsPerInch)
    throw UsageError(fmt::format("--dpi {}: it must be greater than 0 and at most {}", dpi, kMaxDotsPerInch));
  const auto [width, height] = paper_size(options);
  const double bleed = bleed_of(options);
  if (bleed > std::min(width, height))
    throw UsageError(
        fmt::format("--bleed {}: it is wider than the paper ({}x{} mm); a few millimetres are usual",
                    options.bleed, width, height));
  const double columns = std::floor(dots(width, dpi) + 0.5);
  const double rows = std::floor(dots(height, dpi) + 0.5);
  const double margin = std::ceil(dots(bleed, dpi));
  const double shorter = std::min(columns, rows);
  const double longer = std::max(columns, rows) + 2 * margin;
  if (shorter < 1 || longer > static_cast<double>(kPictureMaxSide))
    throw UsageError(
        fmt::format("--print {} at {} dpi: {:.0f}x{:.0f} pixels; sides must be between 1 and {} pixels",
                    options.paper, dpi, columns + 2 * margin, rows + 2 * margin, kPictureMaxSide));
  return {static_cast<std::int64_t>(columns), static_cast<std::int64_t>(rows),
          static_cast<std::int64_t>(margin), dpi};
}

CppnRecipe recipe_for_print(CppnRecipe recipe, const PrintSize& size) {
  recipe.width = size.width();
  recipe.height = size.height();
  if (size.bleed == 0) return recipe;
  if (recipe.coordinates.convention != CoordinateConvention::centered)
    throw UsageError(fmt::format("--bleed needs centered coordinates; this recipe has those of '{}'",
                                 name_of(recipe.coordinates.convention)));
  recipe.coordinates.span *= size.span_factor();
  return recipe;
}

std::string print_size_text(const PrintOptions& options, const PrintSize& size) {
  const auto [width, height] = paper_size(options);
  const double bleed = bleed_of(options);
  return fmt::format("{}{:.6g}x{:.6g} mm{}, {:.6g} dpi: {}x{} pixels", sheet_name(options, width, height),
                     width, height, bleed > 0 ? fmt::format(" + {:.6g} mm bleed", bleed) : std::string(),
                     size.pixels_per_inch, size.width(), size.height());
}

}  // namespace atelier::tools
