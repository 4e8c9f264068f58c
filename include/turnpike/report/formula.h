// Formulas as MathML, from a strict subset of TeX.
//
//   std::string html = formula("|u(t)| \\le C e^{-\\mu t}", FormulaStyle::display);
//
// Letters, digits and operators; ^ _ ' { }; \frac \sqrt[n]; \left \right with any fence, \|; accents \dot \ddot \bar
// \hat \tilde \vec \overline; \mathbb \mathcal \mathbf \mathrm \text \operatorname; \int \sum \prod with limits; \sup
// \inf \max \min \lim \argmin \argmax with limits below; \sin ... \log; Greek, relations, arrows, dots; \, \; \: \!
// \quad \qquad; \begin{matrix|pmatrix|bmatrix|vmatrix|cases|aligned} with & and \\. Errors: ContractError names the
// unknown command or the unclosed group, and the formula.
#pragma once

#include <string>
#include <string_view>

namespace turnpike {

enum class FormulaStyle { text, display };

// A <math> element; the TeX source is its alternative text.
std::string formula(std::string_view tex, FormulaStyle style = FormulaStyle::text);

}  // namespace turnpike
