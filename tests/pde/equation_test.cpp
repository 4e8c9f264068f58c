#include <turnpike/pde/equation.h>

#include <gtest/gtest.h>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

Equation plane() {
  return {.axes = {"x", "y"},
          .fields = {
              {.name = "u"}, {.name = "w", .complex = true}, {.name = "V", .role = FieldRole::given}, {.name = "u_x"}}};
}

TEST(Equation, TermsReadBackAsTheyAreWritten) {
  const Equation equation = plane();
  for (const char* text : {"1", "u", "u^2*w_xxy", "|w|^2*w", "V*u", "sin(u)", "cos(w_y)^3*u", "u_x", "u_yy"})
    EXPECT_EQ(term_text(parse_term(text, 1.0, equation), equation), text);
  const EquationTerm term = parse_term(" u^2 * w_xxy ", -2.0, equation);
  ASSERT_EQ(term.factors.size(), 2u);
  EXPECT_EQ(term.factors[0].power, 2);
  EXPECT_EQ(term.factors[1].field, 1);
  EXPECT_EQ(term.factors[1].derivative, (std::array<int, 3>{2, 1, 0}));
  EXPECT_EQ(term.coefficient, -2.0);
  EXPECT_EQ(parse_term("u_x", 1.0, equation).factors[0].field, 3);  // a field of that name comes first
}

TEST(Equation, NonsenseIsRefusedInASentence) {
  const Equation equation = plane();
  for (const char* text : {"", "q", "u^0", "u^x", "u_z", "exp(u)", "u**u", "|u", "u_"})
    EXPECT_THROW(parse_term(text, 1.0, equation), InputError) << text;
}

TEST(Equation, AsText) {
  Equation equation{.axes = {"x"}, .fields = {{.name = "u"}, {.name = "v", .time_order = 2}}};
  equation.fields[0].terms = {parse_term("u*u_x", -6.0, equation), parse_term("u_xxx", -1.0, equation)};
  equation.fields[1].terms = {parse_term("v_xx", {0, 0.5}, equation), parse_term("1", {1, -2}, equation)};
  EXPECT_EQ(equation.text(), "u_t = -6 u*u_x - u_xxx\nv_tt = 0.5i v_xx + (1-2i) 1");
  EXPECT_TRUE(equation.is_complex());
  EXPECT_EQ(equation.highest_derivative(), 3);
}

TEST(Equation, BrokenContractsAreRefused) {
  Equation equation{.axes = {"x"}, .fields = {{.name = "u"}}};
  EXPECT_NO_THROW(check_equation(equation));
  equation.fields[0].terms = {{.factors = {{.field = 1}}}};
  EXPECT_THROW(check_equation(equation), ContractError);
  equation.fields[0].terms = {{.factors = {{.derivative = {0, 1, 0}}}}};
  EXPECT_THROW(check_equation(equation), ContractError);
  equation.fields[0].terms = {{.factors = {{.power = 0}}}};
  EXPECT_THROW(check_equation(equation), ContractError);
  EXPECT_THROW(check_equation({.axes = {"x"}, .fields = {{.name = "V", .role = FieldRole::given}}}), ContractError);
  EXPECT_THROW(
      check_equation(
          {.axes = {"x"}, .fields = {{.name = "w"}, {.name = "v", .role = FieldRole::velocity_x, .vorticity = 0}}}),
      ContractError);
}

}  // namespace
}  // namespace turnpike
