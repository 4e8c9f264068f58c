// How many terms: the path's equation with the least extended Bayesian information criterion,
//
//   n log((r^2 + e^2) / (v + e^2)) + k log n + 2 log C(p, k)
//
// n independent rows, k terms out of p candidates, r = |b - G xi| / |b|, v what noise on the data makes of r^2 for
// these coefficients (noise_gram), and the strong form's derivatives with twice the error E that finer ones see, the
// bound where those at least halve it: an equation is no better for having terms through which less of both comes in,
// and all right where r^2 = v. The last term is the price of having looked at C(p, k) equations (Chen, Chen, Biometrika
// 2008, doi:10.1093/biomet/asn034, gamma = 1): without it, of a hundred noisy candidates some always help. e = 1e-3
// (strong form: 1e-2) says that what explains all but a thousandth of the left side is exact: clean data have residuals
// of discretisation and round-off, which more terms always lower and which mean nothing.
//
// r^2 / v varies by chance, and not alike for two equations, as different noise comes in through their terms: with c
// the correlation of their residuals, n times the difference varies by 2 sqrt(n (1 - c^2)) (Vuong, Econometrica 1989,
// doi:10.2307/1912557). Within one such deviation of the best the shortest equation is chosen (Breiman's rule of one
// standard error); within three of the chosen one, another of no more terms is as good, and nothing is decided.
//
// Chosen over cross-validation, which keeps superfluous terms with a probability that does not fall with more data, and
// over a threshold on coefficients, which is one more number that the user would have to know.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <turnpike/discover/linear_system.h>
#include <turnpike/discover/sparse.h>
#include <turnpike/math/random.h>

namespace turnpike {

std::string criterion_text(double exact_residual);

// The equations that a path is chosen from: normal equations of unit columns, and what noise adds to them.
struct NoisyEquations {
  NormalEquations products;
  Matrix noise;   // [p + 1, p + 1], what noise adds to the products, in the same units; the left side is last
  Matrix errors;  // [p + 1, p + 1], 4 E'E of the derivatives' errors
  double independent_rows = 0, exact_residual = 1e-3;

  struct Misfit {
    double residual_square;            // r^2
    double accounted_square;           // v
    std::vector<double> coefficients;  // [support], of the unit columns
  };
  std::optional<Misfit> misfit(const Support& support) const;  // none where a combination of its columns may be noise
  double criterion(const Support& support) const;              // infinite there
  bool refutes(const Support& support) const;  // more is left than noise by chance, and what counts as exact

  // How much of the noise there can be, as a share of its square: 1, or what an equation of the path leaves of it that
  // explains more than half, beyond chance. Neighbours on a coarse grid differ by more than noise.
  double noise_left_by(const std::vector<Support>& path) const;

  // The criterion of the second over that of the first, in deviations of what noise makes of their difference.
  double preference(const Support& first, const Support& second) const;
  // Other equations with no more terms that are not refuted, nor the first clearly preferred to; the nearest first.
  std::vector<Support> rivals_of(const Support& support) const;
  NormalEquations without_noise() const;

  // Supports of growing size, of each the one with the least criterion among what the solver finds in the products as
  // they are and without noise: by residuals alone, terms win through which less noise comes in.
  std::vector<Support> path(const std::string& solver, int largest, const std::vector<Support>& start = {}) const;
};

// The path's index with the least criterion, or of the shortest equation within one deviation of that; -1: no term at
// all is better.
int choose_support(const NoisyEquations& equations, const std::vector<Support>& path);

// Of the residual's square over what noise makes of it: four deviations for that many rows, and the noise's own size
// is known to a tenth.
double most_by_chance(double independent_rows);

// By noise alone a column's length varies by chance: more than four deviations of that must be left for it to tell
// anything.
double least_signal(double independent_rows);

// The equations in boxes of rows about as large as what counts as one independent row, so that a resample is a sum of
// boxes. Columns that are noise alone are empty there.
class BoxedEquations {
 public:
  BoxedEquations(const LinearSystem& system, std::size_t left_side);

  const NoisyEquations& all() const { return all_; }
  NoisyEquations resample(Random& random) const;  // as many boxes, drawn with replacement
  // With the finer derivatives, whose errors are no larger than E where they halve those of the first.
  NoisyEquations finer() const;
  bool left_side_is_noise() const { return left_side_is_noise_; }

 private:
  NoisyEquations with_products(const Matrix& products) const;

  std::vector<Matrix> boxes_;  // gram of [G b], unit columns and unit b over all rows
  Matrix overlap_;             // G'E in the same units
  NoisyEquations all_;
  std::vector<bool> only_noise_;  // [p]
  bool left_side_is_noise_ = false;
};

// Least squares on the rows, with 95 % intervals that allow for overlapping rows: the sandwich
//   (G'G)^-1 G' C G (G'G)^-1,  C_kl = w(k - l) r_k r_l,
// w a triangle along each axis as long as rows share data (Conley, J. Econometrics 1999), times Student's quantile for
// the independent rows. Where finer derivatives were taken, what they move the coefficients by,
//   (G'G)^-1 G' (e_b - E xi),
// counts as one more deviation.
struct RowFit {
  std::vector<double> coefficients, deviations;  // [support]
  double quantile = 0;                           // the interval is coefficient +- quantile * deviation
  double residual = 1;                           // |b - G xi| / |b|
  double noise_square = 0;                       // of its square, what the model of the noise accounts for
  double error_square = 0;                       // and what twice the errors of the derivatives do
  std::vector<std::size_t> only_noise;  // entries of the support whose columns are noise; the fit is then biased
};
// `predicted`: the C of the model of the noise instead, which does not vary with the residual; to compare systems by.
enum class Uncertainty { measured, predicted };
RowFit fit_rows(const LinearSystem& system, std::size_t left_side, const Support& support,
                Uncertainty uncertainty = Uncertainty::measured);

// Drops the least certain term until each differs from zero at the level 0.1 %, shared over all candidates
// (Bonferroni): the criterion counts rows as if the residual were white, the sandwich does not, nor is it deceived by
// noise in the columns.
RowFit fit_significant(const LinearSystem& system, std::size_t left_side, Support& support);

// The nearest rival that the rows do not tell from the equation: none lacks a term of the other, or each does. A term
// is lacking whose coefficient, were it added, differs from zero at the level above.
std::optional<Support> rival_of(const LinearSystem& system, std::size_t left_side, const NoisyEquations& equations,
                                const Support& support);

}  // namespace turnpike
