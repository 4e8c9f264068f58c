// Candidate terms: what may stand on the right of u_t = sum_j xi_j D_j.
//
//   inside  d^a f(u)       d^a = d_x^a1 d_y^a2 .., f a product of powers: what the weak form can integrate by parts
//   product f(u) d^a u     the library of the strong form
//
// f is a product of powers of the fields (and of |u| where u is complex), or a formula in fields and axes: x*u,
// (x*u)_x, and among products x*u_x. In a complex problem every candidate stands twice, as D and as i D, so that all
// coefficients are real.
//
// Text, as `turnpike discover` prints it: u^2*v, u*u_x, u_xxx, (u*w)_x, i*u_xx. (u^b)_x is written b u^(b-1)*u_x:
// `factor` is that b.
#pragma once

#include <complex>
#include <memory>
#include <string>
#include <vector>

#include <turnpike/discover/measurement.h>

namespace turnpike {

struct PointFunction {
  std::vector<int> powers;  // of each field
  std::vector<int> moduli;  // of |u| of each field
  std::string formula;      // then powers and moduli are zero

  int degree() const;
  bool operator==(const PointFunction&) const = default;
};

struct Candidate {
  PointFunction function;
  std::vector<int> orders;      // of d^a, one for each space axis
  int of = -1;                  // product: the field that d^a acts on; -1: d^a acts on the function
  bool imaginary_unit = false;  // i D

  int order() const;
};

struct LibraryOptions {
  int polynomial_degree = 3;
  int derivative_order = 4;
  bool products = false;  // f d^a u instead of d^a f
  bool modulus = true;
  bool mixed = true;  // d_xy as well, in more than one dimension
  bool trigonometric = false;
  bool constant = true;
  std::vector<std::string> formulas;
};

// For fields and axes of that measurement. InputError where a formula is named that cannot be read, or there are more
// than 1000 candidates.
std::vector<Candidate> candidate_library(const Measurement& measurement, const LibraryOptions& options);

struct TermText {
  std::string text;
  double factor = 1;  // the candidate is factor times what the text says
};
TermText term_text(const Candidate& candidate, const Measurement& measurement);

// u^m conj(u)^n without the bias of noise: the polynomial whose mean over u + noise is that, for white noise of
// variance s = E|e|^2 (real: He_m; complex: Ito's polynomials).
double unbiased_power(double u, int m, double s);
std::complex<double> unbiased_power(std::complex<double> u, int m, int n, double s);

// The values of a function of the point at `count` points from `begin` on (as the grid is stored). What is masked
// becomes zero. The real one refuses complex fields (ContractError).
class PointValues {
 public:
  PointValues(const Measurement& measurement, const PointFunction& function, std::vector<double> noise_variance = {});
  ~PointValues();
  void operator()(std::int64_t begin, std::int64_t count, double* out);
  void operator()(std::int64_t begin, std::int64_t count, std::complex<double>* out);

 private:
  struct Formula;
  const Measurement& measurement_;
  PointFunction function_;
  std::vector<double> noise_variance_;
  std::unique_ptr<Formula> formula_;
};

}  // namespace turnpike
