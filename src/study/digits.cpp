#include <turnpike/study/digits.h>

#include <torch/types.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <set>

#include <fmt/format.h>

#include <turnpike/base/error.h>
#include <turnpike/base/seed.h>
#include <turnpike/data/generators.h>
#include <turnpike/data/read.h>
#include <turnpike/math/random.h>

namespace turnpike {
namespace {

// The folder of MNIST's four files; empty where there is none.
std::filesystem::path mnist_folder() {
  const char* set = std::getenv("TURNPIKE_DATA");
  const std::filesystem::path folder = (set ? std::filesystem::path(set) : "../shared/data") / "mnist";
  std::error_code ignored;
  return std::filesystem::is_directory(folder, ignored) ? folder : std::filesystem::path();
}

// The first n rows of a seeded shuffle.
std::vector<std::int64_t> some(std::vector<std::int64_t> rows, std::int64_t n, std::uint64_t seed, const char* part) {
  if (n > std::ssize(rows))
    throw InputError(
        fmt::format("{} digits are asked for as the {} part, which has {} images", n, part, std::ssize(rows)));
  Random random(seed_for(seed, fmt::format("digits, {} part", part)));
  std::vector<std::int64_t> chosen;
  for (const std::int64_t at : random.permutation(std::ssize(rows))) {
    if (std::ssize(chosen) == n) break;
    chosen.push_back(rows[static_cast<std::size_t>(at)]);
  }
  return chosen;
}

}  // namespace

DigitImages digit_images(std::int64_t n_train, std::int64_t n_test, std::uint64_t seed) {
  if (n_train < 0 || n_test < 0)
    throw InputError(fmt::format("the numbers of digits must not be negative, got {} and {}", n_train, n_test));
  Dataset data;
  std::vector<std::int64_t> train, test;
  const std::filesystem::path folder = mnist_folder();
  if (!folder.empty()) {
    Loaded loaded = read_dataset(folder);
    test = std::move(loaded.split.test);
    const std::set<std::int64_t> held_out(test.begin(), test.end());
    for (std::int64_t i = 0; i < loaded.data.size(); ++i)
      if (!held_out.contains(i)) train.push_back(i);
    data = std::move(loaded.data);
  } else {
    constexpr std::int64_t least = 10;  // that the generator makes
    data = generate("digits", std::max(least, n_train + n_test), -1, seed_for(seed, "drawn digits"));
    train.resize(static_cast<std::size_t>(n_train));
    std::iota(train.begin(), train.end(), std::int64_t{0});
    test.resize(static_cast<std::size_t>(n_test));
    std::iota(test.begin(), test.end(), n_train);
  }
  const Batch first = data.batch(some(std::move(train), n_train, seed, "training"), torch::kDouble),
              second = data.batch(some(std::move(test), n_test, seed, "test"), torch::kDouble);
  return {.train_x = first.x,
          .test_x = second.x,
          .train_y = first.y,
          .test_y = second.y,
          .source = folder.empty() ? "drawn digits" : "MNIST",
          .real = !folder.empty()};
}

}  // namespace turnpike
