// One step of a scheme, as a pure function: (t, h, x0) -> x1, with what the rest of the engine needs from it.
//
// A scheme sees the field with its control already bound (Rates). It declares its order, whether it is symplectic, and
// whether it can be undone (reversible); tests/laws checks each declaration over the whole table.
//
//   SchemePtr rk4 = make_scheme("rk4");
//   StepResult step = rk4->step(rates, 0.0, 0.1, x0, StepNeeds{});
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <turnpike/base/error.h>
#include <turnpike/core/tensor.h>

namespace turnpike {

// f with its control bound, on one step. `first` and `second` are set only for partitioned fields.
struct Rates {
  std::function<Tensor(double t, const Tensor& x)> full;
  std::function<Tensor(double t, const Tensor& second)> first;
  std::function<Tensor(double t, const Tensor& first)> second;
};

struct StepNeeds {
  bool nodes = false;  // quadrature nodes for the running cost
  bool error = false;  // error estimate (embedded schemes)
  bool dense = false;  // stages for dense output
};

// A node of the scheme's own quadrature: int over the step of g(x) dt ~ sum weight * g(t, x), of the scheme's order.
struct QuadratureNode {
  double t, weight;  // weight includes h
  Tensor x;          // [N, d]
};

struct StepResult {
  Tensor x1;     // [N, d]
  Tensor error;  // [N, d] estimate of the local error; undefined unless asked for and embedded
  std::vector<QuadratureNode> nodes;
  std::vector<Tensor> stages;  // rates k_i, for dense output
};

class Scheme {
 public:
  virtual ~Scheme() = default;
  virtual std::string name() const = 0;
  virtual int order() const = 0;
  virtual int evaluations() const = 0;              // field evaluations a step; of an implicit scheme, at least
  virtual int embedded_order() const { return 0; }  // of the error estimate; 0: no estimate
  virtual bool symplectic() const { return false; }
  virtual bool reversible() const { return false; }
  virtual bool needs_partition() const { return false; }
  virtual bool implicit() const { return false; }

  virtual StepResult step(const Rates& rates, double t, double h, const Tensor& x0, StepNeeds needs) const = 0;

  // x0 from x1, where reversible(): the exact inverse of step, up to rounding (implicit schemes: up to their
  // tolerance).
  virtual Tensor inverse(const Rates& rates, double t, double h, const Tensor& x1) const;

  // x(t + theta h), 0 <= theta <= 1, from a step taken with needs.dense; order at least 3 where order() >= 3.
  virtual Tensor dense(const StepResult& step, const Tensor& x0, double h, double theta) const;

  // TorchScript statements that turn `x` at time `t` (float) into the next `x` with step `h` (float), where
  // self.rate(k, t, x) is f with the control of step `k` (int) bound; empty: the scheme cannot be exported.
  virtual std::string torchscript() const { return {}; }
};

using SchemePtr = std::shared_ptr<const Scheme>;

struct SchemeEntry {
  const char* name;
  const char* summary;
  SchemePtr (*make)();
};
const std::vector<SchemeEntry>& scheme_table();
SchemePtr make_scheme(std::string_view name);  // InputError with did-you-mean
std::vector<std::string> scheme_names();

// Thrown by an implicit scheme whose nonlinear solve failed; integrate() turns it into a Failure.
struct NoConvergence : Error {
  using Error::Error;
};

}  // namespace turnpike
