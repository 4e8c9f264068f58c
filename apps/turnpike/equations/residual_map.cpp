#include "residual_map.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <turnpike/base/error.h>
#include <turnpike/discover/strong_form.h>
#include <turnpike/discover/weak_form.h>

namespace turnpike {
namespace {

// The candidates of the equation, and the coefficient of each.
struct Terms {
  std::vector<Candidate> candidates;
  std::vector<double> coefficients;
};

std::optional<Terms> terms_of(const Measurement& measurement, const FoundEquation& equation,
                              const DiscoveryOptions& options) {
  const std::vector<Candidate> library = candidate_library(measurement, {.polynomial_degree = options.polynomial_degree,
                                                                         .derivative_order = options.derivative_order,
                                                                         .products = options.form == "strong",
                                                                         .modulus = options.modulus,
                                                                         .trigonometric = options.trigonometric,
                                                                         .formulas = options.formulas});
  Terms terms;
  std::size_t matched = 0;
  for (const FoundTerm& term : equation.terms) {
    bool found = false;
    for (Candidate candidate : library) {
      const bool imaginary = candidate.imaginary_unit;
      candidate.imaginary_unit = false;
      const TermText text = term_text(candidate, measurement);
      if (text.text != term.term) continue;
      candidate.imaginary_unit = imaginary;
      terms.candidates.push_back(candidate);
      terms.coefficients.push_back((imaginary ? term.coefficient.imag() : term.coefficient.real()) / text.factor);
      found = true;
    }
    matched += found;
  }
  if (matched != equation.terms.size()) return std::nullopt;
  return terms;
}

std::optional<LeftSide> left_side_of(const Measurement& measurement, const FoundEquation& equation) {
  for (std::size_t f = 0; f < measurement.fields.size(); ++f)
    for (int order : {1, 2})
      if (const LeftSide side{static_cast<int>(f), order}; left_side_text(side, measurement) == equation.lhs)
        return side;
  return std::nullopt;
}

// Evenly from the first point that a whole test function, or a derivative, surrounds to the last.
std::vector<double> lattice_points(const GridAxis& axis, std::int64_t count) {
  const double margin = 0.5 * (axis.points.back() - axis.points.front()) / static_cast<double>(count + 1);
  std::vector<double> points(static_cast<std::size_t>(count));
  const double low = axis.points.front() + margin, high = axis.points.back() - margin;
  for (std::size_t k = 0; k < points.size(); ++k)
    points[k] =
        count == 1 ? (low + high) / 2 : low + (high - low) * static_cast<double>(k) / static_cast<double>(count - 1);
  return points;
}

}  // namespace

std::optional<ResidualMap> residual_map(const Measurement& measurement, const FoundEquation& equation,
                                        const DiscoveryOptions& options) {
  if (options.form == "published") return std::nullopt;
  if (!std::all_of(measurement.axes.begin(), measurement.axes.end(), [](const GridAxis& a) { return a.uniform(); }))
    return std::nullopt;
  const std::optional<Terms> terms = terms_of(measurement, equation, options);
  const std::optional<LeftSide> side = left_side_of(measurement, equation);
  if (!terms || !side) return std::nullopt;
  LinearSystem system;
  try {
    system = options.form == "weak"
                 ? weak_system({measurement}, terms->candidates, {*side}, {.correct_noise = false})
                 : strong_system({measurement}, terms->candidates, {*side},
                                 {.space = options.space, .time = options.time, .see_errors = false});
  } catch (const InputError&) {
    return std::nullopt;
  }
  const RowBlock& block = system.blocks[0];
  double square = 0;
  std::vector<double> residual = system.rhs[0];
  for (double b : residual) square += b * b;
  for (std::size_t j = 0; j < terms->coefficients.size(); ++j) {
    const auto column = system.columns.column(j);
    for (std::size_t r = 0; r < residual.size(); ++r) residual[r] -= terms->coefficients[j] * column[r];
  }
  const std::size_t n = block.points.size();
  const double scale = std::sqrt(square / static_cast<double>(n));
  ResidualMap map;
  std::int64_t lattice = 1;
  for (std::size_t k = 0; k < block.lattice.size(); ++k) {
    map.points.push_back(lattice_points(measurement.axes[k], block.lattice[k]));
    lattice *= block.lattice[k];
  }
  map.values.assign(static_cast<std::size_t>(lattice), std::numeric_limits<double>::quiet_NaN());
  for (std::size_t r = 0; r < n; ++r) {
    const double value = block.components == 2 ? std::hypot(residual[r], residual[n + r]) : residual[r];
    map.values[static_cast<std::size_t>(block.points[r])] = value / scale;
  }
  return map;
}

}  // namespace turnpike
