// What the built-in fields share: reading matrices out of the flat control, and norms for their Lipschitz bounds.
#pragma once

#include <string>

#include <turnpike/flow/fields.h>

namespace turnpike {

Tensor random_normal(std::int64_t rows, std::int64_t cols, double deviation, Random& random);  // float64

// Reads u front to back: matrix(r, c) and vector(n) are views of the next entries.
class ControlReader {
 public:
  explicit ControlReader(const Tensor& u) : u_(u) {}
  Tensor matrix(std::int64_t rows, std::int64_t cols) {
    const Tensor view = u_.narrow(0, position_, rows * cols).view({rows, cols});
    position_ += rows * cols;
    return view;
  }
  Tensor vector(std::int64_t size) {
    const Tensor view = u_.narrow(0, position_, size);
    position_ += size;
    return view;
  }

 private:
  const Tensor& u_;
  std::int64_t position_ = 0;
};

double operator_norm(const Tensor& matrix);  // largest singular value

// TorchScript for sigma applied to `x`.
inline std::string script_of(Activation kind) {
  return facts_of(kind).torchscript;
}

}  // namespace turnpike
