#include "command_line.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <sstream>

#include <studies/catalogue.h>
#include <turnpike/base/files.h>

namespace turnpike {
namespace {

namespace fs = std::filesystem;

Invocation parse(std::vector<std::string> words) {
  std::vector<const char*> argv = {"turnpike"};
  for (const std::string& word : words) argv.push_back(word.c_str());
  return parse_command_line(static_cast<int>(argv.size()), argv.data());
}

std::string refusal(std::vector<std::string> words) {
  try {
    parse(std::move(words));
  } catch (const InputError& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::usage);
    return error.what();
  }
  return "(accepted)";
}

class Config : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "turnpike-app-XXXXXX").string();
    folder = ::mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(folder); }
  std::string write(const std::string& name, const std::string& text) {
    write_file(folder / name, text);
    return (folder / name).string();
  }
  fs::path folder;
};

TEST(CommandLine, NothingGivenIsTheDefault) {
  Invocation invocation = parse({"train"});
  EXPECT_EQ(invocation.verb->name, "train");
  EXPECT_EQ(invocation.answer, "");
  EXPECT_EQ(invocation.options.text("generator"), "spirals");
  EXPECT_EQ(invocation.options.real("T"), 10);
  EXPECT_EQ(invocation.options.integer("layers"), 100);
  EXPECT_EQ(invocation.flags.integer("seed"), 0);
  EXPECT_FALSE(invocation.flags.boolean("json"));
  EXPECT_EQ(invocation.flags.text("out"), "runs");
}

TEST(CommandLine, FlagsAndSettingsMix) {
  Invocation invocation = parse({"train", "T=30", "--data", "my data.csv", "--json", "layers=7", "--seed=12", "T=31"});
  EXPECT_EQ(invocation.flags.text("data"), "my data.csv");
  EXPECT_TRUE(invocation.flags.boolean("json"));
  EXPECT_EQ(invocation.flags.integer("seed"), 12);
  EXPECT_EQ(invocation.options.real("T"), 31);
  EXPECT_EQ(invocation.options.integer("layers"), 7);
  EXPECT_EQ(invocation.options.origin("T"), "command line");
  EXPECT_EQ(invocation.options.origin("rate"), "default");
}

TEST(CommandLine, PositionalsMayHoldAnEqualsSign) {
  Invocation invocation = parse({"predict", "runs/T=3/model.safetensors", "--data", "x.csv"});
  EXPECT_EQ(invocation.positionals, std::vector<std::string>{"runs/T=3/model.safetensors"});
}

std::string verb_names(const std::string& separator) {
  std::string names;
  for (const Verb& verb : verb_catalogue()) names += (names.empty() ? "" : separator) + verb.name;
  return names;
}

TEST(CommandLine, MistakesAreNamedInOneSentence) {
  EXPECT_EQ(refusal({"trian"}), "unknown verb 'trian'; did you mean 'train'?");
  EXPECT_EQ(refusal({"zzz"}), "unknown verb 'zzz'; choose one of " + verb_names(", "));
  EXPECT_EQ(refusal({"--verison"}), "unknown flag '--verison'; did you mean '--version'?");
  EXPECT_EQ(refusal({"train", "--dta", "x"}), "unknown flag '--dta' of train; did you mean '--data'?");
  EXPECT_EQ(refusal({"train", "--layers", "5"}), "unknown flag '--layers' of train; did you mean 'layers=VALUE'?");
  EXPECT_EQ(refusal({"train", "-q"}), "unknown flag '-q' of train; see turnpike train --help");
  EXPECT_EQ(refusal({"train", "seed=3"}), "seed is a flag of train: write --seed 3");
  EXPECT_EQ(refusal({"train", "actvation=relu"}),
            "unknown option 'actvation' (command line); did you mean 'activation'?");
  EXPECT_EQ(refusal({"train", "T=-1"}), "T must be > 0, got -1 (command line)");
  EXPECT_EQ(refusal({"train", "--seed=-3"}), "seed must be >= 0, got -3 (command line)");
  EXPECT_EQ(refusal({"train", "--data", "a", "--data", "b"}), "--data is given 2 times; once is enough");
  for (std::vector<std::string> words : {std::vector<std::string>{"train", "--data"},
                                         {"train", "--data", "--json"},
                                         {"train", "--data="},
                                         {"train", "--data", ""},
                                         {"train", "--json", "--data"}})
    EXPECT_EQ(refusal(words), "--data needs a value: --data FILE") << words.back();
  EXPECT_EQ(refusal({"train", "--json=3"}), "--json is a switch and takes no value");
  EXPECT_EQ(refusal({"predict"}), "MODEL is missing; usage: turnpike predict MODEL --data FILE [flags]");
  EXPECT_EQ(refusal({"predict", "m"}), "--data is missing; usage: turnpike predict MODEL --data FILE [flags]");
  EXPECT_EQ(refusal({"predict", "m", "n", "--data", "x"}),
            "unexpected word 'n'; usage: turnpike predict MODEL --data FILE [flags]");
  EXPECT_EQ(refusal({"predict", "m", "--data", "x", "T=3"}),
            "predict has no settings, got 'T=3'; see turnpike predict --help");
  EXPECT_EQ(refusal({"completion", "zsh"}), "completion is written for bash; usage: turnpike completion bash");
}

