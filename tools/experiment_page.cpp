#include "tools/experiment_page.h"

#include <fmt/format.h>

#include <string_view>

namespace atelier::tools {
namespace {

constexpr const char* kStyle =
    "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "h1{font-size:1.7rem}h2{font-size:1.25rem;margin-top:2.5rem;border-top:1px solid #ddd;padding-top:1rem}"
    "pre{background:#f4f4f5;padding:.6rem .8rem;overflow-x:auto;font-size:.85rem}"
    "table{border-collapse:collapse;font-size:.9rem}td{padding:.1rem 1rem .1rem 0;vertical-align:top}"
    "td+td{font-variant-numeric:tabular-nums}"
    "figure{display:inline-block;margin:.5rem 1rem .5rem 0;vertical-align:top}"
    "figure img{max-width:100%;image-rendering:pixelated}figcaption{font-size:.85rem;color:#555}";

std::string escaped(std::string_view text) {
  std::string result;
  for (const char letter : text) {
    switch (letter) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += letter;
    }
  }
  return result;
}

std::string section_text(const PageSection& section) {
  std::string text = fmt::format("<h2>{}</h2>\n", escaped(section.title));
  if (!section.text.empty()) text += fmt::format("<p>{}</p>\n", escaped(section.text));
  if (!section.command.empty()) text += fmt::format("<pre>{}</pre>\n", escaped(section.command));
  if (!section.numbers.empty()) {
    text += "<table>\n";
    for (const auto& [name, value] : section.numbers)
      text += fmt::format("<tr><td>{}</td><td>{}</td></tr>\n", escaped(name), escaped(value));
    text += "</table>\n";
  }
  if (!section.table.empty()) text += fmt::format("<pre>{}</pre>\n", escaped(section.table));
  for (const PagePicture& picture : section.pictures)
    text += fmt::format("<figure><img src=\"{0}\" alt=\"{1}\"><figcaption>{1}</figcaption></figure>\n",
                        escaped(picture.file), escaped(picture.caption));
  return text;
}

}  // namespace

std::string experiment_page(const std::string& title, const std::string& introduction,
                            const std::vector<PageSection>& sections) {
  std::string text = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{0}</title>\n"
      "<style>{1}</style>\n</head>\n<body>\n<h1>{0}</h1>\n<p>{2}</p>\n",
      escaped(title), kStyle, escaped(introduction));
  for (const PageSection& section : sections) text += section_text(section);
  return text + "</body>\n</html>\n";
}

}  // namespace atelier::tools
