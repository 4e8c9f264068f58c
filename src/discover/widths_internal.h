// Widths of the weak form's test functions, judged by an equation that was found: as factors on those that the spectrum
// gives, one an axis, time last. The spectrum knows nothing of the equation: high derivatives want wide test functions,
// detail narrow ones.
#pragma once

#include <cmath>
#include <map>
#include <vector>

#include <turnpike/base/progress.h>
#include <turnpike/discover/linear_system.h>
#include <turnpike/discover/sparse.h>
#include <turnpike/discover/weak_form.h>

namespace turnpike {

constexpr int most_width_steps = 3;
std::vector<double> narrower(std::vector<double> factors);  // by a step in space, of a trajectory in time

class WidthSearch {
 public:
  // `supports`: by left side of the system, the equation found; empty: none was.
  WidthSearch(const std::vector<Measurement>& measurements, const std::vector<DataSpectrum>& spectra,
              const LinearSystem& system, std::vector<Support> supports, Progress& progress);

  // An equation holds against every test function. Narrower ones in space, a step at a time from `factors`, that by the
  // model of the noise should make the coefficients more certain, and see more than noise in what the equation leaves;
  // none: it is not refuted.
  std::vector<double> refuting(std::vector<double> factors);

  // Where the coefficients are most certain: a step at a time from `factors`, in time, then in space.
  std::vector<double> most_certain(std::vector<double> factors);

 private:
  struct Trial {
    double uncertainty = INFINITY;  // mean of log(deviation / |coefficient|), by residual and model
    double predicted = INFINITY;    // the same, by the model of the noise alone
    bool refuted = false;
  };
  const Trial& at(const std::vector<double>& factors);
  Trial tried(const std::vector<double>& factors) const;

  const std::vector<Measurement>& measurements_;
  const std::vector<DataSpectrum>& spectra_;
  double fewest_rows_;
  std::vector<Candidate> candidates_;  // those of the supports
  std::vector<LeftSide> left_sides_;
  std::vector<Support> supports_;
  Progress& progress_;
  std::map<std::vector<double>, Trial> trials_;
};

}  // namespace turnpike
