#include <fmt/format.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <turnpike/base/error.h>
#include <turnpike/base/files.h>
#include <turnpike/data/generators.h>
#include <turnpike/train/checkpoint.h>
#include <turnpike/train/evaluate.h>
#include <turnpike/train/trainer.h>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace turnpike {
namespace {

namespace fs = std::filesystem;

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "turnpike-train-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path_); }
  operator fs::path() const { return path_; }
  fs::path operator/(const char* name) const { return path_ / name; }

 private:
  fs::path path_;
};

// A cost that asks to stop at a given evaluation, as a user's Ctrl-C would.
class StoppingCost final : public Cost {
 public:
  StoppingCost(const char* name, std::int64_t after) : cost_(make_cost(name)), after_(after) {}
  std::string name() const override { return cost_->name(); }
  bool classes() const override { return cost_->classes(); }
  Tensor operator()(double t, const Tensor& z, const Tensor& y) const override {
    if (++calls_ == after_) stop_requested() = true;
    return (*cost_)(t, z, y);
  }

 private:
  CostPtr cost_;
  std::int64_t after_;
  mutable std::int64_t calls_ = 0;
};

ModelSpec small_spec() {
  ModelSpec spec;
  spec.width = 3;
  spec.lift = Lift::pad;
  spec.head = Head::linear;
  spec.n_outputs = 1;
  spec.coding = TargetCoding::signs;
  spec.field = {.kind = "inner", .dimension = 3};
  spec.horizon = 3;
  spec.layers = 6;
  return spec;
}

Model small_model(c10::ScalarType dtype, const Dataset& data, const ModelSpec& spec = small_spec()) {
  Model model = Model::make(spec, dtype, 1);
  model.schema = data.schema;
  return model;
}

Objective small_objective(Penalty penalty = {.weight = 1e-3}) {
  return {.cost = make_cost("mean_square"), .running = 0.5, .terminal = 1, .penalty = penalty};
}

void expect_same(const Model& a, const Model& b, const std::string& what) {
  const auto x = a.parameters(), y = b.parameters();
  ASSERT_EQ(x.size(), y.size());
  for (std::size_t i = 0; i < x.size(); ++i)
    EXPECT_TRUE(at::equal(x[i].second, y[i].second)) << what << " " << x[i].first;
}

void expect_same(const std::vector<EpochRecord>& a, const std::vector<EpochRecord>& b, const std::string& what) {
  ASSERT_EQ(a.size(), b.size()) << what;
  const auto same = [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); };
  for (std::size_t i = 0; i < a.size(); ++i)
    EXPECT_TRUE(a[i].epoch == b[i].epoch && same(a[i].objective, b[i].objective) && same(a[i].loss, b[i].loss) &&
                same(a[i].score, b[i].score) && same(a[i].validation_loss, b[i].validation_loss) &&
                same(a[i].validation_score, b[i].validation_score) && same(a[i].gradient_norm, b[i].gradient_norm) &&
                same(a[i].rate, b[i].rate))
        << what << " epoch " << a[i].epoch;
}

struct Setting {
  const char* name;
  TrainOptions options;
  Penalty penalty;
};

std::vector<Setting> settings() {
  const Penalty l2{.weight = 1e-3}, l1{.kind = PenaltyKind::l1, .weight = 1e-2};
  return {
      {"sgd",
       {.epochs = 4, .batch = 16, .seed = 5, .optimiser = {.kind = OptimiserKind::sgd, .rate = 0.01, .momentum = 0.9}},
       l2},
      {"adam",
       {.epochs = 4, .batch = 16, .seed = 5, .optimiser = {.rate = 0.01}, .schedule = {.kind = ScheduleKind::cosine}},
       l2},
      {"adamw",
       {.epochs = 4,
        .batch = 16,
        .seed = 5,
        .optimiser = {.kind = OptimiserKind::adamw, .weight_decay = 0.1},
        .clip = 0.1},
       {.weight = 1e-3, .bound = 0.3}},
      {"lbfgs", {.epochs = 4, .optimiser = {.kind = OptimiserKind::lbfgs, .history = 4, .iterations = 3}}, l2},
      {"proximal", {.epochs = 4, .optimiser = {.kind = OptimiserKind::proximal, .rate = 1, .iterations = 3}}, l1},
      {"adam then lbfgs",
       {.epochs = 3, .optimiser = {.rate = 0.01}, .polish = {.iterations = 50, .tolerance = 1e-12}},
       l2},
      {"adam then proximal",
       {.epochs = 3, .optimiser = {.rate = 0.01}, .polish = {.iterations = 50, .tolerance = 1e-12}},
       l1},
  };
}

