// An evolution equation as data: for each field its time derivative as a sum of products. What the simulators integrate
// (pde/simulate.h) and what sparse regression finds.
//
//   d^m u_f / dt^m = sum_j xi_j prod_k D_jk       m = 1 or 2; D a power of a field, of one of its space derivatives, of
//                                                 |u|, or the sine or cosine of a field
//
//   Equation burgers{.axes = {"x"}, .fields = {{.name = "u"}}};
//   burgers.fields[0].terms = {parse_term("u*u_x", -1.0, burgers), parse_term("u_xx", 0.1, burgers)};
//   burgers.text()                                                     // "u_t = -u*u_x + 0.1 u_xx"
//
// A field is evolved (it has terms), given (known on the grid and constant in time, as a potential V(x)), or the
// velocity of an evolved vorticity w in the plane: (v_x, v_y) = (psi_y, -psi_x) with -Laplace psi = w, plus a mean
// flow. Units are the user's; xi carries them. The letters: fields u, space x, coefficients xi.
#pragma once

#include <array>
#include <complex>
#include <string>
#include <string_view>
#include <vector>

namespace turnpike {

enum class FactorFunction { value, modulus, sine, cosine };

struct EquationFactor {
  int field = 0;                    // index in Equation::fields
  std::array<int, 3> derivative{};  // times along each space axis
  int power = 1;
  FactorFunction function = FactorFunction::value;  // of the field or its derivative, before the power

  int order() const { return derivative[0] + derivative[1] + derivative[2]; }
};

struct EquationTerm {
  std::complex<double> coefficient = 1;
  std::vector<EquationFactor> factors;  // {} is the constant 1
};

enum class FieldRole { evolved, given, velocity_x, velocity_y };

struct EquationField {
  std::string name;
  FieldRole role = FieldRole::evolved;
  bool complex = false;
  int time_order = 1;                 // of an evolved field: 1 or 2
  std::vector<EquationTerm> terms{};  // of an evolved field
  int vorticity = -1;                 // of a velocity: the field that it is the velocity of
  double mean = 0;                    // of a velocity: the mean flow
};

struct Equation {
  std::vector<std::string> axes{};  // of space: none (a system of ordinary equations) to three
  std::vector<EquationField> fields{};
  std::string time = "t";

  bool is_complex() const;  // any field or coefficient
  int highest_derivative() const;
  std::string text() const;  // "u_t = -6 u*u_x - u_xxx"; a line a field
};

// ContractError unless every factor names a field, powers are >= 1, derivatives are along axes that exist, and every
// velocity is that of an evolved field in two dimensions.
void check_equation(const Equation& equation);

// "u^2*u_xx", "|u|^2*u", "V*u", "sin(u)", "1", in the names of the equation's fields and axes. InputError that says
// what could not be read.
EquationTerm parse_term(std::string_view text, std::complex<double> coefficient, const Equation& equation);
std::string term_text(const EquationTerm& term, const Equation& equation);  // without the coefficient

}  // namespace turnpike
