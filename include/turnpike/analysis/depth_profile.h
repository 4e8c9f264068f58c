// What happens along the depth of a trained model, on data: one roll, the readout applied at every depth.
//
//   phi(t) = 1/N sum_i g(t, P x_i(t); y_i),   |u(t)| per slot,   1/N sum_i |x_i(t) - x_i(0)|
//
//   DepthProfile profile = depth_profile(model, test);
//   Decay decay = find_decay(profile.times, profile.cost);
//
// Guarantees: score[k] is the score of model.cut(k) on the same data, for every k >= 1; rows are rolled in pieces of
// bounded memory. Errors: ContractError for data without labels or of another shape than the model's.
#pragma once

#include <vector>

#include <turnpike/data/dataset.h>
#include <turnpike/net/model.h>

namespace turnpike {

struct DepthProfile {
  std::vector<double> times;          // [K + 1] the mesh, 0 to T
  std::vector<double> cost;           // [K + 1] phi(t), by the model's cost
  std::vector<double> score;          // [K + 1] accuracy, or root mean square error in original units
  std::vector<double> distance;       // [K + 1] mean |x(t) - x(0)|
  std::vector<double> path;           // [K + 1] mean length of the way from x(0) to x(t), along the mesh
  std::vector<double> control_times;  // [slots] middle of the slot's cell; of a linear control its knot
  std::vector<double> control_norm;   // [slots] |u|
};

DepthProfile depth_profile(const Model& model, const Dataset& data);

}  // namespace turnpike
