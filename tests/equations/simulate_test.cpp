#include <gtest/gtest.h>

#include <cmath>

#include <turnpike/io/npy.h>

#include "../app/engine_process.h"

namespace turnpike {
namespace {

using testing::Finished;
using testing::Workplace;
using Json = nlohmann::ordered_json;

TEST(Simulate, LeavesTheFieldItsAxesAndAPage) {
  const Workplace place;
  const Finished run = place.json({"simulate", "burgers", "n=64", "T=1", "frames=11", "nu=0.5"});
  ASSERT_EQ(run.exit, 0) << run.err;
  EXPECT_EQ(run.err, "");
  const Json result = run.last_json();
  EXPECT_EQ(result.at("schema"), 1);
  EXPECT_EQ(result.at("equation"), "u_t = -u*u_x + 0.5 u_xx");
  EXPECT_EQ(result.at("settings").at("nu"), 0.5);
  EXPECT_LT(result.at("exact_error"), 1e-4);
  EXPECT_EQ(result.at("failure"), nullptr);
  const Json mass = result.at("invariants").at(0);
  EXPECT_NEAR(mass.at("first"), std::sqrt(std::acos(-1.0)), 1e-12);
  EXPECT_NEAR(mass.at("last"), mass.at("first"), 1e-12);
  const auto arrays = read_npz(place.path() / result.at("data").get<std::string>());
  ASSERT_EQ(arrays.size(), 3u);
  EXPECT_EQ(arrays.at("u").shape, (std::vector<std::int64_t>{64, 11}));
  EXPECT_EQ(to_doubles(arrays.at("t"))[10], 1);
  EXPECT_EQ(to_doubles(arrays.at("x"))[0], -8);
  EXPECT_NEAR(to_doubles(arrays.at("u"))[24 * 11], 1, 1e-15);  // the pulse stands at -2
  const auto report = place.path() / result.at("report").get<std::string>();
  EXPECT_NE(testing::text_of(report).find("Exact solution"), std::string::npos);
  for (const char* file : {"figures/field.svg", "figures/laws.svg", "config.toml", "result.json", "manifest.json"})
    EXPECT_TRUE(std::filesystem::exists(report.parent_path() / file)) << file;
  // The same from what it recorded.
  const Finished again =
      place.json({"simulate", "burgers", "--config", (report.parent_path() / "config.toml").string()});
  EXPECT_EQ(again.last_json().at("settings"), result.at("settings"));
}

TEST(Simulate, ComplexGivenAndPlaneFields) {
  const Workplace place;
  const Json schrodinger = place.json({"simulate", "schrodinger", "n=64", "T=0.5", "frames=6"}).last_json();
  const auto arrays = read_npz(place.path() / schrodinger.at("data").get<std::string>());
  EXPECT_TRUE(is_complex(arrays.at("u").dtype));
  EXPECT_EQ(arrays.at("V").shape, (std::vector<std::int64_t>{64}));
  const Json plane = place.json({"simulate", "shear_layer", "n=32", "T=0.2", "frames=3"}).last_json();
  const auto flow = read_npz(place.path() / plane.at("data").get<std::string>());
  for (const char* name : {"w", "u", "v"}) EXPECT_EQ(flow.at(name).shape, (std::vector<std::int64_t>{32, 32, 3}));
  const Json point = place.json({"simulate", "oscillator"}).last_json();
  EXPECT_EQ(read_npz(place.path() / point.at("data").get<std::string>()).at("x_t").shape.size(), 1u);
}

TEST(Simulate, VelocitiesThatAreGivenMoveWithTheirVorticity) {
  const Workplace place;
  const Json plane =
      place.json({"simulate", "shear_layer", "n=48", "T=4", "frames=41", "Re=100", "kick=0.3"}).last_json();
  const auto found = [&](const std::string& given) {
    return place
        .json({"discover", plane.at("data").get<std::string>(), "--axes", "x,y,t", "--field", "w", "--given", given,
               "degree=2", "derivatives=2", "resamples=0", "report=false"})
        .last_json();
  };
  const Json right = found("u,v");
  ASSERT_TRUE(right.at("found")) << right;
  EXPECT_EQ(right.at("terms").size(), 4u) << right.at("equation");
  EXPECT_LT(right.at("simulation_error"), 1e-3);
  const Json turned = found("v,u");
  ASSERT_TRUE(turned.at("found")) << turned;
  EXPECT_NE(turned.at("simulation").at("refused").get<std::string>().find("not the velocity"), std::string::npos);
}

TEST(Simulate, WhatItSimulatesIsDiscovered) {
  const Workplace place;
  const Json run = place.json({"simulate", "heat"}).last_json();
  const Json found = place.json({"discover", run.at("data").get<std::string>(), "report=false"}).last_json();
  EXPECT_EQ(found.at("equation"), "u_t = 0.2000 u_xx");
}

TEST(Simulate, ListHelpAndMistakes) {
  const Workplace place;
  const Finished list = place.run({"simulate", "--list"});
  EXPECT_NE(list.out.find("u_t = -u*u_x - u_xx - u_xxxx"), std::string::npos);
  EXPECT_EQ(place.json({"simulate", "--list"}).last_json().at("simulators").size(), 14u);
  EXPECT_NE(place.run({"simulate", "kdv", "--help"}).out.find("speed of the first soliton"), std::string::npos);
  const std::vector<std::pair<std::vector<std::string>, const char*>> mistakes = {
      {{"simulate"}, "which equation?"},
      {{"simulate", "burger"}, "did you mean 'burgers'?"},
      {{"simulate", "kdv", "burgers"}, "one simulator at a time"},
      {{"simulate", "burgers", "nu=-1"}, "nu must be > 0"},
      {{"simulate", "burgers", "low=9"}, "low must be below high"},
  };
  for (const auto& [words, text] : mistakes) {
    const Finished run = place.run(words);
    EXPECT_EQ(run.exit, 2);
    EXPECT_NE(run.err.find(text), std::string::npos) << run.err;
  }
}

TEST(Simulate, ABrokenRunKeepsWhatCameBefore) {
  const Workplace place;
  // Waves so fast that no step follows them.
  const Finished run = place.run({"simulate", "wave", "n=16", "speed=1e9", "T=1", "frames=3"});
  EXPECT_EQ(run.exit, 1) << run.out;
  EXPECT_NE(run.err.find("what came before it is in"), std::string::npos) << run.err;
}

}  // namespace
}  // namespace turnpike
