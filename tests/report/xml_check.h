// A small strict reader for what the report writes: well-formedness, and the elements with their attributes.
#pragma once

#include <cctype>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace turnpike {

struct XmlElement {
  std::string name;
  std::map<std::string, std::string> attributes;  // as written, entities not replaced
  std::string text;                               // directly inside
};

struct XmlResult {
  std::string error;  // "" if well formed
  std::vector<XmlElement> elements;
};

inline XmlResult read_xml(std::string_view source) {
  XmlResult result;
  std::vector<std::size_t> open;
  std::size_t at = 0;
  auto fail = [&](const std::string& what) {
    result.error = what + " at byte " + std::to_string(at) + ": " + std::string(source.substr(at, 60));
    return result;
  };
  auto check_text = [](std::string_view text) {  // no bare & or <, no control characters
    for (std::size_t i = 0; i < text.size(); ++i) {
      unsigned char c = text[i];
      if (c < 32 && c != '\n' && c != '\t') return false;
      if (c == '<') return false;
      if (c != '&') continue;
      auto end = text.find(';', i);
      if (end == std::string_view::npos) return false;
      std::string_view entity = text.substr(i + 1, end - i - 1);
      bool named = entity == "amp" || entity == "lt" || entity == "gt" || entity == "quot";
      bool numbered = entity.size() > 1 && entity[0] == '#';
      if (!named && !numbered) return false;
    }
    return true;
  };
  auto is_name = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == ':'; };
  if (source.starts_with("<!DOCTYPE html>")) at = 15;
  while (at < source.size()) {
    auto tag = source.find('<', at);
    std::string_view text = source.substr(at, tag == std::string_view::npos ? tag : tag - at);
    if (!check_text(text)) return fail("bad text");
    if (!open.empty())
      result.elements[open.back()].text += text;
    else if (text.find_first_not_of(" \n\t") != std::string_view::npos)
      return fail("text outside the root");
    if (tag == std::string_view::npos) break;
    at = tag + 1;
    bool closing = at < source.size() && source[at] == '/';
    if (closing) ++at;
    std::size_t start = at;
    while (at < source.size() && is_name(source[at])) ++at;
    std::string name(source.substr(start, at - start));
    if (name.empty()) return fail("no tag name");
    if (closing) {
      if (open.empty() || result.elements[open.back()].name != name) return fail("</" + name + "> closes nothing");
      open.pop_back();
      if (at >= source.size() || source[at] != '>') return fail("no >");
      ++at;
      continue;
    }
    XmlElement element{name, {}, ""};
    while (true) {
      while (at < source.size() && std::isspace(static_cast<unsigned char>(source[at]))) ++at;
      if (at >= source.size()) return fail("unfinished tag");
      if (source[at] == '>' || source[at] == '/') break;
      start = at;
      while (at < source.size() && is_name(source[at])) ++at;
      std::string key(source.substr(start, at - start));
      if (key.empty() || source.substr(at, 2) != "=\"") return fail("bad attribute");
      at += 2;
      auto end = source.find('"', at);
      if (end == std::string_view::npos) return fail("unfinished attribute");
      std::string value(source.substr(at, end - at));
      if (!check_text(value)) return fail("bad attribute value");
      if (!element.attributes.emplace(key, value).second) return fail("attribute twice");
      at = end + 1;
    }
    bool empty = source[at] == '/';
    if (empty) ++at;
    if (at >= source.size() || source[at] != '>') return fail("no >");
    ++at;
    result.elements.push_back(element);
    if (!empty) open.push_back(result.elements.size() - 1);
  }
  if (!open.empty()) result.error = "<" + result.elements[open.back()].name + "> is never closed";
  return result;
}

}  // namespace turnpike
