#include <turnpike/study/digits.h>

#include <torch/types.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include <io/expect.h>

namespace turnpike {
namespace {

namespace fs = std::filesystem;
using testing::expect_input_error;

// TURNPIKE_DATA is another folder while a test runs.
class DigitImagesTest : public ::testing::Test {
 protected:
  fs::path folder;

  void SetUp() override {
    if (const char* set = std::getenv("TURNPIKE_DATA")) before_ = set;
    folder = fs::temp_directory_path() / "turnpike_digit_images_test";
    fs::remove_all(folder);
    ::setenv("TURNPIKE_DATA", folder.c_str(), 1);
  }
  void TearDown() override {
    fs::remove_all(folder);
    if (before_)
      ::setenv("TURNPIKE_DATA", before_->c_str(), 1);
    else
      ::unsetenv("TURNPIKE_DATA");
  }

  // IDX files of n images whose every pixel is `first` + their number; labels count modulo 10.
  void write_part(const std::string& name, int n, int first) {
    fs::create_directories(folder / "mnist");
    const char count = static_cast<char>(n), side = 28;
    std::ofstream images(folder / "mnist" / (name + "-images-idx3-ubyte"), std::ios::binary),
        labels(folder / "mnist" / (name + "-labels-idx1-ubyte"), std::ios::binary);
    images.write("\0\0\x08\x03\0\0\0", 7).put(count).write("\0\0\0", 3).put(side).write("\0\0\0", 3).put(side);
    labels.write("\0\0\x08\x01\0\0\0", 7).put(count);
    for (int i = 0; i < n; ++i) {
      images << std::string(784, static_cast<char>(first + i));
      labels.put(static_cast<char>(i % 10));
    }
  }

 private:
  std::optional<std::string> before_;
};

TEST_F(DigitImagesTest, AreDrawnWhereThereIsNoMnist) {
  const DigitImages digits = digit_images(30, 20, 1);
  EXPECT_FALSE(digits.real);
  EXPECT_EQ(digits.source, "drawn digits");
  EXPECT_EQ(digits.train_x.sizes(), (std::vector<std::int64_t>{30, 784}));
  EXPECT_EQ(digits.test_x.sizes(), (std::vector<std::int64_t>{20, 784}));
  EXPECT_EQ(digits.train_y.scalar_type(), torch::kLong);
  EXPECT_EQ(digits.test_y.sizes(), (std::vector<std::int64_t>{20}));
  const DigitImages again = digit_images(30, 20, 1), other = digit_images(30, 20, 2);
  EXPECT_TRUE(torch::equal(digits.train_x, again.train_x) && torch::equal(digits.test_y, again.test_y));
  EXPECT_FALSE(torch::equal(digits.train_x, other.train_x));
  // No image is in both parts.
  EXPECT_GT(torch::cdist(digits.train_x, digits.test_x).min().item<double>(), 0.5);
  EXPECT_EQ(digit_images(3, 0, 1).train_x.size(0), 3);
}

TEST_F(DigitImagesTest, AreMnistsWhereItLies) {
  write_part("train", 40, 100);
  write_part("t10k", 10, 200);
  const DigitImages digits = digit_images(40, 10, 1);
  EXPECT_TRUE(digits.real);
  EXPECT_EQ(digits.source, "MNIST");
  // Every image once, scaled by 1/255, with its own label; the parts stay apart.
  const Tensor train = torch::round(digits.train_x.select(1, 300) * 255).to(torch::kLong) - 100,
               test = torch::round(digits.test_x.select(1, 300) * 255).to(torch::kLong) - 200;
  EXPECT_TRUE(torch::equal(std::get<0>(train.sort()), torch::arange(40)));
  EXPECT_TRUE(torch::equal(std::get<0>(test.sort()), torch::arange(10)));
  EXPECT_TRUE(torch::equal(train.remainder(10), digits.train_y));
  EXPECT_TRUE(torch::equal(test.remainder(10), digits.test_y));
  EXPECT_FALSE(torch::equal(digits.train_x, digit_images(40, 10, 2).train_x));  // another order
}

TEST_F(DigitImagesTest, RefuseMoreThanThereAre) {
  write_part("train", 40, 100);
  write_part("t10k", 10, 200);
  expect_input_error([] { digit_images(41, 1, 1); }, {"41 digits", "training part", "40 images"});
  expect_input_error([] { digit_images(1, 11, 1); }, {"11 digits", "test part", "10 images"});
  expect_input_error([] { digit_images(-1, 5, 1); }, {"must not be negative"});
}

}  // namespace
}  // namespace turnpike
