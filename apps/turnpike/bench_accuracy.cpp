#include "bench_accuracy.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <tuple>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <bench/python_peer.h>
#include <turnpike/base/seed.h>
#include <turnpike/core/device.h>
#include <turnpike/train/trainer.h>

#include "run_setup.h"

namespace turnpike {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

RunSetup setup_of(const AccuracyTask& task) {
  std::vector<const char*> words = {"turnpike", "train"};
  for (const std::string& word : task.words) words.push_back(word.c_str());
  RunSetup setup = prepare_run(parse_command_line(static_cast<int>(words.size()), words.data()));
  setup.training.polish = {};
  return setup;
}

// The rows of every epoch in the trainer's order.
Tensor order_of(const RunSetup& setup) {
  const std::int64_t epochs = setup.training.epochs, n = setup.train.size();
  Tensor order = at::empty({epochs, n}, at::kLong);
  for (std::int64_t epoch = 0; epoch < epochs; ++epoch) {
    const std::vector<std::int64_t> rows =
        Random(seed_for(setup.training.seed, "shuffle", static_cast<std::uint64_t>(epoch))).permutation(n);
    order[epoch].copy_(at::tensor(rows, at::kLong));
  }
  return order;
}

std::map<std::string, Tensor> handed_over(const RunSetup& setup, const Model& model) {
  const Examples train = model.examples(setup.train.all(setup.dtype)),
                 test = model.examples(setup.test.all(setup.dtype));
  Tensor rates = at::empty({setup.training.epochs}, at::kDouble);
  for (std::int64_t epoch = 0; epoch < setup.training.epochs; ++epoch)
    rates[epoch] = setup.training.schedule.rate(setup.training.optimiser.rate, epoch, setup.training.epochs);
  std::map<std::string, Tensor> arrays = {{"x_train", train.x},
                                          {"y_train", train.y},
                                          {"x_test", test.x},
                                          {"target_test", test.target},
                                          {"control", model.control},
                                          {"head_weight", model.head_weight},
                                          {"rates", rates}};
  if (setup.training.batch > 0) arrays["order"] = order_of(setup);
  if (model.head_bias.defined()) arrays["head_bias"] = model.head_bias;
  if (model.lift_weight.defined()) {
    arrays["lift_weight"] = model.lift_weight;
    arrays["lift_bias"] = model.lift_bias;
  }
  return arrays;
}

Json described(const RunSetup& setup, int threads) {
  const ModelSpec& spec = setup.spec;
  return {{"d", spec.width},
          {"K", spec.layers},
          {"h", spec.horizon / static_cast<double>(spec.layers)},
          {"field", spec.field.kind},
          {"activation", facts_of(spec.field.activation).name},
          {"loss", spec.cost},
          {"running", setup.objective.running},
          {"terminal", setup.objective.terminal},
          {"lambda", setup.objective.penalty.weight},
          {"head_trained", spec.head == Head::linear},
          {"signs", spec.coding == TargetCoding::signs},
          {"batch", setup.training.batch},
          {"threads", threads}};
}

Training ours(const RunSetup& setup, Model model, Progress& progress) {
  const double kernels = kernel_seconds(), start = seconds_now();
  const TrainResult result = train(model, setup.objective, setup.train, &setup.test, setup.training, progress);
  Training training{.inside = (kernel_seconds() - kernels) / (seconds_now() - start)};
  for (const EpochRecord& record : result.history) {
    training.seconds.push_back(record.seconds);
    training.accuracy.push_back(record.validation_score);
    training.objective.push_back(record.objective);
  }
  return training;
}

}  // namespace

double Training::seconds_to(double target) const {
  double total = 0;
  for (std::size_t i = 0; i < accuracy.size(); ++i) {
    total += seconds[i];
    if (accuracy[i] >= target) return total;
  }
  return NAN;
}

std::size_t Training::epochs_to(double target) const {
  for (std::size_t i = 0; i < accuracy.size(); ++i)
    if (accuracy[i] >= target) return i + 1;
  return 0;
}

std::vector<AccuracyTask> accuracy_tasks() {
  std::vector<AccuracyTask> tasks = {{"spirals", {"schedule=constant", "epochs=150", "baselines=false"}, 0.98, 3}};
  const char* data = std::getenv("TURNPIKE_DATA");
  const fs::path mnist = data ? fs::path(data) / "mnist" : fs::path();
  if (data && fs::exists(mnist))
    tasks.push_back({"MNIST",
                     {"--data", mnist.string(), "activation=relu", "layers=20", "T=4", "running=0", "terminal=1",
                      "lambda=0.0001", "schedule=constant", "batch=256", "rate=0.001", "epochs=6", "baselines=false"},
                     0.96,
                     1});
  return tasks;
}

AccuracyResult measure_accuracy(const AccuracyTask& task, int threads, Progress& progress) {
  const RunSetup setup = setup_of(task);
  const Model model = setup.make_model(seed_for(setup.seed, "start", 0));
  AccuracyResult result{.task = task, .source = setup.source, .dtype = name_of(setup.dtype), .threads = threads};
  result.model =
      fmt::format("{} layers, width {}, {} parameters, batches of {}", setup.spec.layers, setup.spec.width,
                  model.n_parameters(), setup.training.batch > 0 ? setup.training.batch : setup.train.size());
  std::vector<std::pair<Training, Training>> pairs;
  for (int i = 0; i < task.pairs; ++i) {
    Training mine = ours(setup, model.clone(), progress);
    progress.update(fmt::format("{} by PyTorch", task.name), i, task.pairs, "");
    const Json answer =
        Json::parse(ask_script("torch_training.py", described(setup, threads).dump(), handed_over(setup, model)));
    progress.update(fmt::format("{} by PyTorch", task.name), i + 1, task.pairs, "");
    result.peer_description = answer.at("description").get<std::string>();
    pairs.emplace_back(std::move(mine), Training{answer.at("seconds").get<std::vector<double>>(),
                                                 answer.at("accuracy").get<std::vector<double>>(),
                                                 answer.at("objective").get<std::vector<double>>()});
  }
  const auto ratio = [&](const std::pair<Training, Training>& pair) {
    return pair.second.seconds_to(task.target) / pair.first.seconds_to(task.target);
  };
  // Both reach the target in every pair, or in none: the trainings are the same.
  std::sort(pairs.begin(), pairs.end(), [&](const auto& a, const auto& b) { return ratio(a) < ratio(b); });
  std::vector<double> ratios;
  for (const auto& pair : pairs) ratios.push_back(ratio(pair));
  result.ratio = median_of(ratios);
  std::tie(result.ours, result.peer) = pairs[pairs.size() / 2];
  return result;
}

Json to_json(const AccuracyResult& result) {
  const auto number = [](double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); };
  const double target = result.task.target, ours = result.ours.seconds_to(target),
               peer = result.peer.seconds_to(target);
  return {{"schema", 1},
          {"case", "accuracy " + result.task.name},
          {"dtype", result.dtype},
          {"threads", result.threads},
          {"peer", "pytorch"},
          {"target", target},
          {"ours_s", number(ours)},
          {"peer_s", number(peer)},
          {"ratio", number(result.ratio.value)},
          {"ratio_interval", {number(result.ratio.low), number(result.ratio.high)}},
          {"ours_epochs", result.ours.epochs_to(target)},
          {"peer_epochs", result.peer.epochs_to(target)},
          {"inside", result.ours.inside}};
}

}  // namespace turnpike
