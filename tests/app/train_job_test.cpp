// The main job from end to end: the engine as a process, on small problems.
#include <gtest/gtest.h>

#include <cmath>
#include <regex>

#include "app/engine_process.h"

namespace turnpike::testing {
namespace {

using Words = std::vector<std::string>;

// A run that takes a second: few layers, few epochs.
Words small(Words words = {}) {
  Words all = {"train", "layers=10", "T=5", "epochs=30", "polish=false", "baselines=false", "samples=120"};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

// Whole paths, from a workplace's own ones or not.
class Place : public Workplace {
 public:
  fs::path folder_of(const Finished& done) const {
    return path() / fs::path(done.last_json()["files"]["report"].get<std::string>()).parent_path();
  }
  std::string model_of(const Finished& done) const { return text_of(folder_of(done) / "model.safetensors"); }
};

// Rows of a plane with a word as class and one useless column.
std::string colours_csv(int n, bool labelled) {
  std::string csv = labelled ? "height,width,colour\n" : "height,width\n";
  for (int i = 0; i < n; ++i) {
    const double angle = 0.7 * i, radius = i % 2 == 0 ? 1 : 3;
    csv += std::to_string(10 + radius * std::cos(angle)) + "," + std::to_string(radius * std::sin(angle));
    csv += labelled ? (i % 2 == 0 ? ",red\n" : ",green\n") : "\n";
  }
  return csv;
}

TEST(TrainJob, LeavesACompleteFolderAndPrintsTheReportLast) {
  const Place place;
  const Finished done = place.run({"train", "layers=10", "T=5", "epochs=30", "polish_iterations=20", "samples=120"});
  ASSERT_EQ(done.exit, 0) << done.err;
  const fs::path report = place.path() / done.last_line();
  ASSERT_TRUE(fs::exists(report)) << done.out;
  const fs::path folder = report.parent_path();
  for (const char* name :
       {"result.json", "config.toml", "manifest.json", "metrics.jsonl", "checkpoint.safetensors", "model.safetensors",
        "model-cut.safetensors", "figures/decisions.svg", "figures/trajectories.svg", "figures/decay.svg",
        "figures/jacobian.svg", "figures/cut.svg", "figures/training.svg", "data/decay.csv"})
    EXPECT_TRUE(fs::exists(folder / name)) << name;
  const std::string page = text_of(report);
  for (const char* part : {"<svg", "<math", "Decision regions", "How many layers are needed", "Beside plain learners",
                           "perceptron", "logistic regression", "Confusion", "Settings", "g++"})
    EXPECT_NE(page.find(part), std::string::npos) << part;
  for (const char* outside : {"<script", "src=\"http", "href=\"http", "@import"})
    EXPECT_EQ(page.find(outside), std::string::npos) << outside;

  const auto manifest = nlohmann::json::parse(text_of(folder / "manifest.json"));
  for (const char* key : {"seed", "dtype", "threads", "data_hash", "provenance", "files"})
    EXPECT_TRUE(manifest.contains(key)) << key;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = fs::relative(entry.path(), folder).string();
    if (entry.is_regular_file() && name != "manifest.json") {
      EXPECT_TRUE(manifest["files"].contains(name)) << name;
    }
  }
  EXPECT_EQ(lines_of(text_of(folder / "metrics.jsonl")).size(), 31u);  // 30 epochs and the polish
}

TEST(TrainJob, WithJsonStandardOutputHoldsNothingElse) {
  const Place place;
  const Finished done = place.json(small());
  ASSERT_EQ(done.exit, 0) << done.err;
  for (const std::string& line : lines_of(done.out)) EXPECT_TRUE(nlohmann::json::accept(line)) << line;
  EXPECT_EQ(done.err, "");
  const auto result = done.last_json();
  EXPECT_EQ(result["schema"], 1);
  EXPECT_EQ(result["verb"], "train");
  for (const char* part : {"train", "validation", "test"}) {
    EXPECT_GE(result["scores"][part].get<double>(), 0);
    EXPECT_LE(result["scores"][part].get<double>(), 1);
  }
  EXPECT_LE(result["cut"]["layers"].get<int>(), 10);
  EXPECT_LT(result["cut"]["parameters"].get<int>(), result["cut"]["full_parameters"].get<int>() + 1);
}

TEST(TrainJob, TheSameSeedAndTheConfigOfARunGiveTheSameModel) {
  const Place place;
  const Finished first = place.json(small()), again = place.json(small()), other = place.json(small({"--seed", "1"}));
  ASSERT_EQ(first.exit, 0) << first.err;
  EXPECT_EQ(place.model_of(first), place.model_of(again));
  EXPECT_NE(place.model_of(first), place.model_of(other));
  const Finished configured = place.json({"train", "--config", (place.folder_of(first) / "config.toml").string()});
  ASSERT_EQ(configured.exit, 0) << configured.err;
  EXPECT_EQ(place.model_of(first), place.model_of(configured));
}

TEST(TrainJob, CtrlCSavesAndResumeEndsWhereTheWholeRunEnds) {
  const Place place;
  const Words words = {"train",           "layers=20",   "T=5",   "epochs=400", "polish=false",
                       "baselines=false", "samples=200", "--out", "here"};
  const Finished whole = place.json(words);
  ASSERT_EQ(whole.exit, 0) << whole.err;
  Words to_stop = words;
  to_stop.back() = "there";
  const auto metrics = [&] {
    if (fs::exists(place.path() / "there"))
      for (const auto& run : fs::directory_iterator(place.path() / "there"))
        if (lines_of(text_of(run.path() / "metrics.jsonl")).size() >= 5) return true;
    return false;
  };
  const Finished stopped = place.run(to_stop, {.interrupt_when = metrics});
  ASSERT_EQ(stopped.exit, 130) << stopped.err;
  const fs::path folder = fs::directory_iterator(place.path() / "there")->path();
  EXPECT_NE(stopped.err.find("turnpike train --resume there/"), std::string::npos) << stopped.err;
  EXPECT_FALSE(fs::exists(folder / "manifest.json"));
  EXPECT_LT(lines_of(text_of(folder / "metrics.jsonl")).size(), 400u);

  const Finished refused = place.json({"train", "--resume", folder.string(), "lambda=0.5"});
  EXPECT_EQ(refused.exit, 2);
  EXPECT_NE(refused.err.find("lambda"), std::string::npos) << refused.err;

  const Finished resumed = place.json({"train", "--resume", folder.string()});
  ASSERT_EQ(resumed.exit, 0) << resumed.err;
  EXPECT_EQ(place.model_of(resumed), place.model_of(whole));
  EXPECT_TRUE(fs::exists(folder / "manifest.json"));
}

TEST(TrainJob, RegressionIsInOriginalUnits) {
  const Place place;
  std::string csv = "x;y\n", fresh = "x\n";
  for (int i = 0; i < 120; ++i)
    csv += std::to_string(i / 10.0) + ";" + std::to_string(5000 + 700 * std::sin(i / 15.0)) + "\n";
  for (int i = 0; i < 5; ++i) fresh += std::to_string(2 * i + 1) + "\n";
  place.write("wave.csv", csv);
  place.write("fresh.csv", fresh);
  const Finished done =
      place.json({"train", "--data", "wave.csv", "layers=20", "T=5", "epochs=300", "baselines=false"});
  ASSERT_EQ(done.exit, 0) << done.err;
  EXPECT_EQ(done.last_json()["measure"], "RMSE");
  const double error = done.last_json()["scores"]["test"].get<double>();
  EXPECT_LT(error, 150);
  const Finished predicted =
      place.run({"predict", (place.folder_of(done) / "model.safetensors").string(), "--data", "fresh.csv", "--quiet"});
  ASSERT_EQ(predicted.exit, 0) << predicted.err;
  const std::vector<std::string> lines = lines_of(predicted.out);
  ASSERT_EQ(lines.size(), 6u) << predicted.out;
  EXPECT_EQ(lines[0], "y");
  for (int i = 0; i < 5; ++i) EXPECT_NEAR(std::stod(lines[i + 1]), 5000 + 700 * std::sin((2 * i + 1) / 1.5), 450);
}

TEST(PredictJob, NamesClassesAndTheirProbabilities) {
  const Place place;
  place.write("colours.csv", colours_csv(160, true));
  place.write("fresh.csv", colours_csv(20, false));
  const Finished done =
      place.json({"train", "--data", "colours.csv", "layers=20", "T=5", "epochs=200", "baselines=false"});
  ASSERT_EQ(done.exit, 0) << done.err;
  const std::string model = (place.folder_of(done) / "model.safetensors").string();
  const Finished predicted = place.run({"predict", model, "--data", "fresh.csv", "--quiet"});
  ASSERT_EQ(predicted.exit, 0) << predicted.err;
  const std::vector<std::string> lines = lines_of(predicted.out);
  ASSERT_EQ(lines.size(), 21u);
  EXPECT_EQ(lines[0], "prediction,probability of green,probability of red");
  int right = 0;
  for (int i = 0; i < 20; ++i) {
    const std::string& line = lines[i + 1];
    right += line.substr(0, line.find(',')) == (i % 2 == 0 ? "red" : "green");
    const std::size_t first = line.find(','), second = line.find(',', first + 1);
    EXPECT_NEAR(std::stod(line.substr(first + 1)) + std::stod(line.substr(second + 1)), 1, 1e-9) << line;
  }
  EXPECT_GE(right, 18);

  // From the run's folder, to a file, and as JSON, the same.
  const std::string folder = place.folder_of(done).string();
  EXPECT_EQ(place.run({"predict", folder, "--data", "fresh.csv", "--out", "out.csv"}).exit, 0);
  EXPECT_EQ(text_of(place.path() / "out.csv"), predicted.out);
  const Finished json = place.json({"predict", model, "--data", "fresh.csv"});
  EXPECT_EQ(nlohmann::json::parse(lines_of(json.out)[0])["prediction"], lines[1].substr(0, lines[1].find(',')));
  EXPECT_EQ(json.last_json()["rows"], 20);

  // A missing column is named.
  place.write("narrow.csv", "height\n1\n2\n");
  const Finished narrow = place.run({"predict", model, "--data", "narrow.csv"});
  EXPECT_EQ(narrow.exit, 2);
  EXPECT_NE(narrow.err.find("'width'"), std::string::npos) << narrow.err;

  // The diagnosis of the saved model, with and without the truth.
  for (const char* data : {"colours.csv", "fresh.csv"}) {
    const Finished analysis = place.json({"analyze", model, "--data", data});
    ASSERT_EQ(analysis.exit, 0) << analysis.err;
    const std::string page = text_of(place.folder_of(analysis) / "report.html");
    EXPECT_NE(page.find("Stability through depth"), std::string::npos);
    const bool labelled = std::string(data) == "colours.csv";
    EXPECT_EQ(page.find("Confusion") != std::string::npos, labelled);
    EXPECT_EQ(page.find("Curvature of the loss") != std::string::npos, labelled);
    const nlohmann::json result = analysis.last_json();
    ASSERT_EQ(result.contains("hessian"), labelled);
    if (!labelled) continue;
    const nlohmann::json& hessian = result["hessian"];
    const double largest = hessian["largest"][0].get<double>(), trace = hessian["trace"].get<double>();
    EXPECT_GT(largest, 0);
    EXPECT_NEAR(hessian["largest_stable_step"].get<double>(), 2 / largest, 1e-12);
    EXPECT_LE(hessian["trace_interval"][0].get<double>(), trace);
    EXPECT_LT(std::abs(trace), largest * hessian["parameters"].get<double>());
    ASSERT_GT(hessian["blocks"].size(), 1u);
    for (const nlohmann::json& block : hessian["blocks"])
      EXPECT_LT(block["largest"].get<double>(), largest * 1.01) << block;

    const nlohmann::json& kernel = result["tangent_kernel"];
    EXPECT_EQ(kernel["rows"], 160);
    EXPECT_EQ(kernel["parameters"], hessian["parameters"]);
    const double first = kernel["largest"][0].get<double>(), rate = kernel["rates"][0].get<double>();
    EXPECT_GT(kernel["trace"].get<double>(), first);
    EXPECT_NEAR(rate, 2 * first / 160, 1e-12 * rate);
    EXPECT_GT(kernel["alignment"].get<double>(), 0.1);
    EXPECT_LT(kernel["alignment"].get<double>(), 1);
    const nlohmann::json& labels = kernel["labels"];
    EXPECT_NEAR(labels["cumulated"][1].get<double>(),
                labels["shares"][0].get<double>() + labels["shares"][1].get<double>(), 1e-12);
    EXPECT_GT(labels["time_to_a_hundredth"].get<double>(), labels["time_to_half"].get<double>());
    for (const char* name : {"tangent-spectrum", "tangent-training", "curvature-layers"})
      EXPECT_TRUE(fs::exists(place.folder_of(analysis) / "data" / (std::string(name) + ".csv"))) << name;
  }

  // One row, and labels that are all alike, hold nothing that a kernel could be aligned with.
  const std::string all = colours_csv(160, true);
  const std::vector<std::string> rows = lines_of(all);
  place.write("one.csv", rows[0] + "\n" + rows[1] + "\n");
  place.write("alike.csv", rows[0] + "\n" + rows[1] + "\n" + rows[3] + "\n" + rows[5] + "\n");
  for (const char* data : {"one.csv", "alike.csv"}) {
    const Finished analysis = place.json({"analyze", model, "--data", data});
    ASSERT_EQ(analysis.exit, 0) << data << analysis.err;
    const nlohmann::json kernel = analysis.last_json()["tangent_kernel"];
    EXPECT_TRUE(kernel["alignment"].is_null()) << kernel;
    EXPECT_FALSE(kernel.contains("labels")) << kernel;
    EXPECT_GT(kernel["largest"][0].get<double>(), 0);
    const std::string page = text_of(place.folder_of(analysis) / "report.html");
    EXPECT_NE(page.find("the labels are all alike"), std::string::npos);
  }

  // A value whose square leaves the numbers: where it stands, and what to do.
  place.write("huge.csv",
              rows[0] + "\n" + rows[1] + "\n" + std::regex_replace(rows[2], std::regex("^[^,]*"), "1e200") + "\n");
  const Finished huge = place.run({"analyze", model, "--data", "huge.csv"});
  EXPECT_EQ(huge.exit, 2);
  EXPECT_NE(huge.err.find("huge.csv, row 2, '"), std::string::npos) << huge.err;
  EXPECT_NE(huge.err.find("leave the row out"), std::string::npos) << huge.err;

  // The curvature and the kernel of a model of float32 are computed in float64.
  const Finished single = place.json(
      {"train", "--data", "colours.csv", "dtype=f32", "layers=5", "epochs=20", "polish=false", "baselines=false"});
  ASSERT_EQ(single.exit, 0) << single.err;
  const Finished diagnosed = place.json({"analyze", place.folder_of(single).string(), "--data", "colours.csv"});
  ASSERT_EQ(diagnosed.exit, 0) << diagnosed.err;
  EXPECT_TRUE(diagnosed.last_json().contains("hessian") && diagnosed.last_json().contains("tangent_kernel"));

  // Export: beside the model, and never over it.
  const Finished script = place.run({"export", model, "--format", "torchscript", "--quiet"});
  ASSERT_EQ(script.exit, 0) << script.err;
  EXPECT_EQ(text_of(place.path() / script.last_line()).substr(0, 2), "PK");
  EXPECT_EQ(place.run({"export", model}).exit, 2);
  EXPECT_EQ(place.run({"export", model, "--out", "copy.safetensors"}).exit, 0);
  EXPECT_EQ(place.run({"predict", "copy.safetensors", "--data", "fresh.csv", "--quiet"}).out, predicted.out);
}

struct BadInput {
  const char* name;
  const char* file;  // its content, "" for none
  Words words;
  const char* says;  // a part of the sentence
};

TEST(TrainJob, BadInputIsRefusedInOneSentenceAndLeavesNothing) {
  const Place place;
  place.write("a.csv", "");
  const std::string rows = "x,y\n1,a\n2,b\n3,a\n4,b\n5,a\n6,b\n7,a\n8,b\n9,a\n10,b\n11,a\n12,b\n";
  const std::vector<BadInput> cases = {
      {"no file", "", {"--data", "missing.csv"}, "missing.csv"},
      {"empty", "\n", {"--data", "a.csv"}, "a.csv"},
      {"only a header", "x,y\n", {"--data", "a.csv"}, "a.csv"},
      {"ragged", "x,y\n1,a\n2\n", {"--data", "a.csv"}, "line 3"},
      {"one class", "x,y\n1,a\n2,a\n3,a\n4,a\n5,a\n6,a\n7,a\n8,a\n9,a\n10,a\n11,a\n", {"--data", "a.csv"}, "class"},
      {"no such target", rows.c_str(), {"--data", "a.csv", "--target", "z"}, "'z'"},
      {"infinite", "x,y\ninf,1\n2,2\n3,3\n4,1\n5,2\n6,3\n", {"--data", "a.csv"}, "infinite"},
      {"too few rows", "x,y\n1,a\n2,b\n3,a\n", {"--data", "a.csv"}, ""},
      {"an unknown setting", "", {"actvation=relu"}, "did you mean 'activation'"},
      {"an unknown choice", "", {"field=iner"}, "inner"},
      {"a horizon of zero", "", {"T=0"}, "T must be > 0"},
      {"no cost", "", {"running=0", "terminal=0"}, "running and terminal"},
      {"a scheme without its field", "", {"scheme=verlet"}, "field=hamiltonian"},
      {"a fixed head too large", "", {"generator=peaks", "width=3", "lift=pad", "head=fixed"}, "linear head"},
      {"a cost for another task", "", {"generator=playground_plane", "loss=cross_entropy"}, "regression"},
      {"logistic of five", "", {"generator=peaks", "loss=logistic"}, "two classes"},
      {"H1 of jumps", "", {"penalty=H1"}, "control=linear"},
      {"target without data", "", {"--target", "y"}, "--data"},
      {"resume of nothing", "", {"--resume", "nowhere"}, "nowhere"},
  };
  for (const BadInput& bad : cases) {
    place.write("a.csv", bad.file);
    Words words = {"train", "epochs=1"};
    words.insert(words.end(), bad.words.begin(), bad.words.end());
    const Finished done = place.run(words);
    EXPECT_EQ(done.exit, 2) << bad.name << ": " << done.err;
    EXPECT_EQ(done.out, "") << bad.name;
    EXPECT_EQ(lines_of(done.err).size(), 1u) << bad.name << ": " << done.err;
    EXPECT_EQ(done.err.rfind("turnpike: ", 0), 0u) << bad.name << ": " << done.err;
    EXPECT_NE(done.err.find(bad.says), std::string::npos) << bad.name << ": " << done.err;
    EXPECT_FALSE(fs::exists(place.path() / "runs")) << bad.name;
  }
}

TEST(TrainJob, AFullDiskIsASentenceAndExitOne) {
  const Place place;
  // A limit on the size of files stands in for a full disk: the write fails in the same place.
  const Finished done = place.run(small({"--quiet"}), {.file_bytes = 4096});
  EXPECT_EQ(done.exit, 1);
  ASSERT_EQ(lines_of(done.err).size(), 1u) << done.err;
  EXPECT_NE(done.err.find("turnpike: "), std::string::npos);
  for (const auto& entry : fs::recursive_directory_iterator(place.path()))
    EXPECT_EQ(entry.path().string().find(".tmp"), std::string::npos) << "left behind: " << entry.path();
}

TEST(TrainJob, ErrorsAreJsonTooWhereJsonIsAskedFor) {
  const Place place;
  const Finished done = place.json({"train", "--data", "missing.csv"});
  EXPECT_EQ(done.exit, 2);
  EXPECT_EQ(done.last_json()["exit"], 2);
  EXPECT_NE(done.last_json()["error"].get<std::string>().find("missing.csv"), std::string::npos);
}

}  // namespace
}  // namespace turnpike::testing
