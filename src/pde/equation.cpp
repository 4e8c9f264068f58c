#include <turnpike/pde/equation.h>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

// One factor: NAME, NAME_xx, |NAME|, sin(NAME), cos(NAME), any of them with ^p.
class FactorReader {
 public:
  FactorReader(std::string_view text, const Equation& equation) : text_(text), equation_(equation) {}

  EquationFactor read() const {
    EquationFactor factor;
    std::string_view body = text_;
    if (const std::size_t hat = body.rfind('^'); hat != std::string_view::npos) {
      const std::string_view digits = body.substr(hat + 1);
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), factor.power);
      if (error != std::errc{} || end != digits.data() + digits.size() || factor.power < 1)
        fail("the power must be a whole number from 1");
      body = body.substr(0, hat);
    }
    if (body.size() > 2 && body.front() == '|' && body.back() == '|') {
      factor.function = FactorFunction::modulus;
      body = body.substr(1, body.size() - 2);
    } else if (body.size() > 5 && body.back() == ')') {
      if (body.starts_with("sin("))
        factor.function = FactorFunction::sine;
      else if (body.starts_with("cos("))
        factor.function = FactorFunction::cosine;
      else
        fail("known functions are sin and cos");
      body = body.substr(4, body.size() - 5);
    }
    read_field(body, factor);
    return factor;
  }

 private:
  std::string_view text_;
  const Equation& equation_;

  [[noreturn]] void fail(const std::string& why) const {
    throw InputError(fmt::format("cannot read the factor '{}': {}", text_, why));
  }

  int index_of(std::string_view name) const {
    for (std::size_t i = 0; i < equation_.fields.size(); ++i)
      if (equation_.fields[i].name == name) return static_cast<int>(i);
    return -1;
  }

  // The whole name first: a field may be called "u_x" itself.
  void read_field(std::string_view name, EquationFactor& factor) const {
    factor.field = index_of(name);
    if (factor.field >= 0) return;
    const std::size_t bar = name.rfind('_');
    if (bar != std::string_view::npos) factor.field = index_of(name.substr(0, bar));
    if (factor.field < 0) fail("it names no field of the equation");
    if (bar + 1 == name.size()) fail("the axes are missing after '_'");
    for (std::string_view axes = name.substr(bar + 1); !axes.empty();) {
      bool found = false;
      for (std::size_t a = 0; a < equation_.axes.size() && !found; ++a) {
        if (!axes.starts_with(equation_.axes[a])) continue;
        ++factor.derivative[a];
        axes.remove_prefix(equation_.axes[a].size());
        found = true;
      }
      if (!found) fail(fmt::format("'{}' names no axis of space", axes));
    }
  }
};

std::string factor_text(const EquationFactor& factor, const Equation& equation) {
  std::string text = equation.fields[factor.field].name;
  if (factor.order() > 0) text += '_';
  for (std::size_t a = 0; a < equation.axes.size(); ++a)
    for (int i = 0; i < factor.derivative[a]; ++i) text += equation.axes[a];
  if (factor.function == FactorFunction::modulus) text = "|" + text + "|";
  if (factor.function == FactorFunction::sine) text = "sin(" + text + ")";
  if (factor.function == FactorFunction::cosine) text = "cos(" + text + ")";
  if (factor.power > 1) text += fmt::format("^{}", factor.power);
  return text;
}

// With its sign and a blank behind it; 1 is left out.
std::string coefficient_text(std::complex<double> xi, bool first) {
  const bool real = xi.imag() == 0, imaginary = xi.real() == 0 && !real;
  if (!real && !imaginary) return fmt::format("{}({:.6g}{:+.6g}i) ", first ? "" : " + ", xi.real(), xi.imag());
  const double value = real ? xi.real() : xi.imag(), size = std::abs(value);
  const std::string sign = first ? (value < 0 ? "-" : "") : (value < 0 ? " - " : " + ");
  const std::string number = size == 1 ? "" : fmt::format("{:.6g}", size);
  return sign + number + (imaginary ? "i " : number.empty() ? "" : " ");
}

}  // namespace

bool Equation::is_complex() const {
  return std::any_of(fields.begin(), fields.end(), [](const EquationField& field) {
    return field.complex || std::any_of(field.terms.begin(), field.terms.end(),
                                        [](const EquationTerm& term) { return term.coefficient.imag() != 0; });
  });
}

int Equation::highest_derivative() const {
  int highest = 0;
  for (const EquationField& field : fields)
    for (const EquationTerm& term : field.terms)
      for (const EquationFactor& factor : term.factors) highest = std::max(highest, factor.order());
  return highest;
}

std::string Equation::text() const {
  std::string lines;
  for (const EquationField& field : fields) {
    if (field.role != FieldRole::evolved) continue;
    if (!lines.empty()) lines += '\n';
    lines += fmt::format("{}_{}{} =", field.name, time, field.time_order == 2 ? time : "");
    bool first = true;
    for (const EquationTerm& term : field.terms) {
      lines += (first ? " " : "") + coefficient_text(term.coefficient, first) + term_text(term, *this);
      first = false;
    }
    if (first) lines += " 0";
  }
  return lines;
}

void check_equation(const Equation& equation) {
  const int n_fields = static_cast<int>(equation.fields.size()), n_axes = static_cast<int>(equation.axes.size());
  require(n_axes <= 3, fmt::format("an equation has at most three axes of space, got {}", n_axes));
  bool evolves = false;
  for (const EquationField& field : equation.fields) {
    const bool evolved = field.role == FieldRole::evolved;
    evolves = evolves || evolved;
    require(evolved || field.terms.empty(), fmt::format("the field '{}' is not evolved, yet has terms", field.name));
    require(field.time_order == 1 || field.time_order == 2,
            fmt::format("time derivatives are of order 1 or 2, got {} for '{}'", field.time_order, field.name));
    if (field.role == FieldRole::velocity_x || field.role == FieldRole::velocity_y)
      require(n_axes == 2 && field.vorticity >= 0 && field.vorticity < n_fields &&
                  equation.fields[field.vorticity].role == FieldRole::evolved,
              fmt::format("'{}' must be the velocity of an evolved vorticity in two dimensions", field.name));
    for (const EquationTerm& term : field.terms) {
      for (const EquationFactor& factor : term.factors) {
        require(factor.field >= 0 && factor.field < n_fields,
                fmt::format("a factor names the field {} of {}", factor.field, n_fields));
        require(factor.power >= 1, fmt::format("powers are at least 1, got {}", factor.power));
        for (int a = 0; a < 3; ++a)
          require(factor.derivative[a] >= 0 && (a < n_axes || factor.derivative[a] == 0),
                  fmt::format("a derivative along axis {} of {}", a, n_axes));
      }
    }
  }
  require(evolves, "an equation needs a field that evolves");
}

EquationTerm parse_term(std::string_view text, std::complex<double> coefficient, const Equation& equation) {
  EquationTerm term{.coefficient = coefficient, .factors = {}};
  std::string compact;
  for (const char c : text)
    if (c != ' ') compact += c;
  if (compact == "1") return term;
  std::string_view left = compact;
  while (true) {
    const std::size_t star = left.find('*');
    term.factors.push_back(FactorReader(left.substr(0, star), equation).read());
    if (star == std::string_view::npos) return term;
    left.remove_prefix(star + 1);
  }
}

std::string term_text(const EquationTerm& term, const Equation& equation) {
  std::string text;
  for (const EquationFactor& factor : term.factors) text += (text.empty() ? "" : "*") + factor_text(factor, equation);
  return text.empty() ? "1" : text;
}

}  // namespace turnpike
