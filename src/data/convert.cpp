#include <turnpike/data/convert.h>

#include <torch/types.h>

#include <memory>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

c10::ScalarType scalar_type_of(DType dtype) {
  switch (dtype) {
    case DType::boolean: return torch::kBool;
    case DType::u8: return torch::kByte;
    case DType::i8: return torch::kChar;
    case DType::i16: return torch::kShort;
    case DType::i32: return torch::kInt;
    case DType::i64: return torch::kLong;
    case DType::f16: return torch::kHalf;
    case DType::bf16: return torch::kBFloat16;
    case DType::f32: return torch::kFloat;
    case DType::f64: return torch::kDouble;
    default: throw ContractError("libtorch has no " + std::string(name_of(dtype)));
  }
}

DType dtype_of_tensor(const Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case torch::kBool: return DType::boolean;
    case torch::kByte: return DType::u8;
    case torch::kChar: return DType::i8;
    case torch::kShort: return DType::i16;
    case torch::kInt: return DType::i32;
    case torch::kLong: return DType::i64;
    case torch::kHalf: return DType::f16;
    case torch::kBFloat16: return DType::bf16;
    case torch::kFloat: return DType::f32;
    case torch::kDouble: return DType::f64;
    default: throw ContractError("no array can hold " + describe(tensor));
  }
}

}  // namespace

Tensor tensor_of(Array array) {
  if (array.dtype == DType::u16 || array.dtype == DType::u32 || array.dtype == DType::u64) {
    array = array_of<std::int64_t>(array.shape, to_integers(array, "the array"));
  }
  auto owner = std::make_shared<Array>(std::move(array));
  return torch::from_blob(
      owner->bytes.data(), owner->shape, [owner](void*) {}, scalar_type_of(owner->dtype));
}

Array array_of(const Tensor& tensor) {
  const Tensor plain = tensor.detach().cpu().contiguous();
  return array_of_bytes(plain.sizes().vec(), dtype_of_tensor(plain), plain.data_ptr(), plain.nbytes());
}

}  // namespace turnpike
