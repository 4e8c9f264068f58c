// The fused tangent kernel of an infinitely wide ReLU network against libtorch, and if asked neural-tangents, in one
// run:
//
//   bench_tangent_kernel [points = 4000] [hidden layers = 5] [dimension = 10] [threads = 2] [neural_tangents]
//
// The peer takes one pass over the matrix for each operation, twice: as the formula reads, and written by one who knows
// libtorch well: in place, with the fewest passes and no memory allocated. The fused kernel writes a matrix that is
// there, as the second does, and a new one each time, as the first does; without biases and with. Nothing is timed
// before it is right. Prints
// the medians of interleaved pairs with their 95 % intervals: processor time with one thread, which other work on the
// machine hardly moves, and wall clock with more. neural-tangents runs in a process and a Python environment of its own
// (python_peer.h), compiled, and times itself.
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <numbers>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/core/device.h>
#include <turnpike/fused/tangent_kernel.h>
#include <turnpike/io/npy.h>
#include <turnpike/tangent/infinite_width.h>

#include "pairs.h"
#include "process.h"
#include "python_peer.h"

namespace turnpike {
namespace {

constexpr double pi = std::numbers::pi;

Tensor as_it_reads(const Tensor& x, int hidden_layers) {
  const Tensor size = x.norm(2, 1), u = x / size.unsqueeze(1);
  Tensor c = u.mm(u.t()), T = c;
  for (int l = 0; l < hidden_layers; ++l) {
    const Tensor theta = at::acos(c.clamp(-1, 1));
    c = (at::sin(theta) + (pi - theta) * at::cos(theta)) / pi;
    T = c + T * (1 - theta / pi);
  }
  return T * size.unsqueeze(1) * size;
}

constexpr double bias_variance = 0.1;

Tensor with_biases(const Tensor& x, int hidden_layers) {
  Tensor S = x.mm(x.t()) + bias_variance, T = S;
  for (int l = 0; l < hidden_layers; ++l) {
    const Tensor size = S.diagonal().sqrt(), sizes = size.unsqueeze(1) * size;
    const Tensor theta = at::acos((S / sizes).clamp(-1, 1));
    S = bias_variance + sizes * (at::sin(theta) + (pi - theta) * at::cos(theta)) / pi;
    T = S + T * (1 - theta / pi);
  }
  return T;
}

class InPlace {
 public:
  InPlace(Tensor x, int hidden_layers) : x_(std::move(x)), L_(hidden_layers), one_(at::ones({1}, x_.options())) {
    for (Tensor* buffer : {&c_, &T_, &k0_, &s_}) *buffer = at::empty({x_.size(0), x_.size(0)}, x_.options());
  }
  const Tensor& operator()() {
    const Tensor size = x_.norm(2, 1), u = x_ / size.unsqueeze(1);
    at::mm_out(c_, u, u.t());
    T_.copy_(c_);
    for (int l = 0; l < L_; ++l) {
      c_.clamp_(-1, 1);
      at::acos_out(k0_, c_).mul_(-1 / pi).add_(1);
      at::addcmul_out(s_, one_, c_, c_, -1).sqrt_();
      c_.mul_(k0_).add_(s_, 1 / pi);
      at::addcmul_out(T_, c_, T_, k0_);
    }
    return T_.mul_(size.unsqueeze(1)).mul_(size);
  }

