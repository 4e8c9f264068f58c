#include "symbols_internal.h"

#include <algorithm>
#include <iterator>

namespace turnpike {
namespace {

using enum SymbolKind;

constexpr Symbol symbols[] = {
    {"alpha", "α", letter},
    {"beta", "β", letter},
    {"gamma", "γ", letter},
    {"delta", "δ", letter},
    {"epsilon", "ϵ", letter},
    {"varepsilon", "ε", letter},
    {"zeta", "ζ", letter},
    {"eta", "η", letter},
    {"theta", "θ", letter},
    {"vartheta", "ϑ", letter},
    {"iota", "ι", letter},
    {"kappa", "κ", letter},
    {"lambda", "λ", letter},
    {"mu", "μ", letter},
    {"nu", "ν", letter},
    {"xi", "ξ", letter},
    {"pi", "π", letter},
    {"rho", "ρ", letter},
    {"sigma", "σ", letter},
    {"tau", "τ", letter},
    {"upsilon", "υ", letter},
    {"phi", "ϕ", letter},
    {"varphi", "φ", letter},
    {"chi", "χ", letter},
    {"psi", "ψ", letter},
    {"omega", "ω", letter},
    {"ell", "ℓ", letter},
    {"imath", "ı", letter},
    {"jmath", "ȷ", letter},
    {"Gamma", "Γ", constant},
    {"Delta", "Δ", constant},
    {"Theta", "Θ", constant},
    {"Lambda", "Λ", constant},
    {"Xi", "Ξ", constant},
    {"Pi", "Π", constant},
    {"Sigma", "Σ", constant},
    {"Upsilon", "Υ", constant},
    {"Phi", "Φ", constant},
    {"Psi", "Ψ", constant},
    {"Omega", "Ω", constant},
    {"infty", "∞", constant},
    {"partial", "∂", constant},
    {"nabla", "∇", constant},
    {"emptyset", "∅", constant},
    {"forall", "∀", constant},
    {"exists", "∃", constant},
    {"top", "⊤", constant},
    {"bot", "⊥", constant},
    {"dagger", "†", constant},
    {"star", "⋆", constant},
    {"ast", "∗", constant},
    {"prime", "′", constant},
    {"hbar", "ℏ", constant},
    {"Re", "ℜ", constant},
    {"Im", "ℑ", constant},
    {"ldots", "…", constant},
    {"dots", "…", constant},
    {"cdots", "⋯", constant},
    {"vdots", "⋮", constant},
    {"ddots", "⋱", constant},
    {"cdot", "⋅", binary},
    {"times", "×", binary},
    {"pm", "±", binary},
    {"mp", "∓", binary},
    {"circ", "∘", binary},
    {"odot", "⊙", binary},
    {"otimes", "⊗", binary},
    {"oplus", "⊕", binary},
    {"cup", "∪", binary},
    {"cap", "∩", binary},
    {"setminus", "∖", binary},
    {"wedge", "∧", binary},
    {"vee", "∨", binary},
    {"le", "≤", relation},
    {"leq", "≤", relation},
    {"ge", "≥", relation},
    {"geq", "≥", relation},
    {"ne", "≠", relation},
    {"neq", "≠", relation},
    {"ll", "≪", relation},
    {"gg", "≫", relation},
    {"approx", "≈", relation},
    {"sim", "∼", relation},
    {"simeq", "≃", relation},
    {"equiv", "≡", relation},
    {"propto", "∝", relation},
    {"in", "∈", relation},
    {"notin", "∉", relation},
    {"subset", "⊂", relation},
    {"subseteq", "⊆", relation},
    {"to", "→", relation},
    {"rightarrow", "→", relation},
    {"leftarrow", "←", relation},
    {"mapsto", "↦", relation},
    {"Rightarrow", "⇒", relation},
    {"Leftrightarrow", "⇔", relation},
    {"iff", "⇔", relation},
    {"perp", "⊥", relation},
    {"mid", "∣", relation},
    {"colon", ":", relation},
    {"succeq", "⪰", relation},
    {"preceq", "⪯", relation},
    {"uparrow", "↑", relation},
    {"downarrow", "↓", relation},
    {"langle", "⟨", fence},
    {"rangle", "⟩", fence},
    {"|", "‖", fence},
    {"Vert", "‖", fence},
    {"lVert", "‖", fence},
    {"rVert", "‖", fence},
    {"vert", "|", fence},
    {"lvert", "|", fence},
    {"rvert", "|", fence},
    {"lfloor", "⌊", fence},
    {"rfloor", "⌋", fence},
    {"lceil", "⌈", fence},
    {"rceil", "⌉", fence},
    {"{", "{", fence},
    {"}", "}", fence},
    {"sum", "∑", big},
    {"prod", "∏", big},
    {"bigcup", "⋃", big},
    {"bigcap", "⋂", big},
    {"int", "∫", integral},
    {"iint", "∬", integral},
    {"oint", "∮", integral},
    {"sin", "sin", function},
    {"cos", "cos", function},
    {"tan", "tan", function},
    {"sinh", "sinh", function},
    {"cosh", "cosh", function},
    {"tanh", "tanh", function},
    {"exp", "exp", function},
    {"log", "log", function},
    {"ln", "ln", function},
    {"det", "det", function},
    {"dim", "dim", function},
    {"ker", "ker", function},
    {"arg", "arg", function},
    {"deg", "deg", function},
    {"tr", "tr", function},
    {"rank", "rank", function},
    {"diag", "diag", function},
    {"sign", "sign", function},
    {"div", "div", function},
    {"erf", "erf", function},
    {"sup", "sup", limit},
    {"inf", "inf", limit},
    {"max", "max", limit},
    {"min", "min", limit},
    {"lim", "lim", limit},
    {"limsup", "lim sup", limit},
    {"liminf", "lim inf", limit},
    {"argmin", "arg min", limit},
    {"argmax", "arg max", limit},
    {"dot", "\u0307", accent},
    {"ddot", "\u0308", accent},
    {"bar", "\u0304", accent},
    {"hat", "\u0302", accent},
    {"tilde", "\u0303", accent},
    {"vec", "\u20d7", accent},
    {"overline", "\u0305", accent},
    {"underline", "\u0332", accent},
    {"widehat", "\u0302", accent},
    {"widetilde", "\u0303", accent},
    {",", "\u2009", space},
    {":", "\u2005", space},
    {";", "\u2004", space},
    {" ", "\u00a0", space},
    {"!", "", space},
    {"quad", "\u2003", space},
    {"qquad", "\u2003\u2003", space},
    {"%", "%", constant},
    {"#", "#", constant},
    {"&", "&", constant},
    {"$", "$", constant},
    {"_", "_", constant},
};

}  // namespace

const Symbol* find_symbol(std::string_view name) {
  auto found = std::find_if(std::begin(symbols), std::end(symbols), [&](const Symbol& s) { return s.name == name; });
  return found == std::end(symbols) ? nullptr : found;
}

std::string utf8(char32_t c) {
  std::string out;
  if (c < 0x80) {
    out += char(c);
  } else if (c < 0x800) {
    out += char(0xC0 | (c >> 6));
    out += char(0x80 | (c & 63));
  } else if (c < 0x10000) {
    out += char(0xE0 | (c >> 12));
    out += char(0x80 | ((c >> 6) & 63));
    out += char(0x80 | (c & 63));
  } else {
    out += char(0xF0 | (c >> 18));
    out += char(0x80 | ((c >> 12) & 63));
    out += char(0x80 | ((c >> 6) & 63));
    out += char(0x80 | (c & 63));
  }
  return out;
}

std::string styled_letter(char letter, std::string_view style) {
  bool upper = letter >= 'A' && letter <= 'Z', lower = letter >= 'a' && letter <= 'z';
  bool digit = letter >= '0' && letter <= '9';
  if (style == "bf") {
    if (upper) return utf8(0x1D400 + (letter - 'A'));
    if (lower) return utf8(0x1D41A + (letter - 'a'));
    if (digit) return utf8(0x1D7CE + (letter - '0'));
  }
  // Unicode had some of these letters before it had the alphabets; their places in the alphabets are empty.
  if (style == "bb") {
    switch (letter) {
      case 'C': return "ℂ";
      case 'H': return "ℍ";
      case 'N': return "ℕ";
      case 'P': return "ℙ";
      case 'Q': return "ℚ";
      case 'R': return "ℝ";
      case 'Z': return "ℤ";
    }
    if (upper) return utf8(0x1D538 + (letter - 'A'));
    if (lower) return utf8(0x1D552 + (letter - 'a'));
    if (digit) return utf8(0x1D7D8 + (letter - '0'));
  }
  if (style == "cal") {
    switch (letter) {
      case 'B': return "ℬ";
      case 'E': return "ℰ";
      case 'F': return "ℱ";
      case 'H': return "ℋ";
      case 'I': return "ℐ";
      case 'L': return "ℒ";
      case 'M': return "ℳ";
      case 'R': return "ℛ";
      case 'e': return "ℯ";
      case 'g': return "ℊ";
      case 'o': return "ℴ";
    }
    if (upper) return utf8(0x1D49C + (letter - 'A'));
    if (lower) return utf8(0x1D4B6 + (letter - 'a'));
  }
  return std::string(1, letter);
}

}  // namespace turnpike