// Asks to stop after a number of reports: between epochs, and between steps of a polish.
class StoppingProgress final : public Progress {
 public:
  explicit StoppingProgress(int after) : after_(after) {}
  void update(const std::string&, std::int64_t, std::int64_t, const std::string&) override {
    if (++reports_ == after_) stop_requested() = true;
  }

 private:
  int after_, reports_ = 0;
};

// The law of resuming: stopped anywhere, and again, and continued, gives the bits of the run that was never stopped. A
// cost that stops does so amid an epoch; a progress leaves the cost as it is, so that the flow may take its fast paths.
void expect_resumes(const Setting& setting, c10::ScalarType dtype, bool amid) {
  const std::string what =
      fmt::format("{} {} {}", setting.name, at::toString(dtype), amid ? "amid epochs" : "between epochs");
  const Dataset data = generate("circles", 60, 0.1, 3), validation = generate("circles", 20, 0.1, 4);
  const auto cost = [&](std::int64_t after) {
    return amid ? std::make_shared<StoppingCost>("mean_square", after) : make_cost("mean_square");
  };
  const Folder whole_folder, folder;
  TrainOptions options = setting.options;
  options.folder = whole_folder;
  Objective objective = small_objective(setting.penalty);
  objective.cost = cost(-1);
  Model whole = small_model(dtype, data);
  const TrainResult expected = train(whole, objective, data, &validation, options);

  options.folder = folder;
  int runs = 1;
  for (;; ++runs) {
    ASSERT_LT(runs, 200);
    Model model = small_model(dtype, data);
    objective.cost = cost(16 + 16 * runs);
    StoppingProgress progress(amid ? -1 : 1);
    try {
      const TrainResult result = train(model, objective, data, &validation, options, progress);
      stop_requested() = false;
      expect_same(model, whole, what);
      expect_same(result.history, expected.history, what);
      EXPECT_EQ(result.best_epoch, expected.best_epoch) << what;
      ASSERT_EQ(result.polish.has_value(), expected.polish.has_value()) << what;
      if (result.polish) {
        EXPECT_EQ(result.polish->residual, expected.polish->residual) << what;
        EXPECT_EQ(result.polish->iterations, expected.polish->iterations) << what;
      }
      break;
    } catch (const Interrupted& stop) {
      EXPECT_NE(std::string(stop.what()).find(checkpoint_name), std::string::npos);
    }
    stop_requested() = false;
    options.resume = true;
  }
  EXPECT_GE(runs, 3) << what;
}

TEST(Train, ResumesBitForBitWithEveryOptimiser) {
  for (const Setting& setting : settings())
    for (const auto dtype : {at::kDouble, at::kFloat})
      for (const bool amid : {true, false}) expect_resumes(setting, dtype, amid);
}

TEST(Train, IsAFunctionOfItsSeed) {
  const Dataset data = generate("circles", 60, 0.1, 3);
  TrainOptions options{.epochs = 3, .batch = 16, .seed = 5};
  Model a = small_model(at::kDouble, data), b = a.clone(), c = a.clone();
  train(a, small_objective(), data, nullptr, options);
  train(b, small_objective(), data, nullptr, options);
  options.seed = 6;
  train(c, small_objective(), data, nullptr, options);
  expect_same(a, b, "same seed");
  EXPECT_FALSE(at::equal(a.control, c.control));
}

TEST(Train, LearnsCirclesAndWritesItsRecords) {
  const Dataset data = generate("circles", 200, 0.05, 3), validation = generate("circles", 100, 0.05, 4);
  const Folder folder;
  Model model = small_model(at::kFloat, data);
  const TrainResult result = train(model, small_objective(), data, &validation,
                                   {.epochs = 60, .batch = 50, .optimiser = {.rate = 0.02}, .folder = folder});
  EXPECT_GT(evaluate(model, small_objective(), validation).score, 0.97);
  EXPECT_LT(result.history.back().objective, 0.3 * result.history.front().objective);

  // The model holds the weights of the best validation loss.
  double best = 1e9;
  for (const EpochRecord& record : result.history) best = std::min(best, record.validation_loss);
  EXPECT_EQ(evaluate(model, small_objective(), validation).loss, best);
  EXPECT_EQ(result.history[result.best_epoch - 1].validation_loss, best);
  EXPECT_FALSE(model.control.requires_grad());

  std::ifstream metrics(folder / metrics_name);
  std::string line;
  int lines = 0;
  while (std::getline(metrics, line))
    EXPECT_TRUE(line.starts_with("{\"epoch\":" + std::to_string(++lines) + ",")) << line;
  EXPECT_EQ(lines, 60);
  // A checkpoint is a model, too.
  EXPECT_EQ(load_model(folder / checkpoint_name).control.sizes(), model.control.sizes());
}

