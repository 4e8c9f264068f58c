#include <turnpike/train/penalty.h>

#include <fmt/format.h>
#include <torch/types.h>

#include <turnpike/base/error.h>
#include <turnpike/base/options.h>
#include <array>
#include <string>

namespace turnpike {
namespace {

struct KindName {
  PenaltyKind kind;
  const char* name;
};
constexpr std::array<KindName, 4> kinds{
    {{PenaltyKind::l2, "L2"}, {PenaltyKind::l1, "L1"}, {PenaltyKind::h1, "H1"}, {PenaltyKind::jump, "jump"}}};

}  // namespace

PenaltyKind penalty_named(std::string_view name) {
  std::vector<std::string> names;
  for (const KindName& entry : kinds) {
    if (name == entry.name) return entry.kind;
    names.push_back(entry.name);
  }
  const std::string near = did_you_mean(name, names);
  throw InputError(fmt::format("unknown penalty '{}'{}; the penalties are L2, L1, H1 and jump", name,
                               near.empty() ? "" : fmt::format("; did you mean '{}'?", near)));
}

const char* name_of(PenaltyKind kind) {
  for (const KindName& entry : kinds)
    if (entry.kind == kind) return entry.name;
  return "?";
}

Tensor Penalty::value(const ControlGrid& grid, const Tensor& control) const {
  if (weight == 0) return control.new_zeros({});
  switch (kind) {
    case PenaltyKind::l2: return weight * grid.l2_squared(control);
    case PenaltyKind::l1: return weight * grid.l1(control);
    case PenaltyKind::h1:
      require(grid.kind() != ControlKind::constant,
              "the H1 penalty needs a control with a derivative: choose a linear control, or the penalty jump");
      return weight * (grid.l2_squared(control) + grid.variation_squared(control));
    case PenaltyKind::jump:
      require(grid.kind() != ControlKind::linear,
              "the jump penalty needs a piecewise constant control: choose the penalty H1 for a linear one");
      return weight * (grid.l2_squared(control) + grid.variation_squared(control));
  }
  return {};
}

Tensor Penalty::prox(const ControlGrid& grid, const Tensor& control, double step) const {
  if (smooth()) return control;
  const Tensor norm = control.norm(2, 1, /*keepdim=*/true);  // [slots, 1]
  // |v_k| of the minimiser: the radial problem min (r - |w_k|)^2 / (2 step) + lambda h_k r over 0 <= r <= M is convex
  // in r.
  Tensor radius = norm;
  if (kind == PenaltyKind::l1) {
    require(grid.kind() != ControlKind::linear,
            "the prox of L1 is known for piecewise constant and shared controls only: choose one of them, or another "
            "penalty");
    radius = (norm - step * weight * grid.cell_lengths(control).unsqueeze(1)).clamp_min(0);
  }
  radius = radius.clamp_max(bound);
  // Untouched slots keep their bits; a zero slot is one of them, so 0 / 0 is never chosen.
  return at::where(radius == norm, control, control * (radius / norm));
}

}  // namespace turnpike
