#include <turnpike/core/krylov.h>

#include <fmt/format.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <turnpike/base/error.h>
#include <turnpike/base/seed.h>
#include <turnpike/math/random.h>

namespace turnpike {
namespace {

double length(const Tensor& v) {
  return v.norm().item<double>();
}

double epsilon(c10::ScalarType dtype) {
  return dtype == at::kFloat ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
}

double attainable(double tolerance, c10::ScalarType dtype) {
  return std::max(tolerance, 50 * epsilon(dtype));
}

void require_square(const LinearOperator& a, const char* method) {
  require(a.rows == a.cols && a.rows > 0,
          fmt::format("{}: the operator must be square, got {} x {}", method, a.rows, a.cols));
  require(static_cast<bool>(a.apply), fmt::format("{}: the operator must have apply", method));
}

void require_system(const LinearOperator& a, const Tensor& b, const char* method) {
  require_square(a, method);
  require_shape(b, {a.rows}, fmt::format("{}: b", method));
  require(b.scalar_type() == a.dtype, fmt::format("{}: b must have the operator's dtype, got {}", method, describe(b)));
}

// A random unit vector orthogonal to the rows of `basis` [m, n].
Tensor start_vector(Random& random, std::int64_t n, c10::ScalarType dtype, const Tensor& basis) {
  std::vector<double> entries(n);
  for (double& entry : entries) entry = random.normal();
  Tensor v = at::tensor(entries, at::kDouble).to(dtype);
  for (int pass = 0; pass < 2; ++pass) {
    v = v / v.norm();
    if (basis.size(0) > 0) v = v - basis.t().mv(basis.mv(v));
  }
  return v / v.norm();
}

// |A v|, of a product that the method can go on with.
double finite_length(const Tensor& image, std::int64_t product, const char* method) {
  const double size = length(image);
  if (!std::isfinite(size)) throw Error(fmt::format("{}: product {} of the operator is not finite", method, product));
  return size;
}

Failure no_convergence(std::string what, std::string advice) {
  return {FailureKind::no_convergence, std::move(what), std::move(advice)};
}

Outcome<LinearSolution> finished(LinearSolution solution, double tolerance, const char* method) {
  if (solution.residual <= tolerance) return solution;
  Failure failure = no_convergence(fmt::format("{} stopped after {} iterations with residual {:.2e}, wanted {:.2e}",
                                               method, solution.iterations, solution.residual, tolerance),
                                   "allow more iterations or a larger tolerance, or regularise the operator");
  return {std::move(solution), std::move(failure)};
}

}  // namespace

Outcome<LinearSolution> cg(const LinearOperator& a, const Tensor& b, const KrylovOptions& options) {
  require_system(a, b, "cg");
  at::NoGradGuard no_grad;
  const double tolerance = attainable(options.tolerance, a.dtype), scale = length(b);
  LinearSolution solution{.x = at::zeros_like(b)};
  if (scale == 0) return solution;

  // The recurrence's residual drifts from the true one: when it says done, start again from the true one, until that
  // says so too or no longer halves.
  solution.residual = 1;
  for (double last = std::numeric_limits<double>::infinity(); solution.residual > tolerance &&
                                                              solution.residual < 0.5 * last &&
                                                              solution.iterations < options.max_iterations;) {
    last = solution.residual;
    Tensor r = b - a.apply(solution.x), p = r;
    double rr = r.dot(r).item<double>();
    while (std::sqrt(rr) > tolerance * scale && solution.iterations < options.max_iterations) {
      Tensor ap = a.apply(p);
      ++solution.iterations;
      double curvature = p.dot(ap).item<double>();
      if (!(curvature > 0)) {
        solution.residual = length(b - a.apply(solution.x)) / scale;
        Failure failure = no_convergence(
            fmt::format("cg met the curvature p'Ap = {:.2e} in iteration {}", curvature, solution.iterations),
            "the operator is not positive definite: use gmres, or add a multiple of the identity");
        return {std::move(solution), std::move(failure)};
      }
      double step = rr / curvature;
      solution.x = solution.x + step * p;
      r = r - step * ap;
      double rr_next = r.dot(r).item<double>();
      p = r + (rr_next / rr) * p;
      rr = rr_next;
    }
    solution.residual = length(b - a.apply(solution.x)) / scale;
  }
  return finished(std::move(solution), tolerance, "cg");
}

Outcome<LinearSolution> gmres(const LinearOperator& a, const Tensor& b, const KrylovOptions& options) {
  require_system(a, b, "gmres");
  require(options.restart > 0, "gmres: restart must be positive");
  at::NoGradGuard no_grad;
  const double tolerance = attainable(options.tolerance, a.dtype), scale = length(b);
  const std::int64_t n = a.rows;
  LinearSolution solution{.x = at::zeros_like(b)};
  if (scale == 0) return solution;

  solution.residual = 1;
  bool moves = true;
  while (solution.residual > tolerance && moves && solution.iterations < options.max_iterations) {
    Tensor r = b - a.apply(solution.x);
    const double beta = length(r);
    const std::int64_t size = std::min({options.restart, n, options.max_iterations - solution.iterations});
    Tensor basis = at::zeros({size + 1, n}, b.options());
    basis[0].copy_(r / beta);
    // Arnoldi A V_m = V_{m+1} H; Givens rotations keep H triangular, g = rotations of beta e_1, |g_m| = residual.
    std::vector<std::vector<double>> h;
    std::vector<double> g = {beta}, cosine, sine;
    bool invariant = false;
    for (std::int64_t j = 0; j < size && std::abs(g.back()) > tolerance * scale && !invariant; ++j) {
      Tensor w = a.apply(basis[j]);
      ++solution.iterations;
      Tensor known = basis.narrow(0, 0, j + 1);
      const double before = finite_length(w, solution.iterations, "gmres");
      Tensor c = known.mv(w);
      w = w - known.t().mv(c);
      Tensor c2 = known.mv(w);  // a second pass keeps the basis orthogonal to rounding
      w = w - known.t().mv(c2);
      c = (c + c2).to(at::kDouble);
      std::vector<double> column(c.data_ptr<double>(), c.data_ptr<double>() + j + 1);
      double below = length(w);
      invariant = below <= 10 * epsilon(a.dtype) * before;
      if (!invariant) basis[j + 1].copy_(w / below);
      for (std::int64_t i = 0; i < j; ++i) {
        double upper = cosine[i] * column[i] + sine[i] * column[i + 1];
        column[i + 1] = -sine[i] * column[i] + cosine[i] * column[i + 1];
        column[i] = upper;
      }
      if (invariant) below = 0;
      double diagonal = std::hypot(column[j], below);
      cosine.push_back(diagonal > 0 ? column[j] / diagonal : 1);
      sine.push_back(diagonal > 0 ? below / diagonal : 0);
      column[j] = diagonal;
      double top = g.back();
      g.back() = cosine[j] * top;
      g.push_back(-sine[j] * top);
      h.push_back(std::move(column));
    }
    const auto m = static_cast<std::int64_t>(h.size());
    // R y = g in least squares: R is singular where A is singular on the basis and b leaves its range.
    Tensor triangle = at::zeros({m, m}, at::kDouble);
    for (std::int64_t j = 0; j < m; ++j)
      triangle.select(1, j).narrow(0, 0, j + 1).copy_(at::tensor(h[j]).narrow(0, 0, j + 1));
    Tensor y = at::linalg_pinv(triangle, 1000 * epsilon(a.dtype)).mv(at::tensor(g).narrow(0, 0, m));
    Tensor x = solution.x + basis.narrow(0, 0, m).t().mv(y.to(a.dtype));
    double residual = length(b - a.apply(x)) / scale;
    moves = residual < solution.residual * (1 - 1e-8);
    if (moves) {
      solution.x = x;
      solution.residual = residual;
    }
  }
  return finished(std::move(solution), tolerance, "gmres");
}

namespace {

// The Lanczos recurrence of sign A outside the span of `locked` [l, n]: rows v_1, v_2, ... of a basis with V A V' = T
// tridiagonal (alpha on the diagonal, beta beside it). Every new vector is made orthogonal to all before it, twice.
class Recurrence {
 public:
  Recurrence(const LinearOperator& a, double sign, const Tensor& locked, const Tensor& start, std::int64_t capacity,
             double scale, const char* method)
      : a_(a), sign_(sign), locked_(locked), scale_(scale), method_(method) {
    basis_ = at::empty({capacity, a.rows}, at::TensorOptions(a.dtype));
    basis_[0].copy_(start);
  }

