// Where the real data lie: $TURNPIKE_DATA, or shared/data beside the source tree. Tests that need them are of the class
// RealData.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <iostream>

#include <gtest/gtest.h>

namespace turnpike::testing {

class RealDataTest : public ::testing::Test {
 protected:
  std::filesystem::path folder;

  void SetUp() override {
    const char* set = std::getenv("TURNPIKE_DATA");
    // This file is <source>/tests/io/real_data.h.
    const auto source = std::filesystem::path(__FILE__).lexically_normal().parent_path().parent_path().parent_path();
    folder = set ? std::filesystem::path(set) : source.parent_path() / "shared" / "data";
    if (!std::filesystem::is_directory(folder)) {
      std::cout << "did not run: no data in " << folder << "; set TURNPIKE_DATA\n";
      GTEST_SKIP();
    }
  }
};

}  // namespace turnpike::testing
