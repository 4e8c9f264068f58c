#include <fmt/format.h>

#include <cctype>
#include <cmath>
#include <functional>

#include <turnpike/base/error.h>
#include <turnpike/discover/discovery.h>

namespace turnpike {
namespace {

std::string number_text(double value) {
  const double size = std::abs(value);
  return size == 0 || (size >= 1e-3 && size < 1e5) ? fmt::format("{:.4f}", size) : fmt::format("{:.3e}", size);
}

std::string signed_sum(const std::vector<FoundTerm>& terms, const std::string& space,
                       const std::function<std::string(const std::string&)>& term_of) {
  std::string text;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const std::complex<double> c = terms[i].coefficient;
    const double leading = c.real() != 0 ? c.real() : c.imag();
    text += leading < 0 ? (i ? " - " : " -") : (i ? " + " : " ");
    if (c.imag() == 0)
      text += number_text(c.real());
    else if (c.real() == 0)
      text += number_text(c.imag()) + "i";
    else
      text +=
          fmt::format("({} {} {}i)", number_text(c.real()), c.imag() * leading > 0 ? "+" : "-", number_text(c.imag()));
    if (terms[i].term != "1") text += space + term_of(terms[i].term);
  }
  return terms.empty() ? " 0" : text;
}

// u^2*u_xx -> u^{2}\\,u_{xx}
std::string latex_of(const std::string& term) {
  std::string latex;
  for (std::size_t i = 0; i < term.size(); ++i) {
    const char c = term[i];
    if (c == '*') {
      latex += "\\,";
    } else if (c == '^' || c == '_') {
      if (term.compare(i, 2, "^(") == 0) {  // x^(-2)
        const std::size_t close = std::min(term.find(')', i), term.size());
        latex += fmt::format("^{{{}}}", term.substr(i + 2, close - i - 2));
        i = close;
        continue;
      }
      std::size_t end = i + 1;
      while (end < term.size() && std::isalnum(static_cast<unsigned char>(term[end]))) ++end;
      latex += fmt::format("{}{{{}}}", c, term.substr(i + 1, end - i - 1));
      i = end - 1;
    } else if (term.compare(i, 4, "sin(") == 0 || term.compare(i, 4, "cos(") == 0) {
      latex += "\\" + term.substr(i, 3);
      i += 2;
    } else {
      latex += c;
    }
  }
  return latex;
}

// ---- as an equation to simulate

using Terms = std::vector<EquationTerm>;

// d/dx of a product, by Leibniz; nothing where a factor has no derivative in this form (|u|, sin u).
std::optional<Terms> differentiate(const Terms& terms, std::size_t axis) {
  Terms sum;
  for (const EquationTerm& term : terms)
    for (std::size_t k = 0; k < term.factors.size(); ++k) {
      if (term.factors[k].function != FactorFunction::value) return std::nullopt;
      EquationTerm next = term;
      EquationFactor inner = term.factors[k];
      next.coefficient *= inner.power;
      inner.power = 1;
      ++inner.derivative[axis];
      if (--next.factors[k].power == 0) next.factors.erase(next.factors.begin() + static_cast<std::ptrdiff_t>(k));
      next.factors.push_back(inner);
      sum.push_back(std::move(next));
    }
  return sum;
}

std::optional<Terms> terms_of(const FoundTerm& found, const Equation& equation) {
  const std::size_t close = found.term.rfind(")_");
  try {
    if (found.term.front() != '(' || close == std::string::npos)
      return Terms{parse_term(found.term, found.coefficient, equation)};
    std::optional<Terms> terms = Terms{parse_term(found.term.substr(1, close - 1), found.coefficient, equation)};
    std::string_view rest = std::string_view(found.term).substr(close + 2);
    while (!rest.empty() && terms) {
      std::size_t axis = 0;
      while (axis < equation.axes.size() && !rest.starts_with(equation.axes[axis])) ++axis;
      if (axis == equation.axes.size()) return std::nullopt;
      rest.remove_prefix(equation.axes[axis].size());
      terms = differentiate(*terms, axis);
    }
    return terms;
  } catch (const InputError&) {
    return std::nullopt;  // a formula of the user's
  }
}

}  // namespace

std::string FoundEquation::text() const {
  return lhs + " =" + signed_sum(terms, " ", [](const std::string& term) { return term; });
}

std::string FoundEquation::latex() const {
  return latex_of(lhs) + " =" + signed_sum(terms, "\\,", latex_of);
}

std::optional<Equation> equation_of(const Discovery& discovery, const Measurement& measurement) {
  Equation equation{.time = measurement.time().name};
  for (std::size_t axis = 0; axis + 1 < measurement.axes.size(); ++axis)
    equation.axes.push_back(measurement.axes[axis].name);
  for (const Field& field : measurement.fields)
    equation.fields.push_back({.name = field.name, .role = FieldRole::given, .complex = field.is_complex()});
  for (const FoundEquation& found : discovery.equations) {
    for (EquationField& field : equation.fields) {
      if (found.lhs.rfind(field.name + "_", 0) != 0) continue;
      field.role = FieldRole::evolved;
      field.time_order = found.lhs == field.name + "_" + equation.time ? 1 : 2;
    }
  }
  for (const FoundEquation& found : discovery.equations) {
    for (EquationField& field : equation.fields) {
      if (found.lhs.rfind(field.name + "_", 0) != 0) continue;
      for (const FoundTerm& term : found.terms) {
        const std::optional<Terms> terms = terms_of(term, equation);
        if (!terms) return std::nullopt;
        field.terms.insert(field.terms.end(), terms->begin(), terms->end());
      }
    }
  }
  return equation;
}

}  // namespace turnpike