  // One product: alpha of the last vector, and what it leaves outside the basis.
  void step() {
    const Tensor v = basis_[size_ - 1];
    w_ = sign_ * a_.apply(v);
    alpha_.push_back(v.dot(w_).item<double>());
    scale_ = std::max(scale_, finite_length(w_, ++products_, method_));
    const Tensor known = basis();
    for (int pass = 0; pass < 2; ++pass) {
      if (locked_.size(0) > 0) w_ = w_ - locked_.t().mv(locked_.mv(w_));
      w_ = w_ - known.t().mv(known.mv(w_));
    }
    next_ = length(w_);
  }
  // The basis spans an invariant subspace: to rounding nothing is left outside it.
  bool invariant() const { return next_ <= 10 * epsilon(a_.dtype) * scale_; }

  void append_next() { append(w_ / next_); }
  void append(const Tensor& v) {
    if (size_ == basis_.size(0)) {
      const std::int64_t more = std::min(size_, a_.rows - size_);
      basis_ = at::cat({basis_, at::empty({more, a_.rows}, basis_.options())});
    }
    basis_[size_++].copy_(v);
    beta_.push_back(next_);
  }

  struct Ritz {
    Tensor values, vectors;  // [m] ascending, [m, m] in the basis
  };
  Ritz ritz() const {
    Tensor t = at::diag(at::tensor(alpha_, at::kDouble));
    if (size_ > 1) {
      const Tensor off = at::tensor(beta_, at::kDouble);
      t = t + at::diag(off, 1) + at::diag(off, -1);
    }
    auto [values, vectors] = at::linalg_eigh(t);
    return {values, vectors};
  }

