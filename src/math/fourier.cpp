#include <turnpike/math/fourier.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include <turnpike/base/error.h>

// The passes are compiled for several instruction sets, of which the processor picks one when the program is loaded.
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
#define TURNPIKE_VECTORISED __attribute__((target_clones("default", "arch=haswell", "arch=skylake-avx512")))
#else
#define TURNPIKE_VECTORISED
#endif
#define TURNPIKE_INLINE [[gnu::always_inline]] inline

namespace turnpike {
namespace {

using Complex = std::complex<double>;

// Real and imaginary parts apart: what vector instructions like.
struct Split {
  double *re, *im;
};

// exp(-2 pi i k / n), to the last digit.
Complex turn(std::int64_t k, std::int64_t n) {
  const long double angle = -2 * std::numbers::pi_v<long double> * static_cast<long double>(k % n) / n;
  return {static_cast<double>(std::cos(angle)), static_cast<double>(std::sin(angle))};
}

// One pass of radix p, with n = p m points left of a line and s lines side by side:
//
//   y[q, r] = w^(q r) sum_k x[k, q] exp(-2 pi i k r / p)       x [p, m, s], y [m, p, s], w = exp(-2 pi i / (p m))
struct Pass {
  int p;
  std::int64_t m, s;
  std::vector<double> twiddle_re, twiddle_im;  // [m, p - 1]: w^(q r), r = 1 .. p - 1
  std::vector<double> columns;                 // [p - 1, 2, m]: the same, r by r; first pass of radix 4
  std::vector<double> cosine, sine;            // [p, p], of 2 pi k r / p; odd p
};

TURNPIKE_INLINE void pass_2(const Pass& pass, std::int64_t batch, const double* xr, const double* xi, double* yr,
                            double* yi) {
  const std::int64_t m = pass.m, s = pass.s * batch;
  for (std::int64_t q = 0; q < m; ++q) {
    const double wr = pass.twiddle_re[q], wi = pass.twiddle_im[q];
    const double *ar = xr + q * s, *ai = xi + q * s, *br = ar + m * s, *bi = ai + m * s;
    double* __restrict zr = yr + 2 * q * s, * __restrict zi = yi + 2 * q * s;
#pragma GCC ivdep
    for (std::int64_t j = 0; j < s; ++j) {
      const double dr = ar[j] - br[j], di = ai[j] - bi[j];
      zr[j] = ar[j] + br[j];
      zi[j] = ai[j] + bi[j];
      zr[s + j] = dr * wr - di * wi;
      zi[s + j] = dr * wi + di * wr;
    }
  }
}

// S is the number of lines where the compiler knows it, else 0.
template <int S>
TURNPIKE_INLINE void pass_4(const Pass& pass, std::int64_t batch, const double* xr, const double* xi, double* yr,
                            double* yi) {
  const std::int64_t m = pass.m, s = S ? S : pass.s * batch;
  for (std::int64_t q = 0; q < m; ++q) {
    const double *wr = &pass.twiddle_re[3 * q], *wi = &pass.twiddle_im[3 * q];
    const double w1r = wr[0], w1i = wi[0], w2r = wr[1], w2i = wi[1], w3r = wr[2], w3i = wi[2];
    const double *ar = xr + q * s, *br = ar + m * s, *cr = br + m * s, *dr = cr + m * s;
    const double *ai = xi + q * s, *bi = ai + m * s, *ci = bi + m * s, *di = ci + m * s;
    double* __restrict zr = yr + 4 * q * s, * __restrict zi = yi + 4 * q * s;
#pragma GCC ivdep
    for (std::int64_t j = 0; j < s; ++j) {
      const double pr = ar[j] + cr[j], pi = ai[j] + ci[j], mr = ar[j] - cr[j], mi = ai[j] - ci[j];
      const double qr = br[j] + dr[j], qi = bi[j] + di[j], nr = br[j] - dr[j], ni = bi[j] - di[j];
      const double er = mr + ni, ei = mi - nr, fr = pr - qr, fi = pi - qi, gr = mr - ni, gi = mi + nr;
      zr[j] = pr + qr;
      zi[j] = pi + qi;
      zr[s + j] = er * w1r - ei * w1i;
      zi[s + j] = er * w1i + ei * w1r;
      zr[2 * s + j] = fr * w2r - fi * w2i;
      zi[2 * s + j] = fr * w2i + fi * w2r;
      zr[3 * s + j] = gr * w3r - gi * w3i;
      zi[3 * s + j] = gr * w3i + gi * w3r;
    }
  }
}

// The first pass of a single line: neighbours in q go side by side instead.
TURNPIKE_INLINE void pass_4_alone(const Pass& pass, const double* __restrict xr, const double* __restrict xi,
                                  double* __restrict yr, double* __restrict yi) {
  const std::int64_t m = pass.m;
  const double* __restrict w = pass.columns.data();
#pragma GCC ivdep
  for (std::int64_t q = 0; q < m; ++q) {
    const double pr = xr[q] + xr[2 * m + q], pi = xi[q] + xi[2 * m + q];
    const double mr = xr[q] - xr[2 * m + q], mi = xi[q] - xi[2 * m + q];
    const double qr = xr[m + q] + xr[3 * m + q], qi = xi[m + q] + xi[3 * m + q];
    const double nr = xr[m + q] - xr[3 * m + q], ni = xi[m + q] - xi[3 * m + q];
    const double er = mr + ni, ei = mi - nr, fr = pr - qr, fi = pi - qi, gr = mr - ni, gi = mi + nr;
    yr[4 * q] = pr + qr;
    yr[4 * q + 1] = er * w[q] - ei * w[m + q];
    yr[4 * q + 2] = fr * w[2 * m + q] - fi * w[3 * m + q];
    yr[4 * q + 3] = gr * w[4 * m + q] - gi * w[5 * m + q];
    yi[4 * q] = pi + qi;
    yi[4 * q + 1] = er * w[m + q] + ei * w[q];
    yi[4 * q + 2] = fr * w[3 * m + q] + fi * w[2 * m + q];
    yi[4 * q + 3] = gr * w[5 * m + q] + gi * w[4 * m + q];
  }
}

// Odd p, by pairs:  y_r, y_(p-r) = x_0 + sum_k cos(2 pi k r / p) (x_k + x_(p-k)) -+ i sin(2 pi k r / p) (x_k -
// x_(p-k)), k = 1 .. (p-1)/2. P is p where the compiler knows it, else 0.
template <int P>
TURNPIKE_INLINE void pass_odd(const Pass& pass, std::int64_t batch, const double* xr, const double* xi, double* yr,
                              double* yi) {
  const int p = P ? P : pass.p, half = (p - 1) / 2;
  const std::int64_t m = pass.m, s = pass.s * batch;
  for (std::int64_t q = 0; q < m; ++q) {
    const double *wr = &pass.twiddle_re[(p - 1) * q], *wi = &pass.twiddle_im[(p - 1) * q];
    const double *ar = xr + q * s, *ai = xi + q * s;
    double* __restrict zr = yr + p * q * s, * __restrict zi = yi + p * q * s;
#pragma GCC ivdep
    for (std::int64_t j = 0; j < s; ++j) {
      double sum_r = ar[j], sum_i = ai[j];
      for (int k = 1; k < p; ++k) {
        sum_r += ar[k * m * s + j];
        sum_i += ai[k * m * s + j];
      }
      zr[j] = sum_r;
      zi[j] = sum_i;
    }
    for (int r = 1; r <= half; ++r) {
      const double *c = &pass.cosine[r * p], *d = &pass.sine[r * p];
      const double ur = wr[r - 1], ui = wi[r - 1], vr = wr[p - r - 1], vi = wi[p - r - 1];
      double *z1r = zr + r * s, *z1i = zi + r * s, *z2r = zr + (p - r) * s, *z2i = zi + (p - r) * s;
#pragma GCC ivdep
      for (std::int64_t j = 0; j < s; ++j) {
        double even_r = ar[j], even_i = ai[j], odd_r = 0, odd_i = 0;
        for (int k = 1; k <= half; ++k) {
          const std::int64_t a = k * m * s + j, b = (p - k) * m * s + j;
          even_r += c[k] * (ar[a] + ar[b]);
          even_i += c[k] * (ai[a] + ai[b]);
          odd_r += d[k] * (ai[a] - ai[b]);
          odd_i -= d[k] * (ar[a] - ar[b]);
        }
        const double er = even_r + odd_r, ei = even_i + odd_i, fr = even_r - odd_r, fi = even_i - odd_i;
        z1r[j] = er * ur - ei * ui;
        z1i[j] = er * ui + ei * ur;
        z2r[j] = fr * vr - fi * vi;
        z2i[j] = fr * vi + fi * vr;
      }
    }
  }
}

TURNPIKE_VECTORISED void run_pass(const Pass& pass, std::int64_t batch, const double* xr, const double* xi, double* yr,
                                  double* yi) {
  switch (pass.p) {
    case 2: return pass_2(pass, batch, xr, xi, yr, yi);
    case 3: return pass_odd<3>(pass, batch, xr, xi, yr, yi);
    case 4:
      if (pass.s * batch == 1) return pass_4_alone(pass, xr, xi, yr, yi);
      if (pass.s * batch == 4) return pass_4<4>(pass, batch, xr, xi, yr, yi);
      return pass_4<0>(pass, batch, xr, xi, yr, yi);
    case 5: return pass_odd<5>(pass, batch, xr, xi, yr, yi);
    default: return pass_odd<0>(pass, batch, xr, xi, yr, yi);
  }
}

Pass make_pass(int p, std::int64_t m, std::int64_t s) {
  Pass pass{.p = p, .m = m, .s = s, .twiddle_re = {}, .twiddle_im = {}, .columns = {}, .cosine = {}, .sine = {}};
  for (std::int64_t q = 0; q < m; ++q) {
    for (int r = 1; r < p; ++r) {
      const Complex w = turn(q * r, p * m);
      pass.twiddle_re.push_back(w.real());
      pass.twiddle_im.push_back(w.imag());
    }
  }
  if (p == 4 && s == 1)
    for (int r = 1; r < p; ++r)
      for (const std::vector<double>* part : {&pass.twiddle_re, &pass.twiddle_im})
        for (std::int64_t q = 0; q < m; ++q) pass.columns.push_back((*part)[(p - 1) * q + r - 1]);
  if (p % 2 == 1) {
    for (int r = 0; r < p; ++r) {
      for (int k = 0; k < p; ++k) {
        pass.cosine.push_back(turn(k * r, p).real());
        pass.sine.push_back(-turn(k * r, p).imag());
      }
    }
  }
  return pass;
}

// Factors 4, 2, 3, 5, .. of n; empty if one is so large that a direct sum would be slow.
constexpr std::int64_t largest_radix = 61;
std::vector<int> radices_of(std::int64_t n) {
  std::vector<int> radices;
  for (; n % 4 == 0; n /= 4) radices.push_back(4);
  for (std::int64_t p = 2; n > 1 && p <= largest_radix; ++p)
    for (; n % p == 0; n /= p) radices.push_back(static_cast<int>(p));
  return n == 1 ? radices : std::vector<int>{};
}

// Work space of a thread: kept from call to call.
double* work_space(std::size_t count) {
  thread_local std::vector<double> space;
  if (space.size() < count) space.resize(count);
  return space.data();
}

constexpr std::int64_t most_lines_at_once = 8;

}  // namespace

class FourierLine {
 public:
  explicit FourierLine(std::int64_t n) : n_(n) {
    const std::vector<int> radices = radices_of(n);
    if (n > 1 && radices.empty()) {
      prepare_chirp();
      return;
    }
    std::int64_t left = n, s = 1;
    for (const int p : radices) {
      passes_.push_back(make_pass(p, left / p, s));
      left /= p;
      s *= p;
    }
  }

