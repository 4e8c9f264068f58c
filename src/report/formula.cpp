#include <turnpike/report/formula.h>

#include <cctype>
#include <cstdint>
#include <vector>

#include <fmt/format.h>
#include <turnpike/base/error.h>
#include <turnpike/report/text.h>

#include "symbols_internal.h"

namespace turnpike {
namespace {

// Blanks at the ends of <mtext> are dropped, which TeX keeps: they become no-break spaces.
std::string with_firm_ends(std::string text) {
  constexpr const char* blank = "\u00a0";
  if (text.ends_with(' ')) text.replace(text.size() - 1, 1, blank);
  if (text.starts_with(' ')) text.replace(0, 1, blank);
  return text;
}

// Recursive descent: a row is a sequence of items; an item is an atom with its scripts.
class Parser {
 public:
  Parser(std::string_view tex, bool display) : tex_(tex), display_(display) {}

  std::string parse() {
    std::string row = parse_row();
    if (at_ < tex_.size()) fail(fmt::format("an unexpected \"{}\"", tex_.substr(at_, 8)));
    return row;
  }

 private:
  struct Atom {
    std::string xml;
    bool limits = false;  // scripts stand below and above
  };

  [[noreturn]] void fail(const std::string& what) const {
    throw ContractError(fmt::format("{} at character {} of the formula \"{}\"; report/formula.h lists what is known",
                                    what, at_ + 1, tex_));
  }

  void skip_spaces() {
    while (at_ < tex_.size() && std::isspace(std::uint8_t(tex_[at_]))) ++at_;
  }
  bool at_end() {
    skip_spaces();
    return at_ == tex_.size();
  }
  char peek() const { return tex_[at_]; }

  // The name of the command at the cursor, without reading it; "" if there is none.
  std::string_view peek_command() const {
    if (at_ >= tex_.size() || tex_[at_] != '\\') return "";
    std::size_t end = at_ + 1;
    while (end < tex_.size() && std::isalpha(std::uint8_t(tex_[end]))) ++end;
    if (end == at_ + 1 && end < tex_.size()) ++end;
    return tex_.substr(at_ + 1, end - at_ - 1);
  }
  std::string_view read_command() {
    std::string_view name = peek_command();
    at_ += 1 + name.size();
    return name;
  }

  // Everything up to a closing }, \right, &, \\ or \end; none of these is read.
  std::string parse_row() {
    std::string row;
    while (!at_end()) {
      char c = peek();
      std::string_view command = peek_command();
      if (c == '}' || c == '&' || (c == ']' && in_option_) || command == "right" || command == "\\" || command == "end")
        break;
      row += parse_item();
    }
    return row;
  }

  std::string parse_item() {
    bool bare = peek() == '^' || peek() == '_';  // a script of nothing, {}^T
    Atom base = bare ? Atom{"<mrow></mrow>"} : parse_atom();
    std::string below, above;
    bool raised = false;  // primes do not count
    while (!at_end()) {
      char c = peek();
      if (c == '\'') {
        std::string primes;
        while (at_ < tex_.size() && peek() == '\'') ++at_, primes += "′";
        above += "<mo>" + primes + "</mo>";
      } else if (c == '_' || c == '^') {
        ++at_;
        std::string& script = c == '_' ? below : above;
        if (c == '_' && !below.empty()) fail("a second subscript");
        if (c == '^' && raised) fail("a second superscript");
        raised = raised || c == '^';
        if (at_end()) fail("a script without content");
        std::string content = parse_argument();
        script = script.empty() ? content : "<mrow>" + script + content + "</mrow>";
      } else {
        break;
      }
    }
    if (below.empty() && above.empty()) return base.xml;
    bool stacked = base.limits && display_;
    if (above.empty()) return wrap(stacked ? "munder" : "msub", base.xml + below);
    if (below.empty()) return wrap(stacked ? "mover" : "msup", base.xml + above);
    return wrap(stacked ? "munderover" : "msubsup", base.xml + below + above);
  }

