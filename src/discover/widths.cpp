#include <algorithm>
#include <cmath>

#include <turnpike/discover/selection.h>

#include "widths_internal.h"

namespace turnpike {
namespace {

// A step, how many are gone, when one is worth it, and what it must leave.
constexpr double width_step = 1.5, least_gain = 0.1, fewest_rows_refined = 100;
constexpr int noise_sample = 2000;

bool is_refuted(const RowFit& fit, const LinearSystem& system) {
  return fit.residual * fit.residual >
         most_by_chance(system.effective_rows()) * (fit.noise_square + system.exact_residual * system.exact_residual);
}

}  // namespace

std::vector<double> narrower(std::vector<double> factors) {
  for (std::size_t axis = 0; axis < std::max<std::size_t>(factors.size() - 1, 1); ++axis) factors[axis] /= width_step;
  return factors;
}

WidthSearch::WidthSearch(const std::vector<Measurement>& measurements, const std::vector<DataSpectrum>& spectra,
                         const LinearSystem& system, std::vector<Support> supports, Progress& progress)
    : measurements_(measurements),
      spectra_(spectra),
      fewest_rows_(std::min(system.effective_rows(), fewest_rows_refined)),
      progress_(progress) {
  std::vector<int> taken;
  for (std::size_t s = 0; s < supports.size(); ++s) {
    if (supports[s].empty()) continue;
    left_sides_.push_back(system.left_sides[s]);
    taken.insert(taken.end(), supports[s].begin(), supports[s].end());
    supports_.push_back(std::move(supports[s]));
  }
  std::sort(taken.begin(), taken.end());
  taken.erase(std::unique(taken.begin(), taken.end()), taken.end());
  for (const int j : taken) candidates_.push_back(system.candidates[static_cast<std::size_t>(j)]);
  for (Support& support : supports_)
    for (int& j : support) j = static_cast<int>(std::lower_bound(taken.begin(), taken.end(), j) - taken.begin());
}

const WidthSearch::Trial& WidthSearch::at(const std::vector<double>& factors) {
  const auto known = trials_.find(factors);
  if (known != trials_.end()) return known->second;
  progress_.update("widths of the test functions", static_cast<std::int64_t>(trials_.size()), 0, "");
  return trials_.emplace(factors, tried(factors)).first->second;
}

// Deviations by the residual, which is one sample of the noise, and by its model, which takes the field as even over a
// test function.
WidthSearch::Trial WidthSearch::tried(const std::vector<double>& factors) const {
  const LinearSystem system =
      weak_system(measurements_, candidates_, left_sides_,
                  {.width_factors = factors, .noise_sample = noise_sample, .spectra = spectra_});
  Trial trial;
  if (system.effective_rows() < fewest_rows_) return trial;
  double both = 0, predicted = 0, terms = 0;
  for (std::size_t s = 0; s < left_sides_.size(); ++s) {
    const RowFit fit = fit_rows(system, s, supports_[s]);
    const RowFit model = fit_rows(system, s, supports_[s], Uncertainty::predicted);
    if (!fit.only_noise.empty()) return {};  // too narrow to tell
    trial.refuted = trial.refuted || is_refuted(fit, system);
    for (std::size_t a = 0; a < supports_[s].size(); ++a, ++terms) {
      if (!(model.deviations[a] > 0)) return {};  // a field too uneven for the model
      both += std::log(std::hypot(fit.deviations[a], model.deviations[a]) / std::abs(fit.coefficients[a]));
      predicted += std::log(model.deviations[a] / std::abs(fit.coefficients[a]));
    }
  }
  if (terms > 0) {
    trial.uncertainty = both / terms;
    trial.predicted = predicted / terms;
  }
  return trial;
}

std::vector<double> WidthSearch::refuting(std::vector<double> factors) {
  const double here = at(factors).predicted;
  for (int step = 0; step < most_width_steps; ++step) {
    factors = narrower(std::move(factors));
    const Trial& trial = at(factors);
    if (trial.refuted && trial.predicted < here - least_gain) return factors;
  }
  return {};
}

std::vector<double> WidthSearch::most_certain(std::vector<double> factors) {
  const std::size_t axes = factors.size();
  double least = at(factors).uncertainty;
  const auto go = [&](std::size_t first, std::size_t last, double step) {
    int steps = 0;
    for (; steps < most_width_steps; ++steps) {
      std::vector<double> trial = factors;
      for (std::size_t axis = first; axis < last; ++axis) trial[axis] *= step;
      const double value = at(trial).uncertainty;
      if (!(value < least - least_gain)) break;
      least = value;
      factors = std::move(trial);
    }
    return steps > 0;
  };
  if (!go(axes - 1, axes, 1 / width_step)) go(axes - 1, axes, width_step);
  if (axes > 1 && !go(0, axes - 1, width_step)) go(0, axes - 1, 1 / width_step);
  return factors;
}

}  // namespace turnpike
