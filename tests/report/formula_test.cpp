#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <turnpike/base/error.h>
#include <turnpike/report/figure.h>
#include <turnpike/report/formula.h>

#include "xml_check.h"

namespace turnpike {
namespace {

std::string body(std::string_view tex, FormulaStyle style = FormulaStyle::display) {
  std::string html = formula(tex, style);
  std::string start = "<mrow>";
  auto from = html.find(start) + start.size(), to = html.rfind("</mrow></math>");
  return html.substr(from, to - from);
}

TEST(Formula, TheEquationOfANetwork) {
  EXPECT_EQ(body("\\dot x = W \\sigma(x) + b"),
            "<mover accent=\"true\"><mi>x</mi><mo stretchy=\"false\">˙</mo></mover><mo>=</mo><mi>W</mi><mi>σ</mi>"
            "<mo stretchy=\"false\" form=\"prefix\">(</mo><mi>x</mi><mo stretchy=\"false\" "
            "form=\"postfix\">)</mo><mo>+</mo><mi>b</mi>");
}

TEST(Formula, TheRunningCost) {
  std::string cost = body("\\int_0^T \\varphi(x(t))\\,dt + \\lambda \\int_0^T |u(t)|^2\\,dt");
  EXPECT_TRUE(cost.starts_with("<msubsup><mo>∫</mo><mn>0</mn><mi>T</mi></msubsup><mi>φ</mi>")) << cost;
  EXPECT_NE(cost.find("<mspace width=\".167em\"/><mi>d</mi><mi>t</mi><mo>+</mo><mi>λ</mi><msubsup>"), std::string::npos)
      << cost;
  EXPECT_NE(cost.find("<msup><mo stretchy=\"false\" lspace=\"0\" rspace=\"0\">|</mo><mn>2</mn></msup>"),
            std::string::npos)
      << cost;
}

TEST(Formula, TheTurnpike) {
  std::string decay = body("|u(t)| \\le C e^{-\\mu t}");
  EXPECT_NE(decay.find("<mo>≤</mo><mi>C</mi><msup><mi>e</mi><mrow><mo>−</mo><mi>μ</mi><mi>t</mi></mrow></msup>"),
            std::string::npos)
      << decay;
}

TEST(Formula, TheAmplification) {
  std::string m = body("M = \\sup \\frac{|y(T)-\\tilde y(T)|}{|y(0)-\\tilde y(0)|}");
  EXPECT_NE(m.find(">sup</mo><mfrac><mrow>"), std::string::npos) << m;
  EXPECT_NE(m.find("<mover accent=\"true\"><mi>y</mi><mo stretchy=\"false\">~</mo></mover>"), std::string::npos) << m;
  EXPECT_NE(body("\\sup_{x \\in A} f").find("<munder>"), std::string::npos);
  EXPECT_EQ(body("\\sup_{x \\in A} f", FormulaStyle::text).find("<munder>"), std::string::npos);
}

TEST(Formula, ScriptsBindToOneAtom) {
  EXPECT_EQ(body("x_i^2"), "<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>");
  EXPECT_EQ(body("x^2_i"), "<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>");
  EXPECT_EQ(body("x^23"), "<msup><mi>x</mi><mn>23</mn></msup>");
  EXPECT_EQ(body("x'"), "<msup><mi>x</mi><mo>′</mo></msup>");
  EXPECT_EQ(body("x_k'"), "<msubsup><mi>x</mi><mi>k</mi><mo>′</mo></msubsup>");
}

TEST(Formula, MatricesCasesAndFences) {
  EXPECT_NE(body("\\begin{pmatrix} 0 & K \\\\ -K^\\top & 0 \\end{pmatrix}")
                .find("<mtr><mtd><mrow><mn>0</mn></mrow></mtd><mtd><mrow><mi>K</mi></mrow></mtd></mtr>"),
            std::string::npos);
  EXPECT_NE(body("\\left\\| \\frac{a}{b} \\right\\|_{L^2}").find("stretchy=\"true\" form=\"prefix\">‖</mo><mfrac>"),
            std::string::npos);
  EXPECT_EQ(read_xml(formula("f = \\begin{cases} 1 & x > 0 \\\\ 0 & \\text{if not} \\end{cases}")).error, "");
  EXPECT_EQ(body("\\text{ if so }"), "<mtext>\u00a0if so\u00a0</mtext>");
}

TEST(Formula, IsWellFormedWithItsSourceAsText) {
  for (const char* tex : {"a < b & c", "\\sqrt[3]{x}", "\\mathbb{R}^{n \\times n}",
                          "\\hat\\theta = \\argmin_\\theta \\mathcal{L}(\\theta)", "\\|W\\| \\to \\infty",
                          "\\sum_{k=1}^n x_k", "\\left( \\partial_t u \\right.", "\\mathbf{1}_{\\{x > 0\\}}",
                          "\\ddot q = -\\nabla V(q)", "\\log \\det A, \\; \\sin^2 x", "λ ≤ 3.5"}) {
    if (std::string_view(tex).find(" & ") != std::string_view::npos) {
      EXPECT_THROW(formula(tex), ContractError);  // & outside a matrix
      continue;
    }
    XmlResult xml = read_xml(formula(tex));
    EXPECT_EQ(xml.error, "") << tex;
    EXPECT_EQ(xml.elements.at(0).name, "math");
    EXPECT_TRUE(xml.elements.at(0).attributes.count("alttext"));
  }
}

TEST(Formula, RefusesWhatItDoesNotKnow) {
  for (const char* tex : {"\\foo", "\\frac{1}", "{x", "x}", "x^", "^2^", "\\left( x", "\\left x \\right)",
                          "\\begin{array}{c} x \\end{array}", "\\begin{matrix} x", "\\begin{matrix} x \\end{cases}",
                          "a & b", "x_1_2", "\\sqrt[3{x}", "\\", "$x$"}) {
    EXPECT_THROW(formula(tex), ContractError) << tex;
  }
  try {
    formula("x = \\sgima(t)");
    FAIL();
  } catch (const ContractError& error) {
    EXPECT_NE(std::string(error.what()).find("\\sgima at character 5"), std::string::npos) << error.what();
  }
}

TEST(LabelFormula, RefusesWhatItDoesNotKnow) {
  for (const char* label : {"$\\foo$", "$x^{2$", "$x}$", "$x^$", "$\\dot$"}) {
    EXPECT_THROW(Figure({.title = label}).svg(), ContractError) << label;
  }
  EXPECT_NO_THROW(Figure({.title = "5 $ and a lone \\$, 100 %"}).svg());
}

}  // namespace
}  // namespace turnpike
