// How labels become the y of a cost, and outputs become decisions and probabilities.
//
//   coding    y of the cost                    outputs m   decision
//   real      the targets, [N, m]              m           -
//   signs     two classes as -1, +1, [N, 1]    1           the sign
//   one_hot   unit vectors, [N, C]             C           the largest output
//   classes   class numbers, [N] int64         C           the largest output
//
//   TargetCoding coding = coding_for(*make_cost("cross_entropy"), /*n_classes=*/3);   // classes
//   Tensor y = encode_target(labels, coding, 3, at::kFloat);
//
// Errors: ContractError for shapes, and for a cost that does not fit the task.
#pragma once

#include <string_view>

#include <turnpike/flow/cost.h>

namespace turnpike {

enum class TargetCoding { real, signs, one_hot, classes };
const char* name_of(TargetCoding coding);
TargetCoding target_coding_named(std::string_view name);

// The coding that a cost needs for a task with that many classes (0: regression): InputError in one sentence if the
// cost does not fit the task, as cross entropy for regression or the logistic cost for three classes.
TargetCoding coding_for(const Cost& cost, std::int64_t n_classes);
std::int64_t n_outputs_of(TargetCoding coding, std::int64_t n_classes, std::int64_t n_targets);

// y: [N, m] real targets, or [N] int64 class numbers.
Tensor encode_target(const Tensor& y, TargetCoding coding, std::int64_t n_classes, c10::ScalarType dtype);
Tensor decide(const Tensor& z, TargetCoding coding);  // [N] int64; ContractError for real

// What the outputs say of P(class | x), [N, C]: softmax for cross entropy; the sigmoid for logistic and binary cross
// entropy (one against the rest: normalised); for the distances to a code, whose best output is the conditional mean
// (or median) of the code, the output itself, clipped to [0, 1] and normalised.
Tensor class_probabilities(const Tensor& z, TargetCoding coding, std::string_view cost);

}  // namespace turnpike
