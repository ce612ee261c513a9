#pragma once

#include <string>
#include <utility>
#include <vector>

namespace atelier::tools {

struct PagePicture {
  std::string file;  // beside or below the page
  std::string caption;
};

/// One experiment on a page: what it is, how to repeat it, what came out.
struct PageSection {
  std::string title;
  std::string text;
  std::string command;
  std::vector<std::pair<std::string, std::string>> numbers;  // name, value
  std::string table;                                         // fixed-width text, as it is
  std::vector<PagePicture> pictures;
};

/// An HTML page of its own: no script, nothing from elsewhere; texts are escaped.
[[nodiscard]] std::string experiment_page(const std::string& title, const std::string& introduction,
                                          const std::vector<PageSection>& sections);

}  // namespace atelier::tools
