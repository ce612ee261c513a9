#include "models/json_document.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "runtime/error.h"

namespace atelier::detail {
namespace {

using Json = nlohmann::json;

/// Watches a document while it is read, so that nothing hostile is built before it is refused.
class Watch {
 public:
  Watch(const std::string& source, const JsonLimits& limits) : source_(source), limits_(limits) {}

  void see(Json::parse_event_t event, const Json& parsed) {
    using Event = Json::parse_event_t;
    switch (event) {
      case Event::object_start:
      case Event::array_start:
        keys_.emplace_back();
        if (keys_.size() > limits_.depth)
          throw InvalidArgument(fmt::format("{}: JSON nested deeper than {} levels", source_, limits_.depth));
        count();
        break;
      case Event::object_end:
      case Event::array_end:
        keys_.pop_back();
        break;
      case Event::key: {
        const auto& key = parsed.get_ref<const std::string&>();
        if (!keys_.back().insert(key).second)
          throw InvalidArgument(
              fmt::format("{}: the key {} stands twice in one object", source_, excerpt(key)));
        count();
        break;
      }
      case Event::value:
        count();
        break;
    }
  }

 private:
  void count() {
    if (++values_ > limits_.values)
      throw InvalidArgument(fmt::format("{}: more than {} JSON values", source_, limits_.values));
  }

  const std::string& source_;
  const JsonLimits& limits_;
  std::vector<std::set<std::string>> keys_;
  std::size_t values_ = 0;
};

}  // namespace

Json parse_json(std::string_view text, const std::string& source, const JsonLimits& limits) {
  if (text.size() > limits.bytes)
    throw InvalidArgument(
        fmt::format("{}: {} bytes of JSON; at most {} are read", source, text.size(), limits.bytes));
  Watch watch(source, limits);
  try {
    return Json::parse(text.begin(), text.end(),
                       [&watch](int, Json::parse_event_t event, const Json& parsed) {
                         watch.see(event, parsed);
                         return true;
                       });
  } catch (const Json::parse_error& error) {
    throw InvalidArgument(
        fmt::format("{}: not JSON: unexpected text near byte {} of {}", source, error.byte, text.size()));
  } catch (const Json::exception&) {
    throw InvalidArgument(fmt::format("{}: a JSON number is out of range", source));
  }
}

std::string excerpt(std::string_view text) {
  constexpr std::size_t kLongest = 60;
  std::string result = "\"";
  for (const char letter : text.substr(0, kLongest)) {
    const auto code = static_cast<unsigned char>(letter);
    result += code < 0x20 || code >= 0x7F ? '?' : letter;
  }
  return result + (text.size() > kLongest ? "…\"" : "\"");
}

}  // namespace atelier::detail
