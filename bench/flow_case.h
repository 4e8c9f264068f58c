// What a benchmark times: one gradient of a training objective for the controls of a flow, of this shape.
//
//   flow d=2 N=500 K=729 euler tanh            d: dimension, N: samples, K: layers, then scheme and activation
//   flow d=5 N=777 K=123 rk4 gelu inner        and, where they are not the first ones, field and loss, in any order
//
// No libtorch here: the front checks the words before the engine starts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <turnpike/math/activation.h>
#include <turnpike/math/tableau.h>

namespace turnpike {

struct FlowCase {
  std::int64_t dimension = 2, samples = 500, layers = 100;
  std::string scheme = "euler";
  Activation activation = Activation::tanh;
  std::string field = "outer";
  std::string loss = "mean_square";

  std::string name() const;
  std::int64_t n_outputs() const;     // of the readout: 1 value, or classes
  const Tableau* tableau() const;     // null: symplectic Euler or Verlet
  std::int64_t n_parameters() const;  // of a layer

  bool operator==(const FlowCase&) const = default;
};

// InputError in one sentence: which word, and what would be right.
FlowCase parse_flow_case(std::string_view text);

std::vector<std::string> bench_schemes();
std::vector<std::string> bench_fields();
std::vector<std::string> bench_losses();

// The cases that Turnpike's speed is judged by, with what is asked of them at two threads.
struct GoalCase {
  FlowCase flow;
  std::optional<double> ratio_f32, ratio_f64;  // to libtorch eager
  std::optional<double> peak_fraction;         // of the machine's multiply-add peak, either type
};
const std::vector<GoalCase>& goal_cases();
const GoalCase* goal_of(const FlowCase& flow);  // null: none is set

}  // namespace turnpike
