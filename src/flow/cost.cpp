#include <turnpike/flow/cost.h>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/base/error.h>
#include <turnpike/base/options.h>

namespace turnpike {

Tensor Readout::operator()(const Tensor& x) const {
  if (!weight.defined()) return bias.defined() ? x + bias : x;
  return bias.defined() ? at::addmm(bias, x, weight.t()) : at::mm(x, weight.t());
}

namespace {

struct CostEntry {
  const char* name;
  bool classes;
  Tensor (*value)(const Tensor& z, const Tensor& y);
};

Tensor sum_outputs(const Tensor& cost) {
  return cost.sum(1);
}

const CostEntry table[] = {
    // |z - y|^2
    {"mean_square", false, [](const Tensor& z, const Tensor& y) { return sum_outputs((z - y).square()); }},
    // |z - y|_1
    {"absolute", false, [](const Tensor& z, const Tensor& y) { return sum_outputs((z - y).abs()); }},
    // |z - y|_2
    {"distance", false,
     [](const Tensor& z, const Tensor& y) { return at::linalg_vector_norm(z - y, 2, at::IntArrayRef{1}); }},
    // log sum_c exp(z_c) - z_y
    {"cross_entropy", true,
     [](const Tensor& z, const Tensor& y) {
       return at::logsumexp(z, at::IntArrayRef{1}) - z.gather(1, y.unsqueeze(1)).squeeze(1);
     }},
    // log(1 + e^z) - y z, without overflow
    {"binary_cross_entropy", false,
     [](const Tensor& z, const Tensor& y) {
       return sum_outputs(at::clamp_min(z, 0) - y * z + at::log1p(at::exp(-z.abs())));
     }},
    // log(1 + exp(-z y)), without overflow
    {"logistic", false,
     [](const Tensor& z, const Tensor& y) {
       const Tensor margin = -z * y;
       return sum_outputs(at::clamp_min(margin, 0) + at::log1p(at::exp(-margin.abs())));
     }},
};

class PointwiseCost final : public Cost {
 public:
  explicit PointwiseCost(const CostEntry& entry) : entry_(entry) {}
  std::string name() const override { return entry_.name; }
  bool classes() const override { return entry_.classes; }

  Tensor operator()(double, const Tensor& z, const Tensor& y) const override {
    if (entry_.classes) {
      require(y.dim() == 1 && y.size(0) == z.size(0) && y.scalar_type() == at::kLong,
              fmt::format("{}: y must hold one class number (int64) a sample, [{}]; got {}", entry_.name, z.size(0),
                          describe(y)));
    } else {
      require_shape(y, z.sizes(), fmt::format("{}: y", entry_.name));
    }
    return entry_.value(z, y);
  }

 private:
  const CostEntry& entry_;
};

}  // namespace

std::vector<std::string> cost_names() {
  std::vector<std::string> names;
  for (const CostEntry& entry : table) names.emplace_back(entry.name);
  return names;
}

CostPtr make_cost(std::string_view name) {
  for (const CostEntry& entry : table) {
    if (name == entry.name) return std::make_shared<PointwiseCost>(entry);
  }
  const std::string near = did_you_mean(name, cost_names());
  throw InputError(fmt::format("unknown cost '{}'; {}", name,
                               near.empty() ? fmt::format("choose one of {}", fmt::join(cost_names(), ", "))
                                            : fmt::format("did you mean '{}'?", near)));
}

}  // namespace turnpike
