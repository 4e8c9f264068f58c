// One measurement: is the gradient right, and if so, how long does it take beside a peer's?
//
//   CaseResult result = measure_case(problem, peer, peaks, peak_bytes, threads);
//   if (!result.right()) ...          // not timed: result.gradient_error says how far off it is
#pragma once

#include <functional>

#include <nlohmann/json_fwd.hpp>

#include "pairs.h"
#include "peaks.h"
#include "peer.h"

namespace turnpike {

struct CaseResult {
  FlowCase flow;
  c10::ScalarType dtype;
  int threads = 1;
  std::string peer, peer_description;
  double ours_s = 0, peer_s = 0;  // medians
  Median ratio;                   // peer / ours
  int pairs = 0;
  double gradient_error = 0, tolerance = 0;  // relative to the peer's gradient
  double peak_fraction = 0;                  // counted flops a second, of the multiply-add peak
  std::int64_t peak_bytes = 0;
  double inside = 0;            // share of our time inside the fused kernels
  double activation_share = 0;  // share that the activations and slopes would take alone, in the cache

  bool right() const { return gradient_error <= tolerance; }  // false for NaN
  double gflops() const;                                      // ours
};

using GradientFunction = std::function<Tensor(const FlowProblem&)>;

// `ours` stands for turnpike_gradient, so that tests can put a wrong one in its place.
CaseResult measure_case(const FlowProblem& problem, Peer& peer, const Peaks& peaks, std::int64_t peak_bytes,
                        const PairBudget& budget = {}, const GradientFunction& ours = turnpike_gradient);

void measure_products(Peaks& peaks);  // gemm_f32, gemm_f64

nlohmann::ordered_json to_json(const Peaks& peaks);

// The contract's object; the times and what follows from them are null where the gradient is wrong.
nlohmann::ordered_json to_json(const CaseResult& result);

// The most memory that a gradient takes at a time: how far the process grows (resident pages, counted by the system)
// while it computes one for the first time, and at the least what libtorch hands out. `before` is the process's size
// before its first case, from resident_bytes(): scratch that the kernels keep for the next call counts.
std::int64_t gradient_peak_bytes(const FlowProblem& problem, std::int64_t before);
std::int64_t resident_bytes();  // freed memory is given back to the system first

}  // namespace turnpike
