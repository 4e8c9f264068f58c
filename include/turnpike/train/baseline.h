// What a plain learner makes of the same data, to stand beside a flow's score.
//
//   linear       regression: least squares in closed form (ridge 1e-8);
//                classes: multinomial logistic regression, L-BFGS, with the penalty 1e-4 |W|^2
//   perceptron   z = A3 r(A2 r(A1 x + a1) + a2) + a3, r = max(., 0), Adam with a cosine schedule on the flow's cost;
//                the weights of the best validation cost are kept. Its width makes the number of parameters closest to
//                a given one.
//
//   Baseline line = fit_linear(task);
//   Baseline net = fit_perceptron(task, {.n_parameters = model.n_parameters(), .cost = "mean_square", .epochs = 300});
//   Tensor z = net.outputs(x);       // standardised features -> outputs in the coding net.coding
//
// Memory beyond the data: a batch and the weights. Both stop early when stop_requested().
#pragma once

#include <functional>
#include <span>
#include <string>

#include <turnpike/base/progress.h>
#include <turnpike/net/examples.h>

namespace turnpike {

struct BaselineTask {
  const Dataset& data;
  const Standardiser& standardiser;
  std::span<const std::int64_t> train, validation;
  c10::ScalarType dtype = c10::ScalarType::Double;
};

struct Baseline {
  std::string name;  // "logistic regression", "perceptron 2-19-19-1"
  std::int64_t n_parameters = 0;
  TargetCoding coding = TargetCoding::real;
  std::function<Tensor(const Tensor& x)> outputs;
  double seconds = 0;
};

Baseline fit_linear(const BaselineTask& task, Progress& progress = no_progress());

struct PerceptronOptions {
  std::int64_t n_parameters = 600;
  std::string cost = "mean_square";
  std::int64_t epochs = 300, batch = 0;  // batch 0: all rows
  double seconds = 60;                   // a guard: stops after that long, too, wherever the schedule is
  double rate = 3e-3;
  std::uint64_t seed = 0;
};
Baseline fit_perceptron(const BaselineTask& task, const PerceptronOptions& options, Progress& progress = no_progress());

// n w + w + w^2 + w + w m + m, the parameters of a perceptron n-w-w-m.
std::int64_t perceptron_parameters(std::int64_t n, std::int64_t w, std::int64_t m);
std::int64_t perceptron_width(std::int64_t n, std::int64_t m, std::int64_t n_parameters);  // the nearest w >= 1

}  // namespace turnpike
