// The words of a case.
#include <gtest/gtest.h>

#include <bench/flow_case.h>
#include <turnpike/base/error.h>

namespace turnpike {
namespace {

std::string refusal(const std::string& text) {
  try {
    parse_flow_case(text);
  } catch (const InputError& error) {
    return error.what();
  }
  return "(accepted)";
}

TEST(FlowCase, ReadsAnyShapeInAnyOrder) {
  const FlowCase flow = parse_flow_case("flow d=5 N=777 K=123 rk4 gelu");
  EXPECT_EQ(flow, (FlowCase{5, 777, 123, "rk4", Activation::gelu, "outer", "mean_square"}));
  EXPECT_EQ(parse_flow_case("flow gelu  K=123 rk4 N=777 d=5 "), flow);
  const FlowCase classes = parse_flow_case("flow d=4 verlet hamiltonian cross_entropy");
  EXPECT_EQ(classes.field, "hamiltonian");
  EXPECT_EQ(classes.n_outputs(), 4);
  EXPECT_EQ(classes.tableau(), nullptr);
  EXPECT_EQ(parse_flow_case("flow"), FlowCase());
}

TEST(FlowCase, ItsNameReadsBackToIt) {
  EXPECT_EQ((FlowCase{.samples = 500, .layers = 729}).name(), "flow d=2 N=500 K=729 euler tanh");
  for (const std::string& scheme : bench_schemes())
    for (const std::string& field : bench_fields())
      for (const std::string& loss : bench_losses())
        for (const ActivationFacts& facts : activation_table()) {
          const FlowCase flow{6, 7, 8, scheme, facts.kind, field, loss};
          if (!flow.tableau() && field != "hamiltonian") continue;
          EXPECT_EQ(parse_flow_case(flow.name()), flow) << flow.name();
        }
}

TEST(FlowCase, ParametersAreThoseOfTheFields) {
  const auto count = [](const char* field) { return FlowCase{.dimension = 6, .field = field}.n_parameters(); };
  EXPECT_EQ(count("outer"), 42);
  EXPECT_EQ(count("hamiltonian"), 15);
  EXPECT_EQ(count("bottleneck"), 84);
}

TEST(FlowCase, RefusesInOneSentenceThatSaysWhatWouldBeRight) {
  EXPECT_NE(refusal("flow d=2 rk5").find("did you mean 'rk4'?"), std::string::npos) << refusal("flow d=2 rk5");
  EXPECT_NE(refusal("flow thanh").find("did you mean 'tanh'?"), std::string::npos);
  EXPECT_NE(refusal("flow hamiltonain").find("did you mean 'hamiltonian'?"), std::string::npos);
  EXPECT_NE(refusal("flow zzzzzz").find("unknown word 'zzzzzz'; it takes d="), std::string::npos);
  EXPECT_NE(refusal("").find("must begin with 'flow'"), std::string::npos);
  EXPECT_NE(refusal("spirals d=2").find("must begin with 'flow'"), std::string::npos);
  EXPECT_NE(refusal("flow d=2 d=3").find("names d twice"), std::string::npos);
  EXPECT_NE(refusal("flow tanh relu").find("names an activation twice"), std::string::npos);
  for (const char* number : {"d=", "d=0", "d=-3", "d=2.5", "d=two", "d=5000", "N=1e3", "K=99999999999999999999"})
    EXPECT_NE(refusal(std::string("flow ") + number).find("whole number from 1 to"), std::string::npos) << number;
  EXPECT_NE(refusal("flow d=3 hamiltonian").find("make d=3 even"), std::string::npos);
  EXPECT_NE(refusal("flow d=4 verlet").find("add hamiltonian"), std::string::npos);
  EXPECT_NE(refusal("flow d=4096 N=100000 K=100").find("take fewer samples"), std::string::npos);
}

TEST(FlowCase, EveryGoalIsFoundByItsCase) {
  for (const GoalCase& goal : goal_cases()) {
    EXPECT_EQ(goal_of(goal.flow), &goal);
    EXPECT_EQ(parse_flow_case(goal.flow.name()), goal.flow);
    EXPECT_TRUE(goal.ratio_f32 || goal.peak_fraction);
  }
  EXPECT_EQ(goal_of({.dimension = 3}), nullptr);
}

}  // namespace
}  // namespace turnpike
