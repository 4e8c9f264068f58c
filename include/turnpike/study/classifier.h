// A flow that learns to tell classes, from one seed: what several studies train and then look at.
//
//   x_0 = (x, 0),  x_dot = f(t, x; u(t)) on [0, T],  z = P x(T),  cross entropy of softmax(z), Adam with a cosine
//   schedule
//
//   Classifier net = train_classifier({.field = "antisymmetric", .layers = 256}, train, seed, study.progress());
//   evaluate(net.model, net.objective, test).score
//
// `first_layers` says how the network starts: `repeated` gives all layers the same random weights, so that networks of
// any depth start as discretisations of one and the same differential equation; `independent` draws each layer anew,
// whose sum over K layers of step T/K then shrinks like K^-1/2.
// A run that leaves the finite numbers keeps the weights of its last good epoch and says so.
#pragma once

#include <cstdint>
#include <string>

#include <turnpike/net/model.h>
#include <turnpike/train/objective.h>
#include <turnpike/train/trainer.h>

namespace turnpike {

enum class FirstLayers { repeated, independent };

struct ClassifierSpec {
  std::string field = "outer", scheme = "euler";
  Activation activation = Activation::tanh;
  std::int64_t width = 4, layers = 16;
  double horizon = 20;
  FirstLayers first_layers = FirstLayers::repeated;
  double scale = 1;  // of the first weights
  Penalty penalty{.kind = PenaltyKind::jump};
  double rate = 0.05;
  std::int64_t epochs = 300, batch = 0;
};

struct Classifier {
  Model model;
  Objective objective;
  double train_score = 0;
  bool diverged = false;
};

Classifier train_classifier(const ClassifierSpec& spec, const Dataset& data, std::uint64_t seed,
                            Progress& progress = no_progress());

}  // namespace turnpike
