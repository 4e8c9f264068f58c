#include <turnpike/study/classifier.h>

#include <ATen/ATen.h>

#include <turnpike/base/error.h>
#include <turnpike/base/seed.h>
#include <turnpike/train/evaluate.h>

namespace turnpike {

Classifier train_classifier(const ClassifierSpec& spec, const Dataset& data, std::uint64_t seed, Progress& progress) {
  Classifier net{
      .model = Model::make({.n_features = data.schema.n_inputs(),
                            .width = spec.width,
                            .n_outputs = data.schema.n_outputs(),
                            .lift = Lift::pad,
                            .head = Head::linear,
                            .field = {.kind = spec.field, .dimension = spec.width, .activation = spec.activation},
                            .scheme = spec.scheme,
                            .horizon = spec.horizon,
                            .layers = spec.layers,
                            .coding = TargetCoding::classes,
                            .cost = "cross_entropy",
                            .initial_scale = spec.scale},
                           at::kDouble, seed),
      .objective = {.cost = make_cost("cross_entropy"), .running = 0, .terminal = 1, .penalty = spec.penalty}};
  net.model.schema = data.schema;
  if (spec.first_layers == FirstLayers::repeated) {
    const Tensor first = net.model.control[0].clone();
    net.model.control.copy_(first.expand_as(net.model.control));
  }
  try {
    train(net.model, net.objective, data, nullptr,
          {.epochs = spec.epochs,
           .batch = spec.batch,
           .seed = seed_for(seed, "batches"),
           .optimiser = {.rate = spec.rate},
           .schedule = {.kind = ScheduleKind::cosine}},
          progress);
  } catch (const Interrupted&) {
    throw;
  } catch (const InputError&) {
    throw;
  } catch (const ContractError&) {
    throw;
  } catch (const Error&) {
    net.diverged = true;
  }
  net.train_score = evaluate(net.model, net.objective, data).score;
  return net;
}

}  // namespace turnpike
