// Optimisers behind one interface: min over the parameters u of  f(u) + h(u_0),  f smooth, h only for `proximal`.
//
//   sgd       u -= rate v,  v = momentum v + grad f
//   adam      Kingma & Ba, arXiv:1412.6980                      one pass over the entries
//   adamw     Loshchilov & Hutter, arXiv:1711.05101             the same
//   lbfgs     limited-memory BFGS with strong Wolfe line search (Nocedal & Wright, ch. 3 and 7); full batch
//   proximal  accelerated proximal gradient (Beck & Teboulle 2009, doi:10.1137/080716542) with backtracking, restarted
//   when the
//             objective rises or the momentum points uphill (O'Donoghue & Candes 2015, doi:10.1007/s10208-013-9150-3);
//             full batch
//
//   auto optimiser = make_optimiser({.kind = OptimiserKind::lbfgs}, {u});
//   for (int k = 0; k < 10 && !optimiser->stalled(); ++k) optimiser->step(closure);
//
// The closure evaluates f at the parameters' current values and, if `gradient`, leaves grad f in their .grad()
// (replacing what was there). It must be deterministic: the line searches call it several times a step. After a step
// the .grad() are unspecified.
//
// L-BFGS goes on to float64's accuracy: near the optimum objectives differ by rounding alone, and where a difference
// lies within the rounding error of its subtraction it is taken from the gradients, (g + g_start)'(u - u_start) / 2. A
// trial point that is not finite is too far. Where no step along its direction moves the parameters, the pairs are
// forgotten; where none along the gradient does either, stalled() says so.
//
// Guarantees: state() and load() continue bit for bit. Memory: sgd 1, adam and adamw 2, proximal 4, lbfgs 2 history + 8
// times the parameters. Errors: Error if f is not finite at the start of an lbfgs or proximal step (the parameters are
// then untouched).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <turnpike/core/tensor.h>

namespace turnpike {

enum class OptimiserKind { sgd, adam, adamw, lbfgs, proximal };
OptimiserKind optimiser_named(std::string_view name);  // InputError with did-you-mean
const char* name_of(OptimiserKind kind);
std::vector<std::string> optimiser_names();
// Whether steps on mini-batches make sense: not for line searches.
bool takes_mini_batches(OptimiserKind kind);

struct OptimiserOptions {
  OptimiserKind kind = OptimiserKind::adam;
  double rate = 1e-3;   // sgd, adam, adamw: step size; proximal: first step tried; lbfgs: not used
  double momentum = 0;  // sgd
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;  // adam, adamw
  double weight_decay = 0;                            // sgd, adam: added to the gradient; adamw: decoupled
  std::int64_t history = 100;                         // lbfgs: curvature pairs
  std::int64_t iterations = 20;                       // lbfgs, proximal: iterations of one step()
  double tolerance = 0;                               // lbfgs, proximal: a step ends early once residual() is below it
};

// h(u_0), a function of the first parameter alone.
struct NonSmooth {
  std::function<double(const Tensor& u)> value;
  std::function<Tensor(const Tensor& w, double step)> prox;  // argmin_v |v - w|^2 / (2 step) + h(v)
};

using NamedTensors = std::map<std::string, Tensor>;

class Optimiser {
 public:
  using Closure = std::function<Tensor(bool gradient)>;  // f, a scalar

  virtual ~Optimiser() = default;
  // Moves the parameters; returns f (without h) where the step started.
  virtual Tensor step(const Closure& closure) = 0;
  virtual void set_rate(double rate) {}

  // lbfgs: |grad f| where the last step started; proximal: |u - prox(u - s grad f(u))| / s at its last gradient. NaN
  // for the others.
  virtual double residual() const;
  // The same at the parameters as they are now, from one gradient. NaN for the others.
  virtual double residual_here(const Closure& closure);
  virtual std::int64_t iterations() const { return 0; }  // lbfgs, proximal: run so far
  virtual bool stalled() const { return false; }         // no step can move the parameters any more

  virtual NamedTensors state() const = 0;            // detached; shares no storage with the optimiser
  virtual void load(const NamedTensors& state) = 0;  // ContractError if the names or shapes do not fit
};

std::unique_ptr<Optimiser> make_optimiser(const OptimiserOptions& options, std::vector<Tensor> parameters,
                                          NonSmooth non_smooth = {});

}  // namespace turnpike
