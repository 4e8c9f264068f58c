#include "pairs.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include <turnpike/base/error.h>

namespace turnpike {

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double seconds_of(const std::function<void()>& work) {
  const double start = seconds_now();
  work();
  return seconds_now() - start;
}

Median median_of(std::vector<double> values) {
  require(!values.empty(), "a median needs values");
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  const double middle = n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
  // below = P(Bin(n, 1/2) < k + 1)
  std::size_t k = 0;
  double term = std::pow(0.5, static_cast<double>(n)), below = term;
  while (below <= 0.025 && k + 1 < n / 2) {
    ++k;
    term *= static_cast<double>(n - k + 1) / static_cast<double>(k);
    below += term;
  }
  const std::size_t rank = std::max<std::size_t>(k, 1);  // from 1
  return {middle, values[rank - 1], values[n - rank]};
}

std::vector<double> Pairs::ratio() const {
  std::vector<double> out;
  for (std::size_t i = 0; i < ours.size(); ++i) out.push_back(peer[i] / ours[i]);
  return out;
}

namespace {

double repetition(const std::function<double()>& call, double call_seconds) {
  double total = 0;
  int calls = 0;
  do {
    total += call();
    ++calls;
  } while (total < call_seconds && calls < 1000);
  return total / calls;
}

}  // namespace

Pairs measure_pairs(const std::function<double()>& ours, const std::function<double()>& peer, const PairBudget& budget,
                    const std::function<bool()>& keep_on) {
  ours();
  peer();
  Pairs pairs;
  const double start = seconds_now();
  for (int i = 0; i < budget.most && keep_on(); ++i) {
    if (i >= budget.least && seconds_now() - start > budget.seconds) break;
    pairs.ours.push_back(repetition(ours, budget.call_seconds));
    pairs.peer.push_back(repetition(peer, budget.call_seconds));
  }
  return pairs;
}

}  // namespace turnpike