TEST(Train, StopsWhenPatienceIsExhausted) {
  const Dataset data = generate("circles", 60, 0.1, 3), validation = generate("circles", 30, 0.1, 4);
  Model model = small_model(at::kDouble, data);
  // At a rate this high the validation loss soon stops to fall.
  const TrainResult result =
      train(model, small_objective(), data, &validation, {.epochs = 500, .optimiser = {.rate = 0.3}, .patience = 5});
  EXPECT_EQ(result.stopped, StopReason::patience);
  EXPECT_EQ(static_cast<std::int64_t>(result.history.size()), result.best_epoch + 5);
}

TEST(Train, ExplainsDivergence) {
  const Dataset data = generate("circles", 60, 0.1, 3);
  ModelSpec spec = small_spec();
  spec.field.activation = Activation::relu;
  Model model = small_model(at::kFloat, data, spec);
  const Folder folder;
  try {
    train(model, small_objective(), data, nullptr,
          {.epochs = 100,
           .optimiser = {.kind = OptimiserKind::sgd, .rate = 50},
           .folder = folder,
           .checkpoint_seconds = 0});
    FAIL() << "no divergence";
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("training diverged in epoch"), std::string::npos) << text;
    EXPECT_NE(text.find("lower the rate (now 50)"), std::string::npos) << text;
    EXPECT_NE(text.find("|u| ="), std::string::npos) << text;
    EXPECT_NE(text.find("holds the last state"), std::string::npos) << text;
    RecordProperty("text", text);
  }
  // The weights are those of the last epoch that ended well.
  EXPECT_TRUE(at::equal(model.control, load_model(folder / checkpoint_name).control));
}

// Not a number from its fifth evaluation on.
class BreakingCost final : public Cost {
 public:
  std::string name() const override { return cost_->name(); }
  Tensor operator()(double t, const Tensor& z, const Tensor& y) const override {
    return (*cost_)(t, z, y) * (++calls_ < 5 ? 1.0 : std::nan(""));
  }

 private:
  CostPtr cost_ = make_cost("mean_square");
  mutable int calls_ = 0;
};

TEST(Train, GoesBackToTheLastGoodEpochWhenItDiverges) {
  const Dataset data = generate("circles", 60, 0.1, 3);
  Model model = small_model(at::kDouble, data);
  const Folder folder;
  const Objective objective{.cost = std::make_shared<BreakingCost>(), .running = 0, .terminal = 1};
  try {
    train(model, objective, data, nullptr, {.epochs = 9, .batch = 20, .folder = folder, .checkpoint_seconds = 0});
    FAIL() << "no divergence";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("epoch 2, step 2"), std::string::npos) << error.what();
  }
  expect_same(model, load_model(folder / checkpoint_name), "after epoch 1");
  EXPECT_EQ(load_checkpoint(folder / checkpoint_name).epoch, 1);
}

TEST(Train, RefusesToResumeAnOptimiserWithAStateOfOtherNames) {
  const Dataset data = generate("circles", 60, 0.1, 3);
  const Folder folder;
  TrainOptions options{.epochs = 2, .batch = 20, .optimiser = {.rate = 0.01}, .folder = folder};
  Model model = small_model(at::kDouble, data);
  train(model, small_objective(), data, nullptr, options);
  Checkpoint checkpoint = load_checkpoint(folder / checkpoint_name);
  checkpoint.optimiser.erase(checkpoint.optimiser.begin());
  save_checkpoint(folder / checkpoint_name, checkpoint);
  options.resume = true;
  options.epochs = 3;
  try {
    train(model, small_objective(), data, nullptr, options);
    ADD_FAILURE() << "it went on";
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("start a new run"), std::string::npos) << error.what();
  }
}

