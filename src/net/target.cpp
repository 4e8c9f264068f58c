#include <turnpike/net/target.h>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

struct CodingEntry {
  TargetCoding coding;
  const char* name;
};
constexpr CodingEntry codings[] = {{TargetCoding::real, "real"},
                                   {TargetCoding::signs, "signs"},
                                   {TargetCoding::one_hot, "one_hot"},
                                   {TargetCoding::classes, "classes"}};

bool is_sigmoidal(std::string_view cost) {
  return cost == "logistic" || cost == "binary_cross_entropy";
}

}  // namespace

const char* name_of(TargetCoding coding) {
  for (const CodingEntry& entry : codings)
    if (entry.coding == coding) return entry.name;
  throw ContractError(fmt::format("no target coding has the number {}", static_cast<int>(coding)));
}

TargetCoding target_coding_named(std::string_view name) {
  for (const CodingEntry& entry : codings)
    if (entry.name == name) return entry.coding;
  throw InputError(fmt::format("unknown target coding '{}'; choose one of real, signs, one_hot, classes", name));
}

TargetCoding coding_for(const Cost& cost, std::int64_t n_classes) {
  const std::string name = cost.name();
  if (n_classes == 0) {
    if (cost.classes() || name == "logistic")
      throw InputError(
          fmt::format("the cost '{}' needs classes and the task is regression; use mean_square or absolute", name));
    return TargetCoding::real;
  }
  if (cost.classes()) return TargetCoding::classes;
  if (name == "logistic" && n_classes != 2)
    throw InputError(
        fmt::format("the cost 'logistic' separates two classes and the data have {}; use cross_entropy", n_classes));
  // Binary cross entropy asks for targets in [0, 1]: one output a class, also for two.
  if (name == "binary_cross_entropy") return TargetCoding::one_hot;
  return n_classes == 2 ? TargetCoding::signs : TargetCoding::one_hot;
}

std::int64_t n_outputs_of(TargetCoding coding, std::int64_t n_classes, std::int64_t n_targets) {
  switch (coding) {
    case TargetCoding::real: return n_targets;
    case TargetCoding::signs: return 1;
    case TargetCoding::one_hot:
    case TargetCoding::classes: return n_classes;
  }
  throw ContractError("n_outputs_of: no such coding");
}

Tensor encode_target(const Tensor& y, TargetCoding coding, std::int64_t n_classes, c10::ScalarType dtype) {
  if (coding == TargetCoding::real) {
    require(y.dim() == 2, "real targets must be [N, m], got " + describe(y));
    return y.to(dtype);
  }
  require(y.dim() == 1 && y.scalar_type() == at::kLong, "class numbers must be [N] int64, got " + describe(y));
  switch (coding) {
    case TargetCoding::signs:
      require(n_classes == 2, fmt::format("the coding 'signs' is for two classes, got {}", n_classes));
      return (2 * y - 1).to(dtype).unsqueeze(1);
    case TargetCoding::one_hot: return at::one_hot(y, n_classes).to(dtype);
    default: return y;
  }
}

Tensor decide(const Tensor& z, TargetCoding coding) {
  require(coding != TargetCoding::real, "decide: the outputs of a regression are not classes");
  return coding == TargetCoding::signs ? (z.select(1, 0) > 0).to(at::kLong) : z.argmax(1);
}

Tensor class_probabilities(const Tensor& z, TargetCoding coding, std::string_view cost) {
  require(coding != TargetCoding::real, "class_probabilities: the outputs of a regression are not classes");
  if (coding == TargetCoding::classes) return at::softmax(z, 1);
  if (coding == TargetCoding::signs) {
    // code = 2 [class 1] - 1, whose mean is 2 p - 1
    const Tensor p = is_sigmoidal(cost) ? at::sigmoid(z) : ((z + 1) / 2).clamp(0, 1);
    return at::cat({1 - p, p}, 1);
  }
  const Tensor p = is_sigmoidal(cost) ? at::sigmoid(z) : z.clamp(0, 1);
  const Tensor sum = p.sum(1, true);
  // All outputs at or below zero say nothing about the class: every class is as likely.
  return at::where(sum > 0, p / sum.clamp_min(1e-30), at::full_like(p, 1.0 / static_cast<double>(p.size(1))));
}

}  // namespace turnpike
