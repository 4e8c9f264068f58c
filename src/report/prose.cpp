#include "prose_internal.h"

#include <cctype>
#include <cstdint>
#include <vector>

#include <fmt/format.h>
#include <turnpike/base/error.h>
#include <turnpike/report/formula.h>
#include <turnpike/report/text.h>

#include "label_internal.h"

namespace turnpike {
namespace {

// Only links that a reader follows by choice: web and mail addresses, and files beside the page.
void check_address(std::string_view address) {
  auto colon = address.find(':');
  bool relative = colon == std::string_view::npos || address.find_first_of("/?#") < colon;
  bool known = address.starts_with("https://") || address.starts_with("http://") || address.starts_with("mailto:");
  require(relative || known,
          fmt::format("the link address \"{}\" is neither relative nor http, https or mailto", address));
}

}  // namespace

std::string inline_html(std::string_view markup) {
  std::string out, text;
  bool strong = false;
  auto flush = [&] {
    out += escape_xml(text);
    text.clear();
  };
  for (std::size_t i = 0; i < markup.size(); ++i) {
    char c = markup[i];
    if (c == '\\' && i + 1 < markup.size() && std::ispunct(std::uint8_t(markup[i + 1]))) {
      text += markup[++i];
      continue;
    }
    if (c == '$') {
      auto end = closing_dollar(markup, i + 1);
      if (end != std::string_view::npos) {
        flush();
        out += formula(markup.substr(i + 1, end - i - 1));
        i = end;
        continue;
      }
    }
    if (c == '`') {
      auto end = markup.find('`', i + 1);
      if (end != std::string_view::npos) {
        flush();
        out += "<code>" + escape_xml(markup.substr(i + 1, end - i - 1)) + "</code>";
        i = end;
        continue;
      }
    }
    if (markup.substr(i, 2) == "**") {
      flush();
      out += strong ? "</strong>" : "<strong>";
      strong = !strong;
      ++i;
      continue;
    }
    if (c == '[') {
      auto middle = markup.find("](", i), end = middle == std::string_view::npos ? middle : markup.find(')', middle);
      if (end != std::string_view::npos) {
        flush();
        auto address = markup.substr(middle + 2, end - middle - 2);
        check_address(address);
        out += fmt::format("<a href=\"{}\">{}</a>", escape_xml(address),
                           inline_html(markup.substr(i + 1, middle - i - 1)));
        i = end;
        continue;
      }
    }
    text += c;
  }
  flush();
  if (strong) out += "</strong>";
  return out;
}

std::string prose_html(std::string_view markup) {
  std::string out, paragraph;
  bool in_list = false;
  auto end_paragraph = [&] {
    if (!paragraph.empty())
      out += in_list ? "<li>" + inline_html(paragraph) + "</li>\n" : "<p>" + inline_html(paragraph) + "</p>\n";
    paragraph.clear();
  };
  auto end_list = [&] {
    end_paragraph();
    if (in_list) out += "</ul>\n";
    in_list = false;
  };
  for (std::size_t start = 0; start <= markup.size();) {
    auto newline = markup.find('\n', start);
    std::string_view line = markup.substr(start, newline == std::string_view::npos ? newline : newline - start);
    start = newline == std::string_view::npos ? markup.size() + 1 : newline + 1;
    auto first = line.find_first_not_of(" \t");
    line = first == std::string_view::npos ? "" : line.substr(first);
    if (line.empty()) {
      end_list();
    } else if (line.starts_with("- ")) {
      end_paragraph();
      if (!in_list) out += "<ul>\n";
      in_list = true;
      paragraph = line.substr(2);
    } else {
      if (!paragraph.empty()) paragraph += ' ';
      paragraph += line;
    }
  }
  end_list();
  return out;
}

}  // namespace turnpike
