// Fits with 95 % confidence intervals.
#pragma once

#include <span>

namespace turnpike {

struct LineFit {
  double slope = 0, intercept = 0;
  double slope_low = 0, slope_high = 0;  // 95 %, Student's t with n - 2 degrees of freedom
  double intercept_low = 0, intercept_high = 0;
  double r_squared = 0;
  long n_points = 0;
};

// Ordinary least squares of y = intercept + slope x. Needs three points with two distinct x: ContractError otherwise.
LineFit fit_line(std::span<const double> x, std::span<const double> y);

// y ~ C exp(-rate t): a line through log y. Points with y <= floor are left out (rounding); rate = -slope.
struct DecayFit {
  double rate = 0, rate_low = 0, rate_high = 0;
  double constant = 0;  // C
  double r_squared = 0;
  long n_points = 0;
};
DecayFit fit_decay(std::span<const double> t, std::span<const double> y, double floor = 0);

// The order p of error ~ C h^p: slope of log error against log h over the points with error > floor (round-off
// dropped).
LineFit fit_order(std::span<const double> h, std::span<const double> error, double floor = 0);

struct Interval {
  double mean = 0, low = 0, high = 0;  // 95 % for the mean, Student's t
  double deviation = 0;                // sample standard deviation
};
Interval mean_interval(std::span<const double> samples);  // needs two samples

// Clopper and Pearson's 95 % interval of a probability from its successes: it covers with at least 95 % for every n.
// `mean` is the share, `deviation` that of one trial, sqrt(mean (1 - mean)). ContractError unless 0 <= successes <=
// trials and trials > 0. Source: Biometrika 26 (1934), doi:10.1093/biomet/26.4.404.
Interval proportion_interval(long successes, long trials);

// Spearman's rank correlation, ties at their mean rank; interval by Fisher's z with variance (1 + value^2 / 2) / (n -
// 3) (Bonett & Wright 2000, doi:10.1007/BF02294183). NaN where one of the two is constant. Needs four pairs.
struct Correlation {
  double value = 0, low = 0, high = 0;  // 95 %
  long n_points = 0;
};
Correlation rank_correlation(std::span<const double> x, std::span<const double> y);

double student_quantile(double probability, double degrees_of_freedom);

}  // namespace turnpike
