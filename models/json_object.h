#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "models/json_document.h"
#include "runtime/error.h"

// Included by .cpp files of models/ only.
namespace atelier::detail {

/// An object of a JSON document; `path` names it in messages. Every key that is asked for is checked off;
/// finish() refuses the others. Everything throws InvalidArgument with one line.
class JsonObject {
 public:
  using Json = nlohmann::json;
  JsonObject(const Json& json, std::string path) : json_(json), path_(std::move(path)) {
    if (!json.is_object()) fail("must be an object {…}");
  }

  [[nodiscard]] const Json* find(const char* key) {
    asked_.emplace_back(key);
    const auto found = json_.find(key);
    return found == json_.end() ? nullptr : &*found;
  }

  [[nodiscard]] bool has(const char* key) const { return json_.contains(key); }

  [[nodiscard]] std::string path_of(const char* key) const { return fmt::format("{} \"{}\"", path_, key); }

  [[nodiscard]] double number(const char* key, double missing) {
    const Json* json = find(key);
    return json == nullptr ? missing : to_number(*json, key);
  }

  [[nodiscard]] double to_number(const Json& json, const char* key) const {
    if (!json.is_number()) fail_at(key, "must be a number");
    return json.get<double>();
  }

  [[nodiscard]] std::uint64_t natural(const char* key, std::uint64_t missing) {
    const Json* json = find(key);
    if (json == nullptr) return missing;
    if (!json->is_number_unsigned()) fail_at(key, "must be a whole number, 0 to 18446744073709551615");
    return json->get<std::uint64_t>();
  }

  [[nodiscard]] std::int64_t between(const char* key, std::int64_t missing, std::int64_t low,
                                     std::int64_t high) {
    const Json* json = find(key);
    if (json == nullptr) return missing;
    if (!json->is_number_unsigned() || json->get<std::uint64_t>() > static_cast<std::uint64_t>(high) ||
        json->get<std::int64_t>() < low)
      fail_at(key, fmt::format("must be a whole number, {} to {}", low, high));
    return json->get<std::int64_t>();
  }

  [[nodiscard]] bool boolean(const char* key, bool missing) {
    const Json* json = find(key);
    if (json == nullptr) return missing;
    if (!json->is_boolean()) fail_at(key, "must be true or false");
    return json->get<bool>();
  }

  [[nodiscard]] std::string text(const char* key, std::string_view missing) {
    const Json* json = find(key);
    if (json == nullptr) return std::string(missing);
    if (!json->is_string()) fail_at(key, "must be a string");
    return json->get<std::string>();
  }

  [[nodiscard]] std::vector<double> numbers(const char* key, std::size_t longest) {
    const Json* json = find(key);
    std::vector<double> result;
    if (json == nullptr) return result;
    if (!json->is_array() || json->size() > longest)
      fail_at(key, fmt::format("must be a list of at most {} numbers", longest));
    for (const Json& entry : *json) result.push_back(to_number(entry, key));
    return result;
  }

  /// One of the words that name_of gives to the enumerators 0 to `count` - 1.
  template <class Enumeration>
  [[nodiscard]] Enumeration word(const char* key, Enumeration missing, int count) {
    const std::string found = text(key, name_of(missing));
    return to_word<Enumeration>(found, key, count);
  }
  template <class Enumeration>
  [[nodiscard]] Enumeration to_word(std::string_view found, const char* key, int count) const {
    std::string words;
    for (int i = 0; i < count; ++i) {
      const auto candidate = static_cast<Enumeration>(i);
      if (name_of(candidate) == found) return candidate;
      words += fmt::format("{}{}", i == 0 ? "" : ", ", name_of(candidate));
    }
    fail_at(key, fmt::format("{} is none of: {}", excerpt(found), words));
  }

  void finish() const {
    for (const auto& entry : json_.items()) {
      bool known = false;
      for (const std::string& key : asked_) known = known || key == entry.key();
      if (!known)
        throw InvalidArgument(fmt::format("{} has no key {}; known keys: {}", path_, excerpt(entry.key()),
                                          fmt::join(asked_, ", ")));
    }
  }

  [[noreturn]] void fail(const std::string& complaint) const {
    throw InvalidArgument(fmt::format("{} {}", path_, complaint));
  }
  [[noreturn]] void fail_at(const char* key, const std::string& complaint) const {
    throw InvalidArgument(fmt::format("{} {}", path_of(key), complaint));
  }

 private:
  const Json& json_;
  std::string path_;
  std::vector<std::string> asked_;
};

}  // namespace atelier::detail
