// Discrete Fourier transforms of any length and number of dimensions.
//
//   forward   X_k = sum_j x_j exp(-2 pi i j k / n)        inverse   x_j = 1/n sum_k X_k exp(+2 pi i j k / n)
//
// along each axis. Row-major, the last axis fastest. A plan is made once for a shape and used many times, by any number
// of threads.
//
//   RealFourier transform({1024});                     // real [1024] <-> modes [513]
//   std::vector<std::complex<double>> modes(transform.n_modes());
//   transform.forward(u, modes);
//   transform.inverse(modes, u);
//
// Guarantees: O(n log n) for every n, prime ones too (Bluestein); errors of some 1e-16 log n relative to the root mean
// square; transform and inverse transform restore the values to that accuracy. Errors: ContractError for an empty shape
// or a span of another size. Sources: Stockham 1966, doi:10.1145/1464182.1464209 (passes without bit reversal);
// Bluestein 1970, doi:10.1109/TAU.1970.1162132.
#pragma once

#include <complex>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace turnpike {

class FourierLine;  // the transform of one axis

// Complex values to complex modes, in place.
class Fourier {
 public:
  explicit Fourier(std::vector<std::int64_t> shape, std::vector<int> axes = {});  // axes: {} is all of them

  const std::vector<std::int64_t>& shape() const { return shape_; }
  std::int64_t count() const { return count_; }
  void forward(std::span<std::complex<double>> values) const;
  void inverse(std::span<std::complex<double>> values) const;

 private:
  enum class Sign { minus, plus };
  std::vector<std::int64_t> shape_;
  std::vector<int> axes_;
  std::int64_t count_ = 1;
  std::vector<std::shared_ptr<const FourierLine>> lines_;  // as many as axes_
  void apply(std::span<std::complex<double>> values, Sign sign) const;
};

// Real values [n_1, .., n_d] to the modes [n_1, .., n_d / 2 + 1] that are not conjugates of others.
class RealFourier {
 public:
  explicit RealFourier(std::vector<std::int64_t> shape);

  const std::vector<std::int64_t>& shape() const { return shape_; }
  std::int64_t n_values() const { return n_values_; }
  std::int64_t n_modes() const { return n_modes_; }
  void forward(std::span<const double> values, std::span<std::complex<double>> modes) const;
  void inverse(std::span<const std::complex<double>> modes, std::span<double> values) const;

 private:
  std::vector<std::int64_t> shape_;
  std::int64_t n_values_ = 1, n_modes_ = 1;
  std::vector<Fourier> others_;                     // of all axes but the last, if there are any
  std::shared_ptr<const FourierLine> line_;         // of half the length if that is even, of the whole length if odd
  std::vector<std::complex<double>> half_turns_{};  // exp(-2 pi i k / n), k = 0 .. n/2
};

// The derivative's factors: 2 pi k / length for k = 0, 1, .., n/2, .., -2, -1 in the order of the modes of n points. A
// real transform has the first n/2 + 1. Of an even n the highest mode, k = n/2, has no odd derivative on the grid.
std::vector<double> wavenumbers(std::int64_t n, double length);

}  // namespace turnpike
