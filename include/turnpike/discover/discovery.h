// The equation behind a measurement.
//
//   u_t = sum_j xi_j D_j        D_j from a library of candidate terms, few xi_j different from zero
//
// Method: a linear system with a row for each test function (weak form) or grid point (strong form) and a column for
// each candidate; a path of ever larger equations from a sparse solver; one of them chosen by a criterion; its terms
// checked by resampling blocks of rows. The widths of the weak form's test functions follow from the spectrum of the
// data; where noise is what makes the coefficients uncertain, the search is done again with narrower ones that refute
// what was found or decide between equations, and with those at which the coefficients are most certain (up to 1.7e7
// points of data). Found is what explains the left side but for noise, and no other equation of as few terms does;
// in the strong form, where the derivatives' own errors hide less than a tenth and finer ones take the same terms.
//
// Assumes that the noise is independent from point to point. Guarantees: deterministic in the seed; memory of the rows
// and columns plus one slab of the field, never a copy of it for each candidate. Errors: InputError where the data do
// not serve the method (what, where, how to mend). That no equation was found is an answer, not an error: found ==
// false with the reason.
//
//   Discovery discovery = discover({burgers}, {.polynomial_degree = 3, .derivative_order = 3});
//   discovery.equations[0].text()      // "u_t = -1.0000 u*u_x + 0.1000 u_xx"
//
// Sources: Brunton, Proctor, Kutz, PNAS 2016, doi:10.1073/pnas.1517384113; Rudy et al., Sci. Adv. 2017,
// doi:10.1126/sciadv.1602614; Messenger, Bortz, J. Comput. Phys. 2021, doi:10.1016/j.jcp.2021.110525.
#pragma once

#include <complex>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <turnpike/base/progress.h>
#include <turnpike/discover/derivative.h>
#include <turnpike/discover/measurement.h>
#include <turnpike/pde/equation.h>

namespace turnpike {

struct DiscoveryOptions {
  std::string form = "weak";              // form_names()
  DerivativeOptions space{}, time{};      // strong and published form: how derivatives are taken
  std::string solver = "best_subset";     // solver_names()
  int polynomial_degree = 3;              // of the products of fields
  int derivative_order = 4;               // highest in space
  int time_order = 0;                     // left side u_t (1) or u_tt (2); 0: u_t, and u_tt where that finds nothing
  bool modulus = true;                    // complex fields: powers of |u|
  bool trigonometric = false;             // sin and cos of the fields
  std::vector<std::string> formulas;      // user terms over fields and axes: "exp(-x)*u", "(x*u)_x"
  std::vector<std::string> equations_of;  // fields whose equations are wanted; none: all that are not given
  double published_step = 1;              // published form: the step of its tolerance
  int resamples = 100;                    // of the ensemble behind the inclusion probabilities; 0: none
  std::uint64_t seed = 0;
};

struct FoundTerm {
  std::string term;  // "u*u_x"
  std::complex<double> coefficient;
  std::complex<double> low, high;  // 95 %, for real and imaginary part
  double inclusion = 1;            // share of the resamples whose equation has the term
};

// One step of the path of sparsity: the equation with that many terms.
struct PathStep {
  std::vector<std::string> terms;
  double residual = 0;   // |b - G xi| / |b|
  double criterion = 0;  // what is minimised
  bool chosen = false;
};

struct FoundEquation {
  std::string lhs;  // "u_t"
  std::vector<FoundTerm> terms;
  bool found = false;
  bool undecided = false;  // not found, as the data do not tell it from another one
  std::string reason;      // why none was found
  double residual = 0;
  std::vector<PathStep> path;
  // Inclusion probability of every candidate that any resample took, the terms above among them.
  std::vector<std::pair<std::string, double>> inclusion;

  std::string text() const;   // "u_t = -1.0000 u*u_x + 0.1000 u_xx"
  std::string latex() const;  // "u_t = -1.0000\,u\,u_x + 0.1000\,u_{xx}"
};

struct Discovery {
  std::vector<FoundEquation> equations;
  bool found = false;              // all of them
  std::string reason;              // of the first that was not
  std::string criterion;           // by which the number of terms was chosen, in words
  std::string form, solver;        // as run
  std::vector<std::string> notes;  // what was decided from the data: widths of the test functions, rows, noise seen
  std::int64_t rows = 0, candidates = 0;
};

// What was found, to be simulated (pde/simulate.h): derivatives of products are expanded. Nothing where a term has no
// such form: a user's formula, the derivative of |u|.
std::optional<Equation> equation_of(const Discovery& discovery, const Measurement& measurement);

const std::vector<std::string>& form_names();    // "weak", "strong", "published"
const std::vector<std::string>& solver_names();  // "best_subset", "threshold", ...

Discovery discover(const std::vector<Measurement>& measurements, const DiscoveryOptions& options = {},
                   Progress& progress = no_progress());

}  // namespace turnpike
