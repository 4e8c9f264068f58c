// P2. True-positive ratio and error of the weak form against noise.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include <turnpike/math/fit.h>
#include <turnpike/study/study.h>

#include "studies/equations/data.h"

namespace turnpike::studies {
namespace {

struct Case {
  KnownSystem (*system)(StudyContext&);
  double level;        // up to which the ratio was at least 0.95, as published
  double error_at_1;   // largest relative error at 1 %, as published
  int full_runs;       // at most
  bool planar;         // two dimensions in space: not in quick
  bool close = false;  // the error at 1 % is near the published one: three seeds do not tell
};

const Case cases[] = {
    {kdv, 1.0, 6.7e-4, 20, false},
    {kuramoto_sivashinsky, 1.0, 1.8e-4, 20, false, true},
    {nls, 0.5, 2.9e-4, 20, false},
    {[](StudyContext& study) { return reaction_diffusion(study, false); }, 0.22, 6.0e-4, 8, true},
    {navier_stokes, 0.27, 1.2e-3, 8, true},
};

struct Measured {
  Interval ratio, error;  // of the largest error, over the runs with the right terms
};

Interval interval_of(const std::vector<double>& samples) {
  if (samples.empty()) return {NAN, NAN, NAN, NAN};
  if (samples.size() == 1) return {samples[0], samples[0], samples[0], 0};
  return mean_interval(samples);
}

Measured measure(const KnownSystem& system, double noise, int runs, StudyContext& study) {
  std::vector<double> ratios, errors;
  for (int s = 0; s < runs; ++s) {
    study.at(fmt::format("{}, noise {:g} %", system.name, 100 * noise), s, runs);
    Measurement data = system.data;
    add_noise(data, noise, study.random("noise " + system.name, static_cast<std::uint64_t>(s)).below(1u << 30));
    const Score result = score(discover({data}, system.options), system.truth);
    ratios.push_back(result.true_positive_ratio());
    if (result.exact()) errors.push_back(result.worst_error());
  }
  return {interval_of(ratios), interval_of(errors)};
}

}  // namespace

StudyReport run_noise_levels(StudyContext& study) {
  StudyReport report;
  Figure figure({.title = "The weak form under noise",
                 .caption = "Means over noise seeds with 95 % intervals. Dashed: 0.95, the published ratio."});
  Panel& ratio_panel = figure.panel("terms");
  ratio_panel.x({.label = "noise, relative to the root mean square", .scale = Scale::log})
      .y({.label = "true-positive ratio", .low = 0, .high = 1.05})
      .y_mark(0.95);
  Panel& error_panel = figure.panel("coefficients");
  error_panel.x({.label = "noise, relative to the root mean square", .scale = Scale::log})
      .y({.label = "largest relative error", .scale = Scale::log});
  int colour = 0;
  for (const Case& known : cases) {
    if (known.planar && !study.full()) continue;
    const KnownSystem system = known.system(study);
    const int runs = study.full() ? std::min(study.seeds(), known.full_runs) : std::min(study.seeds(), 3);
    std::vector<double> levels = {0.01, 0.05, 0.1, 0.22, 0.5, 1.0};
    if (!study.full()) levels = {0.01, known.level};
    if (known.planar) levels = {0.01, 0.1};
    if (std::find(levels.begin(), levels.end(), known.level) == levels.end()) levels.push_back(known.level);
    std::sort(levels.begin(), levels.end());
    std::vector<double> ratio, ratio_low, ratio_high, error, error_low, error_high;
    for (const double level : levels) {
      const Measured measured = measure(system, level, runs, study);
      ratio.push_back(measured.ratio.mean);
      ratio_low.push_back(std::max(0.0, measured.ratio.low));
      ratio_high.push_back(std::min(1.0, measured.ratio.high));
      error.push_back(measured.error.mean);
      error_low.push_back(std::max(measured.error.low, 0.1 * measured.error.mean));
      error_high.push_back(measured.error.high);
      if (level == known.level)
        report.checks.push_back(
            check_at_least("P2", fmt::format("{}: true-positive ratio at {:g} % noise", system.name, 100 * level), "",
                           0.95, measured.ratio.mean)
                .with(ratio_low.back(), ratio_high.back()));
      if (level == 0.01 && (study.full() || !known.close))
        report.checks.push_back(check_at_most("P2", fmt::format("{}: largest relative error at 1 % noise", system.name),
                                              "", known.error_at_1, measured.error.mean)
                                    .with(measured.error.low, measured.error.high));
    }
    const Look look = {.label = system.name, .colour = colour++, .marker = Marker::circle};
    Look bars = look;
    bars.label.clear();
    bars.marker = Marker::none;
    ratio_panel.line(levels, ratio, look).intervals(levels, ratio_low, ratio_high, bars);
    error_panel.line(levels, error, look).intervals(levels, error_low, error_high, bars);
    report.method.push_back(fmt::format("{}: {}, {} noise seeds a level.", system.name, system.origin, runs));
  }
  report.figures.push_back({"noise", std::move(figure)});
  report.method.push_back(
      "The method and the libraries of the study of the seven equations, the same at every level: what is known of the "
      "noise is "
      "estimated from the data. Published levels and errors belong to the publication's own data; ours are the files "
      "of Rudy et al. "
      "and our simulators', and for Navier-Stokes periodic shear layers.");
  if (!study.full()) {
    report.not_run.push_back("Kuramoto-Sivashinsky, error at 1 %: the mean over few noise seeds varies by half of it.");
    report.not_run.push_back(
        "Reaction-diffusion and Navier-Stokes at the published levels need the fine grids of --full.");
  }
  return report;
}

}  // namespace turnpike::studies
