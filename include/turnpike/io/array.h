// A dense array as plain data: what the readers give and the writers take. Row-major (C order), little endian.
//
//   Array a = array_of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
//   std::vector<double> values = to_doubles(a);
#pragma once

#include <complex>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace turnpike {

enum class DType { boolean, u8, u16, u32, u64, i8, i16, i32, i64, f16, bf16, f32, f64, c64, c128 };

std::size_t size_of(DType dtype);  // bytes an element
const char* name_of(DType dtype);  // "float32"
bool is_floating(DType dtype);
bool is_complex(DType dtype);

struct Array {
  std::vector<std::int64_t> shape;  // {} is a scalar: one element
  DType dtype = DType::f32;
  std::vector<std::byte> bytes;  // count() * size_of(dtype)

  std::int64_t count() const;  // product of the shape
};

std::string shape_text(std::span<const std::int64_t> shape);  // "[60000, 28, 28]"

// Bytes of an array of that shape, or -1 if an entry is negative or the product leaves 63 bits.
std::int64_t checked_bytes(std::span<const std::int64_t> shape, DType dtype);

// Every element as a double. Exact but for 64-bit integers beyond 2^53. ContractError for complex numbers.
std::vector<double> to_doubles(const Array& array);

// Every element as a complex number, real ones too.
std::vector<std::complex<double>> to_complex(const Array& array);

// Every element as an integer. InputError naming `source` if one has a fraction or does not fit.
std::vector<std::int64_t> to_integers(const Array& array, const std::string& source);

template <class T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<bool>() {
  return DType::boolean;
}
template <>
constexpr DType dtype_of<std::uint8_t>() {
  return DType::u8;
}
template <>
constexpr DType dtype_of<std::int32_t>() {
  return DType::i32;
}
template <>
constexpr DType dtype_of<std::int64_t>() {
  return DType::i64;
}
template <>
constexpr DType dtype_of<float>() {
  return DType::f32;
}
template <>
constexpr DType dtype_of<double>() {
  return DType::f64;
}
template <>
constexpr DType dtype_of<std::complex<double>>() {
  return DType::c128;
}

// ContractError if the number of values is not the product of the shape.
Array array_of_bytes(std::vector<std::int64_t> shape, DType dtype, const void* values, std::size_t n_bytes);

template <class T>
Array array_of(std::vector<std::int64_t> shape, const std::vector<T>& values) {
  return array_of_bytes(std::move(shape), dtype_of<T>(), values.data(), values.size() * sizeof(T));
}

}  // namespace turnpike