  std::int64_t length() const { return n_; }
  // Doubles of work space for `batch` lines, the values themselves included.
  std::size_t space(std::int64_t batch) const {
    return static_cast<std::size_t>(4 * batch * (longer_ ? n_ + longer_->n_ : n_));
  }

  // Forward transform of [n, batch] values at the start of `space`: re [n, batch], then im [n, batch]. The inverse is
  // the forward transform with re and im exchanged. Returns where the modes are.
  Split run(double* space, std::int64_t batch, bool exchanged) const {
    const std::int64_t count = n_ * batch;
    Split x{space, space + count}, y{space + 2 * count, space + 3 * count};
    if (exchanged) std::swap(x.re, x.im);
    if (longer_) {
      convolve(x, y.re < y.im ? y.re : y.im, batch);
    } else {
      for (const Pass& pass : passes_) {
        run_pass(pass, batch, x.re, x.im, y.re, y.im);
        std::swap(x, y);
      }
    }
    if (exchanged) std::swap(x.re, x.im);
    return x;
  }

 private:
  std::int64_t n_;
  std::vector<Pass> passes_;
  // Bluestein: with c_j = exp(-pi i j^2 / n) the transform is a convolution, X_k = c_k sum_j (x_j c_j) / c_(k-j), done
  // by transforms of a longer, highly composite length.
  std::shared_ptr<const FourierLine> longer_;
  std::vector<Complex> chirp_, filter_;  // c [n]; the modes of 1 / c, over the longer length

