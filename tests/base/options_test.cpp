#include <turnpike/base/options.h>

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

namespace turnpike {
namespace {

OptionSchema schema() {
  OptionSchema schema;
  schema.group("flow");
  schema.real("T", 20, "horizon: the depth as a time").at_least(0, Bound::open);
  schema.integer("layers", 100, "steps of the scheme").at_least(1).at_most(1000);
  schema.choice("activation", "tanh", {"tanh", "relu", "softplus"}, "sigma");
  schema.group("report");
  schema.boolean("polish", true, "finish with L-BFGS");
  schema.text("title", "", "of the page");
  schema.real("tolerance", 1e-7, "of the gradient");
  return schema;
}

// The text of the InputError that `action` throws.
template <class Action>
std::string refusal(Action action) {
  try {
    action();
  } catch (const InputError& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::usage);
    return error.what();
  }
  return "(accepted)";
}

std::string refusal_of(const std::string& word) {
  Options options(schema());
  return refusal([&] { options.set_word(word, "command line"); });
}

TEST(Options, DefaultsAreTyped) {
  Options options(schema());
  EXPECT_EQ(options.real("T"), 20);
  EXPECT_EQ(options.integer("layers"), 100);
  EXPECT_EQ(options.text("activation"), "tanh");
  EXPECT_TRUE(options.boolean("polish"));
  EXPECT_EQ(options.text("title"), "");
  EXPECT_EQ(options.real("tolerance"), 1e-7);
  EXPECT_FALSE(options.is_set("T"));
  EXPECT_EQ(options.origin("T"), "default");
}

TEST(Options, LaterSettingsWin) {
  Options options(schema());
  options.set("T", "5", "config.toml line 3");
  EXPECT_EQ(options.origin("T"), "config.toml line 3");
  options.set_word("T=30.5", "command line");
  EXPECT_EQ(options.real("T"), 30.5);
  EXPECT_TRUE(options.is_set("T"));
  EXPECT_EQ(options.origin("T"), "command line");
}

TEST(Options, BooleansHaveSixSpellings) {
  Options options(schema());
  for (const char* yes : {"true", "1", "yes"}) {
    options.set("polish", yes, "test");
    EXPECT_TRUE(options.boolean("polish")) << yes;
  }
  for (const char* no : {"false", "0", "no"}) {
    options.set("polish", no, "test");
    EXPECT_FALSE(options.boolean("polish")) << no;
  }
  EXPECT_EQ(refusal_of("polish=maybe"), "polish must be true or false (or 1, 0, yes, no), got maybe (command line)");
}

TEST(Options, NumbersAreStrict) {
  EXPECT_EQ(refusal_of("T=-3"), "T must be > 0, got -3 (command line)");
  EXPECT_EQ(refusal_of("T=0"), "T must be > 0, got 0 (command line)");
  EXPECT_EQ(refusal_of("layers=0"), "layers must be >= 1 and <= 1000, got 0 (command line)");
  EXPECT_EQ(refusal_of("layers=1001"), "layers must be >= 1 and <= 1000, got 1001 (command line)");
  EXPECT_EQ(refusal_of("layers=1"), "(accepted)");
  EXPECT_EQ(refusal_of("layers=1000"), "(accepted)");
  for (const char* bad : {"T=", "T=nan", "T=inf", "T=-inf", "T=3x", "T= 3", "T=3 ", "T=0x10", "T=1e400", "T=1,5"})
    EXPECT_NE(refusal_of(bad).find("T must be a finite number"), std::string::npos) << bad;
  for (const char* bad : {"layers=", "layers=1.5", "layers=1e2", "layers=99999999999999999999", "layers=ten"})
    EXPECT_NE(refusal_of(bad).find("layers must be a whole number"), std::string::npos) << bad;
}

TEST(Options, UnknownNamesSuggestTheNearest) {
  EXPECT_EQ(refusal_of("actvation=relu"), "unknown option 'actvation' (command line); did you mean 'activation'?");
  EXPECT_EQ(refusal_of("t=3"), "unknown option 't' (command line); did you mean 'T'?");
  EXPECT_EQ(refusal_of("zzz=3"), "unknown option 'zzz' (command line)");
  EXPECT_EQ(refusal_of("activation=rleu"),
            "activation must be one of tanh, relu, softplus, got rleu (command line); did you mean 'relu'?");
  EXPECT_EQ(refusal_of("layers"), "'layers' is not a setting of the form key=value (command line)");
  EXPECT_EQ(refusal_of("=3"), "'=3' is not a setting of the form key=value (command line)");
}

TEST(Options, DidYouMeanCountsSwapsAsOne) {
  const std::vector<std::string> verbs = {"train", "predict", "analyze", "export"};
  EXPECT_EQ(did_you_mean("trian", verbs), "train");  // one swap: a third of five is one
  EXPECT_EQ(did_you_mean("PREDICT", verbs), "predict");
  EXPECT_EQ(did_you_mean("analyse", verbs), "analyze");
  EXPECT_EQ(did_you_mean("exxprt", verbs), "export");  // two edits in six letters
  EXPECT_EQ(did_you_mean("tarin", verbs), "train");
  EXPECT_EQ(did_you_mean("brian", verbs), "");  // two edits in five letters
  EXPECT_EQ(did_you_mean("", verbs), "");
}

TEST(Options, AMisuseByTheProgramIsAContractError) {
  Options options(schema());
  EXPECT_THROW(options.real("layers"), ContractError);
  EXPECT_THROW(options.text("T"), ContractError);
  EXPECT_THROW(options.real("absent"), ContractError);
  OptionSchema twice = schema();
  EXPECT_THROW(twice.real("T", 1, ""), ContractError);
  OptionSchema wrong;
  wrong.real("rate", -1, "").at_least(0);
  EXPECT_THROW(Options{wrong}, InputError);
}

TEST(Options, TomlReadsBackToTheSameOptions) {
  Options options(schema());
  options.set("title", "a \"quoted\"\tback\\slash\n= # text", "test");
  options.set("tolerance", "0.1000000000000000055511151231257827", "test");
  options.set("polish", "no", "test");
  options.set("T", "30", "test");
  const std::string toml = options.to_toml();
  EXPECT_EQ(toml,
            "# flow\nT = 30.0\nlayers = 100\nactivation = \"tanh\"\n\n# report\npolish = false\n"
            "title = \"a \\\"quoted\\\"\\u0009back\\\\slash\\u000A= # text\"\ntolerance = 0.1\n");
}

TEST(Options, RealsKeepEveryBit) {
  Options options(schema());
  for (double value : {1.0 / 3, 5e-324, 1.7976931348623157e308, 0x1.fffffffffffffp-3, 1e22, 123456789.125}) {
    std::ostringstream text;
    text.precision(17);
    text << value;
    options.set("T", text.str(), "test");
    Options again(schema());
    again.set("T", options.to_json()["T"].dump(), "test");
    EXPECT_EQ(options.real("T"), value);
    EXPECT_EQ(again.real("T"), value);
  }
}

TEST(Options, JsonIsTypedAndOrdered) {
  Options options(schema());
  options.set("polish", "0", "test");
  EXPECT_EQ(options.to_json().dump(),
            R"({"T":20.0,"layers":100,"activation":"tanh","polish":false,"title":"","tolerance":1e-07})");
  nlohmann::ordered_json out;
  schema().to_json(out);
  EXPECT_EQ(out[2].dump(), R"({"key":"activation","kind":"choice","default":"tanh","help":"sigma",)"
                           R"("choices":["tanh","relu","softplus"]})");
  EXPECT_EQ(out.size(), 6u);
}

TEST(Options, HelpIsATableOfAHundredColumns) {
  OptionSchema wide = schema();
  wide.choice("a_key_that_is_very_long_indeed", "euler", {"euler", "midpoint", "heun", "rk4", "dopri5", "verlet"},
              "a sentence that goes on for so long that it has to be broken into several lines of the table");
  std::istringstream lines(wide.help());
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100u) << line;
  const std::string help = schema().help();
  EXPECT_EQ(schema().groups(), (std::vector<std::string>{"flow", "report"}));
  EXPECT_EQ(schema().help("flow") + "\n" + schema().help("report"), help);
  EXPECT_EQ(schema().summary().substr(0, 15), "  flow    T=20 ");
  EXPECT_NE(help.find("flow:\n  T=20             horizon: the depth as a time (> 0)\n"), std::string::npos) << help;
  EXPECT_NE(help.find("  activation=tanh  sigma (tanh | relu | softplus)\n"), std::string::npos) << help;
  EXPECT_NE(help.find("\n\nreport:\n  polish=true"), std::string::npos) << help;
  EXPECT_NE(help.find("tolerance=1e-7"), std::string::npos) << help;
}

}  // namespace
}  // namespace turnpike
