// Does y fall exponentially along depth, where, and how fast? Says no where it does not.
//
//   y(t) ~ C exp(-rate t) on a window [start, end] that is chosen by rule and stated in `text`
//
// 1. Points at or below the floor (rounding, exact zeros) are left out.
// 2. log y is cut into one to four straight pieces by least squares, their number by the Bayesian information
// criterion; pieces
//    whose slopes agree within 30 % are joined. Deviations below 1 % of y never count.
// 3. The window is the last piece that falls tenfold or more (what is before is the transient; after, a plateau or a
// rise).
// 4. It is exponential unless R^2 < 0.9 there, or a law with a rate that changes twofold or more, C (t + c)^-q or C
// exp(-b t^s),
//    fits the window better than a line, or all up to the window's end better than the pieces (by 2 in the criterion).
//
//   Decay decay = find_decay(profile.times, profile.cost);
//   if (decay.verdict == DecayVerdict::exponential) plot_line(decay.fit, decay.start, decay.end);
//
// The interval is that of independent residuals: along a smooth curve it is too narrow.
#pragma once

#include <span>
#include <string>

#include <turnpike/math/fit.h>

namespace turnpike {

enum class DecayVerdict { exponential, power_law, none };
const char* name_of(DecayVerdict verdict);

struct Decay {
  DecayVerdict verdict = DecayVerdict::none;
  double start = 0, end = 0;  // the window; start == end if there is none
  DecayFit fit;               // of the exponential, on the window
  double power = 0;           // q, where a power law C (t + c)^-q fits better
  std::string text;           // one sentence with the window and the reason
};

// t ascending, as many as y. Needs six usable points; with fewer there is no decay to speak of.
Decay find_decay(std::span<const double> t, std::span<const double> y, double floor = 0);

}  // namespace turnpike