TEST_F(Config, PrecedenceIsDefaultsResumeConfigWords) {
  write("config.toml", "T = 1\nrate = 0.5\nlayers = 11\nseed = 3\n");
  std::string config = write("mine.toml", "rate = 0.25\n[train]\nlayers = 12\n[predict]\nanything = 1\n");
  Invocation invocation = parse({"train", "layers=13", "--config", config, "--resume", folder.string()});
  EXPECT_EQ(invocation.options.real("T"), 1);
  EXPECT_EQ(invocation.options.origin("T"), (folder / "config.toml").string() + " line 1");
  EXPECT_EQ(invocation.options.real("rate"), 0.25);
  EXPECT_EQ(invocation.options.origin("rate"), config + " line 1");
  EXPECT_EQ(invocation.options.integer("layers"), 13);
  EXPECT_EQ(invocation.flags.integer("seed"), 3);
}

TEST_F(Config, MistakesNameTheFileAndTheLine) {
  std::string config = write("a.toml", "T = 5\nrte = 3\n");
  EXPECT_EQ(refusal({"train", "--config", config}),
            "unknown option 'rte' (" + config + " line 2); did you mean 'rate'?");
  // What belongs to a call and not to a run stays out of configs.
  config = write("b.toml", "json = true\n");
  EXPECT_EQ(refusal({"train", "--config", config}), "unknown option 'json' (" + config + " line 1)");
  EXPECT_NE(refusal({"train", "--config", write("c.toml", "T = = 5\n")}).find("c.toml:1"), std::string::npos);
  EXPECT_NE(refusal({"train", "--resume", (folder / "no").string()}).find("no/config.toml"), std::string::npos);
}

TEST_F(Config, WhatIsRecordedReadsBackToTheSameRun) {
  Invocation first = parse({"train", "--data", "a \"b\".csv", "--seed", "9", "--task", "regress", "T=0.1", "polish=no",
                            "gradient_tolerance=1e-300", "activation=sine"});
  Invocation second = parse({"train", "--config", write("config.toml", config_toml(first))});
  EXPECT_EQ(config_toml(second), config_toml(first));
  EXPECT_EQ(second.flags.text("data"), "a \"b\".csv");
  EXPECT_EQ(second.flags.integer("seed"), 9);
  EXPECT_FALSE(second.options.boolean("polish"));
  EXPECT_EQ(second.options.real("T"), 0.1);
}

TEST(CommandLine, ThreadsAreAtLeastOne) {
  EXPECT_GE(thread_count(parse({"train"})), 1);
  EXPECT_EQ(thread_count(parse({"train", "--threads", "3"})), 3);
  EXPECT_GE(thread_count(parse({"export", "m"})), 1);
}

