#include <turnpike/core/tensor.h>

#include <fmt/format.h>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

std::string dtype_text(c10::ScalarType dtype) {
  switch (dtype) {
    case c10::ScalarType::Half: return "float16";
    case c10::ScalarType::BFloat16: return "bfloat16";
    case c10::ScalarType::Float: return "float32";
    case c10::ScalarType::Double: return "float64";
    case c10::ScalarType::Byte: return "uint8";
    case c10::ScalarType::Char: return "int8";
    case c10::ScalarType::Short: return "int16";
    case c10::ScalarType::Int: return "int32";
    case c10::ScalarType::Long: return "int64";
    case c10::ScalarType::Bool: return "bool";
    default: return c10::toString(dtype);
  }
}

// "[N, 3]": free sizes, those below 0, are shown as N.
std::string sizes_text(at::IntArrayRef sizes) {
  std::string text;
  for (std::int64_t size : sizes) text += (text.empty() ? "" : ", ") + (size < 0 ? "N" : std::to_string(size));
  return "[" + text + "]";
}

}  // namespace

std::string describe(const Tensor& tensor) {
  if (!tensor.defined()) return "undefined";
  return sizes_text(tensor.sizes()) + " " + dtype_text(tensor.scalar_type());
}

void require_shape(const Tensor& tensor, at::IntArrayRef expected, const std::string& name) {
  bool agrees = tensor.defined() && tensor.dim() == static_cast<std::int64_t>(expected.size());
  for (std::size_t i = 0; agrees && i < expected.size(); ++i)
    agrees = expected[i] < 0 || expected[i] == tensor.size(static_cast<std::int64_t>(i));
  if (!agrees) throw ContractError(fmt::format("{} must be {}, got {}", name, sizes_text(expected), describe(tensor)));
}

}  // namespace turnpike
