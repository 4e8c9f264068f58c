#include "peaks.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "pairs.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/peaks.cpp"
#define HWY_DISABLED_TARGETS (HWY_AVX3_DL | HWY_SSSE3)
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace turnpike {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Twelve chains of multiply-adds: two units with a latency of four or five are busy, and 16 registers suffice. Each
// chain starts elsewhere, since the compiler makes equal ones into one. Returns the operations done; `sink` keeps it
// from leaving them out.
template <class T>
double multiply_adds(std::int64_t rounds, T* sink) {
  const hn::ScalableTag<T> d;
  const auto a = hn::Set(d, T(0.999)), b = hn::Set(d, T(1e-3));
  auto x0 = hn::Set(d, *sink), x1 = hn::Add(x0, b), x2 = hn::Add(x1, b), x3 = hn::Add(x2, b), x4 = hn::Add(x3, b),
       x5 = hn::Add(x4, b), x6 = hn::Add(x5, b), x7 = hn::Add(x6, b), x8 = hn::Add(x7, b), x9 = hn::Add(x8, b),
       xa = hn::Add(x9, b), xb = hn::Add(xa, b);
  for (std::int64_t i = 0; i < rounds; ++i) {
    x0 = hn::MulAdd(x0, a, b);
    x1 = hn::MulAdd(x1, a, b);
    x2 = hn::MulAdd(x2, a, b);
    x3 = hn::MulAdd(x3, a, b);
    x4 = hn::MulAdd(x4, a, b);
    x5 = hn::MulAdd(x5, a, b);
    x6 = hn::MulAdd(x6, a, b);
    x7 = hn::MulAdd(x7, a, b);
    x8 = hn::MulAdd(x8, a, b);
    x9 = hn::MulAdd(x9, a, b);
    xa = hn::MulAdd(xa, a, b);
    xb = hn::MulAdd(xb, a, b);
  }
  const auto sum =
      hn::Add(hn::Add(hn::Add(x0, x1), hn::Add(x2, x3)),
              hn::Add(hn::Add(hn::Add(x4, x5), hn::Add(x6, x7)), hn::Add(hn::Add(x8, x9), hn::Add(xa, xb))));
  *sink = hn::GetLane(hn::SumOfLanes(d, sum));
  return 2.0 * 12 * static_cast<double>(rounds) * static_cast<double>(hn::Lanes(d));
}

double multiply_adds_f32(std::int64_t rounds, float* sink) {
  return multiply_adds(rounds, sink);
}
double multiply_adds_f64(std::int64_t rounds, double* sink) {
  return multiply_adds(rounds, sink);
}

// a = b + s c, McCalpin's triad.
void triad(float* a, const float* b, const float* c, std::int64_t n) {
  const hn::ScalableTag<float> d;
  const auto s = hn::Set(d, 3.0f);
  for (std::int64_t i = 0; i < n; i += static_cast<std::int64_t>(hn::Lanes(d)))
    hn::StoreU(hn::MulAdd(s, hn::LoadU(d, c + i), hn::LoadU(d, b + i)), d, a + i);
}

}  // namespace HWY_NAMESPACE
}  // namespace turnpike
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace turnpike {
namespace {

HWY_EXPORT(multiply_adds_f32);
HWY_EXPORT(multiply_adds_f64);
HWY_EXPORT(triad);

// Seconds in which all threads, started together, do their work.
double together(int threads, const std::function<void(int)>& work) {
  std::atomic<int> waiting{threads};
  std::vector<double> start(threads), end(threads);
  const auto run = [&](int thread) {
    --waiting;
    while (waiting > 0) {
    }
    start[thread] = seconds_now();
    work(thread);
    end[thread] = seconds_now();
  };
  std::vector<std::thread> others;
  for (int thread = 1; thread < threads; ++thread) others.emplace_back(run, thread);
  run(0);
  for (std::thread& other : others) other.join();
  return *std::max_element(end.begin(), end.end()) - *std::min_element(start.begin(), start.end());
}

// The best rate of a few runs; `amount` is what one thread does in one.
double best_rate(int threads, double amount, const std::function<void(int)>& work) {
  double best = 0;
  for (int i = 0; i < 10; ++i) best = std::max(best, threads * amount / together(threads, work));
  return best;
}

double fma_f32(int threads) {
  constexpr std::int64_t rounds = 400000;
  float once = 0.5f;
  const double amount = HWY_DYNAMIC_DISPATCH(multiply_adds_f32)(rounds, &once);
  return best_rate(threads, amount, [](int) {
    volatile float sink = 0.5f;
    float value = sink;
    HWY_DYNAMIC_DISPATCH(multiply_adds_f32)(rounds, &value);
    sink = value;
  });
}

double fma_f64(int threads) {
  constexpr std::int64_t rounds = 400000;
  double once = 0.5;
  const double amount = HWY_DYNAMIC_DISPATCH(multiply_adds_f64)(rounds, &once);
  return best_rate(threads, amount, [](int) {
    volatile double sink = 0.5;
    double value = sink;
    HWY_DYNAMIC_DISPATCH(multiply_adds_f64)(rounds, &value);
    sink = value;
  });
}

double bandwidth(int threads, std::int64_t bytes_an_array, int passes) {
  const std::int64_t n = bytes_an_array / static_cast<std::int64_t>(sizeof(float));
  std::vector<std::vector<float>> a(threads), b(threads), c(threads);
  together(threads, [&](int thread) {  // each thread touches its own pages first
    a[thread].assign(n, 0);
    b[thread].assign(n, 1);
    c[thread].assign(n, 2);
  });
  return best_rate(threads, 3.0 * static_cast<double>(bytes_an_array) * passes, [&](int thread) {
    for (int pass = 0; pass < passes; ++pass)
      HWY_DYNAMIC_DISPATCH(triad)(a[thread].data(), b[thread].data(), c[thread].data(), n);
  });
}

}  // namespace

Peaks measure_peaks(int threads) {
  Peaks peaks{.threads = threads};
  peaks.fma_f32 = fma_f32(threads);
  peaks.fma_f64 = fma_f64(threads);
  peaks.memory = bandwidth(threads, std::int64_t{64} << 20, 1);
  peaks.cache = bandwidth(threads, std::int64_t{96} << 10, 200);
  return peaks;
}

}  // namespace turnpike
#endif  // HWY_ONCE
