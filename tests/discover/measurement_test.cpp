#include <turnpike/discover/measurement.h>

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include <turnpike/base/error.h>
#include <turnpike/discover/linear_system.h>
#include <turnpike/math/random.h>

#include "exact_fields.h"

namespace turnpike {
namespace {

Measurement small() {
  Measurement m = {
      .source = "small", .axes = {{"x", {0, 0.5, 1}}, {"t", {0, 0.1, 0.2, 0.3}}}, .fields = {{.name = "u"}}};
  for (int i = 0; i < 12; ++i) m.fields[0].values.push_back(std::sin(i));
  return m;
}

void expect_refusal(const Measurement& measurement, const std::string& words) {
  try {
    check_measurement(measurement);
    FAIL() << "accepted; expected a refusal with: " << words;
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
  }
}

TEST(Measurement, AcceptsWhatIsWhole) {
  EXPECT_NO_THROW(check_measurement(small()));
  EXPECT_EQ(small().count(), 12);
  EXPECT_TRUE(small().time().uniform());
  EXPECT_NEAR(small().time().step(), 0.1, 1e-15);
}

TEST(Measurement, RefusesInOneSentence) {
  Measurement m = small();
  m.axes[0].points = {0, 1, 0.5};
  expect_refusal(m, "axis x does not increase at point 2");
  m = small();
  m.fields[0].values.pop_back();
  expect_refusal(m, "field u has 11 values, its axes have 12 points");
  m = small();
  m.fields[0].values[5] = std::numeric_limits<double>::quiet_NaN();
  expect_refusal(m, "not a number at index 5");
  EXPECT_EQ(mask_holes(m), 1);
  EXPECT_NO_THROW(check_measurement(m));
  m = small();
  m.fields.push_back(m.fields[0]);
  expect_refusal(m, "used twice");
  m = small();
  m.fields[0].name = "u*";
  expect_refusal(m, "cannot stand in a formula");
  m = small();
  m.axes = {};
  expect_refusal(m, "0 axes");
}

TEST(Measurement, AStepOffTheMeanIsNotUniform) {
  EXPECT_FALSE((GridAxis{"x", {0, 1, 2.01, 3}}).uniform());
  EXPECT_TRUE((GridAxis{"x", {0, 1, 2.00001, 3}}).uniform());
}

TEST(Noise, HasTheDeviationItIsAskedFor) {
  Measurement m = {.source = "wave", .axes = {{"t", {}}}, .fields = {{.name = "u"}, {.name = "V", .given = true}}};
  for (int i = 0; i < 40000; ++i) {
    m.axes[0].points.push_back(i);
    m.fields[0].values.push_back(5 + std::sin(0.01 * i));
    m.fields[0].imaginary.push_back(0);
    m.fields[1].values.push_back(1);
  }
  for (NoiseScale scale : {NoiseScale::root_mean_square, NoiseScale::deviation}) {
    Measurement noisy = m;
    add_noise(noisy, 0.5, 3, scale);
    double squares = 0;
    for (std::size_t i = 0; i < 40000; ++i) {
      const double real = noisy.fields[0].values[i] - m.fields[0].values[i], imaginary = noisy.fields[0].imaginary[i];
      squares += real * real + imaginary * imaginary;
    }
    // |u|^2 has mean 25.5, its variance is 0.5 (less than 1 % off: the last period is cut).
    const double expected = 0.5 * std::sqrt(scale == NoiseScale::deviation ? 0.5 : 25.5);
    EXPECT_NEAR(std::sqrt(squares / 40000) / expected, 1, 0.02);
    EXPECT_EQ(noisy.fields[1].values, m.fields[1].values);
  }
}

TEST(Noise, IsSeenAlongTheAxisWhereTheFieldIsSmooth) {
  // Each frame has a size of its own, by chance: rough in time, smooth in space; and the other way round.
  Random random(1);
  std::vector<double> size;
  for (int i = 0; i < 80; ++i) size.push_back(random.normal());
  const std::vector<double> fine = exact::grid(0, 3, 80), coarse = exact::grid(0, 79, 80);
  const auto rough = [&](double place) { return size[static_cast<std::size_t>(std::lround(place))]; };
  Measurement in_time =
      exact::field("frames", fine, coarse, [&](double x, double t) { return std::sin(x) * rough(t); });
  Measurement in_space =
      exact::field("lines", coarse, fine, [&](double x, double t) { return std::sin(t) * rough(x); });
  for (Measurement* m : {&in_time, &in_space}) {
    EXPECT_LT(noise_deviation(*m, m->fields[0]), 1e-9);
    for (double& value : m->fields[0].values) value += 0.01 * random.normal();
    EXPECT_NEAR(noise_deviation(*m, m->fields[0]), 0.01, 0.001);
    m->mask.assign(m->fields[0].values.size(), 1);
    m->mask[100] = 0;
    EXPECT_NEAR(noise_deviation(*m, m->fields[0]), 0.01, 0.001);
  }
}

}  // namespace
}  // namespace turnpike
