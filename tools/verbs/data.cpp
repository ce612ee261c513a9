#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "models/data_set.h"
#include "models/picture_grid.h"
#include "tools/gray_picture_file.h"
#include "tools/image/picture_writer.h"
#include "tools/usage_error.h"
#include "tools/verbs/verbs.h"

namespace atelier::tools {
namespace {

struct Facts {
  double mean = 0.0;       // of pixels / 255
  double deviation = 0.0;  // of pixels / 255
  std::vector<std::int64_t> labels;
};

Facts facts_of(const DataSet& data) {
  std::array<std::int64_t, 256> levels{};
  for (const std::uint8_t pixel : data.pixels) ++levels[pixel];
  double sum = 0.0;
  double squares = 0.0;
  for (std::size_t level = 0; level < levels.size(); ++level) {
    const double value = static_cast<double>(level) / 255.0;
    sum += static_cast<double>(levels[level]) * value;
    squares += static_cast<double>(levels[level]) * value * value;
  }
  Facts facts;
  const auto count = static_cast<double>(data.pixels.size());
  facts.mean = sum / count;
  facts.deviation = std::sqrt(std::max(0.0, squares / count - facts.mean * facts.mean));
  for (const std::uint8_t label : data.labels) {
    if (label >= facts.labels.size()) facts.labels.resize(std::size_t{label} + 1);
    ++facts.labels[label];
  }
  return facts;
}

void write_sheet(const DataCommand& command, const DataSet& data, std::int64_t count) {
  const std::int64_t columns =
      command.columns > 0 ? std::min(count, command.columns) : wide_grid_columns(count);
  write_gray_picture(command.run, picture_grid(data, command.first, count, columns));
}

}  // namespace

void show_data(const DataCommand& command) {
  Split split = Split::train;
  if (command.split == "test")
    split = Split::test;
  else if (command.split != "train")
    throw UsageError(fmt::format("--split {}: it is train or test", command.split));
  if (!command.run.output.empty())
    (void)picture_file_of(command.run.output);  // refuses a wrong name before the data is read
  const DataSet data = load_data_set(command.name, split, command.data_folder);
  if (data.count == 0) throw Error(fmt::format("{} has no {} part", command.name, command.split));
  if (command.first >= data.count)
    throw UsageError(
        fmt::format("--first {}: {} has the pictures 0 to {}", command.first, data.name, data.count - 1));
  const std::int64_t count = std::min(command.count, data.count - command.first);
  const Facts facts = facts_of(data);
  if (!command.run.output.empty()) write_sheet(command, data, count);

  if (command.run.json) {
    nlohmann::ordered_json document{{"name", data.name},      {"pictures", data.count},
                                    {"width", data.width},    {"height", data.height},
                                    {"mean", facts.mean},     {"deviation", facts.deviation},
                                    {"labels", facts.labels}, {"fingerprint", fingerprint(data)}};
    if (!command.run.output.empty()) document["file"] = command.run.output;
    print_json(document);
  } else if (!command.run.quiet) {
    std::string text =
        fmt::format("{}: {} pictures of {} x {}; pixels / 255: mean {:.4f}, deviation {:.4f}\n", data.name,
                    data.count, data.width, data.height, facts.mean, facts.deviation);
    if (facts.labels.empty()) text += "no labels\n";
    for (std::size_t label = 0; label < facts.labels.size(); ++label)
      if (facts.labels[label] > 0) text += fmt::format("  label {:<3}  {}\n", label, facts.labels[label]);
    if (!command.run.output.empty())
      text += fmt::format("{}: pictures {} to {}\n", command.run.output, command.first,
                          command.first + count - 1);
    print_text(text);
  }
}

}  // namespace atelier::tools
