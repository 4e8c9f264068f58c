#include "label_internal.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <fmt/format.h>
#include <turnpike/base/error.h>
#include <turnpike/report/text.h>

#include "symbols_internal.h"

namespace turnpike {
namespace {

int utf8_length(char lead) {
  auto byte = std::uint8_t(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

// Recursive descent over the math between two dollars; appends runs.
class MathLabel {
 public:
  MathLabel(std::string_view tex, Label& out) : tex_(tex), out_(out) {}

  void parse() {
    while (at_ < tex_.size()) atom(1, 0);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw ContractError(
        fmt::format("{} in the label formula \"{}\"; see report/text.h and report/formula.h", what, tex_));
  }

  void emit(std::string_view text, bool italic, double scale, double rise) {
    if (!out_.empty()) {
      Run& last = out_.back();
      if (last.math && last.italic == italic && last.scale == scale && last.rise == rise) {
        last.text += text;
        return;
      }
    }
    out_.push_back({std::string(text), italic, false, true, scale, rise});
  }

  void group(double scale, double rise) {
    ++at_;  // {
    while (at_ < tex_.size() && tex_[at_] != '}') atom(scale, rise);
    if (at_ == tex_.size()) fail("an unclosed {");
    ++at_;
  }

  // A group in parentheses unless it is a single character or command.
  void part(double scale, double rise) {
    if (at_ == tex_.size()) fail("a missing argument");
    if (tex_[at_] != '{') return atom(scale, rise);
    auto end = tex_.find('}', at_);
    auto body = tex_.substr(at_ + 1, end == std::string_view::npos ? end : end - at_ - 1);
    bool single =
        body.size() <= 1 ||
        (body[0] == '\\' &&
         std::all_of(body.begin() + 1, body.end(), [](char c) { return std::isalpha(std::uint8_t(c)); })) ||
        std::all_of(body.begin(), body.end(), [](char c) { return std::isdigit(std::uint8_t(c)) || c == '.'; });
    if (!single) emit("(", false, scale, rise);
    group(scale, rise);
    if (!single) emit(")", false, scale, rise);
  }

  // The characters of a group; without braces the next character.
  std::string raw_group() {
    if (at_ < tex_.size() && std::isalnum(std::uint8_t(tex_[at_]))) return std::string(1, tex_[at_++]);
    if (at_ >= tex_.size() || tex_[at_] != '{') fail("a missing {");
    auto end = tex_.find('}', at_);
    if (end == std::string_view::npos) fail("an unclosed {");
    std::string body(tex_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return body;
  }

  void command(double scale, double rise) {
    std::size_t start = ++at_;
    while (at_ < tex_.size() && std::isalpha(std::uint8_t(tex_[at_]))) ++at_;
    if (at_ == start && at_ < tex_.size()) ++at_;
    std::string_view name = tex_.substr(start, at_ - start);
    while (at_ < tex_.size() && std::isalpha(std::uint8_t(name.empty() ? 0 : name[0])) && tex_[at_] == ' ') ++at_;
    if (name == "text" || name == "mathrm" || name == "operatorname") {
      emit(raw_group(), false, scale, rise);
      return;
    }
    if (name == "mathbb" || name == "mathcal" || name == "mathbf") {
      for (char letter : raw_group()) emit(styled_letter(letter, name.substr(4)), false, scale, rise);
      return;
    }
    if (name == "left" || name == "right") return;  // fences do not grow in a label
    if (name == "frac") {                           // in one line: a/b
      part(scale, rise);
      emit("/", false, scale, rise);
      return part(scale, rise);
    }
    if (name == "sqrt") {
      emit("√", false, scale, rise);
      return part(scale, rise);
    }
    const Symbol* symbol = find_symbol(name);
    if (!symbol) fail(fmt::format("unknown command \\{}", name));
    switch (symbol->kind) {
      case SymbolKind::letter: emit(symbol->text, true, scale, rise); break;
      case SymbolKind::binary:
      case SymbolKind::relation: emit(fmt::format("\u2009{}\u2009", symbol->text), false, scale, rise); break;
      case SymbolKind::accent: {
        if (at_ == tex_.size()) fail("an accent over nothing");
        atom(scale, rise);
        out_.back().text += symbol->text;
        break;
      }
      case SymbolKind::function:
      case SymbolKind::limit: {
        emit(symbol->text, false, scale, rise);
        bool letter_follows = at_ < tex_.size() && (std::isalnum(std::uint8_t(tex_[at_])) || tex_[at_] == '\\');
        if (letter_follows) emit("\u2009", false, scale, rise);
        break;
      }
      default: emit(symbol->text, false, scale, rise);
    }
  }

  void atom(double scale, double rise) {
    char c = tex_[at_];
    if (c == '{') return group(scale, rise);
    if (c == '}') fail("an unopened }");
    if (c == '\\') return command(scale, rise);
    if (c == '^' || c == '_') {
      ++at_;
      if (at_ == tex_.size()) fail("a script without content");
      double smaller = scale * 0.72;
      return atom(smaller, rise + scale * (c == '^' ? 0.36 : -0.2));
    }
    if (c == ' ' || c == '&') {
      ++at_;
      return;
    }
    if (c == '\'') {
      ++at_;
      return emit("′", false, scale, rise);
    }
    if (std::isalpha(std::uint8_t(c))) {
      ++at_;
      return emit(std::string_view(&c, 1), true, scale, rise);
    }
    if (c == '-' || c == '+' || c == '=' || c == '<' || c == '>') {
      ++at_;
      std::string_view sign = c == '-' ? "−" : std::string_view(&c, 1);
      // A sign stands close to what it belongs to: at the start, in scripts, after a fence or another operator.
      bool unary = out_.empty() || !out_.back().math || scale < 1 ||
                   std::string_view("([{,|").find(out_.back().text.back()) != std::string_view::npos;
      bool tight = unary && (c == '-' || c == '+');
      return emit(tight ? std::string(sign) : fmt::format("\u2009{}\u2009", sign), false, scale, rise);
    }
    int length = utf8_length(c);
    std::string_view text = tex_.substr(at_, length);
    at_ += length;
    emit(text, false, scale, rise);
    if (c == ',') emit("\u2009", false, scale, rise);
  }

  std::string_view tex_;
  Label& out_;
  std::size_t at_ = 0;
};

}  // namespace

std::size_t closing_dollar(std::string_view text, std::size_t from) {
  for (std::size_t i = from; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '$')
      return i;
  }
  return std::string_view::npos;
}

Label parse_label(std::string_view markup) {
  Label label;
  bool bold = false;
  std::string text;
  auto flush = [&] {
    if (!text.empty()) label.push_back({text, false, bold, false, 1, 0});
    text.clear();
  };
  for (std::size_t i = 0; i < markup.size(); ++i) {
    char c = markup[i];
    if (c == '\\' && i + 1 < markup.size() && std::ispunct(std::uint8_t(markup[i + 1]))) {
      text += markup[++i];
    } else if (c == '$' && closing_dollar(markup, i + 1) != std::string_view::npos) {
      auto end = closing_dollar(markup, i + 1);
      flush();
      MathLabel(markup.substr(i + 1, end - i - 1), label).parse();
      i = end;
    } else if (markup.substr(i, 2) == "**") {
      flush();
      bold = !bold;
      ++i;
    } else if (c == '`') {
      continue;  // code looks like text in a label
    } else {
      text += c == '\n' ? ' ' : c;
    }
  }
  flush();
  return label;
}

double text_width(std::string_view text, double size) {
  static constexpr std::uint16_t ascii[] = {
      318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361,  318, 337, 636, 636, 636,
      636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632,
      575, 775, 752, 295, 295, 656, 557, 863, 748, 787, 603, 787, 695, 635,  611, 732, 684, 989, 685,
      611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352,  635, 634, 278, 278, 579,
      278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592,  525, 636, 337, 636, 838};
  double width = 0;
  for (std::size_t i = 0; i < text.size();) {
    int length = utf8_length(text[i]);
    char32_t code = std::uint8_t(text[i]);
    if (length > 1) {
      code &= 0x7F >> length;
      for (int k = 1; k < length && i + k < text.size(); ++k) code = code << 6 | (std::uint8_t(text[i + k]) & 63);
    }
    i += length;
    if (code < 32) continue;
    if (code < 127)
      width += ascii[code - 32];
    else if ((code >= 0x300 && code < 0x370) || (code >= 0x20D0 && code < 0x2100))
      width += 0;  // combining
    else if (code == 0x2009 || code == 0x200A)
      width += 200;
    else if (code == 0x2003)
      width += 1000;
    else if (code >= 0x2E80 && code < 0xFB00)
      width += 1000;  // East Asian, full width
    else if (code >= 0x2190 && code < 0x2300)
      width += 838;
    else
      width += 660;
  }
  return width * size / 1000;
}

double width_of(const Label& label, double size) {
  double width = 0;
  for (const Run& run : label) width += text_width(run.text, size * run.scale) * (run.bold ? 1.15 : 1);
  return width;
}

namespace {

// Words of a label: pieces between which a line may break. A word may hold several runs ("rate$_k$").
std::vector<Label> words_of(const Label& label) {
  std::vector<Label> words(1);
  for (const Run& run : label) {
    if (run.math) {
      words.back().push_back(run);
      continue;
    }
    std::size_t start = 0;
    while (true) {
      auto space = run.text.find(' ', start);
      Run piece = run;
      piece.text = run.text.substr(start, space == std::string::npos ? space : space - start);
      if (!piece.text.empty()) words.back().push_back(piece);
      if (space == std::string::npos) break;
      if (!words.back().empty()) words.emplace_back();
      start = space + 1;
    }
  }
  if (words.back().empty() && words.size() > 1) words.pop_back();
  return words;
}

std::vector<Label> wrap(const Label& label, double size, double max_width) {
  std::vector<Label> lines(1);
  double space = text_width(" ", size), width = 0;
  auto append = [](Label& line, const Run& run) {  // neighbours in one style become one run again
    bool same = !line.empty() && line.back().italic == run.italic && line.back().bold == run.bold &&
                line.back().scale == run.scale && line.back().rise == run.rise;
    if (same)
      line.back().text += run.text;
    else
      line.push_back(run);
  };
  Run blank;
  blank.text = " ";
  for (const Label& word : words_of(label)) {
    double word_width = width_of(word, size);
    if (!lines.back().empty() && width + space + word_width > max_width) {
      lines.emplace_back();
      width = 0;
    } else if (!lines.back().empty()) {
      append(lines.back(), blank);
      width += space;
    }
    for (const Run& run : word) append(lines.back(), run);
    width += word_width;
  }
  return lines;
}

void cut(Label& line, double size, double max_width) {
  double room = max_width - text_width("…", size);
  while (!line.empty() && width_of(line, size) > room) {
    std::string& text = line.back().text;
    while (!text.empty() && (std::uint8_t(text.back()) & 0xC0) == 0x80) text.pop_back();
    if (!text.empty()) text.pop_back();
    if (text.empty()) line.pop_back();
  }
  Run dots;
  dots.text = "…";
  line.push_back(dots);
}

}  // namespace

FittedLabel fit_label(std::string_view markup, double size, double max_width, int max_lines) {
  Label label = parse_label(markup);
  FittedLabel fitted;
  auto widest = [&] {
    double width = 0;
    for (const Label& line : fitted.lines) width = std::max(width, width_of(line, fitted.size));
    return width;
  };
  for (double scale : {1.0, 0.92, 0.85, 0.78, 0.7}) {
    fitted.size = size * scale;
    fitted.lines = wrap(label, fitted.size, max_width);
    if (int(fitted.lines.size()) <= max_lines && widest() <= max_width) {
      fitted.width = widest();
      return fitted;
    }
  }
  if (int(fitted.lines.size()) > max_lines) {
    fitted.lines.resize(max_lines);
    cut(fitted.lines.back(), fitted.size, max_width);
  }
  for (Label& line : fitted.lines) {
    if (width_of(line, fitted.size) > max_width) cut(line, fitted.size, max_width);
  }
  fitted.width = widest();
  return fitted;
}

std::string pixel(double value) {
  long tenths = std::lround(value * 10);
  std::string out = tenths < 0 ? "-" : "";
  tenths = std::abs(tenths);
  if (tenths >= 10 || tenths == 0) out += std::to_string(tenths / 10);
  if (tenths % 10) out += fmt::format(".{}", tenths % 10);
  return out;
}

std::string text_element(const FittedLabel& label, double x, double y, Anchor anchor, std::string_view css_class,
                         bool turned) {
  std::string out;
  const char* anchors[] = {"start", "middle", "end"};
  for (std::size_t i = 0; i < label.lines.size(); ++i) {
    double shift = i * label.size * 1.25;
    double line_x = turned ? x + shift : x, line_y = turned ? y : y + shift;
    out += fmt::format("<text class=\"{}\" x=\"{}\" y=\"{}\" font-size=\"{}\"", css_class, pixel(line_x), pixel(line_y),
                       pixel(label.size));
    if (anchor != Anchor::start) out += fmt::format(" text-anchor=\"{}\"", anchors[int(anchor)]);
    if (turned) out += fmt::format(" transform=\"rotate(-90 {} {})\"", pixel(line_x), pixel(line_y));
    out += ">";
    double rise = 0;
    for (const Run& run : label.lines[i]) {
      bool plain = !run.italic && !run.bold && run.scale == 1 && run.rise == rise;
      if (plain) {
        out += escape_xml(run.text);
        continue;
      }
      out += "<tspan";
      if (run.italic) out += " class=\"m\"";
      if (run.bold) out += " font-weight=\"600\"";
      // dy is in pixels, so that it does not depend on which font size em would mean.
      if (run.rise != rise) out += fmt::format(" dy=\"{}\"", pixel((rise - run.rise) * label.size));
      if (run.scale != 1) out += fmt::format(" font-size=\"{}\"", pixel(run.scale * label.size));
      out += ">" + escape_xml(run.text) + "</tspan>";
      rise = run.rise;
    }
    out += "</text>";
  }
  return out;
}

std::string plain_text(std::string_view markup) {
  std::string out;
  double rise = 0;
  for (const Run& run : parse_label(markup)) {
    if (run.rise != rise && run.rise != 0) out += run.rise > rise ? '^' : '_';
    rise = run.rise;
    out += run.text;
  }
  for (const char* thin : {"\u2009", "\u2005", "\u2004"}) {
    for (std::size_t at; (at = out.find(thin)) != std::string::npos;) out.replace(at, 3, " ");
  }
  return out;
}

}  // namespace turnpike
