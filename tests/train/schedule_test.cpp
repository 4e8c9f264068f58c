#include <gtest/gtest.h>

#include <turnpike/base/error.h>
#include <turnpike/train/early_stopping.h>
#include <turnpike/train/schedule.h>
#include <cmath>

namespace turnpike {
namespace {

TEST(Schedule, FollowsItsFormula) {
  const Schedule constant, cosine{.kind = ScheduleKind::cosine, .floor = 0.1},
      step{.kind = ScheduleKind::step, .decay = 0.1, .every = 60},
      exponential{.kind = ScheduleKind::exponential, .decay = 0.5};
  EXPECT_EQ(constant.rate(0.3, 17, 100), 0.3);
  EXPECT_DOUBLE_EQ(cosine.rate(2, 0, 100), 2);
  EXPECT_DOUBLE_EQ(cosine.rate(2, 50, 100), 2 * 0.55);
  EXPECT_NEAR(cosine.rate(2, 100, 100), 0.2, 1e-15);
  EXPECT_DOUBLE_EQ(step.rate(0.1, 59, 160), 0.1);
  EXPECT_DOUBLE_EQ(step.rate(0.1, 60, 160), 0.01);
  EXPECT_DOUBLE_EQ(step.rate(0.1, 120, 160), 0.001);
  EXPECT_DOUBLE_EQ(exponential.rate(8, 3, 10), 1);
  for (const std::string& name : schedule_names()) EXPECT_EQ(name_of(schedule_named(name)), name);
  EXPECT_THROW(schedule_named("cosin"), InputError);
}

TEST(EarlyStopping, CountsFromTheBestEpoch) {
  EarlyStopping stopping;
  const double losses[] = {3, 2, 2, std::nan(""), 2.5};
  const bool expected[] = {true, true, false, false, false};
  for (int e = 0; e < 5; ++e) EXPECT_EQ(stopping.better(losses[e], e + 1), expected[e]);
  EXPECT_EQ(stopping.best_epoch, 2);
  EXPECT_TRUE(stopping.exhausted(3, 5));
  EXPECT_FALSE(stopping.exhausted(4, 5));
  EXPECT_FALSE(stopping.exhausted(0, 500));
}

}  // namespace
}  // namespace turnpike
