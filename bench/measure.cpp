#include "measure.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include <ATen/ATen.h>
#include <malloc.h>
#include <nlohmann/json.hpp>

#include <turnpike/base/progress.h>
#include <turnpike/core/device.h>
#include <turnpike/fused/vector_math.h>

#include "work.h"

namespace turnpike {
namespace {

// A line of /proc/self/status in bytes, 0 if it is not there.
std::int64_t status_bytes(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with(name + ":")) continue;
    std::istringstream words(line.substr(name.size() + 1));
    std::int64_t kilobytes = 0;
    words >> kilobytes;
    return 1024 * kilobytes;
  }
  return 0;
}

// VmHWM counts from here on.
void forget_largest_size() {
  std::ofstream("/proc/self/clear_refs") << "5";
}

// Seconds of sigma and its slope for one number, one thread, from the cache.
template <class T>
double activation_seconds(Activation kind) {
  constexpr std::int64_t n = 4096;
  std::vector<T> x(n), value(n), slope(n);
  for (std::int64_t i = 0; i < n; ++i) x[i] = static_cast<T>(4.0 * i / n - 2);
  double best = 1e300;
  for (int i = 0; i < 20; ++i)
    best = std::min(best, seconds_of([&] { vector_activate(kind, x.data(), value.data(), slope.data(), n); }));
  return best / n;
}

double product_rate(c10::ScalarType dtype) {
  constexpr std::int64_t n = 1024;
  const Tensor a = at::ones({n, n}, dtype), b = at::ones({n, n}, dtype);
  Tensor c = at::mm(a, b);
  double best = 1e300;
  for (int i = 0; i < 4; ++i) best = std::min(best, seconds_of([&] { at::mm_out(c, a, b); }));
  return 2.0 * n * n * n / best;
}

}  // namespace

void measure_products(Peaks& peaks) {
  peaks.gemm_f32 = product_rate(at::kFloat);
  peaks.gemm_f64 = product_rate(at::kDouble);
}

nlohmann::ordered_json to_json(const Peaks& peaks) {
  return {{"threads", peaks.threads},
          {"fma_gflops_f32", 1e-9 * peaks.fma_f32},
          {"fma_gflops_f64", 1e-9 * peaks.fma_f64},
          {"gemm_gflops_f32", 1e-9 * peaks.gemm_f32},
          {"gemm_gflops_f64", 1e-9 * peaks.gemm_f64},
          {"memory_gbytes_s", 1e-9 * peaks.memory},
          {"cache_gbytes_s", 1e-9 * peaks.cache}};
}

double CaseResult::gflops() const {
  return 1e-9 * gradient_flops(flow) / ours_s;
}

CaseResult measure_case(const FlowProblem& problem, Peer& peer, const Peaks& peaks, std::int64_t peak_bytes,
                        const PairBudget& budget, const GradientFunction& ours) {
  CaseResult result{.flow = problem.shape, .dtype = problem.dtype(), .threads = peaks.threads, .peer = peer.name()};
  result.peak_bytes = peak_bytes;
  const auto compare = [&](const FlowProblem& one) {
    result.tolerance = gradient_tolerance(one);
    const Tensor theirs = peer.prepare(one);
    result.gradient_error = relative_difference(ours(one), theirs);
    return result.right();
  };
  // Kinks hide what is wrong in float32: there the float64 twin is held to rounding as well.
  const bool kinked = !facts_of(problem.shape.activation).smooth && problem.dtype() == at::kFloat;
  if (kinked && !compare(make_flow_problem(problem.shape, at::kDouble))) return result;
  const bool right = compare(problem);
  result.peer_description = peer.description();
  if (!right) return result;

  double inside = 0, all = 0;
  const auto timed = [&] {
    const double kernels = kernel_seconds();
    const double seconds = seconds_of([&] { ours(problem); });
    inside += kernel_seconds() - kernels;
    all += seconds;
    return seconds;
  };
  const Pairs pairs = measure_pairs(
      timed, [&] { return peer.run(); }, budget, [] { return !stop_requested(); });
  if (pairs.ours.empty()) throw Interrupted("the benchmark was stopped");
  result.pairs = static_cast<int>(pairs.ours.size());
  result.ours_s = median_of(pairs.ours).value;
  result.peer_s = median_of(pairs.peer).value;
  result.ratio = median_of(pairs.ratio());
  result.inside = inside / all;
  const bool f32 = problem.dtype() == at::kFloat;
  const double one =
      f32 ? activation_seconds<float>(problem.shape.activation) : activation_seconds<double>(problem.shape.activation);
  result.activation_share = one * activations(problem.shape) / peaks.threads / result.ours_s;
  const double peak = f32 ? peaks.fma_f32 : peaks.fma_f64;
  result.peak_fraction = gradient_flops(problem.shape) / result.ours_s / peak;
  return result;
}

nlohmann::ordered_json to_json(const CaseResult& result) {
  const bool timed = result.right();
  const auto number = [timed](double value) {
    return timed ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
  };
  return {{"schema", 1},
          {"case", result.flow.name()},
          {"dtype", name_of(result.dtype)},
          {"threads", result.threads},
          {"peer", result.peer},
          {"ours_ms", number(1e3 * result.ours_s)},
          {"peer_ms", number(1e3 * result.peer_s)},
          {"ratio", number(result.ratio.value)},
          {"ratio_interval", {number(result.ratio.low), number(result.ratio.high)}},
          {"gradient_error", result.gradient_error},
          {"peak_fraction", number(result.peak_fraction)},
          {"peak_bytes", result.peak_bytes}};
}

std::int64_t resident_bytes() {
  malloc_trim(0);
  return status_bytes("VmRSS");
}

std::int64_t gradient_peak_bytes(const FlowProblem& problem, std::int64_t before) {
  resident_bytes();
  forget_largest_size();
  const PeakMemory tensors;
  turnpike_gradient(problem);
  const std::int64_t handed_out = tensors.bytes();
  return std::max(status_bytes("VmHWM") - before, handed_out);
}

}  // namespace turnpike
