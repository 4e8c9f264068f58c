#include "../io/real_data.h"

#include <map>

#include "../app/engine_process.h"

namespace turnpike {
namespace {

// The published fields, as they are: axes found, complex storage seen through, the equation found and simulated.
class RealData : public testing::RealDataTest {
 protected:
  void expect(const std::string& file, const std::map<std::string, double>& truth, double simulation_error) const {
    const testing::Workplace place;
    const testing::Finished run = place.json({"discover", (folder / "pde" / file).string()});
    ASSERT_EQ(run.exit, 0) << run.err;
    const auto result = run.last_json();
    ASSERT_EQ(result.at("terms").size(), truth.size()) << result.at("equation");
    for (const auto& term : result.at("terms")) {
      ASSERT_TRUE(truth.contains(term.at("term"))) << term;
      EXPECT_NEAR(term.at("coefficient"), truth.at(term.at("term")), 1e-4 * std::abs(truth.at(term.at("term"))));
    }
    EXPECT_LT(result.at("simulation_error"), simulation_error);
  }
};

TEST_F(RealData, Burgers) {
  expect("burgers.mat", {{"usol*usol_x", -1}, {"usol_xx", 0.1}}, 1e-5);
}

TEST_F(RealData, KortewegDeVries) {
  expect("kdv.mat", {{"usol*usol_x", -6}, {"usol_xxx", -1}}, 1e-3);
}

// Chaotic: the error of the simulation grows by five orders over the record.
TEST_F(RealData, KuramotoSivashinsky) {
  expect("kuramoto_sivishinky.mat", {{"uu*uu_x", -1}, {"uu_xx", -1}, {"uu_xxxx", -1}}, 0.02);
}

// Against narrow test functions the third derivative is noise alone then: they refute nothing.
TEST_F(RealData, KortewegDeVriesUnderAsMuchNoiseAsSignal) {
  for (const char* seed : {"537881881", "356532938", "750232085", "29992171"}) {
    const testing::Workplace place;
    const testing::Finished run =
        place.json({"discover", (folder / "pde" / "kdv.mat").string(), "--noise", "1", "--seed", seed, "degree=2",
                    "derivatives=3", "resamples=0", "simulate=false", "report=false"});
    ASSERT_EQ(run.exit, 0) << run.err;
    const auto terms = run.last_json().at("terms");
    ASSERT_EQ(terms.size(), 2u) << run.last_json().at("equation");
    EXPECT_EQ(terms[0].at("term"), "usol*usol_x");
    EXPECT_EQ(terms[1].at("term"), "usol_xxx");
  }
}

}  // namespace
}  // namespace turnpike
