// The control u: [0, T] -> R^P of a flow, as one tensor of values [slots, P] and a linear map from slots to times.
//
//   constant  u(t) = values[k] on cell k = [knots[k], knots[k+1])          slots = cells
//   linear    u interpolates values[k] at knots[k]                        slots = cells + 1
//   shared    u(t) = values[0]: one layer, applied again and again        slots = 1
//
// A step of a flow never crosses a knot (Mesh sees to it), so u is smooth inside a step.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include <turnpike/core/tensor.h>

namespace turnpike {

enum class ControlKind { constant, linear, shared };
ControlKind control_kind_named(std::string_view name);
const char* name_of(ControlKind kind);

struct SlotWeight {
  std::int64_t slot = 0;
  double weight = 0;
};

class ControlGrid {
 public:
  ControlGrid() = default;
  ControlGrid(ControlKind kind, std::vector<double> knots);  // knots ascending from 0 to T; at least two
  static ControlGrid uniform(ControlKind kind, double horizon, std::int64_t cells);

  ControlKind kind() const { return kind_; }
  const std::vector<double>& knots() const { return knots_; }
  double horizon() const { return knots_.back(); }
  std::int64_t cells() const { return static_cast<std::int64_t>(knots_.size()) - 1; }
  std::int64_t slots() const;

  // The slots (one or two) that make u(t) for a time t of the step [start, end].
  struct Stencil {
    std::array<SlotWeight, 2> entries;
    int count = 0;
  };
  Stencil stencil(double t, double start, double end) const;

  // u at the given times, [n, P]; at a knot of a constant control the value of the cell to its right (at T, to its
  // left).
  Tensor sample(const Tensor& values, const std::vector<double>& times) const;

  // Norms of u, scalars that autograd can differentiate; |.| is the Euclidean norm of R^P.
  Tensor l2_squared(const Tensor& values) const;  // int |u|^2 dt, exact for every kind
  Tensor l1(const Tensor& values) const;          // int |u| dt; exact if constant or shared, else 4-point Gauss a cell
  Tensor sup(const Tensor& values) const;         // max |u|
  // int |u_dot|^2 dt for linear; for constant the `jump` sum |u_{k+1} - u_k|^2 / h_k, h_k between the cells' midpoints;
  // 0 if shared.
  Tensor variation_squared(const Tensor& values) const;
  Tensor cell_lengths(const Tensor& like) const;  // [slots] for constant and shared: the time each slot is active

 private:
  ControlKind kind_ = ControlKind::constant;
  std::vector<double> knots_ = {0, 1};
};

}  // namespace turnpike
