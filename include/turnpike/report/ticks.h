// Tick marks of an axis: round numbers that cover the data.
//
//   Ticks ticks = linear_ticks(0.13, 4.8, 6);   // major: 1 2 3 4
#pragma once

#include <string>
#include <vector>

namespace turnpike {

struct Ticks {
  std::vector<double> major, minor;  // ascending, all within [low, high]
  std::vector<std::string> labels;   // of the major ticks, as label markup
  std::string common;                // what all labels share, "$\times 10^{-6}$" or "+ 1.5"; mostly ""
};

// Multiples of 1, 2 or 5 times a power of ten; at most `at_most` (>= 2) of them, and at least one step from either end.
// Assumes low < high, both finite: ContractError otherwise.
Ticks linear_ticks(double low, double high, int at_most);

// Powers of ten (every k-th of them on a long axis) with minor ticks between them; over less than 1.5 decades also 2
// and 5 times a power, over less than a third of a decade linear ticks. Assumes 0 < low < high: ContractError
// otherwise.
Ticks log_ticks(double low, double high, int at_most);

}  // namespace turnpike
