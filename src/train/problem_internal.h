// The objective of a model on data as training sees it: a function of a few leaves, evaluated on rows, with what is
// measured on the way. One host read an evaluation.
#pragma once

#include <span>

#include <turnpike/data/dataset.h>
#include <turnpike/net/model.h>
#include <turnpike/train/objective.h>
#include <turnpike/train/optimiser.h>

namespace turnpike {

double score_of(const Model& model, double sum, std::int64_t n);
void check_data(const Model& model, const Dataset& data, const char* what);

struct Measured {
  double objective = 0, loss = 0, score_sum = 0;
  double gradient_norm = 0;  // before clipping; 0 if no gradient was asked for
  Tensor value;              // what the optimiser is given
};

class Problem {
 public:
  // Makes leaves of the model's tensors (the model keeps them, without gradients again once this object is gone).
  // `smooth_only`: the L1 penalty is left to a prox.
  Problem(Model& model, const Objective& objective, bool smooth_only);
  ~Problem();
  Problem(const Problem&) = delete;
  Problem& operator=(const Problem&) = delete;

  const std::vector<Tensor>& parameters() const { return parameters_; }
  NonSmooth non_smooth() const;

  // f on these rows; with `gradient`, its gradient in the parameters, cut to norm `clip` if that is positive.
  Measured evaluate(const Examples& inputs, bool gradient, double clip = 0) const;
  void project() const;  // onto the bound |u| <= M

  NamedTensors values() const;  // copies
  void assign_values(const NamedTensors& values);

 private:
  Model& model_;
  const Objective& objective_;
  bool smooth_only_;
  std::vector<std::string> names_;
  std::vector<Tensor> parameters_;
};

void convert(Model& model, c10::ScalarType dtype);  // all its tensors

}  // namespace turnpike