  void prepare_chirp() {
    std::int64_t length = 1;
    while (length < 2 * n_ - 1) length *= 2;
    longer_ = std::make_shared<FourierLine>(length);
    std::vector<double> space(longer_->space(1));
    for (std::int64_t j = 0; j < n_; ++j) {
      chirp_.push_back(turn(j * j % (2 * n_), 2 * n_));
      for (const std::int64_t at : {j, (length - j) % length}) {
        space[at] = chirp_[j].real();
        space[length + at] = -chirp_[j].imag();
      }
    }
    const Split modes = longer_->run(space.data(), 1, false);
    for (std::int64_t k = 0; k < length; ++k)
      filter_.push_back(Complex(modes.re[k], modes.im[k]) / static_cast<double>(length));
  }

  void convolve(Split x, double* space, std::int64_t batch) const {
    const std::int64_t length = longer_->n_, count = length * batch;
    std::fill(space, space + 2 * count, 0.0);
    for (std::int64_t j = 0; j < n_; ++j)
      for (std::int64_t b = 0, at = j * batch; b < batch; ++b, ++at)
        multiply(chirp_[j], x.re[at], x.im[at], space[at], space[count + at]);
    Split modes = longer_->run(space, batch, false);
    for (std::int64_t k = 0; k < length; ++k)
      for (std::int64_t b = 0, at = k * batch; b < batch; ++b, ++at)
        multiply(filter_[k], modes.re[at], modes.im[at], modes.re[at], modes.im[at]);
    if (modes.re != space) std::copy(modes.re, modes.re + 2 * count, space);
    const Split sums = longer_->run(space, batch, true);
    for (std::int64_t k = 0; k < n_; ++k)
      for (std::int64_t b = 0, at = k * batch; b < batch; ++b, ++at)
        multiply(chirp_[k], sums.re[at], sums.im[at], x.re[at], x.im[at]);
  }

