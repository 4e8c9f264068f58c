// Work counted from the formulas, so that rates mean the same for every program that does it.
//
//   flops   of one gradient: products with the layer's matrices forward, for the state's cotangent and for the weights'
//           gradient; biases; the scheme's sums both ways; the cost. A multiply-add is two. Activations are not
//           counted: where they take the time, the rate says so.
//   bytes   that must pass at the least: inputs and gradients once, each state written once and read once.
#pragma once

#include "flow_case.h"

namespace turnpike {

double gradient_flops(const FlowCase& flow);
double gradient_bytes(const FlowCase& flow, int bytes_a_number);
double activations(const FlowCase& flow);  // sigma's evaluated forward

}  // namespace turnpike