 private:
  Tensor x_;
  int L_;
  Tensor one_, c_, T_, k0_, s_;
};

double processor_seconds(const std::function<void()>& work) {
  const std::clock_t start = std::clock();
  work();
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

class NeuralTangents {
 public:
  NeuralTangents(const Tensor& x, int hidden_layers, int threads)
      : rows_(write_points(x)),
        process_({peer_python("neural_tangents", no_progress()).string(), "-Bu",
                  (peer_scripts() / "neural_tangents_peer.py").string(), std::to_string(threads),
                  points_file().string(), std::to_string(hidden_layers), rows_.string()}) {
    description_ = ask("prepare", 600);
  }
  const std::string& description() const { return description_; }
  Tensor first_rows() const {
    const Array array = read_npy(rows_);
    return at::tensor(to_doubles(array), at::kDouble).view(array.shape);
  }
  double run() { return std::stod(ask("run", 300)); }

 private:
  std::filesystem::path points_file() const { return exchange_.file("points.npy"); }
  std::filesystem::path write_points(const Tensor& x) const {
    write_npy(points_file(), array_of_bytes(x.sizes().vec(), x.scalar_type() == at::kFloat ? DType::f32 : DType::f64,
                                            x.data_ptr(), x.nbytes()));
    return exchange_.file("rows.npy");
  }
  std::string ask(const char* what, double seconds) {
    const std::string answer = process_.ask(what, seconds);
    if (answer.starts_with("error: ")) throw Error("neural-tangents: " + answer.substr(7));
    return answer;
  }

  Exchange exchange_;
  std::filesystem::path rows_;
  LineProcess process_;
  std::string description_;
};

template <class T>
bool measure(const Tensor& points, int hidden_layers, int threads, bool neural_tangents) {
  const auto dtype = c10::CppTypeToScalarType<T>::value;
  const Tensor x = points.to(dtype).contiguous();
  const std::int64_t n = x.size(0), d = x.size(1);
  const Tensor K = at::empty({n, n}, x.options());
  const auto fused = [&] {
    WideRectifierKernel<T>({.hidden_layers = hidden_layers}, x.data_ptr<T>(), n, d, threads).matrix(K.data_ptr<T>());
  };
  InPlace in_place(x, hidden_layers);

  // Some rows against the reference in float64.
  fused();
  const std::int64_t rows = std::min<std::int64_t>(n, 64);
  const Tensor exact = x.to(at::kDouble);
  const WideNet plain{.hidden_layers = hidden_layers},
      biased{.hidden_layers = hidden_layers, .bias_variance = bias_variance};
  const auto error = [&](const Tensor& kernel, const WideNet& net) {
    const Tensor expected = wide_kernels(net, exact.narrow(0, 0, rows), exact).tangent;
    const Tensor size = (exact.square().sum(1) * (hidden_layers + 1.0)).sqrt();
    const Tensor off = (kernel.narrow(0, 0, rows).to(at::kDouble) - expected).abs();
    return (off / (size.narrow(0, 0, rows).unsqueeze(1) * size)).max().item<double>();
  };
  const double ours = error(K, plain), ours_biased = error(fused_tangent_kernel(biased, x), biased),
               tolerance = sizeof(T) == 4 ? 1e-6 : 1e-13;
  fmt::print(
      "{}: error {:.1e}, {:.1e} with biases (allowed {:.0e}); of libtorch {:.1e} as it reads, {:.1e} in place, "
      "{:.1e} with biases\n",
      name_of(dtype), ours, ours_biased, tolerance, error(as_it_reads(x, hidden_layers), plain),
      error(in_place(), plain), error(with_biases(x, hidden_layers), biased));
  if (!(ours <= tolerance && ours_biased <= tolerance)) return false;

  const auto seconds = threads == 1 ? processor_seconds : seconds_of;
  const auto compare = [&](const char* name, const std::function<void()>& work, const std::function<double()>& peer) {
    const Pairs pairs =
        measure_pairs([&] { return seconds(work); }, peer, {.seconds = 10, .least = 5, .most = 15, .call_seconds = 0});
    const Median ratio = median_of(pairs.ratio());
    fmt::print("  {:27} {:8.1f} ms, fused {:6.2f} ms: ratio {:.0f} ({:.0f} to {:.0f}), {} pairs\n", name,
               1e3 * median_of(pairs.peer).value, 1e3 * median_of(pairs.ours).value, ratio.value, ratio.low, ratio.high,
               pairs.ours.size());
  };
  const auto reading = [&] { return seconds([&] { as_it_reads(x, hidden_layers); }); };
  compare("as it reads", fused, reading);
  compare(
      "as it reads, new matrices", [&] { fused_tangent_kernel(plain, x); }, reading);
  compare("in place", fused, [&] { return seconds([&] { in_place(); }); });
  compare(
      "with biases, new matrices", [&] { fused_tangent_kernel(biased, x); },
      [&] { return seconds([&] { with_biases(x, hidden_layers); }); });
  if (!neural_tangents) return true;
  NeuralTangents peer(x, hidden_layers, threads);
  const double off = error(peer.first_rows(), plain);
  fmt::print("  {}: error {:.1e}\n", peer.description(), off);
  if (!(off <= (sizeof(T) == 4 ? 5e-3 : 1e-6))) return false;  // as much as libtorch's, whose formula it shares
  compare("neural-tangents", fused, [&] { return peer.run(); });
  return true;
}

}  // namespace
}  // namespace turnpike

int main(int count, char** words) {
  using namespace turnpike;
  const auto word = [&](int i, int otherwise) { return i < count ? std::atoi(words[i]) : otherwise; };
  const int n = word(1, 4000), hidden_layers = word(2, 5), d = word(3, 10), threads = set_threads(word(4, 2));
  if (n < 1 || hidden_layers < 1 || d < 1) {
    fmt::print(stderr, "bench_tangent_kernel: points, hidden layers and dimension must be at least 1\n");
    return 2;
  }
  const bool neural_tangents = count > 5 && std::string(words[5]) == "neural_tangents";
  at::NoGradGuard no_grad;
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // a line at a time, also into a file
  at::manual_seed(0);
  const Tensor x = at::randn({n, d}, at::kDouble);
  fmt::print("tangent kernel of a ReLU network with {} hidden layers, {} points of dimension {}, {} threads, {}\n",
             hidden_layers, n, d, threads, threads == 1 ? "processor time" : "wall clock");
  try {
    const bool right_f32 = measure<float>(x, hidden_layers, threads, neural_tangents),
               right_f64 = measure<double>(x, hidden_layers, threads, neural_tangents);
    return right_f32 && right_f64 ? 0 : 1;
  } catch (const Error& error) {
    fmt::print(stderr, "bench_tangent_kernel: {}\n", error.what());
    return 1;
  }
}