  static void multiply(Complex c, double re, double im, double& out_re, double& out_im) {
    out_re = c.real() * re - c.imag() * im;
    out_im = c.real() * im + c.imag() * re;
  }
};

namespace {

std::int64_t checked_count(const std::vector<std::int64_t>& shape) {
  require(!shape.empty(), "a Fourier transform needs at least one axis");
  std::int64_t count = 1;
  for (const std::int64_t n : shape) {
    require(n >= 1,
            fmt::format("a Fourier transform needs axes of at least one point, got [{}]", fmt::join(shape, ", ")));
    count *= n;
  }
  return count;
}

void check_size(std::size_t got, std::int64_t wanted, const char* what) {
  require(got == static_cast<std::size_t>(wanted),
          fmt::format("the Fourier transform of this shape takes {} {}, got {}", wanted, what, got));
}

// values [outer, n, inner], transformed along n: several lines at once, side by side.
void transform_axis(Complex* values, const FourierLine& line, std::int64_t outer, std::int64_t inner, bool inverse) {
  const std::int64_t n = line.length(), n_lines = outer * inner;
  const double scale = inverse ? 1.0 / static_cast<double>(n) : 1.0;
  double* space = work_space(line.space(most_lines_at_once));
  for (std::int64_t first = 0; first < n_lines; first += most_lines_at_once) {
    const std::int64_t batch = std::min(most_lines_at_once, n_lines - first);
    std::int64_t start[most_lines_at_once];
    for (std::int64_t b = 0; b < batch; ++b) start[b] = (first + b) / inner * n * inner + (first + b) % inner;
    double *re = space, *im = space + n * batch;
    for (std::int64_t j = 0; j < n; ++j) {
      for (std::int64_t b = 0; b < batch; ++b) {
        const Complex z = values[start[b] + j * inner];
        *re++ = z.real();
        *im++ = z.imag();
      }
    }
    const Split modes = line.run(space, batch, inverse);
    for (std::int64_t k = 0, at = 0; k < n; ++k)
      for (std::int64_t b = 0; b < batch; ++b, ++at)
        values[start[b] + k * inner] = {modes.re[at] * scale, modes.im[at] * scale};
  }
}

}  // namespace

Fourier::Fourier(std::vector<std::int64_t> shape, std::vector<int> axes)
    : shape_(std::move(shape)), axes_(std::move(axes)), count_(checked_count(shape_)) {
  if (axes_.empty()) {
    axes_.resize(shape_.size());
    std::iota(axes_.begin(), axes_.end(), 0);
  }
  for (const int axis : axes_) {
    require(axis >= 0 && axis < static_cast<int>(shape_.size()),
            fmt::format("no axis {} in a shape of {} axes", axis, shape_.size()));
    lines_.push_back(std::make_shared<FourierLine>(shape_[axis]));
  }
}

void Fourier::forward(std::span<Complex> values) const {
  apply(values, Sign::minus);
}

void Fourier::inverse(std::span<Complex> values) const {
  apply(values, Sign::plus);
}

void Fourier::apply(std::span<Complex> values, Sign sign) const {
  check_size(values.size(), count_, "values");
  for (std::size_t i = 0; i < axes_.size(); ++i) {
    std::int64_t inner = 1;
    for (std::size_t k = axes_[i] + 1; k < shape_.size(); ++k) inner *= shape_[k];
    transform_axis(values.data(), *lines_[i], count_ / (inner * shape_[axes_[i]]), inner, sign == Sign::plus);
  }
}

RealFourier::RealFourier(std::vector<std::int64_t> shape) : shape_(std::move(shape)), n_values_(checked_count(shape_)) {
  const std::int64_t n = shape_.back();
  std::vector<std::int64_t> modes = shape_;
  modes.back() = n / 2 + 1;
  n_modes_ = checked_count(modes);
  line_ = std::make_shared<FourierLine>(n % 2 == 0 ? n / 2 : n);
  for (std::int64_t k = 0; k <= n / 2; ++k) half_turns_.push_back(turn(k, n));
  if (shape_.size() > 1) {
    std::vector<int> axes(shape_.size() - 1);
    std::iota(axes.begin(), axes.end(), 0);
    others_.emplace_back(modes, axes);
  }
}

// Even n: x as the n/2 complex numbers z_j = x_2j + i x_(2j+1) with modes Z, and with h = n/2 (Z_h = Z_0)
//   X_k = (Z_k + conj Z_(h-k)) / 2 - i exp(-2 pi i k / n) (Z_k - conj Z_(h-k)) / 2.
void RealFourier::forward(std::span<const double> values, std::span<Complex> modes) const {
  check_size(values.size(), n_values_, "values");
  check_size(modes.size(), n_modes_, "modes");
  const std::int64_t n = shape_.back(), h = line_->length(), n_rows = n_values_ / n, n_out = n / 2 + 1;
  const bool even = n % 2 == 0;
  double* space = work_space(line_->space(most_lines_at_once));
  for (std::int64_t first = 0; first < n_rows; first += most_lines_at_once) {
    const std::int64_t batch = std::min(most_lines_at_once, n_rows - first);
    const double* x = values.data() + first * n;
    double *re = space, *im = space + h * batch;
    for (std::int64_t j = 0; j < h; ++j) {
      for (std::int64_t b = 0; b < batch; ++b) {
        *re++ = even ? x[b * n + 2 * j] : x[b * n + j];
        *im++ = even ? x[b * n + 2 * j + 1] : 0.0;
      }
    }
    const Split z = line_->run(space, batch, false);
    for (std::int64_t b = 0; b < batch; ++b) {
      Complex* out = modes.data() + (first + b) * n_out;
      for (std::int64_t k = 0; k < n_out; ++k) {
        const std::int64_t at = (k < h ? k : 0) * batch + b, mirror = (k > 0 ? h - k : 0) * batch + b;
        if (!even) {
          out[k] = {z.re[at], z.im[at]};
          continue;
        }
        const double sr = (z.re[at] + z.re[mirror]) / 2, si = (z.im[at] - z.im[mirror]) / 2;
        const double dr = (z.re[at] - z.re[mirror]) / 2, di = (z.im[at] + z.im[mirror]) / 2;
        const double wr = half_turns_[k].real(), wi = half_turns_[k].imag();
        out[k] = {sr + wr * di + wi * dr, si - wr * dr + wi * di};
      }
    }
  }
  for (const Fourier& other : others_) other.forward(modes);
}

// Even n:  Z_k = (X_k + conj X_(h-k)) / 2 + i exp(+2 pi i k / n) (X_k - conj X_(h-k)) / 2.
void RealFourier::inverse(std::span<const Complex> modes, std::span<double> values) const {
  check_size(values.size(), n_values_, "values");
  check_size(modes.size(), n_modes_, "modes");
  std::vector<Complex> copy;
  if (!others_.empty()) {
    copy.assign(modes.begin(), modes.end());
    others_.front().inverse(copy);
    modes = copy;
  }
  const std::int64_t n = shape_.back(), h = line_->length(), n_rows = n_values_ / n, n_in = n / 2 + 1;
  const bool even = n % 2 == 0;
  const double scale = 1.0 / static_cast<double>(h);
  double* space = work_space(line_->space(most_lines_at_once));
  for (std::int64_t first = 0; first < n_rows; first += most_lines_at_once) {
    const std::int64_t batch = std::min(most_lines_at_once, n_rows - first);
    double *re = space, *im = space + h * batch;
    for (std::int64_t b = 0; b < batch; ++b) {
      const Complex* in = modes.data() + (first + b) * n_in;
      for (std::int64_t k = 0; k < h; ++k) {
        double zr, zi;
        if (even) {
          // The imaginary parts of the mean and of the highest mode mean nothing for real values.
          const double flip = k == 0 ? 0 : 1;
          const double ar = in[k].real(), ai = in[k].imag() * flip, br = in[h - k].real(), bi = in[h - k].imag() * flip;
          const double sr = (ar + br) / 2, si = (ai - bi) / 2, dr = (ar - br) / 2, di = (ai + bi) / 2;
          const double wr = half_turns_[k].real(), wi = -half_turns_[k].imag();
          zr = sr - (wr * di + wi * dr);
          zi = si + wr * dr - wi * di;
        } else {
          const bool mirrored = k >= n_in;
          const Complex c = in[mirrored ? n - k : k];
          zr = c.real();
          zi = k == 0 ? 0 : mirrored ? -c.imag() : c.imag();
        }
        re[k * batch + b] = zr;
        im[k * batch + b] = zi;
      }
    }
    const Split x = line_->run(space, batch, true);
    double* out = values.data() + first * n;
    for (std::int64_t j = 0, at = 0; j < h; ++j) {
      for (std::int64_t b = 0; b < batch; ++b, ++at) {
        if (even) {
          out[b * n + 2 * j] = x.re[at] * scale;
          out[b * n + 2 * j + 1] = x.im[at] * scale;
        } else {
          out[b * n + j] = x.re[at] * scale;
        }
      }
    }
  }
}

std::vector<double> wavenumbers(std::int64_t n, double length) {
  require(n >= 1 && length > 0, fmt::format("wavenumbers need n >= 1 and a length > 0, got {} and {}", n, length));
  std::vector<double> k(n);
  for (std::int64_t j = 0; j < n; ++j)
    k[j] = 2 * std::numbers::pi / length * static_cast<double>(j <= n / 2 ? j : j - n);
  return k;
}

}  // namespace turnpike
