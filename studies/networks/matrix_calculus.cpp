// N5. The identities of lecture L3 against automatic differentiation.
#include <algorithm>
#include <functional>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <fmt/format.h>

#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>

namespace turnpike::studies {
namespace {

// d f_j / d x_i as [j, i], a backward pass a component; f may be a scalar, x of any shape (flattened).
Tensor jacobian(const std::function<Tensor(const Tensor&)>& f, const Tensor& at_point) {
  const Tensor x = at_point.detach().clone().requires_grad_();
  const Tensor y = f(x).reshape({-1});
  std::vector<Tensor> rows;
  for (std::int64_t j = 0; j < y.numel(); ++j)
    rows.push_back(torch::autograd::grad({y[j]}, {x}, {}, true)[0].reshape({-1}));
  return at::stack(rows);
}

double gap(const Tensor& measured, const Tensor& claimed) {
  return ((measured.reshape({-1}) - claimed.reshape({-1})).norm() / claimed.norm()).item<double>();
}

}  // namespace

StudyReport run_matrix_calculus(StudyContext& study) {
  const std::int64_t P = study.integer("rows"), Q = study.integer("columns");
  struct Identity {
    std::string text;
    double worst = 0;
  };
  std::vector<Identity> identities = {{"$\\partial(x'a)/\\partial x = a$"},
                                      {"$\\partial(a'x)/\\partial x = a$"},
                                      {"$\\nabla_w(w'x) = x$"},
                                      {"$\\partial(A\\omega)/\\partial\\omega = A$"},
                                      {"$\\partial(a'Xb)/\\partial X = ab'$"},
                                      {"$\\partial(a'X'b)/\\partial X = ba'$"},
                                      {"$\\partial(a'Xa)/\\partial X = aa'$"},
                                      {"$\\partial(a'X'a)/\\partial X = aa'$"}};
  double layout = 0, slide_layout = 1e300;
  for (int s = 0; s < study.seeds(); ++s) {
    Random random = study.random("matrices", s);
    const Tensor x = normal_tensor({P}, random), a = normal_tensor({P}, random), b = normal_tensor({Q}, random);
    const Tensor X = normal_tensor({P, Q}, random), S = normal_tensor({P, P}, random),
                 A = normal_tensor({Q, P}, random);
    const auto dot = [](const Tensor& u, const Tensor& v) -> Tensor { return (u * v).sum(); };
    const double gaps[] = {
        gap(jacobian([&](const Tensor& z) { return dot(z, a); }, x), a),
        gap(jacobian([&](const Tensor& z) { return dot(a, z); }, x), a),
        gap(jacobian([&](const Tensor& w) { return dot(w, x); }, a), x),
        gap(jacobian([&](const Tensor& w) { return at::matmul(A, w); }, x), A),
        gap(jacobian([&](const Tensor& Z) { return dot(a, at::matmul(Z, b)); }, X), at::outer(a, b)),
        // X' maps R^P to R^Q: here a in R^Q, b in R^P.
        gap(jacobian([&](const Tensor& Z) { return dot(b, at::matmul(Z.t(), a)); }, X), at::outer(a, b)),
        gap(jacobian([&](const Tensor& Z) { return dot(a, at::matmul(Z, a)); }, S), at::outer(a, a)),
        gap(jacobian([&](const Tensor& Z) { return dot(a, at::matmul(Z.t(), a)); }, S), at::outer(a, a)),
    };
    for (std::size_t i = 0; i < identities.size(); ++i) identities[i].worst = std::max(identities[i].worst, gaps[i]);
    // Layouts of dy/dx for y = tanh(Sx): row j, column i is dy_j/dx_i, as in the identity of A omega.
    const auto y = [&](const Tensor& z) -> Tensor { return at::tanh(at::matmul(S, z)); };
    const Tensor D = (1 - y(x).square()).unsqueeze(1) * S, J = jacobian(y, x);
    layout = std::max(layout, gap(J, D));
    slide_layout = std::min(slide_layout, gap(J, D.t().contiguous()));
  }
  StudyReport report;
  for (const Identity& identity : identities)
    report.checks.push_back(check_equal("N5", identity.text, "relative", 0, identity.worst, 1e-12));
  report.checks.push_back(check_equal("N5", "$\\partial y/\\partial x$ with row $j$ for $y_j$, $y = \\tanh(Sx)$",
                                      "relative", 0, layout, 1e-12));
  report.checks.push_back(check_at_least("N5", "the same with column $j$ for $y_j$, the table's layout: another matrix",
                                         "relative", 0.1, slide_layout));
  report.method.push_back(
      fmt::format("Normal vectors in dimensions {} and {}, matrices between them, {} seeds.", P, Q, study.seeds()));
  return report;
}

}  // namespace turnpike::studies