TEST(Train, RefusesToResumeAnotherRun) {
  const Dataset data = generate("circles", 60, 0.1, 3), other = generate("circles", 60, 0.1, 4);
  const Folder folder;
  TrainOptions options{.epochs = 2, .batch = 20, .optimiser = {.rate = 0.01}, .folder = folder};
  Model model = small_model(at::kDouble, data);
  train(model, small_objective(), data, nullptr, options);
  options.resume = true;
  const auto refusal = [&](const Dataset& set, const TrainOptions& changed,
                           const Objective& objective = small_objective()) {
    try {
      Model again = small_model(at::kDouble, data);
      train(again, objective, set, nullptr, changed);
    } catch (const InputError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  TrainOptions changed = options;
  changed.optimiser.rate = 0.02;
  EXPECT_NE(refusal(data, changed).find("rate was 0.01 and is now 0.02"), std::string::npos) << refusal(data, changed);
  changed = options;
  changed.batch = 10;
  EXPECT_NE(refusal(data, changed).find("batch was 20 and is now 10"), std::string::npos);
  EXPECT_NE(refusal(other, options).find("data was"), std::string::npos);
  EXPECT_NE(refusal(data, options, small_objective({.weight = 2e-3})).find("lambda was 0.001 and is now 0.002"),
            std::string::npos);
  // More epochs, other patience: the run goes on.
  changed = options;
  changed.epochs = 5;
  changed.patience = 3;
  EXPECT_EQ(refusal(data, changed), "");
  EXPECT_EQ(load_checkpoint(folder / checkpoint_name).history.size(), 5u);
  // The rates of a cosine schedule depend on the number of epochs.
  const Folder cosine_folder;
  TrainOptions cosine = options;
  cosine.resume = false;
  cosine.folder = cosine_folder;
  cosine.schedule.kind = ScheduleKind::cosine;
  Model again = small_model(at::kDouble, data);
  train(again, small_objective(), data, nullptr, cosine);
  cosine.resume = true;
  cosine.epochs = 3;
  EXPECT_NE(refusal(data, cosine).find("epochs was 2 and is now 3"), std::string::npos);
  // No checkpoint.
  options.folder = folder / "nowhere";
  EXPECT_NE(refusal(data, options).find("nowhere"), std::string::npos);
}

TEST(Train, RefusesOptionsThatDoNotFit) {
  const Dataset data = generate("circles", 60, 0.1, 3);
  const auto refused = [&](const TrainOptions& options, const Penalty& penalty = {}) {
    Model model = small_model(at::kDouble, data);
    EXPECT_THROW(train(model, small_objective(penalty), data, nullptr, options), InputError);
  };
  refused({.batch = 10, .optimiser = {.kind = OptimiserKind::lbfgs}});
  refused({.batch = 10, .optimiser = {.kind = OptimiserKind::proximal}});
  refused({.optimiser = {.kind = OptimiserKind::lbfgs}}, {.kind = PenaltyKind::l1, .weight = 1});
  refused({.epochs = -1});
  refused({.optimiser = {.rate = 0}});
  Dataset empty = data;
  empty.y = Tensor();
  Model model = small_model(at::kDouble, data);
  EXPECT_THROW(train(model, small_objective(), empty, nullptr, {}), ContractError);
}

TEST(Train, KeepsTheBoundWithFirstOrderSteps) {
  const Dataset data = generate("circles", 60, 0.1, 3);
  Model model = small_model(at::kDouble, data);
  const Penalty penalty{.weight = 1e-6, .bound = 0.5};
  train(model, small_objective(penalty), data, nullptr, {.epochs = 50, .optimiser = {.rate = 0.1}});
  EXPECT_LE(model.control.norm(2, 1).max().item<double>(), 0.5 * (1 + 1e-14));
  EXPECT_GT(model.control.norm(2, 1).max().item<double>(), 0.49);
}

// One step of gradient descent moves by rate * min(1, clip / |g|) * |g|, with the schedule's rate.
TEST(Train, StepsAreScheduledAndClipped) {
  const Dataset data = generate("circles", 60, 0.1, 3);
  const auto moved = [&](double clip, std::int64_t epochs) {
    Model model = small_model(at::kDouble, data);
    const Tensor before = at::cat({model.control.flatten(), model.head_weight.flatten(), model.head_bias}).clone();
    const TrainResult result = train(model, small_objective(), data, nullptr,
                                     {.epochs = epochs,
                                      .optimiser = {.kind = OptimiserKind::sgd, .rate = 1e-3},
                                      .schedule = {.kind = ScheduleKind::exponential, .decay = 1e-3},
                                      .clip = clip});
    const Tensor after = at::cat({model.control.flatten(), model.head_weight.flatten(), model.head_bias});
    return std::pair((after - before).norm().item<double>(), result);
  };
  const auto [free, once] = moved(0, 1);
  const double norm = once.history[0].gradient_norm;
  EXPECT_NEAR(free, 1e-3 * norm, 1e-12);
  EXPECT_NEAR(moved(norm / 10, 1).first, 1e-4 * norm, 1e-12);
  EXPECT_NEAR(moved(norm * 10, 1).first, 1e-3 * norm, 1e-12);
  // The second epoch's rate is a thousandth.
  const auto [twice, both] = moved(0, 2);
  EXPECT_DOUBLE_EQ(both.history[1].rate, 1e-6);
  EXPECT_NEAR(twice / free, 1, 2e-3);
  EXPECT_GT(std::abs(twice - free), 1e-4 * free);
}

// Notes the labels of each step's rows.
class WatchingCost final : public Cost {
 public:
  std::string name() const override { return cost_->name(); }
  Tensor operator()(double t, const Tensor& z, const Tensor& y) const override {
    seen.push_back(y.flatten().clone());
    return (*cost_)(t, z, y);
  }
  mutable std::vector<Tensor> seen;

 private:
  CostPtr cost_ = make_cost("mean_square");
};

TEST(Train, EachEpochSeesEveryRowOnceInAnOrderOfItsOwn) {
  Dataset data;
  data.x = at::linspace(-1, 1, 20, at::kDouble).reshape({10, 2});
  data.y = at::arange(10, at::kDouble).unsqueeze(1);
  data.schema.task = Task::regress;
  ModelSpec spec = small_spec();
  spec.coding = TargetCoding::real;
  Model model = Model::make(spec, at::kDouble, 1);
  const auto cost = std::make_shared<WatchingCost>();
  train(model, {.cost = cost, .running = 0, .terminal = 1}, data, nullptr, {.epochs = 2, .batch = 4});
  ASSERT_EQ(cost->seen.size(), 6u);  // 4 + 4 + 2 rows, twice
  const Tensor first = at::cat({cost->seen[0], cost->seen[1], cost->seen[2]}),
               second = at::cat({cost->seen[3], cost->seen[4], cost->seen[5]});
  EXPECT_TRUE(at::equal(std::get<0>(first.sort()), data.y.flatten()));
  EXPECT_TRUE(at::equal(std::get<0>(second.sort()), data.y.flatten()));
  EXPECT_FALSE(at::equal(first, second));
  EXPECT_FALSE(at::equal(first, data.y.flatten()));
}

TEST(Evaluate, IsTheMeanOverBatchesOfAnySize) {
  const Dataset data = generate("circles", 70, 0.1, 3);
  const Model model = small_model(at::kDouble, data);
  const Objective objective = small_objective({.weight = 10});
  const Evaluation whole = evaluate(model, objective, data), parts = evaluate(model, objective, data, 16);
  EXPECT_NEAR(whole.loss, parts.loss, 1e-14 * whole.loss);
  EXPECT_EQ(whole.score, parts.score);
  EXPECT_EQ(whole.n, 70);
  // Labels 0, 1 are signs -1, 1; the penalty is no part of the loss.
  const Tensor x = data.x, y = 2.0 * data.y.to(at::kDouble) - 1;
  const Objective free = small_objective({});
  const ObjectiveValue value = free(model.flow, model.lift(x), model.control, model.readout(), y.unsqueeze(1));
  EXPECT_NEAR(whole.loss, value.total.item<double>(), 1e-13);
  const Tensor right = model.forward(x).squeeze(1).sign() == y;
  EXPECT_NEAR(whole.score, right.to(at::kDouble).mean().item<double>(), 1e-15);
}

TEST(Evaluate, GivesTheErrorOfARegressionInOriginalUnits) {
  Dataset data;
  data.x = at::linspace(-1, 1, 40, at::kDouble).unsqueeze(1);
  data.y = 1000 + 50 * data.x;
  data.schema.task = Task::regress;
  ModelSpec spec = small_spec();
  spec.n_features = 1;
  spec.coding = TargetCoding::real;
  Model model = Model::make(spec, at::kDouble, 1);
  model.head_weight.zero_();
  std::vector<std::int64_t> rows(40);
  for (int i = 0; i < 40; ++i) rows[i] = i;
  model.standardiser = Standardiser::fit(data, rows);
  // It answers 0 in standardised units, the mean in original ones: its error is the targets' deviation.
  const Objective terminal{.cost = make_cost("mean_square"), .running = 0, .terminal = 1};
  const Evaluation evaluation = evaluate(model, terminal, data);
  EXPECT_NEAR(evaluation.score, model.standardiser.target_deviation[0].item<double>(), 1e-10);
  EXPECT_NEAR(evaluation.loss, 1, 1e-12);  // in standardised units
}

}  // namespace
}  // namespace turnpike
