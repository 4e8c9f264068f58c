// The gradient of a training objective for the controls of a flow, three ways in one run: by the fused kernels, by the
// engine's reference, and by libtorch written out by hand as fast as eager mode allows (one unbind, no indexing).
//
//   objective = mean over samples of int |P x - y|^2 dt + |P x(T) - y|^2, plus lambda int |u|^2 dt;   field sigma(W x +
//   b)
//
//   flow_bench [threads] [repetitions]      medians of paired repetitions, one line a case
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string_view>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>

#include <turnpike/core/activation.h>
#include <turnpike/core/device.h>
#include <turnpike/flow/fields.h>
#include <turnpike/flow/flow.h>
#include <turnpike/fused/vector_math.h>

namespace turnpike {
namespace {

struct BenchCase {
  const char* scheme;
  Activation activation;
  std::int64_t d, N, K;
  at::ScalarType dtype;
};

struct Problem {
  Flow flow;
  Tensor x0, control, weight, y;
  double h = 0, lambda = 1e-3;
};

Problem make_problem(const BenchCase& c) {
  Problem p;
  const double horizon = 10;
  p.flow = Flow::uniform(outer_field({.dimension = c.d, .activation = c.activation}), c.scheme, horizon, c.K);
  p.h = horizon / static_cast<double>(c.K);
  Random random(1);
  const auto normal = [&](at::IntArrayRef sizes, double deviation) {
    Tensor tensor = at::empty(sizes, at::kDouble);
    for (std::int64_t i = 0; i < tensor.numel(); ++i) tensor.data_ptr<double>()[i] = deviation * random.normal();
    return tensor.to(c.dtype);
  };
  p.x0 = normal({c.N, c.d}, 1);
  p.control = p.flow.field->initial_control(c.K, 0.5, random).to(c.dtype).requires_grad_();
  p.weight = normal({1, c.d}, 1);
  p.y = normal({c.N, 1}, 1);
  return p;
}

Tensor engine_gradient(const Problem& p, Kernel kernel) {
  Flow flow = p.flow;
  flow.adjoint.kernel = kernel;
  RollOptions options;
  options.running = RunningCost{make_cost("mean_square"), {p.weight, {}}, p.y};
  const Roll roll = flow.roll(p.x0, p.control, options);
  const Tensor end = (at::mm(roll.end, p.weight.t()) - p.y).square().sum(1);
  const Tensor loss = (roll.integral + end).mean() + p.lambda * p.h * p.control.square().sum();
  return torch::autograd::grad({loss}, {p.control})[0];
}

Tensor eager_gradient(const Problem& p, const BenchCase& c) {
  const std::int64_t d = c.d;
  const std::vector<Tensor> W = p.control.narrow(1, 0, d * d).view({c.K, d, d}).transpose(1, 2).unbind(0);
  const std::vector<Tensor> b = p.control.narrow(1, d * d, d).unbind(0);
  const Tensor P = p.weight.t();
  const auto cost = [&](const Tensor& x) { return at::mse_loss(at::mm(x, P), p.y); };
  const bool rk4 = std::string_view(c.scheme) == "rk4";
  Tensor x = p.x0, running;
  const auto add_cost = [&](const Tensor& point, double weight) {
    running = running.defined() ? at::add(running, cost(point), weight) : cost(point) * weight;
  };
  for (std::int64_t k = 0; k < c.K; ++k) {
    const auto f = [&](const Tensor& point) { return activate(c.activation, at::addmm(b[k], point, W[k])); };
    if (rk4) {
      const double h = p.h;
      const Tensor k1 = f(x), x2 = at::add(x, k1, h / 2), k2 = f(x2), x3 = at::add(x, k2, h / 2), k3 = f(x3),
                   x4 = at::add(x, k3, h), k4 = f(x4);
      add_cost(x, h / 6);
      add_cost(x2, h / 3);
      add_cost(x3, h / 3);
      add_cost(x4, h / 6);
      x = at::add(at::add(at::add(at::add(x, k1, h / 6), k2, h / 3), k3, h / 3), k4, h / 6);
    } else {
      add_cost(x, p.h);
      x = at::add(x, f(x), p.h);
    }
  }
  const Tensor loss = running + cost(x) + p.lambda * p.h * p.control.square().sum();
  return torch::autograd::grad({loss}, {p.control})[0];
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// With one thread the processor's time: others on the machine do not count. With more, the wall clock's.
template <class Work>
double seconds(Work work) {
  const auto now = [] {
    std::timespec time{};
    clock_gettime(at::get_num_threads() == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  };
  const double start = now();
  work();
  return now() - start;
}

void run_case(const BenchCase& c, int repetitions) {
  const Problem p = make_problem(c);
  const Tensor exact = eager_gradient(p, c);
  const double error =
      ((engine_gradient(p, Kernel::fused) - exact).norm() / exact.norm()).to(at::kDouble).item<double>();
  std::vector<double> ours, reference, eager, ratio;
  for (int i = 0; i < repetitions; ++i) {
    ours.push_back(seconds([&] { engine_gradient(p, Kernel::fused); }));
    eager.push_back(seconds([&] { eager_gradient(p, c); }));
    ratio.push_back(eager.back() / ours.back());
    if (i < 2) reference.push_back(seconds([&] { engine_gradient(p, Kernel::reference); }));
  }
  std::printf(
      "%-6s %-5s d=%-3ld N=%-5ld K=%-4ld %s  fused %8.3f ms  reference %8.2f ms  eager %8.2f ms  ratio %6.1f"
      "  difference %.1e\n",
      c.scheme, facts_of(c.activation).name, static_cast<long>(c.d), static_cast<long>(c.N), static_cast<long>(c.K),
      name_of(c.dtype), 1e3 * median(ours), 1e3 * median(reference), 1e3 * median(eager), median(ratio), error);
  std::fflush(stdout);
}

}  // namespace
}  // namespace turnpike

int main(int argc, char** argv) {
  using namespace turnpike;
  const int threads = set_threads(argc > 1 ? std::atoi(argv[1]) : 0);
  const int repetitions = argc > 2 ? std::atoi(argv[2]) : 7;
  std::printf("%d threads, %s\n", threads, vector_target());
  struct Shape {
    const char* scheme;
    std::int64_t d, N, K;
  };
  for (const Shape& shape : {Shape{"euler", 2, 500, 729}, Shape{"euler", 2, 2000, 100}, Shape{"euler", 8, 1000, 100},
                             Shape{"rk4", 2, 2000, 100}, Shape{"euler", 16, 1000, 50}, Shape{"euler", 32, 1000, 50}}) {
    for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {
      for (const Activation activation : {Activation::tanh, Activation::relu}) {
        run_case({shape.scheme, activation, shape.d, shape.N, shape.K, dtype}, repetitions);
      }
    }
  }
}