TEST(Help, EveryVerbShowsItsFlagsSettingsAndAnExampleThatParses) {
  for (const Verb& verb : verb_catalogue()) {
    std::string help = parse({verb.name, "--help"}).answer;
    EXPECT_EQ(help, parse({verb.name, "-h"}).answer);
    EXPECT_NE(command_help().find("  " + verb.name + " "), std::string::npos);
    for (const Option& flag : verb.flags.options())
      EXPECT_NE(help.find("--" + flag.key), std::string::npos) << flag.key;
    for (const Option& option : verb.options.options()) {
      const std::string setting = " " + option.key + "=" + option.fallback;
      EXPECT_NE(help.find(setting), std::string::npos) << setting;
      EXPECT_NE(parse({verb.name, "--help", option.group.empty() ? "all" : option.group.c_str()}).answer.find(setting),
                std::string::npos)
          << setting;
    }
    std::istringstream lines(help);
    int n_lines = 0;
    for (std::string line; std::getline(lines, line); ++n_lines) EXPECT_LE(line.size(), 110u) << line;
    EXPECT_LE(n_lines, 50) << help;

    EXPECT_NE(help.find(verb.example), std::string::npos);
    std::istringstream example(verb.example);
    std::vector<std::string> words;
    for (std::string word; example >> word;) words.push_back(word);
    ASSERT_EQ(words.front(), "turnpike");
    EXPECT_EQ(refusal({words.begin() + 1, words.end()}), "(accepted)");
  }
  for (const StudyRecord* study : study_catalogue()) {
    const std::string help = parse({"study", study->name, "--help"}).answer;
    EXPECT_EQ(help.find_first_of("$\\"), std::string::npos) << help;
    std::istringstream lines(help);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 110u) << line;
  }
  EXPECT_EQ(refusal({"train", "--help", "flwo"}),
            "train has no group of settings 'flwo'; choose one of data, flow, cost, optimiser, report, all");
  EXPECT_EQ(parse({}).answer, command_help());
  EXPECT_EQ(parse({"--help"}).answer, command_help());
  EXPECT_EQ(parse({"--version"}).answer.substr(0, 9), "turnpike ");
}

// What bash offers when the last of `words` is being completed.
std::string offered(const std::vector<std::string>& words) {
  std::string script = bash_completion() + "COMP_WORDS=(";
  for (const std::string& word : words) script += "'" + word + "' ";
  script += ")\nCOMP_CWORD=" + std::to_string(words.size() - 1) + "\n_turnpike\necho \"${COMPREPLY[*]}\"\n";
  fs::path file = fs::temp_directory_path() / ("turnpike-completion-" + std::to_string(::getpid()));
  write_file(file, script);
  std::FILE* pipe = ::popen(("cd / && bash --norc " + file.string() + " 2>&1").c_str(), "r");
  std::string out;
  for (int c; (c = std::fgetc(pipe)) != EOF;) out += static_cast<char>(c);
  ::pclose(pipe);
  fs::remove(file);
  return out.substr(0, out.size() - 1);
}

TEST(Completion, BashCompletesVerbsFlagsKeysAndChoices) {
  EXPECT_EQ(offered({"turnpike", "tr"}), "train");
  EXPECT_EQ(offered({"turnpike", ""}), verb_names(" ") + " completion --help --version");
  EXPECT_EQ(offered({"turnpike", "train", "--s"}), "--split --seed");
  EXPECT_EQ(offered({"turnpike", "train", "--task", "c"}), "classify");
  EXPECT_EQ(offered({"turnpike", "train", "--seed", ""}), "");
  EXPECT_EQ(offered({"turnpike", "train", "--data", "/et"}), "/etc");
  EXPECT_EQ(offered({"turnpike", "train", "act"}), "activation=");
  EXPECT_EQ(offered({"turnpike", "train", "penalty", "="}), "L2 L1 H1 jump");
  EXPECT_EQ(offered({"turnpike", "train", "T", "=", "3", "field", "=", "an"}), "antisymmetric");
  EXPECT_EQ(offered({"turnpike", "train", "polish", "=", "f"}), "false");
  EXPECT_EQ(offered({"turnpike", "train", "T", "=", ""}), "");
  EXPECT_EQ(offered({"turnpike", "export", "m", "--format", ""}), "safetensors torchscript");
  EXPECT_EQ(offered({"turnpike", "completion", ""}), "bash");
}

}  // namespace
}  // namespace turnpike
