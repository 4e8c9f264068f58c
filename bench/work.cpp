#include "work.h"

namespace turnpike {
namespace {

// Of one step and one sample.
struct StepWork {
  double evaluations = 0;  // of the whole field
  double sums = 0;         // scaled additions of a state
  double nodes = 0;        // evaluations of the cost
};

StepWork step_work(const FlowCase& flow) {
  const Tableau* tableau = flow.tableau();
  if (!tableau) return flow.scheme == "verlet" ? StepWork{1.5, 1.5, 2} : StepWork{1, 1, 1};
  StepWork work;
  for (int i = 0; i < tableau->stages(); ++i) {
    bool used = tableau->b[i] != 0;
    for (int j = i + 1; j < tableau->stages(); ++j) used = used || (tableau->a[j][i] != 0 && tableau->b[j] != 0);
    if (!used) continue;
    work.evaluations += 1;
    work.nodes += tableau->b[i] != 0;
    work.sums += tableau->b[i] != 0;
    for (const double weight : tableau->a[i]) work.sums += weight != 0;
  }
  return work;
}

// Multiply-adds of one evaluation with the layer's matrices.
double products(const FlowCase& flow) {
  const auto d = static_cast<double>(flow.dimension);
  if (flow.field == "hamiltonian") return d * d / 2;
  return flow.field == "bottleneck" ? 2 * d * d : d * d;
}

}  // namespace

double gradient_flops(const FlowCase& flow) {
  const auto d = static_cast<double>(flow.dimension), m = static_cast<double>(flow.n_outputs());
  const StepWork step = step_work(flow);
  const double biases = flow.field == "bottleneck" ? 2 * d : d;
  const double evaluation = 3 * 2 * products(flow) + 2 * biases;
  const double cost = 2 * 2 * m * d + 4 * m;
  const double one_step = step.evaluations * evaluation + 2 * 2 * d * step.sums + cost * step.nodes;
  return static_cast<double>(flow.samples) * (static_cast<double>(flow.layers) * one_step + cost);
}

double gradient_bytes(const FlowCase& flow, int bytes_a_number) {
  const auto d = static_cast<double>(flow.dimension), n = static_cast<double>(flow.samples),
             layers = static_cast<double>(flow.layers), m = static_cast<double>(flow.n_outputs());
  const double control = 2 * layers * static_cast<double>(flow.n_parameters());
  const double states = 2 * n * d * layers;
  return bytes_a_number * (control + states + n * (d + m));
}

double activations(const FlowCase& flow) {
  return static_cast<double>(flow.samples * flow.layers * flow.dimension) * step_work(flow).evaluations;
}

}  // namespace turnpike
