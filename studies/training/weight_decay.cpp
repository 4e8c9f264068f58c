// T7. Weight decay along the eigenvectors of the Hessian: quadratics, and a network near a minimum.
#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/base/error.h>
#include <turnpike/operators/hessian.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>
#include <turnpike/train/optimiser.h>

#include "losses.h"

namespace turnpike::studies {
namespace {

constexpr double least_eigenvalue = 1e-4;

double norm_of(const Tensor& v) {
  return v.norm().item<double>();
}

Loss decayed(const Loss& loss, double alpha) {
  return [loss, alpha](const Tensor& w) -> Tensor { return loss(w) + 0.5 * alpha * w.square().sum(); };
}

// w <- (1 - eps alpha) w - eps H (w - w*) until it rests, by the engine's SGD with weight decay.
Tensor descend(const Tensor& H, const Tensor& best, double alpha, double largest, double smallest) {
  Tensor w = at::zeros_like(best).requires_grad_();
  const double rate = 2 / (largest + smallest + 2 * alpha);
  const auto optimiser = make_optimiser({.kind = OptimiserKind::sgd, .rate = rate, .weight_decay = alpha}, {w});
  const double factor = (largest - smallest) / (largest + smallest + 2 * alpha);
  const auto steps = static_cast<std::int64_t>(std::ceil(std::log(1e-13) / std::log(factor)));
  for (std::int64_t k = 0; k < steps; ++k)
    optimiser->step([&](bool gradient) -> Tensor {
      const Tensor slope = H.mv(w.detach() - best);
      if (gradient) w.mutable_grad() = slope;
      return 0.5 * slope.dot(w.detach() - best);
    });
  return w.detach();
}

struct Minimum {
  Loss loss;
  Tensor w, lambda, Q;
};

// A tanh network 1-2-1 on 60 noisy samples of another such network, brought to the minimum next to that one: the first
// of some draws whose Hessian there is safely positive definite.
Minimum network_minimum(Random& random) {
  constexpr std::int64_t width = 2, samples = 60;
  for (int attempt = 0; attempt < 20; ++attempt) {
    const Tensor x = 2 * normal_tensor({samples, 1}, random), teacher = 1.5 * normal_tensor({3 * width + 1}, random);
    const auto output = [x](const Tensor& w) -> Tensor {
      const Tensor hidden = at::tanh(x * w.narrow(0, 0, width) + w.narrow(0, width, width));
      return hidden.mv(w.narrow(0, 2 * width, width)) + w[3 * width];
    };
    const Tensor y = output(teacher) + 0.1 * normal_tensor({samples}, random);
    const Loss C = [=](const Tensor& w) -> Tensor { return (output(w) - y).square().mean(); };
    const Tensor w = minimum_of(C, teacher, 300);
    if (!w.isfinite().all().item<bool>() || !(norm_of(gradient_of(C, w)) < 1e-11)) continue;
    const Tensor H = to_dense(hessian_operator(C, w));
    const auto [lambda, Q] = at::linalg_eigh(0.5 * (H + H.t()));
    if (lambda[0].item<double>() > least_eigenvalue) return {C, w, lambda, Q};
  }
  throw Error("no network came to rest in a minimum with a positive definite Hessian");
}

// The minimum with decay that is reached from `start`.
Tensor newton(const Loss& loss, Tensor w) {
  for (int i = 0; i < 30; ++i) {
    const auto [move, info] = at::linalg_solve_ex(to_dense(hessian_operator(loss, w)), gradient_of(loss, w));
    if (info.item<int>() != 0) break;
    w = w - move;
    if (norm_of(move) < 1e-14 * norm_of(w)) break;
  }
  return w;
}

}  // namespace

StudyReport run_weight_decay(StudyContext& study) {
  const std::int64_t n = study.integer("unknowns");
  StudyReport report;
  Figure figure({.title = "Weight decay shrinks what the loss does not hold",
                 .caption = "What decay leaves of each component along an eigenvector. Left: a quadratic at four "
                            "decays. Right: the network of the first draw at "
                            "three, each component of size 0.05 or more; where $\\alpha$ is not small against "
                            "$\\lambda_{\\min}$ it leaves the curve."});
  const std::vector<double> ratios = numbers(at::logspace(-3, 6, 181, 10.0, at::kDouble));
  std::vector<double> law;
  for (const double s : ratios) law.push_back(s / (1 + s));
  Panel& quadratic = figure.panel("quadratic");
  Panel& network = figure.panel("network");
  for (Panel* panel : {&quadratic, &network})
    panel->x({.label = "$\\lambda_i/\\alpha$", .scale = Scale::log, .low = 1e-3, .high = 1e6})
        .y({.label = "component over that of $w^*$", .low = -0.2, .high = 1.4})
        .line(ratios, law, {.label = "$\\lambda/(\\lambda + \\alpha)$", .colour = ink::text, .width = 1.2});

  std::vector<double> exact, orders, uniform, smallest_eigenvalue;
  for (int s = 0; s < study.seeds(); ++s) {
    study.at("draws", s, study.seeds(), "quadratic");
    Random random = study.random("quadratic", s);
    const Tensor Q = std::get<0>(at::linalg_qr(normal_tensor({n, n}, random)));
    const Tensor lambda = at::logspace(-2, 1, n, 10.0, at::kDouble), best = normal_tensor({n}, random);
    const Tensor H = Q.matmul(at::diag(lambda)).matmul(Q.t());
    int colour = 0;
    for (const double alpha : {0.01, 0.1, 1.0, 10.0}) {
      const Tensor found = Q.t().mv(descend(H, best, alpha, 10, 0.01));
      const Tensor predicted = lambda / (lambda + alpha) * Q.t().mv(best);
      exact.push_back((found - predicted).abs().max().item<double>() / best.abs().max().item<double>());
      if (s == 0)
        quadratic.points(
            numbers(lambda / alpha), numbers(found / Q.t().mv(best)),
            {.label = fmt::format("$\\alpha = {:g}$", alpha), .colour = colour++, .marker = Marker::circle, .size = 5});
    }

    study.at("draws", s, study.seeds(), "network");
    Random starts = study.random("network", s);
    const Minimum at = network_minimum(starts);
    const double least = at.lambda[0].item<double>();
    smallest_eigenvalue.push_back(least);
    const Tensor components = at.Q.t().mv(at.w);
    const auto predicted = [&](double alpha) { return at.Q.mv(at.lambda / (at.lambda + alpha) * components); };
    orders.push_back(measure_order(
                         [&](double alpha) {
                           return norm_of(newton(decayed(at.loss, alpha), at.w) - predicted(alpha)) / norm_of(at.w);
                         },
                         least / 32, 6, 1e-12)
                         .fit.slope);
    // The same total shrinkage in all directions, |w(alpha)| / |w*|.
    uniform.push_back(measure_order(
                          [&](double alpha) {
                            const Tensor w = newton(decayed(at.loss, alpha), at.w);
                            return norm_of(w - norm_of(w) / norm_of(at.w) * at.w) / norm_of(at.w);
                          },
                          least / 32, 6, 1e-12)
                          .fit.slope);
    if (s > 0) continue;
    colour = 0;
    const Tensor shown = components.abs() > 0.05;
    Tensor w = at.w;
    double alpha = least / 32;
    const std::pair<double, const char*> marks[] = {{1.0 / 32, "$\\alpha = \\lambda_{min}/32$"},
                                                    {1, "$\\alpha = \\lambda_{min}$"},
                                                    {32, "$\\alpha = 32\\lambda_{min}$"}};
    for (const auto& [factor, label] : marks) {
      for (; alpha < factor * least * 1.0001; alpha *= std::sqrt(2.0)) w = newton(decayed(at.loss, alpha), w);
      network.points(numbers(at.lambda.masked_select(shown) / (factor * least)),
                     numbers((at.Q.t().mv(w) / components).masked_select(shown)),
                     {.label = label, .colour = colour++, .marker = Marker::circle, .size = 5});
    }
  }
  report.checks.push_back(check_each_equal(
      "T7",
      "quadratic: components of the resting point against $\\lambda_i/(\\lambda_i + \\alpha)$, largest difference",
      "relative", 0, exact, 1e-10));
  report.checks.push_back(
      check_each_equal("T7", "network: order in $\\alpha$ of the distance to the prediction", "", 2, orders, 0.15));
  report.checks.push_back(
      check_each_equal("T7", "network: order where all directions shrink alike", "", 1, uniform, 0.15));
  report.checks.push_back(check_each_at_least("T7", "network: smallest eigenvalue of the Hessian, a minimum", "",
                                              least_eigenvalue, smallest_eigenvalue));
  report.figures.push_back({"weight_decay", figure});
  report.method.push_back(
      fmt::format("Quadratics in {} unknowns, eigenvalues from 0.01 to 10, decays 0.01 to 10: descent with the decayed "
                  "update, step by "
                  "step until it rests. The network: two tanh units, 7 parameters, 60 noisy samples of another such "
                  "network, from whose weights L-BFGS and Newton's method go to the minimum; the minimum with decay by "
                  "Newton's method, orders over the five smallest of "
                  "six halvings of $\\lambda_{{\\min}}/32$.",
                  n));
  return report;
}

}  // namespace turnpike::studies
