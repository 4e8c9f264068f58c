// Paired, interleaved repetitions of two programs that do the same work: what disturbs the machine disturbs both.
//
//   Pairs pairs = measure_pairs(ours, peer, {.seconds = 3});
//   Median ratio = median_of(pairs.ratio());      // with its 95 % interval from order statistics
#pragma once

#include <functional>
#include <vector>

namespace turnpike {

struct Median {
  double value = 0, low = 0, high = 0;
};
// The interval [x_(k), x_(n+1-k)] of the sorted values, with the largest k for which P(Bin(n, 1/2) < k) <= 2.5 %: it
// holds the median with at least 95 % for any distribution. Below six values it is their range.
Median median_of(std::vector<double> values);

struct Pairs {
  std::vector<double> ours, peer;     // seconds a call
  std::vector<double> ratio() const;  // peer / ours, pair by pair
};

struct PairBudget {
  double seconds = 3;        // for both together
  int least = 7, most = 41;  // pairs
  // A repetition calls again until so much time has passed, and takes the mean: what the other program left in the
  // caches then weighs little.
  double call_seconds = 1e-2;
};

// Each program times itself: a call returns its seconds (a program in another process knows them best). Both are called
// once before. `keep_on` is asked between pairs; once it says no, the pairs so far are returned.
Pairs measure_pairs(
    const std::function<double()>& ours, const std::function<double()>& peer, const PairBudget& budget = {},
    const std::function<bool()>& keep_on = [] { return true; });

double seconds_now();  // steady
double seconds_of(const std::function<void()>& work);

}  // namespace turnpike