  Tensor basis() const { return basis_.narrow(0, 0, size_); }  // [m, n]
  double next() const { return next_; }
  double scale() const { return scale_; }  // largest |A v|

 private:
  const LinearOperator& a_;
  double sign_;
  const Tensor& locked_;
  Tensor basis_, w_;
  std::int64_t size_ = 1;
  std::vector<double> alpha_, beta_;
  double next_ = 0, scale_ = 0;
  const char* method_;
  std::int64_t products_ = 0;
};

struct Pass {
  Tensor values;     // [k] descending
  Tensor vectors;    // [k, n]
  double scale = 0;  // largest |Ritz value|
};

// One Lanczos run for the k largest pairs, outside the span of `locked` [l, n].
Pass lanczos_pass(const LinearOperator& a, std::int64_t k, double sign, const Tensor& locked, double tolerance,
                  double scale, Random& random, std::int64_t max_iterations, std::int64_t& iterations) {
  const std::int64_t n = a.rows, room = n - locked.size(0);
  Recurrence run(a, sign, locked, start_vector(random, n, a.dtype, locked),
                 std::min<std::int64_t>(room, std::max<std::int64_t>(2 * k + 20, 40)), scale, "lanczos");
  std::int64_t next_check = std::min(room, k + 5);
  for (std::int64_t m = 1;; ++m) {
    run.step();
    ++iterations;
    const bool last = m == room || iterations >= max_iterations;
    if (m >= next_check || last || (run.invariant() && m >= k)) {
      next_check = m + std::max<std::int64_t>(5, m / 8);
      const auto [theta, s] = run.ritz();
      const std::int64_t found = std::min(k, m);
      Tensor ritz = s.narrow(1, m - found, found).flip(1);  // [m, found], largest first
      double size = std::max(std::abs(theta[0].item<double>()), std::abs(theta[m - 1].item<double>()));
      double bound = run.next() * ritz[m - 1].abs().max().item<double>();
      if (last || (found == k && bound <= tolerance * std::max(size, run.scale()))) {
        return {theta.narrow(0, m - found, found).flip(0), ritz.t().to(a.dtype).mm(run.basis()),
                std::max(size, run.scale())};
      }
    }
    // An invariant subspace: go on with a fresh direction, uncoupled from it.
    if (run.invariant()) {
      run.append(start_vector(random, n, a.dtype, at::cat({locked, run.basis()})));
    } else {
      run.append_next();
    }
  }
}

}  // namespace

Outcome<EigenPairs> lanczos(const LinearOperator& a, std::int64_t k, Extreme end, const KrylovOptions& options) {
  require_square(a, "lanczos");
  require(k >= 1 && k <= a.rows, fmt::format("lanczos: k must be in 1..{}, got {}", a.rows, k));
  at::NoGradGuard no_grad;
  const double tolerance = attainable(options.tolerance, a.dtype), sign = end == Extreme::largest ? 1 : -1;
  Random random(seed_for(options.seed, "lanczos"));
  EigenPairs result;
  Tensor values = at::empty({0}, at::kDouble), locked = at::empty({0, a.rows}, at::TensorOptions(a.dtype));
  double scale = 0;
  // The first pass sees each distinct eigenvalue once: later ones look for the rest of multiple ones.
  for (bool complete = false; !complete && locked.size(0) < a.rows && result.iterations < options.max_iterations;) {
    const bool first = locked.size(0) == 0;
    Pass pass = lanczos_pass(a, first ? k : 1, sign, locked, tolerance, scale, random, options.max_iterations,
                             result.iterations);
    scale = std::max(scale, pass.scale);
    const bool enough = locked.size(0) >= k;
    complete = enough && pass.values[0].item<double>() <= values[k - 1].item<double>() + tolerance * scale;
    if (complete) break;
    auto [sorted, order] = at::cat({values, pass.values}).sort(/*dim=*/0, /*descending=*/true);
    values = sorted;
    locked = at::cat({locked, pass.vectors}).index_select(0, order);
  }

  const std::int64_t found = std::min<std::int64_t>(k, locked.size(0));
  Tensor vectors = std::get<0>(at::linalg_qr(locked.narrow(0, 0, found).t()));  // orthonormal to rounding, same spans
  std::vector<Tensor> images;
  for (std::int64_t i = 0; i < found; ++i) images.push_back(a.apply(vectors.select(1, i)));
  Tensor image = at::stack(images, 1);
  result.vectors = vectors;
  result.values = (vectors * image).sum(0);
  result.residuals = (image - vectors * result.values).norm(2, 0);
  double worst = result.residuals.max().item<double>();
  if (found == k && worst <= 10 * tolerance * scale) return result;
  Failure failure =
      no_convergence(fmt::format("lanczos stopped after {} products with {} of {} eigenpairs, largest residual {:.2e}",
                                 result.iterations, found, k, worst),
                     "allow more iterations or a larger tolerance");
  return {std::move(result), std::move(failure)};
}

GaussRule lanczos_quadrature(const LinearOperator& a, const Tensor& start, std::int64_t steps) {
  require_system(a, start, "lanczos_quadrature");
  require(steps >= 1, fmt::format("lanczos_quadrature: needs at least one step, got {}", steps));
  at::NoGradGuard no_grad;
  const double size = length(start);
  require(size > 0 && std::isfinite(size), "lanczos_quadrature: the start must be finite and not zero");
  const Tensor none = at::empty({0, a.rows}, at::TensorOptions(a.dtype));
  steps = std::min(steps, a.rows);
  Recurrence run(a, 1, none, start / size, steps, 0, "lanczos_quadrature");
  GaussRule rule;
  for (;;) {
    run.step();
    ++rule.products;
    if (rule.products == steps || run.invariant()) break;
    run.append_next();
  }
  const auto [values, vectors] = run.ritz();
  const Tensor weights = vectors[0].square().contiguous();
  rule.nodes.assign(values.data_ptr<double>(), values.data_ptr<double>() + values.numel());
  rule.weights.assign(weights.data_ptr<double>(), weights.data_ptr<double>() + weights.numel());
  return rule;
}

Outcome<DominantPair> power_iteration(const LinearOperator& a, const KrylovOptions& options) {
  require_square(a, "power_iteration");
  at::NoGradGuard no_grad;
  const double tolerance = attainable(options.tolerance, a.dtype);
  Random random(seed_for(options.seed, "power iteration"));
  DominantPair pair;
  pair.vector = start_vector(random, a.rows, a.dtype, at::empty({0, a.rows}, at::TensorOptions(a.dtype)));
  while (pair.iterations < options.max_iterations) {
    Tensor image = a.apply(pair.vector);
    ++pair.iterations;
    pair.value = pair.vector.dot(image).item<double>();
    pair.residual = length(image - pair.value * pair.vector);
    double size = finite_length(image, pair.iterations, "power_iteration");
    if (pair.residual <= tolerance * size) return pair;
    pair.vector = image / size;
  }
  Failure failure =
      no_convergence(fmt::format("power iteration stopped after {} products with |A v - lambda v| = {:.2e}",
                                 pair.iterations, pair.residual),
                     "allow more iterations; it cannot settle between eigenvalues of equal modulus");
  return {std::move(pair), std::move(failure)};
}

Outcome<SingularTriplets> svds(const LinearOperator& a, std::int64_t k, const KrylovOptions& options) {
  require(a.apply && a.apply_transpose, "svds: the operator must have both apply and apply_transpose");
  require(k >= 1 && k <= std::min(a.rows, a.cols),
          fmt::format("svds: k must be in 1..{}, got {}", std::min(a.rows, a.cols), k));
  if (a.cols > a.rows) {  // search on the smaller side
    auto swap = [](SingularTriplets triplets) {
      std::swap(triplets.left, triplets.right);
      return triplets;
    };
    Outcome<SingularTriplets> other = svds({a.cols, a.rows, a.apply_transpose, a.apply, a.dtype}, k, options);
    if (other) return swap(other.partial());
    return {swap(other.partial()), other.failure()};
  }
  at::NoGradGuard no_grad;
  Outcome<EigenPairs> squares = lanczos(normal_operator(a), k, Extreme::largest, options);
  // The squares lose half the digits of the small ones: A V = U S Q' (thin), right vectors V Q, gives them back.
  const Tensor& v = squares.partial().vectors;
  const std::int64_t found = v.size(1);
  std::vector<Tensor> images, back;
  for (std::int64_t i = 0; i < found; ++i) images.push_back(a.apply(v.select(1, i)));
  auto [u, s, qt] = at::linalg_svd(at::stack(images, 1), /*full_matrices=*/false);
  SingularTriplets result{.values = s, .left = u, .right = v.mm(qt.t()), .iterations = squares.partial().iterations};
  for (std::int64_t i = 0; i < found; ++i) back.push_back(a.apply_transpose(u.select(1, i)));
  Tensor forward = at::stack(images, 1).mm(qt.t()) - u * s, backward = at::stack(back, 1) - result.right * s;
  result.residuals = (forward.square().sum(0) + backward.square().sum(0)).sqrt();
  if (squares) return result;
  return {std::move(result), squares.failure()};
}

}  // namespace turnpike