  static std::string wrap(std::string_view tag, const std::string& body) {
    return fmt::format("<{0}>{1}</{0}>", tag, body);
  }
  static std::string row(const std::string& body) { return wrap("mrow", body); }

  // A group or a single atom, as one element.
  std::string parse_argument() {
    if (at_end()) fail("a missing argument");
    if (peek() == '{') return parse_group();
    return parse_atom().xml;
  }

  std::string parse_group() {
    if (at_end() || peek() != '{') fail("a missing {");
    ++at_;
    bool outer = in_option_;
    in_option_ = false;
    std::string body = parse_row();
    in_option_ = outer;
    if (at_end() || peek() != '}') fail("an unclosed {");
    ++at_;
    return row(body);
  }

  // The characters of a group, unread; without braces the next character.
  std::string read_text() {
    if (at_end()) fail("a missing {");
    if (std::isalnum(std::uint8_t(peek()))) return std::string(1, tex_[at_++]);
    if (peek() != '{') fail("a missing {");
    auto end = tex_.find('}', at_);
    if (end == std::string_view::npos) fail("an unclosed {");
    std::string text(tex_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return text;
  }

  Atom parse_atom() {
    char c = peek();
    if (c == '{') return {parse_group()};
    if (c == '\\') return parse_command();
    if (std::isdigit(std::uint8_t(c)) ||
        (c == '.' && at_ + 1 < tex_.size() && std::isdigit(std::uint8_t(tex_[at_ + 1])))) {
      std::size_t start = at_;
      while (at_ < tex_.size() && (std::isdigit(std::uint8_t(tex_[at_])) || tex_[at_] == '.')) ++at_;
      if (tex_[at_ - 1] == '.') --at_;  // the full stop of a sentence
      return {wrap("mn", std::string(tex_.substr(start, at_ - start)))};
    }
    if (std::isalpha(std::uint8_t(c))) {
      ++at_;
      return {wrap("mi", std::string(1, c))};
    }
    if (c == '^' || c == '_') fail("a script without a base");
    if (c == '}') fail("an unopened }");
    if (c == '$' || c == '#' || c == '%' || c == '~' || c == '"') fail(fmt::format("the character {}", c));
    int length = std::uint8_t(c) < 0x80 ? 1 : std::uint8_t(c) < 0xE0 ? 2 : std::uint8_t(c) < 0xF0 ? 3 : 4;
    std::string_view text = tex_.substr(at_, length);
    at_ += text.size();
    if (c == '-') return {"<mo>−</mo>"};
    if (c == '*') return {"<mo>∗</mo>"};
    if (c == '(' || c == '[') return {fmt::format("<mo stretchy=\"false\" form=\"prefix\">{}</mo>", c)};
    if (c == ')' || c == ']') return {fmt::format("<mo stretchy=\"false\" form=\"postfix\">{}</mo>", c)};
    if (c == '|') return {bar("|")};
    if (c == ',' || c == ';') return {fmt::format("<mo separator=\"true\">{}</mo>", c)};
    return {wrap("mo", escape_xml(text))};
  }

  // Bars open and close in turn, and have no space around them.
  static std::string bar(std::string_view text) {
    return fmt::format("<mo stretchy=\"false\" lspace=\"0\" rspace=\"0\">{}</mo>", text);
  }

  std::string read_fence() {
    if (at_end()) fail("a missing fence");
    if (peek() == '\\') {
      std::string_view name = read_command();
      const Symbol* symbol = find_symbol(name);
      if (!symbol || symbol->kind != SymbolKind::fence) fail(fmt::format("\\{} is no fence", name));
      return std::string(symbol->text);
    }
    char c = peek();
    if (std::string_view("()[]|./<>").find(c) == std::string_view::npos) fail(fmt::format("{} is no fence", c));
    ++at_;
    if (c == '.') return "";
    if (c == '<') return "⟨";
    if (c == '>') return "⟩";
    return std::string(1, c);
  }

  std::string parse_left() {
    std::string open = read_fence();
    bool outer = in_option_;
    in_option_ = false;
    std::string body = parse_row();
    in_option_ = outer;
    if (peek_command() != "right") fail("\\left without \\right");
    read_command();
    std::string close = read_fence();
    std::string out;
    if (!open.empty()) out += fmt::format("<mo fence=\"true\" stretchy=\"true\" form=\"prefix\">{}</mo>", open);
    out += body;
    if (!close.empty()) out += fmt::format("<mo fence=\"true\" stretchy=\"true\" form=\"postfix\">{}</mo>", close);
    return row(out);
  }

  std::string parse_environment() {
    std::string name = read_text();
    struct Kind {
      std::string_view name, open, close, align;
    };
    static constexpr Kind kinds[] = {{"matrix", "", "", "center"},    {"pmatrix", "(", ")", "center"},
                                     {"bmatrix", "[", "]", "center"}, {"vmatrix", "|", "|", "center"},
                                     {"cases", "{", "", "left"},      {"aligned", "", "", "aligned"}};
    const Kind* kind = nullptr;
    for (const Kind& k : kinds) {
      if (k.name == name) kind = &k;
    }
    if (!kind) fail(fmt::format("unknown environment {}", name));
    std::string rows, cells;
    int column = 0;
    while (true) {
      bool right = kind->align == "aligned" && column % 2 == 0;
      const char* align = kind->align == "center" ? ""
                          : right                 ? " style=\"text-align:right;padding-right:0\""
                                                  : " style=\"text-align:left;padding-left:.2em\"";
      cells += fmt::format("<mtd{}>{}</mtd>", align, row(parse_row()));
      if (at_end()) fail("\\begin without \\end");
      if (peek() == '&') {
        ++at_;
        ++column;
        continue;
      }
      std::string_view command = peek_command();
      if (command != "\\" && command != "end") fail("\\begin without \\end");
      read_command();
      rows += wrap("mtr", cells);
      cells.clear();
      column = 0;
      if (command == "end") break;
    }
    std::string closing = read_text();
    if (closing != name) fail(fmt::format("\\begin{{{}}} ended by \\end{{{}}}", name, closing));
    std::string out;
    if (!kind->open.empty())
      out += fmt::format("<mo fence=\"true\" stretchy=\"true\" form=\"prefix\">{}</mo>", kind->open);
    out += kind->align == "aligned" ? fmt::format("<mtable displaystyle=\"true\">{}</mtable>", rows)
                                    : wrap("mtable", rows);
    if (!kind->close.empty())
      out += fmt::format("<mo fence=\"true\" stretchy=\"true\" form=\"postfix\">{}</mo>", kind->close);
    return row(out);
  }

  Atom parse_command() {
    std::size_t start = at_;
    std::string_view name = read_command();
    if (name == "frac" || name == "tfrac" || name == "dfrac") {
      std::string numerator = parse_argument(), denominator = parse_argument();
      return {wrap("mfrac", numerator + denominator)};
    }
    if (name == "sqrt") {
      if (!at_end() && peek() == '[') {
        ++at_;
        in_option_ = true;
        std::string index = parse_row();
        in_option_ = false;
        if (at_end() || peek() != ']') fail("an unclosed [");
        ++at_;
        return {wrap("mroot", parse_argument() + row(index))};
      }
      return {wrap("msqrt", parse_argument())};
    }
    if (name == "left") return {parse_left()};
    if (name == "begin") return {parse_environment()};
    if (name == "text") return {wrap("mtext", with_firm_ends(escape_xml(read_text())))};
    if (name == "mathrm" || name == "operatorname") {
      // A single letter is italic in <mi> unless it is told not to be.
      return {fmt::format("<mi mathvariant=\"normal\">{}</mi>", escape_xml(read_text()))};
    }
    if (name == "mathbb" || name == "mathcal" || name == "mathbf") {
      std::string letters;
      for (char letter : read_text()) letters += styled_letter(letter, name.substr(4));
      return {wrap("mi", escape_xml(letters))};
    }
    const Symbol* symbol = find_symbol(name);
    if (!symbol) {
      at_ = start;
      fail(fmt::format("unknown command \\{}", name));
    }
    std::string text = escape_xml(symbol->text);
    switch (symbol->kind) {
      case SymbolKind::letter: return {wrap("mi", text)};
      case SymbolKind::constant: return {fmt::format("<mi mathvariant=\"normal\">{}</mi>", text)};
      case SymbolKind::binary:
      case SymbolKind::relation: return {wrap("mo", text)};
      case SymbolKind::fence: {
        if (name[0] == '{' || name[0] == '}' || text == "‖" || text == "|") return {bar(text)};
        return {fmt::format("<mo stretchy=\"false\">{}</mo>", text)};
      }
      case SymbolKind::big: return {wrap("mo", text), true};
      case SymbolKind::integral: return {wrap("mo", text)};
      // U+2061, function application, gives the space before an argument without parentheses.
      case SymbolKind::function: return {followed_by_argument(wrap("mi", text))};
      case SymbolKind::limit:
        return {fmt::format("<mo movablelimits=\"{}\" lspace=\"0\" rspace=\".17em\">{}</mo>",
                            display_ ? "false" : "true", text),
                true};
      case SymbolKind::accent: return {accent(name)};
      case SymbolKind::space: return {space(name)};
    }
    fail(fmt::format("unknown command \\{}", name));
  }

  std::string followed_by_argument(std::string function) {
    skip_spaces();
    bool letter = at_ < tex_.size() && (std::isalnum(std::uint8_t(peek())) ||
                                        (peek() == '\\' && peek_command() != "right" && peek_command() != "left"));
    return letter ? row(function + "<mo>\u2061</mo><mspace width=\".17em\"/>") : function;
  }

  std::string accent(std::string_view name) {
    struct Mark {
      std::string_view name, text;
      bool below;
    };
    static constexpr Mark marks[] = {{"dot", "˙", false},      {"ddot", "¨", false},     {"bar", "‾", false},
                                     {"hat", "^", false},      {"tilde", "~", false},    {"vec", "→", false},
                                     {"overline", "‾", false}, {"underline", "_", true}, {"widehat", "^", false},
                                     {"widetilde", "~", false}};
    for (const Mark& mark : marks) {
      if (mark.name != name) continue;
      bool wide = name.size() >= 7;
      std::string base = parse_argument();
      std::string over = fmt::format("<mo stretchy=\"{}\">{}</mo>", wide ? "true" : "false", mark.text);
      if (mark.below) return fmt::format("<munder accentunder=\"true\">{}{}</munder>", base, over);
      return fmt::format("<mover accent=\"true\">{}{}</mover>", base, over);
    }
    fail(fmt::format("unknown accent \\{}", name));
  }

  static std::string space(std::string_view name) {
    const char* width = name == ","       ? ".167em"
                        : name == ":"     ? ".222em"
                        : name == ";"     ? ".278em"
                        : name == "!"     ? "-.167em"
                        : name == "quad"  ? "1em"
                        : name == "qquad" ? "2em"
                                          : ".25em";
    return fmt::format("<mspace width=\"{}\"/>", width);
  }

  std::string_view tex_;
  bool display_;
  bool in_option_ = false;  // inside [ ] of \sqrt
  std::size_t at_ = 0;
};

}  // namespace

std::string formula(std::string_view tex, FormulaStyle style) {
  bool display = style == FormulaStyle::display;
  std::string body = Parser(tex, display).parse();
  return fmt::format("<math{} alttext=\"{}\"><mrow>{}</mrow></math>", display ? " display=\"block\"" : "",
                     escape_xml(tex), body);
}

}  // namespace turnpike
