#include "tools/run_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace atelier::tools {
namespace {

struct AsText {
  std::string operator()(double value) const { return fmt::format("{:.6g}", value); }
  std::string operator()(std::int64_t value) const { return fmt::format("{}", value); }
  std::string operator()(const std::string& value) const { return value; }
  std::string operator()(const std::vector<double>& values) const {
    return fmt::format("{:.4g}", fmt::join(values, "  "));
  }
  std::string operator()(const std::vector<std::int64_t>& values) const {
    return fmt::format("{}", fmt::join(values, "  "));
  }
};

bool is_table(const SummaryEntry& entry) {
  const auto is_long = [](const auto* values) {
    return values != nullptr && values->size() > kMostNumbersOfALine;
  };
  return is_long(std::get_if<std::vector<double>>(&entry.value)) ||
         is_long(std::get_if<std::vector<std::int64_t>>(&entry.value));
}

}  // namespace

std::string words_of(std::string name) {
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

nlohmann::ordered_json summary_json(const std::vector<SummaryEntry>& summary) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const SummaryEntry& entry : summary)
    std::visit([&](const auto& value) { json[entry.name] = value; }, entry.value);
  return json;
}

std::string summary_text(const std::vector<SummaryEntry>& summary) {
  std::size_t widest = 0;
  for (const SummaryEntry& entry : summary)
    if (!is_table(entry)) widest = std::max(widest, entry.name.size());
  std::string text;
  for (const SummaryEntry& entry : summary)
    if (!is_table(entry))
      text += fmt::format("  {:<{}}  {}\n", words_of(entry.name), widest, std::visit(AsText(), entry.value));
  return text;
}

const SummaryEntry* find_entry(const std::vector<SummaryEntry>& summary, const std::string& name) {
  const auto place = std::find_if(summary.begin(), summary.end(),
                                  [&](const SummaryEntry& entry) { return entry.name == name; });
  return place == summary.end() ? nullptr : &*place;
}

}  // namespace atelier::tools
