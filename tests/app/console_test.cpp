#include "console.h"

#include <gtest/gtest.h>

#include <csignal>
#include <regex>

namespace turnpike {
namespace {

// A console on a string, with a clock that the test winds.
struct Stage {
  std::string out;
  double now = 100;
  Console console;
  explicit Stage(Console::Look look)
      : console(
            std::move(look), [this](std::string_view text) { out += text; }, [this] { return now; }) {}
};

Console::Look live(int width = 80, bool colour = false) {
  return {.quiet = false, .live = true, .colour = colour, .width = [width] { return width; }};
}

Console::Look plain() {
  return {.quiet = false, .live = false, .colour = false, .width = {}};
}

TEST(Console, QuietIsSilent) {
  Stage stage({.quiet = true, .live = true, .colour = true, .width = [] { return 80; }});
  stage.console.update("epoch", 1, 1, "");
  stage.console.note("a line");
  EXPECT_EQ(stage.out, "");
}

TEST(Console, InAPipeALineEveryTwoSecondsAndTheLast) {
  Stage stage(plain());
  for (int i = 0; i <= 50; ++i, stage.now += 0.125) stage.console.update("epoch", i, 50, "loss 0.5");
  EXPECT_EQ(stage.out,
            "epoch 16/50  32 %  loss 0.5  8/s  4 s left\n"
            "epoch 32/50  64 %  loss 0.5  8/s  2 s left\n"
            "epoch 48/50  96 %  loss 0.5  8/s  0 s left\n"
            "epoch 50/50  100 %  loss 0.5  8/s\n");
  stage.out.clear();
  stage.console.note("done");
  EXPECT_EQ(stage.out, "done\n");
}

TEST(Console, AnUnknownTotalHasNoPercentage) {
  Stage stage(plain());
  stage.console.update("step", 0, 0, "");
  stage.now += 4;
  stage.console.update("step", 2, 0, "");
  EXPECT_EQ(stage.out, "step 2  0.5/s\n");
}

TEST(Console, RateStartsAnewWithEachPhase) {
  Stage stage(plain());
  stage.console.update("epoch", 0, 10, "");
  stage.now += 100;
  stage.console.update("polish", 5, 10, "");
  stage.now += 5;
  stage.console.update("polish", 10, 10, "");
  EXPECT_NE(stage.out.find("polish 10/10  100 %  1/s"), std::string::npos) << stage.out;
}

TEST(Console, TheLiveLineIsRewrittenAndLeavesNothing) {
  {
    std::string out;
    Console console(
        live(), [&](std::string_view text) { out += text; }, [] { return 0.0; });
    console.update("epoch", 10, 10, "");
    EXPECT_EQ(out, "\r\033[Kepoch 10/10  100 %");
    out.clear();
    console.note("a line");
    EXPECT_EQ(out, "\r\033[Ka line\n\r\033[Kepoch 10/10  100 %");
  }
  Stage stage(live());
  for (int i = 0; i < 10; ++i, stage.now += 0.01) stage.console.update("epoch", i, 100, "");
  EXPECT_EQ(stage.out, "") << "at most ten drawings a second";
}

TEST(Console, TheLiveLineKeepsToTheWidth) {
  Stage stage(live(12));
  stage.console.update("époque", 10, 10, "loss");
  EXPECT_EQ(stage.out, "\r\033[Képoque 10/1");  // eleven characters, twelve bytes
}

TEST(Console, ColourOnlyWhereAsked) {
  Stage stage(live(80, true));
  stage.console.update("epoch", 1, 1, "");
  EXPECT_EQ(stage.out, "\r\033[K\033[1mepoch\033[0m 1/1  100 %");
}

TEST(Console, Durations) {
  EXPECT_EQ(duration_text(-1), "0 s");
  EXPECT_EQ(duration_text(36.4), "36 s");
  EXPECT_EQ(duration_text(250), "4 min 10 s");
  EXPECT_EQ(duration_text(7500), "2 h 5 min");
}

TEST(Signals, TheFirstInterruptAsksTheSecondKills) {
  EXPECT_EXIT(
      {
        install_signal_handlers(false);
        std::raise(SIGINT);
        if (!stop_requested()) std::exit(7);
        std::raise(SIGINT);
        std::exit(8);
      },
      testing::KilledBySignal(SIGINT), "stopping and saving");
}

}  // namespace
}  // namespace turnpike
