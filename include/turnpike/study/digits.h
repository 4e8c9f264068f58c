// Handwritten digits for studies: MNIST where TURNPIKE_DATA (default ../shared/data beside the checkout) holds it, and
// digits drawn by the generator "digits" (data/generators.h) where it does not, so that every study runs everywhere.
//
//   const DigitImages digits = digit_images(1000, 500, study.seed());
//   digits.train_x;    // [1000, 784] float64 in [0, 1], row by row of the 28 x 28 image
//   digits.source;     // "MNIST" or "drawn digits": goes into the report's method
//
// The rows are the first of a seeded shuffle of each part. InputError where a part has fewer rows than asked for.
#pragma once

#include <cstdint>
#include <string>

#include <turnpike/core/tensor.h>

namespace turnpike {

struct DigitImages {
  Tensor train_x, test_x;  // [n, 784] float64
  Tensor train_y, test_y;  // [n] int64, 0 .. 9
  std::string source;
  bool real = false;  // MNIST
};

DigitImages digit_images(std::int64_t n_train, std::int64_t n_test, std::uint64_t seed);

}  // namespace turnpike
